//! The store of one process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::{Clock, Error, SystemClock};

use crate::OtpStore;

/// Counters in the memory of **one** process: for tests, and for a service that runs once. Two workers with one each double
/// the attempts, and a restart forgets them; that is why nothing here uses it unasked.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::time::{Duration, SystemTime};
/// use telco_otp::{MemoryOtpStore, OtpStore};
///
/// let store = MemoryOtpStore::default();
/// let later = SystemTime::now() + Duration::from_secs(60);
/// assert_eq!(store.count("tries", later).await?, 1);
/// assert_eq!(store.count("tries", later).await?, 2);
/// assert!(store.claim("used", later).await?);
/// assert!(!store.claim("used", later).await?);
/// # Ok::<(), telco_core::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct MemoryOtpStore {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, Entry>,
    /// What is past is swept out whenever the map has doubled, so that it stays as large as what is alive.
    sweep_at: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    count: u32,
    /// Of a claim.
    owner: Option<u64>,
    forget_at: SystemTime,
}

impl Default for MemoryOtpStore {
    fn default() -> Self {
        Self::with_clock(Arc::new(SystemClock::default()))
    }
}

impl MemoryOtpStore {
    /// With a clock of your own.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use telco_core::SystemClock;
    /// use telco_otp::MemoryOtpStore;
    /// let store = MemoryOtpStore::with_clock(Arc::new(SystemClock::default())); // in a test: a clock that you set
    /// # let _ = store;
    /// ```
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// The living entries only. A panic elsewhere cannot leave a counter half-written, so a poisoned lock is as good.
    fn living(&self) -> MutexGuard<'_, State> {
        const SMALLEST_SWEEP: usize = 1024;
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.entries.len() >= state.sweep_at {
            state.entries.retain(|_, entry| entry.forget_at > now);
            state.sweep_at = (state.entries.len() * 2).max(SMALLEST_SWEEP);
        }
        state
    }

    /// The entry, and whether it is new.
    fn with<T>(
        &self,
        key: &str,
        forget_at: SystemTime,
        work: impl FnOnce(&mut Entry, bool) -> T,
    ) -> T {
        let now = self.clock.now();
        let fresh = Entry {
            count: 0,
            owner: None,
            forget_at,
        };
        let mut state = self.living();
        let entry = state.entries.entry(key.to_owned()).or_insert(fresh);
        let new = entry.count == 0 || entry.forget_at <= now;
        if new {
            *entry = fresh;
        }
        entry.count = entry.count.saturating_add(1);
        work(entry, new)
    }
}

#[async_trait]
impl OtpStore for MemoryOtpStore {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        Ok(self.with(key, forget_at, |entry, _| entry.count))
    }

    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        Ok(self.with(key, forget_at, |_, new| new))
    }

    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        Ok(self.with(key, forget_at, |entry, new| {
            if new {
                entry.owner = Some(owner);
            }
            entry.owner == Some(owner)
        }))
    }

    async fn release(&self, key: &str) -> Result<(), Error> {
        self.living().entries.remove(key);
        Ok(())
    }
}
