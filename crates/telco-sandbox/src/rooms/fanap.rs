//! FanapPlus' side: subscriptions by SMS code for Iran. docs/protocols/fanap.md, read from the provider's end.

mod admit;
mod answer;
mod api;
mod fidelity;
mod imi;
mod message;
mod near_miss;
mod phone;
mod sdp;
mod session;
mod settings;
mod subscription;
mod verification;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bounded::Bounded;
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::rsa::{PrivateKey, PublicKey};

use answer::Refusal;
use api::Api;
use session::Session;
use settings::Settings;

/// The FanapPlus room: one tenant with one service.
#[derive(Debug)]
pub struct Fanap {
    app_id: String,
    tenant_id: String,
    service_key: String,
    /// The customer's pair; the provider knows the public half.
    merchant: Option<PrivateKey>,
    /// What callbacks are signed with.
    provider: Option<PrivateKey>,
    state: Mutex<State>,
}

/// The product of the `verification` call, and the id of the service in callbacks.
const PRODUCT_ID: &str = "11035";
/// Throw-away keys of the test vectors, which protect nothing.
const MERCHANT_KEY: &str = include_str!("fanap/merchant.pem");
const PROVIDER_KEY: &str = include_str!("fanap/provider.pem");
/// Entries kept per table; the oldest go first.
const KEPT: usize = 100_000;

#[derive(Debug)]
struct State {
    settings: Settings,
    /// Codes that were sent, by the id that start gave.
    sessions: Bounded<String, Session>,
    /// Who is subscribed through which API (national form), and since when a lookup may know.
    subscribed: Bounded<(Api, String), u64>,
    /// Starts per phone in the running hour: the hour and their number.
    starts: Bounded<String, (u64, u64)>,
    /// Dates that were accepted, for the setting that refuses their second use.
    dates: Bounded<String, u64>,
    /// The newest messages, for a callback on demand.
    messages: VecDeque<message::Message>,
    /// Messages that were made on demand.
    on_demand: u64,
    /// How many ids were given for one phone and Date, by a key of both.
    ids: Bounded<u64, u64>,
}

impl State {
    fn new(settings: Settings) -> State {
        State {
            settings,
            sessions: Bounded::new(KEPT),
            subscribed: Bounded::new(KEPT),
            starts: Bounded::new(KEPT),
            dates: Bounded::new(KEPT),
            messages: VecDeque::new(),
            on_demand: 0,
            ids: Bounded::new(KEPT),
        }
    }
}

impl Fanap {
    /// A room whose ids follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Fanap {
        let mut draw = Draw::new(seed, &["fanap", "credentials"], 0);
        Fanap {
            app_id: draw.hex(32).to_lowercase(),
            tenant_id: format!("sandbox.{}", draw.hex(6).to_lowercase()),
            service_key: draw.hex(32).to_lowercase(),
            merchant: PrivateKey::from_pem(MERCHANT_KEY),
            provider: PrivateKey::from_pem(PROVIDER_KEY),
            state: Mutex::new(State::new(Settings::default())),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Settings {
        self.state().settings.clone()
    }

    /// The key that was registered for this tenant.
    fn registered(&self, settings: &Settings) -> Option<PublicKey> {
        match settings.registered_key.as_str() {
            "" => self.merchant.as_ref().map(|pair| pair.public().clone()),
            xml => PublicKey::from_xml(xml),
        }
    }

    fn refuse(
        &self,
        visit: &mut Visit<'_>,
        api: Api,
        refusal: Refusal,
        settings: &Settings,
    ) -> Answer {
        visit.refuse(&refusal.summary());
        let (answer, why) = refusal.into_answer(api, settings);
        visit.near_miss(why);
        answer
    }
}

impl Room for Fanap {
    fn provider(&self) -> &'static str {
        "fanap"
    }

    fn credentials(&self) -> Value {
        let merchant = self.merchant.as_ref();
        json!({
            "app_id": self.app_id,
            "tenant_id": self.tenant_id,
            "service_key": self.service_key,
            "product_id": PRODUCT_ID,
            "private_key": merchant.map(PrivateKey::pem),
            "private_key_xml": merchant.map(PrivateKey::xml),
            "callback_public_key_xml": self.provider.as_ref().map(|pair| pair.public().xml()),
        })
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn operations(&self) -> &'static [&'static str] {
        &[
            "start",
            "commit",
            "imi-start",
            "imi-commit",
            "sdp-start",
            "sdp-commit",
            "verification",
            "unknown",
        ]
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::SCENARIOS
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let settings = self.current();
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/api/Subscription/grant/start") => self.start(visit, request, &settings),
            ("POST", "/api/Subscription/grant/commit") => self.commit(visit, request, &settings),
            ("POST", "/api/otp/start") => self.imi_start(visit, request, &settings),
            ("POST", "/api/otp/commit") => self.imi_commit(visit, request, &settings),
            ("POST", "/api/v1/otp/start") => self.sdp_start(visit, request, &settings),
            ("POST", "/api/v1/otp/commit") => self.sdp_commit(visit, request, &settings),
            ("GET", path) if path.starts_with(verification::PREFIX) => {
                self.verification(visit, request, &settings)
            }
            (method, path) => {
                visit.begin("unknown")?;
                let (status, why) = unmodelled(method, path);
                visit.near_miss(why);
                Ok(Answer::new(status, "text/plain", ""))
            }
        }
    }

    fn settings(&self) -> Value {
        serde_json::to_value(self.current()).unwrap_or_default()
    }

    fn configure(&self, change: &Value) -> Result<(), String> {
        let mut state = self.state();
        let merged: Settings = merge_settings(&state.settings, change)?;
        merged.check()?;
        state.settings = merged;
        Ok(())
    }

    fn trigger(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        self.push_on_demand(visit, what)
    }

    fn reset(&self) {
        let settings = self.current();
        *self.state() = State::new(settings);
    }
}

fn unmodelled(method: &str, path: &str) -> (u16, String) {
    const CALLS: [&str; 6] = [
        "/api/Subscription/grant/start",
        "/api/Subscription/grant/commit",
        "/api/otp/start",
        "/api/otp/commit",
        "/api/v1/otp/start",
        "/api/v1/otp/commit",
    ];
    let verification = verification::PREFIX;
    if CALLS.contains(&path) {
        (405, format!("{method} is not served there; POST is"))
    } else if path.starts_with(verification) {
        (405, format!("{method} is not served there; GET is"))
    } else if let Some(known) = CALLS.iter().find(|known| known.eq_ignore_ascii_case(path)) {
        (
            404,
            format!("the path is {known}: upper and lower case count"),
        )
    } else {
        let calls = CALLS.join(", ");
        (
            404,
            format!(
                "`{path}` is not modelled; there are POST {calls} and GET {verification}{{phone}}/product/{{id}}"
            ),
        )
    }
}
