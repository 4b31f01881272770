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
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

async fn sandbox() -> Sandbox {
    let mut limits = Limits::default();
    limits.push_retry = Duration::from_millis(10);
    let sandbox = Sandbox::builder().limits(limits).start().await.unwrap();
    sandbox
        .configure(
            "citcall",
            &json!({ "callback_after_ms": 0, "seal_callbacks": false, "push_attempts": 3 }),
        )
        .unwrap();
    sandbox
}

async fn ring(sandbox: &Sandbox, reference: &str) {
    ask(sandbox, "citcall", reference).await;
}

async fn ask(sandbox: &Sandbox, provider: &str, reference: &str) {
    let bytes = spend(sandbox, provider, reference);
    let mut client = Client::connect(&sandbox.base_url(provider).unwrap())
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

/// No document speaks of repeats, and FanapPlus says that it does not wait for the answer.
#[tokio::test]
async fn nothing_is_pushed_again_unless_it_is_set() {
    let sandbox = Sandbox::start().await.unwrap();
    for provider in ["citcall", "fanap", "kairos"] {
        let settings = admin(&sandbox, "GET", &format!("settings/{provider}"), "")
            .await
            .json();
        assert_eq!(settings["push_attempts"], 1, "{provider}");
        let none = json!({ "push_attempts": 0 });
        assert!(sandbox.configure(provider, &none).is_err(), "{provider}");
    }
    let soon = json!({ "callback_after_ms": 0 });
    sandbox.configure("citcall", &soon).unwrap();
    let mut listener = Listener::answering(vec![500]).await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    ring(&sandbox, "once").await;
    listener.next().await;
    assert_eq!(fate(&sandbox).await, "failed: 500");
}

/// What memory no longer shows is told all the same.
#[tokio::test]
async fn the_story_knows_a_callback_that_the_list_has_forgotten() {
    let sandbox = sandbox().await;
    let listener = stalled(&sandbox, "citcall").await;
    ring(&sandbox, "early").await;
    let mut first = connection(&listener).await;
    for n in 0..2_001 {
        sandbox
            .faults()
            .set([FaultRule::callback(CallbackFault::Lost)]);
        ring(&sandbox, &n.to_string()).await;
    }
    assert_eq!(sandbox.callbacks().list(9_999).len(), 2_000);
    let yes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    first.write_all(yes).await.unwrap();
    let told = What::Callback("call-ended: pushed: 200".to_owned());
    for _ in 0..500 {
        let story = sandbox.operation("citcall", "early").unwrap().story;
        if story.iter().any(|line| line.what == told) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the story does not know");
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
    let story = sandbox.operation("citcall", "lost").unwrap().story;
    let told = What::Callback("call-ended: lost".to_owned());
    assert!(story.iter().any(|line| line.what == told), "{story:?}");
    let nobody = "http://127.0.0.1:1/".to_owned();
    assert!(sandbox.callbacks().listen("citcall", Some(&nobody)).is_ok());
    let all: Value = admin(&sandbox, "GET", "callbacks?limit=1", "").await.json();
    assert_eq!(all["callbacks"][0]["reference"], "lost");
    assert_eq!(all["listeners"]["citcall"], json!(nobody));
}

#[tokio::test]
async fn a_reordered_one_that_none_follows_is_pushed_in_the_end() {
    let sandbox = sandbox().await;
    let mut listener = Listener::start().await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    let rule = FaultRule::callback(CallbackFault::Reordered);
    sandbox.faults().add(rule.delay(Duration::from_millis(50)));
    ring(&sandbox, "alone").await;
    assert_eq!(listener.next().await["clientUniqueId"], "alone");
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

/// A listener that takes connections and answers nothing by itself; it listens for the callbacks of a provider.
async fn stalled(sandbox: &Sandbox, provider: &str) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    sandbox.callbacks().listen(provider, Some(&url)).unwrap();
    listener
}

/// Shorter than the 10 s after which a push gives up.
const SOON: Duration = Duration::from_secs(5);

async fn connection(listener: &TcpListener) -> TcpStream {
    timeout(SOON, listener.accept()).await.unwrap().unwrap().0
}

#[tokio::test]
async fn a_stalled_listener_holds_back_no_other() {
    let sandbox = sandbox().await;
    sandbox
        .configure(
            "kairos",
            &json!({ "ring_ms": 0, "talk_ms": 0, "push_after_ms": 0 }),
        )
        .unwrap();
    let stalled = stalled(&sandbox, "citcall").await;
    ring(&sandbox, "stuck").await;
    let _on_the_wire = connection(&stalled).await;
    ring(&sandbox, "stuck behind it").await;

    // Another provider, and another listener of the same one.
    let mut other = Listener::start().await;
    sandbox
        .callbacks()
        .listen("kairos", Some(&other.url))
        .unwrap();
    ask(&sandbox, "kairos", "free").await;
    other.next().await;
    sandbox
        .callbacks()
        .listen("citcall", Some(&other.url))
        .unwrap();
    ring(&sandbox, "free too").await;
    other.next().await;

    let fates: Vec<_> = sandbox.callbacks().list(4).into_iter().rev().collect();
    for (pushed, reference) in fates.iter().zip(["stuck", "stuck behind it"]) {
        assert_eq!(pushed.reference.as_deref(), Some(reference));
        assert_eq!(pushed.fate, "waiting");
    }
}

#[tokio::test]
async fn one_listener_gets_its_callbacks_in_order() {
    let sandbox = sandbox().await;
    let listener = stalled(&sandbox, "citcall").await;
    for reference in ["first", "second"] {
        ring(&sandbox, reference).await;
    }
    let mut first = connection(&listener).await;
    assert!(
        timeout(Duration::from_millis(150), listener.accept())
            .await
            .is_err(),
        "the second waits for the first"
    );
    let yes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    first.write_all(yes).await.unwrap();
    let _second = connection(&listener).await;
    let newest = sandbox.callbacks().list(2);
    let fates: Vec<_> = newest
        .iter()
        .map(|pushed| (pushed.reference.as_deref(), pushed.fate.as_str()))
        .collect();
    assert_eq!(
        fates,
        [(Some("second"), "waiting"), (Some("first"), "pushed: 200")]
    );
}

#[tokio::test]
async fn a_reset_and_the_end_leave_no_push_behind() {
    let sandbox = sandbox().await;
    let listener = stalled(&sandbox, "citcall").await;
    ring(&sandbox, "before the reset").await;
    let mut on_the_wire = connection(&listener).await;
    ring(&sandbox, "queued").await;
    sandbox.reset();
    ended(&mut on_the_wire).await;

    ring(&sandbox, "before the end").await;
    let mut on_the_wire = connection(&listener).await;
    drop(sandbox);
    ended(&mut on_the_wire).await;
}

/// The push went away without waiting for its answer.
async fn ended(stream: &mut TcpStream) {
    let mut everything = Vec::new();
    let end = timeout(SOON, stream.read_to_end(&mut everything)).await;
    end.expect("the push still waits").unwrap_or_default();
}
