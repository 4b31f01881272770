//! One row of the ledger, as it is read.

use std::fmt;
use std::time::{Duration, SystemTime};

use telco_core::{
    Amount, Error, ErrorKind, FrozenTopup, Identity, Pin, Reference, Rejection, SecretBytes,
    Submission, TopupIntent, TopupReceipt, UnknownOutcome,
};

use crate::{State, Why};

/// One top-up and where it stands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Operation {
    /// Its number in this ledger, in the order of writing: the cursor of [`Filter::after`].
    pub id: i64,
    /// The account that it goes through, for ever.
    pub identity: Identity,
    /// What is bought, under which reference.
    pub intent: TopupIntent,
    /// The job that it belongs to, and its line there.
    pub job: Option<String>,
    /// See [`job`](Self::job).
    pub line: Option<u64>,
    /// Where it stands.
    pub state: State,
    /// Whether it was delivered; `None`: not known, or not sent yet.
    pub delivered: Option<bool>,
    /// How many transmissions were begun.
    pub attempt: u32,
    /// When it was written down.
    pub planned_at: SystemTime,
    /// When the last transmission was begun.
    pub sent_at: Option<SystemTime>,
    /// When the state changed last.
    pub changed_at: SystemTime,
    /// Why it stands there.
    pub why: Option<Why>,
    /// The person that resolved it.
    pub who: Option<String>,
    /// How often it was looked up since it became unknown.
    pub lookups: u32,
    /// What the provider answered, or what holds if it did act; paid PINs among it. Where the row was sent again after a proof that
    /// it had not happened, this is about the last time only.
    pub receipt: TopupReceipt,
    /// PINs that came with an earlier time, which was found not to have happened, and is told by nothing else.
    pub earlier_pins: Vec<Pin>,
    pub(crate) owner: Option<String>,
    pub(crate) fence: i64,
    pub(crate) leased: bool,
    pub(crate) frozen: Option<(SecretBytes, SystemTime)>,
}

impl Operation {
    /// Its reference.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.intent.reference
    }

    /// What it costs before any discount.
    #[must_use]
    pub fn price(&self) -> Option<Amount> {
        self.intent.product.price()
    }

    /// The story so far, in the form of an answer. `None`: it was planned or ended "not sent", so there is none yet.
    pub fn told(&self) -> Option<Submission<TopupReceipt>> {
        let why = || {
            self.why
                .clone()
                .unwrap_or_else(|| Why::new(ErrorKind::Other, self.state.as_str()))
        };
        match (self.state, self.delivered) {
            (State::Planned | State::Prepared | State::NotSent, _) => None,
            (State::Resolved, Some(false)) => Some(Submission::Rejected(Rejection::new(
                ErrorKind::Other,
                "did not happen, a person found out",
            ))),
            (State::Reversed, _) => Some(Submission::Rejected(Rejection::new(
                ErrorKind::Other,
                "was delivered and taken back",
            ))),
            (_, Some(true)) => Some(Submission::Accepted(self.receipt.clone())),
            (_, Some(false)) => Some(Submission::Rejected(why().rejection())),
            (State::Sending | State::Replaying, None) => {
                let cause = Error::in_doubt(
                    ErrorKind::Conflict,
                    "it is being sent, or whoever sent it is gone",
                )
                .with_help("settle it; it is never sent twice");
                Some(Submission::Unknown(self.unknown(cause)))
            }
            (_, None) => Some(Submission::Unknown(self.unknown(why().in_doubt()))),
        }
    }

    fn unknown(&self, cause: Error) -> UnknownOutcome<TopupReceipt> {
        let mut unknown = UnknownOutcome::new(self.reference(), cause);
        if self.receipt.provider_id.is_some() || !self.receipt.pins.is_empty() {
            unknown = unknown.with_provisional(self.receipt.clone());
        }
        match &self.receipt.answer {
            Some(answer) => unknown.with_answer(answer.clone()),
            None => unknown,
        }
    }

    pub(crate) fn is(&self, identity: &Identity, intent: &TopupIntent) -> bool {
        self.identity == *identity && self.intent == *intent
    }

    pub(crate) fn is_proven_not_done(&self) -> bool {
        self.delivered == Some(false)
            && matches!(
                self.state,
                State::Rejected | State::Settled | State::Resolved
            )
    }

    pub(crate) fn frozen(&self) -> Option<FrozenTopup> {
        let (bytes, at) = self.frozen.clone()?;
        Some(FrozenTopup::restore(
            self.identity.clone(),
            self.intent.clone(),
            bytes,
            at,
        ))
    }
}

/// One line of a row's history. Written with every step, and with an acceptance that came too late for one; never overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: SystemTime,
    /// Which state began.
    pub state: State,
    /// Which transmission.
    pub attempt: u32,
    /// Which worker.
    pub owner: Option<String>,
    /// Which person.
    pub who: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// Which operations to read, in the order of writing.
///
/// ```
/// use telco_ledger::{Filter, State};
///
/// let for_a_person = Filter::default().state(State::Unresolved);
/// let next_page_of_a_job = Filter::default().job("march").after(1_000).at_most(500);
/// # let _ = (for_a_person, next_page_of_a_job);
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Filter {
    /// Only of this job.
    pub job: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only what is not known yet.
    pub open: bool,
    /// Only with a greater [`Operation::id`].
    pub after: i64,
    /// At most so many; 0: 1,000.
    pub limit: u32,
}

impl Filter {
    /// Only of this job.
    #[must_use]
    pub fn job(self, job: impl Into<String>) -> Self {
        Self {
            job: Some(job.into()),
            ..self
        }
    }

    /// Only in this state.
    #[must_use]
    pub fn state(self, state: State) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }

    /// Only what is not known yet.
    #[must_use]
    pub fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// Only what was written after this one: its [`Operation::id`].
    #[must_use]
    pub fn after(self, id: i64) -> Self {
        Self { after: id, ..self }
    }

    /// At most so many.
    #[must_use]
    pub fn at_most(self, limit: u32) -> Self {
        Self { limit, ..self }
    }
}

/// How many rows are in which state, and what they cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// One entry per state, verdict and currency that occurs.
    pub rows: Vec<Count>,
}

/// One entry of [`Counts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The state.
    pub state: State,
    /// Whether these were delivered.
    pub delivered: Option<bool>,
    /// How many.
    pub rows: u64,
    /// What they cost before any discount.
    pub price: Amount,
}

impl Counts {
    /// All rows.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.sum(|_| true)
    }

    /// Rows in a state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.sum(|count| count.state == state)
    }

    /// Rows that were delivered.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.sum(|count| count.delivered == Some(true))
    }

    /// Rows that cost nothing: not sent, refused, found not to have happened, or taken back.
    #[must_use]
    pub fn not_delivered(&self) -> u64 {
        self.sum(|count| count.delivered == Some(false))
    }

    /// Rows of which nobody knows yet what happened.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.sum(|count| count.state.is_open())
    }

    fn sum(&self, which: impl Fn(&Count) -> bool) -> u64 {
        let rows = self.rows.iter().filter(|count| which(count));
        rows.fold(0, |sum, count| sum.saturating_add(count.rows))
    }
}

/// What a pass over the open rows came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settled {
    /// Found to have happened.
    pub delivered: u64,
    /// Proven not to have happened.
    pub not_delivered: u64,
    /// Left to a person.
    pub unresolved: u64,
    /// When the next open row is to be looked up; `None`: none is left.
    pub next: Option<Duration>,
}

impl Settled {
    pub(crate) fn count(&mut self, state: State, delivered: Option<bool>) {
        let which = match (state, delivered) {
            (State::Unresolved, _) => &mut self.unresolved,
            (_, Some(true)) => &mut self.delivered,
            (_, Some(false)) => &mut self.not_delivered,
            (_, None) => return,
        };
        *which = which.saturating_add(1);
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.not_delivered = self.not_delivered.saturating_add(other.not_delivered);
        self.unresolved = self.unresolved.saturating_add(other.unresolved);
        self.next = other.next;
    }
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} delivered, {} not delivered, {} for a person",
            self.delivered, self.not_delivered, self.unresolved
        )
    }
}
