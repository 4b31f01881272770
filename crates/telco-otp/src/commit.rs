//! One commit for one operation, however often a button is pressed.

use std::time::SystemTime;

use telco_core::{
    ErrorKind, NotSent, OtpCode, PendingOtp, Submission, Subscription, SubscriptionOtp,
};
use telco_crypto::{digest, encoding};

use crate::OtpStore;
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

/// Commits a subscription unless somebody did or is at it: a double click, a second worker, a job that runs twice.
///
/// The claim is on account and reference, so a resent code of the same operation does not charge again. It is given back only
/// when provably nothing happened: nothing was sent, or the provider rejected (a wrong code: the user may type again). After
/// `Accepted`, `Unknown`, a crash or a dropped future it stays until `forget_at`, which should lie beyond any settling.
///
/// # Errors
/// [`NotSent`] from the provider, or of kind `Storage` if the claim could not be made.
///
/// ```
/// # use std::sync::Arc;
/// # use std::time::{Duration, SystemTime};
/// # use telco_core::{NotSent, OtpCode, PendingOtp, Submission, SubscriptionOtp};
/// use telco_otp::{CommitOutcome, OtpStore, commit_once};
///
/// async fn confirm(store: &dyn OtpStore, provider: &dyn SubscriptionOtp, pending: &PendingOtp, typed: &str) -> Result<&'static str, NotSent> {
///     let forget_at = SystemTime::now() + Duration::from_secs(7 * 86_400);
///     Ok(match commit_once(store, provider, pending, &OtpCode::new(typed), forget_at).await? {
///         CommitOutcome::Done(Submission::Accepted(_)) => "subscribed",
///         CommitOutcome::Done(Submission::Rejected(_)) => "please type the code again",
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
    let key = operation(pending);
    let claimed = store
        .claim(&key, forget_at)
        .await
        .map_err(NotSent::because(ErrorKind::Storage))?;
    if !claimed {
        return Ok(CommitOutcome::AlreadyClaimed);
    }
    let answer = provider.commit(pending, typed).await;
    let nothing_happened = matches!(answer, Err(_) | Ok(Submission::Rejected(_)));
    if nothing_happened {
        // If this fails the claim stays: the user must start again, but is not charged twice.
        let _ = store.release(&key).await;
    }
    answer.map(CommitOutcome::Done)
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
