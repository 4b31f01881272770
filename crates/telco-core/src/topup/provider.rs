use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::{Lookup, ProductKind, TopupIntent, TopupReceipt};
use crate::{
    Amount, Currency, Error, ErrorKind, Frozen, NotSent, Prepared, Provider, ReplayGuard,
    Submission,
};

/// A top-up that is ready to be sent, once.
pub type PreparedTopup = Prepared<TopupIntent>;
/// Its storable twin.
pub type FrozenTopup = Frozen<TopupIntent>;

/// What can be learnt about a top-up afterwards. What a missing record proves is said here, nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupSupport {
    /// Nothing: only the provider's staff can tell.
    None,
    /// A record proves that it happened; a missing one proves nothing.
    FindsOnly,
    /// A record proves that it happened; one that is still missing after this time proves that it did not.
    Proves {
        /// Since it was sent.
        after: Duration,
    },
}

/// The rules of one kind of product.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProductRules {
    /// Of which kind.
    pub kind: ProductKind,
    /// What can be learnt afterwards.
    pub lookup: LookupSupport,
    /// Whether a second copy of the same bytes is recognised.
    pub replay: ReplayGuard,
    /// When to ask, each counted from the one before; the first from the send.
    pub poll_after: Vec<Duration>,
}

impl ProductRules {
    /// The strictest: no lookup, no replay.
    #[must_use]
    pub fn new(kind: ProductKind) -> Self {
        Self {
            kind,
            lookup: LookupSupport::None,
            replay: ReplayGuard::None,
            poll_after: Vec::new(),
        }
    }

    /// Can be looked up, at these waits.
    #[must_use]
    pub fn lookup(self, lookup: LookupSupport, poll_after: impl Into<Vec<Duration>>) -> Self {
        Self {
            lookup,
            poll_after: poll_after.into(),
            ..self
        }
    }

    /// Can be replayed.
    #[must_use]
    pub fn replay(self, replay: ReplayGuard) -> Self {
        Self { replay, ..self }
    }
}

/// What a top-up provider can do. By value: users override parts of it.
///
/// ```
/// use telco_core::{Currency, LookupSupport, ProductKind, ProductRules, TopupCapabilities};
///
/// let capabilities = TopupCapabilities::new(Currency::NGN, [
///     ProductRules::new(ProductKind::Airtime).lookup(LookupSupport::FindsOnly, [std::time::Duration::from_secs(2)]),
/// ]);
/// assert!(capabilities.rules(ProductKind::Airtime).is_some());
/// assert!(capabilities.rules(ProductKind::Pins).is_none(), "not sold");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopupCapabilities {
    /// What it is paid in.
    pub currency: Currency,
    /// What is sold.
    pub products: Vec<ProductRules>,
}

impl TopupCapabilities {
    /// Paid in this, selling these.
    pub fn new(currency: Currency, products: impl Into<Vec<ProductRules>>) -> Self {
        Self {
            currency,
            products: products.into(),
        }
    }

    /// The rules of a kind; `None`: not sold.
    #[must_use]
    pub fn rules(&self, kind: ProductKind) -> Option<&ProductRules> {
        self.products.iter().find(|rules| rules.kind == kind)
    }
}

/// What the account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Balance {
    /// To be spent.
    pub available: Amount,
}

impl Balance {
    /// So much.
    #[must_use]
    pub fn new(available: Amount) -> Self {
        Self { available }
    }
}

/// Sells top-ups.
#[async_trait]
pub trait TopupProvider: Provider {
    /// What it can do.
    fn topup_capabilities(&self) -> &TopupCapabilities;

    /// Every check, no I/O: after this, only sending is left.
    ///
    /// # Errors
    /// [`NotSent`] for what cannot be sent, saying what to do.
    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent>;

    /// Sends it once, and judges the answer as if this were the only copy.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent>;

    /// Asks the provider's books, through [`TopupRecord::compare`](crate::TopupRecord::compare).
    ///
    /// # Errors
    /// Could not tell.
    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error>;

    /// What the account holds.
    ///
    /// # Errors
    /// The read failed.
    async fn balance(&self) -> Result<Balance, Error>;
}

/// What every [`TopupProvider`] can do on top.
#[async_trait]
pub trait TopupExt: TopupProvider {
    /// [`prepare`](TopupProvider::prepare) and [`send`](TopupProvider::send), with no memory of it: prefer a ledger, which
    /// writes the intent down first.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    async fn submit(&self, intent: &TopupIntent) -> Result<Submission<TopupReceipt>, NotSent> {
        let prepared = self.prepare(intent)?;
        self.send(prepared).await
    }

    /// The same bytes again, if this account froze them and its [`ReplayGuard`] allows it now. Answers `Accepted` or
    /// `Unknown` only: a refusal of a second copy says nothing about the first.
    async fn replay(&self, frozen: &FrozenTopup, now: SystemTime) -> Submission<TopupReceipt> {
        let reference = &frozen.intent().reference;
        let kind = frozen.intent().product.kind();
        let guard = self
            .topup_capabilities()
            .rules(kind)
            .map_or(ReplayGuard::None, |rules| rules.replay);
        if frozen.identity() != self.identity() || !guard.allows(frozen.prepared_at(), now) {
            let refusal = "not replayed: the provider does not guard a second copy of this request, or no longer, or another account made it";
            return Submission::unknown(reference, NotSent::new(ErrorKind::Policy, refusal).into());
        }
        match self.send(Prepared::from_frozen(frozen.clone())).await {
            Ok(Submission::Accepted(mut receipt)) => {
                receipt.replayed = true;
                Submission::Accepted(receipt)
            }
            Ok(Submission::Unknown(unknown)) => Submission::Unknown(unknown),
            Ok(Submission::Rejected(rejection)) => Submission::unknown(reference, rejection.into()),
            Err(not_sent) => Submission::unknown(reference, not_sent.into()),
        }
    }
}

impl<P: TopupProvider + ?Sized> TopupExt for P {}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<P: TopupProvider + ?Sized> TopupProvider for $pointer<P> {
            fn topup_capabilities(&self) -> &TopupCapabilities {
                (**self).topup_capabilities()
            }
            fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
                (**self).prepare(intent)
            }
            async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
                (**self).send(prepared).await
            }
            async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
                (**self).lookup(intent).await
            }
            async fn balance(&self) -> Result<Balance, Error> {
                (**self).balance().await
            }
        }
    )*};
}
forward!(Arc, Box);
