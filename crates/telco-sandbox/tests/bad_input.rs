//! Whatever comes over the wire: the sandbox answers or closes, and goes on.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::{Duration, Instant};

use support::spend::{PROVIDERS, credit, spend};
use support::{Client, admin, authority, call, send};
use telco_sandbox::{Limits, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The status of what came back, 0 for a connection that closed without a word.
async fn raw(base: &str, bytes: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(authority(base)).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer));
    let _ = read.await.expect("neither answered nor closed");
    let text = String::from_utf8_lossy(&answer);
    text.get(9..12)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

/// Every listener there is.
fn bases(sandbox: &Sandbox) -> Vec<String> {
    let rooms = PROVIDERS.iter().map(|name| sandbox.base_url(name).unwrap());
    rooms.chain([sandbox.console_url()]).collect()
}

async fn still_works(sandbox: &Sandbox, reference: &str) {
    assert_eq!(credit(sandbox, reference).await.unwrap().status, 200);
    assert_eq!(admin(sandbox, "GET", "describe", "").await.status, 200);
}

#[tokio::test]
async fn malformed_http_is_answered_or_closed() {
    let sandbox = Sandbox::start().await.unwrap();
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(500));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    let header = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(100_000));
    let cases: &[&[u8]] = &[
        b"",
        b"\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\n: empty\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /%ff%00?%zz&=&&a=%e2%28%a1 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\nSignature: \xff\r\n\r\n",
        many.as_bytes(),
        long.as_bytes(),
        header.as_bytes(),
    ];
    for base in bases(&sandbox) {
        for bytes in cases {
            let status = raw(&base, bytes).await;
            assert!(
                status == 0 || (400..600).contains(&status) || bytes.starts_with(b"GET /"),
                "{status}: {}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
    still_works(&sandbox, "malformed").await;
}

#[tokio::test]
async fn unknown_paths_methods_and_bodies_of_wrong_types() {
    let sandbox = Sandbox::start().await.unwrap();
    let paths = [
        "",
        "/",
        "//",
        "/..",
        "/airtime/Credit",
        "/v3/motp",
        "/v2/asynccall",
        "/api/Subscription/grant/commit",
        "/outbound/create",
        "/pull",
        "/enc/outbound/create",
        "/payment_create",
        "/users_get",
        "/_sandbox/faults",
    ];
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "\"text\"",
        "12",
        "{\"data\":[]}",
        "{\"calls\":{}}",
        "{\"msisdn\":{},\"gateway\":[]}",
        "{\"Date\":1,\"PhoneNumber\":null}",
        "{\"flow-id\":true}",
        "u=&&=%",
        "\u{feff}{}",
        "{\"a\":",
    ];
    for base in bases(&sandbox) {
        let base = base.trim_end_matches('/');
        for path in paths {
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "BREW"] {
                let url = format!("{base}{path}");
                let reply = send(method, &url, &[("Content-Type", "application/json")], "{}");
                let status = match reply.await {
                    Ok(reply) => reply.status,
                    // The plain client waits for the body that HEAD does not have.
                    Err(_) if method == "HEAD" => continue,
                    Err(e) => panic!("{method} {url}: {e}"),
                };
                assert!(status >= 200, "{method} {url}");
            }
            for body in bodies {
                let json = [("Content-Type", "application/json")];
                send("POST", &format!("{base}{path}"), &json, body)
                    .await
                    .unwrap();
            }
        }
    }
    // Nesting that would overflow a stack.
    let deep = "[".repeat(200_000);
    for provider in PROVIDERS {
        let base = sandbox.base_url(provider).unwrap();
        for path in [
            "/v3/motp",
            "/outbound/create",
            "/api/Subscription/grant/start",
            "/x",
        ] {
            call(
                "POST",
                &base,
                path,
                &[("Content-Type", "application/json")],
                &deep,
            )
            .await
            .unwrap();
        }
    }
    assert_eq!(sandbox.totals().delivered, 0);
    still_works(&sandbox, "types").await;
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let sandbox = Sandbox::start().await.unwrap();
    for base in bases(&sandbox) {
        let mut stream = TcpStream::connect(authority(&base)).await.unwrap();
        let head =
            b"POST /v3/motp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000000\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 413");

        let mut stream = TcpStream::connect(authority(&base)).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        let chunk = [b"10000\r\n".as_slice(), &[b'x'; 65_536], b"\r\n"].concat();
        for _ in 0..40 {
            if stream.write_all(&chunk).await.is_err() {
                break;
            }
        }
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 413");
    }
    still_works(&sandbox, "huge").await;
}

#[tokio::test]
async fn slow_clients_are_dropped() {
    let mut limits = Limits::default();
    limits.patience = Duration::from_millis(150);
    limits.idle = Duration::from_millis(150);
    let sandbox = Sandbox::builder().limits(limits).start().await.unwrap();
    let begin = Instant::now();
    let mut slow = Vec::new();
    for base in bases(&sandbox) {
        for start in [
            &b"GET /slow"[..],
            b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            b"",
        ] {
            let mut stream = TcpStream::connect(authority(&base)).await.unwrap();
            stream.write_all(start).await.unwrap();
            slow.push(stream);
        }
    }
    for mut stream in slow {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        let text = String::from_utf8_lossy(&rest).into_owned();
        assert!(text.is_empty() || text.contains(" 408 "), "{text}");
    }
    assert!(begin.elapsed() < Duration::from_secs(10));
    still_works(&sandbox, "slow").await;
}

#[tokio::test]
async fn more_than_a_thousand_idle_connections_cost_nothing() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let mut idle = Vec::new();
    for _ in 0..1_500 {
        match TcpStream::connect(authority(&base)).await {
            Ok(stream) => idle.push(stream),
            // This process has no more file descriptors: both ends are in it.
            Err(_) => break,
        }
    }
    assert!(idle.len() >= 400, "{}", idle.len());
    // Leave descriptors for the request.
    idle.truncate(idle.len() - 10);
    still_works(&sandbox, "idle").await;
}

#[tokio::test]
async fn beyond_the_limit_connections_wait_their_turn() {
    let mut limits = Limits::default();
    limits.connections = 2;
    limits.idle = Duration::from_millis(100);
    let sandbox = Sandbox::builder().limits(limits).start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(authority(&base)).await.unwrap());
    }
    still_works(&sandbox, "waited").await;
}

#[tokio::test]
async fn long_references_stay_apart_and_short_in_memory() {
    let sandbox = Sandbox::start().await.unwrap();
    let long = "r".repeat(5_000);
    for end in ["a", "b", "a"] {
        let bytes = spend(&sandbox, "kairos", &format!("{long}{end}"));
        let mut client = Client::connect(&sandbox.base_url("kairos").unwrap())
            .await
            .unwrap();
        client.send(&bytes).await.unwrap();
    }
    let operation = sandbox.operation("kairos", &format!("{long}a"));
    if let Some(operation) = operation {
        assert!(operation.reference.len() < 400);
    }
    for shown in sandbox.history().search(&telco_sandbox::Query::default()) {
        assert!(shown.body.len() < 5_000 && shown.reference.is_none_or(|r| r.len() < 400));
    }
}

/// Keeps a client's answer honest: the count of what was answered is the count of what was recorded.
#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let mut client = Client::connect(&base).await.unwrap();
    let all: Vec<u8> = ["one", "two", "three"]
        .iter()
        .flat_map(|name| spend(&sandbox, "cowrie", name))
        .collect();
    client.0.write_all(&all).await.unwrap();
    let mut answer = String::new();
    let mut chunk = [0; 4096];
    while answer.matches("HTTP/1.1 200").count() < 3 {
        let n = client.0.read(&mut chunk).await.unwrap();
        assert!(n > 0);
        answer.push_str(&String::from_utf8_lossy(&chunk[..n]));
    }
    assert_eq!(sandbox.totals().delivered, 3);
}
