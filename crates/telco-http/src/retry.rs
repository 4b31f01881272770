//! How often a failed read is repeated. Nothing here serves calls that cost.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// How often, and after what waits, a failed **read** is repeated.
///
/// ```
/// use std::time::Duration;
/// use telco_http::ReadRetry;
///
/// let patient = ReadRetry::new([Duration::from_secs(1); 5], Duration::from_secs(120));
/// assert_eq!(patient.delays.len(), 5);
/// assert!(ReadRetry::none().delays.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadRetry {
    /// The wait before each repeat, of which between half and all is taken. As many entries, as many repeats.
    pub delays: Vec<Duration>,
    /// No repeat begins later than this after the first attempt began.
    pub deadline: Duration,
}

impl Default for ReadRetry {
    /// Three repeats, after 0.5, 1 and 2 s, begun within 60 s.
    fn default() -> Self {
        let delays = [500, 1_000, 2_000].map(Duration::from_millis);
        Self::new(delays, Duration::from_secs(60))
    }
}

impl ReadRetry {
    /// With these waits and this deadline.
    pub fn new(delays: impl Into<Vec<Duration>>, deadline: Duration) -> Self {
        Self {
            delays: delays.into(),
            deadline,
        }
    }

    /// One attempt only.
    #[must_use]
    pub fn none() -> Self {
        Self::new([], Duration::ZERO)
    }
}

/// Between half and all of it. Spreads out clients that failed together; nothing secret depends on it, so the standard
/// library's per-process random state is enough.
pub(crate) fn jittered(delay: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    let half = delay / 2;
    let share = u32::try_from(random % 1_001).unwrap_or(0);
    half + half / 1_000 * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_half_and_all() {
        let second = Duration::from_secs(1);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let wait = jittered(second);
            assert!((second / 2..=second).contains(&wait), "{wait:?}");
            seen.insert(wait);
        }
        // All over the range, and not at one end of it.
        assert!(seen.iter().any(|wait| *wait < second * 3 / 4));
        assert!(seen.iter().any(|wait| *wait > second * 3 / 4));
        assert_eq!(jittered(Duration::ZERO), Duration::ZERO);
    }
}
