//! A subscription from start to commit, against a sandbox in this process: `cargo run -p fanap-client --example subscribe`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::{Duration, SystemTime};

use fanap_client::core::{OtpCode, OtpRequest, OtpSender as _, PendingOtp, Reference, Submission};
use fanap_client::otp::{CommitOutcome, MemoryOtpStore, commit_once};
use fanap_client::{Application, Client, PrivateKey, ServiceKey, parse_msisdn};
use telco_sandbox::{Arrival, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    let credentials = sandbox.credentials("fanap").ok_or("no room")?;
    let given = |name: &str| {
        let value = credentials.get(name).and_then(|value| value.as_str());
        value.unwrap_or_default().to_owned()
    };

    let application = Application::new(&given("app_id"), &given("tenant_id"))?;
    let key = PrivateKey::load(given("private_key").as_bytes())?;
    let client = Client::builder(application, key)
        .base_url(sandbox.base_url("fanap").ok_or("no room")?)
        .build()?;
    let service = client.service(ServiceKey::new(given("service_key"))?);

    // The first request of a web application.
    let to = parse_msisdn("۰۹۱۲ ۱۲۳ ۴۵۶۷")?;
    let request = OtpRequest::new(to.clone(), Reference::generate()?);
    let stored = match service.start(&request).await? {
        Submission::Accepted(challenge) => challenge.pending.to_storage(),
        Submission::Rejected(why) => return Err(format!("refused: {why}").into()),
        Submission::Unknown(unknown) => return Err(unknown.cause().clone().into()),
    };

    // The subscriber reads the message.
    let typed = match sandbox.handset(to.expose()).first().map(|m| &m.arrival) {
        Some(Arrival::Message { text, .. }) => text.chars().filter(char::is_ascii_digit).collect(),
        _ => String::new(),
    };

    // The second request: this charges, once, however often the button is pressed.
    let pending = PendingOtp::from_storage(&stored)?;
    let store = MemoryOtpStore::default(); // with several workers: the SQLite or PostgreSQL store of telco-otp
    let forget_at = SystemTime::now() + Duration::from_secs(7 * 86_400);
    let code = OtpCode::new(typed);
    for click in 1..=2 {
        let became = match commit_once(&store, &service, &pending, &code, forget_at).await? {
            CommitOutcome::Done(Submission::Accepted(_)) => "subscribed".to_owned(),
            CommitOutcome::Done(Submission::Rejected(why)) => format!("refused: {why}"),
            CommitOutcome::Done(Submission::Unknown(unknown)) => {
                format!("perhaps charged: {}", unknown.cause())
            }
            CommitOutcome::AlreadyClaimed => "already on its way, nothing was sent".to_owned(),
        };
        println!("click {click}: {became}");
    }
    println!("doubled: {}", sandbox.totals().doubled);
    Ok(())
}
