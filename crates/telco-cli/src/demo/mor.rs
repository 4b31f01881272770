//! MOR: requests signed so that the server takes them, and a payment found again by its reference.

use std::time::{Duration, SystemTime};

use mor_client::methods::{PaymentOrder, PaymentsQuery};
use mor_client::{Credentials, MorClient};
use telco_core::{Amount, Currency, ErrorKind, Reference, Secret};

use super::{Story, broken, expect};
use crate::exit::{Done, Failure, accepted};

const NAME: &str = "mor";
/// A user of the sandbox.
const ALICE: u64 = 2;

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("MOR", "signed requests to a softswitch")?;
    let client = client(story, &story.credential(NAME, "secret")?)?;
    let read = |e| Failure::of_read(&e);
    let before = client.user_balance("alice").await.map_err(read)?.balance;
    story.step("a signed request: alice's balance", &before)?;

    let stranger = self::client(story, "another key")?;
    let refused = stranger.user_balance("alice").await.err();
    expect(
        refused.is_some_and(|e| e.kind() == ErrorKind::Authentication),
        "Incorrect hash for a request under another key",
    )?;
    story.step("the same under another key", "Incorrect hash")?;

    let reference = Reference::generate().map_err(|e| broken(e.to_string()))?;
    let euro = Currency::new(*b"EUR", 2).ok_or_else(|| broken("no euro"))?;
    let order = PaymentOrder::new(reference.clone(), ALICE, Amount::from_minor(1_050, euro));
    let payment = accepted(&reference, client.create_payment(&order).await, "")?;
    story.told_done(NAME, reference.as_str());
    let gross = payment.gross.unwrap_or_default();
    story.step(
        "payment of 10.50 euro",
        &format!("accepted, {gross} booked"),
    )?;

    let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
    let query = PaymentsQuery::between(now - hour, now + hour).with_transaction(reference.as_str());
    let found = client.payments(&query).await.map_err(read)?;
    expect(found.len() == 1, "one payment with the reference")?;
    let after = client.user_balance("alice").await.map_err(read)?.balance;
    story.step(
        "found by its reference",
        &format!("once, balance {before} then {after}"),
    )
}

fn client(story: &Story, secret: &str) -> Result<MorClient, Failure> {
    let login = story.credential(NAME, "user")?;
    let credentials = Credentials::new(login, Secret::new(secret));
    Ok(MorClient::builder(story.base_url(NAME)?, credentials).build()?)
}
