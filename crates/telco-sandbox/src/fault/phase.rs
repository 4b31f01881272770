//! What can go wrong, and when in the life of a request.

use serde::{Deserialize, Serialize};

/// What goes wrong, named by what the provider has done by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// The connection is reset as soon as it is accepted; nothing is read.
    /// (For a port that is really closed see [`Sandbox::set_down`](crate::Sandbox::set_down).)
    Refuse,
    /// The request is read; no answer ever comes and nothing is done.
    Stall,
    /// The request is read and the connection reset; nothing is done.
    ResetBefore,
    /// HTTP 500; nothing is done.
    ErrorBefore,
    /// The answer is HTTP 302 to [`location`](crate::FaultRule::location); nothing is done.
    Redirect,
    /// A request on a connection that already served one is reset unread; the first request of a connection is served.
    ResetReused,
    /// The provider acts, then resets the connection.
    ActThenReset,
    /// The provider acts; no answer ever comes.
    ActThenStall,
    /// The provider acts, then answers HTTP 500.
    ActThenError,
    /// The provider acts; half of the answer arrives, then the connection closes.
    Truncate,
    /// The provider acts; the answer has status 200 and a body that nobody can read.
    Garbage,
    /// The provider acts; the body of the answer goes on for 64 MiB.
    Flood,
    /// The provider acts; the answer comes byte by byte, [`delay_ms`](crate::FaultRule::delay_ms) apart.
    Drip,
    /// The provider acts; the answer comes after [`delay_ms`](crate::FaultRule::delay_ms).
    SlowAnswer,
    /// The provider acts and answers; then the pooled connection closes without notice.
    CloseIdle,
}

impl Phase {
    /// All phases, in the order of a request's life.
    pub const ALL: [Self; 15] = [
        Self::Refuse,
        Self::Stall,
        Self::ResetBefore,
        Self::ErrorBefore,
        Self::Redirect,
        Self::ResetReused,
        Self::ActThenReset,
        Self::ActThenStall,
        Self::ActThenError,
        Self::Truncate,
        Self::Garbage,
        Self::Flood,
        Self::Drip,
        Self::SlowAnswer,
        Self::CloseIdle,
    ];

    /// Whether the provider does its work in this phase.
    #[must_use]
    pub fn acts(self) -> bool {
        !matches!(
            self,
            Self::Refuse
                | Self::Stall
                | Self::ResetBefore
                | Self::ErrorBefore
                | Self::Redirect
                | Self::ResetReused
        )
    }
}

/// What goes wrong with callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallbackFault {
    /// Never pushed.
    Lost,
    /// Pushed [`delay_ms`](crate::FaultRule::delay_ms) later than usual.
    Late,
    /// Pushed at once, perhaps before the answer to the request that caused it.
    Early,
    /// Pushed twice.
    Twice,
    /// Held back until a later callback of the same provider has gone out, though no longer than
    /// [`delay_ms`](crate::FaultRule::delay_ms) beyond its time (two seconds where that is 0).
    Reordered,
}
