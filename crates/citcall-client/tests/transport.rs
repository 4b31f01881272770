//! Over a real socket: what the transport itself must hold for this protocol.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use citcall_client::core::{ErrorKind, Outcome, Secret};
use citcall_client::core::{NotSent, Submission};
use citcall_client::http::Settings;
use citcall_client::v3::{self, Motp, Sms, SmsOtp};
use citcall_client::{AsyncCall, Client, Credentials, Gateway};
use support::{KEY, USER, cause, outcome, reference, to};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Longer than a busy machine needs.
const PATIENT: Duration = Duration::from_secs(10);

/// Answers every connection so, and counts them. An empty answer closes at once, after the request was read.
async fn server(answer: String) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 16 * 1024];
                let _ = stream.read(&mut request).await;
                if answer == "never" {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    (url, count)
}

fn client(url: &str, timeout: Duration) -> Client {
    let credentials = Credentials::new(USER, Secret::new(KEY)).unwrap();
    Client::builder(credentials)
        .base_url(url)
        .settings(
            Settings::default()
                .with_timeouts(timeout, timeout)
                .with_body_caps(64 * 1024, 64 * 1024),
        )
        .build()
        .unwrap()
}

fn call() -> AsyncCall {
    AsyncCall::new(&to(), Gateway::FIRST)
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn an_answer_over_the_cap_is_unknown() {
    let body = format!("{{\"rc\":0,\"x\":\"{}\"}}", "a".repeat(64 * 1024));
    let (url, count) = server(http("200 OK", "", &body)).await;
    let failure = cause(
        client(&url, PATIENT)
            .async_call(&reference(), &call())
            .await,
    );
    assert_eq!(failure.kind(), ErrorKind::UnreadableAnswer);
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (elsewhere, strayed) = server(http("200 OK", "", "{\"rc\":0}")).await;
    for status in ["301 M", "302 F", "303 S", "307 T", "308 P"] {
        let location = format!("location: {elsewhere}/v2/asynccall\r\n");
        let (url, count) = server(http(status, &location, "")).await;
        let answer = client(&url, PATIENT)
            .async_call(&reference(), &call())
            .await;
        assert_eq!(outcome(&answer), Some(Outcome::Unknown), "{status}");
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }
    assert_eq!(strayed.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_answer_is_unknown_and_asked_for_once() {
    let short = Duration::from_millis(300);
    for (answer, timeout, kind) in [
        ("never", short, ErrorKind::Timeout),
        ("", PATIENT, ErrorKind::Interrupted),
    ] {
        let (url, count) = server(answer.to_owned()).await;
        let failure = cause(
            client(&url, timeout)
                .async_call(&reference(), &call())
                .await,
        );
        assert_eq!(failure.kind(), kind);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(count.load(Ordering::SeqCst), 1, "{kind:?}");
    }
}

#[tokio::test]
async fn a_port_that_is_closed_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let credentials = Credentials::new(USER, Secret::new(KEY)).unwrap();
    let (second, count) = server(http("200 OK", "", "{\"rc\":0}")).await;
    let alone = Client::builder(credentials.clone())
        .base_url(&url)
        .reconnects(0);
    let refusal = alone
        .clone()
        .build()
        .unwrap()
        .async_call(&reference(), &call())
        .await;
    assert_eq!(refusal.unwrap_err().kind(), ErrorKind::Connect);
    let helped = alone.second_base_url(second).build().unwrap();
    let answer = helped.async_call(&reference(), &call()).await;
    assert_eq!(outcome(&answer), Some(Outcome::Accepted));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

/// What came of an answer that was cut: the part that arrived, and what a person is told.
fn kept<T: std::fmt::Debug>(answer: Result<Submission<T>, NotSent>) -> (String, String) {
    let Ok(Submission::Unknown(unknown)) = answer else {
        panic!("{answer:?}")
    };
    let part = unknown.answer().expect("the part that arrived").expose();
    (
        String::from_utf8(part.to_vec()).unwrap(),
        unknown.cause().help().unwrap_or_default().to_owned(),
    )
}

/// The id to find the call by at the provider may be in the part that arrived.
#[tokio::test]
async fn a_cut_answer_keeps_the_part_that_arrived_and_says_what_may_have_happened() {
    let part = r#"{"rc":0,"trxid":"20200101000000000000000001""#;
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 900\r\nconnection: close\r\n\r\n{part}");
    let (url, _) = server(cut).await;
    let (arrived, help) = kept(
        client(&url, PATIENT)
            .async_call(&reference(), &call())
            .await,
    );
    assert_eq!(arrived, part);
    assert!(help.contains("may have rung"), "{help}");

    let credentials = Credentials::api_key(Secret::new(KEY)).unwrap();
    let v3 = v3::Client::builder(credentials)
        .base_url(&url)
        .build()
        .unwrap();
    let (arrived, help) = kept(v3.motp(&reference(), &Motp::new(&to())).await);
    assert_eq!(arrived, part);
    assert!(help.contains("may have rung"), "{help}");
    let sms = Sms::new(&to(), "Acme", "hello XXXXX");
    for (arrived, help) in [
        kept(v3.sms(&reference(), &sms).await),
        kept(v3.sms_otp(&reference(), &SmsOtp::new(sms.clone())).await),
    ] {
        assert_eq!(arrived, part);
        assert!(help.contains("message may have been sent"), "{help}");
        assert!(!help.contains("rung"), "{help}");
    }
}
