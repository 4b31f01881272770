//! Who calls: a login, the owner's API secret key, and a password where an old server wants one.

use std::fmt;

use telco_core::Secret;
use telco_crypto::digest::short_name;

/// What identifies the caller. The secret never travels; the password does, if there is one.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) login: String,
    pub(crate) secret: Secret,
    pub(crate) password: Option<Secret>,
}

impl Credentials {
    /// The login (`u`) and the API secret key of its owner: the system's key for an administrator, the reseller's own
    /// for a reseller, the owner's for a plain user (observed).
    pub fn new(login: impl Into<String>, secret: Secret) -> Self {
        Self {
            login: login.into(),
            secret,
            password: None,
        }
    }

    /// Sends `p` as well. Older servers ask for it; whether it is still checked beside a valid hash is unknown.
    #[must_use]
    pub fn with_password(self, password: Secret) -> Self {
        Self {
            password: Some(password),
            ..self
        }
    }

    /// A stable name for the account, which does not show the login: that is often a number.
    pub(crate) fn account(&self) -> String {
        format!("user-{}", short_name(self.login.as_bytes()))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}
