//! A top-up whose answer is lost, and how it is settled: `cargo run -p cowrie-client --example top_up`
//!
//! Runs against an embedded sandbox; with your own key and without `base_url` it would cost money.

use std::io::Write as _;
use std::time::Duration;

use cowrie_client::core::{
    Amount, Currency, Lookup, Product, Reference, Submission, TopupExt as _, TopupIntent,
    TopupProvider as _,
};
use cowrie_client::{Client, ClientKey, Credentials, Network, parse_msisdn};
use telco_sandbox::{FaultRule, Phase, Sandbox};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let sandbox = Sandbox::start().await?;
    // The provider acts, and the connection dies before its answer arrives.
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ActThenReset).operation("credit"));

    let about = sandbox.credentials("cowrie").ok_or("no such room")?;
    let setting = |name: &str| about.get(name).and_then(|value| value.as_str());
    let key = ClientKey::from_base64(setting("client_key").ok_or("no key")?)?;
    let credentials = Credentials::client(setting("client_id").ok_or("no id")?, key)?;
    let client = Client::builder(credentials)
        .base_url(sandbox.base_url("cowrie").ok_or("no such room")?)
        // A real provider's records take seconds to become visible: leave the default there.
        .poll_after([10, 20, 50].map(Duration::from_millis))
        .build()?;

    let to = parse_msisdn("0803 123 4567")?;
    let amount = Amount::from_major(100, Currency::NGN).ok_or("too much")?;
    let intent = TopupIntent::new(
        Reference::generate()?,
        Product::airtime(to, Network::Mtn, amount),
    );
    match client.submit(&intent).await? {
        Submission::Accepted(receipt) => writeln!(out, "done: {:?}", receipt.provider_id)?,
        Submission::Rejected(why) => writeln!(out, "refused, nothing happened: {why}")?,
        Submission::Unknown(unknown) => {
            writeln!(out, "unknown: {}", unknown.cause())?;
            settle(&client, &intent, &mut out).await?;
        }
    }
    let truth = sandbox.totals();
    writeln!(
        out,
        "the provider's books: delivered {}, doubled {}",
        truth.delivered, truth.doubled
    )?;
    Ok(())
}

/// Asks the provider's books on its own schedule. Nothing is sent again.
async fn settle(
    client: &Client,
    intent: &TopupIntent,
    out: &mut impl std::io::Write,
) -> Result<(), Box<dyn std::error::Error>> {
    let rules = client.topup_capabilities().rules(intent.product.kind());
    for wait in rules.map_or(&[][..], |rules| &rules.poll_after) {
        tokio::time::sleep(*wait).await;
        match client.lookup(intent).await {
            Ok(Lookup::Found(record)) => {
                writeln!(out, "settled: {:?}", record.state)?;
                return Ok(());
            }
            Ok(Lookup::Mismatch(_)) => {
                return Err("something else is on record: ask a person".into());
            }
            // Neither proves that it did not happen.
            Ok(Lookup::NotFound) | Err(_) => {}
        }
    }
    writeln!(out, "undecided: a person asks the provider")?;
    Ok(())
}
