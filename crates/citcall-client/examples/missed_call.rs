//! A missed call, checked on this side: `cargo run -p citcall-client --example missed_call`
//!
//! Runs against an embedded sandbox; with your own key and without `base_url` it would ring a phone and cost money.

use std::io::Write as _;
use std::sync::Arc;

use citcall_client::core::{
    OtpCode, OtpRequest, OtpSender as _, OtpVerifier as _, PendingOtp, Reference, Secret,
    SecretBytes, Submission, Verification,
};
use citcall_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use citcall_client::{Client, Credentials, parse_msisdn};
use telco_sandbox::{Arrival, Sandbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let sandbox = Sandbox::start().await?;
    let about = sandbox.credentials("citcall").ok_or("no such room")?;
    let setting = |name: &str| about.get(name).and_then(|value| value.as_str());
    let api_key = Secret::new(setting("api_key").ok_or("no key")?);
    let credentials = Credentials::new(setting("user_id").ok_or("no id")?, api_key)?;
    // In production 32 random bytes from your secret store, and a store that all workers share.
    let key = OtpKey::new("example", SecretBytes::new([7; 32]))?;
    let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    let calls = Client::builder(credentials)
        .base_url(sandbox.base_url("citcall").ok_or("no such room")?)
        .build()?
        .missed_call(codes);

    let to = parse_msisdn("0812-3456-7890")?;
    let request = OtpRequest::new(to.clone(), Reference::generate()?);
    let challenge = match calls.start(&request).await? {
        Submission::Accepted(challenge) => challenge,
        Submission::Rejected(why) => return Err(why.into()),
        Submission::Unknown(unknown) => {
            return Err(format!("it may have rung; offer a resend: {}", unknown.cause()).into());
        }
    };
    writeln!(out, "calling from {}", challenge.hint.unwrap_or_default())?;
    let stored = challenge.pending.to_storage(); // on the server, until the user types

    let newest = sandbox.handset(to.expose()).into_iter().next();
    let Some(Arrival::MissedCall { from }) = newest.map(|received| received.arrival) else {
        return Err("the phone did not ring".into());
    };
    let last_four = from.get(from.len() - 4..).unwrap_or_default();
    writeln!(out, "the phone shows {from}: the user types {last_four}")?;

    let pending = PendingOtp::from_storage(&stored)?;
    match calls.verify(&pending, &OtpCode::new(last_four)).await? {
        Verification::Valid(number) => writeln!(out, "proven: {number:?}")?,
        other => writeln!(out, "refused: {other:?}")?,
    }
    Ok(())
}
