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
