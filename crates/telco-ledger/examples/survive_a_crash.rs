//! A top-up whose answer is lost: written down before, looked up after, sent once.
//!
//! `cargo run -p telco-ledger --example survive_a_crash`

use cowrie_client::{Client, ClientKey, Credentials};
use telco_core::{Amount, Currency, Msisdn, Product, Reference, Submission, TopupIntent};
use telco_ledger::{Ledger, SqliteStore};
use telco_sandbox::{FaultRule, Phase, Sandbox};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "an example talks")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let lost = FaultRule::new(Phase::ActThenReset).operation("credit");
    sandbox.faults().add(lost);
    let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    let client = Client::builder(Credentials::client("sandbox@example.com", key)?)
        .base_url(sandbox.base_url("cowrie").unwrap_or_default())
        .build()?;
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("ledger.sqlite"))?;

    let ledger = Ledger::open(store, client).await?;
    ledger.resume().await?;
    let amount = Amount::from_major(100, Currency::NGN).ok_or("out of range")?;
    let product = Product::airtime(Msisdn::parse("2348031234567")?, None, amount);
    let intent = TopupIntent::new(Reference::generate()?, product);
    match ledger.submit(&intent).await {
        Err(not_sent) => println!("nothing left: {not_sent}"),
        Ok(Submission::Accepted(receipt)) => println!("done: {receipt:?}"),
        Ok(Submission::Rejected(why)) => println!("refused: {why}"),
        Ok(Submission::Unknown(unknown)) => {
            println!("nobody knows: {}", unknown.cause());
            println!("looked up: {}", ledger.settle().await?);
        }
    }
    for event in ledger.history(&intent.reference).await? {
        println!(
            "  {:<10} {}",
            event.state.as_str(),
            event.why.unwrap_or_default()
        );
    }
    let truth = sandbox.totals();
    println!("delivered {} · doubled {}", truth.delivered, truth.doubled);
    Ok(())
}
