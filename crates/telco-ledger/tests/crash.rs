//! `kill -9` at every step and at random moments: after a restart nothing is doubled, nothing is lost, and every row has one
//! final state that is true. `TELCO_DEEP=1` kills 300 times.
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

use support::worker::{Orders, left};
use support::{World, airtime, naira, reference};
use telco_core::{Amount, Currency, Msisdn, Operator, Product, TopupIntent};
use telco_ledger::{Ledger, PlanRow, SqliteStore, State, Store as _};
use telco_sandbox::{FaultRule, Phase};

#[tokio::test]
#[ignore = "the worker that the other tests start and kill"]
async fn worker() {
    support::worker::work().await;
}

fn orders(world: &World) -> Orders {
    Orders {
        url: world.url(),
        place: world.path().display().to_string(),
        job: "j".to_owned(),
        lease: Duration::from_secs(5),
        ..Orders::default()
    }
}

async fn plan(ledger: &Ledger, from: u64, rows: u64) {
    let rows = (from..from + rows).map(|n| PlanRow::new(n, airtime(&format!("k{n}"), n, 100)));
    ledger.plan("j", rows.collect()).await.unwrap();
}

/// Of each fate one: a rejection, a row that cannot be prepared, one that is lost before and one after it was done.
async fn plan_fates(world: &World, ledger: &Ledger) {
    let poor = Product::airtime(
        Msisdn::parse("2348000000402").unwrap(),
        Operator::new("MTN"),
        naira(5),
    );
    let half = Product::airtime(
        support::number(1),
        None,
        Amount::from_minor(50, Currency::NGN),
    );
    for (n, product) in [(900_001, poor), (900_002, half)] {
        let intent = TopupIntent::new(reference(format!("k{n}")), product);
        let row = PlanRow::new(n, intent);
        ledger.plan("j", vec![row]).await.unwrap();
    }
    let lose = |phase, name: &str| {
        let rule = FaultRule::new(phase).reference(name).operation("credit");
        world.sandbox.faults().add(rule.times(1));
    };
    lose(Phase::ResetBefore, "k2");
    lose(Phase::ActThenReset, "k5");
}

/// Before and after each durable step, at its first occurrence and at a later one.
async fn killed_at(state: State, moment: &str, replay: bool) {
    let world = World::sqlite().await;
    let ledger = world.ledger().await;
    plan(&ledger, 0, 12).await;
    plan_fates(&world, &ledger).await;
    drop(ledger);
    let mut orders = orders(&world);
    orders.replay = replay;
    let mut killed = 0;
    for n in [1, 3] {
        orders.die = format!("{state} {moment} {n}");
        killed += u32::from(!orders.start().wait().unwrap().success());
    }
    assert!(killed > 0, "{state} {moment}: no such moment");
    orders.die = String::new();
    assert!(orders.start().wait().unwrap().success());
    let ledger = world.ledger().await;
    ledger.settle().await.unwrap();
    assert_eq!(left(&ledger, "j").await, 0);
    let judged = support::truth::judge(&world, &ledger, 1 + u64::from(replay)).await;
    assert_eq!(judged.rows, 14);
}

macro_rules! kill_at {
    ($($name:ident: $state:ident $replay:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for moment in ["before", "after"] {
                killed_at(State::$state, moment, $replay).await;
            }
        }
    )*};
}
kill_at!(
    killed_while_sending: Sending false,
    killed_while_accepting: Accepted false,
    killed_while_rejecting: Rejected false,
    killed_while_not_sending: NotSent false,
    killed_while_unknown: Unknown false,
    killed_while_settling: Settled false,
    killed_while_giving_up: Unresolved false,
    killed_while_replaying: Replaying true,
    killed_while_replayed: Replayed true,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments() {
    let kills = if std::env::var_os("TELCO_DEEP").is_some() {
        300
    } else {
        20
    };
    let world = World::sqlite().await;
    let phases = [Phase::ActThenReset, Phase::ResetBefore, Phase::ActThenError];
    let rule = FaultRule::any_of(phases).operation("credit").chance(0.2);
    let late = rule.lookup_delay(Duration::from_millis(30));
    world.sandbox.faults().add(late);
    let orders = orders(&world);
    let (mut planned, mut random) = (0, 0x2545_F491_4F6C_DD1D_u64);
    for _ in 0..kills {
        let ledger = world.ledger().await;
        if left(&ledger, "j").await < 400 {
            plan(&ledger, planned, 800).await;
            planned += 800;
        }
        drop(ledger);
        let mut worker = orders.start();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(20 + random % 180)).await;
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    assert!(orders.start().wait().unwrap().success());
    let ledger = world.ledger().await;
    ledger.settle().await.unwrap();
    assert_eq!(left(&ledger, "j").await, 0);
    let judged = support::truth::judge(&world, &ledger, 1).await;
    assert_eq!(judged.rows, planned);
    assert!(judged.delivered > 0 && judged.unresolved > 0, "{judged:?}");
}

/// The file is one process's, whatever became of the one before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_file_is_refused() {
    let world = World::sqlite().await;
    let ledger = world.ledger().await;
    plan(&ledger, 0, 3).await;
    // Nor is it another place's in this process; trying takes no lock away from the first.
    let link = world.folder.path().join("link.sqlite");
    #[cfg(unix)]
    std::os::unix::fs::symlink(world.path(), &link).unwrap();
    for path in [world.path(), link] {
        assert!(SqliteStore::open(&path).is_err(), "{path:?}");
        let second = Orders {
            quiet: true,
            place: path.display().to_string(),
            ..orders(&world)
        };
        assert!(!second.start().wait().unwrap().success(), "{path:?}");
    }
    assert_eq!(left(&ledger, "j").await, 3);
    assert_eq!(world.sandbox.totals().requests, 0);
    drop(ledger);
    assert!(orders(&world).start().wait().unwrap().success());
    assert_eq!(world.sandbox.totals().delivered, 3);
}

const NAMES: [&str; 2] = ["file:m.db?mode=memory", ":memory:"];

#[tokio::test]
#[ignore = "what the next test starts"]
async fn in_a_folder_of_its_own() {
    if std::env::var_os("TELCO_FOLDER_OF_ITS_OWN").is_none() {
        return;
    }
    for name in NAMES {
        let store = SqliteStore::open(name).unwrap();
        let kept = Some("yes".to_owned());
        store.note("kept".to_owned(), kept.clone()).await.unwrap();
        drop(store);
        let store = SqliteStore::open(name).unwrap();
        assert_eq!(store.noted("kept".to_owned()).await.unwrap(), kept);
    }
}

/// SQLite has names for databases in memory. A ledger that is gone with its process would send everything again.
#[cfg(unix)]
#[test]
fn every_name_is_a_file_s() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "in_a_folder_of_its_own", "--ignored"]);
    command.env("TELCO_FOLDER_OF_ITS_OWN", "1");
    let done = command.current_dir(folder.path()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    for name in NAMES {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}
