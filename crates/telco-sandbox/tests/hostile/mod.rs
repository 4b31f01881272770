//! Whatever comes to a port of the sandbox, as one function: driven by `never_panics.rs` and by the fuzz target.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::time::Duration;

use telco_sandbox::{Limits, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

/// The last is the console.
const PORTS: [(&str, &str); 6] = [
    ("cowrie", "/airtime/Credit"),
    ("citcall", "/v3/motp"),
    ("fanap", "/api/Subscription/grant/start"),
    ("kairos", "/kairos-apis/outbound/create"),
    ("mor", "/billing/api/payment_create"),
    ("", "/_sandbox/fixture"),
];

thread_local! {
    // One thread: a panic in a task of the sandbox is seen by whoever watches this one.
    static RUNNING: (Runtime, Sandbox) = {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let sandbox = Sandbox::builder().limits(Limits::default()).memory(100, 100);
        let sandbox = runtime.block_on(sandbox.start()).unwrap();
        (runtime, sandbox)
    };
}

/// These bytes to a port that the first of them chooses: as they are, as the headers, in chunks, or as the body of a call
/// that exists. They are answered in HTTP or hung up on.
pub fn http(bytes: &[u8]) {
    let [choice, bytes @ ..] = bytes else { return };
    let (provider, path) = PORTS[usize::from(*choice) % PORTS.len()];
    let line = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    let length = bytes.len();
    let begun = match usize::from(*choice) / PORTS.len() % 4 {
        0 => String::new(),
        1 => line,
        2 => format!("{line}Transfer-Encoding: chunked\r\n\r\n"),
        _ => format!("{line}Content-Length: {length}\r\n\r\n"),
    };
    RUNNING.with(|(runtime, sandbox)| {
        let base = match provider {
            "" => sandbox.console_url(),
            provider => sandbox.base_url(provider).unwrap(),
        };
        let authority = base.split('/').nth(2).unwrap();
        let exchange = exchange(authority, [begun.as_bytes(), bytes].concat());
        let limit = Duration::from_secs(10);
        let answer = runtime.block_on(async { tokio::time::timeout(limit, exchange).await });
        let answer = answer.unwrap_or_else(|_| panic!("{base} neither answers nor closes"));
        if !answer.is_empty() {
            let status = answer.strip_prefix(b"HTTP/1.1 ").unwrap();
            assert!((b'1'..=b'5').contains(&status[0]));
        }
        if provider.is_empty() {
            sandbox.reset();
        }
    });
}

async fn exchange(authority: &str, bytes: Vec<u8>) -> Vec<u8> {
    let mut answer = Vec::new();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    // It may hang up before it has read everything.
    let _ = stream.write_all(&bytes).await;
    let _ = stream.shutdown().await;
    while let Ok(1..) = stream.read_buf(&mut answer).await {
        // The live stream has no end.
        if answer.windows(17).any(|part| part == b"text/event-stream") {
            break;
        }
    }
    answer
}
