//! What a transport may take: time, bytes, roots.

use std::time::Duration;

/// Limits and identity of a transport. What is `None` here is left to the client, whose protocol may need other limits than most,
/// and after it to the values named below, which fit calls that a person waits for.
///
/// ```
/// use std::time::Duration;
/// use telco_http::Settings;
///
/// let settings = Settings::default().with_timeouts(Duration::from_secs(5), Duration::from_secs(20));
/// assert_eq!(settings.total_timeout, Some(Duration::from_secs(20)));
/// assert_eq!(settings.error_body_cap, None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Settings {
    /// For DNS, TCP and TLS together. Else 10 s.
    pub connect_timeout: Option<Duration>,
    /// For the whole exchange, the answer's body included. Else 60 s.
    pub total_timeout: Option<Duration>,
    /// How long an unused connection is kept. Else 5 s, below what servers and middleboxes usually allow.
    pub idle_timeout: Option<Duration>,
    /// Longest body of a 2xx answer in octets; a longer one is a failure. Else 4 MiB.
    pub success_body_cap: Option<usize>,
    /// Longest body of any other answer in octets; a longer one is cut. Else 8 KiB.
    pub error_body_cap: Option<usize>,
    /// What is sent as `User-Agent`; empty for none. Else the name and version of this crate.
    pub user_agent: Option<String>,
    /// Root certificates in PEM to trust besides the system's.
    pub extra_roots_pem: Vec<u8>,
}

impl Settings {
    /// For connecting, and for the whole exchange.
    #[must_use]
    pub fn with_timeouts(self, connect: Duration, total: Duration) -> Self {
        Self {
            connect_timeout: Some(connect),
            total_timeout: Some(total),
            ..self
        }
    }

    /// How long an unused connection is kept. Zero: every exchange makes its own.
    #[must_use]
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self {
            idle_timeout: Some(idle_timeout),
            ..self
        }
    }

    /// Longest bodies of 2xx answers and of all others, in octets.
    #[must_use]
    pub fn with_body_caps(self, success: usize, error: usize) -> Self {
        Self {
            success_body_cap: Some(success),
            error_body_cap: Some(error),
            ..self
        }
    }

    /// What is sent as `User-Agent`.
    #[must_use]
    pub fn with_user_agent(self, user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: Some(user_agent.into()),
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

    /// What is set here, and the rest from `others`: how a client puts its protocol's limits under its user's.
    ///
    /// ```
    /// use std::time::Duration;
    /// use telco_http::Settings;
    ///
    /// let protocol = Settings::default().with_timeouts(Duration::from_secs(10), Duration::from_secs(90));
    /// let users = Settings::default().with_idle_timeout(Duration::ZERO);
    /// let settings = users.or(protocol);
    /// assert_eq!(settings.total_timeout, Some(Duration::from_secs(90)));
    /// assert_eq!(settings.idle_timeout, Some(Duration::ZERO));
    /// ```
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            connect_timeout: self.connect_timeout.or(others.connect_timeout),
            total_timeout: self.total_timeout.or(others.total_timeout),
            idle_timeout: self.idle_timeout.or(others.idle_timeout),
            success_body_cap: self.success_body_cap.or(others.success_body_cap),
            error_body_cap: self.error_body_cap.or(others.error_body_cap),
            user_agent: self.user_agent.or(others.user_agent),
            extra_roots_pem: if self.extra_roots_pem.is_empty() {
                others.extra_roots_pem
            } else {
                self.extra_roots_pem
            },
        }
    }
}

/// What nobody set.
#[cfg(feature = "reqwest")]
impl Settings {
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.connect_timeout.unwrap_or(Duration::from_secs(10))
    }

    pub(crate) fn total_timeout(&self) -> Duration {
        self.total_timeout.unwrap_or(Duration::from_secs(60))
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        self.idle_timeout.unwrap_or(Duration::from_secs(5))
    }

    pub(crate) fn success_body_cap(&self) -> usize {
        self.success_body_cap.unwrap_or(4 * 1024 * 1024)
    }

    pub(crate) fn error_body_cap(&self) -> usize {
        self.error_body_cap.unwrap_or(8 * 1024)
    }

    pub(crate) fn user_agent(&self) -> &str {
        self.user_agent
            .as_deref()
            .unwrap_or(concat!("telco-http/", env!("CARGO_PKG_VERSION")))
    }
}

#[cfg(all(test, feature = "reqwest"))]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_set_is_what_the_fields_say() {
        let nothing = Settings::default();
        assert_eq!(nothing.connect_timeout(), Duration::from_secs(10));
        assert_eq!(nothing.total_timeout(), Duration::from_secs(60));
        assert_eq!(nothing.idle_timeout(), Duration::from_secs(5));
        assert_eq!(nothing.success_body_cap(), 4 << 20);
        assert_eq!(nothing.error_body_cap(), 8 << 10);
    }
}
