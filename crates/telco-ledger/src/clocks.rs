//! How much time went by, as far as this machine can tell.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use telco_core::Clock;

/// A moment on both clocks of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Since {
    clock: Arc<dyn Clock>,
    wall: SystemTime,
    monotonic: Duration,
}

impl Since {
    pub(crate) fn now(clock: &Arc<dyn Clock>) -> Self {
        Self {
            clock: Arc::clone(clock),
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }

    /// What the clock says that went further: the monotonic one stands still while the machine is suspended, the other one may
    /// be set back.
    pub(crate) fn elapsed(&self) -> Duration {
        let monotonic = self.clock.monotonic().saturating_sub(self.monotonic);
        let wall = self.clock.now().duration_since(self.wall);
        wall.unwrap_or_default().max(monotonic)
    }
}

/// The store's time, which goes on.
#[derive(Debug, Clone)]
pub(crate) struct StoreTime {
    /// When the store said so.
    pub(crate) at: SystemTime,
    /// From before it was asked: an answer that took its time is old.
    pub(crate) since: Since,
}

impl StoreTime {
    /// At the latest.
    pub(crate) fn now(&self) -> Option<SystemTime> {
        self.at.checked_add(self.since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Debug)]
    struct Hands(Mutex<(SystemTime, Duration)>);

    impl Clock for Hands {
        fn now(&self) -> SystemTime {
            self.0.lock().unwrap().0
        }
        fn monotonic(&self) -> Duration {
            self.0.lock().unwrap().1
        }
    }

    #[test]
    fn the_clock_that_went_further_counts() {
        let second = Duration::from_secs(1);
        let began = (SystemTime::UNIX_EPOCH + 1_000 * second, second);
        for (now, elapsed) in [
            (began, 0),
            ((began.0 + 3 * second, began.1 + 2 * second), 3),
            ((began.0 + 3_600 * second, began.1), 3_600),
            ((began.0 - 3_600 * second, began.1 + 2 * second), 2),
        ] {
            let hands = Arc::new(Hands(Mutex::new(began)));
            let clock = Arc::clone(&hands) as Arc<dyn Clock>;
            let since = Since::now(&clock);
            *hands.0.lock().unwrap() = now;
            assert_eq!(since.elapsed(), elapsed * second);
        }
    }
}
