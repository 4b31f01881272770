//! Requests and answers exactly as on the wire: builds bytes, reads bytes, does no I/O. The client goes the same way.

mod answer;
mod request;

pub use answer::{Answer, FamilyError, Field};
pub(crate) use answer::{Members, integer, truth};
pub(crate) use request::{APP_ID, TENANT_ID, post};
pub use request::{Commit, Start};

/// The two calls of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Sends a code to the subscriber.
    Start,
    /// Confirms it, which **charges**.
    Commit,
}

impl Operation {
    /// `start` or `commit`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Commit => "commit",
        }
    }

    /// With its capital `S`, as documented.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Start => "/api/Subscription/grant/start",
            Self::Commit => "/api/Subscription/grant/commit",
        }
    }
}
