//! Near misses that the tests of the rooms do not meet on their way: each from a really wrong request.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use serde_json::{Value, json};
use support::spend::{cowrie, credit, credit_query, date, rsa_sign, spend};
use support::{Client, Reply, authority, base64, call, near_miss, send, text};
use telco_sandbox::{Arrival, Sandbox};

/// The sound request of a provider with something changed in its JSON.
async fn edited(sandbox: &Sandbox, provider: &str, edit: impl Fn(&mut Value)) -> Reply {
    let sound = String::from_utf8(spend(sandbox, provider, "edited")).unwrap();
    let (head, body) = sound.split_once("\r\n\r\n").unwrap();
    let mut body: Value = serde_json::from_str(body).unwrap();
    edit(&mut body);
    let body = body.to_string();
    let lines = head
        .lines()
        .filter(|line| !line.starts_with("Content-Length"));
    let head: String = lines.map(|line| format!("{line}\r\n")).collect();
    let bytes = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut client = Client::connect(&sandbox.base_url(provider).unwrap())
        .await
        .unwrap();
    client.send(bytes.as_bytes()).await.unwrap()
}

#[track_caller]
fn explains(sandbox: &Sandbox, provider: &str, expected: &str) {
    let why = near_miss(sandbox, provider);
    assert!(why.contains(expected), "{provider}, {expected}: {why}");
}

#[tokio::test]
async fn kairos_ids_times_and_variables() {
    let sandbox = Sandbox::start().await.unwrap();
    let flow = sandbox.credentials("kairos").unwrap();
    let (id, security) = (text(&flow, "flow_id"), text(&flow, "security_id"));
    let start = |value: &'static str| ("/calls/0/start-time", json!(value));
    for ((pointer, value), expected) in [
        (
            ("/flow-id", json!(id.to_lowercase())),
            "no flow has this `flow-id`; it differs only in upper and lower case",
        ),
        (
            ("/security-id", json!(security.to_uppercase())),
            "not the one of this flow; it differs only in upper and lower case",
        ),
        (
            start("tomorrow"),
            "it is not YYYY-MM-DDTHH:MM:SS and an offset",
        ),
        (start("2099-01-23T08:02:53"), "it has no offset"),
        (
            start("2099-01-23T08:02:53+0530"),
            "its offset is not ±HH:MM",
        ),
        (
            ("/calls/0/keys", json!([5])),
            "a member of `keys` is not {\"name\":…,\"value\":…}",
        ),
    ] {
        edited(&sandbox, "kairos", |body| {
            *body.pointer_mut(pointer).unwrap() = value.clone()
        })
        .await;
        explains(&sandbox, "kairos", expected);
    }
    assert_eq!(sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn citcall_keys_extra_members_and_used_codes() {
    let sandbox = Sandbox::start().await.unwrap();
    let (base, account) = (
        sandbox.base_url("citcall").unwrap(),
        sandbox.credentials("citcall").unwrap(),
    );
    let (user, key) = (text(&account, "user_id"), text(&account, "api_key"));
    let post = async |path: &str, authorization: &str, body: Value| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", authorization),
        ];
        call("POST", &base, path, &headers, &body.to_string())
            .await
            .unwrap()
            .json()
    };
    let apikey = format!("Apikey {key}");
    let ring = json!({ "msisdn": "6281234567890", "gateway": 1, "valid_time": 60, "limit_try": 3 });
    for wrong in [
        format!("Apikey {}", key.to_uppercase()),
        base64(format!("{user}:{}", key.to_uppercase())),
    ] {
        post("/v3/motp", &wrong, ring.clone()).await;
        explains(
            &sandbox,
            "citcall",
            "matches except for the case of its letters",
        );
    }
    let trxid = post("/v3/motp", &apikey, ring).await["trxid"].clone();
    let Arrival::MissedCall { from } = sandbox.handset("6281234567890")[0].arrival.clone() else {
        panic!("no call")
    };
    let check =
        json!({ "msisdn": "6281234567890", "trxid": trxid, "token": from[from.len() - 4..] });
    assert_eq!(post("/v3/verify", &apikey, check.clone()).await["rc"], "00");
    assert_eq!(post("/v3/verify", &apikey, check).await["rc"], "78");
    explains(&sandbox, "citcall", "this code was already used");

    sandbox
        .configure("citcall", &json!({ "refuse_extra_members": true }))
        .unwrap();
    let legacy = base64(format!("{user}:{key}"));
    post(
        "/v2/asynccall",
        &legacy,
        json!({ "data": "AAAA", "more": 1 }),
    )
    .await;
    explains(&sandbox, "citcall", "beside `data` stands `more`");
}

#[tokio::test]
async fn cowrie_strangers_late_checks_and_empty_stocks() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let headers = [
        ("ClientId", "somebody@example.com"),
        ("Signature", "x"),
        ("Nonce", "1"),
    ];
    call("GET", &base, "/airtime/Balance", &headers, "")
        .await
        .unwrap();
    explains(
        &sandbox,
        "cowrie",
        "`ClientId` is not one of this sandbox: use `sandbox@example.com`",
    );
    let target = format!("/airtime/Credit?{}", credit_query("x"));
    assert_eq!(
        call("POST", &base, &target, &headers, "")
            .await
            .unwrap()
            .status,
        405
    );
    explains(&sandbox, "cowrie", "GET only");

    credit(&sandbox, "late").await.unwrap();
    let check = async |nonce: &str| {
        cowrie(&sandbox, "/airtime/Check", "reference=late", nonce)
            .await
            .unwrap();
    };
    sandbox
        .configure("cowrie", &json!({ "check_sees": [] }))
        .unwrap();
    check("c1").await;
    explains(
        &sandbox,
        "cowrie",
        "done, but Check is set not to see this kind",
    );
    sandbox
        .configure(
            "cowrie",
            &json!({ "check_sees": ["credit"], "check_delay_ms": 60_000 }),
        )
        .unwrap();
    credit(&sandbox, "later").await.unwrap();
    cowrie(&sandbox, "/airtime/Check", "reference=later", "c2")
        .await
        .unwrap();
    explains(&sandbox, "cowrie", "done, but Check does not see it yet");
    cowrie(&sandbox, "/airtime/Check", "reference=never", "c3")
        .await
        .unwrap();
    explains(&sandbox, "cowrie", "nothing with this reference was done");
    sandbox.clock().advance(Duration::from_secs(61));

    sandbox
        .configure("cowrie", &json!({ "pin_stock": 1 }))
        .unwrap();
    let pins = "count=2&message=hi&type=AIRTIME&unit=100&xref=pins";
    cowrie(&sandbox, "/pin/Allocate", pins, "p1").await.unwrap();
    explains(&sandbox, "cowrie", "the stock holds 1 PINs of 100 naira");
}

#[tokio::test]
async fn fanap_bodies_and_products() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("fanap").unwrap();
    let json = [("Content-Type", "application/json")];
    for (body, expected) in [("{", "the body is no JSON"), ("[]", "not an object")] {
        call("POST", &base, "/api/Subscription/grant/start", &json, body)
            .await
            .unwrap();
        explains(&sandbox, "fanap", expected);
    }
    let key = text(&sandbox.credentials("fanap").unwrap(), "private_key_xml");
    let date = date(sandbox.clock().now_ms());
    let signature = rsa_sign(&key, &format!("99#{date}"), &SHA1_FOR_LEGACY_USE_ONLY);
    let headers = [
        ("SDP-ProductId", "99"),
        ("SDP-Date", &*date),
        ("SDP-Signature", &*signature),
    ];
    let target = "/api/subscription/verification/09121234567/product/99";
    assert_eq!(
        call("GET", &base, target, &headers, "")
            .await
            .unwrap()
            .status,
        401
    );
    explains(&sandbox, "fanap", "the header `SDP-ProductId` is not 11035");
}

#[tokio::test]
async fn mor_has_one_place() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("mor").unwrap();
    let url = format!("http://{}/api/users_get", authority(&base));
    assert_eq!(
        send("POST", &url, &[], "u=admin").await.unwrap().status,
        404
    );
    explains(&sandbox, "mor", "the API is at `/billing/api/METHOD`");
}
