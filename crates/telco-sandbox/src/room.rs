//! A room: one provider's side of the wire. Write one by implementing [`Room`]; faults, ledger, history, callbacks,
//! time and chance come to it through [`Visit`].
//!
//! A room reads the request, says as soon as it can what is being asked with [`Visit::begin`] (that is where faults
//! *before* acting happen), checks it as the provider would, reports what it does with [`Visit::deliver`] or
//! [`Visit::refuse`], and returns the answer. Faults *after* acting happen to the finished answer.
//!
//! ```
//! use telco_sandbox::{Answer, Halt, Request, Room, Rule, Sandbox, Visit};
//!
//! #[derive(Debug)]
//! struct Bell;
//!
//! impl Room for Bell {
//!     fn provider(&self) -> &'static str { "bell" }
//!     fn credentials(&self) -> serde_json::Value { serde_json::json!({ "token": "t-1" }) }
//!     fn fidelity(&self) -> &'static [Rule] { &[] }
//!     fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt> {
//!         visit.reference(&request.path).begin_spending("ring")?;
//!         if request.header("token") != Some("t-1") {
//!             visit.near_miss("the `token` header is not the one of GET /_sandbox/credentials");
//!             visit.refuse("wrong token");
//!             return Ok(Answer::json(403, &serde_json::json!({ "message": "no" })));
//!         }
//!         visit.deliver();
//!         Ok(Answer::json(200, &serde_json::json!({ "rung": true })))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::builder().room(Bell).start().await?;
//! assert!(sandbox.base_url("bell").is_some());
//! # Ok(()) }
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::callback::Callback;
use crate::clock::Clock;
use crate::fault::{Chosen, Faults, Phase};
use crate::handset::{Arrival, Handsets, Received};
use crate::ledger::{Asked, Ledger, What};
use crate::random::Draw;

/// One provider's side of the wire.
pub trait Room: fmt::Debug + Send + Sync + 'static {
    /// The provider's name, as scopes and the ledger use it: `"cowrie"`.
    fn provider(&self) -> &'static str;

    /// What a client needs beside the base URL, as one JSON object.
    fn credentials(&self) -> Value;

    /// What is modelled, how sure that is, and what may be changed: one row per rule.
    fn fidelity(&self) -> &'static [Rule];

    /// Answers one request.
    ///
    /// # Errors
    ///
    /// [`Halt`], only ever handed on from [`Visit::begin`]: a fault happens before the provider acts.
    fn answer(&self, visit: &mut Visit<'_>, request: &Request) -> Result<Answer, Halt>;

    /// What follows the origin in the base URL, for providers whose clients are given a path too.
    fn base_path(&self) -> &'static str {
        ""
    }

    /// Misbehaviours that only this room knows: name and meaning. A [`FaultRule`](crate::FaultRule) asks for one by
    /// name; the room finds it with [`Visit::quirk`].
    fn quirks(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// Numbers that behave in a special way: number and behaviour.
    fn scenarios(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// The answer of a server that breaks (HTTP 500), in the provider's form.
    fn broken_answer(&self) -> Answer {
        Answer::text(500, "Internal Server Error")
    }

    /// The settings in force, as JSON.
    fn settings(&self) -> Value {
        Value::Null
    }

    /// Changes settings: the JSON of [`settings`](Self::settings), or a part of it.
    ///
    /// # Errors
    ///
    /// A sentence for the user who wrote the setting.
    fn configure(&self, change: &Value) -> Result<(), String> {
        let _ = change;
        Err("this room has no settings".to_owned())
    }

    /// Does something of its own accord, such as the callback of an event: `POST /_sandbox/trigger`.
    ///
    /// # Errors
    ///
    /// A sentence for the user who pulled the trigger.
    fn trigger(&self, visit: &mut Visit<'_>, what: &Value) -> Result<(), String> {
        let _ = (visit, what);
        Err("this room pushes nothing".to_owned())
    }

    /// Forgets everything but its settings and credentials.
    fn reset(&self) {}
}

/// One row of the fidelity list: what the sandbox does, and how sure anybody can be that the provider does so.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Rule {
    /// What it is about.
    pub rule: &'static str,
    /// What the sandbox does.
    pub behaviour: &'static str,
    /// `proven`, `documented`, `observed`, `claimed`, `inferred` or `unknown`.
    pub grade: &'static str,
    /// The setting that changes it, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<&'static str>,
}

impl Rule {
    /// A rule that no setting changes.
    #[must_use]
    pub const fn fixed(grade: &'static str, rule: &'static str, behaviour: &'static str) -> Self {
        Self {
            rule,
            behaviour,
            grade,
            setting: None,
        }
    }

    /// A rule that a setting changes.
    #[must_use]
    pub const fn set_by(
        grade: &'static str,
        rule: &'static str,
        behaviour: &'static str,
        setting: &'static str,
    ) -> Self {
        Self {
            rule,
            behaviour,
            grade,
            setting: Some(setting),
        }
    }
}

/// A request, as it came over the wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Request {
    /// The method, as sent.
    pub method: String,
    /// The path as sent, undecoded.
    pub path: String,
    /// What follows the first `?` of the target, undecoded; `None` without a `?`.
    pub query: Option<String>,
    /// Names as sent (compare without case) and values, in order.
    pub headers: Vec<(Bytes, Bytes)>,
    /// The body.
    pub body: Bytes,
    /// Who sent it.
    pub peer: SocketAddr,
}

impl Request {
    /// The first header of this name, if its value is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes()))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Path and query as they stood in the request line.
    #[must_use]
    pub fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// An answer, before it goes onto the wire.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers beside `Content-Length` and `Connection`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// An answer of any kind.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into(),
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A plain text answer.
    #[must_use]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.into())
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A fault stops the request before the provider acts. Made by [`Visit::begin`] only; a room hands it on with `?`.
#[derive(Debug)]
pub struct Halt(pub(crate) Phase);

/// Everything a room needs while it answers one request.
#[derive(Debug)]
pub struct Visit<'a> {
    pub(crate) world: World<'a>,
    pub(crate) provider: &'static str,
    pub(crate) exchange: u64,
    /// Whether the connection already served a request.
    pub(crate) reused: bool,
    pub(crate) operation: &'static str,
    pub(crate) reference: Option<String>,
    pub(crate) number: Option<String>,
    pub(crate) detail: Vec<(&'static str, String)>,
    pub(crate) chosen: Chosen,
    pub(crate) acted: bool,
    pub(crate) near_misses: Vec<String>,
    pub(crate) touched: Vec<String>,
    pub(crate) callbacks: Vec<Callback>,
    /// Whether something reached a phone.
    pub(crate) rang: bool,
    random: Option<Draw>,
}

/// What all visits share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct World<'a> {
    pub(crate) seed: u64,
    pub(crate) clock: &'a Clock,
    pub(crate) faults: &'a Faults,
    pub(crate) ledger: &'a Ledger,
    pub(crate) handsets: &'a Handsets,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(
        world: World<'a>,
        provider: &'static str,
        exchange: u64,
        reused: bool,
    ) -> Self {
        Self {
            world,
            provider,
            exchange,
            reused,
            operation: "",
            reference: None,
            number: None,
            detail: Vec::new(),
            chosen: Chosen::default(),
            acted: false,
            near_misses: Vec::new(),
            touched: Vec::new(),
            callbacks: Vec::new(),
            rang: false,
            random: None,
        }
    }

    /// The caller's reference of the business operation. Say it before [`begin`](Self::begin).
    pub fn reference(&mut self, reference: impl Into<String>) -> &mut Self {
        self.reference = Some(reference.into());
        self
    }

    /// The phone number it concerns, in the provider's form. Say it before [`begin`](Self::begin).
    pub fn number(&mut self, number: impl Into<String>) -> &mut Self {
        self.number = Some(number.into());
        self
    }

    /// One more thing the ledger should show. Say it before [`begin_spending`](Self::begin_spending).
    pub fn detail(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.detail.push((name, value.into()));
        self
    }

    /// Says which operation this is: a read, or a call whose business operations the room itself will name with
    /// [`request_for`](Self::request_for) (a batch). Faults that come before acting happen here.
    ///
    /// # Errors
    ///
    /// [`Halt`], to hand on with `?`.
    pub fn begin(&mut self, operation: &'static str) -> Result<(), Halt> {
        self.operation = operation;
        let reused = self.reused;
        let fits = |phase| match phase {
            Phase::Refuse => false,
            Phase::ResetReused => reused,
            _ => true,
        };
        self.chosen = self.world.faults.choose(
            self.provider,
            operation,
            self.number.as_deref(),
            self.reference.as_deref(),
            fits,
        );
        match self.chosen.phase {
            Some(phase) if !phase.acts() => Err(Halt(phase)),
            _ => Ok(()),
        }
    }

    /// [`begin`](Self::begin) for an operation that costs: the ledger opens (or finds) the operation of this reference
    /// and counts the request. Without a reference, the request is an operation of its own.
    ///
    /// # Errors
    ///
    /// [`Halt`], to hand on with `?`.
    pub fn begin_spending(&mut self, operation: &'static str) -> Result<(), Halt> {
        let reference = self
            .reference
            .get_or_insert_with(|| format!("request-{}", self.exchange))
            .clone();
        let (number, detail) = (self.number.take(), std::mem::take(&mut self.detail));
        self.request_for(operation, &reference, number.as_deref(), &detail);
        self.number = number;
        self.detail = detail;
        self.begin(operation)
    }

    /// Opens (or finds) one business operation and counts a request for it: for the members of a batch.
    pub fn request_for(
        &mut self,
        kind: &'static str,
        reference: &str,
        number: Option<&str>,
        detail: &[(&'static str, String)],
    ) {
        let asked = Asked {
            provider: self.provider,
            kind,
            reference,
            number,
            detail,
        };
        self.world
            .ledger
            .requested(self.world.clock.now_ms(), self.exchange, &asked);
        self.touch(reference);
    }

    /// It really happened: the operation of this request was done once (more).
    pub fn deliver(&mut self) {
        if let Some(reference) = self.reference.clone() {
            self.deliver_of(&reference);
        }
    }

    /// It really happened: for one member of a batch.
    pub fn deliver_of(&mut self, reference: &str) {
        self.acted = true;
        self.world.ledger.delivered(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
        );
        self.touch(reference);
    }

    /// It did not happen, and why.
    pub fn refuse(&mut self, why: &str) {
        if let Some(reference) = self.reference.clone().filter(|r| self.touched.contains(r)) {
            self.refuse_of(&reference, why);
        }
    }

    /// It did not happen, for one member of a batch.
    pub fn refuse_of(&mut self, reference: &str, why: &str) {
        self.world.ledger.refused(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
            why,
        );
        self.touch(reference);
    }

    /// The reference under which the ledger files this request; empty before there is one.
    #[must_use]
    pub fn reference_of(&self) -> &str {
        self.reference.as_deref().unwrap_or("")
    }

    /// Something reaches a phone; its number in international digits. Tests read it with
    /// [`Sandbox::handset`](crate::Sandbox::handset).
    pub fn arrive(&mut self, number: &str, arrival: Arrival) {
        let reference = self.reference_of().to_owned();
        self.arrive_of(&reference, number, arrival);
    }

    /// The same for one member of a batch.
    pub fn arrive_of(&mut self, reference: &str, number: &str, arrival: Arrival) {
        let received = Received {
            at_ms: self.now_ms(),
            provider: self.provider,
            reference: reference.to_owned(),
            arrival,
        };
        self.world.handsets.arrive(number, received);
        self.rang = true;
    }

    /// A line in the story of an existing operation: a lookup of it, a reversal, a note.
    pub fn note(&mut self, reference: &str, what: What) {
        self.world.ledger.note(
            self.world.clock.now_ms(),
            self.exchange,
            self.provider,
            reference,
            what,
        );
    }

    /// Explains a refusal to the developer: shown in the admin API and on screen, never in the provider's answer.
    pub fn near_miss(&mut self, text: impl Into<String>) {
        self.near_misses.push(text.into());
    }

    /// Pushes a callback to the listener of this provider (or to the URL it names), after the answer.
    pub fn push(&mut self, callback: Callback) {
        self.callbacks.push(callback);
    }

    /// The time the provider believes it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.world.clock.now()
    }

    /// The same in milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.world.clock.now_ms()
    }

    /// How long what is done now stays invisible to lookups, beyond the room's own setting.
    #[must_use]
    pub fn lookup_delay(&self) -> Duration {
        self.chosen.lookup_delay
    }

    /// Whether a rule asks this room to misbehave in this way.
    #[must_use]
    pub fn quirk(&self, name: &str) -> bool {
        self.chosen.quirk.as_deref() == Some(name)
    }

    /// Chance that repeats: the same seed, operation, reference and request number give the same stream.
    pub fn random(&mut self) -> &mut Draw {
        let reference = self.reference.as_deref().unwrap_or("");
        let ordinal = match reference {
            "" => self.exchange,
            known => self.world.ledger.requests_of(self.provider, known),
        };
        self.random.get_or_insert_with(|| {
            Draw::new(
                self.world.seed,
                &[self.provider, self.operation, reference, "room"],
                ordinal,
            )
        })
    }

    fn touch(&mut self, reference: &str) {
        if !self.touched.iter().any(|r| r == reference) {
            self.touched.push(reference.to_owned());
        }
    }
}

/// Settings of a room as JSON, changed field by field.
///
/// # Errors
///
/// A sentence that names the field.
pub fn merge_settings<S>(current: &S, change: &Value) -> Result<S, String>
where
    S: Serialize + serde::de::DeserializeOwned,
{
    let Value::Object(change) = change else {
        return Err("settings are a JSON object".to_owned());
    };
    let now = serde_json::to_value(current).map_err(|e| e.to_string())?;
    let mut now: BTreeMap<String, Value> =
        serde_json::from_value(now).map_err(|e| e.to_string())?;
    for (name, value) in change {
        match now.get_mut(name) {
            Some(slot) => value.clone_into(slot),
            None => {
                let known: Vec<_> = now.keys().map(String::as_str).collect();
                return Err(format!(
                    "there is no setting `{name}`; there are: {}",
                    known.join(", ")
                ));
            }
        }
    }
    let merged = Value::Object(now.into_iter().collect());
    serde_json::from_value(merged).map_err(|e| e.to_string())
}
