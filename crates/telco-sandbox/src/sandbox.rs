//! The sandbox itself: start it, ask it for the truth, break it, drop it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

use crate::callback::{self, Callbacks};
use crate::clock::Clock;
use crate::fault::{FaultRule, Faults};
use crate::handset::{Handsets, Received};
use crate::history::History;
use crate::http::Limits;
use crate::ledger::{Ledger, Operation, Told, Totals};
use crate::room::{Room, Visit, World};
use crate::{admin, rooms, serve};

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
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// How to start a [`Sandbox`].
#[derive(Debug)]
#[must_use]
pub struct Builder {
    seed: u64,
    listen: SocketAddr,
    rooms: Vec<Arc<dyn Room>>,
    limits: Limits,
    operations: usize,
    requests: usize,
    excerpt: usize,
    at: Option<SystemTime>,
    fixture: Option<Value>,
}

/// One provider and its listener.
#[derive(Debug)]
pub(crate) struct Hosted {
    pub(crate) room: Arc<dyn Room>,
    pub(crate) address: SocketAddr,
    pub(crate) down: watch::Sender<bool>,
    pub(crate) open: watch::Sender<bool>,
}

/// What all tasks of one sandbox share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) seed: u64,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) ledger: Ledger,
    pub(crate) handsets: Handsets,
    pub(crate) history: History,
    pub(crate) callbacks: Callbacks,
    pub(crate) hosted: Vec<Hosted>,
    pub(crate) limits: Limits,
    pub(crate) console: SocketAddr,
    pub(crate) events: broadcast::Sender<Arc<str>>,
    fixture: Option<Value>,
    stop: watch::Receiver<bool>,
}

/// The state a sandbox starts in, and returns to on reset: a JSON file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fixture {
    /// Settings by provider.
    rooms: Map<String, Value>,
    faults: Vec<FaultRule>,
    /// Callback URL by provider.
    listen: Map<String, Value>,
    /// Milliseconds since the epoch.
    now_ms: Option<u64>,
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
        self.shared.handsets.read(number)
    }

    /// Sums over everything.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.ledger.totals()
    }

    /// Reports what the caller of a client was told about an operation. *Lost* and *undecided* rest on it.
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

    /// Back to the state of the start: ledger, history, faults, callbacks, time, accounts.
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

impl Builder {
    /// Decides everything that chance decides. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Address of the console; with a port other than 0 the providers follow on the next ports. Default `127.0.0.1:0`.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Adds a room; without any, all built-in providers are there.
    pub fn room(mut self, room: impl Room) -> Self {
        self.rooms.push(Arc::new(room));
        self
    }

    /// The time at the start; it runs on from there.
    pub fn at(mut self, now: SystemTime) -> Self {
        self.at = Some(now);
        self
    }

    /// Limits of the HTTP side.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many operations and requests memory holds. Default 250,000 and 20,000. The sums count forgotten ones too.
    pub fn memory(mut self, operations: usize, requests: usize) -> Self {
        self.operations = operations;
        self.requests = requests;
        self
    }

    /// Settings, faults, listeners and time to begin with: `{"rooms": {"cowrie": {…}}, "faults": […], "listen": {…},
    /// "now_ms": …}`.
    pub fn fixture(mut self, fixture: Value) -> Self {
        self.fixture = Some(fixture);
        self
    }

    /// Opens the ports and starts to serve.
    ///
    /// # Errors
    ///
    /// When a port cannot be had, or the fixture is wrong.
    pub async fn start(self) -> io::Result<Sandbox> {
        let rooms = if self.rooms.is_empty() {
            rooms::all(self.seed)
        } else {
            self.rooms
        };
        let console = bind(self.listen)?;
        let mut hosted = Vec::new();
        let mut listeners = Vec::new();
        for (room, n) in rooms.into_iter().zip(1u16..) {
            let mut address = self.listen;
            if address.port() != 0 {
                address.set_port(address.port().saturating_add(n));
            }
            let listener = bind(address)?;
            let (down, _) = watch::channel(false);
            let (open, _) = watch::channel(true);
            hosted.push(Hosted {
                room,
                address: listener.local_addr()?,
                down,
                open,
            });
            listeners.push(listener);
        }
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            seed: self.seed,
            clock: Clock::default(),
            faults: Faults::new(self.seed),
            ledger: Ledger::new(self.operations),
            handsets: Handsets::default(),
            history: History::new(self.requests, self.excerpt),
            callbacks: Callbacks::default(),
            hosted,
            limits: self.limits,
            console: console.local_addr()?,
            events: broadcast::channel(1_024).0,
            fixture: self.fixture,
            stop: stopped,
        });
        if let Some(at) = self.at {
            shared.clock.set(at);
        }
        if let Some(fixture) = &shared.fixture {
            shared.load(fixture).map_err(io::Error::other)?;
        }
        let mut tasks = vec![
            tokio::spawn(callback::run(Arc::clone(&shared))),
            tokio::spawn(admin::serve(Arc::clone(&shared), console)),
        ];
        for (index, listener) in listeners.into_iter().enumerate() {
            tasks.push(tokio::spawn(serve::room(
                Arc::clone(&shared),
                index,
                listener,
            )));
        }
        Ok(Sandbox {
            shared,
            stop,
            tasks,
        })
    }
}

/// A listener whose port can be taken again at once after a shutdown.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1_024)
}

fn quirk_is_known<'a>(
    rule: &FaultRule,
    rooms: impl IntoIterator<Item = &'a Arc<dyn Room>>,
) -> Result<(), String> {
    let Some(wanted) = rule.quirk.as_deref() else {
        return Ok(());
    };
    let known: Vec<&str> = rooms
        .into_iter()
        .flat_map(|room| room.quirks().iter().map(|(name, _)| *name))
        .collect();
    if known.contains(&wanted) {
        return Ok(());
    }
    Err(format!(
        "there is no quirk `{wanted}` here; there are: {}",
        known.join(", ")
    ))
}

impl Shared {
    pub(crate) fn hosted(&self, provider: &str) -> Option<&Hosted> {
        self.hosted.iter().find(|h| h.room.provider() == provider)
    }

    pub(crate) fn known(&self, provider: &str) -> Result<&Hosted, String> {
        self.hosted(provider).ok_or_else(|| {
            let known: Vec<_> = self.hosted.iter().map(|h| h.room.provider()).collect();
            format!(
                "there is no provider `{provider}` here; there are: {}",
                known.join(", ")
            )
        })
    }

    pub(crate) fn world(&self) -> World<'_> {
        World {
            seed: self.seed,
            clock: &self.clock,
            faults: &self.faults,
            ledger: &self.ledger,
            handsets: &self.handsets,
        }
    }

    pub(crate) fn describe(&self) -> Value {
        let mut all = Map::new();
        all.insert(
            "console".to_owned(),
            json!(format!("http://{}/", self.console)),
        );
        for hosted in &self.hosted {
            let mut about = match hosted.room.credentials() {
                Value::Object(about) => about,
                other => Map::from_iter([("credentials".to_owned(), other)]),
            };
            let base = format!("http://{}{}", hosted.address, hosted.room.base_path());
            about.insert("base_url".to_owned(), json!(base));
            all.insert(hosted.room.provider().to_owned(), Value::Object(about));
        }
        Value::Object(all)
    }

    pub(crate) fn told(&self, provider: &str, reference: &str, told: Told) {
        if let Some(hosted) = self.hosted(provider) {
            let provider = hosted.room.provider();
            self.ledger
                .told(self.clock.now_ms(), provider, reference, told);
            self.announce_operation(provider, reference);
        }
    }

    pub(crate) fn configure(&self, provider: &str, change: &Value) -> Result<(), String> {
        self.known(provider)?.room.configure(change)
    }

    pub(crate) fn trigger(&self, provider: &str, what: &Value) -> Result<(), String> {
        let room = &self.known(provider)?.room;
        let mut visit = Visit::new(self.world(), room.provider(), 0, false);
        room.trigger(&mut visit, what)?;
        self.enqueue_callbacks(&mut visit);
        for reference in &visit.touched {
            self.announce_operation(room.provider(), reference);
        }
        Ok(())
    }

    /// Hands the callbacks of a visit to the queue.
    pub(crate) fn enqueue_callbacks(&self, visit: &mut Visit<'_>) {
        for callback in std::mem::take(&mut visit.callbacks) {
            let (number, reference) = (callback.number.as_deref(), callback.reference.as_deref());
            let fault =
                self.faults
                    .choose_callback(visit.provider, visit.operation, number, reference);
            self.callbacks
                .enqueue(self.clock.now_ms(), visit.provider, callback, fault);
        }
    }

    pub(crate) async fn set_down(&self, provider: &str, down: bool) {
        if let Some(hosted) = self.hosted(provider) {
            let mut open = hosted.open.subscribe();
            hosted.down.send_replace(down);
            let settled = open.wait_for(|open| *open != down);
            let _ = tokio::time::timeout(Duration::from_secs(5), settled).await;
        }
    }

    pub(crate) fn reset(&self) {
        self.clock.reset();
        self.faults.clear();
        self.ledger.clear();
        self.handsets.clear();
        self.history.clear();
        self.callbacks.clear();
        for hosted in &self.hosted {
            hosted.room.reset();
        }
        if let Some(fixture) = &self.fixture {
            // It was accepted at the start.
            let _ = self.load(fixture);
        }
        self.announce("reset", || Value::Null);
    }

    /// Loads a fixture on top of what is there.
    pub(crate) fn load(&self, fixture: &Value) -> Result<(), String> {
        let fixture = Fixture::deserialize(fixture).map_err(|e| format!("fixture: {e}"))?;
        for (provider, settings) in &fixture.rooms {
            self.configure(provider, settings)
                .map_err(|e| format!("fixture, rooms.{provider}: {e}"))?;
        }
        for (provider, url) in &fixture.listen {
            self.known(provider)?;
            self.callbacks.listen(provider, url.as_str())?;
        }
        for rule in &fixture.faults {
            self.check_rule(rule)?;
        }
        for rule in fixture.faults {
            self.faults.add(rule);
        }
        if let Some(now_ms) = fixture.now_ms {
            let by = i128::from(now_ms).saturating_sub(i128::from(self.clock.now_ms()));
            self.clock
                .shift(i64::try_from(by).map_err(|e| e.to_string())?);
        }
        Ok(())
    }

    /// Whether a rule that came from outside can ever take effect here.
    pub(crate) fn check_rule(&self, rule: &FaultRule) -> Result<(), String> {
        rule.check()?;
        match &rule.provider {
            Some(provider) => quirk_is_known(rule, [&self.known(provider)?.room]),
            None => quirk_is_known(rule, self.hosted.iter().map(|hosted| &hosted.room)),
        }
    }

    /// Tells those who watch live; the value is made only if somebody does.
    pub(crate) fn announce(&self, kind: &str, value: impl FnOnce() -> Value) {
        if self.events.receiver_count() > 0 {
            let _ = self
                .events
                .send(json!({ "kind": kind, "value": value() }).to_string().into());
        }
    }

    pub(crate) fn announce_operation(&self, provider: &str, reference: &str) {
        self.announce("operation", || {
            let operation = self.ledger.operation(provider, reference);
            json!({ "operation": operation, "totals": self.ledger.totals() })
        });
    }

    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.clone();
        let _ = stop.wait_for(|stop| *stop).await;
    }
}
