//! The counters that make a short code safe.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::Error;

/// Counts and claims, shared by **all** workers that check codes. Four digits are protected by counting, not by hashing, so
/// a store that forgets, or that each worker has for itself, gives an attacker more attempts.
///
/// Every operation is atomic. Keys come from this crate and hold no number and no code: only prefixes and keyed digests.
///
/// Implementations here: [`MemoryOtpStore`](crate::MemoryOtpStore) and, behind features, SQLite and PostgreSQL. With Redis
/// they are `INCR` + `PEXPIREAT … NX`, `SET … NX PXAT` and `DEL`, and a `GET` to know a claim again.
#[async_trait]
pub trait OtpStore: Debug + Send + Sync + 'static {
    /// Adds one to the counter of `key` and returns the sum: 1 the first time. The counter is forgotten at the `forget_at`
    /// of its first count; later ones do not move it.
    ///
    /// # Errors
    /// Kind `Storage`. The caller then refuses the code: it may have been counted or not.
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error>;

    /// True for exactly one caller, until it is released or `forget_at` has passed.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error>;

    /// The same for an owner who knows its claim again: true for the first, and true again when it asks once more because the
    /// answer got lost. `owner` is a large random number, made for this one claim.
    ///
    /// Without it a claim whose answer got lost looks like somebody else's until `forget_at`: the safe side, and what a store
    /// does that leaves this method out.
    ///
    /// # Errors
    /// Kind `Storage`. It may be claimed or not.
    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        let _ = owner;
        self.claim(key, forget_at).await
    }

    /// Gives a claim back. A key that nobody claimed is no error.
    ///
    /// # Errors
    /// Kind `Storage`. The claim then stays: the safe side.
    async fn release(&self, key: &str) -> Result<(), Error>;
}

#[async_trait]
impl<S: OtpStore + ?Sized> OtpStore for Arc<S> {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        (**self).count(key, forget_at).await
    }
    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        (**self).claim(key, forget_at).await
    }
    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        (**self).claim_as(key, owner, forget_at).await
    }
    async fn release(&self, key: &str) -> Result<(), Error> {
        (**self).release(key).await
    }
}
