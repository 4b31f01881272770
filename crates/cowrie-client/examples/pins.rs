//! Buys recharge PINs and spends one: `cargo run -p cowrie-client --example pins`
//!
//! Runs against an embedded sandbox; with your own key and without `base_url` it would cost money.

use std::io::Write as _;
use std::num::NonZeroU32;

use cowrie_client::core::{Amount, Currency, Reference, Submission};
use cowrie_client::{Client, ClientKey, Credentials, Network, parse_msisdn};
use telco_sandbox::Sandbox;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    let sandbox = Sandbox::start().await?;
    let about = sandbox.credentials("cowrie").ok_or("no such room")?;
    let setting = |name: &str| about.get(name).and_then(|value| value.as_str());
    let key = ClientKey::from_base64(setting("client_key").ok_or("no key")?)?;
    let credentials = Credentials::client(setting("client_id").ok_or("no id")?, key)?;
    let client = Client::builder(credentials)
        .base_url(sandbox.base_url("cowrie").ok_or("no such room")?)
        .pin_label("HappyNewYear")
        .build()?;

    let value = Amount::from_major(200, Currency::NGN).ok_or("too much")?;
    let three = NonZeroU32::MIN.saturating_add(2);
    let answer = client
        .allocate(&Reference::generate()?, value, three)
        .await?;
    let Submission::Accepted(order) = answer else {
        return Err("not bought: PINs cannot be looked up, so ask the provider".into());
    };
    for pin in &order.pins {
        // `pin.code.expose()` is what the customer types. Nothing else shows it.
        writeln!(out, "PIN {:?} worth {value}: {:?}", pin.serial, pin.code)?;
    }
    let Some(pin) = order.pins.first() else {
        return Err("no PIN came".into());
    };
    let to = parse_msisdn("08031234567")?;
    match client
        .redeem(&Reference::generate()?, Network::Mtn, &to, &pin.code)
        .await?
    {
        Submission::Accepted(redeemed) => writeln!(out, "spent one: {}", redeemed.message)?,
        other => writeln!(out, "not spent: {:?}", other.outcome())?,
    }
    Ok(())
}
