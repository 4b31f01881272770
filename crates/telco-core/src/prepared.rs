//! One finished request, and its storable twin.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::{ErrorKind, Identity, NotSent, SecretBytes};

/// One finished request: sent once. Not `Clone`, and taken by value by whoever sends it.
///
/// It holds the provider's own form of everything that is not deterministic (nonce, time, ciphertext) and **no credential**;
/// the wire bytes follow from it and the key. It opens only for the identity that made it.
///
/// ```compile_fail,E0382
/// # use telco_core::*;
/// fn send(_: PreparedTopup) {}
/// fn twice(prepared: PreparedTopup) { send(prepared); send(prepared); }
/// ```
///
/// The twin that compiles:
///
/// ```
/// # use telco_core::*;
/// fn send(_: PreparedTopup) {}
/// fn once(prepared: PreparedTopup) { send(prepared); }
/// ```
#[must_use = "a prepared request that is dropped was never sent"]
pub struct Prepared<I> {
    frozen: Frozen<I>,
}

impl<I> Prepared<I> {
    /// For implementers of `prepare`.
    pub fn new(identity: &Identity, intent: I, bytes: SecretBytes, at: SystemTime) -> Self {
        Self {
            frozen: Frozen::restore(identity.clone(), intent, bytes, at),
        }
    }

    /// Thawed for a replay: the gate is [`TopupExt::replay`](crate::TopupExt::replay).
    pub(crate) fn from_frozen(frozen: Frozen<I>) -> Self {
        Self { frozen }
    }

    /// What it is for.
    pub fn intent(&self) -> &I {
        &self.frozen.intent
    }

    /// The frozen part, for the provider and account that made it.
    ///
    /// # Errors
    /// [`NotSent`] for any other identity.
    pub fn bytes_for(&self, identity: &Identity) -> Result<&SecretBytes, NotSent> {
        if self.frozen.identity == *identity {
            Ok(&self.frozen.bytes)
        } else {
            Err(foreign(
                "a prepared request",
                &self.frozen.identity,
                identity,
            ))
        }
    }

    /// The storable twin. Store it, then send.
    #[must_use]
    pub fn frozen(&self) -> &Frozen<I> {
        &self.frozen
    }
}

/// Why something stored does not open for this identity.
pub(crate) fn foreign(what: &str, owner: &Identity, asked: &Identity) -> NotSent {
    NotSent::new(
        ErrorKind::InvalidInput,
        format!("{what} of {owner} does not open for {asked}: use the account that made it"),
    )
}

/// The storable twin of a [`Prepared`] request. It cannot be sent, only replayed where the provider guards that.
#[derive(Clone, PartialEq, Eq)]
pub struct Frozen<I> {
    identity: Identity,
    intent: I,
    bytes: SecretBytes,
    at: SystemTime,
}

impl<I> Frozen<I> {
    /// From a store, as it was put there.
    pub fn restore(identity: Identity, intent: I, bytes: SecretBytes, at: SystemTime) -> Self {
        Self {
            identity,
            intent,
            bytes,
            at,
        }
    }

    /// Who made it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is for.
    #[must_use]
    pub fn intent(&self) -> &I {
        &self.intent
    }

    /// What is not deterministic about it. No credential.
    #[must_use]
    pub fn bytes(&self) -> &SecretBytes {
        &self.bytes
    }

    /// When it was made.
    #[must_use]
    pub fn prepared_at(&self) -> SystemTime {
        self.at
    }
}

impl<I: fmt::Debug> fmt::Debug for Prepared<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.frozen.describe("Prepared", f)
    }
}

impl<I: fmt::Debug> fmt::Debug for Frozen<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.describe("Frozen", f)
    }
}

impl<I: fmt::Debug> Frozen<I> {
    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("identity", &self.identity)
            .field("intent", &self.intent)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Whether a provider recognises a second copy of the same bytes.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use telco_core::ReplayGuard;
///
/// let sent = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
/// let guard = ReplayGuard::ByteIdentical { within: Duration::from_secs(600) };
/// assert!(guard.allows(sent, sent + Duration::from_secs(600)));
/// assert!(!guard.allows(sent, sent + Duration::from_secs(601)));
/// assert!(!guard.allows(sent, sent - Duration::from_secs(1)), "a clock that went backwards");
/// assert!(!ReplayGuard::None.allows(sent, sent));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ReplayGuard {
    /// It does not, or nobody knows: never replay.
    #[default]
    None,
    /// It refuses a byte-identical copy that arrives within this time.
    ByteIdentical {
        /// Since the request was made.
        within: Duration,
    },
}

impl ReplayGuard {
    /// A request made then may be replayed now. A clock that went backwards: no.
    #[must_use]
    pub fn allows(self, prepared_at: SystemTime, now: SystemTime) -> bool {
        match self {
            Self::None => false,
            Self::ByteIdentical { within } => now
                .duration_since(prepared_at)
                .is_ok_and(|age| age <= within),
        }
    }
}
