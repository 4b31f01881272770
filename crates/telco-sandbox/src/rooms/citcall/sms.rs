//! v3 `sms` and `smsotp`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::call::{callback_url, session_of};
use super::fields::text;
use super::reply::redirect;
use super::settings::{Settings, scripted};
use super::verify::Session;
use super::{Citcall, Refusal, Version, number};
use crate::calendar;
use crate::callback::Callback;
use crate::handset::Arrival;
use crate::room::{Answer, Halt, Request, Visit};

/// What the server replaces by the code.
const PLACEHOLDER: &str = "XXXXX";
/// Digits of a code at most: it is put in for every placeholder, and kept. No length is documented; nobody types as many.
const LONGEST_CODE: usize = 64;

impl Citcall {
    pub(super) fn sms(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        operation: &'static str,
        fields: Result<Map<String, Value>, Refusal>,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        if let Ok(fields) = &fields {
            self.introduce(visit, fields);
            visit.begin_spending(operation)?;
            if let Some(elsewhere) = redirect(visit) {
                return Ok(elsewhere);
            }
        } else {
            visit.begin(operation)?;
        }
        let sent = self
            .admit(Version::V3, request, settings)
            .and(fields)
            .and_then(|fields| self.send(visit, operation == "smsotp", &fields, settings));
        Ok(match sent {
            Ok(body) => Answer::json(200, &body),
            Err(refusal) => self.refuse(visit, refusal, settings),
        })
    }

    fn send(
        &self,
        visit: &mut Visit<'_>,
        is_otp: bool,
        fields: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<Value, Refusal> {
        let sender = text(fields, "senderid")?;
        let number = number::international(text(fields, "msisdn")?)
            .map_err(|why| Refusal::new(settings.number_rc, format!("`msisdn`: {why}")))?;
        let mut body = match fields.get("text") {
            Some(Value::String(empty)) if empty.trim().is_empty() => {
                return Err(Refusal::new(43, "`text` is empty"));
            }
            _ => text(fields, "text")?.to_owned(),
        };
        let callback_url = callback_url(fields)?;
        let session = if is_otp { session_of(fields)? } else { None };
        if !settings.senders.iter().any(|open| open == sender) {
            let why = match settings
                .senders
                .iter()
                .any(|open| open.eq_ignore_ascii_case(sender))
            {
                true => "this sender id is open in other letters (upper and lower case)",
                false => "this sender id is not open for the account (setting `senders`)",
            };
            return Err(Refusal::new(44, why));
        }
        if let Some(rc) = scripted(&number) {
            return Err(Refusal::new(
                rc,
                "this number asks for this code (see the scenarios)",
            ));
        }
        let code = if is_otp {
            self.code(visit, fields, &body)?
        } else {
            None
        };
        self.charge(settings.sms_price, settings)?;
        if let Some(code) = &code {
            body = body.replace(PLACEHOLDER, code);
        }
        visit.deliver();
        let reference = visit.reference_of().to_owned();
        visit.arrive(
            &number,
            Arrival::Message {
                from: sender.to_owned(),
                text: body.clone(),
            },
        );
        let trxid = self.trxid(visit.now_ms());
        if let (Some((valid_time, tries)), Some(code)) = (session, &code) {
            let expires = visit
                .now_ms()
                .saturating_add(valid_time.saturating_mul(1_000));
            self.open_session(
                &trxid,
                Session::of_message(&reference, &number, code, expires, tries),
            );
        }
        if settings.callbacks {
            let now = i64::try_from(visit.now_ms()).unwrap_or(0);
            let report = json!({
                "trxid": trxid,
                "result": "Success",
                "description": "delivered",
                "reportedDate": calendar::format(now.saturating_add(7 * 3_600_000)).replace('T', " "),
            });
            let mut callback = Callback::json("message-report", &report)
                .reference(reference)
                .number(number.as_str())
                .attempts(settings.push_attempts)
                .anywhere(settings.callback_anywhere)
                .after(Duration::from_millis(settings.callback_after_ms));
            if let Some(url) = callback_url {
                callback = callback.url(url);
            }
            visit.push(callback);
        }
        Ok(json!({
            "rc": "00",
            "info": "success",
            "sms_count": "1",
            "senderid": sender,
            "msisdn": format!("+{number}"),
            "text": body,
            "trxid": trxid,
            "currency": "IDR",
            "price": settings.sms_price.to_string(),
        }))
    }

    /// The code of a message: the one that came, or one made here when there is a place for it.
    fn code(
        &self,
        visit: &mut Visit<'_>,
        fields: &Map<String, Value>,
        body: &str,
    ) -> Result<Option<String>, Refusal> {
        match fields.get("token") {
            Some(Value::String(token))
                if !token.is_empty() && token.bytes().all(|b| b.is_ascii_digit()) =>
            {
                if !body.contains(PLACEHOLDER) && !body.contains(token.as_str()) {
                    visit.near_miss("the text holds neither `XXXXX` nor the token: its reader will not see the code");
                }
                if token.len() > LONGEST_CODE {
                    let why = format!("`token` has more than {LONGEST_CODE} digits");
                    return Err(Refusal::new(97, why));
                }
                Ok(Some(token.clone()))
            }
            Some(_) => Err(Refusal::new(97, "`token` is not a string of digits")),
            None if body.contains(PLACEHOLDER) => Ok(Some(visit.random().digits(5))),
            None => {
                visit.near_miss(
                    "neither `XXXXX` in the text nor a `token`: what the provider does then is unknown; sent as it is",
                );
                Ok(None)
            }
        }
    }
}
