//! `create`: the request in, calls out.

use super::settings::Settings;
use super::{Kairos, order};
use crate::room::{Answer, Halt, Request, Visit};

/// Which of the five create endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    RealTime,
    Bulk,
    Dialer,
    EncryptedRealTime,
    EncryptedDialer,
}

impl Kind {
    pub(super) fn is_encrypted(self) -> bool {
        matches!(self, Kind::EncryptedRealTime | Kind::EncryptedDialer)
    }

    pub(super) fn is_dialer(self) -> bool {
        matches!(self, Kind::Dialer | Kind::EncryptedDialer)
    }
}

impl Kairos {
    pub(super) fn create(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        kind: Kind,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        let opened = self.open(request, kind, settings);
        // The ledger files each call under its own identifier, before anything is judged.
        let outline = opened
            .as_ref()
            .map(|opened| order::outline(&opened.json))
            .unwrap_or_default();
        for (identifier, number) in &outline {
            visit.request_for("call", identifier, number.as_deref(), &[]);
        }
        if let [(identifier, number)] = outline.as_slice() {
            visit.reference(identifier.as_str());
            if let Some(number) = number {
                visit.number(number.as_str());
            }
        }
        visit.begin("create")?;
        let limit = if kind == Kind::Bulk {
            settings.bulk_rate_per_minute
        } else {
            settings.rate_per_minute
        };
        if !self.within_rate(visit, limit) {
            visit.near_miss(format!("{limit} requests per minute are allowed"));
            return Ok(Answer::text(429, "too many requests"));
        }
        if request.body.len() > settings.body_limit {
            visit.near_miss(format!(
                "the body has {} bytes; {} are the most (setting `body_limit`)",
                request.body.len(),
                settings.body_limit
            ));
            return Ok(Answer::text(413, "too large"));
        }
        let done = self
            .known_address(request, settings)
            .and(opened)
            .and_then(|opened| self.judge(visit, request, kind, &opened, settings))
            .and_then(|(flow, calls)| self.place(visit, flow, calls, settings));
        Ok(match done {
            Ok((request_id, fates)) => self.report(visit, kind, &request_id, &fates, settings),
            Err(refusal) => {
                for (identifier, _) in &outline {
                    visit.refuse_of(identifier, &format!("code {}", refusal.code));
                }
                visit.near_miss(refusal.why);
                match (kind, refusal.code) {
                    (Kind::Bulk, 401) => Answer::text(403, "Forbidden"),
                    (_, code) => self.coded(visit, code, settings),
                }
            }
        })
    }
}
