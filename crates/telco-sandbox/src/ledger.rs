//! The ledger of truth: what really happened, per business operation.

mod operation;
mod totals;

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::random;
use crate::text::excerpt;

pub use operation::{Happening, Operation, Told, What};
pub use totals::{Filter, Totals};

/// Which entry of the ledger an operation is. Numbers are never used twice, so one whose operation is forgotten finds
/// nothing.
pub(crate) type Entry = u64;

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
    shelves: Vec<Shelf>,
    /// Oldest first.
    entries: VecDeque<Operation>,
    /// The number of the oldest.
    first: Entry,
    forgotten: u64,
}

/// What belongs to one provider.
#[derive(Debug)]
struct Shelf {
    provider: &'static str,
    /// By reference.
    index: HashMap<Box<str>, Entry>,
    totals: Totals,
}

impl Books {
    fn shelf(&self, provider: &str) -> Option<&Shelf> {
        self.shelves.iter().find(|shelf| shelf.provider == provider)
    }

    fn find(&self, provider: &str, reference: &str) -> Option<Entry> {
        let shelf = self.shelf(provider)?;
        shelf.index.get(&*bounded(reference)).copied()
    }

    fn place(&self, entry: Entry) -> Option<usize> {
        usize::try_from(entry.checked_sub(self.first)?).ok()
    }

    fn get(&self, entry: Entry) -> Option<&Operation> {
        self.entries.get(self.place(entry)?)
    }

    fn get_mut(&mut self, entry: Entry) -> Option<&mut Operation> {
        let place = self.place(entry)?;
        self.entries.get_mut(place)
    }

    /// The entry of this reference, opened if there is none.
    fn open(&mut self, provider: &'static str, reference: &str) -> Entry {
        let reference = bounded(reference);
        let next = self.first.saturating_add(self.entries.len() as u64);
        let at = self.shelves.iter().position(|s| s.provider == provider);
        let at = at.unwrap_or_else(|| {
            self.shelves.push(Shelf {
                provider,
                index: HashMap::new(),
                totals: Totals::default(),
            });
            self.shelves.len().saturating_sub(1)
        });
        if let Some(shelf) = self.shelves.get_mut(at) {
            if let Some(known) = shelf.index.get(&*reference) {
                return *known;
            }
            shelf.index.insert(Box::from(&*reference), next);
        }
        self.entries
            .push_back(Operation::new(provider, reference.into_owned()));
        next
    }

    fn forget_beyond(&mut self, cap: usize) {
        while self.entries.len() > cap {
            if let Some(oldest) = self.entries.pop_front() {
                self.first = self.first.saturating_add(1);
                self.forgotten = self.forgotten.saturating_add(1);
                let mut shelves = self.shelves.iter_mut();
                if let Some(shelf) = shelves.find(|shelf| shelf.provider == oldest.provider) {
                    shelf.index.remove(&*oldest.reference);
                }
            }
        }
    }
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
        books.get(books.find(provider, reference)?).cloned()
    }

    /// The newest operations first: those of one provider and those that contain a text, if given.
    #[must_use]
    pub fn operations(&self, filter: &Filter) -> Vec<Operation> {
        self.books()
            .entries
            .iter()
            .rev()
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
            .shelves
            .iter()
            .fold(Totals::default(), |sum, shelf| sum.plus(&shelf.totals))
    }

    /// Sums of one provider.
    #[must_use]
    pub fn totals_of(&self, provider: &str) -> Totals {
        self.books()
            .shelf(provider)
            .map_or_else(Totals::default, |shelf| shelf.totals)
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

    /// Counts a request. `about` tells number and details, and is asked by the first request only.
    pub(crate) fn requested(
        &self,
        at_ms: u64,
        exchange: u64,
        asked: &Asked<'_>,
        about: impl FnOnce() -> (Option<String>, Detail),
    ) -> Entry {
        self.edit(asked.provider, asked.reference, |op, totals| {
            if op.requests == 0 {
                op.kind = asked.kind;
                (op.number, op.detail) = about();
                let number = op.number.iter_mut();
                let detail = op.detail.iter_mut().map(|(_, value)| value);
                for text in number.chain(detail).filter(|text| text.len() > TEXT) {
                    *text = bounded(text).into_owned();
                }
                totals.requested = totals.requested.saturating_add(1);
            }
            op.requests = op.requests.saturating_add(1);
            totals.requests = totals.requests.saturating_add(1);
            op.tell(at_ms, exchange, What::Requested);
        })
    }

    pub(crate) fn delivered(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
    ) -> Entry {
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
        })
    }

    pub(crate) fn refused(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
        why: &str,
    ) -> Entry {
        self.edit(provider, reference, |op, totals| {
            op.refused = op.refused.saturating_add(1);
            totals.refused = totals.refused.saturating_add(1);
            op.tell(at_ms, exchange, What::Refused(bounded(why).into_owned()));
        })
    }

    /// How many requests for an operation have arrived.
    pub(crate) fn requests_of(&self, provider: &'static str, reference: &str) -> u64 {
        let books = self.books();
        let entry = books.find(provider, reference);
        entry
            .and_then(|entry| books.get(entry))
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
        let mut books = self.books();
        let entry = books.find(provider, reference);
        if let Some(op) = entry.and_then(|entry| books.get_mut(entry)) {
            op.tell(at_ms, exchange, what);
        }
    }

    /// The same, of an operation whose entry is known.
    pub(crate) fn note_at(&self, at_ms: u64, exchange: u64, entry: Entry, what: What) {
        if let Some(op) = self.books().get_mut(entry) {
            op.tell(at_ms, exchange, what);
        }
    }

    pub(crate) fn clear(&self) {
        let mut books = self.books();
        *books = Books {
            first: books.first.saturating_add(books.entries.len() as u64),
            ..Books::default()
        };
    }

    fn edit(
        &self,
        provider: &'static str,
        reference: &str,
        edit: impl FnOnce(&mut Operation, &mut Totals),
    ) -> Entry {
        let mut books = self.books();
        let entry = books.open(provider, reference);
        let place = books.place(entry).unwrap_or(usize::MAX);
        let Books {
            shelves, entries, ..
        } = &mut *books;
        let shelf = shelves.iter_mut().find(|shelf| shelf.provider == provider);
        if let (Some(op), Some(shelf)) = (entries.get_mut(place), shelf) {
            edit(op, &mut shelf.totals);
        }
        books.forget_beyond(self.cap);
        entry
    }
}

/// What was asked for, in names and values.
pub(crate) type Detail = Vec<(&'static str, String)>;

/// What a request asks for.
pub(crate) struct Asked<'a> {
    pub(crate) provider: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) reference: &'a str,
}
