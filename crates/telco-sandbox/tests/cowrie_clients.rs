//! The vendor's own clients against the Cowrie room: whole requests as each of the five sends them, and what becomes of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::{Client, authority};
use telco_sandbox::{Query, Sandbox};

/// The bytes of a request, headers in the client's own case and order.
fn bytes(base: &str, request: &Value) -> Vec<u8> {
    let headers: Vec<&str> = request["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n\r\n",
        request["target"].as_str().unwrap(),
        authority(base),
        headers.join("\r\n")
    )
    .into_bytes()
}

#[tokio::test]
async fn every_request_of_the_five_official_clients_ends_as_it_should() {
    let file: Value =
        serde_json::from_str(include_str!("../vectors/cowrie/official_clients.json")).unwrap();
    let requests = file["requests"].as_array().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let mut clients = BTreeSet::new();
    let mut delivered = 0;
    for request in requests {
        let reply = Client::connect(&base)
            .await
            .unwrap()
            .send(&bytes(&base, request))
            .await
            .unwrap();
        let why = sandbox.history().search(&Query::default())[0]
            .near_misses
            .join(" | ");
        assert_eq!(
            reply.status,
            request["status"],
            "{request}: {} {why}",
            reply.text()
        );
        delivered += u64::from(request["delivered"] == true);
        assert_eq!(sandbox.totals().delivered, delivered, "{request}");
        clients.insert(request["client"].as_str().unwrap());
    }
    assert_eq!(
        clients,
        BTreeSet::from(["csharp", "java", "javascript", "php", "python"])
    );
    assert_eq!(sandbox.totals().doubled, 0);
}

/// What Java makes of a space: no request line. It is refused, and nothing is done.
#[tokio::test]
async fn a_raw_space_in_the_request_line_is_no_request() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let line = "GET /pin/AllocateSingle?unit=100&type=AIRTIME&message=Happy New Year&xref=j1";
    let text = format!("{line} HTTP/1.1\r\nHost: {}\r\n\r\n", authority(&base));
    let reply = Client::connect(&base)
        .await
        .unwrap()
        .send(text.as_bytes())
        .await;
    assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status == 400));
    assert_eq!(sandbox.totals().delivered, 0);
}
