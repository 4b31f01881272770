//! What the shared traits need of either service: whose code it is, and the record between start and commit.

use std::time::{Duration, SystemTime};

use telco_core::{
    CodeOrigin, ErrorKind, Identity, NotSent, OtpCapabilities, OtpChannel, OtpCheck, OtpCode,
    OtpRequest, PendingOtp,
};

use crate::{PROVIDER, ServiceKey, Token};

/// One service key at one application.
#[derive(Debug, Clone)]
pub(crate) struct Adapter {
    pub(crate) key: ServiceKey,
    pub(crate) identity: Identity,
    pub(crate) capabilities: OtpCapabilities,
    pub(crate) valid_for: Option<Duration>,
}

/// First field of the state in a pending code. Another layout gets another number.
const LAYOUT: &str = "1";

impl Adapter {
    /// `account` keeps the two services apart: a code of one means nothing to the other.
    pub(crate) fn new(account: &str, key: ServiceKey) -> Self {
        Self {
            identity: Identity::new(PROVIDER, format!("{account}/{}", key.digest())),
            key,
            capabilities: OtpCapabilities::new(
                OtpChannel::Sms,
                CodeOrigin::Provider,
                OtpCheck::Commit,
            )
            .only_calling_codes(&["98"]),
            valid_for: None,
        }
    }

    /// The record of a code that was just started; `state` is what commit will need.
    pub(crate) fn pending(&self, request: &OtpRequest, now: SystemTime, state: &str) -> PendingOtp {
        // An end beyond the clock's last moment is none.
        let expires_at = self.valid_for.and_then(|time| now.checked_add(time));
        let service = self.key.digest();
        let state = [LAYOUT, &service, state].join(" ");
        PendingOtp::new(&self.identity, request, now, expires_at, state)
    }

    /// What was given to [`pending`](Self::pending), if the code is of this service and not too old.
    pub(crate) fn state<'p>(
        &self,
        pending: &'p PendingOtp,
        now: SystemTime,
    ) -> Result<&'p str, NotSent> {
        let mut parts = pending.state_for(&self.identity)?.splitn(3, ' ');
        let (Some(LAYOUT), Some(service), Some(state)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        if service != self.key.digest() {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "the pending code was started for another service: use that service's key",
            ));
        }
        if pending.expires_at().is_some_and(|end| now >= end) {
            return Err(NotSent::new(
                ErrorKind::Expired,
                "the pending code is too old: start anew",
            ));
        }
        Ok(state)
    }
}

pub(crate) fn damaged() -> NotSent {
    NotSent::new(
        ErrorKind::InvalidInput,
        "the pending code is damaged or of another version of fanap-client",
    )
}

/// The code in what the subscriber typed.
pub(crate) fn token(typed: &OtpCode) -> Result<Token, NotSent> {
    Token::parse(typed.expose()).map_err(NotSent::because(ErrorKind::InvalidInput))
}

/// The settings that both adapters have, written once.
macro_rules! adapter_settings {
    ($adapter:ident) => {
        impl $adapter {
            /// Refuses, before anything is sent, to commit a code that was started longer ago. How long a code really lives is
            /// unknown, so there is no default.
            #[must_use]
            pub fn valid_for(mut self, time: Duration) -> Self {
                self.adapter.valid_for = Some(time);
                self
            }

            /// Other defaults for resends. A resend is a new start.
            #[must_use]
            pub fn capabilities(mut self, capabilities: OtpCapabilities) -> Self {
                self.adapter.capabilities = capabilities;
                self
            }
        }

        impl Provider for $adapter {
            fn identity(&self) -> &Identity {
                &self.adapter.identity
            }
        }
    };
}
pub(crate) use adapter_settings;
