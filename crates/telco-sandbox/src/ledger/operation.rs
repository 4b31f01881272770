//! One business operation and its story.

use serde::{Deserialize, Serialize};

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
    /// The provider did it: money moved, a phone rang, a message left. Or it will: a call that it took for later (Kairos'
    /// `start-time`) rings then without being asked again, and a [`Note`](Self::Note) says when.
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
    pub(super) fn new(provider: &'static str, reference: String) -> Self {
        Self {
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
    }

    /// Told "accepted", but never done.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.told == Some(Told::Accepted) && self.delivered == 0
    }

    /// Told "refused" or "nothing was sent", but done.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self.told, Some(Told::Rejected | Told::NotSent)) && self.delivered > 0
    }

    /// Done more than once.
    #[must_use]
    pub fn is_doubled(&self) -> bool {
        self.delivered > 1
    }

    pub(super) fn tell(&mut self, at_ms: u64, exchange: u64, what: What) {
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
