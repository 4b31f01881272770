//! Cowrie (Nigeria): airtime, data and PINs over signed GETs. Facts from `docs/protocols/cowrie.md`; what they leave
//! open is a [`Settings`] field with an inferred default.

mod admit;
mod answer;
mod check;
mod fidelity;
mod order;
mod pin;
mod recharge;
mod settings;
mod signature;
mod state;

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use self::answer::{Form, Object};
use self::order::Order;
use self::settings::Settings;
use self::signature::Signer;
use self::state::State;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::text::{form_pairs, value};

/// Cowrie's side of the wire.
#[derive(Debug)]
pub struct Cowrie {
    client: Account,
    agent: Account,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Account {
    id: &'static str,
    key: &'static str,
    signer: Signer,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: State,
}

/// Test credentials. The keys are invented; that of the client is the one of the published known answers.
const CLIENT: (&str, &str) = (
    "sandbox@example.com",
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
);
const AGENT: (&str, &str) = (
    "agent@example.com",
    "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
);
const TERMINAL: &str = "T-0001";

impl Cowrie {
    /// A room with its default settings.
    #[must_use]
    pub fn new() -> Self {
        let settings = Settings::default();
        let account = |(id, key)| Account {
            id,
            key,
            signer: Signer::new(key),
        };
        let state = State::new(&settings);
        Self {
            client: account(CLIENT),
            agent: account(AGENT),
            inner: Mutex::new(Inner { settings, state }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Cowrie {
    fn default() -> Self {
        Self::new()
    }
}

impl Room for Cowrie {
    fn provider(&self) -> &'static str {
        "cowrie"
    }

    fn credentials(&self) -> Value {
        json!({
            "client_id": self.client.id, "client_key": self.client.key,
            "agent_id": self.agent.id, "agent_key": self.agent.key, "terminal_id": TERMINAL,
        })
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn operations(&self) -> &'static [&'static str] {
        &[
            "balance",
            "credit",
            "data",
            "check",
            "pin-single",
            "pin-batch",
            "redeem",
            "unknown",
        ]
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        order::SCENARIOS
    }

    fn broken_answer(&self) -> Answer {
        self.inner()
            .settings
            .error_body
            .error(500, "Internal error")
    }

    fn settings(&self) -> Value {
        let inner = self.inner();
        let now = Settings {
            balance: inner.state.balance_kobo / 100,
            ..inner.settings.clone()
        };
        serde_json::to_value(now).unwrap_or_default()
    }

    fn configure(&self, change: &Value) -> Result<(), String> {
        let mut inner = self.inner();
        let settings: Settings = merge_settings(&inner.settings, change)?;
        settings.validate()?;
        if change.get("balance").is_some() {
            inner.state.balance_kobo = settings.balance.saturating_mul(100);
        }
        inner.settings = settings;
        Ok(())
    }

    fn reset(&self) {
        let mut inner = self.inner();
        inner.state = State::new(&inner.settings);
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let (terminal, path) = match request.path.as_str() {
            "/terminal/Balance" => (true, "/airtime/Balance"),
            "/terminal/Credit" => (true, "/airtime/Credit"),
            "/terminal/data/Credit" => (true, "/data/Credit"),
            "/terminal/Check" => (true, "/airtime/Check"),
            path => (false, path),
        };
        let pairs = form_pairs(request.query.as_deref().unwrap_or(""));
        let operation = match path {
            "/airtime/Balance" => "balance",
            "/airtime/Credit" => "credit",
            "/data/Credit" => "data",
            "/airtime/Check" => "check",
            "/pin/AllocateSingle" => "pin-single",
            "/pin/Allocate" => "pin-batch",
            "/pin/Redeem" => "redeem",
            _ => {
                visit.begin("unknown")?;
                visit.near_miss(format!(
                    "`{}` is no path of this API; paths are case-exact",
                    request.path
                ));
                return Ok(Answer::text(404, "Not Found"));
            }
        };
        for name in ["net", "amount", "bundle", "unit", "count"] {
            if let Some(found) = value(&pairs, name) {
                visit.detail(name, found);
            }
        }
        if let Some(msisdn) = value(&pairs, "msisdn").filter(|v| !v.is_empty()) {
            visit.number(msisdn);
        }
        let name = if operation == "check" {
            "reference"
        } else {
            "xref"
        };
        if let Some(reference) = value(&pairs, name).filter(|v| !v.is_empty()) {
            visit.reference(reference);
        }
        match operation {
            "balance" | "check" => visit.begin(operation)?,
            _ => visit.begin_spending(operation)?,
        }
        let form = self.inner().settings.error_body;
        if request.method != "GET" {
            visit.near_miss("Cowrie takes GET only, also for calls that move money");
            visit.refuse("not a GET");
            return Ok(form.error(405, "Method not allowed"));
        }
        if let Some(answer) = answer::planted(visit, form) {
            visit.refuse("planted by a fault rule");
            return Ok(answer);
        }
        if let Err(answer) = self.admit(visit, request, terminal) {
            visit.refuse(&format!("{}", answer.status));
            return Ok(answer);
        }
        let grouped = self.inner().settings.grouped_amounts;
        let done = match operation {
            "balance" => {
                let inner = self.inner();
                let balance = match visit.quirk("decimal-balance") {
                    true => json!(format!("{}.50", inner.state.balance_kobo / 100)),
                    false => inner.settings.naira(inner.state.balance_kobo),
                };
                let body = Object::new(Form::of(visit))
                    .with("balance", balance)
                    .with("discount", inner.settings.discount);
                Ok(answer::shaped(visit, body.end()))
            }
            "check" => match value(&pairs, "reference").filter(|v| !v.is_empty()) {
                Some(reference) => Ok(self.check(visit, reference)),
                None => Err((400, "reference required".to_owned())),
            },
            "credit" | "data" => match Order::read(operation, &pairs, grouped) {
                Ok(order) => self.recharge(visit, &order),
                Err(why) => Err((400, why.to_owned())),
            },
            "redeem" => match (
                Order::read(operation, &pairs, grouped),
                value(&pairs, "pin"),
            ) {
                (Ok(order), Some(pin)) if !pin.is_empty() => self.redeem(visit, &order, pin),
                (Err(why), _) => Err((400, why.to_owned())),
                _ => Err((400, "pin required".to_owned())),
            },
            _ => self.allocate(visit, &pairs, operation == "pin-batch"),
        };
        Ok(done.unwrap_or_else(|(status, why)| {
            visit.refuse(&format!("{status} {why}"));
            visit.near_miss(format!("refused with {status}: {why}"));
            form.error(status, &why)
        }))
    }
}
