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

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::fault::Phase;
pub use crate::visit::Visit;

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

    /// The names that this room gives to [`Visit::begin`], so that a fault rule with another one is refused. None: not listed.
    fn operations(&self) -> &'static [&'static str] {
        &[]
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

    /// Whether a page of another site made a browser send it, as far as the browser says.
    pub(crate) fn is_cross_site(&self) -> bool {
        let host = self.header("host").unwrap_or("");
        let foreign = |origin: &str| origin.strip_prefix("http://") != Some(host);
        let fetched = self.header("sec-fetch-site");
        self.header("origin").is_some_and(foreign)
            || !matches!(fetched, None | Some("same-origin" | "none"))
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
