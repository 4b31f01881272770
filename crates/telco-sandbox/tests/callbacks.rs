//! Callbacks: to whom, how often, and what is remembered of them. When they come is shown in citcall.rs.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use support::spend::spend;
use support::{Client, Listener, admin};
use telco_sandbox::{CallbackFault, FaultRule, Limits, Sandbox, What};

async fn sandbox() -> Sandbox {
    let mut limits = Limits::default();
    limits.push_retry = Duration::from_millis(10);
    let sandbox = Sandbox::builder().limits(limits).start().await.unwrap();
    sandbox
        .configure(
            "citcall",
            &json!({ "callback_after_ms": 0, "seal_callbacks": false }),
        )
        .unwrap();
    sandbox
}

async fn ring(sandbox: &Sandbox, reference: &str) {
    let bytes = spend(sandbox, "citcall", reference);
    let mut client = Client::connect(&sandbox.base_url("citcall").unwrap())
        .await
        .unwrap();
    assert_eq!(client.send(&bytes).await.unwrap().status, 200);
}

/// The fate of the newest callback, once it has one.
async fn fate(sandbox: &Sandbox) -> String {
    for _ in 0..500 {
        let newest = sandbox.callbacks().list(1);
        match newest.first() {
            Some(pushed) if pushed.fate != "waiting" => return pushed.fate.clone(),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("it still waits");
}

#[tokio::test]
async fn a_failing_listener_is_tried_again_and_then_given_up() {
    let sandbox = sandbox().await;
    let mut listener = Listener::answering(vec![500, 503]).await;
    let listen = json!({ "provider": "citcall", "url": listener.url }).to_string();
    assert_eq!(admin(&sandbox, "POST", "listen", &listen).await.status, 200);
    ring(&sandbox, "third time lucky").await;
    let first = listener.next().await;
    assert_eq!(
        (listener.next().await, listener.next().await),
        (first.clone(), first)
    );
    assert_eq!(fate(&sandbox).await, "pushed: 200");
    assert!(listener.is_quiet().await);

    let mut broken = Listener::answering(vec![500; 9]).await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&broken.url))
        .unwrap();
    ring(&sandbox, "never").await;
    for _ in 0..3 {
        broken.next().await;
    }
    assert_eq!(fate(&sandbox).await, "failed: 500");
    assert!(broken.is_quiet().await);
    let story = sandbox.operation("citcall", "never").unwrap().story;
    let told = What::Callback("call-ended: failed: 500".to_owned());
    assert!(story.iter().any(|line| line.what == told));

    // 4xx is an answer: the listener does not want it, and asking again would not help.
    let mut choosy = Listener::answering(vec![404]).await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&choosy.url))
        .unwrap();
    ring(&sandbox, "unwanted").await;
    choosy.next().await;
    assert_eq!(fate(&sandbox).await, "pushed: 404");
}

#[tokio::test]
async fn without_a_listener_it_is_said_and_remembered() {
    let sandbox = sandbox().await;
    ring(&sandbox, "alone").await;
    assert_eq!(fate(&sandbox).await, "no listener");
    sandbox
        .faults()
        .add(FaultRule::callback(CallbackFault::Lost).reference("lost"));
    ring(&sandbox, "lost").await;
    assert_eq!(fate(&sandbox).await, "lost");
    let nobody = "http://127.0.0.1:1/".to_owned();
    assert!(sandbox.callbacks().listen("citcall", Some(&nobody)).is_ok());
    let all: Value = admin(&sandbox, "GET", "callbacks?limit=1", "").await.json();
    assert_eq!(all["callbacks"][0]["reference"], "lost");
    assert_eq!(all["listeners"]["citcall"], json!(nobody));
}

#[tokio::test]
async fn a_reset_and_bad_urls() {
    let sandbox = sandbox().await;
    for url in [
        "https://example.com/",
        "ftp://x/",
        "http:///path",
        "http://user@host/",
        "http://host/ path",
        "http://host/\r\nX: y",
    ] {
        let body = json!({ "provider": "citcall", "url": url }).to_string();
        assert_eq!(
            admin(&sandbox, "POST", "listen", &body).await.status,
            400,
            "{url}"
        );
    }
    let mut listener = Listener::start().await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    sandbox
        .configure("citcall", &json!({ "callback_after_ms": 60_000 }))
        .unwrap();
    ring(&sandbox, "forgotten").await;
    sandbox.reset();
    sandbox.clock().advance(Duration::from_secs(61));
    assert!(listener.is_quiet().await);
    let off = json!({ "provider": "citcall", "url": null }).to_string();
    let after = admin(&sandbox, "POST", "listen", &off).await;
    assert_eq!(after.json()["listeners"], json!({}));
}

#[tokio::test]
async fn trigger_pushes_now_and_says_what_it_cannot() {
    let sandbox = sandbox().await;
    let mut listener = Listener::start().await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    ring(&sandbox, "again").await;
    let first = listener.next().await;
    let reply = admin(
        &sandbox,
        "POST",
        "trigger/citcall",
        r#"{"reference":"again"}"#,
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(listener.next().await, first);
    for (provider, status) in [("citcall", 400), ("cowrie", 400), ("nobody", 404)] {
        let path = format!("trigger/{provider}");
        let reply = admin(&sandbox, "POST", &path, r#"{"reference":"no such"}"#).await;
        assert_eq!(reply.status, status, "{provider}: {}", reply.text());
    }
}
