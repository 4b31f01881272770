//! Missed calls: v2 `asynccall`, v3 `motp`, and the callback that tells how one ended.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fields::{integer, text};
use super::reply::{ascii, redirect};
use super::settings::{self, CallerShown, Settings, scripted};
use super::verify::Session;
use super::{Citcall, Refusal, Version, number};
use crate::callback::Callback;
use crate::handset::Arrival;
use crate::ledger::bounded;
use crate::room::{Answer, Halt, Request, Visit};

/// A call that was placed, as its callback needs it.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    version: Version,
    reference: String,
    trxid: String,
    number: String,
    token: String,
    client_unique_id: Option<String>,
    callback_url: Option<String>,
    price: u64,
    rang: bool,
}

/// Bytes of what a caller wrote of a call, for it to be kept.
const LONGEST: usize = 4_096;

impl Placed {
    fn size(&self) -> usize {
        let optional = [&self.client_unique_id, &self.callback_url].into_iter();
        let texts = optional.flatten().chain([&self.reference]);
        texts.map(String::len).sum()
    }
}

/// The answer to an accepted call.
#[derive(Serialize)]
struct Accepted<'a> {
    #[serde(rename = "clientUniqueId", skip_serializing_if = "Option::is_none")]
    client_unique_id: Option<&'a str>,
    gateway: i64,
    info: &'static str,
    msisdn: String,
    rc: Value,
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trx_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trxid: Option<&'a str>,
}

/// The callback of a call.
#[derive(Serialize)]
struct Ended<'a> {
    call_status: &'static str,
    #[serde(rename = "clientUniqueId", skip_serializing_if = "Option::is_none")]
    client_unique_id: Option<&'a str>,
    dial_code: &'static str,
    dial_status: &'static str,
    msisdn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
    rc: Value,
    result: &'static str,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trx_id: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trxid: Option<&'a String>,
    via: &'static str,
}

/// A call as it is asked for, checked.
struct Asked {
    number: String,
    gateway: i64,
    client_unique_id: Option<String>,
    /// v3: how long and how often the code may be verified.
    session: Option<(u64, i64)>,
    callback_url: Option<String>,
}

impl Citcall {
    pub(super) fn call(
        &self,
        visit: &mut Visit<'_>,
        request: &Request,
        version: Version,
        operation: &'static str,
        fields: Result<Map<String, Value>, Refusal>,
        settings: &Settings,
    ) -> Result<Answer, Halt> {
        // The ledger files a request under what it says, before anything is judged.
        if let Ok(fields) = &fields {
            self.introduce(visit, fields);
            visit.begin_spending(operation)?;
            if let Some(elsewhere) = redirect(visit) {
                return Ok(elsewhere);
            }
        } else {
            visit.begin(operation)?;
        }
        let placed = self
            .admit(version, request, settings)
            .and(fields)
            .and_then(|fields| ask(version, &fields, settings))
            .and_then(|asked| self.place(visit, version, asked, settings));
        Ok(match placed {
            Ok(answer) => answer,
            Err(refusal) => self.refuse(visit, refusal, settings),
        })
    }

    /// Number, reference and gateway, as far as they can be made out. A second gateway for one `clientUniqueId` is
    /// another call on purpose (a resend the user asked for), so it is another operation; the same gateway again is not.
    pub(super) fn introduce(&self, visit: &mut Visit<'_>, fields: &Map<String, Value>) {
        if let Some(Value::String(msisdn)) = fields.get("msisdn") {
            visit.number(number::international(msisdn).unwrap_or_else(|_| msisdn.clone()));
        }
        let gateway = integer(fields, "gateway", true).ok().flatten();
        let gateway = gateway.or_else(|| integer(fields, "retry", true).ok().flatten());
        if let Some(gateway) = gateway {
            visit.detail("gateway", gateway.to_string());
        }
        if let Some(Value::String(id)) = fields.get("clientUniqueId") {
            let mut state = self.state();
            let (gateway, key) = (gateway.unwrap_or(0), bounded(id));
            let first = state.first_gateway.get(&*key).copied();
            if first.is_none() {
                state.first_gateway.insert(key.into_owned(), gateway);
            }
            if first.is_none_or(|first| first == gateway) {
                visit.reference(id.as_str());
            } else {
                visit.reference(format!("{id}#{gateway}"));
            }
        }
    }

    fn place(
        &self,
        visit: &mut Visit<'_>,
        version: Version,
        asked: Asked,
        settings: &Settings,
    ) -> Result<Answer, Refusal> {
        if let Some(rc) = scripted(&asked.number) {
            return Err(Refusal::new(
                rc,
                "this number asks for this code (see the scenarios)",
            ));
        }
        self.charge(settings.call_price, settings)?;
        let trxid = self.trxid(visit.now_ms());
        // Eleven digits, as in the provider's sample: area, pool of the gateway, then the four that are the code.
        let code = visit.random().digits(4);
        let token = format!("021508{}{code}", asked.gateway.rem_euclid(10));
        let placed = Placed {
            version,
            reference: visit.reference_of().to_owned(),
            rang: asked.number != settings::UNREACHABLE,
            price: settings.call_price,
            trxid,
            token,
            number: asked.number,
            client_unique_id: asked.client_unique_id,
            callback_url: asked.callback_url,
        };
        if placed.rang {
            visit.deliver();
            let from = shown(&placed.token, settings.caller_shown);
            visit.arrive(&placed.number, Arrival::MissedCall { from });
        } else {
            visit.near_miss("accepted, but this number never rings (see the scenarios)");
        }
        if let Some((valid_time, tries)) = asked.session {
            let session = Session::of_call(
                &placed.reference,
                &placed.number,
                &placed.token,
                visit
                    .now_ms()
                    .saturating_add(valid_time.saturating_mul(1_000)),
                tries,
            );
            self.open_session(&placed.trxid, session);
        }
        let answer = self.accepted(visit, &placed, asked.gateway, settings);
        if settings.callbacks {
            self.push_callback(visit, &placed, settings);
        }
        // A long one is told of once: there is no room to keep it.
        if placed.size() <= LONGEST {
            let mut state = self.state();
            if state.calls.len() >= 1_000 {
                state.calls.pop_front();
            }
            state.calls.push_back(placed);
        }
        Ok(answer)
    }

    fn accepted(
        &self,
        visit: &Visit<'_>,
        placed: &Placed,
        gateway: i64,
        settings: &Settings,
    ) -> Answer {
        let rc = match visit.quirk("integer-rc") {
            true => json!(0),
            false => json!("00"),
        };
        let msisdn = match visit.quirk("wrong-echo") {
            true => "+6281299999999".to_owned(),
            false => format!("+{}", placed.number),
        };
        let has_token = placed.number != settings::NO_TOKEN;
        let token = has_token.then_some(placed.token.as_str());
        let named =
            (placed.version == Version::V3 || settings.v2_trxid) && !visit.quirk("no-trxid");
        let trxid = named.then_some(placed.trxid.as_str());
        let misspelt = visit.quirk("trx_id");
        let body = Accepted {
            client_unique_id: placed.client_unique_id.as_deref(),
            gateway,
            info: "success",
            msisdn,
            rc,
            token,
            trx_id: trxid.filter(|_| misspelt),
            trxid: trxid.filter(|_| !misspelt),
        };
        let sealed = placed.version == Version::V2 && settings.seal_answers;
        self.reply(visit, sealed, &body, 200, settings)
    }

    fn push_callback(&self, visit: &mut Visit<'_>, placed: &Placed, settings: &Settings) {
        let (dial_code, dial_status, call_status, result) = match placed.rang {
            true => ("200", "OK", "ANSWERED", "Success"),
            // No value of a failed call is known; these say so without pretending to be the provider's.
            false => ("480", "UNKNOWN-TO-SANDBOX", "FAILED", "Failed"),
        };
        let v2 = placed.version == Version::V2;
        let body = Ended {
            call_status,
            client_unique_id: placed.client_unique_id.as_deref(),
            dial_code,
            dial_status,
            msisdn: format!("+{}", placed.number),
            price: (!v2).then(|| placed.price.to_string()),
            rc: if v2 { json!("00") } else { json!(0) },
            result,
            token: &placed.token,
            trx_id: v2.then_some(&placed.trxid),
            trxid: (!v2).then_some(&placed.trxid),
            via: "voice",
        };
        // Texts and numbers always have a JSON form.
        let mut body = serde_json::to_string(&body).unwrap_or_default();
        if v2 && settings.seal_callbacks {
            let keys = self.keys(settings);
            let at = visit.now_ms().saturating_add(settings.callback_after_ms) / 1_000;
            if let Some(data) = keys.seal(at, &ascii(&body)) {
                body = json!({ "data": data }).to_string();
            }
        }
        let mut callback = Callback::json_text("call-ended", body)
            .reference(placed.reference.as_str())
            .number(placed.number.as_str())
            .attempts(settings.push_attempts)
            .anywhere(settings.callback_anywhere)
            .after(Duration::from_millis(settings.callback_after_ms));
        if let Some(url) = &placed.callback_url {
            callback = callback.url(url.as_str());
        }
        visit.push(callback);
    }

    /// Pushes the callback of a call again: `{"reference": …}`, or the newest one.
    pub(super) fn push_again(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        let wanted = what.get("reference").and_then(Value::as_str);
        let settings = self.current();
        let placed = self
            .state()
            .calls
            .iter()
            .rev()
            .find(|placed| wanted.is_none_or(|wanted| placed.reference == wanted))
            .cloned()
            .ok_or("there is no such call to tell about")?;
        let at_once = Settings {
            callback_after_ms: 0,
            ..(*settings).clone()
        };
        self.push_callback(visit, &placed, &at_once);
        Ok(())
    }
}

fn ask(
    version: Version,
    fields: &Map<String, Value>,
    settings: &Settings,
) -> Result<Asked, Refusal> {
    let msisdn = text(fields, "msisdn")?;
    if version == Version::V3 && msisdn.starts_with(['+', '0']) {
        return Err(Refusal::new(
            settings.number_rc,
            "v3 takes digits with the country code and nothing before it: `62…`",
        ));
    }
    let number = number::international(msisdn)
        .map_err(|why| Refusal::new(settings.number_rc, format!("`msisdn`: {why}")))?;
    let gateway = match version {
        Version::V2 => {
            if matches!(fields.get("gateway"), Some(Value::String(_))) {
                return Err(Refusal::new(
                    97,
                    "`gateway` is an integer, and came as a string",
                ));
            }
            let gateway = integer(fields, "gateway", false)?
                .ok_or_else(|| Refusal::new(88, "`gateway` is missing"))?;
            in_range(gateway, 1, 4, "gateway", settings)?
        }
        Version::V3 => match (
            integer(fields, "retry", true)?,
            integer(fields, "gateway", true)?,
        ) {
            (Some(_), Some(_)) => {
                return Err(Refusal::new(
                    settings.gateway_rc,
                    "`retry` and `gateway` are two names of one thing; send one",
                ));
            }
            (Some(retry), None) => in_range(retry, 0, 4, "retry", settings)?,
            (None, Some(gateway)) => in_range(gateway, 0, 5, "gateway", settings)?,
            (None, None) => return Err(Refusal::new(88, "`retry` (or `gateway`) is missing")),
        },
    };
    let client_unique_id = match fields.get("clientUniqueId") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Null) => {
            return Err(Refusal::new(
                97,
                "`clientUniqueId` is null; leave it out instead",
            ));
        }
        Some(_) => return Err(Refusal::new(97, "`clientUniqueId` is not a string")),
    };
    if version == Version::V2 {
        return Ok(Asked {
            number,
            gateway,
            client_unique_id,
            session: None,
            callback_url: None,
        });
    }
    Ok(Asked {
        number,
        gateway,
        client_unique_id,
        session: session_of(fields)?,
        callback_url: callback_url(fields)?,
    })
}

/// `valid_time` and `limit_try`: both or neither.
pub(super) fn session_of(fields: &Map<String, Value>) -> Result<Option<(u64, i64)>, Refusal> {
    match (
        integer(fields, "valid_time", true)?,
        integer(fields, "limit_try", true)?,
    ) {
        (None, None) => Ok(None),
        (Some(seconds), Some(tries)) if seconds > 0 && (1..=20).contains(&tries) => {
            Ok(Some((seconds.unsigned_abs(), tries)))
        }
        (Some(_), Some(_)) => Err(Refusal::new(
            88,
            "`valid_time` is at least 1 and `limit_try` from 1 to 20",
        )),
        _ => Err(Refusal::new(
            88,
            "`valid_time` and `limit_try` come together or not at all",
        )),
    }
}

pub(super) fn callback_url(fields: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    match fields.get("callback_url") {
        None => Ok(None),
        Some(Value::String(url)) if url.starts_with("http://") || url.starts_with("https://") => {
            Ok(Some(url.clone()))
        }
        Some(_) => Err(Refusal::new(88, "`callback_url` is not an absolute URL")),
    }
}

fn in_range(
    value: i64,
    least: i64,
    most: i64,
    name: &str,
    settings: &Settings,
) -> Result<i64, Refusal> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Refusal::new(
            settings.gateway_rc,
            format!("`{name}` is {value}, and goes from {least} to {most}"),
        ))
    }
}

/// The calling number as the phone shows it.
fn shown(token: &str, form: CallerShown) -> String {
    let national = token.strip_prefix('0').unwrap_or(token);
    match form {
        CallerShown::National => token.to_owned(),
        CallerShown::Bare => format!("62{national}"),
        CallerShown::International => format!("+62{national}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::citcall::KEPT;
    use crate::visit::tests::Ground;

    #[test]
    fn a_long_call_is_served_and_kept_short_or_not_at_all() {
        let (citcall, ground) = (Citcall::new(0), Ground::new());
        let place = |id: &str| {
            let mut visit = ground.visit("citcall", 1);
            let fields = json!({
                "msisdn": "6281234567890", "retry": 0, "valid_time": 60, "limit_try": 1, "clientUniqueId": id,
            });
            let fields = fields.as_object().unwrap();
            let settings = Settings::default();
            citcall.introduce(&mut visit, fields);
            visit.begin_spending("motp").unwrap();
            let asked = ask(Version::V3, fields, &settings).ok().unwrap();
            let placed = citcall.place(&mut visit, Version::V3, asked, &settings);
            assert_eq!(placed.ok().unwrap().status, 200);
            (visit.callbacks.len(), citcall.state().calls.len())
        };
        assert_eq!(place("short"), (1, 1));
        assert_eq!(place(&"x".repeat(1 << 14)), (1, 1));
        let state = citcall.state();
        let longest = state.sessions.newest().map(Session::size).max();
        assert!(longest.unwrap() < 1_000, "{longest:?}");
    }

    #[test]
    fn a_second_gateway_stays_known_as_one_while_others_come() {
        let (citcall, ground) = (Citcall::new(0), Ground::new());
        let filed = |id: &str, gateway: i64| {
            let mut visit = ground.visit("citcall", 1);
            let fields = json!({ "clientUniqueId": id, "gateway": gateway });
            citcall.introduce(&mut visit, fields.as_object().unwrap());
            visit.reference_of().to_owned()
        };
        for n in 1..KEPT {
            filed(&n.to_string(), 1);
        }
        assert_eq!((filed("a", 1), filed("a", 2)), ("a".into(), "a#2".into()));
        // One more than fit: the oldest goes, and not all of them.
        filed("b", 1);
        assert_eq!((filed("a", 2), filed("a", 1)), ("a#2".into(), "a".into()));
        let long = "x".repeat(1 << 20);
        filed(&long, 1);
        assert_eq!(filed(&long, 2), format!("{long}#2"));
        let state = citcall.state();
        let longest = state.first_gateway.keys().map(String::len).max();
        assert!(longest.unwrap() < 1_000, "{longest:?}");
    }
}
