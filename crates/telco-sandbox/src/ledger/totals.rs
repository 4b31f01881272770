//! Sums over operations, and which of them to show.

use serde::Serialize;

use super::{Operation, Told};

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
    /// Operations whose caller was told "refused" or "nothing was sent", and that were done.
    pub denied: u64,
    /// Operations whose caller still does not know.
    pub undecided: u64,
}

impl Totals {
    /// Changes an operation, and counts anew what it is in the light of what its caller was told.
    pub(super) fn judge(&mut self, op: &mut Operation, change: impl FnOnce(&mut Operation)) {
        let judged =
            |op: &Operation| [op.is_lost(), op.is_denied(), op.told == Some(Told::Unknown)];
        let before = judged(op);
        change(op);
        let sums = [&mut self.lost, &mut self.denied, &mut self.undecided];
        for ((sum, was), is) in sums.into_iter().zip(before).zip(judged(op)) {
            *sum = sum
                .saturating_sub(u64::from(was))
                .saturating_add(u64::from(is));
        }
    }

    pub(super) fn plus(self, other: &Self) -> Self {
        Self {
            requested: self.requested.saturating_add(other.requested),
            requests: self.requests.saturating_add(other.requests),
            delivered: self.delivered.saturating_add(other.delivered),
            doubled: self.doubled.saturating_add(other.doubled),
            refused: self.refused.saturating_add(other.refused),
            lost: self.lost.saturating_add(other.lost),
            denied: self.denied.saturating_add(other.denied),
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
    /// Only doubled, lost or denied ones.
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
    pub(super) fn matches(&self, op: &Operation) -> bool {
        self.provider.as_deref().is_none_or(|p| p == op.provider)
            && (!self.trouble || op.is_doubled() || op.is_lost() || op.is_denied())
            && self.search.as_deref().is_none_or(|text| {
                op.reference.contains(text)
                    || op.kind.contains(text)
                    || op.number.as_deref().is_some_and(|n| n.contains(text))
                    || op.detail.iter().any(|(_, value)| value.contains(text))
            })
    }
}
