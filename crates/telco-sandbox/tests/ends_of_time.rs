//! A clock that somebody sets to the ends of time breaks no room.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::json;
use support::spend::{PROVIDERS, cowrie, hex, spend};
use support::{Client, Listener, admin, call, text};
use telco_sandbox::Sandbox;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

async fn post(sandbox: &Sandbox, provider: &str, path: &str, headers: &[(&str, &str)], body: &str) {
    let base = sandbox.base_url(provider).unwrap();
    let reply = call("POST", &base, path, headers, body).await;
    // A panic would end the connection without an answer.
    let status = reply.expect(path).status;
    assert!(status < 500, "{provider}{path}: {status}");
}

/// Calls that are to be dialled, in offsets on both sides of London.
async fn kairos(sandbox: &Sandbox, end: usize) {
    let flow = sandbox.credentials("kairos").unwrap();
    for offset in ["+05:30", "-05:30", "Z"] {
        for year in ["0000", "1970", "9999"] {
            let order = json!({
                "api-version": "1.0", "security-id": flow["security_id"], "flow-id": flow["flow_id"],
                "calls": [{
                    "client-identifier": format!("{end}{offset}{year}"), "contact-numbers": ["8000000001"], "keys": [],
                    "start-time": format!("{year}-01-01T00:00:00{offset}"),
                }],
            });
            let path = "/outbound/create";
            post(sandbox, "kairos", path, &[JSON], &order.to_string()).await;
        }
    }
    let pull = json!({ "phonon-uuids": ["x"], "fetch-attempt": "ALL" }).to_string();
    post(sandbox, "kairos", "/pull", &[JSON], &pull).await;
    let _ = sandbox.trigger("kairos", &json!({}));
    let _ = sandbox.trigger("kairos", &json!({ "event": "sms" }));
}

async fn citcall(sandbox: &Sandbox) {
    let key = text(&sandbox.credentials("citcall").unwrap(), "api_key");
    let headers = [JSON, ("Authorization", &*format!("Apikey {key}"))];
    let body = json!({
        "msisdn": "6281234567890", "retry": 0, "senderid": "CITCALL", "text": "XXXXX",
        "valid_time": i64::MAX, "limit_try": 20, "data": "AAAA",
    });
    for path in ["/v2/asynccall", "/v3/motp", "/v3/sms", "/v3/smsotp"] {
        post(sandbox, "citcall", path, &headers, &body.to_string()).await;
    }
    let _ = sandbox.trigger("citcall", &json!({}));
}

async fn mor(sandbox: &Sandbox) {
    let secret = text(&sandbox.credentials("mor").unwrap(), "secret");
    let hash = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes()));
    for path in ["/payments_get", "/user_calls_get"] {
        let body = format!("u=admin&hash={hash}");
        post(sandbox, "mor", path, &[FORM], &body).await;
    }
}

#[tokio::test]
async fn every_room_answers_at_both_ends_of_time() {
    let sandbox = Sandbox::start().await.unwrap();
    let furthest = json!({ "freeze": true, "advance_ms": i64::MAX });
    let ends = [
        json!({ "now_ms": 0 }),
        json!({ "now_ms": i64::MAX }),
        furthest.clone(),
        furthest,
        json!({ "freeze": true, "advance_ms": i64::MIN }),
    ];
    let slow = json!({ "callback_after_ms": u64::MAX, "seal_callbacks": true });
    sandbox.configure("citcall", &slow).unwrap();
    sandbox
        .configure("cowrie", &json!({ "check_delay_ms": u64::MAX }))
        .unwrap();
    let slow = json!({ "ring_ms": u64::MAX, "talk_ms": u64::MAX, "push_after_ms": u64::MAX });
    // Made before, while the clock is right.
    let sound = |end: usize| {
        PROVIDERS.map(|provider| (provider, spend(&sandbox, provider, &format!("end {end}"))))
    };
    let sound: Vec<_> = (0..ends.len()).map(sound).collect();
    for (end, (change, requests)) in ends.iter().zip(sound).enumerate() {
        let set = admin(&sandbox, "POST", "time", &change.to_string()).await;
        assert_eq!(set.status, 200, "{change}: {}", set.text());
        for (provider, bytes) in requests {
            let base = sandbox.base_url(provider).unwrap();
            let reply = Client::connect(&base).await.unwrap().send(&bytes).await;
            let status = reply.expect(provider).status;
            assert!(status < 500, "{provider} {change}: {status}");
        }
        kairos(&sandbox, end).await;
        sandbox.configure("kairos", &slow).unwrap();
        citcall(&sandbox).await;
        mor(&sandbox).await;
        let query = format!("reference=end {end}").replace(' ', "%20");
        let nonce = format!("check {end}");
        let check = cowrie(&sandbox, "/airtime/Check", &query, &nonce).await;
        assert!(check.unwrap().status < 500);
        for path in ["handsets", "callbacks", "ledger", "requests", "time"] {
            assert_eq!(admin(&sandbox, "GET", path, "").await.status, 200);
        }
    }

    // And callbacks leave as ever.
    sandbox.reset();
    let soon = json!({ "callback_after_ms": 0, "seal_callbacks": false });
    sandbox.configure("citcall", &soon).unwrap();
    let mut listener = Listener::start().await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    let bytes = spend(&sandbox, "citcall", "after");
    let base = sandbox.base_url("citcall").unwrap();
    Client::connect(&base)
        .await
        .unwrap()
        .send(&bytes)
        .await
        .unwrap();
    assert_eq!(listener.next().await["clientUniqueId"], "after");
}
