//! The vendor's own clients against the Cowrie room: the requests of all five as recorded off the wire, and what becomes of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::{Client, Reply, near_miss};
use telco_sandbox::Sandbox;

fn recorded() -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../vectors/cowrie/official_clients.json")).unwrap();
    file["requests"].as_array().unwrap().clone()
}

fn text<'a>(request: &'a Value, name: &str) -> &'a str {
    request[name].as_str().unwrap()
}

/// The client and the path of a request.
fn call(request: &Value) -> (&str, &str) {
    let target = text(request, "request").split(' ').nth(1).unwrap();
    (text(request, "client"), target.split('?').next().unwrap())
}

async fn replay(sandbox: &Sandbox, request: &Value) -> Reply {
    let mut client = Client::connect(&sandbox.base_url("cowrie").unwrap())
        .await
        .unwrap();
    client
        .send(text(request, "request").as_bytes())
        .await
        .unwrap()
}

#[tokio::test]
async fn every_request_of_the_five_official_clients_ends_as_it_should() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut served = BTreeSet::new();
    let mut delivered = 0;
    let requests = recorded();
    for request in &requests {
        let reply = replay(&sandbox, request).await;
        let why = near_miss(&sandbox, "cowrie");
        assert_eq!(reply.status, request["status"], "{request}: {why}");
        delivered += u64::from(request["delivered"] == true);
        assert_eq!(sandbox.totals().delivered, delivered, "{request}");
        if reply.status == 200 {
            served.insert(call(request));
        }
    }
    assert_eq!(sandbox.totals().doubled, 0);
    // Every call that each of them has.
    let all = [
        (
            "csharp",
            "/airtime/Balance /airtime/Credit /data/Credit /airtime/Check /pin/AllocateSingle /pin/Allocate /terminal/Balance /terminal/Credit /terminal/data/Credit",
        ),
        (
            "java",
            "/airtime/Balance /airtime/Credit /data/Credit /airtime/Check /pin/AllocateSingle /terminal/Balance /terminal/Credit /terminal/data/Credit /terminal/Check",
        ),
        (
            "javascript",
            "/airtime/Balance /airtime/Credit /data/Credit /airtime/Check /pin/AllocateSingle",
        ),
        (
            "php",
            "/airtime/Balance /airtime/Credit /data/Credit /pin/AllocateSingle /pin/Allocate /terminal/Balance /terminal/Credit",
        ),
        (
            "python",
            "/airtime/Balance /airtime/Credit /data/Credit /airtime/Check /pin/AllocateSingle",
        ),
    ];
    let all = all
        .iter()
        .flat_map(|(client, paths)| paths.split(' ').map(move |path| (*client, path)));
    assert_eq!(served, all.collect());
}

/// Each client names a terminal that is written in its source.
#[tokio::test]
async fn terminals_are_anybodys_until_they_are_listed() {
    let requests = recorded();
    for (client, terminal) in [
        ("csharp", "AirtimeClient"),
        ("java", "0001"),
        ("php", "0002"),
    ] {
        let wanted = |request: &&Value| {
            call(request) == (client, "/terminal/Credit") && request["status"] == 200
        };
        let request = requests.iter().find(wanted).unwrap();
        assert!(text(request, "request").contains(&format!("TerminalId: {terminal}\r\n")));
        let sandbox = Sandbox::start().await.unwrap();
        let only = |ids: &[&str]| sandbox.configure("cowrie", &json!({ "terminals": ids }));
        only(&["T-0001", "T-0002"]).unwrap();
        assert_eq!(replay(&sandbox, request).await.status, 400);
        assert_eq!(
            near_miss(&sandbox, "cowrie"),
            "`TerminalId` is not one of the setting `terminals`: T-0001, T-0002"
        );
        assert_eq!(sandbox.totals().delivered, 0);
        only(&[terminal]).unwrap();
        assert_eq!(replay(&sandbox, request).await.status, 200);
    }
}

/// Java prints 1000 naira as `1,000`. Whether the provider reads that, nobody has shown.
#[tokio::test]
async fn grouped_amounts_are_served_if_the_setting_says_so() {
    let requests = recorded();
    let grouped = |request: &&Value| text(request, "request").contains("amount=1,000&");
    let request = requests.iter().find(grouped).unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure("cowrie", &json!({ "grouped_amounts": true }))
        .unwrap();
    let reply = replay(&sandbox, request).await.json();
    assert_eq!(reply["charge"], 960);
    for (at, wrong) in ["1,00", "10,00", "1,0000", ",100", "0,100", "1,,000"]
        .iter()
        .enumerate()
    {
        let query = format!("net=MTN&msisdn=2348031234567&amount={wrong}&xref=w{at}");
        let path = "/airtime/Credit";
        let reply = support::spend::cowrie(&sandbox, path, &query, &format!("w{at}")).await;
        assert_eq!(reply.unwrap().status, 400, "{wrong}");
    }
}
