//! One suite for every store: the counters are shared, atomic and forgotten in time.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use support::Hand;
use telco_core::{Error, async_trait};
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
    // What lives is not swept with it, however much that is.
    let end = clock.after(MINUTE);
    for sum in 1..=2 {
        for n in 0..5_000 {
            assert_eq!(store.count(&format!("l{n}"), end).await.unwrap(), sum);
        }
    }
}

/// A store of somebody else, without owners: a claim is then nobody's twice.
#[tokio::test]
async fn without_owners_a_claim_is_made_once() {
    #[derive(Debug)]
    struct Plain(MemoryOtpStore);

    #[async_trait]
    impl OtpStore for Plain {
        async fn count(&self, key: &str, end: SystemTime) -> Result<u32, Error> {
            self.0.count(key, end).await
        }
        async fn claim(&self, key: &str, end: SystemTime) -> Result<bool, Error> {
            self.0.claim(key, end).await
        }
        async fn release(&self, key: &str) -> Result<(), Error> {
            self.0.release(key).await
        }
    }

    let store = Plain(MemoryOtpStore::default());
    let end = SystemTime::now() + MINUTE;
    assert!(store.claim_as("owned", 7, end).await.unwrap());
    assert!(!store.claim_as("owned", 7, end).await.unwrap());
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

/// A schema of its own for a test, and a connection to it; `None` without a server: it was said that this is left out.
/// Whoever can write the counters can guess codes for ever.
#[cfg(all(unix, feature = "sqlite"))]
#[tokio::test]
async fn in_sqlite_the_files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = telco_otp::SqliteOtpStore::open(folder.path().join("otp.sqlite")).unwrap();
    let later = std::time::SystemTime::now() + MINUTE;
    assert_eq!(store.count("tries", later).await.unwrap(), 1);
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
        files += 1;
    }
    assert!(files > 1, "the log beside it too");
}

#[cfg(feature = "postgres")]
async fn schema(
    of: &str,
) -> Option<(
    telco_otp::tokio_postgres::Config,
    telco_otp::tokio_postgres::Client,
)> {
    use std::io::Write as _;
    use telco_otp::tokio_postgres::{Config, NoTls};

    let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
        // Past the test runner's capture.
        let line: &[u8] =
            b"left out: the PostgreSQL store of codes; TELCO_TEST_POSTGRES=postgres://user@host/database runs it\n";
        let _ = std::io::stderr().write_all(line);
        return None;
    };
    let mut config: Config = server.parse().unwrap();
    let schema = format!("telco_otp_test_{}_{of}", std::process::id());
    config.options(format!("-c search_path={schema}"));
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    let fresh = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    client.batch_execute(&fresh).await.unwrap();
    config.application_name(&schema);
    Some((config, client))
}

#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn in_postgres() {
    use telco_otp::PostgresOtpStore;
    use telco_otp::tokio_postgres::NoTls;

    let Some((config, client)) = schema("counters").await else {
        return;
    };
    let schema = config.get_application_name().unwrap();

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

/// An answered count is on disk, and a server that became a standby is left for the one that takes writes.
#[cfg(feature = "postgres")]
#[tokio::test(flavor = "multi_thread")]
async fn in_postgres_only_what_is_durable_counts() {
    use telco_otp::PostgresOtpStore;
    use telco_otp::tokio_postgres::{self, NoTls};

    let Some((mut config, client)) = schema("durable").await else {
        return;
    };
    let schema = config.get_application_name().unwrap().to_owned();
    let options = config.get_options().unwrap().to_owned();
    config.options(format!("{options} -c synchronous_commit=off"));
    let store = PostgresOtpStore::connect(config.clone(), NoTls).await;
    let store = store.unwrap();
    // The table says what each connection does; and for a while it is as one of a standby.
    let watch = "CREATE TABLE seen (pid INT, commits TEXT); CREATE TABLE standby (); \
        CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN \
        INSERT INTO seen VALUES (pg_backend_pid(), current_setting('synchronous_commit')); \
        IF to_regclass('standby') IS NOT NULL THEN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END IF; \
        RETURN NEW; END $f$; \
        CREATE TRIGGER watch BEFORE INSERT ON telco_otp FOR EACH ROW EXECUTE FUNCTION watch()";
    client.batch_execute(watch).await.unwrap();
    let end = SystemTime::now() + MINUTE;
    let pid = async || {
        let sql = format!("SELECT pid FROM pg_stat_activity WHERE application_name = '{schema}'");
        let rows = client.query(&sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<i32>>()
    };
    let before = pid().await;
    assert_eq!(before.len(), 1);
    assert!(store.count("tries", end).await.is_err());
    client.batch_execute("DROP TABLE standby").await.unwrap();
    for sum in 1..=3 {
        assert_eq!(store.count("tries", end).await.unwrap(), sum);
    }
    let seen = client.query("SELECT pid, commits FROM seen", &[]);
    let seen: Vec<(i32, String)> = seen
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let [first, ..] = &seen[..] else {
        panic!("nothing is seen")
    };
    assert_eq!(
        seen,
        vec![first.clone(); 3],
        "what failed was undone, and one connection did the rest"
    );
    assert_ne!(Some(&first.0), before.first());
    assert_eq!(first.1, "on");
    // Of several servers it takes one that is read-write.
    config.options(format!("{options} -c default_transaction_read_only=on"));
    let refused = PostgresOtpStore::connect(config, NoTls).await.unwrap_err();
    let source = std::error::Error::source(&refused).unwrap();
    let source = source.downcast_ref::<tokio_postgres::Error>().unwrap();
    assert!(source.code().is_none(), "not even asked: {source}");
    let drop = format!("DROP SCHEMA {schema} CASCADE");
    client.batch_execute(&drop).await.unwrap();
}
