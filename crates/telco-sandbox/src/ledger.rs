//! The ledger of truth: what really happened, per business operation.

mod books;
mod operation;
mod totals;

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::random;
use crate::text::excerpt;

use books::Books;
pub(crate) use books::Entry;
pub use operation::{Happening, Operation, Told, What};
pub use totals::{Filter, Totals};

/// Bytes of a text that came from outside and is kept.
const TEXT: usize = 256;

/// Of a longer text its beginning, so that with what follows it is no longer than [`TEXT`].
const BEGINNING: usize = 192;

/// Longer texts are kept by their beginning and a key of the whole, so that different ones stay different. One that was kept
/// so is short: it finds what the whole one finds.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT {
        return Cow::Borrowed(text);
    }
    let key = random::key(0, &[text]);
    Cow::Owned(format!(
        "{} {key:016x}",
        excerpt(text.as_bytes(), BEGINNING)
    ))
}

/// The ledger. Cheap to read at any time; in memory, with a cap.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Books>,
    cap: usize,
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
            .newest_first()
            .filter(|op| filter.matches(op))
            .skip(filter.skip)
            .take(filter.limit)
            .cloned()
            .collect()
    }

    /// Sums over all providers.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.books().totals(None)
    }

    /// Sums of one provider.
    #[must_use]
    pub fn totals_of(&self, provider: &str) -> Totals {
        self.books().totals(Some(provider))
    }

    /// Operations that memory no longer holds (the sums still count them).
    #[must_use]
    pub fn forgotten(&self) -> u64 {
        self.books().forgotten
    }

    /// The driver reports what the caller was told, so that *lost*, *denied* and *undecided* can be counted. For an operation
    /// that never reached the provider too.
    pub(crate) fn told(&self, at_ms: u64, provider: &'static str, reference: &str, told: Told) {
        self.edit(provider, reference, |op, totals| {
            totals.judge(op, |op| {
                op.told = Some(told);
                op.tell(at_ms, 0, What::Told(told));
            });
        });
    }

    /// Counts a request, and tells how many there are of its operation now. `about` tells number and details, and is asked
    /// by the first request only.
    pub(crate) fn requested(
        &self,
        at_ms: u64,
        exchange: u64,
        asked: &Asked<'_>,
        about: impl FnOnce() -> (Option<String>, Detail),
    ) -> (Entry, u64) {
        let mut nth = 0;
        let entry = self.edit(asked.provider, asked.reference, |op, totals| {
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
            nth = op.requests;
            totals.requests = totals.requests.saturating_add(1);
            op.tell(at_ms, exchange, What::Requested);
        });
        (entry, nth)
    }

    pub(crate) fn delivered(
        &self,
        at_ms: u64,
        exchange: u64,
        provider: &'static str,
        reference: &str,
    ) -> Entry {
        self.edit(provider, reference, |op, totals| {
            totals.judge(op, |op| op.delivered = op.delivered.saturating_add(1));
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
        self.books().clear();
    }

    fn edit(
        &self,
        provider: &'static str,
        reference: &str,
        edit: impl FnOnce(&mut Operation, &mut Totals),
    ) -> Entry {
        let mut books = self.books();
        let entry = books.open(provider, reference);
        books.edit(entry, edit);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(ledger: &Ledger, reference: &str) -> Entry {
        let asked = Asked {
            provider: "p",
            kind: "k",
            reference,
        };
        ledger.requested(0, 1, &asked, || (None, Vec::new())).0
    }

    fn lines(ledger: &Ledger, reference: &str) -> Option<usize> {
        Some(ledger.operation("p", reference)?.story.len())
    }

    #[test]
    fn a_text_is_shortened_once_and_stays_findable() {
        for long in ["x".repeat(257), "\u{20ac}".repeat(1 << 10)] {
            let kept = bounded(&long).into_owned();
            assert!(kept.len() <= TEXT, "{kept}");
            assert_eq!(bounded(&kept), kept);
            assert_ne!(bounded(&format!("{long}.")), kept);

            let ledger = Ledger::new(10);
            assert_eq!(ask(&ledger, &long), ask(&ledger, &kept));
        }
        let whole = "x".repeat(256);
        assert_eq!(bounded(&whole), whole);
    }

    #[test]
    fn an_entry_that_is_forgotten_finds_nothing() {
        let ledger = Ledger::new(2);
        let oldest = ask(&ledger, "a");
        let (b, c) = (ask(&ledger, "b"), ask(&ledger, "c"));
        for entry in [oldest, b, c] {
            ledger.note_at(0, 1, entry, What::Delivered);
        }
        let all = ["a", "b", "c"].map(|reference| lines(&ledger, reference));
        assert_eq!(all, [None, Some(2), Some(2)]);
        assert_eq!((ledger.forgotten(), ledger.totals().requested), (1, 3));
        // Asked for again, it is a new one.
        assert_ne!(ask(&ledger, "a"), oldest);
        assert_eq!(lines(&ledger, "a"), Some(1));
    }

    #[test]
    fn an_entry_of_before_a_reset_finds_nothing() {
        let ledger = Ledger::new(10);
        let before = ask(&ledger, "a");
        ledger.clear();
        ask(&ledger, "b");
        ledger.note_at(0, 1, before, What::Delivered);
        assert_eq!((lines(&ledger, "a"), lines(&ledger, "b")), (None, Some(1)));
    }

    #[test]
    fn the_same_reference_is_the_same_entry_of_one_provider_only() {
        let ledger = Ledger::new(10);
        let entry = ask(&ledger, "a");
        assert_eq!(ask(&ledger, "a"), entry);
        assert_eq!(ledger.delivered(0, 2, "p", "a"), entry);
        assert_ne!(ledger.delivered(0, 2, "q", "a"), entry);
        assert_eq!(ledger.requests_of("p", "a"), 2);
        let (p, q) = (ledger.totals_of("p"), ledger.totals_of("q"));
        assert_eq!((p.requests, p.delivered, q.delivered), (2, 1, 1));
    }
}
