//! The ledger of truth: what really happened, per business operation.

mod operation;
mod totals;

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::random;
use crate::text::excerpt;

pub use operation::{Happening, Operation, Told, What};
pub use totals::{Filter, Totals};

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
