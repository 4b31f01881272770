//! The ledger of truth: what really happened, per business operation.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::random;
use crate::text::excerpt;

/// What the caller of a client was told, reported by the driver of a test: only it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// "It was done."
    Accepted,
    /// "The provider refused."
    Rejected,
    /// "Nothing was sent."
    NotSent,
    /// "Nobody knows yet." Counted as undecided.
    Unknown,
}

/// One line in the story of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// Milliseconds since the epoch, by the sandbox's clock.
    pub at_ms: u64,
    /// The request in the history that it belongs to; 0 for none.
    pub exchange: u64,
    /// What it was.
    #[serde(flatten)]
    pub what: What,
}

/// Kinds of happenings: what the provider did stands beside what the client's end of the wire saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", content = "text", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum What {
    /// A request for it arrived.
    Requested,
    /// The provider did it: money moved, a phone rang, a message left.
    Delivered,
    /// The provider did not do it, and why.
    Refused(String),
    /// The provider undid it.
    Reversed(String),
    /// A lookup was answered; with what.
    LookedUp(String),
    /// What went over the wire to the client: the status, or how the connection died.
    Answered(String),
    /// A callback left, or failed to.
    Callback(String),
    /// What the driver says the caller was told.
    Told(Told),
    /// Anything else worth knowing.
    Note(String),
}

/// One business operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Operation {
    /// The provider's name.
    pub provider: &'static str,
    /// What was asked for, in the provider's words.
    pub kind: &'static str,
    /// The caller's reference.
    pub reference: String,
    /// The phone number it concerns, in the provider's form.
    pub number: Option<String>,
    /// What was asked for, in names and values.
    pub detail: Vec<(&'static str, String)>,
    /// How many requests for it arrived.
    pub requests: u64,
    /// How many times the provider did it. More than 1 is a customer served twice.
    pub delivered: u64,
    /// How many requests were refused.
    pub refused: u64,
    /// What the caller was told at last, if the driver said.
    pub told: Option<Told>,
    /// The story, oldest first; at most 64 lines are kept (the first 32 and the last).
    pub story: Vec<Happening>,
}

/// Story lines kept per operation.
const STORY: usize = 64;

impl Operation {
    /// Told "accepted", but never done.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.told == Some(Told::Accepted) && self.delivered == 0
    }

    /// Done more than once.
    #[must_use]
    pub fn is_doubled(&self) -> bool {
        self.delivered > 1
    }

    fn tell(&mut self, at_ms: u64, exchange: u64, what: What) {
        if self.story.len() >= STORY {
            self.story.remove(STORY / 2);
        }
        self.story.push(Happening {
            at_ms,
            exchange,
            what,
        });
    }
}

/// Sums over all operations since the start or the last reset, also over those that memory no longer holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Totals {
    /// Business operations that at least one request asked for.
    pub requested: u64,
    /// Requests for them.
    pub requests: u64,
    /// Operations done at least once.
    pub delivered: u64,
    /// Operations done more than once.
    pub doubled: u64,
    /// Refusals.
    pub refused: u64,
    /// Operations whose caller was told "accepted" and that were never done (as far as the driver reported).
    pub lost: u64,
    /// Operations whose caller still does not know.
    pub undecided: u64,
}

type Key = (&'static str, String);

/// Bytes of a text that came from outside and is kept.
const TEXT: usize = 256;

/// Longer texts are kept by their beginning and a key of the whole, so that different ones stay different.
fn bounded(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    let key = random::key(0, &[text]);
    format!("{} {key:016x}", excerpt(text.as_bytes(), TEXT))
}

/// The ledger. Cheap to read at any time; in memory, with a cap.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Books>,
    cap: usize,
}

#[derive(Debug, Default)]
struct Books {
    operations: HashMap<Key, Operation>,
    order: VecDeque<Key>,
    totals: HashMap<&'static str, Totals>,
    forgotten: u64,
}

impl Ledger {
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            books: Mutex::default(),
            cap: cap.max(1),
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One operation by its provider and reference.
    #[must_use]
    pub fn operation(&self, provider: &str, reference: &str) -> Option<Operation> {
        let books = self.books();
        // The key's provider is 'static: find the static twin of the given name first.
        let provider = *books.totals.keys().find(|known| **known == provider)?;
        books
            .operations
            .get(&(provider, bounded(reference)))
            .cloned()
    }

    /// The newest operations first: those of one provider and those that contain a text, if given.
    #[must_use]
    pub fn operations(&self, filter: &Filter) -> Vec<Operation> {
        let books = self.books();
        books
            .order
            .iter()
            .rev()
            .filter_map(|key| books.operations.get(key))
            .filter(|op| filter.matches(op))
            .skip(filter.skip)
            .take(filter.limit)
            .cloned()
            .collect()
    }

    /// Sums over all providers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.books()
            .totals
            .values()
            .fold(Totals::default(), Totals::plus)
    }

    /// Sums of one provider.
    #[must_use]
    pub fn totals_of(&self, provider: &str) -> Totals {
        self.books()
            .totals
            .get(provider)
            .copied()
            .unwrap_or_default()
    }

    /// Operations that memory no longer holds (the sums still count them).
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.books().forgotten
    }

    /// The driver reports what the caller was told, so that *lost* and *undecided* can be counted. For an operation
    /// that never reached the provider too.
    pub(crate) fn told(&self, at_ms: u64, provider: &'static str, reference: &str, told: Told) {
        self.edit(provider, reference, |op, totals| {
            if op.is_lost() {
                totals.lost = totals.lost.saturating_sub(1);
            }
            if op.told == Some(Told::Unknown) {
                totals.undecided = totals.undecided.saturating_sub(1);
            }
            op.told = Some(told);
            op.tell(at_ms, 0, What::Told(told));
            if op.is_lost() {
                totals.lost = totals.lost.saturating_add(1);
            }
            if told == Told::Unknown {
                totals.undecided = totals.undecided.saturating_add(1);
            }
        });
    }

    pub(crate) fn requested(&self, at_ms: u64, exchange: u64, asked: &Asked<'_>) {
        self.edit(asked.provider, asked.reference, |op, totals| {
            if op.requests == 0 {
                op.kind = asked.kind;
                op.number = asked.number.map(bounded);
                let detail = asked.detail.iter();
                op.detail = detail
                    .map(|(name, value)| (*name, bounded(value)))
                    .collect();
                totals.requested = totals.requested.saturating_add(1);
            }
            op.requests = op.requests.saturating_add(1);
            totals.requests = totals.requests.saturating_add(1);
            op.tell(at_ms, exchange, What::Requested);
        });
    }

    pub(crate) fn delivered(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
    ) {
        self.edit(provider, reference, |op, totals| {
            if op.is_lost() {
                totals.lost = totals.lost.saturating_sub(1);
            }
            op.delivered = op.delivered.saturating_add(1);
            match op.delivered {
                1 => totals.delivered = totals.delivered.saturating_add(1),
                2 => totals.doubled = totals.doubled.saturating_add(1),
                _ => {}
            }
            op.tell(at_ms, exchange, What::Delivered);
        });
    }

    pub(crate) fn refused(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
        why: &str,
    ) {
        self.edit(provider, reference, |op, totals| {
            op.refused = op.refused.saturating_add(1);
            totals.refused = totals.refused.saturating_add(1);
            op.tell(at_ms, exchange, What::Refused(bounded(why)));
        });
    }

    /// How many requests for an operation have arrived.
    pub(crate) fn requests_of(&self, provider: &'static str, reference: &str) -> u64 {
        let books = self.books();
        books
            .operations
            .get(&(provider, bounded(reference)))
            .map_or(0, |op| op.requests)
    }

    /// Adds a line to an operation that exists; others are left alone.
    pub(crate) fn note(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
        what: What,
    ) {
        if let Some(op) = self
            .books()
            .operations
            .get_mut(&(provider, bounded(reference)))
        {
            op.tell(at_ms, exchange, what);
        }
    }

    pub(crate) fn clear(&self) {
        *self.books() = Books::default();
    }

    fn edit(
        &self,
        provider: &'static str,
        reference: &str,
        edit: impl FnOnce(&mut Operation, &mut Totals),
    ) {
        let mut books = self.books();
        let Books {
            operations,
            order,
            totals,
            forgotten,
        } = &mut *books;
        let key = (provider, bounded(reference));
        let op = operations.entry(key.clone()).or_insert_with(|| {
            let reference = key.1.clone();
            order.push_back(key);
            Operation {
                provider,
                kind: "",
                reference,
                number: None,
                detail: Vec::new(),
                requests: 0,
                delivered: 0,
                refused: 0,
                told: None,
                story: Vec::new(),
            }
        });
        edit(op, totals.entry(provider).or_default());
        while order.len() > self.cap {
            if let Some(oldest) = order.pop_front() {
                operations.remove(&oldest);
                *forgotten = forgotten.saturating_add(1);
            }
        }
    }
}

/// What a request asks for, as the ledger keeps it.
pub(crate) struct Asked<'a> {
    pub(crate) provider: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) reference: &'a str,
    pub(crate) number: Option<&'a str>,
    pub(crate) detail: &'a [(&'static str, String)],
}

impl Totals {
    fn plus(self, other: &Self) -> Self {
        Self {
            requested: self.requested.saturating_add(other.requested),
            requests: self.requests.saturating_add(other.requests),
            delivered: self.delivered.saturating_add(other.delivered),
            doubled: self.doubled.saturating_add(other.doubled),
            refused: self.refused.saturating_add(other.refused),
            lost: self.lost.saturating_add(other.lost),
            undecided: self.undecided.saturating_add(other.undecided),
        }
    }
}

/// Which operations to show.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only this provider.
    pub provider: Option<String>,
    /// Only those whose reference, number, kind or details contain this text.
    pub search: Option<String>,
    /// Only doubled or lost ones.
    pub trouble: bool,
    /// Skip so many of the newest.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self {
            provider: None,
            search: None,
            trouble: false,
            skip: 0,
            limit: 100,
        }
    }
}

impl Filter {
    fn matches(&self, op: &Operation) -> bool {
        self.provider.as_deref().is_none_or(|p| p == op.provider)
            && (!self.trouble || op.is_doubled() || op.is_lost())
            && self.search.as_deref().is_none_or(|text| {
                op.reference.contains(text)
                    || op.kind.contains(text)
                    || op.number.as_deref().is_some_and(|n| n.contains(text))
                    || op.detail.iter().any(|(_, value)| value.contains(text))
            })
    }
}
