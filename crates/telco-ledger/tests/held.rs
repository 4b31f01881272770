//! Who may send a row, and what many at once do to each other.
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
use std::time::{Duration, SystemTime};

use support::fake::{Answer, Fake};
use support::{World, airtime, open, reference, settings};
use telco_core::{
    Amount, Clock, Currency, ErrorKind, Identity, Pin, Product, ProductKind, ProductRules, Secret,
    Submission, TopupCapabilities, TopupIntent, TopupReceipt,
};
use telco_ledger::{
    Begun, Claim, Guard, Ledger, Mark, Options, PlanRow, Recorded, Settings, State, Step, Verdict,
    Watch, Why,
};
use tokio::task::JoinSet;

support::on_both_stores!(
    what_is_on_the_way_is_not_sent_by_another,
    a_planned_row_is_sent_by_its_holder_only,
    a_taken_row_is_cancelled_by_its_holder_only,
    many_at_once_take_every_row_once,
    one_that_fails_fails_alone,
    a_refused_reissue_says_why,
    the_same_work_again_is_recognised_and_other_work_is_not,
    the_same_verdict_again_is_the_same_answer,
    a_right_to_send_that_nobody_waits_for_is_nobody_s,
    a_worker_that_slept_past_its_lease_sends_nothing,
    a_row_that_took_long_to_write_down_is_not_sent,
    what_another_worker_delivered_is_not_told_as_not_sent,
);

fn fake() -> Fake {
    let rules = ProductKind::ALL.iter().map(|kind| ProductRules::new(*kind));
    Fake::new(TopupCapabilities::new(
        Currency::NGN,
        rules.collect::<Vec<_>>(),
    ))
}

/// Whoever has these loses its rows at once.
fn brief() -> Settings {
    let mut brief = settings();
    brief.lease = Duration::from_millis(1);
    brief
}

async fn state(ledger: &Ledger, name: &str) -> State {
    let row = ledger.status(&reference(name)).await.unwrap();
    row.unwrap().state
}

async fn what_is_on_the_way_is_not_sent_by_another(world: World) {
    let store = world.store().await;
    let mut slow = fake();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    slow.gate = Some(Arc::clone(&gate));
    let sent = Arc::clone(&slow.sent);
    let slow = open(Arc::clone(&store), slow, settings()).await;
    let first = tokio::spawn(async move { slow.submit(&airtime("a", 1, 100)).await });
    while sent.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let other = fake();
    let sent = Arc::clone(&other.sent);
    let other = open(store, other, settings()).await;
    let Submission::Unknown(unknown) = other.submit(&airtime("a", 1, 100)).await.unwrap() else {
        panic!()
    };
    assert_eq!(unknown.cause().kind(), ErrorKind::Conflict);
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    gate.add_permits(1);
    let told = first.await.unwrap().unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
}

async fn a_planned_row_is_sent_by_its_holder_only(world: World) {
    let store = world.store().await;
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let ledger = open(Arc::clone(&store), fake, settings()).await;
    let late = open(store, self::fake(), brief()).await;
    let rows = (1..=3).map(|n| PlanRow::new(n, airtime(&format!("p{n}"), n, 100)));
    ledger.plan("j", rows.collect()).await.unwrap();
    let mut lost = late.take("j", 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut held = ledger.take("j", 2).await.unwrap();
    // One that is held is not sent by its reference; one that nobody holds is.
    let refused = ledger.submit(&airtime("p1", 1, 100)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    let told = ledger.submit(&airtime("p3", 3, 100)).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    // Whoever lost a row sends it no more: neither one that was sent since, nor one that was given up.
    let second = held.pop().unwrap();
    ledger.cancel(second, "not wanted").await.unwrap();
    let _ = ledger.send(held.pop().unwrap()).await.unwrap();
    let refused = late.send(lost.pop().unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "it was given up");
    let told = late.send(lost.pop().unwrap()).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)), "its story");
    assert_eq!(sent.load(Ordering::SeqCst), 2);
}

async fn a_taken_row_is_cancelled_by_its_holder_only(world: World) {
    let store = world.store().await;
    let slow = open(Arc::clone(&store), fake(), brief()).await;
    let ledger = open(store, fake(), settings()).await;
    let rows = [1, 2].map(|n| PlanRow::new(n, airtime(&format!("r{n}"), n, 100)));
    ledger.plan("j", rows.into()).await.unwrap();
    let late = slow.take("j", 1).await.unwrap().pop().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut held = ledger.take("j", 2).await.unwrap();
    let refused = slow.cancel(late, "too late").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert_eq!(state(&ledger, "r1").await, State::Planned);
    let second = held.pop().unwrap();
    ledger.cancel(second, "the customer left").await.unwrap();
    let row = ledger.status(&reference("r2")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::NotSent, Some(false)));
    assert_eq!(row.why.unwrap().message, "cancelled: the customer left");
    let told = ledger.send(held.pop().unwrap()).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
}

async fn many_at_once_take_every_row_once(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let rows = (0..20).map(|n| PlanRow::new(n, airtime(&format!("t{n}"), n, 100)));
    ledger.plan("j", rows.collect()).await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let ledger = ledger.clone();
        tasks.spawn(async move { ledger.take("j", 1).await.unwrap().pop() });
    }
    let mut taken = tasks.join_all().await;
    // A row that two want at one moment may go to neither; it is free the next moment.
    taken.extend(ledger.take("j", 20).await.unwrap().into_iter().map(Some));
    let mut lines: Vec<_> = taken.iter().flatten().map(|entry| entry.line()).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..20).map(Some).collect::<Vec<_>>());
}

/// Work that gathers shares one transaction, and yet nobody pays for another's mistake.
async fn one_that_fails_fails_alone(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let mut tasks = JoinSet::new();
    for n in 0..20 {
        let ledger = ledger.clone();
        let intent = if n == 7 {
            let most = Amount::from_minor(i64::MAX, Currency::NGN);
            let two = NonZeroU32::new(2).unwrap();
            TopupIntent::new(reference("f7"), Product::pins(most, two))
        } else {
            airtime(&format!("f{n}"), n, 100)
        };
        tasks.spawn(async move { (n, ledger.plan("j", vec![PlanRow::new(n, intent)]).await) });
    }
    let failed = tasks
        .join_all()
        .await
        .into_iter()
        .filter(|(_, plan)| plan.is_err());
    assert_eq!(failed.map(|(n, _)| n).collect::<Vec<_>>(), [7]);
    assert_eq!(ledger.count(None).await.unwrap().all(), 19);
}

async fn a_refused_reissue_says_why(world: World) {
    let fake = fake().answering([Answer::Accept, Answer::Lose(ErrorKind::Timeout)]);
    let ledger = open(world.store().await, fake, settings()).await;
    let (done, lost) = (airtime("done", 1, 100), airtime("lost", 2, 100));
    for intent in [&done, &lost] {
        let _ = ledger.submit(intent).await.unwrap();
    }
    let why = async |intent: &TopupIntent| {
        let again = ledger.submit_with(intent, Options::default().reissue());
        let refused = again.await.unwrap_err();
        assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Reissue));
        refused.to_string()
    };
    assert!(why(&done).await.ends_with("it was delivered"));
    assert!(why(&lost).await.ends_with("settle it first"));
    let reversed = ledger.reverse(&done.reference, "ada", "their credit note");
    reversed.await.unwrap();
    assert!(why(&done).await.contains("taken back"));
}

/// A worker whose connection broke hands its work in again.
async fn the_same_work_again_is_recognised_and_other_work_is_not(world: World) {
    let store = world.store().await;
    let pins = TopupIntent::new(
        reference("a"),
        Product::pins(support::naira(100), NonZeroU32::MIN),
    );
    let claim = |owner: &str| {
        let mut claim = Claim::new(Identity::new("fake", "shop"), pins.clone(), owner);
        claim.lease = Duration::from_secs(60);
        claim
    };
    let Begun::Go(mark) = store.begin(claim("one/1")).await.unwrap() else {
        panic!()
    };
    let again = store.begin(claim("one/1")).await.unwrap();
    assert!(matches!(again, Begun::Go(same) if same == mark));
    let other = store.begin(claim("one/2")).await.unwrap();
    assert!(matches!(other, Begun::Story(_)));

    let bare = TopupReceipt::new(reference("a"));
    let mut paid = bare.clone();
    paid.pins.push(Pin::new(Secret::new("123456789012")));
    let accepted = |receipt: &TopupReceipt| Step::Accepted(Box::new(receipt.clone()));
    let stranger = Mark {
        fence: mark.fence + 1,
        ..mark.clone()
    };
    let rejected = Step::Rejected(Why::new(ErrorKind::Other, "no"));
    for (mark, step, expected) in [
        (&stranger, accepted(&bare), Recorded::Superseded),
        (&mark, accepted(&bare), Recorded::Done),
        (&mark, accepted(&bare), Recorded::Done),
        (&stranger, accepted(&bare), Recorded::Superseded),
        (&mark, rejected, Recorded::Superseded),
        // Not the same: these PINs are new, and kept, whoever brings them.
        (&mark, accepted(&paid), Recorded::Superseded),
        (&mark, accepted(&paid), Recorded::Done),
    ] {
        let recorded = store.record(mark.clone(), step.clone()).await.unwrap();
        assert_eq!(recorded, expected, "{step:?}");
    }
    let row = store.find(reference("a")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Accepted, Some(true)));
    assert_eq!(row.receipt.pins, paid.pins);
}

/// The answer got lost, so the person says it once more; another one says something else.
async fn the_same_verdict_again_is_the_same_answer(world: World) {
    let fake = fake().answering([Answer::Lose(ErrorKind::Timeout)]);
    let ledger = open(world.store().await, fake, settings()).await;
    let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    assert!(matches!(told, Submission::Unknown(_)));
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    let name = reference("a");
    let (yes, no) = (Verdict::Delivered, Verdict::NotDelivered);
    for (who, why, verdict, stands) in [
        ("ada", "their mail", yes, true),
        ("ada", "their mail", yes, true),
        ("bob", "their mail", yes, false),
        ("ada", "their statement", yes, false),
        ("ada", "their mail", no, false),
    ] {
        let resolved = ledger.resolve(&name, who, why, verdict).await;
        let refused = resolved.err().map(|e| e.kind());
        let expected = (!stands).then_some(ErrorKind::Conflict);
        assert_eq!(refused, expected, "{who} {why} {verdict:?}");
    }
    for (why, stands) in [("June", true), ("June", true), ("July", false)] {
        let reversed = ledger.reverse(&name, "ada", why).await;
        assert_eq!(reversed.is_ok(), stands, "{why}");
    }
    let history = ledger.history(&name).await.unwrap();
    let told = history.iter().filter(|event| event.who.is_some()).count();
    assert_eq!(told, 2, "each once");
}

/// The caller is gone before the claim is written, or before it hears of it: either way nothing left, and the row says so.
async fn a_right_to_send_that_nobody_waits_for_is_nobody_s(world: World) {
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    for n in 0..60 {
        let intent = airtime(&format!("g{n}"), n, 100);
        let before = sent.load(Ordering::SeqCst);
        let mut submit = Box::pin(ledger.submit(&intent));
        let handed_in = std::future::poll_fn(|cx| {
            std::task::Poll::Ready(submit.as_mut().poll(cx).is_pending())
        });
        if !handed_in.await || sent.load(Ordering::SeqCst) > before {
            // The claim was written before this thread came on: it is sent as always.
            continue;
        }
        // Gone at once, or when it may have been written.
        if n % 2 > 0 {
            tokio::time::sleep(Duration::from_millis(n % 7)).await;
        }
        drop(submit);
        // Handed in after it, so performed after it.
        let row = ledger.status(&intent.reference).await.unwrap();
        let state = row.map(|row| row.state);
        assert!(
            matches!(state, None | Some(State::NotSent)),
            "{n}: {state:?}"
        );
        let before = sent.load(Ordering::SeqCst);
        let told = ledger.submit(&intent).await.unwrap();
        assert!(matches!(told, Submission::Accepted(_)));
        assert_eq!(sent.load(Ordering::SeqCst), before + 1);
    }
}

/// Its wall clock goes on while the machine is suspended; the other one does not.
#[derive(Debug, Default)]
struct Suspended(AtomicU64);

impl Clock for Suspended {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(7)
    }
}

/// What is left of the lease must be enough for the transmission.
async fn a_row_that_took_long_to_write_down_is_not_sent(world: World) {
    let store = world.store().await;
    for (name, part, sends) in [("short", 5, 1), ("long", 4, 0)] {
        let clock = Arc::new(Suspended::default());
        let mut settings = settings();
        settings.lease = Duration::from_secs(100);
        settings.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        settings.watch = Some(Watch::new(move |moment| {
            if moment.state == State::Sending && moment.durable {
                clock.0.fetch_add(100 / part, Ordering::SeqCst);
            }
        }));
        let fake = fake();
        let sent = Arc::clone(&fake.sent);
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let told = ledger.submit(&airtime(name, part, 100)).await;
        let refused = told.err().map(|e| e.kind());
        assert_eq!(
            refused,
            (sends == 0).then_some(ErrorKind::Timeout),
            "{name}"
        );
        assert_eq!(sent.load(Ordering::SeqCst), sends, "{name}");
    }
}

/// Its lease ended while it held the row: also where it would refuse to send it by now.
async fn what_another_worker_delivered_is_not_told_as_not_sent(world: World) {
    let store = world.store().await;
    let slow = fake();
    let refusing = Arc::clone(&slow.refusing);
    let slow = open(Arc::clone(&store), slow, brief()).await;
    let ledger = open(store, fake(), settings()).await;
    let rows = [1, 2].map(|n| PlanRow::new(n, airtime(&format!("s{n}"), n, 100)));
    ledger.plan("j", rows.into()).await.unwrap();
    let lost = slow.take("j", 2).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    for entry in ledger.take("j", 2).await.unwrap() {
        let _ = ledger.send(entry).await.unwrap();
    }
    for (entry, refuses) in lost.into_iter().zip([false, true]) {
        refusing.store(refuses, Ordering::SeqCst);
        let told = slow.send_with(entry, Options::default().reissue()).await;
        assert!(matches!(told, Ok(Submission::Accepted(_))), "{told:?}");
    }
}

async fn a_worker_that_slept_past_its_lease_sends_nothing(world: World) {
    let clock = Arc::new(Suspended::default());
    let mut settings = settings();
    settings.clock = Arc::clone(&clock) as Arc<dyn Clock>;
    let lease = settings.lease.as_secs();
    settings.watch = Some(Watch::new(move |moment| {
        // The lid is closed when the claim is written, and opened the next morning.
        if moment.state == State::Sending && moment.durable && moment.reference.as_str() == "a" {
            clock.0.fetch_add(lease, Ordering::SeqCst);
        }
    }));
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings).await;
    let late = ledger.submit(&airtime("a", 1, 100)).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Timeout);
    assert_eq!(state(&ledger, "a").await, State::NotSent);
    assert_eq!(sent.load(Ordering::SeqCst), 0);
    assert!(ledger.submit(&airtime("b", 2, 100)).await.is_ok());
}
