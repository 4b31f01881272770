//! What all tasks of one sandbox share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, watch};

use crate::callback::Callbacks;
use crate::clock::Clock;
use crate::fault::{FaultRule, Faults};
use crate::handset::Handsets;
use crate::history::History;
use crate::http::Limits;
use crate::ledger::{Ledger, Told};
use crate::room::Room;
use crate::visit::{Visit, World};

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
    pub(crate) fixture: Option<Value>,
    pub(crate) stop: watch::Receiver<bool>,
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
        for touched in &visit.touched {
            self.announce_operation(room.provider(), &touched.reference);
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
