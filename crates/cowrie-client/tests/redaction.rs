//! No key, signature, nonce, PIN, number or redeem URL where a person or a log could see it.
//!
//! One test, because the log is the whole process's.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cowrie_client::core::RequestSigner as _;
use cowrie_client::wire::{self, UnsignedRequest};
use cowrie_client::{
    Client, ClientKey, Credentials, Encoding, Network, Nonce, Query, SignRequest, Signer,
    parse_msisdn,
};
use support::*;
use telco_conformance::{Canaries, Log, redaction};
use telco_core::{Msisdn, Product, Secret, TopupExt as _, TopupIntent, TopupProvider as _};

const CLIENT_ID: &str = "canary-client@example.com";
const AGENT_ID: &str = "canary-agent-0815";
const TERMINAL_ID: &str = "canary-terminal-0816";
const OWN_KEY: &str = "Y2FuYXJ5LWtleS1jYW5hcnkta2V5LWNhbmFyeS1rZXk=";
const PIN: &str = "918273645546";
const SERIAL_PIN: &str = "100200300400500";
const HEADER: &str = "gateway-token-4711";

#[tokio::test]
async fn nothing_private_is_seen_anywhere() {
    let log = Log::install().unwrap();
    let canaries = Canaries::new()
        .secret("the key", OWN_KEY)
        .secret("the decoded key", "canary-key-canary-key-canary-key")
        .secret("the client id", CLIENT_ID)
        .secret("the agent id", AGENT_ID)
        .secret("the terminal id", TERMINAL_ID)
        .secret("the PIN", PIN)
        .secret("a bought PIN", SERIAL_PIN)
        .secret("the gateway's token", HEADER)
        .secret("the nonce", NONCE)
        .number("the number", &number());

    let key = ClientKey::from_base64(OWN_KEY).unwrap();
    let credentials = Credentials::client(CLIENT_ID, key.clone()).unwrap();
    let agent = Credentials::agent(AGENT_ID, TERMINAL_ID, key.clone()).unwrap();
    let signature = Signer::new(key.clone()).sign_text(NONCE, "");
    let canaries = canaries.secret("the balance's signature", signature.expose());

    // What an answer may hold that is nobody's business.
    let leaky = format!(r#"{{"message":"no {MSISDN} for {PIN}","pin":"{PIN}"}}"#);
    let record =
        format!(r#"{{"id":"1","xref":"{XREF}","status":"to {MSISDN}","stamp":"by {PIN}"}}"#);
    let pins = format!(r#"{{"serial":"1","pin":"{SERIAL_PIN}","xref":"{XREF}"}}"#);
    let replies = [
        Reply::new(
            200,
            format!(
                r#"{{"id":"1","xref":"{XREF}","msisdn":"{MSISDN}","message":"sent to {MSISDN}"}}"#
            ),
        ),
        Reply::new(
            200,
            format!(r#"{{"id":"1","xref":"{XREF}","msisdn":"2348124661609"}}"#),
        ),
        Reply::new(200, pins),
        Reply::new(200, leaky.clone()),
        Reply::new(200, record),
        Reply::new(400, leaky.clone()),
        Reply::new(500, leaky.clone()),
        Reply::new(302, leaky.clone()).header("location: http://127.0.0.1:9/x"),
        Reply::Raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{leaky}").into_bytes()),
        Reply::Raw(leaky.clone().into_bytes()),
        Reply::Close,
    ];
    let mut shown: Vec<(String, String)> = Vec::new();
    let mut show = |name: &str, value: &dyn std::fmt::Debug| {
        canaries.search_debug(name, value).unwrap();
        shown.push((name.to_owned(), format!("{value:?}")));
    };
    for credentials in [credentials.clone(), agent.clone()] {
        for reply in &replies {
            let server = Server::start([reply.clone()]).await;
            let client = hasty(Client::builder(credentials.clone()), server.base_url())
                .nonces(Arc::new(Fixed))
                .extra_header("x-gateway", Secret::new(HEADER))
                .replay_within(Duration::from_secs(60))
                .build()
                .unwrap();
            show("a client", &client);
            let intent = airtime(XREF);
            let prepared = client.prepare(&intent).unwrap();
            show("a prepared request", &prepared);
            let frozen = prepared.frozen().clone();
            show("a frozen request", &frozen);
            show(
                "a thawed request",
                &UnsignedRequest::thaw(frozen.bytes()).unwrap(),
            );
            show("an answer", &client.send(prepared).await);
            show(
                "a replay",
                &client.replay(&frozen, frozen.prepared_at()).await,
            );
            let two = TopupIntent::new(reference(XREF), Product::pins(naira(100), NonZeroU32::MIN));
            show("a PIN order", &client.submit(&two).await);
            let redeemed = client
                .redeem(
                    &reference(XREF),
                    Network::Airtel,
                    &number(),
                    &Secret::new(PIN),
                )
                .await;
            show("a redemption", &redeemed);
            show("a lookup", &client.lookup(&intent).await);
            show("a check", &client.check(XREF).await);
            let balance = client.balance().await;
            show("a balance", &balance);
            if let Err(failure) = &balance {
                canaries.search_error("a failed balance", failure).unwrap();
            }
        }
    }

    // Refusals name the field, never the value.
    let client = Client::builder(credentials.clone()).build().unwrap();
    let strange = Msisdn::parse("448124661601").unwrap();
    let strange = Product::airtime(strange, None, naira(100));
    for refused in [
        client
            .prepare(&TopupIntent::new(reference(XREF), strange))
            .unwrap_err(),
        Query::new(Encoding::Strict)
            .with("pin", "918273645546 ")
            .unwrap_err(),
        ClientKey::from_base64(&format!("{OWN_KEY}-")).unwrap_err(),
        Nonce::new(format!("{NONCE}?")).unwrap_err(),
    ] {
        canaries.search_error("a refusal", &refused).unwrap();
    }
    let typed = parse_msisdn("0812466160").unwrap_err();
    canaries.search_error("an invalid number", &typed).unwrap();

    let pairs = [("msisdn", MSISDN), ("pin", PIN)];
    let request = SignRequest::new(NONCE, &pairs);
    let query = Query::new(Encoding::Strict).with("pin", PIN).unwrap();
    let read = wire::read_check(leaky.as_bytes());
    let report = Signer::new(key.clone()).explain(&request);
    canaries
        .search(
            "an explanation's text",
            &format!("{:?}", report.as_ref().map(|r| r.fields.len())),
        )
        .unwrap();
    let values: [(&str, &dyn std::fmt::Debug); 9] = [
        ("the key", &key),
        ("credentials", &credentials),
        ("an agent", &agent),
        (
            "a builder",
            &Client::builder(credentials.clone())
                .base_url(format!("https://me:{HEADER}@example.com"))
                .extra_header("a", Secret::new(HEADER)),
        ),
        ("a signer", &Signer::new(key.clone())),
        ("a request to sign", &request),
        ("a query", &query),
        ("a nonce", &Nonce::new(NONCE).unwrap()),
        ("an answer to check", &read),
    ];
    let seen: String = shown.iter().map(|(_, text)| text.as_str()).collect();
    let must_show = ["cowrie", "credit", "redeem", "allocate_single", "balance"];
    redaction(&canaries, &values, &(log.text() + &seen), &must_show).assert_passed();
    // Masked, but there.
    assert!(seen.contains("23481") && seen.contains(XREF));
}
