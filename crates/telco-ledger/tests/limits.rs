//! The guards at their edges: another currency, a burst at once, another plan, a limit of nothing.
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
use support::{World, airtime, naira, number, open, reference, settings};
use telco_core::{
    Amount, Clock, Currency, ErrorKind, Lookup, LookupSupport, Product, ProductKind, ProductRules,
    Submission, TopupCapabilities, TopupIntent,
};
use telco_ledger::{Guard, Guards, Ledger, Settings, SqliteStore};

support::on_both_stores!(
    a_limit_in_another_currency_refuses,
    the_rate_holds_for_many_at_once,
    a_rate_of_nothing_lets_nothing_pass,
    another_plan_is_another_thing,
    a_window_that_is_over_refuses_nothing,
    what_was_spent_before_the_balance_was_read_counts_once,
    what_was_unknown_when_the_balance_was_read_gives_nothing_back,
);

fn fake() -> Fake {
    let rules = ProductKind::ALL.iter().map(|kind| ProductRules::new(*kind));
    let fake = Fake::new(TopupCapabilities::new(
        Currency::NGN,
        rules.collect::<Vec<_>>(),
    ));
    *fake.balance.lock().unwrap() = 1_000_000;
    fake
}

/// One of the limits among the guards.
type Limit = fn(&mut Guards) -> &mut Option<Amount>;

/// The guard that refused it.
async fn refused(ledger: &Ledger, intent: &TopupIntent) -> Option<Guard> {
    let refused = ledger.submit(intent).await.err()?;
    Some(Guard::behind(refused.as_error()).unwrap())
}

/// Nobody can say whether ₦1 is more than $1,000, so it does not pass.
async fn a_limit_in_another_currency_refuses(world: World) {
    let store = world.store().await;
    let dollars = Some(Amount::from_major(1_000, Currency::USD).unwrap());
    let limits: [(Guard, Limit); 4] = [
        (Guard::PerCall, |guards| &mut guards.per_call),
        (Guard::PerNumber, |guards| &mut guards.per_number),
        (Guard::PerDay, |guards| &mut guards.per_day),
        (Guard::MinBalance, |guards| &mut guards.min_balance),
    ];
    for (guard, limit) in limits {
        let mut settings = settings();
        *limit(&mut settings.guards) = dollars;
        let fake = fake();
        let sent = Arc::clone(&fake.sent);
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let name = guard.to_string().replace(' ', "-");
        let refused = ledger.submit(&airtime(&name, 1, 1)).await.unwrap_err();
        assert_eq!(Guard::behind(refused.as_error()), Some(guard));
        let kind = match guard {
            Guard::MinBalance => ErrorKind::InsufficientBalance,
            _ => ErrorKind::Policy,
        };
        assert_eq!(refused.kind(), kind);
        assert_eq!(sent.load(Ordering::SeqCst), 0);
    }
}

/// Claims that share one durable write share one instant.
async fn the_rate_holds_for_many_at_once(world: World) {
    let mut settings = settings();
    settings.guards.rate = Some((3, Duration::from_secs(600)));
    let ledger = open(world.store().await, fake(), settings).await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..12 {
        let ledger = ledger.clone();
        tasks.spawn(async move { refused(&ledger, &airtime(&format!("m{n}"), n, 100)).await });
    }
    let mut passed = 0;
    for refused in tasks.join_all().await {
        match refused {
            None => passed += 1,
            guard => assert_eq!(guard, Some(Guard::Rate)),
        }
    }
    assert_eq!(passed, 3);
}

async fn a_rate_of_nothing_lets_nothing_pass(world: World) {
    let mut settings = settings();
    settings.guards.rate = Some((0, Duration::from_secs(1)));
    let ledger = open(world.store().await, fake(), settings).await;
    let intent = airtime("a", 1, 100);
    assert_eq!(refused(&ledger, &intent).await, Some(Guard::Rate));
}

async fn another_plan_is_another_thing(world: World) {
    let ledger = open(world.store().await, fake(), Settings::default()).await;
    let data = |name: &str, plan: &str| {
        let product = Product::data(number(1), None, Some(plan.to_owned()), naira(100));
        TopupIntent::new(reference(name), product)
    };
    assert_eq!(refused(&ledger, &data("a", "1GB")).await, None);
    assert_eq!(refused(&ledger, &data("b", "2GB")).await, None);
    let again = data("c", "1GB");
    assert_eq!(refused(&ledger, &again).await, Some(Guard::Duplicate));
}

async fn a_window_that_is_over_refuses_nothing(world: World) {
    let mut settings = settings();
    settings.guards.duplicate_within = Some(Duration::ZERO);
    let ledger = open(world.store().await, fake(), settings).await;
    assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
    assert_eq!(refused(&ledger, &airtime("b", 1, 100)).await, None);
}

async fn what_was_spent_before_the_balance_was_read_counts_once(world: World) {
    let store = world.store().await;
    let mut settings = settings();
    settings.guards.min_balance = Some(naira(50));
    for (name, before) in [("a", 200), ("b", 150)] {
        let fake = fake();
        *fake.balance.lock().unwrap() = before;
        let ledger = open(Arc::clone(&store), fake, settings.clone()).await;
        let rest = airtime(name, 1, before - 50);
        assert_eq!(refused(&ledger, &rest).await, None, "{name}");
        let more = airtime("more", 2, 1);
        assert_eq!(refused(&ledger, &more).await, Some(Guard::MinBalance));
    }
}

/// The balance was never lowered by it, so it is no higher when it turns out not to have happened.
async fn what_was_unknown_when_the_balance_was_read_gives_nothing_back(world: World) {
    let after = Duration::ZERO;
    let rules = ProductRules::new(ProductKind::Airtime)
        .lookup(LookupSupport::Proves { after }, [Duration::ZERO]);
    let lost = [Answer::Lose(ErrorKind::Timeout)];
    let losing = Fake::new(TopupCapabilities::new(Currency::NGN, [rules]))
        .answering(lost)
        .showing([Ok(Lookup::NotFound)]);
    let store = world.store().await;
    let losing = open(Arc::clone(&store), losing, settings()).await;
    let told = losing.submit(&airtime("lost", 1, 100)).await;
    assert!(matches!(told, Ok(Submission::Unknown(_))), "{told:?}");

    let mut settings = settings();
    settings.guards.min_balance = Some(naira(50));
    let fake = fake();
    *fake.balance.lock().unwrap() = 200;
    let ledger = open(store, fake, settings).await;
    // The balance is read here.
    assert_eq!(refused(&ledger, &airtime("a", 2, 10)).await, None);
    assert_eq!(losing.settle().await.unwrap().not_delivered, 1);
    let too_much = airtime("b", 3, 141);
    assert_eq!(refused(&ledger, &too_much).await, Some(Guard::MinBalance));
    assert_eq!(refused(&ledger, &airtime("c", 4, 140)).await, None);
}

/// A clock that stands until it is set, in milliseconds after 1970.
#[derive(Debug, Default)]
struct Standing(AtomicU64);

impl Standing {
    fn set(&self, millis: u64) {
        self.0.store(millis, Ordering::SeqCst);
    }
}

impl Clock for Standing {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

const DAY: u64 = 86_400_000;
/// Some midnight (UTC).
const MIDNIGHT: u64 = 20_000 * DAY;

/// A ledger with these guards, whose time stands at that.
async fn standing(guards: Guards, millis: u64) -> (Ledger, Arc<Standing>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Standing::default());
    clock.set(millis);
    let path = folder.path().join("ledger.sqlite");
    let store = SqliteStore::open_with_clock(path, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let mut settings = settings();
    settings.guards = guards;
    let ledger = open(Arc::new(store), fake(), settings).await;
    (ledger, clock, folder)
}

#[tokio::test]
async fn a_place_under_the_rate_is_free_again_in_time() {
    let mut guards = Guards::none();
    guards.rate = Some((2, Duration::from_secs(10)));
    let (ledger, clock, _folder) = standing(guards, MIDNIGHT).await;
    assert_eq!(refused(&ledger, &airtime("a1", 1, 100)).await, None);
    clock.set(MIDNIGHT + 4_000);
    assert_eq!(refused(&ledger, &airtime("a2", 2, 100)).await, None);
    let third = airtime("a3", 3, 100);
    let why = ledger.submit(&third).await.unwrap_err();
    let wait = why.as_error().retry_after();
    assert_eq!(wait, Some(Duration::from_secs(6)), "ten after the first");
    clock.set(MIDNIGHT + 9_999);
    assert_eq!(refused(&ledger, &third).await, Some(Guard::Rate));
    clock.set(MIDNIGHT + 10_000);
    assert_eq!(refused(&ledger, &third).await, None);
    assert_eq!(
        refused(&ledger, &airtime("a4", 4, 100)).await,
        Some(Guard::Rate)
    );
    // A clock that went back an hour does not hold everything up for an hour.
    clock.set(MIDNIGHT - 3_600_000);
    assert_eq!(refused(&ledger, &airtime("a5", 5, 100)).await, None);
}

#[tokio::test]
async fn no_span_of_the_rate_s_length_holds_more() {
    const MOST: usize = 4;
    let mut guards = Guards::none();
    guards.rate = Some((4, Duration::from_secs(1)));
    let (ledger, clock, _folder) = standing(guards, MIDNIGHT).await;
    let mut passed = Vec::new();
    // One every 30 ms, and after a while none for two seconds.
    for n in (0..100).chain(170..270) {
        clock.set(MIDNIGHT + n * 30);
        if refused(&ledger, &airtime(&format!("s{n}"), n, 100))
            .await
            .is_none()
        {
            passed.push(n * 30);
        }
    }
    for from in &passed {
        let within = passed
            .iter()
            .filter(|at| (*from..from + 1_000).contains(at));
        assert!(within.count() <= MOST, "{passed:?}");
    }
    assert_eq!(passed.len(), 6 * MOST, "and no fewer in all: {passed:?}");
}

#[tokio::test]
async fn a_day_ends_at_midnight_utc() {
    let caps: [(Guard, Limit); 2] = [
        (Guard::PerNumber, |guards| &mut guards.per_number),
        (Guard::PerDay, |guards| &mut guards.per_day),
    ];
    for (guard, cap) in caps {
        let mut guards = Guards::none();
        *cap(&mut guards) = Some(naira(100));
        let (ledger, clock, _folder) = standing(guards, MIDNIGHT).await;
        assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
        clock.set(MIDNIGHT + DAY - 1);
        assert_eq!(refused(&ledger, &airtime("b", 1, 1)).await, Some(guard));
        clock.set(MIDNIGHT + DAY);
        assert_eq!(refused(&ledger, &airtime("b", 1, 100)).await, None);
    }
}

#[tokio::test]
async fn the_window_of_a_duplicate_ends_when_it_says() {
    let (ledger, clock, _folder) = standing(Guards::default(), MIDNIGHT).await;
    assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
    clock.set(MIDNIGHT + 29_999);
    let again = airtime("b", 1, 100);
    assert_eq!(refused(&ledger, &again).await, Some(Guard::Duplicate));
    clock.set(MIDNIGHT + 30_000);
    assert_eq!(refused(&ledger, &again).await, None);
}

#[tokio::test]
async fn a_balance_that_is_old_is_read_again() {
    let mut settings = settings();
    settings.guards.min_balance = Some(naira(0));
    settings.balance_for = Duration::from_secs(10);
    let clock = Arc::new(Standing::default());
    settings.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let fake = fake();
    let balance = Arc::clone(&fake.balance);
    *balance.lock().unwrap() = 100;
    let world = World::sqlite().await;
    let ledger = open(world.store().await, fake, settings).await;
    assert_eq!(refused(&ledger, &airtime("a", 1, 100)).await, None);
    *balance.lock().unwrap() = 100;
    let next = airtime("b", 2, 100);
    clock.set(9_999);
    assert_eq!(refused(&ledger, &next).await, Some(Guard::MinBalance));
    clock.set(10_000);
    assert_eq!(refused(&ledger, &next).await, None);
}
