//! Citcall's side: missed-call codes for Indonesia. docs/protocols/citcall.md, read from the provider's end.

mod account;
mod admit;
mod auth;
mod call;
mod cipher;
mod fidelity;
mod fields;
mod near_miss;
mod number;
mod reply;
mod settings;
mod sms;
mod verify;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bounded::Bounded;
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};

use auth::Account;
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

#[derive(Debug)]
struct State {
    settings: Arc<Settings>,
    /// Rupiah spent so far.
    spent: u64,
    /// Counts up, so that transaction ids differ within a millisecond.
    last_trxid: u64,
    /// Codes that `verify` can check, by transaction id.
    sessions: Bounded<String, Session>,
    /// Which gateway each reference rang first through; long ones as the ledger keeps them.
    first_gateway: Bounded<String, i64>,
    /// The newest calls, for a callback on demand.
    calls: VecDeque<call::Placed>,
}

/// Entries kept per table; the oldest go first.
const KEPT: usize = 100_000;

impl State {
    fn new(settings: Arc<Settings>) -> State {
        State {
            settings,
            spent: 0,
            last_trxid: 0,
            sessions: Bounded::new(KEPT),
            first_gateway: Bounded::new(KEPT),
            calls: VecDeque::new(),
        }
    }
}

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
            state: Mutex::new(State::new(Arc::default())),
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
}

impl Room for Citcall {
    fn provider(&self) -> &'static str {
        "citcall"
    }

    fn credentials(&self) -> Value {
        json!({ "user_id": self.user_id, "api_key": self.api_key, "password": self.password })
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn operations(&self) -> &'static [&'static str] {
        &["asynccall", "motp", "verify", "sms", "smsotp", "unknown"]
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::SCENARIOS
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
        let merged: Settings = merge_settings(&*state.settings, change)?;
        merged.check()?;
        state.settings = Arc::new(merged);
        Ok(())
    }

    fn trigger(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        self.push_again(visit, what)
    }

    fn reset(&self) {
        let mut state = self.state();
        *state = State::new(Arc::clone(&state.settings));
    }
}
