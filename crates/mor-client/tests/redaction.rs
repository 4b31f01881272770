//! No secret, password, number or code where it could end up in a log.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sandbox.rs"]
mod sandbox;
mod support;

use std::time::Duration;

use mor_client::methods::{Callback, Sms};
use mor_client::{Credentials, MorClient, mor_hash::Call, wire::Document};
use support::{PASSWORD, SECRET, builder, mor, reference, with};
use telco_conformance::{Canaries, Log, redaction};
use telco_core::{Error, ErrorKind, Msisdn, Secret};
use telco_http::ReadRetry;
use telco_sandbox::{FaultRule, Phase, Sandbox};

const NUMBER: &str = "37060012345";
const CODE: &str = "code 482913";

fn canaries() -> Canaries {
    Canaries::new()
        .secret("the API secret", SECRET)
        .secret("the password", PASSWORD)
        .secret("the code", "482913")
        .secret("the text", CODE)
        .secret("a device's password", "device-password")
        .number("the number", &Msisdn::parse(NUMBER).unwrap())
}

fn clean(shown: &str) {
    canaries().search("what is shown", shown).unwrap();
}

/// The log is the whole process's: what the other tests here say is in it, too.
#[tokio::test]
async fn nothing_private_is_shown() {
    let log = Log::install().unwrap();
    let credentials =
        Credentials::new("admin", Secret::new(SECRET)).with_password(Secret::new(PASSWORD));
    let builder = || MorClient::builder("https://mor.example.com", credentials.clone());
    let sms = Sms::new(reference(), "Acme", NUMBER, Secret::new(CODE));
    let callback = Callback::new(reference(), 5, NUMBER).from_number(NUMBER);
    let answers = [
        Err(Error::in_doubt(ErrorKind::Timeout, "no answer")),
        Ok((
            200,
            "<page><error>cannot send code 482913 to 37060012345</error></page>",
        )),
        Ok((
            200,
            "<page><secret>device-password</secret><dst>37060012345</dst></page>",
        )),
        Ok((200, "device-password 37060012345")),
        Ok((500, "device-password 37060012345")),
    ];
    for answer in answers {
        let (client, server) = with(builder(), [answer]);
        clean(&format!("{client:?}"));
        clean(&format!("{:?}", client.send_sms(&sms).await));
        clean(&format!("{:?}", client.init_callback(&callback).await));
        let failed = client.user_balance("bob").await.unwrap_err();
        canaries().search_error("a failed read", &failed).unwrap();
        assert!(server.forms()[0].contains("p=a-login-password"));
    }
    let page =
        Document::parse(b"<page x='37060012345'><secret>device-password</secret></page>").unwrap();
    let signed = mor("")
        .0
        .signed(&Call::new("sms_send").with("dst", NUMBER))
        .unwrap();

    // Over a real connection, whose libraries trace as well.
    let world = sandbox::sandbox().await;
    let theirs = world.credentials("mor").unwrap();
    let theirs = |name: &str| theirs[name].as_str().unwrap().to_owned();
    let canaries = canaries()
        .secret("the sandbox's secret", &theirs("secret"))
        .secret("the sandbox's password", &theirs("password"));
    let credentials_there = Credentials::new(theirs("user"), Secret::new(theirs("secret")))
        .with_password(Secret::new(theirs("password")));
    let told = live(&world, credentials_there, &sms, &callback).await;

    let values: [(&str, &dyn std::fmt::Debug); 7] = [
        ("credentials", &credentials),
        ("a builder", &builder()),
        ("a message", &sms),
        ("a callback", &callback),
        ("a page", &page),
        ("a signed request", &signed),
        ("what was told", &told),
    ];
    let must_show = ["mor", "sms_send", "callback_init", "user_balance_get"];
    redaction(&canaries, &values, &log.text(), &must_show).assert_passed();
}

/// What the client says of each call, whatever goes wrong.
async fn live(
    world: &Sandbox,
    credentials: Credentials,
    sms: &Sms,
    callback: &Callback,
) -> Vec<String> {
    let client = MorClient::builder(world.base_url("mor").unwrap(), credentials)
        .settings(sandbox::settings())
        .read_retry(ReadRetry::none())
        .build()
        .unwrap();
    let mut told = vec![format!("{client:?}")];
    for phase in [None].into_iter().chain(Phase::ALL.map(Some)) {
        let rule = phase.map(|phase| FaultRule::new(phase).delay(Duration::from_millis(5)));
        world.faults().set(rule);
        told.push(format!("{:?}", client.send_sms(sms).await));
        told.push(format!("{:?}", client.init_callback(callback).await));
        told.push(format!("{:?}", client.user_balance("admin").await));
    }
    told
}

#[tokio::test]
async fn the_secret_never_travels() {
    let (client, server) = with(builder(), [Ok((200, "<page/>"))]);
    let _ = client
        .send_sms(&Sms::new(reference(), "Acme", NUMBER, Secret::new(CODE)))
        .await
        .unwrap();
    let seen = server.seen.lock().unwrap();
    let request = &seen[0];
    assert!(!format!("{request:?}").contains(SECRET));
    assert!(!String::from_utf8_lossy(request.body()).contains(SECRET));
}

#[test]
fn configuration_errors_name_no_value() {
    for (url, secret) in [
        ("http://mor.example.com", SECRET),
        ("https://admin:a-login-password@mor.example.com", SECRET),
        ("https://mor.example.com", ""),
        (
            "https://mor.example.com",
            " an-API-secret-that-never-travels",
        ),
    ] {
        let refused = MorClient::builder(url, Credentials::new("admin", Secret::new(secret)))
            .build()
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
        canaries().search_error("a refusal", &refused).unwrap();
    }
}

#[tokio::test]
async fn no_number_or_person_in_what_is_asked_and_listed() {
    use mor_client::methods::{CallsQuery, PaymentOrder};
    use mor_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
    use std::time::{Duration, SystemTime};
    use telco_core::{Amount, Currency, SecretBytes};

    const PERSON: &str = "ann.person@example.org";
    let clean = |shown: &str| {
        clean(shown);
        for hidden in ["ann.person", "Ann Person", "10.9.8.7"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    };
    let sms = Sms::new(reference(), NUMBER, NUMBER, Secret::new(CODE));
    let key = OtpKey::new("2026-11", SecretBytes::new([7; 32])).unwrap();
    let codes = LocalOtp::new(key, std::sync::Arc::new(MemoryOtpStore::default()));
    let otp = mor("").0.sms_otp(NUMBER, "{code}", codes).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_252_454_580);
    let calls = CallsQuery::between(now, now).to_destination(NUMBER);
    let amount = Amount::from_minor(1050, Currency::new(*b"EUR", 2).unwrap());
    let order = PaymentOrder::new(reference(), 2, amount)
        .with_payer_email(PERSON)
        .with_description("for Ann Person, 37060012345");
    clean(&format!("{sms:?} {otp:?} {calls:?} {order:?}"));
    assert!(format!("{calls:?}").contains("s_destination"));

    let listed = mor(
        "<page><payments><payment><user>37060012345</user><payer>ann.person@example.org</payer>\
         <transaction_id>t-1</transaction_id></payment></payments></page>",
    )
    .0;
    let payments = listed
        .payments(&mor_client::methods::PaymentsQuery::between(now, now))
        .await
        .unwrap();
    clean(&format!("{payments:?}"));
    assert!(format!("{payments:?}").contains("t-1"));
    let devices = mor(
        "<page><devices><device><device_id>5</device_id><username>37060012345</username>\
         <secret>device-password</secret><ipaddr>10.9.8.7</ipaddr></device></devices></page>",
    )
    .0
    .devices(2)
    .await
    .unwrap();
    clean(&format!("{devices:?}"));
    let details = mor("<page><main_detail><account>Ann Person</account></main_detail></page>")
        .0
        .user_details(&mor_client::methods::UserRef::Id(2))
        .await
        .unwrap();
    clean(&format!("{details:?}"));
}
