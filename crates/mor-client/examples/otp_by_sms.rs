//! A one-time code by SMS, sent and typed in again, against the sandbox.
//!
//! `cargo run -p mor-client --example otp_by_sms`
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use mor_client::core::{
    Msisdn, OtpCode, OtpRequest, OtpSender as _, OtpVerifier as _, PendingOtp, Reference, Secret,
    SecretBytes, Submission, Verification,
};
use mor_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use mor_client::{Credentials, MorClient};
use telco_sandbox::{Arrival, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let server = sandbox.base_url("mor").ok_or("no MOR here")?;
    let mor = MorClient::builder(
        server,
        Credentials::new("admin", Secret::new("sandbox secret")),
    )
    .build()?;

    // In production: 32 random bytes from your secret store, and a store that all workers share.
    let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    let sms = mor.sms_otp("Acme", "{code} is your Acme code.", codes)?;

    // The first request of your application: somebody wants to log in.
    let request = OtpRequest::new(Msisdn::parse("+37060012345")?, Reference::generate()?);
    let stored = match sms.start(&request).await? {
        Submission::Accepted(challenge) => challenge.pending.to_storage(),
        Submission::Rejected(why) => return Err(why.into()),
        // The message may have arrived: let its reader in, and do not send another unasked.
        Submission::Unknown(unknown) => match unknown.into_provisional() {
            Some(challenge) => challenge.pending.to_storage(),
            None => return Err("nothing to check a code against".into()),
        },
    };

    // What the person with the phone sees.
    let phone = sandbox.handset(request.to.expose());
    let Some(Arrival::Message { from, text }) = phone.first().map(|received| &received.arrival)
    else {
        return Err("nothing arrived".into());
    };
    println!("{from}: {text}");

    // The second request, perhaps on another machine: a code was typed.
    let typed = OtpCode::new(text.get(..6).unwrap_or_default());
    match sms
        .verify(&PendingOtp::from_storage(&stored)?, &typed)
        .await?
    {
        Verification::Valid(number) => println!("welcome, {}", number.masked()),
        other => println!("not this time: {other:?}"),
    }
    Ok(())
}
