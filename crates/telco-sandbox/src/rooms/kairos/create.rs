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
        if let Err(answer) = self.at_the_door(visit, request, kind, settings) {
            for (identifier, _) in &outline {
                visit.refuse_of(identifier, &format!("HTTP {}", answer.status));
            }
            return Ok(answer);
        }
        let done = opened
            .and_then(|opened| self.judge(visit, request, kind, &opened, settings))
            .and_then(|(flow, calls)| self.place(visit, flow, calls, settings));
        Ok(match done {
            Ok((request_id, fates)) => self.report(visit, kind, &request_id, &fates, settings),
            Err(refusal) => {
                for (identifier, _) in &outline {
                    visit.refuse_of(identifier, &format!("code {}", refusal.code));
                }
                visit.near_miss(refusal.why);
                self.coded(visit, refusal.code, settings)
            }
        })
    }
}
