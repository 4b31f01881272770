//! Cowrie: balance, airtime, data, PINs, and the top-up whose answer is lost.

use std::num::NonZeroU32;
use std::time::Duration;

use cowrie_client::{Client, ClientKey, Credentials, Network, parse_msisdn};
use telco_core::{
    Amount, Currency, ErrorKind, Lookup, NotSent, Product, Reference, Submission, TopupExt as _,
    TopupIntent, TopupProvider,
};
use telco_sandbox::{FaultRule, Phase};

use super::{Story, broken, expect};
use crate::exit::{Done, Failure, accepted};

const NAME: &str = "cowrie";

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("Cowrie", "airtime, data and PINs for Nigeria")?;
    let key = ClientKey::from_base64(&story.credential(NAME, "client_key")?)?;
    let credentials = Credentials::client(&story.credential(NAME, "client_id")?, key)?;
    let client = Client::builder(credentials)
        .base_url(story.base_url(NAME)?)
        .poll_after([
            Duration::from_millis(20),
            Duration::from_millis(50),
            Duration::from_millis(100),
        ])
        .build()?;

    let balance = client
        .balance()
        .await
        .map_err(|e| Failure::of_read(&e))?
        .balance;
    story.step("balance", &balance.to_string())?;

    let to = parse_msisdn("0803 123 4567").map_err(NotSent::because(ErrorKind::InvalidInput))?;
    let naira = |n: i64| Amount::from_minor(n * 100, Currency::NGN);
    let reference = new_reference()?;
    let receipt = accepted(
        &reference,
        client
            .credit(&reference, Network::Mtn, &to, naira(100))
            .await,
        "",
    )?;
    story.told_done(NAME, reference.as_str());
    story.step(
        "airtime of 100 naira",
        &format!(
            "accepted, {} left (the sandbox gives 4 % discount)",
            shown(receipt.balance)
        ),
    )?;

    let reference = new_reference()?;
    accepted(
        &reference,
        client
            .data(
                &reference,
                Network::Airtel,
                &to,
                Some("500mb1d"),
                naira(350),
            )
            .await,
        "",
    )?;
    story.told_done(NAME, reference.as_str());
    story.step("500 MB of data", "accepted")?;

    let reference = new_reference()?;
    let two = NonZeroU32::MIN.saturating_add(1);
    let receipt = accepted(
        &reference,
        client.allocate(&reference, naira(100), two).await,
        "",
    )?;
    expect(receipt.pins.len() == 2, "two PINs")?;
    story.told_done(NAME, reference.as_str());
    story.step(
        "two recharge PINs",
        &format!(
            "accepted; a log shows {:?} in place of one",
            receipt.pins.first().map(|pin| &pin.code)
        ),
    )?;

    let refused = client
        .credit(&new_reference()?, Network::Mtn, &to, naira(0))
        .await;
    let why = refused
        .err()
        .ok_or_else(|| broken("an amount of 0 was sent"))?;
    story.step(
        "airtime of 0 naira",
        &format!("not sent: {}", why.as_error().message()),
    )?;

    lost_answer(
        story,
        &client,
        TopupIntent::new(
            new_reference()?,
            Product::airtime(to, Network::Mtn, naira(200)),
        ),
    )
    .await
}

/// The provider acts, and the connection dies before its answer arrives.
async fn lost_answer(story: &mut Story, client: &Client, intent: TopupIntent) -> Done {
    let reference = intent.reference.clone();
    story.sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .provider(NAME)
            .reference(reference.as_str())
            .times(1),
    );
    let Ok(Submission::Unknown(unknown)) = client.submit(&intent).await else {
        return Err(broken("a lost answer was not told as unknown"));
    };
    story.step(
        "airtime of 200 naira, the answer is lost",
        &format!("unknown: {}", unknown.cause().message()),
    )?;
    let waits = client
        .topup_capabilities()
        .rules(intent.product.kind())
        .map(|rules| rules.poll_after.clone());
    for wait in waits.unwrap_or_default() {
        tokio::time::sleep(wait).await;
        match client
            .lookup(&intent)
            .await
            .map_err(|e| Failure::of_read(&e))?
        {
            Lookup::Found(record) => {
                story.told_done(NAME, reference.as_str());
                return story.step(
                    "asked the provider's books instead of sending again",
                    &format!("{:?}, once", record.state),
                );
            }
            Lookup::NotFound => {}
            Lookup::Mismatch(_) => return Err(broken("something else is on record")),
        }
    }
    Err(broken("the lookup never found it"))
}

pub(super) fn new_reference() -> Result<Reference, Failure> {
    Ok(Reference::generate().map_err(NotSent::because(ErrorKind::Unavailable))?)
}

fn shown(amount: Option<Amount>) -> String {
    amount.map_or_else(
        || "an untold amount is".to_owned(),
        |amount| amount.to_string(),
    )
}
