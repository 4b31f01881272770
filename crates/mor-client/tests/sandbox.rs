//! Every call against the sandbox, and every spending call under every fault: what is told must be true of what happened.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sandbox.rs"]
mod support;

use std::time::{Duration, SystemTime};

use mor_client::methods::{Callback, CallsQuery, PaymentOrder, PaymentsQuery, Sms, UserRef};
use mor_client::{Decimal, MorClient, mor_hash::Call};
use serde_json::json;
use support::{builder, client, sandbox};
use telco_conformance::{Told, Truth, judge};
use telco_core::{
    Amount, Currency, ErrorKind, NotSent, Outcome, Reference, Secret, Submission, UnknownOutcome,
};
use telco_sandbox::{Arrival, FaultRule, Phase, Sandbox};

const ALICE: u64 = 2;
const PHONE: &str = "37060012345";

/// The four calls that cost.
const SPENDING: [&str; 4] = [
    "user_balance_update",
    "payment_create",
    "sms_send",
    "callback_init",
];

fn reference() -> Reference {
    Reference::generate().unwrap()
}

fn payment(reference: &Reference) -> PaymentOrder {
    let euro = Currency::new(*b"EUR", 2).unwrap();
    PaymentOrder::new(reference.clone(), ALICE, Amount::from_minor(10_50, euro))
}

fn around_now() -> (SystemTime, SystemTime) {
    let hour = Duration::from_secs(3_600);
    (SystemTime::now() - hour, SystemTime::now() + hour)
}

async fn spend(
    mor: &MorClient,
    method: &str,
    reference: &Reference,
) -> Result<Submission<()>, NotSent> {
    Ok(match method {
        "user_balance_update" => mor
            .add_to_balance(reference, ALICE, &Decimal::parse("5.5").unwrap())
            .await?
            .map(|_| ()),
        "payment_create" => mor.create_payment(&payment(reference)).await?.map(|_| ()),
        "sms_send" => {
            let sms = Sms::new(reference.clone(), "Acme", PHONE, Secret::new("50% + 1"));
            mor.send_sms(&sms).await?.map(|_| ())
        }
        _ => {
            let call = Callback::new(reference.clone(), 5, PHONE).from_number("37060054321");
            mor.init_callback(&call).await?
        }
    })
}

fn truth(sandbox: &Sandbox) -> Truth {
    let totals = sandbox.ledger().totals_of("mor");
    Truth {
        received: u32::try_from(totals.requests).unwrap(),
        delivered: u32::try_from(totals.delivered).unwrap(),
    }
}

fn unknown<T>(answer: Submission<T>) -> UnknownOutcome<T> {
    match answer {
        Submission::Unknown(unknown) => unknown,
        other => panic!("{:?}", other.outcome()),
    }
}

#[tokio::test]
async fn what_is_spent_is_read_back() {
    let sandbox = sandbox().await;
    let mor = client(&sandbox);
    assert_eq!(
        mor.system_version().await.unwrap(),
        "X8 (telco-sandbox)",
        "the secret is right"
    );
    assert_eq!(mor.user_balance("alice").await.unwrap().balance, "66.0000");

    let order = reference();
    for method in SPENDING {
        let answer = spend(&mor, method, &order).await.unwrap();
        assert_eq!(answer.outcome(), Outcome::Accepted, "{method}");
    }
    let balance = mor.user_balance("alice").await.unwrap();
    assert_eq!(
        (balance.balance.as_str(), balance.currency.as_deref()),
        ("82.0000", Some("EUR"))
    );

    let (from, till) = around_now();
    let query = PaymentsQuery::between(from, till).with_transaction(order.as_str());
    let payments = mor.payments(&query).await.unwrap();
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].amount.as_deref(), Some("10.5000"));

    let calls = mor
        .user_calls(&CallsQuery::between(from, till).of_user(ALICE))
        .await
        .unwrap();
    assert_eq!(calls.calls[0].get("dst"), Some(PHONE));

    // The text arrives as it was given, through the server's second unescape.
    let phone = sandbox.handset(PHONE);
    let Arrival::Message { from, text } = &phone[0].arrival else {
        panic!("{phone:?}")
    };
    assert_eq!((from.as_str(), text.as_str()), ("Acme", "50% + 1"));

    let details = mor.user_details(&UserRef::Id(ALICE)).await.unwrap();
    assert_eq!(details.account.as_deref(), Some("alice"));
    assert_eq!(mor.devices(ALICE).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_spending_call_under_any_fault_tells_the_truth_and_is_sent_once() {
    use telco_conformance::Phase as Judged;
    for method in SPENDING {
        for phase in Phase::ALL {
            let sandbox = sandbox().await;
            let mor = client(&sandbox);
            // A connection to be reused.
            let _ = mor.system_version().await.unwrap();
            // Between two bytes, and before the whole.
            let delay = if phase == Phase::Drip { 1 } else { 30 };
            sandbox
                .faults()
                .add(FaultRule::new(phase).delay(Duration::from_millis(delay)));
            let reference = reference();
            let answer = spend(&mor, method, &reference).await;
            let judged = match phase {
                // The connection was made before the fault, so it meets the next one.
                Phase::Refuse | Phase::CloseIdle => None,
                Phase::Stall => Some(Judged::Stall),
                Phase::ResetBefore => Some(Judged::ResetBeforeActing),
                // Done or unknown: drops may be through in time, or not.
                Phase::ActThenError | Phase::Drip => Some(Judged::ActThen500),
                Phase::ResetReused => Some(Judged::ClosePooled),
                Phase::ActThenReset | Phase::ActThenStall => Some(Judged::ActThenReset),
                Phase::Redirect => Some(Judged::Redirect),
                Phase::Truncate => Some(Judged::Truncate),
                Phase::Garbage => Some(Judged::Garbage),
                Phase::Flood => Some(Judged::Flood),
                Phase::SlowAnswer => Some(Judged::SlowAnswer),
                // Whatever else may go wrong after acting: done or unknown; before acting: unknown.
                acted if acted.acts() => Some(Judged::ActThen500),
                _ => Some(Judged::Stall),
            };
            judge(Told::of(&answer), truth(&sandbox), judged)
                .unwrap_or_else(|lie| panic!("{method} {phase:?}: {lie}"));
            assert_eq!(
                truth(&sandbox).delivered,
                u32::from(phase.acts() || phase == Phase::Refuse)
            );
            if let Ok(Submission::Unknown(unknown)) = &answer {
                assert_eq!(unknown.reference(), &reference);
                assert!(unknown.cause().help().is_some(), "{method} {phase:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_closed_port_is_not_sent() {
    let sandbox = sandbox().await;
    sandbox.set_down("mor", true).await;
    for method in SPENDING {
        let refused = spend(&client(&sandbox), method, &reference())
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Connect);
    }
    assert_eq!(truth(&sandbox).received, 0);
}

#[tokio::test]
async fn an_unknown_payment_is_found_by_its_reference() {
    let sandbox = sandbox().await;
    let mor = client(&sandbox);
    let lost = FaultRule::new(Phase::ActThenReset).operation("payment_create");
    sandbox.faults().add(lost);
    let reference = reference();
    let unknown = unknown(mor.create_payment(&payment(&reference)).await.unwrap());
    let (from, till) = around_now();
    let query = PaymentsQuery::between(from, till).with_transaction(unknown.reference().as_str());
    assert_eq!(mor.payments(&query).await.unwrap().len(), 1);
    let other = query.with_transaction("another");
    assert!(mor.payments(&other).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_refusal_that_says_nothing_was_done_is_rejected_any_other_is_unknown() {
    let sandbox = sandbox().await;
    let mor = client(&sandbox);
    let told = async |quirk: &str, method| {
        sandbox.faults().set([FaultRule::quirk(quirk)]);
        spend(&mor, method, &reference()).await.unwrap().outcome()
    };
    // The switch is known not to have been reached; what the gateway did with the message is not known.
    assert_eq!(
        told("asterisk-down", "callback_init").await,
        Outcome::Rejected
    );
    assert_eq!(told("asterisk-down", "sms_send").await, Outcome::Unknown);
    assert_eq!(told("sms-error", "sms_send").await, Outcome::Unknown);
    for method in SPENDING {
        assert_eq!(told("html-error", method).await, Outcome::Unknown);
    }
    for method in ["payment_create", "sms_send"] {
        assert_eq!(told("no-status", method).await, Outcome::Unknown);
    }
    sandbox.faults().clear();

    let wrong = Sms::new(reference(), "Acme", "37060000404", Secret::new("not there"));
    let Submission::Rejected(why) = mor.send_sms(&wrong).await.unwrap() else {
        panic!("not rejected")
    };
    assert_eq!(why.kind(), ErrorKind::InvalidRecipient);
}

#[tokio::test]
async fn a_translated_text_is_unknown_until_the_client_is_taught_it() {
    let sandbox = sandbox().await;
    sandbox.faults().add(FaultRule::quirk("translated"));
    let one = Decimal::parse("1").unwrap();
    let stranger = async |mor: MorClient| {
        mor.add_to_balance(&reference(), 99, &one)
            .await
            .unwrap()
            .outcome()
    };
    assert_eq!(stranger(client(&sandbox)).await, Outcome::Unknown);
    let taught = builder(&sandbox)
        .error_text("Vartotojas nerastas", ErrorKind::InvalidInput)
        .build()
        .unwrap();
    assert_eq!(stranger(taught).await, Outcome::Rejected);
}

#[tokio::test]
async fn server_settings_speak_for_themselves() {
    let sandbox = sandbox().await;
    let refused = async |mor: MorClient| mor.devices(ALICE).await.unwrap_err().kind();
    let get = builder(&sandbox).use_get().build().unwrap();
    assert_eq!(refused(get.clone()).await, ErrorKind::InvalidConfiguration);
    sandbox
        .configure("mor", &json!({ "allow_get": true }))
        .unwrap();
    assert_eq!(get.devices(ALICE).await.unwrap().len(), 2);

    sandbox
        .configure("mor", &json!({ "enabled": false }))
        .unwrap();
    assert_eq!(
        refused(client(&sandbox)).await,
        ErrorKind::InvalidConfiguration
    );
    sandbox
        .configure("mor", &json!({ "enabled": true, "secret": "another" }))
        .unwrap();
    let mor = builder(&sandbox).build().unwrap();
    assert!(mor.devices(ALICE).await.is_ok());
    sandbox
        .configure("mor", &json!({ "secret": "a third" }))
        .unwrap();
    assert_eq!(refused(mor).await, ErrorKind::Authentication);
}

/// The server of each version takes what the client signs for it: legacy names, lists and tables included.
#[tokio::test]
async fn every_profile_is_understood_by_a_server_of_its_version() {
    use mor_client::mor_hash::Profile;
    for profile in Profile::all() {
        let sandbox = sandbox().await;
        let name = profile.name().to_owned();
        sandbox
            .configure("mor", &json!({ "profile": name }))
            .unwrap();
        let mor = builder(&sandbox).profile(profile).build().unwrap();
        assert!(mor.user_balance("alice").await.is_ok(), "{name}");
        assert_eq!(mor.devices(ALICE).await.unwrap().len(), 2, "{name}");
        let (from, till) = around_now();
        assert!(
            mor.user_calls(&CallsQuery::between(from, till))
                .await
                .is_ok(),
            "{name}"
        );
        let answer = spend(&mor, "payment_create", &reference()).await.unwrap();
        assert_eq!(answer.outcome(), Outcome::Accepted, "{name}");
    }
}

#[tokio::test]
async fn a_read_comes_back_after_faults_and_any_method_can_be_read() {
    let sandbox = sandbox().await;
    let retry = telco_http::ReadRetry::new([Duration::ZERO; 2], Duration::from_secs(30));
    let mor = builder(&sandbox).read_retry(retry).build().unwrap();
    for phase in [Phase::ResetBefore, Phase::ActThenReset, Phase::ErrorBefore] {
        sandbox.faults().set([FaultRule::new(phase).times(2)]);
        assert!(mor.system_version().await.is_ok(), "{phase:?}");
    }
    sandbox.faults().clear();
    let users = mor.read(&Call::new("users_get")).await.unwrap();
    assert_eq!(users.all("username").len(), 3);
}
