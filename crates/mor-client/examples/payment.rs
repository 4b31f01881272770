//! A payment whose answer is lost, found again by its reference, against the sandbox.
//!
//! `cargo run -p mor-client --example payment`
#![allow(clippy::print_stdout)]

use std::time::{Duration, SystemTime};

use mor_client::core::{Amount, Currency, Reference, Secret, Submission};
use mor_client::methods::{PaymentOrder, PaymentsQuery};
use mor_client::{Credentials, MorClient};
use telco_sandbox::{FaultRule, Phase, Sandbox};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let server = sandbox.base_url("mor").ok_or("no MOR here")?;
    let mor = MorClient::builder(
        server,
        Credentials::new("admin", Secret::new("sandbox secret")),
    )
    .build()?;

    // The server will book the payment, and the connection will die before it says so.
    let fault = FaultRule::new(Phase::ActThenReset).operation("payment_create");
    sandbox.faults().add(fault);

    // Keep the reference before anything is sent: it is how the payment is found again.
    let reference = Reference::generate()?;
    let euro = Currency::new(*b"EUR", 2).ok_or("no such currency")?;
    let order = PaymentOrder::new(reference.clone(), 2, Amount::from_minor(10_50, euro))
        .with_description("November");
    match mor.create_payment(&order).await? {
        Submission::Accepted(payment) => println!("booked: {payment:?}"),
        Submission::Rejected(why) => println!("the server did not book it: {why}"),
        Submission::Unknown(unknown) => {
            println!("nobody knows yet: {}", unknown.cause());
            let now = SystemTime::now();
            let day = Duration::from_secs(24 * 3_600);
            let around = PaymentsQuery::between(now - day, now + day)
                .with_transaction(unknown.reference().as_str());
            let listed = mor.payments(&around).await?;
            // A server that does not know the filter lists all payments: only the one with our reference is ours.
            let ours = Some(unknown.reference().as_str());
            match listed
                .iter()
                .find(|payment| payment.transaction_id.as_deref() == ours)
            {
                Some(payment) => println!(
                    "found in the books: {} {}",
                    payment.amount.as_deref().unwrap_or_default(),
                    payment.currency.as_deref().unwrap_or_default()
                ),
                None => println!(
                    "not in the books now: ask again later, and a person before booking it anew"
                ),
            }
        }
    }
    Ok(())
}
