//! Time that a test can move: every rule of a room that waits or expires reads this clock.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The sandbox's clock: the real one, shifted, or standing still.
///
/// ```
/// use std::time::Duration;
/// let clock = telco_sandbox::Clock::default();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert!(clock.now().duration_since(before).unwrap() >= Duration::from_secs(3600));
/// ```
#[derive(Default)]
pub struct Clock {
    offset_ms: AtomicI64,
    /// Milliseconds since the epoch at which the clock stands still; 0 while it runs.
    frozen_ms: AtomicU64,
    moved: Notify,
}

impl Clock {
    /// The time the providers believe it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let ms = self.now_ms();
        UNIX_EPOCH
            .checked_add(Duration::from_millis(ms))
            .unwrap_or(UNIX_EPOCH)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        match self.frozen_ms.load(Ordering::Relaxed) {
            0 => real_ms().saturating_add_signed(self.offset_ms.load(Ordering::Relaxed)),
            frozen => frozen,
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.shift(by);
    }

    /// Moves the clock by so many milliseconds, back if negative.
    pub fn shift(&self, by_ms: i64) {
        let saturating = |old: i64| Some(old.saturating_add(by_ms));
        let _ = self
            .offset_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, saturating);
        let frozen = |old: u64| (old != 0).then(|| old.saturating_add_signed(by_ms).max(1));
        let _ = self
            .frozen_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, frozen);
        self.moved.notify_waiters();
    }

    /// Sets the clock; it runs on from there, or keeps standing if it stood.
    pub fn set(&self, to: SystemTime) {
        let to = to
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        let from = self.now_ms();
        let by = i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(0);
        self.shift(by);
    }

    /// Stops the clock where it is; [`advance`](Self::advance) and [`set`](Self::set) still move it.
    pub fn freeze(&self) {
        self.frozen_ms
            .store(self.now_ms().max(1), Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    /// Lets a frozen clock run on from where it stands.
    pub fn run(&self) {
        let stood = self.frozen_ms.swap(0, Ordering::Relaxed);
        if stood != 0 {
            let by = i128::from(stood) - i128::from(real_ms());
            self.offset_ms
                .store(i64::try_from(by).unwrap_or(0), Ordering::Relaxed);
        }
        self.moved.notify_waiters();
    }

    /// Whether the clock stands still.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.frozen_ms.load(Ordering::Relaxed) != 0
    }

    /// Real time again.
    pub(crate) fn reset(&self) {
        self.frozen_ms.store(0, Ordering::Relaxed);
        self.offset_ms.store(0, Ordering::Relaxed);
        self.moved.notify_waiters();
    }

    /// Ends when somebody moves the clock, from the moment that it is asked for.
    pub(crate) fn moved(&self) -> Notified<'_> {
        self.moved.notified()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock")
            .field("now_ms", &self.now_ms())
            .finish_non_exhaustive()
    }
}

fn real_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}
