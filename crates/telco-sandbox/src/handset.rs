//! Phones: what really reached them, for a test that reads it as the person who holds one would.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::ledger::bounded;
use crate::text::excerpt;

/// Something that reached a phone. A text longer than 4,096 bytes is cut, with a mark; of a call's variables
/// so many bytes are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Arrival {
    /// It rang, briefly, and shows who called.
    MissedCall {
        /// The caller's number, as the phone shows it.
        from: String,
    },
    /// A text message.
    Message {
        /// The sender, as the phone shows it.
        from: String,
        /// The text.
        text: String,
    },
    /// A call that runs a flow: what it says is in the variables that came with it.
    Call {
        /// The flow.
        flow: String,
        /// Its variables by name.
        variables: BTreeMap<String, String>,
    },
}

/// An arrival with the phone it reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rung {
    pub(crate) number: String,
    #[serde(flatten)]
    pub(crate) received: Received,
}

/// One arrival, with where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Received {
    /// Milliseconds since the epoch, by the sandbox's clock.
    pub at_ms: u64,
    /// The provider.
    pub provider: &'static str,
    /// The operation in the ledger that caused it.
    pub reference: String,
    /// What it was.
    pub arrival: Arrival,
}

impl Received {
    /// What came from outside is kept short: there may be many of them.
    pub(crate) fn new(
        at_ms: u64,
        provider: &'static str,
        reference: &str,
        arrival: Arrival,
    ) -> Self {
        Self {
            at_ms,
            provider,
            reference: bounded(reference).into_owned(),
            arrival: arrival.bounded(),
        }
    }
}

impl Arrival {
    fn bounded(self) -> Self {
        let short = |name: String| bounded(&name).into_owned();
        match self {
            Self::MissedCall { from } => Self::MissedCall { from: short(from) },
            Self::Message { from, text } => Self::Message {
                from: short(from),
                text: excerpt(text.as_bytes(), TEXT),
            },
            Self::Call { flow, variables } => {
                let mut left = TEXT;
                let kept = variables.into_iter().map_while(|(name, value)| {
                    let some = left > 0;
                    let (name, value) = (short(name), excerpt(value.as_bytes(), left));
                    left = left.saturating_sub(name.len().saturating_add(value.len()));
                    some.then_some((name, value))
                });
                Self::Call {
                    flow: short(flow),
                    variables: kept.collect(),
                }
            }
        }
    }
}

/// Bytes kept of the texts of one arrival.
const TEXT: usize = 4_096;
/// Arrivals kept over all phones.
const KEPT: usize = 100_000;

/// All phones there are.
#[derive(Debug, Default)]
pub(crate) struct Handsets {
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    phones: HashMap<String, VecDeque<Received>>,
    /// The phone of each arrival, oldest first.
    order: VecDeque<String>,
    /// What is still to come, with its phone, by time and number.
    later: BTreeMap<(u64, u64), (String, Received)>,
    scheduled: u64,
}

impl Handsets {
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What reached this phone, newest first. Only the digits of the number count.
    pub(crate) fn read(&self, number: &str) -> Vec<Received> {
        let shelf = self.shelf();
        let phone = shelf.phones.get(&digits(number));
        phone.map_or_else(Vec::new, |received| {
            received.iter().rev().cloned().collect()
        })
    }

    /// The newest over all phones.
    pub(crate) fn latest(&self, limit: usize) -> Vec<Rung> {
        let shelf = self.shelf();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let newest_first = shelf.order.iter().rev().take(limit);
        newest_first
            .filter_map(|number| {
                let back = seen.entry(number).or_default();
                let received = shelf.phones.get(number)?.iter().rev().nth(*back)?.clone();
                *back = back.saturating_add(1);
                let number = number.clone();
                Some(Rung { number, received })
            })
            .collect()
    }

    pub(crate) fn arrive(&self, number: &str, received: Received) {
        self.shelf().arrive(number, received);
    }

    /// Something that reaches a phone when its time has come.
    pub(crate) fn arrive_later(&self, number: &str, received: Received) {
        let mut shelf = self.shelf();
        shelf.scheduled = shelf.scheduled.wrapping_add(1);
        let key = (received.at_ms, shelf.scheduled);
        shelf.later.insert(key, (number.to_owned(), received));
        if shelf.later.len() > KEPT {
            shelf.later.pop_last();
        }
    }

    /// Lets arrive what was for later, up to now: before anybody looks.
    pub(crate) fn catch_up(&self, now_ms: u64) {
        let mut shelf = self.shelf();
        while let Some(entry) = shelf.later.first_entry().filter(|e| e.key().0 <= now_ms) {
            let (number, received) = entry.remove();
            shelf.arrive(&number, received);
        }
    }

    pub(crate) fn clear(&self) {
        *self.shelf() = Shelf::default();
    }
}

impl Shelf {
    fn arrive(&mut self, number: &str, received: Received) {
        let shelf = self;
        let number = digits(number);
        shelf.order.push_back(number.clone());
        shelf.phones.entry(number).or_default().push_back(received);
        if shelf.order.len() > KEPT
            && let Some(oldest) = shelf.order.pop_front()
        {
            let empty = shelf.phones.get_mut(&oldest).is_none_or(|received| {
                received.pop_front();
                received.is_empty()
            });
            if empty {
                shelf.phones.remove(&oldest);
            }
        }
    }
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_kept_short() {
        let long = "x".repeat(1 << 14);
        let size = |arrival| {
            let received = Received::new(0, "p", &long, arrival);
            serde_json::to_string(&received).unwrap().len()
        };
        let variables = (0..20).map(|n| (format!("{n}{long}"), long.clone()));
        let arrivals = [
            Arrival::MissedCall { from: long.clone() },
            Arrival::Message {
                from: long.clone(),
                text: long.clone(),
            },
            Arrival::Call {
                flow: long.clone(),
                variables: variables.collect(),
            },
        ];
        for arrival in arrivals {
            let size = size(arrival);
            assert!(size < 8_192, "{size}");
        }

        let variables: BTreeMap<_, _> = [("a", "1"), ("b", "2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let whole = Arrival::Call {
            flow: "flow".to_owned(),
            variables,
        };
        assert_eq!(whole.clone().bounded(), whole);
    }
}
