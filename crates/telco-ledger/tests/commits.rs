//! PostgreSQL commits whose answer is lost: nobody knows then whether they were made.
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
use std::sync::atomic::Ordering;
use std::time::Duration;

use support::proxy::{Lose, Proxy};
use support::{World, airtime, open, reference, settings};
use telco_core::Submission;
use telco_ledger::tokio_postgres::NoTls;
use telco_ledger::{Ledger, LeftOut, PlanRow, PostgresStore, State};
use telco_sandbox::{FaultRule, Phase};
use tokio::task::JoinSet;

async fn through(world: &World, plan: fn(u64) -> Option<Lose>) -> (Ledger, Proxy) {
    let direct = world.schema.as_ref().unwrap().config();
    let proxy = Proxy::to(direct.clone(), plan).await;
    let store = PostgresStore::connect(proxy.config(&direct), NoTls).await;
    let ledger = open(Arc::new(store.unwrap()), world.client(), settings()).await;
    (ledger, proxy)
}

/// Every kind of loss in turn, then one that passes. The first two commits, of the tables and of opening, pass.
fn three_of_four(commit: u64) -> Option<Lose> {
    match commit {
        0 | 1 => None,
        n => [
            Some(Lose::Request),
            Some(Lose::Both),
            Some(Lose::Answer),
            None,
        ][n as usize % 4],
    }
}

/// A whole job: written down, taken, claimed, recorded and looked up, with three of four commits lost. Whoever did not
/// recognise what it had done would send twice, or leave rows in nobody's hands until their lease ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_commits_that_are_lost_double_lose_and_block_nothing() {
    let Some(world) = World::postgres().await else {
        return;
    };
    world.sandbox.faults().add(
        FaultRule::any_of([Phase::ActThenReset, Phase::Garbage])
            .operation("credit")
            .chance(0.3),
    );
    let (ledger, proxy) = through(&world, three_of_four).await;
    let rows = 20;
    let plan = (0..rows).map(|n| PlanRow::new(n, airtime(&format!("c{n}"), n, 100)));
    ledger.plan("j", plan.collect()).await.unwrap();
    let whole = async {
        for expected in [7, 7, 6] {
            let entries = ledger.take("j", 7).await.unwrap();
            assert_eq!(entries.len(), expected, "rows taken, and nobody told");
            let mut sends = JoinSet::new();
            for entry in entries {
                let ledger = ledger.clone();
                sends.spawn(async move { ledger.send(entry).await.unwrap() });
            }
            for told in sends.join_all().await {
                assert!(!matches!(told, Submission::Rejected(_)), "{told:?}");
            }
        }
        ledger.settle().await.unwrap();
    };
    // Well within the lease of two minutes.
    tokio::time::timeout(Duration::from_secs(60), whole)
        .await
        .unwrap();
    assert!(proxy.lost.load(Ordering::SeqCst) > 12);
    let judged = support::truth::judge(&world, &ledger, 1).await;
    assert_eq!((judged.rows, judged.delivered), (rows, rows));
    for n in 0..rows {
        let history = ledger.history(&reference(format!("c{n}"))).await.unwrap();
        let sent = history.iter().filter(|event| event.state == State::Sending);
        assert_eq!(sent.count(), 1);
    }
}

/// The sixth commit, of planning anew: made, and its answer lost.
fn the_sixth(commit: u64) -> Option<Lose> {
    (commit == 5).then_some(Lose::Answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_rows_planned_anew_are_counted_when_the_answer_is_lost() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let (ledger, proxy) = through(&world, the_sixth).await;
    let row = PlanRow::new(2, airtime("r2", 2, 100));
    ledger.plan("j", vec![row]).await.unwrap();
    let entry = ledger.take("j", 1).await.unwrap().pop().unwrap();
    ledger.cancel(entry, "the customer left").await.unwrap();
    assert_eq!(proxy.lost.load(Ordering::SeqCst), 0);
    let cancelled = [LeftOut::Cancelled];
    assert_eq!(ledger.replan_with("j", &cancelled).await.unwrap(), 1);
    assert_eq!(proxy.lost.load(Ordering::SeqCst), 1);
    assert_eq!(ledger.take("j", 1).await.unwrap().len(), 1);
}
