//! What a suite needs from the provider's side of a test.

use std::fmt::Debug;
use std::time::Duration;

use telco_core::{Msisdn, Reference};

/// Where a request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The connection is refused.
    Refuse,
    /// The request is read and never answered, and nothing is done.
    Stall,
    /// The connection is reset before the provider acts.
    ResetBeforeActing,
    /// The provider acts, then resets the connection.
    ActThenReset,
    /// The provider acts, then answers HTTP 500.
    ActThen500,
    /// The provider acts; its answer is cut short.
    Truncate,
    /// The provider acts; its answer cannot be read.
    Garbage,
    /// The provider acts and answers late, but within the client's patience.
    SlowAnswer,
    /// The pooled connection is closed when the next request arrives on it. Nothing is done.
    ClosePooled,
    /// Nothing is done; the answer is a redirect to another host.
    Redirect,
    /// The provider says by its documented answer that it did not act.
    Decline,
    /// The provider acts; the body of its answer is larger than any answer of it can be, by tens of MiB.
    Flood,
    /// The provider acts; its answer comes byte by byte, for longer than the client's patience.
    Drip,
}

impl Phase {
    /// Those that every suite of spending calls goes through.
    pub const ALL: &'static [Self] = &[
        Self::Refuse,
        Self::Stall,
        Self::ResetBeforeActing,
        Self::ActThenReset,
        Self::ActThen500,
        Self::Truncate,
        Self::Garbage,
        Self::SlowAnswer,
        Self::ClosePooled,
        Self::Redirect,
        Self::Decline,
    ];

    /// Those of the suite [`limits`](crate::limits).
    pub const LIMITS: &'static [Self] = &[Self::Flood, Self::Drip];

    /// The provider acts in this phase.
    #[must_use]
    pub const fn acts(self) -> bool {
        matches!(
            self,
            Self::ActThenReset
                | Self::ActThen500
                | Self::Truncate
                | Self::Garbage
                | Self::SlowAnswer
                | Self::Flood
                | Self::Drip
        )
    }
}

/// What really happened to one operation, seen from the provider's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truth {
    /// How many spending requests arrived for it, copies included, whatever became of them.
    pub received: u32,
    /// How often it was delivered: a call that rang, a phone that was topped up, a charge.
    pub delivered: u32,
}

/// The provider's side: a sandbox, a mock, a fake server of your own.
pub trait Harness: Debug + Send + Sync {
    /// Arms the next spending request under this reference, or the next check of a code
    /// ([`otp_verify`](crate::otp_verify)). False: this server cannot do that; the suite says so in its
    /// report and goes on.
    fn arm(&self, reference: &Reference, phase: Phase) -> bool;

    /// What really happened under this reference.
    fn truth(&self, reference: &Reference) -> Truth;

    /// How many requests arrived at the host that redirects point to. Must stay 0. `None`: this server does not count
    /// them; the suite says so in its report.
    fn strayed(&self) -> Option<u64> {
        None
    }

    /// How many requests used a nonce for the second time. Must stay 0. `None`: this server does not count them, or its
    /// protocol has no nonce.
    fn nonces_reused(&self) -> Option<u64> {
        None
    }

    /// The code that last arrived at this phone, as its owner would read it.
    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        let _ = phone;
        None
    }
}

/// How long a suite waits for one call of the provider under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longer than the client's own timeout, so that a client without one is found out.
    pub patience: Duration,
}

impl Limits {
    /// For a client whose own timeout is this: three times that and a second.
    #[must_use]
    pub fn for_timeout(timeout: Duration) -> Self {
        Self {
            patience: timeout
                .saturating_mul(3)
                .saturating_add(Duration::from_secs(1)),
        }
    }
}
