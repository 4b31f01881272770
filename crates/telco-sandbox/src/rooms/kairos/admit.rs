//! Everything up to the calls themselves: version, flow, security-id, endpoint, checksum.

use super::create::Kind;
use super::open::Opened;
use super::order::{self, Call, Head};
use super::settings::{ChecksumOver, Scripted, Settings, scripted};
use super::{FlowId, Kairos, Refusal, listed};
use crate::room::{Answer, Request, Visit};

/// Every endpoint takes JSON and is told so (documented); `Err` is the answer to another `Content-Type`.
pub(super) fn says_json(
    visit: &mut Visit<'_>,
    request: &Request,
    settings: &Settings,
) -> Result<(), Answer> {
    let content_type = request.header("content-type").unwrap_or("");
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    if !settings.content_type_required || media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    visit.near_miss("`Content-Type` is not application/json (setting `content_type_required`)");
    Err(Answer::text(415, "unsupported media type"))
}

impl Kairos {
    /// What is looked at before the request is read: where it comes from, how many came, its kind and size.
    /// `Err` is the answer.
    pub(super) fn at_the_door(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        kind: Kind,
        settings: &Settings,
    ) -> Result<(), Answer> {
        let (list, name, limit) = match kind {
            // The bulk host has a list of its own: the account's is not used there (documented).
            Kind::Bulk => (
                &settings.bulk_allowed_ips,
                "bulk_allowed_ips",
                settings.bulk_rate_per_minute,
            ),
            _ => (
                &settings.allowed_ips,
                "allowed_ips",
                settings.rate_per_minute,
            ),
        };
        if let Err(refusal) = listed(request, list, name) {
            visit.near_miss(refusal.why);
            return Err(match kind {
                Kind::Bulk => Answer::text(403, "Forbidden"),
                _ => self.coded(visit, refusal.code, settings),
            });
        }
        if !self.within_rate(visit.now_ms(), kind, limit) {
            visit.near_miss(format!("{limit} requests per minute are allowed"));
            return Err(Answer::text(429, "too many requests"));
        }
        says_json(visit, request, settings)?;
        if request.body.len() > settings.body_limit {
            visit.near_miss(format!(
                "the body has {} bytes; {} are the most (setting `body_limit`)",
                request.body.len(),
                settings.body_limit
            ));
            return Err(Answer::text(413, "too large"));
        }
        Ok(())
    }

    /// Counts a request; `false` when its host's minute is full.
    fn within_rate(&self, now_ms: u64, kind: Kind, limit: u64) -> bool {
        let mut state = self.state();
        let minute = match kind {
            Kind::Bulk => &mut state.bulk_minute,
            _ => &mut state.real_time_minute,
        };
        let now = now_ms / 60_000;
        if minute.0 != now {
            *minute = (now, 0);
        }
        minute.1 = minute.1.saturating_add(1);
        limit == 0 || minute.1 <= limit
    }

    /// Everything up to the calls themselves.
    pub(super) fn judge(
        &self,
        visit: &Visit<'_>,
        request: &Request,
        kind: Kind,
        opened: &Opened,
        settings: &Settings,
    ) -> Result<(&FlowId, Vec<Call>), Refusal> {
        let head = order::head(&opened.json);
        let flow = self.flow(kind, &head, opened.outer_flow.as_deref(), settings)?;
        let bytes = match settings.checksum_over {
            ChecksumOver::Decrypted => opened.text.as_bytes(),
            ChecksumOver::Body => &request.body,
        };
        if !visit.quirk("forgetful") && !self.is_new(flow, bytes, visit.now_ms(), settings) {
            return Err(Refusal::new(
                201,
                "these very bytes came before; to repeat on purpose change start-time or a client-identifier",
            ));
        }
        let now = i64::try_from(visit.now_ms()).unwrap_or(i64::MAX);
        let calls = order::calls(&opened.json, now, settings)?;
        // A scenario number asks for a code for everybody.
        let asked = calls
            .iter()
            .flat_map(|call| &call.numbers)
            .find_map(|number| match scripted(number) {
                Some(Scripted::Request(code)) => Some(code),
                _ => None,
            });
        match asked {
            Some(code) => Err(Refusal::new(
                code,
                "a number asks for this code (see the scenarios)",
            )),
            None => Ok((flow, calls)),
        }
    }

    fn flow(
        &self,
        kind: Kind,
        head: &Head,
        outer: Option<&str>,
        settings: &Settings,
    ) -> Result<&FlowId, Refusal> {
        match head.version.as_deref() {
            Some("1.0" | "TEST") => {}
            Some(_) => return Err(Refusal::new(203, "`api-version` is \"1.0\" (or \"TEST\")")),
            None => {
                return Err(Refusal::new(
                    210,
                    "`api-version` is missing or not a string",
                ));
            }
        }
        let (Some(flow_id), Some(security_id)) = (&head.flow_id, &head.security_id) else {
            return Err(Refusal::new(
                210,
                "`flow-id` or `security-id` is missing or not a string",
            ));
        };
        if outer.is_some_and(|outer| outer != flow_id) {
            return Err(Refusal::new(
                301,
                "the flow-id of the envelope is not the one inside",
            ));
        }
        let flow = [&self.multicast, &self.dialer]
            .into_iter()
            .find(|flow| flow.flow_id == *flow_id)
            .ok_or_else(|| {
                let case = [&self.multicast, &self.dialer]
                    .iter()
                    .any(|flow| flow.flow_id.eq_ignore_ascii_case(flow_id));
                let hint = if case {
                    "; it differs only in upper and lower case"
                } else {
                    ""
                };
                Refusal::new(301, format!("no flow has this `flow-id`{hint}"))
            })?;
        if flow.security_id != *security_id {
            let other = [&self.multicast, &self.dialer]
                .iter()
                .any(|flow| flow.security_id == *security_id);
            let hint = if other {
                "; it is the one of the account's other flow"
            } else if flow.security_id.eq_ignore_ascii_case(security_id) {
                "; it differs only in upper and lower case"
            } else {
                ""
            };
            return Err(Refusal::new(
                202,
                format!("`security-id` is not the one of this flow{hint}"),
            ));
        }
        let is_dialer = flow.flow_id == self.dialer.flow_id;
        if is_dialer != kind.is_dialer() {
            let (is, wants) = if is_dialer {
                ("dialer", "outbounddialer")
            } else {
                ("multicast", "outbound")
            };
            return Err(Refusal::new(
                settings.wrong_endpoint_code,
                format!("this is a {is} flow; it belongs to /{wants}/create"),
            ));
        }
        Ok(flow)
    }

    /// Remembers these bytes; `false` if they came before, within the window.
    fn is_new(&self, flow: &FlowId, bytes: &[u8], now_ms: u64, settings: &Settings) -> bool {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let key = [flow.flow_id.as_bytes(), digest.as_ref()].concat();
        let window = settings.checksum_window_s.saturating_mul(1_000);
        let before = self.state().checksums.insert(key, now_ms);
        before.is_none_or(|before| now_ms.saturating_sub(before) > window)
    }
}
