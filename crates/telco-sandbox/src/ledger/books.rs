//! Where operations are kept: in the order in which they came, with an index by reference for each provider.

use std::collections::{HashMap, VecDeque};

use super::{Operation, Totals, bounded};

/// Which entry of the ledger an operation is. Numbers are never used twice, so one whose operation is forgotten finds
/// nothing.
pub(crate) type Entry = u64;

#[derive(Debug, Default)]
pub(super) struct Books {
    shelves: Vec<Shelf>,
    /// Oldest first.
    entries: VecDeque<Operation>,
    /// The number of the oldest.
    first: Entry,
    /// How many memory no longer holds.
    pub(super) forgotten: u64,
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

    pub(super) fn find(&self, provider: &str, reference: &str) -> Option<Entry> {
        let shelf = self.shelf(provider)?;
        shelf.index.get(&*bounded(reference)).copied()
    }

    fn place(&self, entry: Entry) -> Option<usize> {
        usize::try_from(entry.checked_sub(self.first)?).ok()
    }

    pub(super) fn get(&self, entry: Entry) -> Option<&Operation> {
        self.entries.get(self.place(entry)?)
    }

    pub(super) fn get_mut(&mut self, entry: Entry) -> Option<&mut Operation> {
        let place = self.place(entry)?;
        self.entries.get_mut(place)
    }

    /// The entry of this reference, opened if there is none.
    pub(super) fn open(&mut self, provider: &'static str, reference: &str) -> Entry {
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

    pub(super) fn forget_beyond(&mut self, cap: usize) {
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

    /// Changes an operation and the sums of its provider.
    pub(super) fn edit(&mut self, entry: Entry, edit: impl FnOnce(&mut Operation, &mut Totals)) {
        let place = self
            .place(entry)
            .and_then(|place| self.entries.get_mut(place));
        let Some(op) = place else { return };
        let mut shelves = self.shelves.iter_mut();
        if let Some(shelf) = shelves.find(|shelf| shelf.provider == op.provider) {
            edit(op, &mut shelf.totals);
        }
    }

    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Operation> {
        self.entries.iter().rev()
    }

    /// Sums of one provider, or of all.
    pub(super) fn totals(&self, provider: Option<&str>) -> Totals {
        self.shelves
            .iter()
            .filter(|shelf| provider.is_none_or(|wanted| wanted == shelf.provider))
            .fold(Totals::default(), |sum, shelf| sum.plus(&shelf.totals))
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            first: self.first.saturating_add(self.entries.len() as u64),
            ..Self::default()
        };
    }
}
