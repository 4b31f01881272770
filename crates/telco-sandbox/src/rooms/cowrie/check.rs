//! Check: what became of a reference.

use super::Cowrie;
use super::answer::{self, Form, Object};
use super::settings::CheckStyle;
use crate::ledger::What;
use crate::room::{Answer, Visit};

impl Cowrie {
    pub(super) fn check(&self, visit: &mut Visit<'_>, reference: &str) -> Answer {
        let inner = self.inner();
        let settings = &inner.settings;
        if visit.quirk("check-400") {
            return settings.error_body.error(400, "Invalid parameter");
        }
        let now = visit.now_ms();
        let found = inner.state.by_xref(reference).or_else(|| {
            inner
                .state
                .by_id(reference)
                .filter(|_| settings.check_accepts_id)
        });
        let seen =
            found.filter(|record| settings.check_sees.iter().any(|kind| kind == record.kind));
        let xref = seen.map_or(reference, |r| &*r.xref).to_owned();
        let Some(record) = seen.filter(|record| record.visible_ms <= now) else {
            let why = match (found, seen) {
                (None, _) => "nothing with this reference was done",
                (Some(_), None) => "done, but Check is set not to see this kind",
                _ => "done, but Check does not see it yet",
            };
            visit.note(&xref, What::LookedUp(format!("not found: {why}")));
            visit.near_miss(format!("Check answers \"not found\": {why}"));
            return settings.not_found.answer(settings.error_body);
        };
        visit.note(&xref, What::LookedUp("found".to_owned()));
        let amount = if visit.quirk("check-mismatch") {
            record.amount.saturating_add(1)
        } else {
            record.amount
        };
        let body = Object::new(Form::of(visit))
            .with("id", &record.id)
            .with("net", record.net)
            .with("msisdn", &record.msisdn)
            .with("amount", amount)
            .with("xref", &*record.xref);
        let body = match settings.check_style {
            _ if visit.quirk("status-pending") => body.with("status", "PENDING"),
            CheckStyle::Status => body.with("status", "OK"),
            CheckStyle::Stamp => body.with("stamp", answer::stamp(record.at_ms)),
        };
        answer::shaped(visit, body.end())
    }
}
