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
use crate::ledger::bounded;

use push::{is_local, target};
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
    /// How often it is pushed until its listener answers with less than 500.
    pub attempts: u32,
    /// Whether `url` may name another machine: a request that comes from anywhere may name anybody's.
    pub anywhere: bool,
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
            attempts: 1,
            anywhere: false,
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

    /// Where to, instead of the listener of the provider: a URL of this machine, unless [`anywhere`](Self::anywhere).
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// How often it is pushed until its listener answers with less than 500. Once, unless said otherwise.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Lets [`url`](Self::url) name any host, also one that is not this machine.
    #[must_use]
    pub fn anywhere(mut self, anywhere: bool) -> Self {
        self.anywhere = anywhere;
        self
    }

    /// How long after the answer.
    #[must_use]
    pub fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }
}

impl Callback {
    /// Whether its own URL names another machine, and may not.
    fn names_a_stranger(&self) -> bool {
        // What is no URL at all fails when it is pushed.
        let other = |url: &String| target(url).is_ok() && !is_local(url);
        !self.anywhere && self.url.as_ref().is_some_and(other)
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
/// How long a callback is held back at most where its rule says 0: nothing may wait for ever for one that never comes.
const HELD_BACK: Duration = Duration::from_secs(2);

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
    /// Held back until a later one of the same provider has gone out, by the time that ends it at the latest and number;
    /// first of each is when it would be due.
    held: BTreeMap<(u64, u64), (u64, &'static str, Callback)>,
    shown: VecDeque<Pushed>,
    /// Callbacks of each provider that are under way.
    under_way: HashMap<&'static str, usize>,
}

impl State {
    /// When the next leaves, if nothing happens before.
    fn next_due(&self) -> Option<u64> {
        let (waiting, held) = (self.waiting.keys().next(), self.held.keys().next());
        waiting.into_iter().chain(held).map(|(due, _)| *due).min()
    }
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

    /// Whether the sandbox can push to this URL.
    pub(crate) fn check(url: &str) -> Result<(), String> {
        target(url).map(|_| ())
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

    /// Takes a callback from a room and decides its fate. Answered are the fates of those that will never leave.
    pub(crate) fn enqueue(
        &self,
        now_ms: u64,
        provider: &'static str,
        callback: Callback,
        fault: Option<(CallbackFault, Duration)>,
    ) -> Vec<&'static str> {
        let short = |text: String| bounded(&text).into_owned();
        let callback = Callback {
            reference: callback.reference.map(short),
            ..callback
        };
        let mut state = self.state();
        let mut ended = Vec::new();
        let before = state.next_due();
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
                    .or_else(|| state.listeners.get(provider).cloned())
                    .map(short),
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
                "held back" => {
                    let longest = fault.map(|(_, by)| by).filter(|by| !by.is_zero());
                    let until_ms = due_ms.saturating_add(millis(longest.unwrap_or(HELD_BACK)));
                    let held = (due_ms, provider, callback);
                    state.held.insert((until_ms, id), held);
                }
                never => ended.push(never),
            }
        }
        // Whoever waits for an earlier one need not look again.
        let next = state.next_due();
        let sooner = next.is_some_and(|next| before.is_none_or(|before| next < before));
        drop(state);
        if sooner {
            self.changed.notify_one();
        }
        ended
    }

    fn next_due(&self) -> Option<u64> {
        self.state().next_due()
    }

    /// Takes what is due. A callback that was held back follows the later one that overtook it, when its own time has come;
    /// one that none overtakes leaves when it was held for long enough. With it, how many resets there were.
    fn take_due(&self, now_ms: u64) -> (u64, Vec<Due>) {
        let mut state = self.state();
        let age = state.age;
        while let Some(entry) = state.held.first_entry().filter(|e| e.key().0 <= now_ms) {
            let (key, (_, provider, callback)) = entry.remove_entry();
            state.waiting.insert(key, (provider, callback));
        }
        let mut due = Vec::new();
        while let Some(entry) = state.waiting.first_entry().filter(|e| e.key().0 <= now_ms) {
            let ((_, id), (provider, callback)) = entry.remove_entry();
            let overtaken = state.held.iter();
            let overtaken =
                overtaken.filter(|((_, earlier), (_, of, _))| *of == provider && *earlier < id);
            let freed: Vec<_> = overtaken.map(|(key, _)| *key).collect();
            for key in freed {
                if let Some((due_ms, of, callback)) = state.held.remove(&key) {
                    let key = (due_ms.max(now_ms), key.1);
                    state.waiting.insert(key, (of, callback));
                }
            }
            due.push((id, provider, callback));
        }
        let due = due.into_iter().map(|(id, provider, callback)| Due {
            id,
            age,
            provider,
            callback,
        });
        (age, due.collect())
    }

    /// What came of a callback: `None` if a reset has forgotten it, and nothing to show if newer ones took its place.
    fn settle(&self, due: &Due, url: Option<&str>, fate: &str) -> Option<Option<Pushed>> {
        let mut state = self.state();
        if state.age != due.age {
            return None;
        }
        if let Some(under_way) = state.under_way.get_mut(due.provider) {
            *under_way = under_way.saturating_sub(1);
        }
        // Their numbers follow each other.
        let first = state.shown.front().map_or(0, |first| first.id);
        let at = due
            .id
            .checked_sub(first)
            .and_then(|at| usize::try_from(at).ok());
        let shown = at.and_then(|at| state.shown.get_mut(at));
        Some(shown.map(|shown| {
            fate.clone_into(&mut shown.fate);
            shown.url = url.map(str::to_owned);
            shown.clone()
        }))
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
        let held = Some((CallbackFault::Reordered, Duration::from_secs(1)));
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
        // All but the one that is held back, which nothing later has overtaken.
        assert_eq!(due.len(), UNDER_WAY);
        callbacks.settle(&due[0], None, "no listener");
        callbacks.enqueue(0, "one", callback(), None);
        assert_eq!(fate().as_deref(), Some("waiting"));

        // What newer ones have pushed off the list is settled, and not shown.
        for _ in 0..KEPT {
            callbacks.enqueue(9, "three", callback(), None);
        }
        assert_eq!(callbacks.settle(&due[1], None, "no listener"), Some(None));

        // What a reset forgot settles nothing.
        callbacks.clear();
        assert_eq!(callbacks.settle(&due[2], None, "no listener"), None);
        assert!(callbacks.state().under_way.is_empty());
    }

    fn due(callbacks: &Callbacks, now_ms: u64) -> Vec<u64> {
        let (_, due) = callbacks.take_due(now_ms);
        due.iter().map(|due| due.id).collect()
    }

    #[test]
    fn a_reordered_one_follows_a_later_one_and_not_before_its_time() {
        let held = Some((CallbackFault::Reordered, Duration::from_secs(1)));
        let after = |ms| callback().after(Duration::from_millis(ms));
        let callbacks = Callbacks::default();
        // 1 came before the one that is held back, and frees nothing; 3 came after it.
        callbacks.enqueue(0, "p", after(10), None);
        callbacks.enqueue(0, "p", after(0), held);
        assert_eq!(due(&callbacks, 10), [1]);
        callbacks.enqueue(0, "p", after(20), None);
        assert_eq!(due(&callbacks, 20), [3, 2]);

        // Overtaken, but its own time has not come.
        callbacks.enqueue(20, "p", after(100), held);
        callbacks.enqueue(20, "p", after(0), None);
        assert_eq!(due(&callbacks, 20), [5]);
        assert_eq!(due(&callbacks, 119), [] as [u64; 0]);
        assert_eq!(due(&callbacks, 120), [4]);

        // Another provider's is no overtaking.
        callbacks.enqueue(200, "p", after(0), held);
        callbacks.enqueue(200, "q", after(0), None);
        assert_eq!(due(&callbacks, 300), [7]);
    }

    #[test]
    fn a_reordered_one_that_none_follows_leaves_in_the_end() {
        let callbacks = Callbacks::default();
        let within = |ms| Some((CallbackFault::Reordered, Duration::from_millis(ms)));
        callbacks.enqueue(
            0,
            "p",
            callback().after(Duration::from_millis(10)),
            within(40),
        );
        assert_eq!(callbacks.next_due(), Some(50));
        assert_eq!(due(&callbacks, 49), [] as [u64; 0]);
        assert_eq!(due(&callbacks, 50), [1]);
        assert_eq!(callbacks.next_due(), None);

        // Where time has jumped, one that was due before still overtakes it.
        callbacks.enqueue(50, "p", callback(), within(40));
        callbacks.enqueue(50, "p", callback().after(Duration::from_millis(20)), None);
        assert_eq!(due(&callbacks, 1_000), [3, 2]);

        // A rule that says 0 does not hold it for ever, either.
        callbacks.enqueue(1_000, "p", callback(), within(0));
        assert_eq!(callbacks.next_due(), Some(3_000));
    }

    #[test]
    fn what_will_never_leave_is_answered_at_once() {
        let callbacks = Callbacks::default();
        let lost = Some((CallbackFault::Lost, Duration::ZERO));
        assert_eq!(callbacks.enqueue(0, "p", callback(), lost), ["lost"]);
        for _ in 0..UNDER_WAY {
            assert!(callbacks.enqueue(0, "p", callback(), None).is_empty());
        }
        let twice = Some((CallbackFault::Twice, Duration::ZERO));
        let dropped = "dropped: too many wait";
        assert_eq!(callbacks.enqueue(0, "p", callback(), twice), [dropped; 2]);
    }
}
