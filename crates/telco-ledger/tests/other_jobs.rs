//! What other jobs have sent: how the rows of a changed file are found that went out with the file as it was.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::{Duration, SystemTime};

use support::{World, airtime, naira, number, open, reference, settings};
use telco_core::{Operator, Product, TopupIntent};
use telco_ledger::{PlanRow, State, Store};
use telco_sandbox::{FaultRule, Phase};

support::on_both_stores!(what_another_job_sent_is_found, nothing_else_is_found);

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
