//! Random requests, faults, settings and callbacks for `TELCO_SOAK_SECONDS` (3 by default; an hour shows more), each stream
//! with `TELCO_SOAK_PAUSE_MS` (0) between two requests: no panic, no hang, memory bounded. `--nocapture` shows the figures.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;
use support::noise::{Known, Noise};
use support::spend::{PROVIDERS, credit};
use support::{authority, request};
use telco_sandbox::{Limits, Query, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

static PANICS: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);
static REFUSED: AtomicU64 = AtomicU64::new(0);
/// Answers by class of status; the first is none at all, a reset or a close.
static ANSWERS: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
/// Answers of status 200 by provider.
static SERVED: [AtomicU64; 5] = [const { AtomicU64::new(0) }; 5];

/// Streams of requests at the same time.
const STREAMS: u64 = 8;
/// What memory may grow by, in KiB: what the caps allow, and the allocator's slack.
const GROWTH: u64 = 200_000;

fn set(name: &str, default: u64) -> u64 {
    let set = std::env::var(name).ok().map(|text| text.parse().unwrap());
    set.unwrap_or(default)
}

/// Resident memory in KiB, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn stream(worker: u64, sandbox: Arc<Sandbox>, known: Arc<Known>, end: Instant) {
    let pause = Duration::from_millis(set("TELCO_SOAK_PAUSE_MS", 0));
    let mut noise = Noise::new(worker);
    while Instant::now() < end {
        let (base, bytes) = noise.next(&sandbox, &known);
        tokio::time::sleep(pause).await;
        let Ok(mut stream) = TcpStream::connect(authority(&base)).await else {
            // Some stream has taken this provider down.
            REFUSED.fetch_add(1, Relaxed);
            for provider in PROVIDERS {
                sandbox.set_down(provider, false).await;
            }
            continue;
        };
        let mut answer = Vec::new();
        let exchange = async {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            stream.read_to_end(&mut answer).await
        };
        // A reset is an answer, too; only silence is not.
        let ended = timeout(Duration::from_secs(60), exchange).await;
        assert!(ended.is_ok(), "no end: {}", bytes.escape_ascii());
        let class = answer.get(9).filter(|_| answer.starts_with(b"HTTP/1.1 "));
        let class = class.map_or(0, |digit| usize::from(digit.saturating_sub(b'0')).min(5));
        ANSWERS[class].fetch_add(1, Relaxed);
        let room = PROVIDERS
            .iter()
            .position(|provider| sandbox.base_url(provider).as_ref() == Some(&base));
        if let (2, Some(room)) = (class, room) {
            SERVED[room].fetch_add(1, Relaxed);
        }
        SENT.fetch_add(1, Relaxed);
    }
}

/// Takes callbacks, and answers each with the next of these statuses; 0 is none.
async fn receiver(statuses: &'static [u16]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/callback", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for status in statuses.iter().cycle() {
            let Ok((mut stream, _)) = listener.accept().await else {
                return;
            };
            let _ = stream.read(&mut [0; 65_536]).await;
            if *status > 0 {
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    });
    url
}

/// The live stream, read slower than it comes.
async fn watch(console: String, end: Instant) {
    let mut stream = TcpStream::connect(authority(&console)).await.unwrap();
    let ask = request(
        "GET",
        console.trim_end_matches('/'),
        "/_sandbox/events",
        &[],
        "",
    );
    stream.write_all(&ask).await.unwrap();
    let mut some = [0; 2_048];
    while Instant::now() < end && !matches!(stream.read(&mut some).await, Ok(0) | Err(_)) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn figures(begin: Instant) -> u64 {
    let resident = resident().unwrap_or(0);
    eprintln!(
        "soak: {} s, {SENT:?} requests (none, 1xx to 5xx: {ANSWERS:?}; 2xx by provider: {SERVED:?}; refused: {REFUSED:?}), \
         {resident} KiB, {PANICS:?} panics",
        begin.elapsed().as_secs()
    );
    resident
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_requests_leave_no_panic_and_bounded_memory() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        PANICS.fetch_add(1, Relaxed);
        before(info);
    }));
    let mut limits = Limits::default();
    limits.stall = Duration::from_millis(50);
    limits.push_retry = Duration::from_millis(10);
    let sandbox = Sandbox::builder()
        .limits(limits)
        .memory(2_000, 500)
        .start()
        .await
        .unwrap();
    let sandbox = Arc::new(sandbox);
    let receivers = vec![receiver(&[200]).await, receiver(&[500, 404, 0, 200]).await];
    let known = Arc::new(Known::ask(&sandbox, receivers).await);
    // Past the hash, so that MOR's methods themselves are reached.
    sandbox
        .configure("mor", &json!({ "check_hash": false }))
        .unwrap();

    let begin = Instant::now();
    let length = Duration::from_secs(set("TELCO_SOAK_SECONDS", 3));
    let end = begin + length;
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(watch(sandbox.console_url(), end));
    for worker in 0..STREAMS {
        tasks.spawn(stream(
            worker,
            Arc::clone(&sandbox),
            Arc::clone(&known),
            end,
        ));
    }
    let before = figures(begin);
    for _ in 0..10 {
        tokio::time::sleep(length / 10).await;
        let now = figures(begin);
        assert!(now < before + GROWTH, "{before} KiB became {now}");
        assert_eq!(PANICS.load(Relaxed), 0);
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    figures(begin);
    assert_eq!(PANICS.load(Relaxed), 0);
    for (provider, served) in PROVIDERS.iter().zip(&SERVED) {
        assert!(served.load(Relaxed) > 0, "{provider} never served");
        sandbox.set_down(provider, false).await;
        sandbox
            .configure(provider, &known.settings[provider])
            .unwrap();
    }
    let everything = Query {
        limit: 10_000,
        ..Query::default()
    };
    assert!(sandbox.history().search(&everything).len() <= 500);
    sandbox.reset();
    assert_eq!(credit(&sandbox, "after-all").await.unwrap().status, 200);
}
