//! Credit and data: what takes money and tops a phone up.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::{self, Form, Object};
use super::order::Order;
use super::settings::{RepeatedXref, Settings};
use super::state::{Record, State};
use super::{Cowrie, Inner};
use crate::ledger::bounded;
use crate::room::{Answer, Visit};

impl Cowrie {
    /// Credit and data: takes the money, writes the record, answers.
    pub(super) fn recharge(
        &self,
        visit: &mut Visit<'_>,
        order: &Order<'_>,
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
        if let Some(answer) = repeated(settings, state, order.xref)? {
            return Ok(answer);
        }
        let charge = settings.charge(order.amount);
        if !state.charge(charge) {
            visit.near_miss(format!("the account holds {} naira; fund it with POST /_sandbox/settings/cowrie {{\"balance\": …}}", state.balance_kobo / 100));
            return Err((402, "Insufficient balance".to_owned()));
        }
        let (id, now) = (visit.random().hex(20), visit.now_ms());
        visit.deliver();
        let xref = if visit.quirk("foreign-echo") {
            "someone-elses-xref"
        } else {
            order.xref
        };
        let message = if visit.quirk("message-not-ok") {
            "PENDING"
        } else {
            "OK"
        };
        let mut body = Object::new(Form::of(visit)).with("id", &id);
        if order.kind == "data" {
            body = body
                .with("net", order.net)
                .with("msisdn", order.msisdn)
                .with("amount", order.amount);
        }
        body = body.with("xref", xref);
        if order.kind == "credit" {
            body = body.with("message", message);
        }
        if settings.balance_in_answers {
            body = body
                .with("balance", settings.naira(state.balance_kobo))
                .with("charge", settings.naira(charge));
        }
        let body = Bytes::from(body.end());
        state.record(Record {
            id,
            kind: order.kind,
            net: order.net,
            msisdn: order.msisdn.to_owned(),
            amount: order.amount,
            xref: Arc::from(&*bounded(order.xref)),
            at_ms: now,
            visible_ms: now
                .saturating_add(settings.check_delay_ms)
                .saturating_add(millis(visit)),
            answer: settings.kept(&body),
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
        (Some(record), RepeatedXref::SameAnswer) => match &record.answer {
            Some(first) => Ok(Some(Answer::new(200, "application/json", first.clone()))),
            // It was given before that was set, and is not kept. Nothing is done twice, all the same.
            None => Err((409, "xref already used".to_owned())),
        },
    }
}

pub(super) fn millis(visit: &Visit<'_>) -> u64 {
    u64::try_from(visit.lookup_delay().as_millis()).unwrap_or(u64::MAX)
}
