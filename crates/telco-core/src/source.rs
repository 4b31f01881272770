//! Time and randomness come in through these, so that every flow can be replayed byte for byte.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Where time comes from. Give a fixed one to tests.
///
/// ```
/// use telco_core::{Clock, SystemClock};
///
/// let clock = SystemClock::default();
/// assert!(clock.monotonic() <= clock.monotonic());
/// ```
pub trait Clock: Debug + Send + Sync + 'static {
    /// Wall-clock time: what goes into a signature or a row. May jump.
    fn now(&self) -> SystemTime;
    /// Time since some fixed moment: for waiting and measuring. Never goes back.
    fn monotonic(&self) -> Duration;
}

/// Where unpredictable bytes come from.
pub trait Randomness: Debug + Send + Sync + 'static {
    /// Fills `out` whole.
    ///
    /// # Errors
    /// [`NoRandomness`] if there is none to be had; `out` must then not be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness>;
}

/// There were no random bytes to be had. It says nothing about whether something was sent: the caller knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no random bytes to be had: check the operating system's random source or the one you passed in"
)]
#[non_exhaustive]
pub struct NoRandomness;

impl NoRandomness {
    /// For an own [`Randomness`] that runs dry.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Default for NoRandomness {
    fn default() -> Self {
        Self::new()
    }
}

/// The operating system's clocks.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The operating system's secure random source.
#[cfg(feature = "os-random")]
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandomness;

#[cfg(feature = "os-random")]
impl Randomness for OsRandomness {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        getrandom::fill(out).map_err(|_| NoRandomness)
    }
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
    fn monotonic(&self) -> Duration {
        (**self).monotonic()
    }
}

impl<T: Randomness + ?Sized> Randomness for Arc<T> {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        (**self).fill(out)
    }
}
