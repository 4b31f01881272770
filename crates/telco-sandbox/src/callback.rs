//! Callbacks: what a provider pushes to its customers, on time, late, twice, out of order or never.

mod push;
mod run;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Notify;

use crate::fault::CallbackFault;

use push::target;
pub(crate) use run::run;

/// One message to push.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Callback {
    /// The kind of event, for scopes and the screen.
    pub event: &'static str,
    /// The operation it belongs to.
    pub reference: Option<String>,
    /// The phone number it concerns.
    pub number: Option<String>,
    /// Where to, if the request named a URL; otherwise the listener of the provider.
    pub url: Option<String>,
    /// Headers beside `Host` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
    /// How long after the answer.
    pub after: Duration,
}

impl Callback {
    /// A JSON callback.
    #[must_use]
    pub fn json(event: &'static str, body: &serde_json::Value) -> Self {
        Self::json_text(event, body.to_string())
    }

    /// A JSON callback that is text already.
    pub(crate) fn json_text(event: &'static str, body: String) -> Self {
        Self {
            event,
            reference: None,
            number: None,
            url: None,
            headers: vec![("Content-Type", "application/json".to_owned())],
            body: Bytes::from(body),
            after: Duration::ZERO,
        }
    }

    /// The operation it belongs to.
    #[must_use]
    pub fn reference(mut self, reference: impl Into<String>) -> Self {
        self.reference = Some(reference.into());
        self
    }

    /// The phone number it concerns.
    #[must_use]
    pub fn number(mut self, number: impl Into<String>) -> Self {
        self.number = Some(number.into());
        self
    }

    /// Where to, instead of the listener of the provider.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// How long after the answer.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

/// One callback as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Pushed {
    /// Counts up from 1.
    pub id: u64,
    /// The provider it comes from.
    pub provider: &'static str,
    /// The kind of event.
    pub event: &'static str,
    /// The operation it belongs to.
    pub reference: Option<String>,
    /// Where it goes; `None` while nobody listens.
    pub url: Option<String>,
    /// The body.
    pub body: String,
    /// When it is due, by the sandbox's clock.
    pub due_ms: u64,
    /// The fault that was put in its way.
    pub fault: Option<CallbackFault>,
    /// What came of it: `waiting`, `pushed: 200`, `no listener`, `lost`, `failed: …`.
    pub fate: String,
}

/// Callbacks kept for show.
const KEPT: usize = 2_000;
/// Callbacks of one provider that may be under way at one time (not due yet, behind others, being pushed or tried again);
/// more are dropped, and say so.
const UNDER_WAY: usize = 20_000;

/// The queue of callbacks.
#[derive(Debug, Default)]
pub struct Callbacks {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    /// Counts the resets: what was under way before one is forgotten.
    age: u64,
    listeners: HashMap<String, String>,
    /// Waiting, by due time and number.
    waiting: BTreeMap<(u64, u64), (&'static str, Callback)>,
    /// Held back until another of the same provider has gone out.
    held: Vec<(u64, &'static str, Callback)>,
    shown: VecDeque<Pushed>,
    /// Callbacks of each provider that are under way.
    under_way: HashMap<&'static str, usize>,
}

/// A callback whose time has come.
#[derive(Debug)]
struct Due {
    id: u64,
    age: u64,
    provider: &'static str,
    callback: Callback,
}

impl Callbacks {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends the callbacks of a provider to this URL (`http://` only), or nowhere.
    ///
    /// # Errors
    ///
    /// A sentence, if the URL is not one the sandbox can push to.
    pub fn listen(&self, provider: &str, url: Option<&str>) -> Result<(), String> {
        let mut state = self.state();
        match url {
            Some(url) => {
                target(url)?;
                state.listeners.insert(provider.to_owned(), url.to_owned());
            }
            None => {
                state.listeners.remove(provider);
            }
        }
        Ok(())
    }

    fn listener(&self, provider: &str) -> Option<String> {
        self.state().listeners.get(provider).cloned()
    }

    /// The listeners in force: provider and URL.
    #[must_use]
    pub fn listeners(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self.state().listeners.clone().into_iter().collect();
        all.sort();
        all
    }

    /// The newest first, those that still wait included.
    #[must_use]
    pub fn list(&self, limit: usize) -> Vec<Pushed> {
        self.state()
            .shown
            .iter()
            .rev()
            .take(limit)
            .cloned()
            .collect()
    }

    pub(crate) fn clear(&self) {
        let mut state = self.state();
        let listeners = std::mem::take(&mut state.listeners);
        *state = State {
            listeners,
            last_id: state.last_id,
            age: state.age.wrapping_add(1),
            ..State::default()
        };
        drop(state);
        self.changed.notify_one();
    }

    /// Takes a callback from a room and decides its fate.
    pub(crate) fn enqueue(
        &self,
        now_ms: u64,
        provider: &'static str,
        callback: Callback,
        fault: Option<(CallbackFault, Duration)>,
    ) {
        let mut state = self.state();
        let before = state.last_id;
        let usual = now_ms.saturating_add(millis(callback.after));
        let (due_ms, copies) = match fault {
            Some((CallbackFault::Early, _)) => (now_ms, 1),
            Some((CallbackFault::Late, by)) => (usual.saturating_add(millis(by)), 1),
            Some((CallbackFault::Twice, _)) => (usual, 2),
            _ => (usual, 1),
        };
        for callback in std::iter::repeat_n(callback, copies) {
            state.last_id = state.last_id.saturating_add(1);
            let id = state.last_id;
            let under_way = state.under_way.entry(provider).or_default();
            let fate = match fault {
                Some((CallbackFault::Lost, _)) => "lost",
                _ if *under_way >= UNDER_WAY => "dropped: too many wait",
                Some((CallbackFault::Reordered, _)) => "held back",
                _ => "waiting",
            };
            if matches!(fate, "held back" | "waiting") {
                *under_way = under_way.saturating_add(1);
            }
            let shown = Pushed {
                id,
                provider,
                event: callback.event,
                reference: callback.reference.clone(),
                url: callback
                    .url
                    .clone()
                    .or_else(|| state.listeners.get(provider).cloned()),
                body: crate::text::excerpt(&callback.body, 4_096),
                due_ms,
                fault: fault.map(|(fault, _)| fault),
                fate: fate.to_owned(),
            };
            if state.shown.len() >= KEPT {
                state.shown.pop_front();
            }
            state.shown.push_back(shown);
            match fate {
                "waiting" => {
                    state.waiting.insert((due_ms, id), (provider, callback));
                }
                "held back" => state.held.push((id, provider, callback)),
                _ => {}
            }
        }
        // Whoever waits for an earlier one need not look again.
        let first = state.waiting.first_key_value();
        let sooner = first.is_some_and(|((_, first), _)| *first > before);
        drop(state);
        if sooner {
            self.changed.notify_one();
        }
    }

    fn next_due(&self) -> Option<u64> {
        self.state().waiting.keys().next().map(|(due, _)| *due)
    }

    /// Takes what is due; a callback that was held back follows the one that overtook it.
    /// With it, how many resets there were.
    fn take_due(&self, now_ms: u64) -> (u64, Vec<Due>) {
        let mut state = self.state();
        let age = state.age;
        let mut due = Vec::new();
        while let Some(entry) = state.waiting.first_entry().filter(|e| e.key().0 <= now_ms) {
            let ((_, id), (provider, callback)) = entry.remove_entry();
            due.push((id, provider, callback));
            let (freed, held) = std::mem::take(&mut state.held)
                .into_iter()
                .partition(|(_, of, _)| *of == provider);
            state.held = held;
            due.extend::<Vec<_>>(freed);
        }
        let due = due.into_iter().map(|(id, provider, callback)| Due {
            id,
            age,
            provider,
            callback,
        });
        (age, due.collect())
    }

    /// What came of a callback; `None` if nobody remembers it.
    fn settle(&self, due: &Due, url: Option<&str>, fate: &str) -> Option<Pushed> {
        let mut state = self.state();
        if state.age != due.age {
            return None;
        }
        if let Some(under_way) = state.under_way.get_mut(due.provider) {
            *under_way = under_way.saturating_sub(1);
        }
        // Their numbers follow each other.
        let at = due.id.checked_sub(state.shown.front()?.id)?;
        let shown = state.shown.get_mut(usize::try_from(at).ok()?)?;
        fate.clone_into(&mut shown.fate);
        shown.url = url.map(str::to_owned);
        Some(shown.clone())
    }
}

fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn callback() -> Callback {
        Callback::json("event", &serde_json::json!({}))
    }

    #[test]
    fn one_provider_fills_its_own_room_only_and_gets_it_back() {
        let callbacks = Callbacks::default();
        let fate = || callbacks.list(1).first().map(|pushed| pushed.fate.clone());
        let held = Some((CallbackFault::Reordered, Duration::ZERO));
        for _ in 1..UNDER_WAY {
            callbacks.enqueue(0, "one", callback(), None);
        }
        callbacks.enqueue(0, "one", callback(), held);
        assert_eq!(fate().as_deref(), Some("held back"));
        for fault in [None, held] {
            callbacks.enqueue(0, "one", callback(), fault);
            assert_eq!(fate().as_deref(), Some("dropped: too many wait"));
        }
        callbacks.enqueue(0, "two", callback(), None);
        assert_eq!(fate().as_deref(), Some("waiting"));

        let (_, due) = callbacks.take_due(0);
        assert_eq!(due.len(), UNDER_WAY + 1);
        callbacks.settle(&due[0], None, "no listener");
        callbacks.enqueue(0, "one", callback(), None);
        assert_eq!(fate().as_deref(), Some("waiting"));

        // What a reset forgot settles nothing.
        callbacks.clear();
        assert_eq!(callbacks.settle(&due[1], None, "no listener"), None);
        assert!(callbacks.state().under_way.is_empty());
    }
}
