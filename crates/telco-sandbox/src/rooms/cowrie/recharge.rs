//! Credit and data: what takes money and tops a phone up.

use serde_json::json;

use super::answer::{self, Form, object};
use super::order::Order;
use super::settings::{RepeatedXref, Settings};
use super::state::{Record, State};
use super::{Cowrie, Inner};
use crate::room::{Answer, Visit};

impl Cowrie {
    /// Credit and data: takes the money, writes the record, answers.
    pub(super) fn recharge(
        &self,
        visit: &mut Visit<'_>,
        order: &Order,
    ) -> Result<Answer, (u16, String)> {
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        order
            .recipient(settings)
            .map_err(|(status, why)| (status, why.to_owned()))?;
        if order.amount < settings.min_amount
            || settings.max_amount.is_some_and(|max| order.amount > max)
        {
            return Err((400, "amount out of range".to_owned()));
        }
        if let Some(answer) = repeated(settings, state, &order.xref)? {
            return Ok(answer);
        }
        let charge = settings.charge(order.amount);
        if !state.charge(charge) {
            visit.near_miss(format!("the account holds {} naira; fund it with POST /_sandbox/settings/cowrie {{\"balance\": …}}", state.balance_kobo / 100));
            return Err((402, "Insufficient balance".to_owned()));
        }
        let record = Record {
            id: visit.random().hex(20),
            kind: order.kind,
            net: order.net.clone(),
            msisdn: order.msisdn.clone(),
            amount: order.amount,
            xref: order.xref.clone(),
            at_ms: visit.now_ms(),
            visible_ms: visit
                .now_ms()
                .saturating_add(settings.check_delay_ms)
                .saturating_add(millis(visit)),
            answer: String::new(),
        };
        visit.deliver();
        let xref = if visit.quirk("foreign-echo") {
            "someone-elses-xref"
        } else {
            &order.xref
        };
        let message = if visit.quirk("message-not-ok") {
            "PENDING"
        } else {
            "OK"
        };
        let mut fields = vec![("id", json!(record.id))];
        if order.kind == "data" {
            fields.extend([
                ("net", json!(order.net)),
                ("msisdn", json!(order.msisdn)),
                ("amount", json!(order.amount)),
            ]);
        }
        fields.push(("xref", json!(xref)));
        if order.kind == "credit" {
            fields.push(("message", json!(message)));
        }
        if settings.balance_in_answers {
            fields.extend([
                ("balance", settings.naira(state.balance_kobo)),
                ("charge", settings.naira(charge)),
            ]);
        }
        let body = object(&fields, Form::of(visit));
        state.record(Record {
            answer: body.clone(),
            ..record
        });
        Ok(answer::shaped(visit, body))
    }
}

/// A reference that was used before: what happens is unknown, hence a setting.
pub(super) fn repeated(
    settings: &Settings,
    state: &State,
    xref: &str,
) -> Result<Option<Answer>, (u16, String)> {
    match (state.by_xref(xref), settings.repeated_xref) {
        (None, _) | (_, RepeatedXref::Apply) => Ok(None),
        (Some(_), RepeatedXref::Refuse) => Err((400, "xref already used".to_owned())),
        (Some(_), RepeatedXref::Conflict) => Err((409, "xref already used".to_owned())),
        (Some(record), RepeatedXref::SameAnswer) => Ok(Some(Answer::new(
            200,
            "application/json",
            record.answer.clone(),
        ))),
    }
}

pub(super) fn millis(visit: &Visit<'_>) -> u64 {
    u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX)
}
