//! FanapPlus: a subscription by code, a double click, and the charge whose answer is lost.

use std::time::{Duration, SystemTime};

use fanap_client::otp::{CommitOutcome, MemoryOtpStore, commit_once};
use fanap_client::{Application, Client, PrivateKey, Service, ServiceKey, SubscriptionCheck};
use telco_core::{
    ErrorKind, Msisdn, NotSent, OtpCode, OtpRequest, OtpSender as _, PendingOtp, Submission,
    SubscriptionOtp as _,
};
use telco_sandbox::{Arrival, FaultRule, Phase};

use super::cowrie::new_reference;
use super::{Story, broken, expect};
use crate::exit::{Done, Failure, accepted};

const NAME: &str = "fanap";

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("FanapPlus", "subscriptions by code for Iran")?;
    // The form in which the vendor's generator writes keys.
    let private_xml = story.credential(NAME, "private_key_xml")?;
    let key = || PrivateKey::load(private_xml.as_bytes()).map_err(|e| broken(e.to_string()));
    let application = Application::new(
        &story.credential(NAME, "app_id")?,
        &story.credential(NAME, "tenant_id")?,
    )?;
    let client = Client::builder(application, key()?)
        .base_url(story.base_url(NAME)?)
        .build()?;
    let service = client.service(ServiceKey::new(story.credential(NAME, "service_key")?)?);
    let product_id = story.credential(NAME, "product_id")?;
    let product_id = product_id
        .parse()
        .map_err(|_| broken("the product id is no number"))?;
    let check = SubscriptionCheck::builder(product_id, key()?)
        .base_url(story.base_url(NAME)?)
        .build()?;

    double_click(story, &service).await?;
    lost_answer(story, &service, &check).await
}

/// One subscriber, a wrong code, and a button that is pressed twice.
async fn double_click(story: &mut Story, service: &Service) -> Done {
    let to = number("۰۹۱۲ ۱۲۳ ۴۵۶۷")?;
    let (pending, id) = started(story, service, &to).await?;
    story.step("a code is sent to a number typed in Persian", "accepted")?;

    let right = code_at(story, &to)?;
    let wrong = OtpCode::new(right.expose().chars().map(other).collect::<String>());
    let refused = service.commit(&pending, &wrong).await?;
    let Submission::Rejected(why) = refused else {
        return Err(broken("a wrong code was not refused"));
    };
    expect(why.kind() == ErrorKind::WrongCode, "a wrong code")?;
    story.step("a wrong code is typed", "rejected, nothing was charged")?;

    let store = MemoryOtpStore::default();
    let forget_at = SystemTime::now() + Duration::from_secs(86_400);
    let click = || commit_once(&store, service, &pending, &right, forget_at);
    let (one, two) = tokio::join!(click(), click());
    let clicks = [one?, two?];
    let done = clicks
        .iter()
        .filter(|click| matches!(click, CommitOutcome::Done(Submission::Accepted(_))));
    expect(done.count() == 1, "one of two clicks to commit")?;
    story.told_done(NAME, &id);
    story.step(
        "the right code, and the button is pressed twice",
        "subscribed, charged once",
    )
}

/// The provider charges, and the connection dies before its answer arrives.
async fn lost_answer(story: &mut Story, service: &Service, check: &SubscriptionCheck) -> Done {
    let to = number("+98 912 765 4321")?;
    let (pending, id) = started(story, service, &to).await?;
    story.sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .provider(NAME)
            .operation("commit")
            .times(1),
    );
    let answer = service.commit(&pending, &code_at(story, &to)?).await?;
    let Submission::Unknown(unknown) = answer else {
        return Err(broken("a lost answer was not told as unknown"));
    };
    story.step(
        "another subscription, the answer is lost",
        &format!("unknown: {}", unknown.cause().message()),
    )?;
    let state = check.ask(&to).await.map_err(|e| Failure::of_read(&e))?;
    expect(state.is_subscribed, "the charge in the provider's books")?;
    story.told_done(NAME, &id);
    story.step(
        "asked whether the number is subscribed",
        "it is, charged once",
    )
}

/// A start whose message arrived; and the provider's id of it.
async fn started(
    story: &mut Story,
    service: &Service,
    to: &Msisdn,
) -> Result<(PendingOtp, String), Failure> {
    let request = OtpRequest::new(to.clone(), new_reference()?);
    let challenge = accepted(&request.reference, service.start(&request).await, "")?;
    let id = challenge
        .provider_id
        .ok_or_else(|| broken("a start without an id"))?;
    story.told_done(NAME, &format!("start-{id}"));
    Ok((challenge.pending, id))
}

/// What the subscriber reads.
fn code_at(story: &Story, to: &Msisdn) -> Result<OtpCode, Failure> {
    let newest = story.sandbox.handset(to.expose()).into_iter().next();
    match newest.map(|received| received.arrival) {
        Some(Arrival::Message { text, .. }) => Ok(OtpCode::new(
            text.chars()
                .filter(char::is_ascii_digit)
                .collect::<String>(),
        )),
        _ => Err(broken("no message arrived at the phone")),
    }
}

fn other(digit: char) -> char {
    if digit == '7' { '8' } else { '7' }
}

fn number(typed: &str) -> Result<Msisdn, Failure> {
    Ok(fanap_client::parse_msisdn(typed).map_err(NotSent::because(ErrorKind::InvalidInput))?)
}
