//! Finds the RSA padding of a flow with requests that cannot dial: their list of calls is empty.
//!
//! Against the sandbox: `cargo run -p phonon-kairos-client --example probe`. Against the provider, from a listed address:
//!
//! `KAIROS_FLOW_ID=… KAIROS_SECURITY_ID=… KAIROS_PUBLIC_KEY=flow.pem cargo run … --example probe -- --send-to-the-provider`
#![allow(clippy::print_stdout)]

use kairos_client::{Builder, FlowId, Kairos, Kind, PublicKey, SecurityId};
use telco_sandbox::Sandbox;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().any(|word| word == "--send-to-the-provider") {
        let key = std::fs::read(std::env::var("KAIROS_PUBLIC_KEY")?)?;
        let flow = builder(
            &std::env::var("KAIROS_FLOW_ID")?,
            &std::env::var("KAIROS_SECURITY_ID")?,
            &key,
        )?;
        return probe(&flow.build()?).await;
    }
    let sandbox = Sandbox::start().await?;
    // This provider wants OAEP, and does not say so.
    sandbox.configure(
        "kairos",
        &serde_json::json!({ "profile": { "padding": "oaep_sha256" } }),
    )?;
    let account = sandbox.credentials("kairos").ok_or("no Kairos here")?;
    let text = |field: &str| {
        account
            .get(field)
            .and_then(|text| text.as_str())
            .ok_or("no such field")
    };
    let flow = builder(
        text("flow_id")?,
        text("security_id")?,
        text("public_key")?.as_bytes(),
    )?;
    probe(
        &flow
            .base_url(sandbox.base_url("kairos").ok_or("no Kairos here")?)
            .build()?,
    )
    .await
}

fn builder(flow: &str, security: &str, key: &[u8]) -> Result<Builder, Box<dyn std::error::Error>> {
    Ok(
        Kairos::builder(FlowId::new(flow)?, SecurityId::new(security)?)
            .kind(Kind::EncryptedRealTime)
            .public_key(PublicKey::load(key)?),
    )
}

async fn probe(kairos: &Kairos) -> Result<(), Box<dyn std::error::Error>> {
    for reading in kairos.probe().await? {
        println!(
            "{:<18} {:?} ({:?}, HTTP {})",
            reading.name, reading.finding, reading.code, reading.http_status
        );
    }
    Ok(())
}
