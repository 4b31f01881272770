//! The last requests, with what was answered and why: a ring with a cap on count and on size.

mod kept;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::fault::Phase;

pub(crate) use kept::{Kept, Seen, Texts};

/// One request and its fate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Exchange {
    /// Counts up from 1.
    pub id: u64,
    /// Milliseconds since the epoch, by the sandbox's clock.
    pub at_ms: u64,
    /// The provider it went to.
    pub provider: &'static str,
    /// The operation, if the request got that far.
    pub operation: &'static str,
    /// The caller's reference.
    pub reference: Option<String>,
    /// The phone number it concerns.
    pub number: Option<String>,
    /// Method and target as they stood in the request line.
    pub request_line: String,
    /// Headers, one a line.
    pub headers: String,
    /// The beginning of the body.
    pub body: String,
    /// The fault that was put in its way.
    pub fault: Option<Phase>,
    /// The room's own misbehaviour that was put in its way.
    pub quirk: Option<String>,
    /// Whether the provider did something that counts.
    pub acted: bool,
    /// What the client's end of the wire saw; empty while it waits.
    pub answered: String,
    /// The beginning of the answer's body, as it was sent.
    pub answer_body: String,
    /// Why it was refused, in words that help.
    pub near_misses: Vec<String>,
}

/// The history.
#[derive(Debug)]
pub struct History {
    ring: Mutex<Ring>,
    cap: usize,
    /// Bytes kept of each text.
    pub(crate) excerpt: usize,
}

#[derive(Debug, Default)]
struct Ring {
    last_id: u64,
    /// Counts the resets: numbers begin again, and what arrived before is forgotten.
    age: u64,
    kept: VecDeque<Kept>,
}

/// The number of a request, and after how many resets it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    pub(crate) id: u64,
    pub(crate) age: u64,
}

impl History {
    pub(crate) fn new(cap: usize, excerpt: usize) -> Self {
        Self {
            ring: Mutex::default(),
            cap: cap.max(1),
            excerpt,
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a number for a request that has just arrived.
    pub(crate) fn next_id(&self) -> Arrived {
        let mut ring = self.ring();
        ring.last_id = ring.last_id.saturating_add(1);
        Arrived {
            id: ring.last_id,
            age: ring.age,
        }
    }

    pub(crate) fn push(&self, age: u64, kept: Kept) {
        let mut ring = self.ring();
        if ring.age != age {
            return;
        }
        if ring.kept.len() >= self.cap {
            ring.kept.pop_front();
        }
        ring.kept.push_back(kept);
    }

    /// Fills in what went over the wire; answers the finished exchange for those who watch, if wanted.
    pub(crate) fn finish(&self, arrived: Arrived, seen: &Seen, watched: bool) -> Option<Exchange> {
        let mut ring = self.ring();
        if ring.age != arrived.age {
            return None;
        }
        // Newest last and nearly sorted: a request that finishes is near the end.
        let kept = ring
            .kept
            .iter_mut()
            .rev()
            .find(|kept| kept.id == arrived.id)?;
        kept.seen = Some(seen.clone());
        watched.then(|| kept.exchange())
    }

    /// One request by its number.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<Exchange> {
        let ring = self.ring();
        ring.kept
            .iter()
            .rev()
            .find(|kept| kept.id == id)
            .map(Kept::exchange)
    }

    /// The newest first: of one provider, containing a text, refused with an explanation, as asked.
    #[must_use]
    pub fn search(&self, query: &Query) -> Vec<Exchange> {
        self.ring()
            .kept
            .iter()
            .rev()
            .filter(|kept| query.matches(kept))
            .skip(query.skip)
            .take(query.limit)
            .map(Kept::exchange)
            .collect()
    }

    /// How many requests arrived since the start or the last reset.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.ring().last_id
    }

    pub(crate) fn clear(&self) {
        let mut ring = self.ring();
        *ring = Ring {
            age: ring.age.wrapping_add(1),
            ..Ring::default()
        };
    }
}

/// Which requests to show.
#[derive(Debug, Clone)]
pub struct Query {
    /// Only this provider.
    pub provider: Option<String>,
    /// Only those that contain this text in request line, reference, number, body, answer or explanation.
    pub search: Option<String>,
    /// Only refused ones that explain themselves.
    pub near_misses: bool,
    /// Skip so many of the newest.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            provider: None,
            search: None,
            near_misses: false,
            skip: 0,
            limit: 100,
        }
    }
}

impl Query {
    fn matches(&self, kept: &Kept) -> bool {
        self.provider.as_deref().is_none_or(|p| p == kept.provider)
            && (!self.near_misses || !kept.near_misses.is_empty())
            && self.search.as_deref().is_none_or(|text| {
                let e = kept.exchange();
                [&e.request_line, &e.body, &e.answered, &e.answer_body]
                    .iter()
                    .any(|field| field.contains(text))
                    || e.operation.contains(text)
                    || e.reference.is_some_and(|r| r.contains(text))
                    || e.number.is_some_and(|n| n.contains(text))
                    || e.near_misses.iter().any(|why| why.contains(text))
            })
    }
}
