//! v3 `verify`: codes that the provider checks itself.

use serde_json::{Map, Value, json};

use super::fields::text;
use super::settings::{Settings, VerifyAccepts};
use super::{Citcall, Refusal, Version, number};
use crate::ledger::{What, bounded};
use crate::room::{Answer, Halt, Request, Visit};

/// One code that may be verified.
#[derive(Clone, Debug)]
pub(super) struct Session {
    reference: String,
    number: String,
    /// What the user may type; of a call, the ringing number.
    token: String,
    is_call: bool,
    expires_ms: u64,
    tries_left: i64,
    done: bool,
}

impl Session {
    pub(super) fn of_call(
        reference: &str,
        number: &str,
        token: &str,
        expires_ms: u64,
        tries: i64,
    ) -> Session {
        Session {
            reference: bounded(reference).into_owned(),
            number: number.to_owned(),
            token: token.to_owned(),
            is_call: true,
            expires_ms,
            tries_left: tries,
            done: false,
        }
    }

    pub(super) fn of_message(
        reference: &str,
        number: &str,
        code: &str,
        expires_ms: u64,
        tries: i64,
    ) -> Session {
        Session {
            is_call: false,
            ..Session::of_call(reference, number, code, expires_ms, tries)
        }
    }

    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        let texts = [&self.reference, &self.number, &self.token];
        texts.into_iter().map(String::len).sum()
    }

    /// Whether this is the code, and what to say if it nearly is.
    fn matches(&self, typed: &str, accepts: VerifyAccepts) -> Result<(), &'static str> {
        let last_four = self.token.get(self.token.len().saturating_sub(4)..);
        let (four, full) = (last_four == Some(typed), self.token == typed);
        match (self.is_call, accepts) {
            (false, _) if full => Ok(()),
            (true, VerifyAccepts::LastFour | VerifyAccepts::Both) if four => Ok(()),
            (true, VerifyAccepts::Full | VerifyAccepts::Both) if full => Ok(()),
            (true, _) if full => Err(
                "the whole number came, and the last four digits are compared (setting `verify_accepts`)",
            ),
            (true, _) if four => {
                Err("four digits came, and the whole number is compared (setting `verify_accepts`)")
            }
            _ => Err("the code is another one"),
        }
    }
}

impl Citcall {
    pub(super) fn open_session(&self, trxid: &str, session: Session) {
        self.state().sessions.insert(trxid.to_owned(), session);
    }

    pub(super) fn verify(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        fields: Result<Map<String, Value>, Refusal>,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        if let Ok(fields) = &fields {
            if let Some(Value::String(msisdn)) = fields.get("msisdn") {
                visit.number(number::international(msisdn).unwrap_or_else(|_| msisdn.clone()));
            }
            let trxid = fields.get("trxid").and_then(Value::as_str).unwrap_or("");
            if let Some(session) = self.state().sessions.get(trxid) {
                visit.reference(session.reference.as_str());
            }
        }
        visit.begin("verify")?;
        let checked = self
            .admit(Version::V3, request, settings)
            .and(fields)
            .and_then(|fields| self.check(visit, &fields, settings));
        Ok(match checked {
            Ok(body) => Answer::json(200, &body),
            Err(refusal) => self.refuse(visit, refusal, settings),
        })
    }

    fn check(
        &self,
        visit: &mut Visit<'_>,
        fields: &Map<String, Value>,
        settings: &Settings,
    ) -> Result<Value, Refusal> {
        let msisdn = text(fields, "msisdn")?;
        let trxid = text(fields, "trxid")?;
        let typed = text(fields, "token")?;
        let number = number::international(msisdn)
            .map_err(|why| Refusal::new(settings.number_rc, format!("`msisdn`: {why}")))?;
        let reference;
        {
            let mut state = self.state();
            let session = state
                .sessions
                .get_mut(trxid)
                .ok_or_else(|| Refusal::new(78, "no request with `valid_time` has this `trxid`"))?;
            if session.number != number {
                return Err(Refusal::new(78, "this `trxid` belongs to another number"));
            }
            if session.done {
                return Err(Refusal::new(78, "this code was already used"));
            }
            if visit.now_ms() > session.expires_ms {
                return Err(Refusal::new(80, "`valid_time` is over"));
            }
            if session.tries_left <= 0 {
                return Err(Refusal::new(81, "`limit_try` is used up"));
            }
            session.tries_left = session.tries_left.saturating_sub(1);
            session
                .matches(typed, settings.verify_accepts)
                .map_err(|why| Refusal::new(79, why))?;
            session.done = true;
            reference = session.reference.clone();
        }
        visit.note(&reference, What::Note("verified".to_owned()));
        Ok(json!({
            "rc": "00",
            "info": "success",
            "trxid": trxid,
            "trxid_verify": self.trxid(visit.now_ms()),
            "msisdn": format!("+{number}"),
            "token": null,
            "token_verify": typed,
        }))
    }
}
