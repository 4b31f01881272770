//! What all tasks of one sandbox share.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
    /// The time at the start, if it was another one than now.
    pub(crate) at: Option<SystemTime>,
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

/// Whether the name that a rule asks for is one of those that the rooms list.
fn is_known(what: &str, wanted: Option<&str>, known: &[&str]) -> Result<(), String> {
    match wanted {
        Some(wanted) if !known.contains(&wanted) => Err(format!(
            "there is no {what} `{wanted}` here; there are: {}",
            known.join(", ")
        )),
        _ => Ok(()),
    }
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
            let (now, copy) = (self.clock.now_ms(), callback.clone());
            for fate in self.callbacks.enqueue(now, visit.provider, callback, fault) {
                self.note_callback(visit.provider, &copy, fate);
            }
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
        if let Some(at) = self.at {
            self.clock.set(at);
        }
        self.faults.clear();
        self.ledger.clear();
        self.handsets.clear();
        self.history.clear();
        self.callbacks.clear();
        for hosted in &self.hosted {
            hosted.room.reset();
            hosted.down.send_replace(false);
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
        for rule in &fixture.faults {
            self.check_rule(rule)?;
        }
        for (provider, url) in &fixture.listen {
            self.known(provider)?;
            url.as_str().map_or(Ok(()), Callbacks::check)?;
        }
        let shift = fixture.now_ms.map(|now_ms| {
            let by = i128::from(now_ms).saturating_sub(i128::from(self.clock.now_ms()));
            i64::try_from(by).map_err(|_| "fixture: now_ms is out of range".to_owned())
        });
        let shift = shift.transpose()?;
        self.configure_all(&fixture.rooms)?;
        for (provider, url) in &fixture.listen {
            self.callbacks.listen(provider, url.as_str())?;
        }
        for rule in fixture.faults {
            self.faults.add(rule);
        }
        if let Some(by_ms) = shift {
            self.clock.shift(by_ms);
        }
        Ok(())
    }

    /// Changes the settings of several rooms, or of none: what was changed before one refuses is put back.
    fn configure_all(&self, rooms: &Map<String, Value>) -> Result<(), String> {
        let mut before: Vec<(&str, Value)> = Vec::new();
        for (provider, change) in rooms {
            let was = self.known(provider).map(|hosted| hosted.room.settings());
            let done = was.and_then(|was| self.configure(provider, change).map(|()| was));
            match done {
                Ok(mut was) => {
                    if let Value::Object(was) = &mut was {
                        was.retain(|name, _| change.get(name).is_some());
                    }
                    before.push((provider, was));
                }
                Err(why) => {
                    for (provider, was) in before {
                        // These were in force a moment ago.
                        let _ = self.configure(provider, &was);
                    }
                    return Err(format!("fixture, rooms.{provider}: {why}"));
                }
            }
        }
        Ok(())
    }

    /// Whether a rule that came from outside can ever take effect here.
    pub(crate) fn check_rule(&self, rule: &FaultRule) -> Result<(), String> {
        rule.check()?;
        let rooms: Vec<&dyn Room> = match &rule.provider {
            Some(provider) => vec![&*self.known(provider)?.room],
            None => self.hosted.iter().map(|hosted| &*hosted.room).collect(),
        };
        let quirks: Vec<&str> = rooms
            .iter()
            .flat_map(|room| room.quirks())
            .map(|(name, _)| *name)
            .collect();
        is_known("quirk", rule.quirk.as_deref(), &quirks)?;
        // A room that lists no operations may have any.
        if rooms.iter().any(|room| room.operations().is_empty()) {
            return Ok(());
        }
        let operations: Vec<&str> = rooms
            .iter()
            .flat_map(|room| room.operations())
            .copied()
            .collect();
        is_known("operation", rule.operation.as_deref(), &operations)
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
