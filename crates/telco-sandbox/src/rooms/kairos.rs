//! Kairos' side: outbound calls for India, in the clear or in an envelope. docs/protocols/kairos.md, read from the
//! provider's end.

mod admit;
mod codes;
mod create;
mod dial;
mod envelope;
mod fidelity;
mod near_miss;
mod open;
mod order;
mod profile;
mod records;
mod report;
mod settings;
mod start_time;
mod unwrap;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::bounded::Bounded;
use crate::random::Draw;
use crate::room::{Answer, Halt, Request, Room, Rule, Visit, merge_settings};
use crate::rsa::PrivateKey;

use create::Kind;
use records::Record;
use settings::Settings;

/// The Kairos room: an account with one multicast flow and one dialer flow.
#[derive(Debug)]
pub struct Kairos {
    state: Mutex<State>,
    multicast: FlowId,
    dialer: FlowId,
}

/// What identifies a flow; its key pair can be replaced.
#[derive(Debug)]
struct FlowId {
    flow_id: String,
    security_id: String,
}

#[derive(Debug)]
struct State {
    settings: Arc<Settings>,
    /// Calls paid for so far.
    spent: u64,
    /// Key pairs by flow, the newest last.
    keys: HashMap<String, Vec<PrivateKey>>,
    /// When each checksum was seen.
    checksums: Bounded<Vec<u8>, u64>,
    /// Calls that were placed, by phonon-uuid.
    records: Bounded<String, Record>,
    /// The running minute and the requests in it, for each of the two hosts.
    real_time_minute: (u64, u64),
    bulk_minute: (u64, u64),
}

/// Records and checksums kept; the oldest go first.
const KEPT: usize = 200_000;

/// The flows' first key pairs: throw-away keys of the test vectors, which protect nothing.
const MULTICAST_KEY: &str = include_str!("kairos/flow-2048.pem");
const DIALER_KEY: &str = include_str!("kairos/flow-4096.pem");

/// A refusal: the body code and what is wrong, for the developer.
#[derive(Debug)]
struct Refusal {
    code: u16,
    why: String,
}

impl Refusal {
    fn new(code: u16, why: impl Into<String>) -> Refusal {
        Refusal {
            code,
            why: why.into(),
        }
    }
}

impl Kairos {
    /// A room whose ids follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Kairos {
        let flow = |name: &str| {
            let mut draw = Draw::new(seed, &["kairos", "credentials", name], 0);
            FlowId {
                flow_id: draw.hex(8),
                security_id: draw.hex(64).to_lowercase(),
            }
        };
        let (multicast, dialer) = (flow("multicast"), flow("dialer"));
        let state = State::new(Arc::default(), &multicast, &dialer);
        Kairos {
            state: Mutex::new(state),
            multicast,
            dialer,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn current(&self) -> Arc<Settings> {
        Arc::clone(&self.state().settings)
    }

    /// The key pairs of a flow, the newest first.
    fn keys(&self, flow_id: &str) -> Vec<PrivateKey> {
        let state = self.state();
        let keys = state.keys.get(flow_id).into_iter().flatten();
        keys.rev().cloned().collect()
    }

    /// The JSON of a code, as the real-time and dialer hosts answer it.
    fn coded(&self, visit: &Visit<'_>, code: u16, settings: &Settings) -> Answer {
        let message = codes::message(code).unwrap_or("Unlisted");
        let mut body = json!({ "api-response-code": code, "api-response-message": message });
        if let Value::Object(body) = &mut body {
            if visit.quirk("string-code") {
                body.insert("api-response-code".into(), json!(code.to_string()));
            }
            if visit.quirk("missing-code") {
                body.remove("api-response-code");
            }
        }
        let status = if code == 200 {
            200
        } else {
            settings.failure_status
        };
        Answer::json(status, &body)
    }

    /// Whether the caller's address may be served at all.
    fn known_address(&self, request: &Request, settings: &Settings) -> Result<(), Refusal> {
        listed(request, &settings.allowed_ips, "allowed_ips")
    }
}

impl State {
    fn new(settings: Arc<Settings>, multicast: &FlowId, dialer: &FlowId) -> State {
        let keys = [(multicast, MULTICAST_KEY), (dialer, DIALER_KEY)];
        State {
            settings,
            spent: 0,
            keys: keys
                .into_iter()
                .filter_map(|(flow, pem)| {
                    Some((flow.flow_id.clone(), vec![PrivateKey::from_pem(pem)?]))
                })
                .collect(),
            checksums: Bounded::new(KEPT),
            records: Bounded::new(KEPT),
            real_time_minute: (0, 0),
            bulk_minute: (0, 0),
        }
    }
}

impl Room for Kairos {
    fn provider(&self) -> &'static str {
        "kairos"
    }

    fn base_path(&self) -> &'static str {
        "/kairos-apis"
    }

    fn credentials(&self) -> Value {
        let flow = |flow: &FlowId| {
            let keys = self.keys(&flow.flow_id);
            json!({
                "security_id": flow.security_id,
                "flow_id": flow.flow_id,
                "public_key": keys.first().map(|key| key.public().pem()),
            })
        };
        let mut all = flow(&self.multicast);
        if let Value::Object(all) = &mut all {
            all.insert("dialer".into(), flow(&self.dialer));
            all.insert(
                "bulk_path".into(),
                json!("/bulk/kairos-apis/outbound/create"),
            );
            all.insert("pull_path".into(), json!("/kairos-apis/pull"));
        }
        all
    }

    fn fidelity(&self) -> &'static [Rule] {
        fidelity::RULES
    }

    fn operations(&self) -> &'static [&'static str] {
        &["create", "pull", "generate-key-pair", "unknown"]
    }

    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::QUIRKS
    }

    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        fidelity::SCENARIOS
    }

    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
        let settings = self.current();
        let bulk_host = request
            .header("host")
            .is_some_and(|host| host.starts_with("central-api."));
        let kind = match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/bulk/kairos-apis/outbound/create") => Kind::Bulk,
            ("POST", "/kairos-apis/outbound/create") if bulk_host => Kind::Bulk,
            ("POST", "/kairos-apis/outbound/create") => Kind::RealTime,
            ("POST", "/kairos-apis/outbounddialer/create") => Kind::Dialer,
            ("POST", "/kairos-apis/enc/outbound/create") => Kind::EncryptedRealTime,
            ("POST", "/kairos-apis/enc/outbounddialer/create") => Kind::EncryptedDialer,
            ("POST", "/kairos-apis/enc/outbound/generateKeyPair") => {
                return self.generate_key_pair(visit, request, &settings);
            }
            ("POST", "/kairos-apis/pull") => return self.pull(visit, request, &settings),
            (method, path) => {
                visit.begin("unknown")?;
                visit.near_miss(unmodelled(method, path));
                return Ok(Answer::text(404, "not found"));
            }
        };
        self.create(visit, request, kind, &settings)
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
        let settings = self.current();
        *self.state() = State::new(settings, &self.multicast, &self.dialer);
    }
}

/// Whether the caller is on this white list; an empty one is no list.
fn listed(request: &Request, list: &[String], setting: &str) -> Result<(), Refusal> {
    let peer = request.peer.ip();
    let is_on_it = |peer: &str| list.iter().any(|ip| ip == peer);
    if list.is_empty() || is_on_it(&peer.to_string()) {
        return Ok(());
    }
    let why = format!("{peer} is not on the white list (setting `{setting}`)");
    Err(Refusal::new(401, why))
}

fn unmodelled(method: &str, path: &str) -> String {
    let known = [
        "/outbound/create",
        "/outbounddialer/create",
        "/enc/outbound/create",
        "/enc/outbounddialer/create",
        "/enc/outbound/generateKeyPair",
        "/pull",
    ];
    if let Some(rest) = known.iter().find(|known| **known == path) {
        format!("the prefix is missing: the path is /kairos-apis{rest}")
    } else if known
        .iter()
        .any(|known| path == format!("/kairos-apis{known}"))
    {
        format!("{method} is not served there; POST is")
    } else if path.contains("cancel") || path.contains("status") || path.contains("balance") {
        format!("`{path}`: the provider documents no such operation")
    } else {
        format!(
            "`{path}` is not modelled; under /kairos-apis there are {}",
            known.join(", ")
        )
    }
}
