//! The sandbox itself: start it, ask it for the truth, break it, drop it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::Builder;
use crate::callback::Callbacks;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::handset::Received;
use crate::history::History;
use crate::http::Limits;
use crate::ledger::{Ledger, Operation, Told, Totals};
use crate::shared::Shared;

/// A running sandbox: one listener per provider and one for the console and the admin API, all on loopback. Everything
/// ends when it is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// use telco_sandbox::{FaultRule, Phase, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// let base_url = sandbox.base_url("cowrie").unwrap(); // http://127.0.0.1:PORT
/// let key = sandbox.credentials("cowrie").unwrap()["client_key"].clone();
/// assert!(base_url.starts_with("http://127.0.0.1:") && key.is_string());
///
/// // From now on the second credit happens, and its caller never hears of it.
/// sandbox.faults().add(FaultRule::new(Phase::ActThenReset).provider("cowrie").operation("credit").nth(2));
///
/// // … drive a client against `base_url`, then ask what really happened:
/// assert_eq!(sandbox.totals().doubled, 0);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) shared: Arc<Shared>,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) tasks: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts all providers on free loopback ports.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Seed, ports, rooms, limits.
    pub fn builder() -> Builder {
        Builder {
            seed: 0,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            rooms: Vec::new(),
            limits: Limits::default(),
            operations: 250_000,
            requests: 20_000,
            excerpt: 4_096,
            at: None,
            fixture: None,
        }
    }

    /// The base URL to give to a client of this provider.
    #[must_use]
    pub fn base_url(&self, provider: &str) -> Option<String> {
        let hosted = self.shared.hosted(provider)?;
        Some(format!(
            "http://{}{}",
            hosted.address,
            hosted.room.base_path()
        ))
    }

    /// What a client of this provider needs beside the base URL.
    #[must_use]
    pub fn credentials(&self, provider: &str) -> Option<Value> {
        Some(self.shared.hosted(provider)?.room.credentials())
    }

    /// Console, base URLs and credentials as one JSON object.
    #[must_use]
    pub fn describe(&self) -> Value {
        self.shared.describe()
    }

    /// Where the console and the admin API (`/_sandbox/…`) are.
    #[must_use]
    pub fn console_url(&self) -> String {
        format!("http://{}/", self.shared.console)
    }

    /// The ledger of truth.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.shared.ledger
    }

    /// One operation, as it really went.
    #[must_use]
    pub fn operation(&self, provider: &str, reference: &str) -> Option<Operation> {
        self.shared.ledger.operation(provider, reference)
    }

    /// What reached a phone, newest first: missed calls, messages, calls of a flow, as its owner sees them. Only the
    /// digits of the number count; they are international.
    #[must_use]
    pub fn handset(&self, number: &str) -> Vec<Received> {
        self.shared.handsets.catch_up(self.shared.clock.now_ms());
        self.shared.handsets.read(number)
    }

    /// Sums over everything.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.ledger.totals()
    }

    /// Reports what the caller of a client was told about an operation. *Lost*, *denied* and *undecided* rest on it.
    pub fn told(&self, provider: &str, reference: &str, told: Told) {
        self.shared.told(provider, reference, told);
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// The providers' clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The last requests.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.shared.history
    }

    /// Callbacks and who listens to them.
    #[must_use]
    pub fn callbacks(&self) -> &Callbacks {
        &self.shared.callbacks
    }

    /// Closes the port of a provider (connections are refused, open ones break) or opens it again.
    pub async fn set_down(&self, provider: &str, down: bool) {
        self.shared.set_down(provider, down).await;
    }

    /// Changes settings of a room, field by field; `GET /_sandbox/fidelity` lists them.
    ///
    /// # Errors
    ///
    /// A sentence that names what is wrong.
    pub fn configure(&self, provider: &str, change: &Value) -> Result<(), String> {
        self.shared.configure(provider, change)
    }

    /// Has a room do something of its own accord, such as push the callback of an event.
    ///
    /// # Errors
    ///
    /// A sentence that names what is wrong.
    pub fn trigger(&self, provider: &str, what: &Value) -> Result<(), String> {
        self.shared.trigger(provider, what)
    }

    /// Back to the state of the start: ledger, history, faults, callbacks, time, accounts. A port that was closed opens again a
    /// moment later; listeners and settings stay.
    pub fn reset(&self) {
        self.shared.reset();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}
