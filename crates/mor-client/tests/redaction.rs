//! No secret, password, number or code where it could end up in a log.

#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use mor_client::methods::{Callback, Sms};
use mor_client::{Credentials, MorClient, mor_hash::Call, wire::Document};
use support::{PASSWORD, SECRET, builder, mor, reference, with};
use telco_core::{Error, ErrorKind, Secret};

const NUMBER: &str = "37060012345";
const CODE: &str = "code 482913";

fn clean(shown: &str) {
    for hidden in [
        SECRET,
        PASSWORD,
        NUMBER,
        "482913",
        "60012345",
        "device-password",
    ] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[tokio::test]
async fn nothing_private_is_shown() {
    let credentials =
        Credentials::new("admin", Secret::new(SECRET)).with_password(Secret::new(PASSWORD));
    clean(&format!("{credentials:?}"));
    let builder = || MorClient::builder("https://mor.example.com", credentials.clone());
    clean(&format!("{:?}", builder()));
    let sms = Sms::new(reference(), "Acme", NUMBER, Secret::new(CODE));
    let callback = Callback::new(reference(), 5, NUMBER).from_number(NUMBER);
    clean(&format!("{sms:?} {callback:?}"));
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
        clean(&format!("{failed} {failed:?}"));
        assert!(server.forms()[0].contains("p=a-login-password"));
    }
    let page =
        Document::parse(b"<page x='37060012345'><secret>device-password</secret></page>").unwrap();
    clean(&format!("{page:?}"));
    let signed = mor("")
        .0
        .signed(&Call::new("sms_send").with("dst", NUMBER))
        .unwrap();
    clean(&format!("{signed:?}"));
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
        clean(&format!("{refused} {refused:?}"));
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
