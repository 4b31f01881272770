//! Rules of the caller's own, checked in the same transaction that claims the right to send.

use std::time::Duration;

use telco_core::{Amount, Error, ErrorKind, NotSent};

use crate::{Operation, State};

/// Which rule refused. It is the source of the [`NotSent`] that the caller gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Guard {
    /// The same number, product and amount a short while ago.
    #[error("duplicate")]
    Duplicate,
    /// Another job sent the same number, product and amount: see
    /// [`Options::not_sent_by_other_jobs_since`](crate::Options::not_sent_by_other_jobs_since).
    #[error("sent by another job")]
    SentByOtherJob,
    /// This reference was sent before, and it is not proven that it did not happen.
    #[error("re-issue")]
    Reissue,
    /// More than one call may spend.
    #[error("cap per call")]
    PerCall,
    /// More than one number may get in a day.
    #[error("cap per number")]
    PerNumber,
    /// More than may be spent in a day.
    #[error("cap per day")]
    PerDay,
    /// More than a job may spend.
    #[error("cap per job")]
    PerJob,
    /// The account would hold too little afterwards; or, if the refusal says when to come back, nobody knows: the balance
    /// could not be read.
    #[error("minimum balance")]
    MinBalance,
    /// Too many in too short a time.
    #[error("rate limit")]
    Rate,
    /// Somebody pulled the stop switch.
    #[error("stop switch")]
    Stop,
}

impl Guard {
    /// The guard behind a refusal; `None`: no guard refused it.
    ///
    /// ```
    /// use telco_core::{ErrorKind, NotSent};
    /// use telco_ledger::Guard;
    ///
    /// let refusal = NotSent::new(ErrorKind::Policy, "stopped").with_source(Guard::Stop);
    /// assert_eq!(Guard::behind(refusal.as_error()), Some(Guard::Stop));
    /// ```
    #[must_use]
    pub fn behind(error: &Error) -> Option<Self> {
        let mut source = std::error::Error::source(error);
        while let Some(link) = source {
            if let Some(guard) = link.downcast_ref::<Self>() {
                return Some(*guard);
            }
            source = link.source();
        }
        None
    }

    /// How the reason of a row that this guard refused begins.
    pub(crate) fn says(self) -> String {
        format!("refused by the guard \"{self}\": ")
    }

    /// It is about this row: the next one may pass. The others stop every row, and leave a planned one planned.
    #[must_use]
    pub fn is_about_one_row(self) -> bool {
        matches!(
            self,
            Self::Duplicate
                | Self::SentByOtherJob
                | Self::Reissue
                | Self::PerCall
                | Self::PerNumber
        )
    }
}

/// A refusal by a guard.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Which.
    pub guard: Guard,
    /// What would have gone over the limit.
    pub why: String,
    /// When it may pass.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(guard: Guard, why: impl Into<String>) -> Self {
        Self {
            guard,
            why: why.into(),
            retry_after: None,
        }
    }

    pub(crate) fn message(&self) -> String {
        format!("{}{}", self.guard.says(), self.why)
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match self.guard {
            Guard::Rate => ErrorKind::RateLimited,
            Guard::MinBalance => ErrorKind::InsufficientBalance,
            Guard::SentByOtherJob => ErrorKind::Conflict,
            _ => ErrorKind::Policy,
        }
    }

    pub(crate) fn not_sent(&self) -> NotSent {
        let refusal = NotSent::new(self.kind(), self.message()).with_source(self.guard);
        match self.retry_after {
            Some(wait) => refusal.with_retry_after(wait),
            None => refusal,
        }
    }
}

/// Why a row of a job that ended as `not_sent` stays so when the job is planned anew: see [`Ledger::replan`](crate::Ledger::replan).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeftOut {
    /// It was taken back for good: [`Ledger::cancel`](crate::Ledger::cancel).
    Cancelled,
    /// The guard [`SentByOtherJob`](Guard::SentByOtherJob) refused it.
    SentByOtherJob,
    /// The guard [`Duplicate`](Guard::Duplicate) refused it: the number got the same from another row, and would get it twice once
    /// the window of that guard is over.
    Duplicate,
}

impl LeftOut {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Cancelled, Self::SentByOtherJob, Self::Duplicate];

    /// Why this row is left out; `None`: it is not.
    #[must_use]
    pub fn of(row: &Operation) -> Option<Self> {
        let why = row.why.as_ref().filter(|_| row.state == State::NotSent)?;
        let mut all = Self::ALL.iter().copied();
        all.find(|left_out| why.message.starts_with(&left_out.says()))
    }

    /// How the reason of such a row begins.
    pub(crate) fn says(self) -> String {
        match self {
            Self::Cancelled => "cancelled: ".to_owned(),
            Self::SentByOtherJob => Guard::SentByOtherJob.says(),
            Self::Duplicate => Guard::Duplicate.says(),
        }
    }
}

/// The rules. All workers of a ledger should have the same.
///
/// ```
/// use std::time::Duration;
/// use telco_core::{Amount, Currency};
/// use telco_ledger::Guards;
///
/// let naira = |n| Amount::from_major(n, Currency::NGN).unwrap();
/// let mut guards = Guards::default(); // the same number, product and amount once in 30 s
/// guards.per_call = Some(naira(5_000));
/// guards.per_day = Some(naira(1_000_000));
/// guards.rate = Some((50, Duration::from_secs(1)));
/// # let _ = guards;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Guards {
    /// The same canonical number, product and amount at most once within this time, through whichever account. PINs have no
    /// number and are not compared. Default: 30 s.
    pub duplicate_within: Option<Duration>,
    /// Most of one call.
    pub per_call: Option<Amount>,
    /// Most for one number in a day (UTC).
    pub per_number: Option<Amount>,
    /// Most in a day (UTC), all accounts together.
    pub per_day: Option<Amount>,
    /// Most of one job.
    pub per_job: Option<Amount>,
    /// What the account must still hold afterwards. The balance is read every few seconds and counted down in between; what is
    /// unknown when it is read is taken off too, until it is settled. Advice, since others may spend from the same account.
    pub min_balance: Option<Amount>,
    /// At most so many in any span of this length, per account: not on the average of several, since a provider that is sent more
    /// answers that it is too much, and then nobody knows. They may all come at once in the beginning of it; where they are to be
    /// spread, give fewer in a shorter time. It is counted when the right to send is written down, by the millisecond.
    pub rate: Option<(u32, Duration)>,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            duplicate_within: Some(Duration::from_secs(30)),
            ..Self::none()
        }
    }
}

impl Guards {
    /// Only those that cannot be switched off: re-issue, and the stop switch.
    #[must_use]
    pub fn none() -> Self {
        Self {
            duplicate_within: None,
            per_call: None,
            per_number: None,
            per_day: None,
            per_job: None,
            min_balance: None,
            rate: None,
        }
    }

    /// There is more to look at than the row, the stop switch and duplicates.
    pub(crate) fn look_at_sums(&self) -> bool {
        self.per_call.is_some()
            || self.per_number.is_some()
            || self.per_day.is_some()
            || self.per_job.is_some()
            || self.min_balance.is_some()
            || self.rate.is_some()
    }
}
