//! One suite for every store: the counters are shared, atomic and forgotten in time.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::Hand;
use telco_otp::{MemoryOtpStore, OtpStore};

const MINUTE: Duration = Duration::from_secs(60);

/// `one` and `other` are two handles of the same counters.
async fn behaves(one: Arc<dyn OtpStore>, other: Arc<dyn OtpStore>, clock: &Hand) {
    let soon = clock.after(MINUTE);
    for sum in 1..=3 {
        assert_eq!(one.count("tries", soon).await.unwrap(), sum * 2 - 1);
        assert_eq!(other.count("tries", soon).await.unwrap(), sum * 2);
    }
    assert_eq!(one.count("others", soon).await.unwrap(), 1);

    assert!(one.claim("used", soon).await.unwrap());
    for store in [&one, &other] {
        assert!(!store.claim("used", soon).await.unwrap());
    }
    other.release("used").await.unwrap();
    assert!(other.claim("used", soon).await.unwrap());
    one.release("nobody's").await.unwrap();

    // An owner knows its claim again; nobody else does, with a number of their own or without.
    let (ours, theirs) = (u64::MAX, u64::MAX >> 1);
    for store in [&one, &other, &one] {
        assert!(store.claim_as("owned", ours, soon).await.unwrap());
        assert!(!store.claim_as("owned", theirs, soon).await.unwrap());
        assert!(!store.claim("owned", soon).await.unwrap());
        assert!(!store.claim_as("used", ours, soon).await.unwrap());
    }
    other.release("owned").await.unwrap();
    assert!(one.claim_as("owned", theirs, soon).await.unwrap());

    // A later count does not move the end of the first.
    clock.advance(MINUTE / 2);
    let later = clock.after(MINUTE);
    assert_eq!(one.count("tries", later).await.unwrap(), 7);
    clock.advance(MINUTE / 2);
    assert_eq!(one.count("tries", later).await.unwrap(), 1, "forgotten");
    assert!(one.claim("used", later).await.unwrap(), "forgotten");
    assert!(other.claim_as("owned", ours, later).await.unwrap());
    assert!(!one.claim_as("owned", theirs, later).await.unwrap());
    assert!(!other.claim("used", later).await.unwrap());

    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = if n % 2 == 0 { &one } else { &other }.clone();
        tasks.spawn(async move {
            let sum = store.count("many", later).await.unwrap();
            (sum, store.claim("one", later).await.unwrap())
        });
    }
    let (mut sums, mut claims) = (Vec::new(), 0);
    while let Some(done) = tasks.join_next().await {
        let (sum, claimed) = done.unwrap();
        sums.push(sum);
        claims += u32::from(claimed);
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=100).collect::<Vec<u32>>());
    assert_eq!(claims, 1, "exactly one");
}

#[tokio::test]
async fn in_memory() {
    let clock = Hand::new();
    let store = Arc::new(MemoryOtpStore::with_clock(clock.clone()));
    behaves(store.clone(), store.clone(), &clock).await;
    // What is past is swept out: the map stays as small as what is alive.
    for n in 0..10_000 {
        clock.advance(Duration::from_millis(1));
        let end = clock.after(Duration::from_millis(10));
        store.count(&format!("k{n}"), end).await.unwrap();
    }
    let shown = format!("{store:?}");
    assert!(shown.matches("count:").count() < 2_100);
}

#[cfg(feature = "sqlite")]
#[tokio::test(flavor = "multi_thread")]
async fn in_sqlite() {
    use telco_otp::SqliteOtpStore;

    let (clock, folder) = (Hand::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("otp.sqlite");
    let open = || {
        Arc::new(
            SqliteOtpStore::open(&path)
                .unwrap()
                .with_clock(clock.clone()),
        )
    };
    let (one, other) = (open(), open());
    behaves(one.clone(), other, &clock).await;
    // What another process left is still there, until it is past and swept.
    drop(one);
    let again = open();
    let sum = again.count("many", clock.after(MINUTE)).await.unwrap();
    assert_eq!(sum, 101);
    clock.advance(MINUTE * 2);
    assert!(again.purge().await.unwrap() >= 2);
    assert_eq!(again.purge().await.unwrap(), 0);
    assert!(SqliteOtpStore::open(folder.path().join("no/such/folder")).is_err());
    assert_eq!(format!("{again:?}"), "SqliteOtpStore");
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn in_postgres() {
    use std::io::Write as _;
    use telco_otp::PostgresOtpStore;
    use telco_otp::tokio_postgres::{Config, NoTls};

    let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
        // Past the test runner's capture.
        let line: &[u8] =
            b"left out: the PostgreSQL store of codes; TELCO_TEST_POSTGRES=postgres://user@host/database runs it\n";
        let _ = std::io::stderr().write_all(line);
        return;
    };
    let mut config: Config = server.parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let schema = format!("telco_otp_test_{}", std::process::id());
    let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    client.batch_execute(&fresh).await.unwrap();
    config.options(format!("-c search_path={schema}"));
    config.application_name(&schema);

    let clock = Hand::new();
    let open = async || {
        let store = PostgresOtpStore::connect(config.clone(), NoTls).await;
        Arc::new(store.unwrap().with_clock(clock.clone()))
    };
    // Two workers that start together make one table.
    let (one, other) = tokio::join!(open(), open());
    behaves(one.clone(), other, &clock).await;
    // A connection that was cut is made anew; what was under way was not repeated.
    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{schema}'"
    );
    client.batch_execute(&cut).await.unwrap();
    let later = clock.after(MINUTE);
    let mut sum = one.count("many", later).await;
    for _ in 0..50 {
        if sum.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        sum = one.count("many", later).await;
    }
    assert_eq!(sum.unwrap(), 101);
    clock.advance(MINUTE * 2);
    assert!(one.purge().await.unwrap() >= 2);
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    client.batch_execute(&drop).await.unwrap();
}
