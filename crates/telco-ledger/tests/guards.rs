//! The guards: a refusal names its guard, and nothing was sent.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use support::fake::{Answer, Fake};
use support::{World, airtime, naira, open, reference, settings};
use telco_core::{
    Clock, Currency, ErrorKind, NotSent, Product, ProductKind, ProductRules, Submission,
    TopupCapabilities, TopupIntent,
};
use telco_ledger::{Guard, Ledger, Options, PlanRow, Settings, State};

support::on_both_stores!(
    duplicates_are_refused_whatever_the_reference,
    caps_hold,
    a_cap_counts_what_may_have_been_spent,
    the_rate_is_limited,
    the_balance_is_kept,
    a_balance_that_cannot_be_read_gives_the_row_back,
    what_was_sent_keeps_its_story_when_no_balance_can_be_read,
    the_stop_switch_stops_every_worker,
    a_job_row_refused_for_itself_is_done_and_for_all_is_free,
    guards_hold_between_tasks,
);

fn fake() -> Fake {
    let rules = ProductKind::ALL.iter().map(|kind| ProductRules::new(*kind));
    Fake::new(TopupCapabilities::new(
        Currency::NGN,
        rules.collect::<Vec<_>>(),
    ))
}

fn behind(refused: &NotSent) -> Option<Guard> {
    Guard::behind(refused.as_error())
}

async fn refused(ledger: &Ledger, intent: &TopupIntent) -> Option<Guard> {
    match ledger.submit(intent).await {
        Err(refused) => {
            let guard = behind(&refused);
            let name = guard.unwrap().to_string();
            assert!(refused.to_string().contains(&name), "{refused}");
            guard
        }
        Ok(_) => None,
    }
}

async fn duplicates_are_refused_whatever_the_reference(world: World) {
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, Settings::default()).await;
    assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
    let again = airtime("b", 1, 100);
    assert_eq!(refused(&ledger, &again).await, Some(Guard::Duplicate));
    assert!(ledger.status(&reference("b")).await.unwrap().is_none());
    // Another network is the same number; another amount or product is another thing.
    let to = support::number(1);
    let network = telco_core::Operator::new("GLO");
    let named = TopupIntent::new(
        reference("c"),
        Product::airtime(to.clone(), network, naira(100)),
    );
    assert_eq!(refused(&ledger, &named).await, Some(Guard::Duplicate));
    assert_eq!(refused(&ledger, &airtime("d", 1, 101)).await, None);
    let data = TopupIntent::new(reference("e"), Product::data(to, None, None, naira(100)));
    assert_eq!(refused(&ledger, &data).await, None);
    let forced = Options::default().allow_duplicate();
    assert!(ledger.submit_with(&again, forced).await.is_ok());
    assert_eq!(sent.load(Ordering::SeqCst), 4);
}

async fn caps_hold(world: World) {
    let mut settings = settings();
    settings.guards.per_call = Some(naira(500));
    settings.guards.per_number = Some(naira(700));
    settings.guards.per_day = Some(naira(1_000));
    let ledger = open(world.store().await, fake(), settings).await;
    assert_eq!(
        refused(&ledger, &airtime("a", 1, 501)).await,
        Some(Guard::PerCall)
    );
    assert_eq!(refused(&ledger, &airtime("b", 1, 500)).await, None);
    assert_eq!(
        refused(&ledger, &airtime("c", 1, 201)).await,
        Some(Guard::PerNumber)
    );
    assert_eq!(refused(&ledger, &airtime("d", 1, 200)).await, None);
    assert_eq!(
        refused(&ledger, &airtime("e", 2, 301)).await,
        Some(Guard::PerDay)
    );
    assert_eq!(refused(&ledger, &airtime("f", 2, 300)).await, None);
    assert_eq!(
        refused(&ledger, &airtime("g", 3, 1)).await,
        Some(Guard::PerDay)
    );
}

async fn a_cap_counts_what_may_have_been_spent(world: World) {
    let mut settings = settings();
    settings.guards.per_day = Some(naira(100));
    let ledger = world.ledger_with(settings).await;
    // Not sent: nothing was spent.
    world.sandbox.set_down("cowrie", true).await;
    assert!(ledger.submit(&airtime("down", 1, 100)).await.is_err());
    world.sandbox.set_down("cowrie", false).await;
    // Unknown: it may have been.
    let lost = telco_sandbox::FaultRule::new(telco_sandbox::Phase::ResetBefore);
    world
        .sandbox
        .faults()
        .add(lost.reference("lost").operation("credit"));
    let told = ledger.submit(&airtime("lost", 1, 60)).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
    assert_eq!(
        refused(&ledger, &airtime("more", 2, 41)).await,
        Some(Guard::PerDay)
    );
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    assert_eq!(
        refused(&ledger, &airtime("more", 2, 41)).await,
        Some(Guard::PerDay)
    );
    // A person found out that it was not.
    let lost = reference("lost");
    ledger
        .resolve(
            &lost,
            "ada",
            "called them",
            telco_ledger::Verdict::NotDelivered,
        )
        .await
        .unwrap();
    assert_eq!(refused(&ledger, &airtime("more", 2, 41)).await, None);
}

async fn the_rate_is_limited(world: World) {
    let mut settings = settings();
    settings.guards.rate = Some((3, Duration::from_secs(60)));
    let ledger = open(world.store().await, fake(), settings).await;
    for n in 0..3 {
        assert_eq!(
            refused(&ledger, &airtime(&format!("r{n}"), n, 100)).await,
            None
        );
    }
    let refused = ledger.submit(&airtime("r3", 3, 100)).await.unwrap_err();
    assert_eq!(behind(&refused), Some(Guard::Rate));
    assert_eq!(refused.kind(), ErrorKind::RateLimited);
    let wait = refused.as_error().retry_after().unwrap();
    assert!(
        wait > Duration::from_secs(50) && wait <= Duration::from_secs(60),
        "{wait:?}"
    );
}

async fn the_balance_is_kept(world: World) {
    let mut settings = settings();
    settings.guards.min_balance = Some(naira(50));
    let fake = fake();
    *fake.balance.lock().unwrap() = 200;
    let ledger = open(world.store().await, fake, settings).await;
    // The balance is read once; what is claimed since is counted down.
    assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
    assert_eq!(
        refused(&ledger, &airtime("b", 2, 51)).await,
        Some(Guard::MinBalance)
    );
    assert_eq!(refused(&ledger, &airtime("c", 3, 50)).await, None);
    assert_eq!(
        refused(&ledger, &airtime("d", 4, 1)).await,
        Some(Guard::MinBalance)
    );
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
struct Moved(AtomicU64);

impl Clock for Moved {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// The row is planned and free at once, not when its lease ends; the balance is not asked for again by every row.
async fn a_balance_that_cannot_be_read_gives_the_row_back(world: World) {
    let clock = Arc::new(Moved::default());
    let mut settings = settings();
    settings.guards.min_balance = Some(naira(50));
    settings.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let fake = fake();
    *fake.balance.lock().unwrap() = 1_000;
    fake.unreadable.store(2, Ordering::SeqCst);
    let (sent, unreadable) = (Arc::clone(&fake.sent), Arc::clone(&fake.unreadable));
    let ledger = open(world.store().await, fake, settings).await;
    let rows = (0..5).map(|n| PlanRow::new(n, airtime(&format!("u{n}"), n, 100)));
    ledger.plan("j", rows.collect()).await.unwrap();
    for left in [1, 0] {
        let mut sends = tokio::task::JoinSet::new();
        for entry in ledger.take("j", 9).await.unwrap() {
            let ledger = ledger.clone();
            sends.spawn(async move { ledger.send(entry).await });
        }
        assert_eq!(sends.len(), 5, "all are free");
        for told in sends.join_all().await {
            let refused = told.unwrap_err();
            assert_eq!(behind(&refused), Some(Guard::MinBalance));
            assert_eq!(refused.kind(), ErrorKind::Unavailable);
            assert!(refused.as_error().retry_after().is_some());
            let text = refused.to_string();
            assert!(
                text.contains("could not be read: closed for lunch"),
                "{text}"
            );
        }
        assert_eq!(
            unreadable.load(Ordering::SeqCst),
            left,
            "one reading for five"
        );
        clock.0.fetch_add(1_000, Ordering::SeqCst);
    }
    assert_eq!(ledger.count(Some("j")).await.unwrap().of(State::Planned), 5);
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    let alone = ledger.submit(&airtime("s", 9, 100)).await;
    assert!(matches!(alone, Ok(Submission::Accepted(_))));
    for entry in ledger.take("j", 9).await.unwrap() {
        assert!(ledger.send(entry).await.is_ok());
    }
    assert_eq!(sent.load(Ordering::SeqCst), 6);
}

/// "Not sent" would be a lie about it, and an invitation to send it under another reference.
async fn what_was_sent_keeps_its_story_when_no_balance_can_be_read(world: World) {
    let mut settings = settings();
    settings.guards.min_balance = Some(naira(50));
    settings.balance_for = Duration::ZERO;
    let lost = Answer::Lose(ErrorKind::Timeout);
    let fake = fake().answering([Answer::Accept, lost]);
    *fake.balance.lock().unwrap() = 1_000;
    let (sent, unreadable) = (Arc::clone(&fake.sent), Arc::clone(&fake.unreadable));
    let ledger = open(world.store().await, fake, settings).await;
    let (done, lost) = (airtime("done", 1, 100), airtime("lost", 2, 100));
    for intent in [&done, &lost] {
        let _ = ledger.submit(intent).await.unwrap();
    }
    unreadable.store(u32::MAX, Ordering::SeqCst);
    let told = ledger.submit(&done).await;
    assert!(matches!(told, Ok(Submission::Accepted(_))), "{told:?}");
    let told = ledger.submit(&lost).await;
    assert!(matches!(told, Ok(Submission::Unknown(_))), "{told:?}");
    // What is new, or asked for once more, is not sent.
    for (name, options) in [
        ("new", Options::default()),
        ("done", Options::default().reissue()),
    ] {
        let intent = airtime(name, 1, 100);
        let refused = ledger.submit_with(&intent, options).await.unwrap_err();
        assert_eq!(behind(&refused), Some(Guard::MinBalance), "{name}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 2);
}

async fn the_stop_switch_stops_every_worker(world: World) {
    let store = world.store().await;
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let one = open(Arc::clone(&store), fake, settings()).await;
    let two = open(store, self::fake(), settings()).await;
    two.stop("the provider called").await.unwrap();
    let refused = one.submit(&airtime("a", 1, 100)).await.unwrap_err();
    assert_eq!(behind(&refused), Some(Guard::Stop));
    assert!(refused.to_string().contains("the provider called"));
    assert!(one.note("stop", None).await.is_err(), "not by its name");
    let reason = one.stopped().await.unwrap();
    assert_eq!(reason.as_deref(), Some("the provider called"));
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    one.go_on().await.unwrap();
    assert_eq!(two.stopped().await.unwrap(), None);
    assert!(one.submit(&airtime("a", 1, 100)).await.is_ok());
}

async fn a_job_row_refused_for_itself_is_done_and_for_all_is_free(world: World) {
    let mut settings = settings();
    settings.guards.per_call = Some(naira(100));
    settings.guards.per_job = Some(naira(150));
    let ledger = open(world.store().await, fake(), settings).await;
    let rows = [200, 100, 100].into_iter().zip(1..);
    let rows = rows.map(|(amount, n)| PlanRow::new(n, airtime(&format!("j{n}"), n, amount)));
    ledger.plan("j", rows.collect()).await.unwrap();
    let mut guards = Vec::new();
    for entry in ledger.take("j", 9).await.unwrap() {
        guards.push(ledger.send(entry).await.err().and_then(|e| behind(&e)));
    }
    assert_eq!(guards, [Some(Guard::PerCall), None, Some(Guard::PerJob)]);
    let state = async |name| {
        ledger
            .status(&reference(name))
            .await
            .unwrap()
            .unwrap()
            .state
    };
    assert_eq!(state("j1").await, State::NotSent);
    assert_eq!(state("j2").await, State::Accepted);
    assert_eq!(state("j3").await, State::Planned);
    assert_eq!(ledger.take("j", 9).await.unwrap().len(), 1, "free again");
}

/// The check and the claim are one transaction: of twenty at once, one passes.
async fn guards_hold_between_tasks(world: World) {
    let store = world.store().await;
    let mut settings = Settings::default();
    settings.guards.per_day = Some(naira(300));
    let one = open(Arc::clone(&store), fake(), settings.clone()).await;
    let two = open(world_store(&world, store).await, fake(), settings).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..20_u64 {
        let ledger = if n % 2 == 0 { one.clone() } else { two.clone() };
        // Ten for one number, ten for ten others.
        let to = if n < 10 { 0 } else { n };
        tasks.spawn(async move {
            (
                n,
                ledger
                    .submit(&airtime(&format!("t{n}"), to, 100))
                    .await
                    .is_ok(),
            )
        });
    }
    let passed: Vec<_> = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|(_, ok)| *ok)
        .collect();
    assert_eq!(passed.len(), 3, "{passed:?}");
    assert!(
        passed.iter().filter(|(n, _)| *n < 10).count() <= 1,
        "{passed:?}"
    );
}

/// Another worker's store, where a ledger may have more than one.
async fn world_store(
    world: &World,
    one: Arc<dyn telco_ledger::Store>,
) -> Arc<dyn telco_ledger::Store> {
    #[cfg(feature = "postgres")]
    if world.schema.is_some() {
        return world.store().await;
    }
    let _ = world;
    one
}
