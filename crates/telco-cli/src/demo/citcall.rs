//! Citcall: a missed call, the code read from the phone, and a call whose answer is lost.

use std::sync::Arc;
use std::time::SystemTime;

use citcall_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use citcall_client::{Callbacks, Cipher, Client, Credentials, MissedCall, Push, parse_msisdn};
use telco_core::{
    Callback, CallbackParser as _, CallbackRequest, ErrorKind, Msisdn, NotSent, OtpCode,
    OtpRequest, OtpSender as _, OtpVerifier as _, PendingOtp, Randomness as _, Secret, SecretBytes,
    Submission, Verification,
};
use telco_sandbox::{Arrival, FaultRule, Phase};

use super::cowrie::new_reference;
use super::{Story, broken, expect};
use crate::exit::{Done, Failure, accepted};

const NAME: &str = "citcall";

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("Citcall", "one-time codes by missed call for Indonesia")?;
    let key = Secret::new(story.credential(NAME, "api_key")?);
    let user_id = story.credential(NAME, "user_id")?;
    let cipher = Cipher::new(&user_id, &key)?;
    let client = Client::builder(Credentials::new(user_id, key)?)
        .base_url(story.base_url(NAME)?)
        .build()?;
    let calls = client.missed_call(codes()?);
    let to = parse_msisdn("0812-3456-7890").map_err(NotSent::because(ErrorKind::InvalidInput))?;

    let request = OtpRequest::new(to.clone(), new_reference()?);
    let challenge = accepted(&request.reference, calls.start(&request).await, "")?;
    story.told_done(NAME, request.reference.as_str());
    let hint = challenge.hint.unwrap_or_default();
    story.step(
        "missed call to 0812-3456-7890",
        &format!("accepted, from {hint}"),
    )?;
    // What a web application does between two requests of its user.
    let stored = challenge.pending.to_storage();
    let pending =
        PendingOtp::from_storage(&stored).map_err(NotSent::because(ErrorKind::InvalidInput))?;

    let caller = caller(story, &to)?;
    story.step(
        "the phone rang once and shows",
        &format!("a missed call from {caller}"),
    )?;
    check(story, &calls, &pending, &to, &caller).await?;
    lost_answer(
        story,
        &calls,
        &cipher,
        OtpRequest::new(to, new_reference()?),
    )
    .await
}

/// A key for this run only: its codes end with it.
fn codes() -> Result<LocalOtp, Failure> {
    let mut bytes = [0; 32];
    telco_core::OsRandomness
        .fill(&mut bytes)
        .map_err(NotSent::because(ErrorKind::Unavailable))?;
    let key = OtpKey::new("demo", SecretBytes::new(bytes))?;
    Ok(LocalOtp::new(key, Arc::new(MemoryOtpStore::default())))
}

/// Who called, read where the user reads it.
fn caller(story: &Story, to: &Msisdn) -> Result<String, Failure> {
    let newest = story.sandbox.handset(to.expose()).into_iter().next();
    match newest.map(|received| received.arrival) {
        Some(Arrival::MissedCall { from }) => Ok(from),
        _ => Err(broken("the phone did not ring")),
    }
}

/// A wrong code, the right one, the right one again.
async fn check(
    story: &Story,
    calls: &MissedCall,
    pending: &PendingOtp,
    to: &Msisdn,
    caller: &str,
) -> Done {
    let last = caller
        .get(caller.len().saturating_sub(4)..)
        .unwrap_or_default();
    let wrong = if last == "0000" { "0001" } else { "0000" };
    let verify = async |typed: &str| {
        let checked = calls.verify(pending, &OtpCode::new(typed)).await;
        checked.map_err(|e| Failure::of_read(&e))
    };
    let Verification::Invalid { attempts_left } = verify(wrong).await? else {
        return Err(broken("a wrong code was not refused"));
    };
    let left = attempts_left.unwrap_or_default();
    story.step(
        &format!("typed {wrong}"),
        &format!("refused, {left} attempts left"),
    )?;
    let proven = verify(last).await?;
    expect(
        proven == Verification::Valid(to.clone()),
        "the right code to let in",
    )?;
    story.step(
        &format!("typed {last}, the caller's last digits"),
        &format!("verified {}", to.masked()),
    )?;
    let again = verify(caller).await?;
    expect(again == Verification::AlreadyUsed, "a code to be good once")?;
    story.step("typed the whole number afterwards", "refused: already used")
}

/// The phone rings, and the answer is lost on the way: nobody calls twice, and the provider's push settles it.
async fn lost_answer(
    story: &mut Story,
    calls: &MissedCall,
    cipher: &Cipher,
    request: OtpRequest,
) -> Done {
    let reference = request.reference.as_str();
    story.sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .provider(NAME)
            .reference(reference)
            .times(1),
    );
    let Ok(Submission::Unknown(unknown)) = calls.start(&request).await else {
        return Err(broken("a lost answer was not told as unknown"));
    };
    story.step(
        "missed call, the answer is lost",
        &format!("unknown: {}", unknown.cause().message()),
    )?;
    let rang = story.sandbox.operation(NAME, reference);
    let sent = rang.map_or(0, |operation| operation.requests);
    expect(sent == 1, "one transmission")?;
    story.step(
        "requests that went out for it",
        "1: it is never sent again by itself",
    )?;

    let pushed = story.sandbox.callbacks().list(100);
    let ours = pushed
        .iter()
        .find(|push| push.provider == NAME && push.reference.as_deref() == Some(reference));
    let body = ours.map(|push| push.body.as_bytes()).unwrap_or_default();
    // It is pushed some seconds later; its time is judged as of then.
    let parser = Callbacks::default().with_cipher(cipher.clone());
    let received = CallbackRequest::new(&|_| None, body, SystemTime::now());
    let Ok(Callback::Unverified(Push::Call(ended))) = parser.parse(&received) else {
        return Err(broken("the provider's push cannot be read"));
    };
    expect(
        ended.succeeded() && ended.is_about(None, &request.reference),
        "the push to be about this call",
    )?;
    story.told_done(NAME, reference);
    story.step(
        "the provider's callback, which nobody signs",
        "tells of this call: it rang, once",
    )
}
