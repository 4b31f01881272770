//! What other jobs have sent already.

use std::time::SystemTime;

use telco_core::Reference;

use crate::State;

/// A top-up of another job that was sent, and was delivered or may have been: the answer of
/// [`Store::sent_by_other_jobs`](crate::Store::sent_by_other_jobs).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Earlier {
    /// Which.
    pub reference: Reference,
    /// Of which job.
    pub job: String,
    /// Where it stands.
    pub state: State,
    /// When it was sent, for the last time.
    pub sent_at: SystemTime,
}
