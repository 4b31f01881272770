//! How fast the sandbox answers beside a bare axum server with the same bytes, how soon the first answer comes, and what
//! a million recorded requests weigh. All in one run; the ratios are what counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use support::spend::spend;
use support::{Client, authority};
use telco_sandbox::Sandbox;
use tokio::runtime::{Builder, Runtime};

const CONNECTIONS: usize = 16;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 3;

/// All of it, or what is named: `cargo bench -p telco-sandbox -- kairos weight`.
fn main() {
    let named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |what: &str| named.is_empty() || named.iter().any(|name| name == what);
    if wanted("start") {
        start();
    }
    for provider in ["cowrie", "citcall", "kairos", "mor"] {
        if wanted(provider) {
            throughput(provider);
        }
    }
    if wanted("weight") {
        weight();
    }
}

/// A runtime of one thread, so that its requests per second are requests per core.
fn one_core(name: &str) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .unwrap()
}

/// Time that the threads of this name have spent computing, where the system tells it: what neighbours on the machine
/// cost is not counted.
fn cpu_of(name: &str) -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for task in std::fs::read_dir("/proc/self/task").ok()? {
        let task = task.ok()?.path();
        // A thread may end while this looks.
        let Ok(comm) = std::fs::read_to_string(task.join("comm")) else {
            continue;
        };
        if comm.trim() == name {
            let stat = std::fs::read_to_string(task.join("schedstat")).ok()?;
            sum += Duration::from_nanos(stat.split(' ').next()?.parse().ok()?);
        }
    }
    Some(sum)
}

fn start() {
    let runtime = one_core("server");
    let mut best = Duration::MAX;
    for _ in 0..10 {
        let begin = Instant::now();
        runtime.block_on(async {
            let sandbox = Sandbox::start().await.unwrap();
            let bytes = spend(&sandbox, "cowrie", "first");
            let base = sandbox.base_url("cowrie").unwrap();
            let reply = Client::connect(&base).await.unwrap().send(&bytes).await;
            assert_eq!(reply.unwrap().status, 200);
        });
        best = best.min(begin.elapsed());
    }
    println!("start to first answer         {best:>9.1?}");
}

/// Sends all requests over kept connections; answers how long the server computed (or, elsewhere, how long it took).
fn drive(base: &str, requests: &Arc<Vec<Vec<u8>>>) -> Duration {
    let client = one_core("client");
    let (begin, before) = (Instant::now(), cpu_of("server"));
    client.block_on(async {
        let mut lanes = tokio::task::JoinSet::new();
        for lane in 0..CONNECTIONS {
            let (base, requests) = (base.to_owned(), Arc::clone(requests));
            lanes.spawn(async move {
                let mut client = Client::connect(&base).await.unwrap();
                for bytes in requests.iter().skip(lane).step_by(CONNECTIONS) {
                    assert_eq!(client.send(bytes).await.unwrap().status, 200);
                }
            });
        }
        while let Some(ended) = lanes.join_next().await {
            ended.unwrap();
        }
    });
    match (before, cpu_of("server")) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => begin.elapsed(),
    }
}

fn throughput(provider: &str) {
    let (mut ours, mut bare) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let server = one_core("server");
        let sandbox = server.block_on(Sandbox::start()).unwrap();
        let base = sandbox.base_url(provider).unwrap();
        let requests: Vec<_> = (0..REQUESTS)
            .map(|n| spend(&sandbox, provider, &format!("r{n}")))
            .collect();
        let requests = Arc::new(requests);
        ours = ours.min(drive(&base, &requests));
        assert_eq!(sandbox.totals().delivered, REQUESTS as u64);
        // The same kind of answer, without thinking.
        let sample = spend(&sandbox, provider, "sample");
        let sample = server.block_on(async {
            let mut client = Client::connect(&base).await.unwrap();
            client.send(&sample).await.unwrap()
        });
        drop(sandbox);
        drop(server);
        let other = one_core("server");
        let listener = other
            .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
            .unwrap();
        let address = listener.local_addr().unwrap();
        let body = sample.text();
        other.spawn(async move {
            let answer = move || async move { ([(CONTENT_TYPE, "application/json")], body) };
            axum::serve(listener, Router::new().fallback(answer))
                .await
                .unwrap();
        });
        bare = bare.min(drive(&format!("http://{address}"), &requests));
        assert!(authority(&base).starts_with("127."));
    }
    let rate = |took: Duration| REQUESTS as f64 / took.as_secs_f64();
    println!(
        "{provider:<8} requests per second and core: bare axum {:>8.0}  sandbox {:>8.0}  ratio {:.2} (aim: 0.40)",
        rate(bare),
        rate(ours),
        bare.as_secs_f64() / ours.as_secs_f64()
    );
}

/// A million requests, with the caps that a sandbox starts with.
fn weight() {
    let before = resident_mib();
    let server = one_core("server");
    let sandbox = server.block_on(Sandbox::start()).unwrap();
    let base = sandbox.base_url("citcall").unwrap();
    for batch in 0..50 {
        let requests: Vec<_> = (0..20_000)
            .map(|n| spend(&sandbox, "citcall", &format!("w{batch}-{n}")))
            .collect();
        drive(&base, &Arc::new(requests));
    }
    assert_eq!(sandbox.history().total(), 1_000_000);
    match (before, resident_mib()) {
        (Some(before), Some(after)) => println!(
            "1,000,000 requests            {:>6} MiB more (at most 500), {} operations forgotten",
            after.saturating_sub(before),
            sandbox.ledger().forgotten()
        ),
        _ => println!("1,000,000 requests: this system does not tell how much memory is in use"),
    }
}

fn resident_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1_024)
}
