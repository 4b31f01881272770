//! How a ledger behaves.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::{Clock, Reference, SystemClock};

use crate::{Guards, State};

/// How a ledger behaves. The defaults fit a service with one account.
///
/// ```
/// use std::time::Duration;
/// use telco_ledger::Settings;
///
/// let mut settings = Settings::default();
/// settings.lease = Duration::from_secs(180); // longer than the provider's total timeout
/// settings.lookups_at_a_time = 4;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// Rules of your own.
    pub guards: Guards,
    /// How long a worker may be silent about a row before others look it up. Default: 2 minutes.
    ///
    /// It must be longer than the provider's client may take for one transmission, with connecting and writing the row down:
    /// its total timeout and a third of that, at least half a minute, more. Where it is shorter, another worker takes a row for
    /// abandoned that is still on the way, and may find it missing from the provider's books before it arrives there. Writing the
    /// row down may use up a quarter of it: if that takes longer, nothing is sent. A ledger is not opened with less than a
    /// millisecond.
    pub lease: Duration,
    /// Sends the same bytes once more where the provider guards that a second copy has no effect, and lookups have found
    /// nothing. Default: no.
    pub replay: bool,
    /// How many lookups are under way at a time. Default: 8.
    pub lookups_at_a_time: u32,
    /// How long a balance that was read counts, for the guard on it. Default: 10 s.
    pub balance_for: Duration,
    /// Told of every step, before and after it is durable: for metrics, and for tests that kill.
    pub watch: Option<Watch>,
    /// Measures how long a claim took and how long a balance counts. Rows, leases, proofs and replays go by the store's time.
    pub clock: Arc<dyn Clock>,
}

impl Settings {
    /// Stores keep milliseconds.
    pub(crate) const SHORTEST_LEASE: Duration = Duration::from_millis(1);
    /// The part of a lease that writing a row down may use up: one in so many.
    pub(crate) const TO_WRITE: u32 = 4;
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guards: Guards::default(),
            lease: Duration::from_secs(120),
            replay: false,
            lookups_at_a_time: 8,
            balance_for: Duration::from_secs(10),
            watch: None,
            clock: Arc::new(SystemClock::default()),
        }
    }
}

/// A moment in the life of a row.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Moment<'a> {
    /// Which row.
    pub reference: &'a Reference,
    /// Which state begins.
    pub state: State,
    /// It is written down. Before that, it is only about to be.
    pub durable: bool,
}

/// Whoever is told of every [`Moment`].
///
/// ```
/// use telco_ledger::{Settings, Watch};
///
/// let mut settings = Settings::default();
/// settings.watch = Some(Watch::new(|moment| eprintln!("{} {}", moment.reference, moment.state)));
/// ```
#[derive(Clone)]
pub struct Watch(Arc<dyn Fn(Moment<'_>) + Send + Sync>);

impl Watch {
    /// Calls this, from whichever task the step happens in.
    pub fn new(tell: impl Fn(Moment<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, moment: Moment<'_>) {
        (self.0)(moment);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
