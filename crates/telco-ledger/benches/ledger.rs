//! Ratios against bare databases in the same run, on the same disk. `TELCO_TEST_POSTGRES` adds PostgreSQL; `TELCO_BENCH_ROWS`
//! (a million) is the size of the ledger that is opened.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

#[cfg(feature = "postgres")]
mod postgres;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use cowrie_client::{Client, ClientKey, Credentials};
use rusqlite::Connection;
use telco_core::{
    Amount, Balance, Currency, Error, Identity, Lookup, LookupSupport, Msisdn, NotSent,
    PreparedTopup, Product, ProductKind, ProductRules, Provider, RecordState, Reference,
    SecretBytes, Submission, TopupCapabilities, TopupIntent, TopupProvider, TopupReceipt,
    TopupRecord, async_trait,
};
use telco_ledger::{Guards, Ledger, Settings, SqliteStore, Store};
use telco_sandbox::Sandbox;
use tokio::task::JoinSet;

/// Accepts after a while.
#[derive(Debug)]
pub(crate) struct Instantly {
    identity: Identity,
    capabilities: TopupCapabilities,
    after: Duration,
}

impl Instantly {
    pub(crate) fn new(after: Duration) -> Self {
        let rules = ProductRules::new(ProductKind::Airtime)
            .lookup(LookupSupport::FindsOnly, [Duration::ZERO]);
        Self {
            identity: Identity::new("fake", "shop"),
            capabilities: TopupCapabilities::new(Currency::NGN, [rules]),
            after,
        }
    }
}

impl Provider for Instantly {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl TopupProvider for Instantly {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.capabilities
    }
    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        let bytes = SecretBytes::new("nonce");
        let at = SystemTime::now();
        Ok(PreparedTopup::new(
            &self.identity,
            intent.clone(),
            bytes,
            at,
        ))
    }
    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        if !self.after.is_zero() {
            tokio::time::sleep(self.after).await;
        }
        let reference = prepared.intent().reference.clone();
        Ok(Submission::Accepted(TopupReceipt::new(reference)))
    }
    async fn lookup(&self, _: &TopupIntent) -> Result<Lookup, Error> {
        Ok(Lookup::Found(TopupRecord::new(RecordState::Completed)))
    }
    async fn balance(&self) -> Result<Balance, Error> {
        Ok(Balance::new(Amount::from_minor(0, Currency::NGN)))
    }
}

static NEXT: AtomicU64 = AtomicU64::new(0);

pub(crate) fn intent() -> TopupIntent {
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    let to = Msisdn::parse(&format!("234803{n:07}")).unwrap();
    let amount = Amount::from_major(100, Currency::NGN).unwrap();
    let reference = Reference::new(format!("b{n}")).unwrap();
    TopupIntent::new(reference, Product::airtime(to, None, amount))
}

pub(crate) async fn open(store: impl Store, provider: impl TopupProvider) -> Ledger {
    let mut settings = Settings::default();
    settings.guards = Guards::default();
    Ledger::open_with(Arc::new(store), Arc::new(provider), settings)
        .await
        .unwrap()
}

/// Submits for a while, so many at a time over these ledgers, and says how many a second.
pub(crate) async fn submits(ledgers: &[Ledger], at_a_time: usize, during: Duration) -> f64 {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for ledger in ledgers {
        for _ in 0..at_a_time {
            let ledger = ledger.clone();
            tasks.spawn(async move {
                let mut done = 0_u32;
                while started.elapsed() < during {
                    let told = ledger.submit(&intent()).await.unwrap();
                    assert!(matches!(told, Submission::Accepted(_)));
                    done += 1;
                }
                done
            });
        }
    }
    let done: u32 = tasks.join_all().await.into_iter().sum();
    f64::from(done) / started.elapsed().as_secs_f64()
}

/// One durable row after the other, as bare as it gets.
fn bare_commits(path: &Path, during: Duration) -> f64 {
    let file = Connection::open(path).unwrap();
    file.pragma_update(None, "journal_mode", "wal").unwrap();
    file.pragma_update(None, "synchronous", "full").unwrap();
    file.execute_batch(
        "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, reference TEXT, amount BIGINT)",
    )
    .unwrap();
    let (started, mut done) = (Instant::now(), 0_u32);
    while started.elapsed() < during {
        file.prepare_cached("INSERT INTO t (reference, amount) VALUES (?1, 10000)")
            .unwrap()
            .execute([format!("b{done}")])
            .unwrap();
        done += 1;
    }
    f64::from(done) / started.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// 64 submits at a time, each with its two durable writes, against single-row commits. In turns, so that a neighbour on the
/// machine costs both sides.
async fn group_commit(folder: &Path) {
    let turn = Duration::from_secs(1);
    let sandbox = Sandbox::start().await.unwrap();
    let fund = serde_json::json!({ "balance": 1_000_000_000 });
    sandbox.configure("cowrie", &fund).unwrap();
    let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let client = Client::builder(Credentials::client("sandbox@example.com", key).unwrap())
        .base_url(sandbox.base_url("cowrie").unwrap())
        .build()
        .unwrap();
    let at_once = SqliteStore::open(folder.join("at-once.sqlite")).unwrap();
    let at_once = [open(at_once, Instantly::new(Duration::ZERO)).await];
    let over_http = [open(
        SqliteStore::open(folder.join("http.sqlite")).unwrap(),
        client,
    )
    .await];
    let (mut bare, mut ours, mut http) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..7 {
        bare.push(bare_commits(&folder.join("bare.sqlite"), turn));
        ours.push(submits(&at_once, 64, turn).await);
        http.push(submits(&over_http, 64, turn).await);
    }
    let (bare, ours, http) = (median(bare), median(ours), median(http));
    for (what, rate) in [
        ("provider in the process", ours),
        ("Cowrie sandbox over HTTP", http),
    ] {
        println!(
            "{:<52} bare {bare:>7.0}/s  ours {rate:>7.0}/s  ratio {:.2} (at least 1.5)",
            format!("SQLite: 64 submits at a time, {what}"),
            rate / bare
        );
    }
}

/// A ledger of so many rows, a hundred of them open.
async fn open_and_resume(folder: &Path) {
    let rows: u32 = std::env::var("TELCO_BENCH_ROWS").map_or(1_000_000, |n| n.parse().unwrap());
    let path = folder.join("million.sqlite");
    drop(SqliteStore::open(&path).unwrap());
    let file = Connection::open(&path).unwrap();
    file.execute_batch(&format!(
        "PRAGMA synchronous = off; BEGIN;
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO telco_topup (reference, provider, account, job, line, kind, recipient, amount, pieces, price, currency, \
           decimals, state, counts, attempt, owner, lease_until, fence, planned_at, sent_at, changed_at)
         SELECT 'r' || i, 'fake', 'shop', 'j', i, 'airtime', '234803' || printf('%07d', i % 10000000), 10000, 1, 10000, 'NGN', \
           2, 'sending', 1, 1, 'w/' || i, 1, 1, 1790000000000 + i, 1790000000000 + i, 1790000000000 + i FROM n;
         UPDATE telco_topup SET state = 'accepted', delivered = 1, lease_until = 0 WHERE id % {} <> 0;
         COMMIT; PRAGMA wal_checkpoint(TRUNCATE);",
        rows / 100
    ))
    .unwrap();
    drop(file);
    let size = std::fs::metadata(&path).unwrap().len() / 1_000_000;
    let started = Instant::now();
    let ledger = open(
        SqliteStore::open(&path).unwrap(),
        Instantly::new(Duration::ZERO),
    )
    .await;
    let settled = ledger.settle().await.unwrap();
    let took = started.elapsed();
    assert_eq!(settled.delivered, 100);
    let counting = Instant::now();
    assert_eq!(
        ledger.count(Some("j")).await.unwrap().delivered(),
        u64::from(rows)
    );
    println!(
        "SQLite: {rows} rows ({size} MB), 100 open: opened and settled in {:.2} s (under 5), counted in {:.2} s",
        took.as_secs_f64(),
        counting.elapsed().as_secs_f64()
    );
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    group_commit(folder.path()).await;
    open_and_resume(folder.path()).await;
    #[cfg(feature = "postgres")]
    postgres::all().await;
    #[cfg(not(feature = "postgres"))]
    println!("left out: PostgreSQL (--features postgres, and TELCO_TEST_POSTGRES)");
}
