//! What a transport may take: time, bytes, roots.

use std::time::Duration;

/// Limits and identity of a transport. The defaults fit calls that a person waits for.
///
/// ```
/// use std::time::Duration;
/// use telco_http::Settings;
///
/// let settings = Settings::default().with_timeouts(Duration::from_secs(5), Duration::from_secs(20));
/// assert_eq!(settings.total_timeout, Duration::from_secs(20));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// For DNS, TCP and TLS together: 10 s.
    pub connect_timeout: Duration,
    /// For the whole exchange, the answer's body included: 60 s.
    pub total_timeout: Duration,
    /// How long an unused connection is kept: 5 s, below what servers and middleboxes usually allow.
    pub idle_timeout: Duration,
    /// Longest body of a 2xx answer in octets: 4 MiB. A longer one is a failure.
    pub success_body_cap: usize,
    /// Longest body of any other answer in octets: 8 KiB. A longer one is cut.
    pub error_body_cap: usize,
    /// What is sent as `User-Agent`; empty for none.
    pub user_agent: String,
    /// Root certificates in PEM to trust besides the system's.
    pub extra_roots_pem: Vec<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(5),
            success_body_cap: 4 * 1024 * 1024,
            error_body_cap: 8 * 1024,
            user_agent: concat!("telco-http/", env!("CARGO_PKG_VERSION")).to_owned(),
            extra_roots_pem: Vec::new(),
        }
    }
}

impl Settings {
    /// For connecting, and for the whole exchange.
    #[must_use]
    pub fn with_timeouts(self, connect: Duration, total: Duration) -> Self {
        Self {
            connect_timeout: connect,
            total_timeout: total,
            ..self
        }
    }

    /// How long an unused connection is kept. Zero: every exchange makes its own.
    #[must_use]
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self {
            idle_timeout,
            ..self
        }
    }

    /// Longest bodies of 2xx answers and of all others, in octets.
    #[must_use]
    pub fn with_body_caps(self, success: usize, error: usize) -> Self {
        Self {
            success_body_cap: success,
            error_body_cap: error,
            ..self
        }
    }

    /// What is sent as `User-Agent`.
    #[must_use]
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            ..self
        }
    }

    /// Root certificates in PEM to trust besides the system's.
    #[must_use]
    pub fn with_extra_roots_pem(self, pem: impl Into<Vec<u8>>) -> Self {
        Self {
            extra_roots_pem: pem.into(),
            ..self
        }
    }
}
