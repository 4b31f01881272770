//! What a look comes to, by what the provider's capabilities say it proves; and the guarded replay.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use support::fake::{Answer, Fake, Meanwhile};
use support::{World, airtime, naira, open, reference, settings};
use telco_core::{
    Clock, Currency, Error, ErrorKind, Lookup, LookupSupport, Product, ProductKind, ProductRules,
    RecordState, ReplayGuard, Submission, TopupCapabilities, TopupIntent, TopupRecord,
};
use telco_ledger::{Ledger, Options, SqliteStore, State};

support::on_both_stores!(
    a_missing_record_proves_what_the_capabilities_say,
    every_kind_of_record_is_judged,
    a_failed_look_is_repeated,
    a_look_that_never_succeeds_leaves_it_to_a_person,
    a_replay_is_made_once_and_only_when_asked_for,
    a_refused_replay_says_nothing_about_the_first_copy,
    a_replay_comes_too_late_or_before_its_time,
    what_a_lookup_speaks_about_is_not_replayed,
    one_reference_is_waited_for,
    what_others_send_is_waited_for_as_long_as_it_takes,
    an_unresolved_row_can_still_be_found,
    a_worker_s_clock_proves_nothing,
    an_unresolved_row_is_looked_up_once_and_told_as_it_is,
    what_a_look_finds_is_not_replayed,
    the_providers_id_of_a_record_is_kept,
    a_replay_is_brought_to_its_end_whoever_waits_for_it,
);

fn rules(kind: ProductKind, lookup: LookupSupport) -> ProductRules {
    ProductRules::new(kind).lookup(lookup, [5, 10].map(Duration::from_millis))
}

fn capable(rules: ProductRules) -> TopupCapabilities {
    TopupCapabilities::new(Currency::NGN, [rules])
}

fn finds() -> ProductRules {
    rules(ProductKind::Airtime, LookupSupport::FindsOnly)
}

fn guarded() -> ProductRules {
    finds().replay(ReplayGuard::ByteIdentical {
        within: Duration::from_secs(600),
    })
}

fn lost() -> Answer {
    Answer::Lose(ErrorKind::Timeout)
}

fn record(state: RecordState) -> Result<Lookup, Error> {
    Ok(Lookup::Found(TopupRecord::new(state)))
}

async fn submit_lost(ledger: &Ledger) {
    let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
}

async fn state(ledger: &Ledger) -> (State, Option<bool>) {
    let row = ledger.status(&reference("a")).await.unwrap().unwrap();
    (row.state, row.delivered)
}

async fn a_missing_record_proves_what_the_capabilities_say(world: World) {
    let after = Duration::from_millis(60);
    let proves = capable(rules(ProductKind::Airtime, LookupSupport::Proves { after }));
    let fake = Fake::new(proves).answering([lost()]);
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    let began = Instant::now();
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().not_delivered, 1);
    assert_eq!(state(&ledger).await, (State::Settled, Some(false)));
    // By the clock and not by the count of looks, of which a loaded machine makes fewer.
    // Stores keep milliseconds.
    let waited = began.elapsed() + Duration::from_millis(1);
    assert!(waited >= after, "not before its time");
    assert_eq!(sent.load(Ordering::SeqCst), 1);
    // Proven: it may be sent again, if asked for.
    let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    assert!(matches!(told, Submission::Rejected(_)));
    let again = Options::default().reissue();
    let told = ledger
        .submit_with(&airtime("a", 1, 100), again)
        .await
        .unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
}

async fn every_kind_of_record_is_judged(world: World) {
    let store = world.store().await;
    let mismatch = Ok(Lookup::Mismatch(TopupRecord::new(RecordState::Completed)));
    let cases = [
        (record(RecordState::Completed), State::Settled, Some(true)),
        (record(RecordState::Unstated), State::Settled, Some(true)),
        (record(RecordState::Failed), State::Settled, Some(false)),
        (record(RecordState::Reversed), State::Settled, Some(false)),
        (mismatch, State::Unresolved, None),
        (record(RecordState::Pending), State::Unresolved, None),
        (Ok(Lookup::NotFound), State::Unresolved, None),
    ];
    for (n, (look, expected, delivered)) in (0..).zip(cases) {
        let fake = Fake::new(capable(finds()))
            .answering([lost()])
            .showing([look]);
        let ledger = open(Arc::clone(&store), fake, settings()).await;
        let name = format!("r{n}");
        let told = ledger.submit(&airtime(&name, n, 100)).await.unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        ledger.settle().await.unwrap();
        let row = ledger.status(&reference(&name)).await.unwrap().unwrap();
        assert_eq!((row.state, row.delivered), (expected, delivered), "{n}");
        assert!(row.why.is_some(), "{n} says why");
    }
    let pins = TopupIntent::new(
        reference("pins"),
        Product::pins(naira(100), NonZeroU32::MIN),
    );
    let fake = Fake::new(capable(ProductRules::new(ProductKind::Pins))).answering([lost()]);
    let looked = Arc::clone(&fake.looked);
    let ledger = open(store, fake, settings()).await;
    let told = ledger.submit(&pins).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    assert_eq!(looked.load(Ordering::SeqCst), 0, "there is no query");
}

async fn a_failed_look_is_repeated(world: World) {
    let failed = || Err(Error::in_doubt(ErrorKind::Timeout, "no answer").on_read());
    let looks = [
        failed(),
        failed(),
        failed(),
        failed(),
        record(RecordState::Completed),
    ];
    let fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing(looks);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().delivered, 1);
    let history = ledger.history(&reference("a")).await.unwrap();
    let failures = history.iter().filter_map(|event| event.why.as_deref());
    assert_eq!(failures.filter(|why| why.contains("no answer")).count(), 4);
}

async fn a_look_that_never_succeeds_leaves_it_to_a_person(world: World) {
    let fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing([Err(
            Error::in_doubt(ErrorKind::Timeout, "no answer").on_read()
        )]);
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    let row = ledger.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Unresolved, None));
    assert!(row.why.unwrap().message.contains("no answer"));
    assert_eq!(sent.load(Ordering::SeqCst), 1);
}

async fn a_replay_is_made_once_and_only_when_asked_for(world: World) {
    let store = world.store().await;
    for replay in [false, true] {
        let fake = Fake::new(capable(guarded())).answering([lost()]);
        let sent = Arc::clone(&fake.sent);
        let mut settings = settings();
        settings.replay = replay;
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let name = format!("replay-{replay}");
        let told = ledger
            .submit(&airtime(&name, replay.into(), 100))
            .await
            .unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        ledger.settle().await.unwrap();
        let row = ledger.status(&reference(&name)).await.unwrap().unwrap();
        let expected = if replay {
            State::Replayed
        } else {
            State::Unresolved
        };
        assert_eq!(row.state, expected);
        assert_eq!(row.receipt.replayed, replay);
        assert_eq!(row.attempt, 1 + u32::from(replay));
        assert_eq!(sent.load(Ordering::SeqCst), 1 + u32::from(replay));
    }
}

async fn a_refused_replay_says_nothing_about_the_first_copy(world: World) {
    // "Used before": looked up again, and not replayed again.
    let answers = [lost(), Answer::Lose(ErrorKind::Conflict)];
    let looks = [
        Ok(Lookup::NotFound),
        Ok(Lookup::NotFound),
        record(RecordState::Completed),
    ];
    let fake = Fake::new(capable(guarded()))
        .answering(answers)
        .showing(looks);
    let sent = Arc::clone(&fake.sent);
    let mut settings = settings();
    settings.replay = true;
    let store = world.store().await;
    let ledger = open(Arc::clone(&store), fake, settings.clone()).await;
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().delivered, 1);
    assert_eq!(state(&ledger).await, (State::Settled, Some(true)));
    assert_eq!(sent.load(Ordering::SeqCst), 2);

    let never = Fake::new(capable(guarded())).answering([lost(), lost(), lost()]);
    let sent = Arc::clone(&never.sent);
    let ledger = open(store, never, settings).await;
    let told = ledger.submit(&airtime("b", 2, 100)).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    assert_eq!(sent.load(Ordering::SeqCst), 2, "once, and never again");
}

async fn a_replay_comes_too_late_or_before_its_time(world: World) {
    let store = world.store().await;
    let hour = Duration::from_secs(3_600);
    // A clock that went back by an hour, and one that leapt ahead.
    for (n, at) in [(1, SystemTime::now() + hour), (2, SystemTime::now() - hour)] {
        let mut fake = Fake::new(capable(guarded())).answering([lost()]);
        fake.prepared_at = Some(at);
        let sent = Arc::clone(&fake.sent);
        let mut settings = settings();
        settings.replay = true;
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let told = ledger
            .submit(&airtime(&format!("t{n}"), n, 100))
            .await
            .unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
        assert_eq!(sent.load(Ordering::SeqCst), 1);
    }
}

/// Something else is on record; or a missing record will be a proof, about the one copy that was sent.
async fn what_a_lookup_speaks_about_is_not_replayed(world: World) {
    let store = world.store().await;
    let within = Duration::from_secs(600);
    let mismatch = Ok(Lookup::Mismatch(TopupRecord::new(RecordState::Completed)));
    let failed = Err(Error::in_doubt(ErrorKind::Timeout, "no answer").on_read());
    let proves = LookupSupport::Proves { after: within };
    let proves = rules(ProductKind::Airtime, proves).replay(ReplayGuard::ByteIdentical { within });
    for (n, rules, look) in [(1, guarded(), mismatch), (2, proves, failed)] {
        let fake = Fake::new(capable(rules))
            .answering([lost()])
            .showing([look]);
        let sent = Arc::clone(&fake.sent);
        let mut settings = settings();
        settings.replay = true;
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let intent = airtime(&format!("m{n}"), n, 100);
        let told = ledger.submit(&intent).await.unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
        assert_eq!(sent.load(Ordering::SeqCst), 1, "{n}");
    }
}

async fn one_reference_is_waited_for(world: World) {
    let looks = [Ok(Lookup::NotFound), record(RecordState::Completed)];
    let fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing(looks);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    let told = ledger.settle_one(&reference("a")).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert!(ledger.settle_one(&reference("nobody")).await.is_err());
}

/// And not for two minutes, which is its lease; for one reference it is not waited for at all.
async fn what_others_send_is_waited_for_as_long_as_it_takes(world: World) {
    let mut fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing([record(RecordState::Completed)]);
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    fake.gate = Some(Arc::clone(&gate));
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    let other = ledger.clone();
    let other = tokio::spawn(async move { other.submit(&airtime("b", 2, 100)).await });
    while sent.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let brief = Duration::from_secs(5);
    let name = reference("a");
    let told = tokio::time::timeout(brief, ledger.settle_one(&name));
    let told = told.await.expect("it waits for the other").unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    let settling = tokio::spawn(async move { ledger.settle().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!settling.is_finished());
    gate.add_permits(1);
    let settled = tokio::time::timeout(brief, settling).await;
    assert!(settled.expect("it waits for the lease").unwrap().is_ok());
    assert!(other.await.unwrap().is_ok());
}

async fn an_unresolved_row_can_still_be_found(world: World) {
    let looks = [
        Ok(Lookup::NotFound),
        Ok(Lookup::NotFound),
        record(RecordState::Completed),
    ];
    let fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing(looks);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    let told = ledger.settle_one(&reference("a")).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert_eq!(state(&ledger).await, (State::Settled, Some(true)));
}

/// A clock that the test moves.
#[derive(Debug)]
struct Hand(AtomicU64);

impl Hand {
    fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }
    fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

fn proves() -> Fake {
    let after = Duration::from_secs(600);
    let rules = ProductRules::new(ProductKind::Airtime);
    let rules = rules.lookup(LookupSupport::Proves { after }, [Duration::ZERO]);
    Fake::new(capable(rules)).answering([lost()])
}

async fn a_worker_s_clock_proves_nothing(world: World) {
    let mut ahead = settings();
    let year_3000 = 32_503_680_000;
    ahead.clock = Hand::at(year_3000);
    let ledger = open(world.store().await, proves(), ahead).await;
    submit_lost(&ledger).await;
    let settled = ledger.resume().await.unwrap();
    assert_eq!(settled.not_delivered, 0);
    assert!(settled.next > Some(Duration::from_secs(500)), "{settled:?}");
    assert_eq!(state(&ledger).await, (State::Unknown, None));
}

/// A ledger whose store and worker have these clocks.
async fn timed(world: &World, store: &Arc<Hand>, worker: &Arc<Hand>, fake: Fake) -> Ledger {
    let mut settings = settings();
    settings.replay = true;
    settings.clock = Arc::clone(worker) as Arc<dyn Clock>;
    let clock = Arc::clone(store) as Arc<dyn Clock>;
    let store = SqliteStore::open_with_clock(world.path(), clock).unwrap();
    open(Arc::new(store), fake, settings).await
}

/// The record may have come while the provider was writing its answer: that counts from when it was asked.
#[tokio::test]
async fn a_slow_look_proves_what_held_when_it_began() {
    let (world, clock) = (World::sqlite().await, Hand::at(1_000));
    let mut fake = proves();
    let during = Arc::clone(&clock);
    fake.meanwhile = Some(Meanwhile(Arc::new(move || during.advance(10))));
    let ledger = timed(&world, &clock, &clock, fake).await;
    submit_lost(&ledger).await;
    clock.advance(595);
    assert_eq!(ledger.resume().await.unwrap().not_delivered, 0);
    assert_eq!(state(&ledger).await, (State::Unknown, None));
    clock.advance(5);
    assert_eq!(ledger.resume().await.unwrap().not_delivered, 1);
}

/// The store's clock; and what the worker's clock goes on by while it waits for the store, once.
#[derive(Debug)]
struct Slow {
    clock: Arc<Hand>,
    worker: Arc<Hand>,
    by: AtomicU64,
}

impl Clock for Slow {
    fn now(&self) -> SystemTime {
        self.worker.advance(self.by.swap(0, Ordering::SeqCst));
        self.clock.now()
    }
    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// The store said what time it was, and its answer took eleven minutes; the window was of ten.
#[tokio::test]
async fn a_request_that_grew_old_on_the_way_from_the_store_is_not_replayed() {
    for (by, replayed) in [(0, true), (660, false)] {
        let world = World::sqlite().await;
        let worker = Hand::at(10_000);
        let slow = Arc::new(Slow {
            clock: Hand::at(10_000),
            worker: Arc::clone(&worker),
            by: AtomicU64::new(0),
        });
        let rules = guarded().lookup(LookupSupport::FindsOnly, [Duration::ZERO]);
        let mut fake = Fake::new(capable(rules)).answering([lost()]);
        fake.prepared_at = Some(worker.now());
        let sent = Arc::clone(&fake.sent);
        let mut settings = settings();
        settings.replay = true;
        settings.clock = worker;
        let store = SqliteStore::open_with_clock(world.path(), Arc::clone(&slow) as Arc<dyn Clock>);
        let ledger = open(Arc::new(store.unwrap()), fake, settings).await;
        submit_lost(&ledger).await;
        slow.by.store(by, Ordering::SeqCst);
        let settled = ledger.settle().await.unwrap();
        assert_eq!(settled.delivered, u64::from(replayed), "{by}");
        assert_eq!(sent.load(Ordering::SeqCst), 1 + u32::from(replayed), "{by}");
    }
}

/// By the store's time of sending, up to the moment of the second copy; the worker's own clock is ten minutes slow.
#[tokio::test]
async fn a_request_that_is_too_old_is_not_replayed_whatever_the_worker_s_clock_says() {
    // How much later it is looked up, how long that takes, and whether a window of ten minutes is open then.
    for (later, slow, made, replayed) in [
        (599, 0, 0, true),
        (601, 0, 0, false),
        (300, 301, 0, false),
        // Made by a clock that is five minutes fast: young by that one, and old by the store's.
        (601, 0, 300, false),
    ] {
        let world = World::sqlite().await;
        let (store, worker) = (Hand::at(10_000), Hand::at(9_400));
        let mut fake = Fake::new(capable(
            guarded().lookup(LookupSupport::FindsOnly, [Duration::ZERO]),
        ));
        fake = fake.answering([lost()]);
        // Made by another worker.
        fake.prepared_at = Some(store.now() + Duration::from_secs(made));
        let both = [Arc::clone(&store), Arc::clone(&worker)];
        fake.meanwhile = Some(Meanwhile(Arc::new(move || {
            both.iter().for_each(|clock| clock.advance(slow));
        })));
        let sent = Arc::clone(&fake.sent);
        let ledger = timed(&world, &store, &worker, fake).await;
        submit_lost(&ledger).await;
        for clock in [&store, &worker] {
            clock.advance(later);
        }
        let settled = ledger.settle().await.unwrap();
        assert_eq!(settled.delivered, u64::from(replayed), "{later} {slow}");
        let copies = 1 + u32::from(replayed);
        assert_eq!(sent.load(Ordering::SeqCst), copies, "{later} {slow}");
    }
}

async fn an_unresolved_row_is_looked_up_once_and_told_as_it_is(world: World) {
    let fake = Fake::new(capable(finds())).answering([lost()]);
    let looked = Arc::clone(&fake.looked);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    let before = looked.load(Ordering::SeqCst);
    let told = ledger.settle_one(&reference("a")).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
    assert_eq!(looked.load(Ordering::SeqCst), before + 1);
    assert_eq!(state(&ledger).await, (State::Unresolved, None));
}

/// A replay is for what nobody can find out. Where the provider has a record, a second copy could only do harm.
async fn what_a_look_finds_is_not_replayed(world: World) {
    let store = world.store().await;
    let mut settings = settings();
    settings.replay = true;
    let pending = || vec![record(RecordState::Pending)];
    // It was there once, and then not any more.
    let gone = [pending(), vec![Ok(Lookup::NotFound)]].concat();
    for (n, found, (state, delivered)) in [
        (
            1,
            vec![record(RecordState::Completed)],
            (State::Settled, Some(true)),
        ),
        (
            2,
            vec![record(RecordState::Failed)],
            (State::Settled, Some(false)),
        ),
        (3, pending(), (State::Unresolved, None)),
        (4, gone, (State::Unresolved, None)),
    ] {
        let fake = Fake::new(capable(guarded()))
            .answering([lost()])
            .showing(found);
        let sent = Arc::clone(&fake.sent);
        let ledger = open(Arc::clone(&store), fake, settings.clone()).await;
        let name = format!("f{n}");
        let told = ledger.submit(&airtime(&name, n, 100)).await.unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        ledger.settle().await.unwrap();
        let row = ledger.status(&reference(&name)).await.unwrap().unwrap();
        assert_eq!((row.state, row.delivered), (state, delivered), "{n}");
        assert_eq!((row.attempt, sent.load(Ordering::SeqCst)), (1, 1), "{n}");
    }
}

/// Whoever called `resume` goes away while the second copy is on its way: its answer is recorded all the same.
async fn a_replay_is_brought_to_its_end_whoever_waits_for_it(world: World) {
    let mut fake = Fake::new(capable(guarded())).answering([lost()]);
    let gate = Arc::new(tokio::sync::Semaphore::new(1));
    fake.gate = Some(Arc::clone(&gate));
    let sent = Arc::clone(&fake.sent);
    let mut settings = settings();
    settings.replay = true;
    let ledger = open(world.store().await, fake, settings).await;
    submit_lost(&ledger).await;
    let settling = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.settle().await }
    });
    while sent.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    settling.abort();
    assert!(settling.await.unwrap_err().is_cancelled());
    gate.add_permits(1);
    let replayed = async {
        while state(&ledger).await != (State::Replayed, Some(true)) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), replayed);
    waited.await.expect("its answer is lost");
}

async fn the_providers_id_of_a_record_is_kept(world: World) {
    let mut found = TopupRecord::new(RecordState::Completed);
    found.provider_id = Some("1253CBF1".to_owned());
    let fake = Fake::new(capable(finds()))
        .answering([lost()])
        .showing([Ok(Lookup::Found(found))]);
    let ledger = open(world.store().await, fake, settings()).await;
    submit_lost(&ledger).await;
    ledger.settle().await.unwrap();
    let row = ledger.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!(row.receipt.provider_id.as_deref(), Some("1253CBF1"));
}
