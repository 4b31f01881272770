//! v3: a message with a code that the provider makes and checks: `cargo run -p citcall-client --example v3_message`
//!
//! Runs against an embedded sandbox; with your own key and without `base_url` it would send a message and cost money.

use std::io::Write as _;
use std::time::Duration;

use citcall_client::core::{
    OtpCode, OtpRequest, OtpSender as _, OtpVerifier as _, Reference, Secret, Submission,
    Verification,
};
use citcall_client::{Credentials, parse_msisdn, v3};
use telco_sandbox::{Arrival, Sandbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let sandbox = Sandbox::start().await?;
    let about = sandbox.credentials("citcall").ok_or("no such room")?;
    let key = about.get("api_key").and_then(|key| key.as_str());
    let credentials = Credentials::api_key(Secret::new(key.ok_or("no key")?))?;
    let client = v3::Client::builder(credentials)
        .base_url(sandbox.base_url("citcall").ok_or("no such room")?)
        .build()?;
    let five_minutes = Duration::from_secs(300);
    let codes = client.sms_code("CITCALL", "XXXXX is your number", five_minutes, 5)?;

    let to = parse_msisdn("081234567890")?;
    let request = OtpRequest::new(to.clone(), Reference::generate()?);
    let Submission::Accepted(challenge) = codes.start(&request).await? else {
        return Err("not accepted".into());
    };
    let newest = sandbox.handset(to.expose()).into_iter().next();
    let Some(Arrival::Message { text, .. }) = newest.map(|received| received.arrival) else {
        return Err("no message came".into());
    };
    writeln!(out, "the phone shows: {text}")?;
    let code: String = text.chars().take_while(char::is_ascii_digit).collect();
    let typed = OtpCode::new(code);
    match codes.verify(&challenge.pending, &typed).await? {
        Verification::Valid(number) => writeln!(out, "proven: {number:?}")?,
        other => writeln!(out, "refused: {other:?}")?,
    }
    Ok(())
}
