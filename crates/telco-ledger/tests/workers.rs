//! Many workers on one PostgreSQL ledger: one is killed, one is frozen past its lease and woken, the connections are cut.
#![cfg(feature = "postgres")]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

// Waiting for a child blocks the test's own thread, not the sandbox's.
mod support;

use std::time::Duration;

use support::fake::Fake;
use support::worker::{Orders, left, signal};
use support::{World, airtime, naira, open, reference, settings};
use telco_core::{
    Currency, Identity, Pin, ProductKind, ProductRules, Secret, Submission, TopupCapabilities,
    TopupReceipt,
};
use telco_ledger::{
    Ask, Begun, Claim, Guard, Guards, Ledger, Mark, PlanRow, Recorded, State, Step,
};
use telco_sandbox::{FaultRule, Phase};

#[tokio::test]
#[ignore = "the worker that the other tests start and kill"]
async fn worker() {
    support::worker::work().await;
}

fn orders(world: &World) -> Orders {
    let schema = world.schema.as_ref().unwrap();
    Orders {
        url: world.url(),
        place: format!("schema {}", schema.name),
        job: "j".to_owned(),
        lease: Duration::from_secs(2),
        ..Orders::default()
    }
}

async fn plan(ledger: &Ledger, rows: u64) {
    let rows = (0..rows).map(|n| PlanRow::new(n, airtime(&format!("w{n}"), n, 100)));
    ledger.plan("j", rows.collect()).await.unwrap();
}

/// Ends all connections of this ledger's workers, as a restart of the server does.
async fn cut(world: &World) {
    let schema = world.schema.as_ref().unwrap();
    let client = schema.client().await;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
    client.query(sql, &[&schema.name]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_workers_killed_frozen_and_cut_off_double_and_lose_nothing() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let rows = if std::env::var_os("TELCO_DEEP").is_some() {
        10_000
    } else {
        1_200
    };
    let faults = world.sandbox.faults();
    let rule = FaultRule::any_of(Phase::ALL)
        .operation("credit")
        .chance(0.3);
    let rule = rule.delay(Duration::from_millis(400));
    faults.add(rule.lookup_delay(Duration::from_millis(40)));
    let ledger = world.ledger().await;
    plan(&ledger, rows).await;
    let orders = orders(&world);
    let mut workers: Vec<_> = (0..4).map(|_| orders.start()).collect();
    while left(&ledger, "j").await > rows * 9 / 10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    workers[0].kill().unwrap();
    assert!(!workers.remove(0).wait().unwrap().success());
    let frozen = workers[0].id();
    signal(frozen, "-STOP");
    tokio::time::sleep(Duration::from_millis(300)).await;
    cut(&world).await;
    tokio::time::sleep(orders.lease + Duration::from_millis(1_500)).await;
    signal(frozen, "-CONT");
    for mut worker in workers {
        assert!(worker.wait().unwrap().success());
    }
    ledger.settle().await.unwrap();
    assert_eq!(left(&ledger, "j").await, 0);
    let judged = support::truth::judge(&world, &ledger, 1).await;
    assert_eq!(judged.rows, rows);
    assert!(judged.delivered > rows / 2, "{judged:?}");
}

fn claim(name: &str, owner: &str, lease: Duration) -> Claim {
    let mut claim = Claim::new(Identity::new("fake", "shop"), airtime(name, 1, 100), owner);
    claim.lease = lease;
    claim
}

fn ask(owner: &str) -> Ask {
    Ask::new(
        Identity::new("fake", "shop"),
        owner,
        Duration::from_secs(60),
        10,
    )
}

fn go(begun: Begun) -> Mark {
    match begun {
        Begun::Go(mark) => mark,
        other => panic!("{other:?}"),
    }
}

/// Whoever takes a row over looks it up; the one who wakes up later cannot record over it, but paid PINs are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_a_woken_worker_cannot_record_over_its_successor() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let (one, two) = (world.store().await, world.store().await);
    let brief = Duration::from_millis(50);
    let asleep = go(one.begin(claim("a", "one/1", brief)).await.unwrap());
    assert!(
        two.due(ask("two/1"), None).await.unwrap().rows.is_empty(),
        "its lease holds"
    );
    tokio::time::sleep(brief * 2).await;
    let due = two.due(ask("two/2"), None).await.unwrap();
    assert_eq!(due.rows.len(), 1);
    assert_eq!(
        due.rows[0].state,
        State::Unknown,
        "to be looked up, not sent"
    );
    let receipt = Box::new(TopupReceipt::new(reference("a")));
    let late = one
        .record(asleep.clone(), Step::Accepted(receipt))
        .await
        .unwrap();
    assert_eq!(late, Recorded::Superseded);
    // Nor can a third worker send it.
    let again = one.begin(claim("a", "one/2", brief)).await.unwrap();
    assert!(matches!(again, Begun::Story(_)));
    let mut receipt = TopupReceipt::new(reference("a"));
    receipt.pins.push(Pin::new(Secret::new("123456789012")));
    let pins = one.record(asleep, Step::Accepted(Box::new(receipt))).await;
    assert_eq!(pins.unwrap(), Recorded::Superseded);
    let history = two.history(reference("a")).await.unwrap();
    assert!(history.iter().all(|event| event.state != State::Accepted));
    let client = world.schema.as_ref().unwrap().client().await;
    let kept = client
        .query_one("SELECT count(*) FROM telco_pin", &[])
        .await
        .unwrap();
    assert_eq!(kept.get::<_, i64>(0), 1);
}

/// The same claim again after a lost answer is recognised; so is a step.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_work_whose_answer_was_lost_is_recognised() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let store = world.store().await;
    let lease = Duration::from_secs(60);
    let mark = go(store.begin(claim("a", "one/1", lease)).await.unwrap());
    assert_eq!(
        go(store.begin(claim("a", "one/1", lease)).await.unwrap()),
        mark
    );
    let other = store.begin(claim("a", "one/2", lease)).await.unwrap();
    assert!(matches!(other, Begun::Story(_)));
    for _ in 0..2 {
        let receipt = Box::new(TopupReceipt::new(reference("a")));
        let done = store.record(mark.clone(), Step::Accepted(receipt)).await;
        assert_eq!(done.unwrap(), Recorded::Done);
    }
    assert_eq!(store.history(reference("a")).await.unwrap().len(), 4);
    cut(&world).await;
    assert_eq!(store.count(None).await.unwrap().all(), 1, "connected anew");
}

/// Rows are handed out once, however many ask.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_two_workers_never_hold_one_row() {
    let Some(world) = World::postgres().await else {
        return;
    };
    plan(&world.ledger().await, 200).await;
    let mut takers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let ledger = world.ledger().await;
        takers.spawn(async move {
            let mut taken = Vec::new();
            loop {
                let entries = ledger.take("j", 7).await.unwrap();
                if entries.is_empty() {
                    return taken;
                }
                taken.extend(entries.iter().map(|entry| entry.reference().clone()));
            }
        });
    }
    let mut all: Vec<_> = takers.join_all().await.into_iter().flatten().collect();
    assert_eq!(all.len(), 200);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 200);
}

/// Caps and duplicates are checked across workers, each with a connection of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_guards_hold_across_workers() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let mut tasks = tokio::task::JoinSet::new();
    for worker in 0..4_u64 {
        let rules = ProductRules::new(ProductKind::Airtime);
        let fake = Fake::new(TopupCapabilities::new(Currency::NGN, [rules]));
        let mut settings = settings();
        settings.guards.per_day = Some(naira(1_000));
        settings.guards.duplicate_within = Guards::default().duplicate_within;
        let ledger = open(world.store().await, fake, settings).await;
        for n in 0..25 {
            let ledger = ledger.clone();
            // All four workers try the same 25 numbers.
            let intent = airtime(&format!("g{worker}-{n}"), n, 100);
            tasks.spawn(async move { ledger.submit(&intent).await });
        }
    }
    let (mut accepted, mut guards) = (0, Vec::new());
    for answer in tasks.join_all().await {
        match answer {
            Ok(Submission::Accepted(_)) => accepted += 1,
            Err(refused) => guards.push(Guard::behind(refused.as_error()).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted, 10);
    assert!(guards.contains(&Guard::Duplicate) || guards.contains(&Guard::PerDay));
}
