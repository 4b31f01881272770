//! One commit for one operation, however often a button is pressed.

use std::time::SystemTime;

use telco_core::{
    ErrorKind, NotSent, OtpCode, PendingOtp, Submission, Subscription, SubscriptionOtp,
};
use telco_crypto::{digest, encoding};

use crate::OtpStore;
use crate::claim::claim;
use crate::key::framed;

/// What became of a guarded commit.
#[derive(Debug)]
#[must_use = "an unknown outcome that is dropped is a customer charged twice, or never"]
pub enum CommitOutcome {
    /// The commit was transmitted, once.
    Done(Submission<Subscription>),
    /// Somebody else committed it, or is at it: nothing was sent.
    AlreadyClaimed,
}

/// How often the codes of one operation may be tried.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// # use telco_core::{NotSent, OtpCode, PendingOtp, SubscriptionOtp};
/// use telco_otp::{CommitOutcome, CommitPolicy, OtpStore};
///
/// async fn confirm(store: &dyn OtpStore, provider: &dyn SubscriptionOtp, pending: &PendingOtp, typed: &OtpCode) -> Result<CommitOutcome, NotSent> {
///     let mut policy = CommitPolicy::default();
///     policy.max_attempts = 3;
///     let forget_at = SystemTime::now() + Duration::from_secs(7 * 86_400);
///     policy.commit_once(store, provider, pending, typed, forget_at).await
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommitPolicy {
    /// Commits begun for one operation, whatever came of them. Default: 5.
    pub max_attempts: u32,
}

impl Default for CommitPolicy {
    fn default() -> Self {
        Self { max_attempts: 5 }
    }
}

/// Commits a subscription unless somebody did or is at it: a double click, a second worker, a job that runs twice.
///
/// The claim is on account and reference, so a resent code of the same operation does not charge again. It is given back only
/// when provably nothing happened: nothing was sent, or the provider rejected (a wrong code: the user may type again). After
/// `Accepted`, `Unknown`, a crash or a dropped future it stays until `forget_at`, which should lie beyond any settling.
///
/// A code is short, so its attempts are counted in the store before each commit, until the `forget_at` of the first: five by the
/// default [`CommitPolicy`]. After that the user starts again, under a new reference.
///
/// # Errors
/// [`NotSent`] from the provider, of kind `Policy` after too many attempts, or of kind `Storage` if the claim could not be made.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::{Duration, SystemTime};
/// # use telco_core::{ErrorKind, NotSent, OtpCode, PendingOtp, Submission, SubscriptionOtp};
/// use telco_otp::{CommitOutcome, OtpStore, commit_once};
///
/// async fn confirm(store: &dyn OtpStore, provider: &dyn SubscriptionOtp, pending: &PendingOtp, typed: &str) -> Result<&'static str, NotSent> {
///     let forget_at = SystemTime::now() + Duration::from_secs(7 * 86_400);
///     Ok(match commit_once(store, provider, pending, &OtpCode::new(typed), forget_at).await? {
///         CommitOutcome::Done(Submission::Accepted(_)) => "subscribed",
///         CommitOutcome::Done(Submission::Rejected(why)) if why.kind() == ErrorKind::WrongCode => "please type the code again",
///         CommitOutcome::Done(Submission::Rejected(_)) => "not possible now",
///         CommitOutcome::Done(Submission::Unknown(_)) => "being looked into",
///         CommitOutcome::AlreadyClaimed => "already on its way",
///     })
/// }
/// ```
pub async fn commit_once(
    store: &dyn OtpStore,
    provider: &dyn SubscriptionOtp,
    pending: &PendingOtp,
    typed: &OtpCode,
    forget_at: SystemTime,
) -> Result<CommitOutcome, NotSent> {
    let policy = CommitPolicy::default();
    policy
        .commit_once(store, provider, pending, typed, forget_at)
        .await
}

impl CommitPolicy {
    /// [`commit_once`], with this many attempts.
    ///
    /// # Errors
    /// As [`commit_once`].
    pub async fn commit_once(
        &self,
        store: &dyn OtpStore,
        provider: &dyn SubscriptionOtp,
        pending: &PendingOtp,
        typed: &OtpCode,
        forget_at: SystemTime,
    ) -> Result<CommitOutcome, NotSent> {
        let key = operation(pending);
        let claimed = claim(store, &key, forget_at).await;
        if !claimed.map_err(NotSent::because(ErrorKind::Storage))? {
            return Ok(CommitOutcome::AlreadyClaimed);
        }
        // Under the claim, so that a double click is one attempt.
        let answer = match self.count(store, &key, forget_at).await {
            Ok(()) => provider.commit(pending, typed).await,
            Err(refusal) => Err(refusal),
        };
        let nothing_happened = matches!(answer, Err(_) | Ok(Submission::Rejected(_)));
        if nothing_happened {
            // If this fails the claim stays: the user must start again, but is not charged twice.
            let _ = store.release(&key).await;
        }
        answer.map(CommitOutcome::Done)
    }

    async fn count(
        &self,
        store: &dyn OtpStore,
        operation: &str,
        forget_at: SystemTime,
    ) -> Result<(), NotSent> {
        let attempt = store
            .count(&format!("{operation}:tries"), forget_at)
            .await
            .map_err(NotSent::because(ErrorKind::Storage))?;
        if attempt <= self.max_attempts {
            return Ok(());
        }
        Err(NotSent::new(
            ErrorKind::Policy,
            "too many codes were tried for this operation",
        )
        .with_help("let the user start again, under a new reference"))
    }
}

/// The number is not in it, and the reference is hashed: it may be any text of the caller's.
fn operation(pending: &PendingOtp) -> String {
    let identity = pending.identity();
    let fields = [
        identity.provider(),
        identity.account(),
        pending.reference().as_str(),
    ];
    let name = digest::sha256(&framed("telco-otp commit 1", &fields));
    format!("otp:commit:{}", encoding::hex(&name))
}
