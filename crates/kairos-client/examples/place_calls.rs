//! A batch of encrypted calls whose answer is lost, and what can be found out then, against the sandbox.
//!
//! `cargo run -p phonon-kairos-client --example place_calls`
#![allow(clippy::print_stdout)]

use std::time::{Duration, SystemTime};

use kairos_client::core::{
    Call, CallBatch, CallTrigger, ErrorKind, Msisdn, Reference, ReplayGuard, Secret, Submission,
};
use kairos_client::{FlowId, Kairos, Kind, PublicKey, SecurityId};
use telco_sandbox::{FaultRule, Phase, Sandbox};

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
    .replay_guard(ReplayGuard::ByteIdentical {
        within: Duration::from_secs(600),
    })
    .build()?;

    // The provider will place the calls, and the connection will die before it says so.
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ActThenReset).times(1));

    let to = Msisdn::parse("919812345678")?;
    let calls = ["due-17", "due-18"].map(|name| -> Result<Call, Box<dyn std::error::Error>> {
        Ok(Call::new(Reference::new(name)?, to.clone()).variable("Amount", Secret::new("1,200")))
    });
    let calls: Vec<Call> = calls.into_iter().collect::<Result<_, _>>()?;
    let batch = CallBatch::new(Reference::new("dues-2026-03")?, calls);

    for prepared in kairos.prepare(&batch)? {
        // Store this before sending. It holds no credential; the numbers inside are yours to protect.
        let frozen = prepared.frozen().clone();
        match kairos.send(prepared).await? {
            Submission::Accepted(receipt) => println!("placed: {:?}", receipt.calls),
            Submission::Rejected(why) => println!("none placed: {why}"),
            Submission::Unknown(unknown) => {
                println!("nobody knows yet: {}", unknown.cause());
                match kairos.replay(&frozen, SystemTime::now()).await {
                    Submission::Accepted(receipt) => {
                        println!("it was never heard before; placed now: {:?}", receipt.calls)
                    }
                    Submission::Unknown(again) if again.cause().kind() == ErrorKind::Conflict => {
                        println!("the same bytes again: {}", again.cause().message());
                    }
                    other => println!("still nobody knows: {other:?}"),
                }
            }
        }
    }
    for name in ["due-17", "due-18"] {
        let books = sandbox
            .operation("kairos", name)
            .ok_or("not in the books")?;
        println!(
            "{name}: asked {} times, placed {} time",
            books.requests, books.delivered
        );
    }
    Ok(())
}
