//! What other jobs have sent: how the rows of a changed file are found that went out with the file as it was.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use support::fake::Fake;
use support::{World, airtime, naira, number, open, reference, settings};
use telco_core::{
    Amount, Clock, Currency, ErrorKind, Operator, Product, ProductKind, ProductRules, SystemClock,
    TopupCapabilities, TopupIntent,
};
use telco_ledger::{Guard, LeftOut, Options, PlanRow, SqliteStore, State, Store};
use telco_sandbox::{FaultRule, Phase};

support::on_both_stores!(
    what_another_job_sent_is_found,
    nothing_else_is_found,
    two_jobs_at_once_send_the_same_once,
    what_another_job_sent_is_refused_however_it_is_sent,
);

const EVER: SystemTime = SystemTime::UNIX_EPOCH;

fn rows(intents: impl IntoIterator<Item = TopupIntent>) -> Vec<PlanRow> {
    (2..)
        .zip(intents)
        .map(|(line, intent)| PlanRow::new(line, intent))
        .collect()
}

fn products(asked: impl IntoIterator<Item = TopupIntent>) -> Vec<Product> {
    asked.into_iter().map(|intent| intent.product).collect()
}

async fn what_another_job_sent_is_found(world: World) {
    let store = world.store().await;
    let ledger = open(store.clone(), world.client(), settings()).await;
    let data = |name, plan: &str| {
        let product = Product::data(number(3), None, Some(plan.to_owned()), naira(350));
        TopupIntent::new(reference(name), product)
    };
    let march = rows([
        airtime("m1", 1, 100),
        airtime("m2", 2, 100),
        data("m3", "500mb1d"),
    ]);
    ledger.plan("march", march).await.unwrap();
    let mut taken = ledger.take("march", 3).await.unwrap();
    let planned = taken.pop().unwrap();
    let second = taken.pop().unwrap();
    let _ = ledger.send(taken.pop().unwrap()).await.unwrap();
    // Nobody knows whether this one arrived: it counts.
    let lost = FaultRule::new(Phase::ActThenReset).operation("credit");
    world.sandbox.faults().add(lost);
    let _ = ledger.send(second).await.unwrap();

    let to = number(1);
    let by_name = Product::airtime(to, Some(Operator::new("MTN")), naira(100));
    let mut april = products([
        airtime("a1", 1, 100),
        airtime("a2", 2, 100),
        data("a3", "500mb1d"),
        data("a4", "1gb"),
        airtime("a5", 1, 200),
        airtime("a6", 4, 100),
    ]);
    april.push(by_name);
    april.push(Product::pins(naira(100), std::num::NonZeroU32::MIN));
    let ask =
        |job: &str, since| store.sent_by_other_jobs(Some(job.to_owned()), since, april.clone());
    let found = ask("april", EVER).await.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|earlier| earlier.as_ref().map(|earlier| earlier.reference.as_str()))
        .collect();
    let wanted = [
        Some("m1"),
        Some("m2"),
        None,
        None,
        None,
        None,
        Some("m1"),
        None,
    ];
    assert_eq!(names, wanted, "m3 is planned, not sent");
    let first = found[0].as_ref().unwrap();
    assert_eq!(
        (first.job.as_str(), first.state),
        ("march", State::Accepted)
    );
    let row = ledger.status(&first.reference).await.unwrap().unwrap();
    assert_eq!(Some(first.sent_at), row.sent_at);
    assert_eq!(found[1].as_ref().unwrap().state, State::Unknown);

    // The data plan goes out now; a job's own rows are none of another's.
    world.sandbox.faults().set([]);
    let _ = ledger.send(planned).await.unwrap();
    assert!(ask("april", EVER).await.unwrap()[2].is_some());
    assert_eq!(ask("march", EVER).await.unwrap(), vec![None; april.len()]);
    let later = SystemTime::now() + Duration::from_secs(3_600);
    assert_eq!(ask("april", later).await.unwrap(), vec![None; april.len()]);
}

async fn nothing_else_is_found(world: World) {
    let store = world.store().await;
    let ledger = open(store.clone(), world.client(), settings()).await;
    // On its own, not in a job.
    let _ = ledger.submit(&airtime("single", 1, 100)).await.unwrap();
    // Taken back before it was sent, and refused by the provider.
    ledger
        .plan(
            "march",
            rows([airtime("m2", 2, 100), airtime("m3", 3, 100)]),
        )
        .await
        .unwrap();
    let mut taken = ledger.take("march", 2).await.unwrap();
    let refused = taken.pop().unwrap();
    ledger
        .cancel(taken.pop().unwrap(), "the customer left")
        .await
        .unwrap();
    let balance = serde_json::json!({ "balance": 0 });
    world.sandbox.configure("cowrie", &balance).unwrap();
    let _ = ledger.send(refused).await.unwrap();
    let row = ledger.status(&reference("m3")).await.unwrap().unwrap();
    assert_eq!(row.state, State::Rejected);

    let april = [
        airtime("a1", 1, 100),
        airtime("a2", 2, 100),
        airtime("a3", 3, 100),
    ];
    for job in [None, Some("april".to_owned())] {
        let found = store
            .sent_by_other_jobs(job, EVER, products(april.clone()))
            .await;
        assert_eq!(found.unwrap(), [None, None, None]);
    }
}

/// Both have looked before either has sent: the claims decide.
async fn two_jobs_at_once_send_the_same_once(world: World) {
    let store = world.store().await;
    let once = Options::default().not_sent_by_other_jobs_since(EVER);
    // Where one statement looks and writes, and where the guards look first.
    for (offset, capped) in [(0, false), (100, true)] {
        let mut settings = settings();
        settings.guards.per_call = capped.then(|| naira(1_000));
        let ledger = open(store.clone(), world.client(), settings).await;
        let names = ["one", "two"].map(|job| format!("{job}-{offset}"));
        for job in &names {
            let row = |n: u64| airtime(&format!("{job}-{n}"), offset + n, 100);
            ledger.plan(job, rows((1..=8).map(row))).await.unwrap();
        }
        let mut sending = tokio::task::JoinSet::new();
        for job in &names {
            for entry in ledger.take(job, 8).await.unwrap() {
                let ledger = ledger.clone();
                sending.spawn(async move { ledger.send_with(entry, once.allow_duplicate()).await });
            }
        }
        let told = sending.join_all().await;
        let refused: Vec<_> = told.into_iter().filter_map(Result::err).collect();
        assert_eq!(refused.len(), 8);
        for refusal in refused {
            assert_eq!(refusal.kind(), ErrorKind::Conflict);
            let guard = Guard::behind(refusal.as_error());
            assert_eq!(guard, Some(Guard::SentByOtherJob));
        }
        let (mut sent, mut left_out) = (0, 0);
        for job in &names {
            let counts = ledger.count(Some(job)).await.unwrap();
            sent += counts.delivered();
            let why = ledger.left_out(job).await.unwrap();
            left_out += why.get(&LeftOut::SentByOtherJob).copied().unwrap_or(0);
            assert_eq!(ledger.replan(job).await.unwrap(), 0);
        }
        assert_eq!((sent, left_out), (8, 8));
        for n in 1..=8 {
            let arrived = names.iter().map(|job| {
                let (requests, _) = world.truth(&reference(format!("{job}-{n}")));
                requests
            });
            assert_eq!(arrived.sum::<u64>(), 1);
        }
    }
}

async fn what_another_job_sent_is_refused_however_it_is_sent(world: World) {
    let store = world.store().await;
    let ledger = open(store.clone(), world.client(), settings()).await;
    let one = |name: &str| rows([airtime(name, 1, 100)]);
    ledger.plan("march", one("m1")).await.unwrap();
    for entry in ledger.take("march", 1).await.unwrap() {
        let _ = ledger.send(entry).await.unwrap();
    }
    let once = Options::default().not_sent_by_other_jobs_since(EVER);
    // On its own, under a new reference, and one that is planned.
    ledger.plan("april", one("a1")).await.unwrap();
    for name in ["single", "a1"] {
        let refused = ledger.submit_with(&airtime(name, 1, 100), once).await;
        let refused = refused.unwrap_err();
        let guard = Guard::behind(refused.as_error());
        assert_eq!(guard, Some(Guard::SentByOtherJob), "{name}");
        let said = refused.to_string();
        assert!(said.contains("m1") && said.contains("march"), "{said}");
    }
    assert!(ledger.status(&reference("single")).await.unwrap().is_none());
    let row = ledger.status(&reference("a1")).await.unwrap().unwrap();
    assert_eq!(LeftOut::of(&row), Some(LeftOut::SentByOtherJob));

    // Another amount or currency is another thing, so is what went out before; and a job's own rows are none of another's.
    let dollars = Amount::from_minor(naira(100).minor(), Currency::USD);
    let in_dollars = Product::airtime(number(1), None, dollars);
    let in_dollars = TopupIntent::new(reference("usd"), in_dollars);
    let rules = [ProductRules::new(ProductKind::Airtime)];
    let fake = Fake::new(TopupCapabilities::new(Currency::USD, rules));
    let abroad = open(store, fake, settings()).await;
    assert!(abroad.submit_with(&in_dollars, once).await.is_ok());
    assert!(
        ledger
            .submit_with(&airtime("b1", 1, 101), once)
            .await
            .is_ok()
    );
    let later = SystemTime::now() + Duration::from_secs(3_600);
    let after = Options::default().not_sent_by_other_jobs_since(later);
    assert!(
        ledger
            .submit_with(&airtime("b2", 1, 100), after)
            .await
            .is_ok()
    );
    ledger.plan("march", one("m2")).await.unwrap();
    for entry in ledger.take("march", 1).await.unwrap() {
        assert!(ledger.send_with(entry, once).await.is_ok());
    }
    // It is wanted all the same.
    assert_eq!(ledger.replan("april").await.unwrap(), 0);
    let too = [LeftOut::SentByOtherJob];
    assert_eq!(ledger.replan_with("april", &too).await.unwrap(), 1);
    for entry in ledger.take("april", 1).await.unwrap() {
        assert!(ledger.send(entry).await.is_ok());
    }
    assert_eq!(world.truth(&reference("a1")), (1, 1));
}

/// The same rows in two jobs, each through a ledger of its own on a store whose clock is an hour behind this machine's. The
/// second is begun to send them all again; the first sends them in the middle.
#[tokio::test]
async fn what_is_sent_after_a_job_began_is_seen_by_the_store_s_clock() {
    #[derive(Debug)]
    struct Behind;

    impl Clock for Behind {
        fn now(&self) -> SystemTime {
            SystemTime::now() - Duration::from_secs(3_600)
        }
        fn monotonic(&self) -> Duration {
            SystemClock::default().monotonic()
        }
    }

    let world = World::sqlite().await;
    let store = SqliteStore::open_with_clock(world.path(), Arc::new(Behind)).unwrap();
    let store: Arc<dyn Store> = Arc::new(store);
    let ledger = open(store.clone(), world.client(), settings()).await;
    for job in ["march", "april"] {
        let row = rows([airtime(job, 1, 100)]);
        ledger.plan(job, row).await.unwrap();
    }
    let began = store.now().await.unwrap();
    assert!(began < SystemTime::now() - Duration::from_secs(3_000));
    for entry in ledger.take("march", 1).await.unwrap() {
        let _ = ledger.send(entry).await.unwrap();
    }
    let since = Options::default().not_sent_by_other_jobs_since(began);
    for entry in ledger.take("april", 1).await.unwrap() {
        let refused = ledger.send_with(entry, since).await.unwrap_err();
        let guard = Guard::behind(refused.as_error());
        assert_eq!(guard, Some(Guard::SentByOtherJob));
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn who_reads_a_database_makes_no_tables() {
    use telco_ledger::PostgresStore;
    use telco_ledger::tokio_postgres::NoTls;

    let Some(schema) = support::postgres::Schema::new().await else {
        return;
    };
    for _ in 0..2 {
        let read = PostgresStore::read(schema.config(), NoTls).await.unwrap();
        assert!(read.is_none());
    }
    drop(schema.store().await);
    let read = PostgresStore::read(schema.config(), NoTls)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.count(None).await.unwrap().all(), 0);
}
