//! A code that a call reads out, checked when it is typed, against the sandbox.
//!
//! `cargo run -p phonon-kairos-client --example voice_otp`
#![allow(clippy::print_stdout)]

use std::sync::Arc;

use kairos_client::core::{
    Msisdn, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Reference, SecretBytes,
    Submission, Verification,
};
use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use kairos_client::{FlowId, Kairos, Kind, PublicKey, SecurityId};
use telco_sandbox::{Arrival, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let account = sandbox.credentials("kairos").ok_or("no Kairos here")?;
    let text = |field: &str| {
        account
            .get(field)
            .and_then(|text| text.as_str())
            .ok_or("no such field")
    };
    let kairos = Kairos::builder(
        FlowId::new(text("flow_id")?)?,
        SecurityId::new(text("security_id")?)?,
    )
    .kind(Kind::EncryptedRealTime)
    .public_key(PublicKey::load(text("public_key")?.as_bytes())?)
    .base_url(sandbox.base_url("kairos").ok_or("no Kairos here")?)
    .build()?;

    // In production: 32 random bytes from your secret store, and a store that all workers share.
    let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    let voice = kairos.voice_otp("OTP", codes);

    // The first request of your web application.
    let request = OtpRequest::new(Msisdn::parse("919812345678")?, Reference::generate()?);
    let challenge = match voice.start(&request).await? {
        Submission::Accepted(challenge) => challenge,
        Submission::Rejected(why) => return Err(why.into()),
        // The phone may ring: whoever hears the code must get in.
        Submission::Unknown(unknown) => unknown.into_provisional().ok_or("no challenge")?,
    };
    let stored = challenge.pending.to_storage(); // on the server, never in a cookie

    // What the person hears.
    let heard = sandbox.handset(request.to.expose()).into_iter().next();
    let Some(Arrival::Call { variables, .. }) = heard.map(|heard| heard.arrival) else {
        return Err("the phone did not ring".into());
    };
    let code = variables
        .get("$flow.key.OTP")
        .ok_or("no code was read out")?;

    // The second request, perhaps on another machine.
    let pending = PendingOtp::from_storage(&stored)?;
    for typed in [code.as_str(), code] {
        match voice.verify(&pending, &OtpCode::new(typed)).await? {
            Verification::Valid(number) => println!("{} is proven", number.masked()),
            other => println!("and then never again: {other:?}"),
        }
    }
    Ok(())
}
