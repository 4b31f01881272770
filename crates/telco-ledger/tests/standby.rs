//! PostgreSQL servers that take no writes any more, connections that only read, and ledgers that are not first in the search path.
#![cfg(feature = "postgres")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use support::{World, airtime, open, reference, settings};
use telco_core::{ErrorKind, Submission};
use telco_ledger::tokio_postgres::{Client, NoTls};
use telco_ledger::{PostgresStore, State, Store as _};

/// Which connections the stores of a test have.
async fn connections(client: &Client, schema: &str) -> Vec<i32> {
    let sql =
        "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
    let rows = client.query(sql, &[&schema]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// The server became a standby while we were connected: its connections stay, and take no writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_that_became_a_standby_is_left() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let schema = world.schema.as_ref().unwrap();
    let ledger = world.ledger().await;
    let client = schema.client().await;
    let standby = "CREATE TABLE standby (); \
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN \
        IF to_regclass('standby') IS NOT NULL THEN RAISE EXCEPTION 'read-only' USING ERRCODE = '25006'; END IF; \
        RETURN NEW; END $f$; \
        CREATE TRIGGER refuse BEFORE INSERT ON telco_topup FOR EACH ROW EXECUTE FUNCTION refuse()";
    client.batch_execute(standby).await.unwrap();
    let before = connections(&client, &schema.name).await;
    assert_eq!(before.len(), 1);
    let submit = tokio::spawn(async move { ledger.submit(&airtime("a", 1, 100)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    // Another one takes writes now.
    client.batch_execute("DROP TABLE standby").await.unwrap();
    let told = submit.await.unwrap().unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    let after = connections(&client, &schema.name).await;
    assert!(after.iter().all(|pid| !before.contains(pid)), "{after:?}");
    assert_eq!(world.truth(&reference("a")), (1, 1));
}

#[tokio::test]
async fn postgres_that_takes_no_writes_is_not_opened_for_writing_and_can_be_read() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let schema = world.schema.as_ref().unwrap();
    drop(schema.store().await);
    let mut standby = schema.config();
    let options = standby.get_options().unwrap().to_owned();
    standby.options(format!("{options} -c default_transaction_read_only=on"));
    let refused = PostgresStore::connect(standby.clone(), NoTls).await;
    let refused = refused.unwrap_err();
    assert!(refused.to_string().contains("read-only"), "{refused}");
    let read = PostgresStore::read(standby, NoTls).await.unwrap();
    assert_eq!(read.unwrap().count(None).await.unwrap().all(), 0);
}

/// Whoever asked to look at a ledger changes nothing in it, on a new connection neither.
#[tokio::test]
async fn postgres_that_is_read_is_not_written() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let schema = world.schema.as_ref().unwrap();
    let ledger = world.ledger().await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let store = PostgresStore::read(schema.config(), NoTls).await.unwrap();
    let store = Arc::new(store.unwrap());
    let reading = open(Arc::clone(&store) as _, world.client(), settings()).await;
    let client = schema.client().await;
    for _ in 0..2 {
        let began = Instant::now();
        let refused = reading.submit(&airtime("b", 2, 100)).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Storage);
        assert!(store.note("a".into(), Some("b".into())).await.is_err());
        // It is no failover: there is nothing to wait for.
        assert!(began.elapsed() < Duration::from_secs(5));
        let seen = store.find(reference("a")).await.unwrap().unwrap();
        assert_eq!(seen.state, State::Accepted);
        assert!(store.find(reference("b")).await.unwrap().is_none());
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
        client.query(cut, &[&schema.name]).await.unwrap();
    }
    assert_eq!(world.truth(&reference("b")), (0, 0));
}

/// Two workers find one ledger by different search paths: their claims are granted one after the other all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_claims_wait_for_each_other_wherever_in_the_search_path_the_ledger_is() {
    let (Some(world), Some(other)) = (
        World::postgres().await,
        support::postgres::Schema::new().await,
    ) else {
        return;
    };
    let schema = world.schema.as_ref().unwrap();
    drop(schema.store().await);
    let mut second = schema.config();
    second.options(format!("-c search_path={},{}", other.name, schema.name));
    let store = PostgresStore::connect(second, NoTls).await.unwrap();
    let ledger = open(Arc::new(store), world.client(), settings()).await;
    // What a claim of the first kind holds while it looks and writes.
    let client = schema.client().await;
    let hold = "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('telco_ledger ' || current_schema(), 0))";
    client.batch_execute(hold).await.unwrap();
    let mut submit = tokio::spawn(async move { ledger.submit(&airtime("a", 1, 100)).await });
    let waits = tokio::time::timeout(Duration::from_millis(300), &mut submit).await;
    assert!(waits.is_err(), "it did not wait");
    client.batch_execute("COMMIT").await.unwrap();
    let told = submit.await.unwrap().unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
}
