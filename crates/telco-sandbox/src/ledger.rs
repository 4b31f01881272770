//! The ledger of truth: what really happened, per business operation.

mod operation;
mod totals;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::random;
use crate::text::excerpt;

pub use operation::{Happening, Operation, Told, What};
pub use totals::{Filter, Totals};

/// Operations of one provider, by reference.
type Shelf = HashMap<Arc<str>, Operation>;

/// Bytes of a text that came from outside and is kept.
const TEXT: usize = 256;

/// Longer texts are kept by their beginning and a key of the whole, so that different ones stay different.
fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT {
        return Cow::Borrowed(text);
    }
    let key = random::key(0, &[text]);
    Cow::Owned(format!("{} {key:016x}", excerpt(text.as_bytes(), TEXT)))
}

/// The ledger. Cheap to read at any time; in memory, with a cap.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Books>,
    cap: usize,
}

#[derive(Debug, Default)]
struct Books {
    operations: HashMap<&'static str, Shelf>,
    order: VecDeque<(&'static str, Arc<str>)>,
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
        let shelf = books.operations.get(provider)?;
        shelf.get(&*bounded(reference)).cloned()
    }

    /// The newest operations first: those of one provider and those that contain a text, if given.
    #[must_use]
    pub fn operations(&self, filter: &Filter) -> Vec<Operation> {
        let books = self.books();
        books
            .order
            .iter()
            .rev()
            .filter_map(|(provider, reference)| books.operations.get(provider)?.get(reference))
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
                op.number = asked.number.map(|number| bounded(number).into_owned());
                let detail = asked.detail.iter();
                op.detail = detail
                    .map(|(name, value)| (*name, bounded(value).into_owned()))
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
            op.tell(at_ms, exchange, What::Refused(bounded(why).into_owned()));
        });
    }

    /// How many requests for an operation have arrived.
    pub(crate) fn requests_of(&self, provider: &'static str, reference: &str) -> u64 {
        let books = self.books();
        let shelf = books.operations.get(provider);
        let op = shelf.and_then(|shelf| shelf.get(&*bounded(reference)));
        op.map_or(0, |op| op.requests)
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
        let mut books = self.books();
        let shelf = books.operations.get_mut(provider);
        if let Some(op) = shelf.and_then(|shelf| shelf.get_mut(&*bounded(reference))) {
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
        let reference = bounded(reference);
        let shelf = operations.entry(provider).or_default();
        if !shelf.contains_key(&*reference) {
            let key: Arc<str> = Arc::from(&*reference);
            order.push_back((provider, Arc::clone(&key)));
            shelf.insert(key, Operation::new(provider, &reference));
        }
        if let Some(op) = shelf.get_mut(&*reference) {
            edit(op, totals.entry(provider).or_default());
        }
        while order.len() > self.cap {
            if let Some((provider, oldest)) = order.pop_front() {
                if let Some(shelf) = operations.get_mut(provider) {
                    shelf.remove(&oldest);
                }
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
