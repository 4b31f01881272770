//! PINs: sold one by one or in batches, and redeemed.

use std::sync::Arc;

use bytes::Bytes;

use super::answer::{self, Form, Object};
use super::order::{Order, whole};
use super::recharge::{millis, repeated};
use super::state::{Pin, Record};
use super::{Cowrie, Inner};
use crate::ledger::bounded;
use crate::room::{Answer, Visit};
use crate::text::{Pair, value};

/// PINs in one batch at most, whatever the settings say.
const LARGEST_BATCH: i64 = 10_000;

impl Cowrie {
    pub(super) fn allocate(
        &self,
        visit: &mut Visit<'_>,
        pairs: &[Pair<'_>],
        batch: bool,
    ) -> Result<Answer, (u16, String)> {
        let wrong = |why: &str| (400, why.to_owned());
        let field = |name| value(pairs, name).filter(|v| !v.is_empty());
        let grouped = self.inner().settings.grouped_amounts;
        let number = |name| whole(field(name)?, grouped).filter(|n| *n > 0);
        let unit = number("unit").ok_or_else(|| wrong("unit must be whole naira"))?;
        let count = if batch {
            number("count").ok_or_else(|| wrong("count must be a number"))?
        } else {
            1
        };
        let kind = field("type").ok_or_else(|| wrong("type required"))?;
        let xref = field("xref").ok_or_else(|| wrong("xref required"))?;
        let message = value(pairs, "message").ok_or_else(|| wrong("message required"))?;
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        if kind != "AIRTIME" {
            return Err(wrong("unknown type"));
        }
        if count > settings.max_count.min(LARGEST_BATCH) {
            return Err(wrong("count too large"));
        }
        if let Some(answer) = repeated(settings, state, xref)? {
            return Ok(answer);
        }
        if state.stock(settings, unit) < count {
            visit.near_miss(format!(
                "the stock holds {} PINs of {unit} naira",
                state.stock(settings, unit)
            ));
            return Err(wrong("out of stock"));
        }
        let charge = settings.charge(unit.saturating_mul(count));
        if !state.charge(charge) {
            return Err((402, "Insufficient balance".to_owned()));
        }
        let form = Form::of(visit);
        let sent = if visit.quirk("pin-count-mismatch") {
            count.saturating_sub(1).max(1)
        } else {
            count
        };
        let mut rows = Vec::new();
        for n in 0..count {
            let pin = Pin {
                serial: visit.random().digits(5),
                code: visit.random().digits(12),
                unit,
            };
            if n < sent {
                let row = Object::new(form)
                    .with("serial", &pin.serial)
                    .with("pin", &pin.code)
                    .with("unit", unit)
                    .with("fee", 0)
                    .with("type", kind)
                    .with("xref", xref)
                    .with("message", message);
                rows.push(row.end());
            }
            state.sell(pin);
        }
        visit.deliver();
        let body = match rows.first() {
            Some(only) if !batch => only.clone(),
            _ => format!("[{}]", rows.join(",")),
        };
        let body = Bytes::from(body);
        state.record(Record {
            id: visit.random().hex(20),
            kind: "pin",
            net: "",
            msisdn: String::new(),
            amount: unit,
            xref: Arc::from(&*bounded(xref)),
            at_ms: visit.now_ms(),
            visible_ms: u64::MAX,
            answer: settings.kept(&body),
        });
        Ok(answer::shaped(visit, body))
    }

    pub(super) fn redeem(
        &self,
        visit: &mut Visit<'_>,
        order: &Order<'_>,
        code: &str,
    ) -> Result<Answer, (u16, String)> {
        let mut inner = self.inner();
        let Inner { settings, state } = &mut *inner;
        order
            .recipient(settings)
            .map_err(|(status, why)| (status, why.to_owned()))?;
        if let Some(answer) = repeated(settings, state, order.xref)? {
            return Ok(answer);
        }
        let unit = match state.redeem(code) {
            Ok(unit) => unit,
            Err(why) => {
                visit.near_miss(format!(
                    "{why}: PINs of this sandbox come from /pin/AllocateSingle and /pin/Allocate"
                ));
                return Err((400, why.to_owned()));
            }
        };
        visit.deliver();
        let body = Object::new(Form::of(visit)).with("message", "Topup complete");
        let body = Bytes::from(body.end());
        state.record(Record {
            id: visit.random().hex(20),
            kind: "redeem",
            net: order.net,
            msisdn: order.msisdn.to_owned(),
            amount: unit,
            xref: Arc::from(&*bounded(order.xref)),
            at_ms: visit.now_ms(),
            visible_ms: visit
                .now_ms()
                .saturating_add(settings.check_delay_ms)
                .saturating_add(millis(visit)),
            answer: settings.kept(&body),
        });
        Ok(answer::shaped(visit, body))
    }
}
