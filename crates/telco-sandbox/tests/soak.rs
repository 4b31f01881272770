//! Random requests, faults, settings and resets for `TELCO_SOAK_SECONDS` (3 by default; an hour shows more): no panic, no
//! hang, memory bounded.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::spend::{PROVIDERS, credit, spend};
use support::{authority, request};
use telco_sandbox::{Draw, Limits, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Any request: a sound one, a spoilt one, noise, or something for the admin API.
fn any_request(sandbox: &Sandbox, draw: &mut Draw) -> (String, Vec<u8>) {
    let provider = PROVIDERS[usize::try_from(draw.below(5)).unwrap()];
    let base = sandbox.base_url(provider).unwrap();
    let reference = format!("s{}", draw.below(500));
    match draw.below(10) {
        0..4 => (base, spend(sandbox, provider, &reference)),
        4..7 => {
            let mut bytes = spend(sandbox, provider, &reference);
            for _ in 0..=draw.below(4) {
                if bytes.is_empty() {
                    break;
                }
                let at = usize::try_from(draw.below(bytes.len() as u64)).unwrap();
                match draw.below(3) {
                    0 => bytes[at] = draw.next_u64().to_le_bytes()[0],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            (base, bytes)
        }
        7 => {
            let length = draw.below(3_000);
            let noise = (0..=length).map(|_| draw.next_u64().to_le_bytes()[0]);
            (base, noise.collect())
        }
        8 => (base, sandbox_body(sandbox, provider, draw)),
        _ => {
            let console = sandbox.console_url();
            let console = console.trim_end_matches('/').to_owned();
            let phase = [
                "stall",
                "act-then-reset",
                "garbage",
                "truncate",
                "slow-answer",
                "reset-reused",
            ][usize::try_from(draw.below(6)).unwrap()];
            let (method, path, body) = match draw.below(8) {
                0 => ("PUT", "faults", "[]".to_owned()),
                1 => (
                    "POST",
                    "faults",
                    format!(r#"{{"phases":["{phase}"],"delay_ms":5,"when":{{"chance":0.2}}}}"#),
                ),
                2 => (
                    "POST",
                    "time",
                    format!(r#"{{"advance_ms":{}}}"#, draw.below(100_000)),
                ),
                3 => ("GET", "ledger?search=s1&limit=1000", String::new()),
                4 => ("GET", "requests?limit=1000", String::new()),
                5 => ("POST", "trigger/citcall", "{}".to_owned()),
                6 => ("POST", "reset", String::new()),
                _ => ("GET", "handsets?limit=1000", String::new()),
            };
            let bytes = request(method, &console, &format!("/_sandbox/{path}"), &[], &body);
            (console, bytes)
        }
    }
}

/// JSON of random shape at a path that takes JSON.
fn sandbox_body(sandbox: &Sandbox, provider: &str, draw: &mut Draw) -> Vec<u8> {
    let path = [
        "/v3/motp",
        "/v3/verify",
        "/v2/asynccall",
        "/outbound/create",
        "/pull",
        "/enc/outbound/create",
        "/api/Subscription/grant/start",
        "/api/Subscription/grant/commit",
    ][usize::try_from(draw.below(8)).unwrap()];
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"calls\"",
        "\"msisdn\"",
        "\"data\"",
        "null",
        "1e999",
        "-0",
        "\"\\ud800\"",
        "true",
    ];
    let body: String = (0..draw.below(40))
        .map(|_| words[usize::try_from(draw.below(14)).unwrap()])
        .collect();
    request(
        "POST",
        &sandbox.base_url(provider).unwrap(),
        path,
        &[("Content-Type", "application/json")],
        &body,
    )
}

/// Resident memory, where the system tells it.
fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_leave_no_panic_and_bounded_memory() {
    let seconds = std::env::var("TELCO_SOAK_SECONDS").ok();
    let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut limits = Limits::default();
    limits.stall = Duration::from_millis(50);
    let sandbox = Sandbox::builder()
        .limits(limits)
        .memory(2_000, 500)
        .start()
        .await
        .unwrap();
    let sandbox = Arc::new(sandbox);
    let end = Instant::now() + Duration::from_secs(seconds);
    let sent = Arc::new(AtomicUsize::new(0));
    let before = resident_kib();
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..8 {
        let (sandbox, sent) = (Arc::clone(&sandbox), Arc::clone(&sent));
        workers.spawn(async move {
            let mut draw = Draw::new(worker, &["soak"], 0);
            while Instant::now() < end {
                let (base, bytes) = any_request(&sandbox, &mut draw);
                let Ok(mut stream) = TcpStream::connect(authority(&base)).await else {
                    continue;
                };
                let exchange = async {
                    stream.write_all(&bytes).await?;
                    stream.shutdown().await?;
                    let mut answer = Vec::new();
                    stream.read_to_end(&mut answer).await
                };
                // A reset is an answer, too; only silence is not.
                assert!(
                    timeout(Duration::from_secs(10), exchange).await.is_ok(),
                    "no end"
                );
                sent.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended.unwrap();
    }
    sandbox.faults().clear();
    assert_eq!(credit(&sandbox, "after-all").await.unwrap().status, 200);
    assert!(sent.load(Ordering::Relaxed) > 100);
    assert!(
        sandbox
            .history()
            .search(&telco_sandbox::Query {
                limit: 10_000,
                ..Default::default()
            })
            .len()
            <= 500
    );
    if let (Some(before), Some(after)) = (before, resident_kib()) {
        assert!(after < before + 200_000, "{before} KiB became {after}");
    }
}
