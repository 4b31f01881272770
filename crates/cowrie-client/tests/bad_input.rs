//! What people and servers really send: pasted numbers, amounts of 0, used references, floods, a clock that goes backwards.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use cowrie_client::http::Settings;
use cowrie_client::wire::UnsignedRequest;
use cowrie_client::{Client, Network, Nonce, Nonces, parse_msisdn};
use serde_json::json;
use support::*;
use telco_core::{
    Amount, Clock, Currency, ErrorKind, NoRandomness, NotSent, Outcome, PreparedTopup, Product,
    Provider as _, Reference, Secret, SecretBytes, Submission, TopupExt as _, TopupIntent,
    TopupProvider as _,
};
use telco_sandbox::Sandbox;

/// Counts nonces: what is refused must not spend one.
#[derive(Debug, Default)]
struct Counted(Mutex<u64>);

impl Nonces for Counted {
    fn next(&self) -> Result<Nonce, NoRandomness> {
        let mut given = self.0.lock().unwrap();
        *given += 1;
        Ok(Nonce::new(given.to_string()).unwrap())
    }
}

#[tokio::test]
async fn a_number_pasted_with_spaces_and_direction_marks_is_one_number() {
    let server = Server::answering(500, "").await;
    let client = client(&server);
    for pasted in [
        "0812 466 1601",
        "\u{202A}+234\u{A0}812\u{200E} 466 1601\u{202C}",
        "\u{FEFF}(0812) 466-16.01 ",
        "\u{2066}2348124661601\u{2069}",
    ] {
        let to = parse_msisdn(pasted).unwrap();
        let _ = client
            .credit(&reference(XREF), Network::Airtel, &to, naira(100))
            .await
            .unwrap();
    }
    for target in server.targets() {
        assert!(target.contains("&msisdn=2348124661601&"), "{target}");
    }
}

#[tokio::test]
async fn what_cannot_be_sold_is_refused_and_spends_no_nonce() {
    let server = Server::answering(500, "").await;
    let nonces = Arc::new(Counted::default());
    let client = hasty(Client::builder(credentials()), server.base_url())
        .nonces(nonces.clone())
        .build()
        .unwrap();
    let kobo = |n| Amount::from_minor(n, Currency::NGN);
    let foreign = telco_core::Msisdn::parse("447700900123").unwrap();
    let long = "x".repeat(37);
    let refusals: Vec<NotSent> = [
        Product::airtime(number(), Network::Airtel, kobo(0)),
        Product::airtime(number(), Network::Airtel, kobo(-10_000)),
        Product::airtime(number(), Network::Airtel, kobo(10_050)),
        Product::airtime(foreign, Network::Airtel, naira(100)),
        Product::data(number(), Network::Airtel, Some(String::new()), naira(100)),
        Product::data(
            number(),
            Network::Airtel,
            Some("500mb 1d".into()),
            naira(100),
        ),
        Product::data(
            number(),
            Network::Airtel,
            Some("500mb1d&amount=1".into()),
            naira(100),
        ),
        Product::data(number(), Network::Airtel, None, kobo(0)),
        Product::pins(kobo(0), NonZeroU32::MIN),
        Product::pins(kobo(150), NonZeroU32::MIN),
    ]
    .into_iter()
    .map(|product| {
        client
            .prepare(&TopupIntent::new(reference(XREF), product))
            .unwrap_err()
    })
    .chain([client.prepare(&airtime(&long)).unwrap_err()])
    .collect();
    for refusal in &refusals {
        assert_eq!(refusal.kind(), ErrorKind::InvalidInput, "{refusal}");
        assert!(!format!("{refusal} {refusal:?}").contains("4770090"));
    }
    for pin in ["", "1234a", "12 34", "\u{661}\u{662}\u{663}", "-1"] {
        let refused = client
            .redeem(
                &reference(XREF),
                Network::Airtel,
                &number(),
                &Secret::new(pin),
            )
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{pin:?}");
    }
    for asked in ["", "a b", "a&b", "ä"] {
        assert_eq!(
            client.check(asked).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
    assert_eq!(server.count(), 0);
    assert_eq!(*nonces.0.lock().unwrap(), 0);
}

#[derive(Debug)]
struct Dry;

impl Nonces for Dry {
    fn next(&self) -> Result<Nonce, NoRandomness> {
        Err(NoRandomness::new())
    }
}

#[tokio::test]
async fn without_randomness_nothing_is_sent() {
    let server = Server::answering(500, "").await;
    let client = hasty(Client::builder(credentials()), server.base_url())
        .nonces(Arc::new(Dry))
        .build()
        .unwrap();
    let refused = client.prepare(&airtime(XREF)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(client.balance().await.is_err());
    assert_eq!(server.count(), 0);
}

/// What a reference used twice does is unknown, so the sandbox can do all four. The client never says that nothing happened
/// where something did, except where the provider itself says so; a ledger is what keeps a reference from being used twice.
#[tokio::test]
async fn a_reference_used_before() {
    for (setting, second, delivered) in [
        ("conflict", Outcome::Unknown, 1),
        ("refuse", Outcome::Rejected, 1),
        ("same-answer", Outcome::Accepted, 1),
        ("apply", Outcome::Accepted, 2),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox
            .configure("cowrie", &json!({ "repeated_xref": setting }))
            .unwrap();
        let credentials = cowrie_client::Credentials::client("sandbox@example.com", key()).unwrap();
        let base_url = sandbox.base_url("cowrie").unwrap();
        let client = hasty(Client::builder(credentials), &base_url)
            .build()
            .unwrap();
        let first = client.submit(&airtime("once")).await.unwrap();
        assert_eq!(first.outcome(), Outcome::Accepted);
        let again = client.submit(&airtime("once")).await.unwrap();
        assert_eq!(again.outcome(), second, "{setting}");
        let truth = sandbox.operation("cowrie", "once").unwrap();
        assert_eq!(truth.delivered, delivered, "{setting}");
        // With other content, the books show that it is somebody else's.
        let other = Product::airtime(number(), Network::Airtel, naira(200));
        let other = TopupIntent::new(reference("once"), other);
        let found = client.lookup(&other).await.unwrap();
        assert!(
            matches!(found, telco_core::Lookup::Mismatch(_)),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_of_a_hundred_megabytes_is_not_swallowed() {
    const FLOOD: usize = 100_000_000;
    let server = Server::start([Reply::Flood(200, FLOOD)]).await;
    let client = hasty(Client::builder(credentials()), server.base_url())
        .settings(
            Settings::default().with_timeouts(Duration::from_secs(30), Duration::from_secs(30)),
        )
        .build()
        .unwrap();
    let Submission::Unknown(unknown) = client.submit(&airtime(XREF)).await.unwrap() else {
        panic!()
    };
    assert_eq!(unknown.cause().kind(), ErrorKind::UnreadableAnswer);
    // What came before the limit is kept: it may be the only copy of something paid for.
    assert_eq!(unknown.answer().unwrap().expose().len(), 4 * 1024 * 1024);
    assert_eq!(server.count(), 1);

    // An error's flood is cut, and the status still decides.
    let server = Server::start([Reply::Flood(402, FLOOD)]).await;
    let client = hasty(Client::builder(credentials()), server.base_url())
        .build()
        .unwrap();
    let told = client.submit(&airtime(XREF)).await.unwrap();
    assert_eq!(told.outcome(), Outcome::Rejected);
}

#[tokio::test]
async fn an_answer_that_is_no_http_at_all_is_unknown() {
    for garbage in [
        &b"\x16\x03\x01\x02\x00"[..],
        b"HTTP/9.9 200 OK\r\n\r\n{}",
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"id\":",
    ] {
        let server = Server::start([Reply::Raw(garbage.to_vec())]).await;
        let told = client(&server).submit(&airtime(XREF)).await.unwrap();
        assert_eq!(told.outcome(), Outcome::Unknown, "{garbage:?}");
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn nobody_listening_is_not_sent() {
    let gone = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let client = hasty(Client::builder(credentials()), &gone)
        .build()
        .unwrap();
    let refused = client.submit(&airtime(XREF)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Connect);
}

#[derive(Debug)]
struct Backwards(Mutex<SystemTime>);

impl Clock for Backwards {
    fn now(&self) -> SystemTime {
        let mut now = self.0.lock().unwrap();
        *now -= Duration::from_secs(60);
        *now
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

#[tokio::test]
async fn a_clock_that_goes_backwards_allows_no_replay_and_changes_no_outcome() {
    let server = Server::start([
        Reply::new(429, "").header("retry-after: Thu, 01 Jan 1970 00:01:00 GMT"),
        Reply::new(200, format!(r#"{{"xref":"{XREF}"}}"#)),
    ])
    .await;
    let clock = Arc::new(Backwards(Mutex::new(
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    )));
    let client = hasty(Client::builder(credentials()), server.base_url())
        .clock(clock.clone())
        .replay_within(Duration::from_secs(600))
        .build()
        .unwrap();
    let prepared = client.prepare(&airtime(XREF)).unwrap();
    let frozen = prepared.frozen().clone();
    let Submission::Rejected(why) = client.send(prepared).await.unwrap() else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), Some(Duration::ZERO));
    // Now is before the making of the request: how long the server still remembers its nonce cannot be told.
    let told = client.replay(&frozen, clock.now()).await;
    assert_eq!((told.outcome(), server.count()), (Outcome::Unknown, 1));
    let told = client.submit(&airtime(XREF)).await.unwrap();
    assert_eq!(told.outcome(), Outcome::Accepted);
}

#[tokio::test]
async fn a_stored_request_that_was_touched_is_not_sent() {
    let server = Server::answering(500, "").await;
    let client = client(&server);
    let prepared = client.prepare(&airtime(XREF)).unwrap();
    let stored = String::from_utf8(prepared.frozen().bytes().expose().to_vec()).unwrap();
    assert!(UnsignedRequest::thaw(prepared.frozen().bytes()).is_ok());
    assert!(!stored.contains(KEY) && !stored.contains("me@client.com"));
    for touched in [
        String::new(),
        "cowrie-2".to_owned() + &stored,
        stored.replace("cowrie-1", "cowrie-9"),
        stored.replace("credit", "debit"),
        stored.replace("strict", "loose"),
        stored.replace("credit\n", "balance\n"),
        stored.replace(XREF, "another"),
        stored.replace("net=AIR", "net=A R"),
        stored.lines().take(3).collect(),
    ] {
        let damaged = PreparedTopup::new(
            client.identity(),
            airtime(XREF),
            SecretBytes::new(touched.as_bytes()),
            SystemTime::UNIX_EPOCH,
        );
        let refused = client.send(damaged).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{touched}");
    }
    assert_eq!(server.count(), 0);
}

#[test]
fn a_reference_of_the_longest_known_form_is_taken() {
    let client = Client::builder(credentials()).build().unwrap();
    let uuid = "42e54bb1-241d-4c31-a8bc-6745ab5fedad";
    assert!(client.prepare(&airtime(uuid)).is_ok());
    assert!(
        client
            .prepare(&airtime(Reference::generate().unwrap().as_str()))
            .is_ok()
    );
}
