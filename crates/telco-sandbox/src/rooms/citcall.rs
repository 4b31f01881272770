//! Citcall's side: missed-call codes for Indonesia. docs/protocols/citcall.md, read from the provider's end.

mod auth;
mod call;
mod cipher;
mod near_miss;
mod number;
mod settings;
mod sms;
mod verify;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::calendar;
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::text::push_digits;

use auth::{Account, Scheme};
use cipher::{Keys, Reading};
use settings::Settings;
use verify::Session;

/// The Citcall room.
#[derive(Debug)]
pub struct Citcall {
    user_id: String,
    api_key: String,
    password: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    settings: Arc<Settings>,
    /// Rupiah spent so far.
    spent: u64,
    /// Counts up, so that transaction ids differ within a millisecond.
    last_trxid: u64,
    /// Codes that `verify` can check, by transaction id.
    sessions: HashMap<String, Session>,
    /// Which gateway each reference rang first through.
    first_gateway: HashMap<String, i64>,
    /// The newest calls, for a callback on demand.
    calls: VecDeque<call::Placed>,
}

/// Entries kept per table; older ones are forgotten wholesale.
const KEPT: usize = 100_000;

/// A refusal: the result code and what is wrong, for the developer.
struct Refusal {
    rc: u32,
    why: String,
}

impl Refusal {
    fn new(rc: u32, why: impl Into<String>) -> Refusal {
        Refusal {
            rc,
            why: why.into(),
        }
    }
}

/// The two generations of the protocol that are modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V2,
    V3,
}

impl Citcall {
    /// A room whose credentials follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Citcall {
        let mut draw = Draw::new(seed, &["citcall", "credentials"], 0);
        Citcall {
            user_id: "sandbox".to_owned(),
            api_key: draw.hex(32).to_lowercase(),
            password: draw.hex(12).to_lowercase(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    fn account(&self) -> Account<'_> {
        Account {
            user_id: &self.user_id,
            api_key: &self.api_key,
            password: &self.password,
        }
    }

    /// The keys of the cipher; that `client_id` is the user id is inferred, so it can be set apart.
    fn keys<'a>(&'a self, settings: &'a Settings) -> Keys<'a> {
        let client_id = match settings.cipher_client_id.as_str() {
            "" => &self.user_id,
            apart => apart,
        };
        Keys {
            client_id: client_id.as_bytes(),
            secret: self.api_key.as_bytes(),
        }
    }

    /// Method, address, credentials: what comes before the fields of any operation.
    fn admit(
        &self,
        version: Version,
        request: &Request,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if request.method != "POST" {
            return Err(Refusal::new(99, "only POST is served"));
        }
        let peer = request.peer.ip();
        let listed = |peer: &str| settings.allowed_ips.iter().any(|ip| ip == peer);
        if !settings.allowed_ips.is_empty() && !listed(&peer.to_string()) {
            return Err(Refusal::new(
                98,
                format!("{peer} is not on the account's list of addresses (setting `allowed_ips`)"),
            ));
        }
        let scheme = auth::check(request.header("authorization"), self.account())
            .map_err(|(rc, why)| Refusal { rc, why })?;
        let (name, allowed) = match version {
            Version::V2 => ("v2", &settings.v2_schemes),
            Version::V3 => ("v3", &settings.v3_schemes),
        };
        let scheme = match scheme {
            Scheme::Legacy => "legacy",
            Scheme::ApiKey => "apikey",
            Scheme::Basic => "basic",
        };
        if allowed.iter().any(|allowed| allowed == scheme) {
            Ok(())
        } else {
            Err(Refusal::new(
                98,
                format!(
                    "the credentials are right, but their form `{scheme}` is not taken by {name}; \
                     it takes {} (setting `{name}_schemes`)",
                    allowed.join(", ")
                ),
            ))
        }
    }

    /// The inner JSON object of a request, opened if it came encrypted.
    fn read(
        &self,
        version: Version,
        body: &[u8],
        now_ms: u64,
        settings: &Settings,
    ) -> Result<Map<String, Value>, Refusal> {
        let outer =
            object(body).ok_or_else(|| Refusal::new(97, "the body is not a JSON object"))?;
        if version == Version::V3 {
            return Ok(outer);
        }
        let data = match outer.get("data") {
            Some(Value::String(data)) => data,
            Some(_) => return Err(Refusal::new(97, "`data` is not a string")),
            None if outer.contains_key("msisdn") => {
                return Err(Refusal::new(
                    97,
                    "the fields came in the clear; v2 wants {\"data\":\"<ciphertext>\"}",
                ));
            }
            None => return Err(Refusal::new(88, "there is no `data`")),
        };
        if settings.refuse_extra_members
            && let Some(extra) = outer.keys().find(|name| name.as_str() != "data")
        {
            return Err(Refusal::new(97, format!("beside `data` stands `{extra}`")));
        }
        let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        let window = Some(settings.window_s);
        let keys = self.keys(settings);
        let (_, text) = keys
            .open(data, now, window, Reading::default())
            .map_err(|error| {
                let why = near_miss::explain(data, error, keys, now, window);
                Refusal::new(settings.undecryptable_rc, why)
            })?;
        object(text.as_bytes())
            .ok_or_else(|| Refusal::new(97, "`data` opens, but holds no JSON object"))
    }

    /// A result on its way out: in the clear, or sealed as v2 does.
    fn reply(
        &self,
        visit: &Visit<'_>,
        sealed: bool,
        body: &impl Serialize,
        status: u16,
        settings: &Settings,
    ) -> Answer {
        // Texts and numbers always have a JSON form.
        let body = serde_json::to_string(body).unwrap_or_default();
        let clear = |body| Answer::new(status, "application/json", body);
        if !sealed && !visit.quirk("sealed-failure") {
            return clear(body);
        }
        let mut at = visit.now_ms() / 1_000;
        let mut keys = self.keys(settings);
        if visit.quirk("stale-answer") {
            at = at.saturating_sub(3_600);
        }
        if visit.quirk("foreign-key") {
            keys.secret = b"00000000000000000000000000000000";
        }
        match keys.seal(at, &ascii(&body)) {
            Some(data) => Answer::json(status, &json!({ "data": data })),
            None => clear(body),
        }
    }

    fn refuse(&self, visit: &mut Visit<'_>, refusal: Refusal, settings: &Settings) -> Answer {
        let Refusal { rc, why } = refusal;
        visit.refuse(&format!("rc {rc:02}"));
        visit.near_miss(why);
        let info = settings::meaning(rc).unwrap_or("failed");
        let body = json!({ "rc": format!("{rc:02}"), "info": info });
        self.reply(visit, false, &body, settings.failure_status, settings)
    }

    /// Takes the price off the balance, or refuses.
    fn charge(&self, price: u64, settings: &Settings) -> Result<(), Refusal> {
        let mut state = self.state();
        let spent = state.spent.saturating_add(price);
        if spent > settings.balance {
            return Err(Refusal::new(
                14,
                format!("{price} rupiah are more than what is left (setting `balance`)"),
            ));
        }
        state.spent = spent;
        Ok(())
    }

    /// 26 digits: local date and time (UTC+7), then twelve more.
    fn trxid(&self, now_ms: u64) -> String {
        let mut state = self.state();
        state.last_trxid = state.last_trxid.wrapping_add(1);
        let local = i64::try_from(now_ms)
            .unwrap_or(0)
            .saturating_add(7 * 3_600_000);
        let mut digits = calendar::format(local).into_bytes();
        digits.retain(u8::is_ascii_digit);
        // Milliseconds go into the twelve.
        push_digits(&mut digits, state.last_trxid % 1_000_000_000, 9);
        String::from_utf8(digits).unwrap_or_default()
    }
}

impl Room for Citcall {
    fn provider(&self) -> &'static str {
        "citcall"
    }

    fn credentials(&self) -> Value {
        json!({ "user_id": self.user_id, "api_key": self.api_key, "password": self.password })
    }

    fn fidelity(&self) -> &'static [Rule] {
        settings::FIDELITY
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        settings::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        settings::SCENARIOS
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let settings = self.current();
        let (version, operation) = match request.path.as_str() {
            "/v2/asynccall" => (Version::V2, "asynccall"),
            "/v3/motp" | "/v3/asynccall" => (Version::V3, "motp"),
            "/v3/verify" => (Version::V3, "verify"),
            "/v3/sms" => (Version::V3, "sms"),
            "/v3/smsotp" => (Version::V3, "smsotp"),
            path => {
                visit.begin("unknown")?;
                visit.near_miss(match path {
                    "/v3/call" => "`/v3/call` was withdrawn by the provider; use /v3/motp".to_owned(),
                    path => format!(
                        "`{path}` is not modelled: there are /v2/asynccall, /v3/motp, /v3/asynccall, /v3/verify, \
                         /v3/sms and /v3/smsotp"
                    ),
                });
                return Ok(Answer::text(404, "not found"));
            }
        };
        let fields = self.read(version, &request.body, visit.now_ms(), &settings);
        match (operation, fields) {
            ("verify", fields) => self.verify(visit, request, fields, &settings),
            ("sms" | "smsotp", fields) => self.sms(visit, request, operation, fields, &settings),
            (_, fields) => self.call(visit, request, version, operation, fields, &settings),
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(&*self.current()).unwrap_or_default()
    }

    fn configure(&self, change: &Value) -> Result<(), String> {
        let mut state = self.state();
        state.settings = Arc::new(merge_settings(&*state.settings, change)?);
        Ok(())
    }

    fn trigger(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        self.push_again(visit, what)
    }

    fn reset(&self) {
        let mut state = self.state();
        *state = State {
            settings: std::mem::take(&mut state.settings),
            ..State::default()
        };
    }
}

/// Where nobody must follow.
fn redirect(visit: &Visit<'_>) -> Option<Answer> {
    visit
        .quirk("redirect")
        .then(|| Answer::text(307, "elsewhere").header("Location", "http://127.0.0.1:9/elsewhere"))
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// JSON text whose every character is ASCII, as the cipher needs it (docs/protocols/citcall.md, A.3).
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

/// A field that must be a non-empty string.
fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::Null | Value::String(_)) | None => {
            Err(Refusal::new(88, format!("`{name}` is missing")))
        }
        Some(_) => Err(Refusal::new(97, format!("`{name}` is not a string"))),
    }
}

/// A field that is an integer, as a number or, where v3 is lenient (inferred), as its text.
fn integer(fields: &Map<String, Value>, name: &str, lenient: bool) -> Result<Option<i64>, Refusal> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) if number.as_i64().is_some() => Ok(number.as_i64()),
        Some(Value::String(text)) if lenient && text.parse::<i64>().is_ok() => {
            Ok(text.parse().ok())
        }
        Some(_) => Err(Refusal::new(97, format!("`{name}` is not an integer"))),
    }
}

/// The result code that a scenario number asks for.
fn scripted(number: &str) -> Option<u32> {
    number
        .strip_prefix(settings::SCRIPTED)
        .filter(|rest| rest.len() == 2)
        .and_then(|rest| rest.parse().ok())
        .filter(|rc| *rc != 0)
}
