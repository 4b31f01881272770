//! Which provider, and which account there.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A provider and an account (or adapter) there: `cowrie/acme`. Holds no secret.
///
/// Whatever is stored (a ledger row, a pending code, a frozen request) opens only for the identity that made it, so keep it
/// stable across restarts and configuration reloads. Adapters that cannot check each other's codes have different identities.
///
/// ```
/// use telco_core::Identity;
///
/// let live = Identity::new("cowrie", "acme");
/// assert_eq!(live.to_string(), "cowrie/acme");
/// assert_ne!(live, Identity::new("cowrie", "acme-test"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Identity {
    provider: Cow<'static, str>,
    account: Cow<'static, str>,
}

impl Identity {
    /// The provider's name and the account's, both as you want to find them again.
    pub fn new(
        provider: impl Into<Cow<'static, str>>,
        account: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            provider: provider.into(),
            account: account.into(),
        }
    }

    /// The provider, such as `cowrie`.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The account (or adapter) at that provider.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.account)
    }
}

/// What every provider trait extends: somebody with an identity.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// Who this is.
    fn identity(&self) -> &Identity;
}

impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn identity(&self) -> &Identity {
        (**self).identity()
    }
}

impl<P: Provider + ?Sized> Provider for Box<P> {
    fn identity(&self) -> &Identity {
        (**self).identity()
    }
}
