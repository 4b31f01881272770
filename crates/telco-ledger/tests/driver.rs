//! The driver over both stores, against the Cowrie sandbox.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{World, airtime, naira, number, open, reference, settings};
use telco_core::{Amount, Currency, ErrorKind, Identity, Product, Submission, TopupIntent};
use telco_ledger::{
    Ask, Begun, Claim, Count, Counts, Filter, Guard, LeftOut, Mark, Options, Placed, PlanRow,
    Recorded, State, Step, Verdict, Why,
};
use telco_sandbox::{FaultRule, Phase};

support::on_both_stores!(
    a_top_up_is_written_sent_once_and_told_again_without_sending,
    a_reference_goes_through_one_account_only,
    a_row_that_was_taken_goes_through_its_own_account_only,
    an_unknown_outcome_is_looked_up_and_never_sent_again,
    a_dropped_future_leaves_a_row_that_says_so,
    what_was_not_sent_may_be_sent_and_what_was_rejected_only_when_asked,
    pins_are_durable_and_told_again,
    a_job_is_planned_taken_and_sent,
    a_row_that_cannot_be_sent_ends_so_and_can_be_planned_anew,
    a_duplicate_is_not_planned_anew,
    rows_are_counted_by_state_verdict_and_currency,
    a_worker_whose_lease_ended_cannot_cancel_what_another_sent,
);

/// A fault of a purchase, not of the lookups that follow.
fn lose(phase: Phase, reference: &str) -> FaultRule {
    let operation = if reference == "lost" {
        "pin-batch"
    } else {
        "credit"
    };
    FaultRule::new(phase)
        .reference(reference)
        .operation(operation)
}

fn states(history: &[telco_ledger::Event]) -> Vec<State> {
    history.iter().map(|event| event.state).collect()
}

async fn a_top_up_is_written_sent_once_and_told_again_without_sending(world: World) {
    let ledger = world.ledger().await;
    let intent = airtime("a", 1, 100);
    let first = ledger.submit(&intent).await.unwrap();
    let Submission::Accepted(first) = first else {
        panic!("{first:?}")
    };
    let again = ledger.submit(&intent).await.unwrap();
    let Submission::Accepted(again) = again else {
        panic!("{again:?}")
    };
    assert_eq!(first.provider_id, again.provider_id);
    assert_eq!((first.cost, first.balance), (again.cost, again.balance));
    assert_eq!(world.truth(&reference("a")), (1, 1));
    use State::*;
    let history = ledger.history(&reference("a")).await.unwrap();
    assert_eq!(states(&history), [Planned, Prepared, Sending, Accepted]);

    let other = ledger.submit(&airtime("a", 1, 200)).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    assert_eq!(world.truth(&reference("a")), (1, 1));
}

async fn a_reference_goes_through_one_account_only(world: World) {
    let ledger = world.ledger().await;
    let intent = airtime("a", 1, 100);
    let _ = ledger.submit(&intent).await.unwrap();
    drop(ledger);
    let elsewhere = support::client_at(&world.url())
        .account("other")
        .build()
        .unwrap();
    let ledger = open(world.store().await, elsewhere, settings()).await;
    let refused = ledger.submit(&intent).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("cowrie/shop"), "{refused}");
    assert!(ledger.settle_one(&reference("a")).await.is_err());
    assert_eq!(world.truth(&reference("a")), (1, 1));
}

/// A service with two accounts on one store mixes its ledgers up.
async fn a_row_that_was_taken_goes_through_its_own_account_only(world: World) {
    let store = world.store().await;
    let own = open(Arc::clone(&store), world.client(), settings()).await;
    let elsewhere = support::client_at(&world.url()).account("other");
    let elsewhere = elsewhere.build().unwrap();
    let other = open(Arc::clone(&store), elsewhere, settings()).await;
    let intent = airtime("a", 1, 100);
    own.plan("j", vec![PlanRow::new(1, intent.clone())])
        .await
        .unwrap();
    let take = async || own.take("j", 1).await.unwrap().pop().unwrap();
    let refused = other.send(take().await).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(refused.to_string().contains("cowrie/shop"), "{refused}");
    // It was given back, so it is there to be taken at once.
    let refused = other.cancel(take().await, "not wanted").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let row = own.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!(row.state, State::Planned);
    // Nor does the store grant it, whoever asks.
    let ask = Ask::new(own.identity().clone(), "w/1", Duration::from_secs(60), 1);
    let held = store.take("j".to_owned(), ask).await.unwrap();
    let history = store.history(reference("a")).await.unwrap();
    let mut claim = Claim::new(other.identity().clone(), intent, "w/2");
    for fence in 0..10 {
        claim.mark = Some(Mark {
            reference: reference("a"),
            fence,
        });
        let begun = store.begin(claim.clone()).await.unwrap();
        assert!(matches!(begun, Begun::Other(_)), "{fence}: {begun:?}");
    }
    assert_eq!(held.len(), 1);
    assert_eq!(
        store.history(reference("a")).await.unwrap().len(),
        history.len()
    );
    assert_eq!(world.sandbox.totals().requests, 0);
}

async fn an_unknown_outcome_is_looked_up_and_never_sent_again(world: World) {
    let faults = world.sandbox.faults();
    faults.add(lose(Phase::ActThenReset, "acted"));
    faults.add(lose(Phase::ResetBefore, "nothing"));
    let late = lose(Phase::ActThenError, "late");
    faults.add(late.lookup_delay(Duration::from_millis(60)));
    let ledger = world.ledger().await;
    for (n, name) in (1..).zip(["acted", "nothing", "late"]) {
        let answer = ledger.submit(&airtime(name, n, 100)).await.unwrap();
        assert!(matches!(answer, Submission::Unknown(_)), "{name}");
        let again = ledger.submit(&airtime(name, n, 100)).await.unwrap();
        assert!(matches!(again, Submission::Unknown(_)), "{name}");
    }
    let settled = ledger.settle().await.unwrap();
    assert_eq!((settled.delivered, settled.unresolved), (2, 1), "{settled}");
    for (name, state, truth) in [
        ("acted", State::Settled, (1, 1)),
        ("late", State::Settled, (1, 1)),
        ("nothing", State::Unresolved, (1, 0)),
    ] {
        let row = ledger.status(&reference(name)).await.unwrap().unwrap();
        assert_eq!(row.state, state, "{name}");
        assert_eq!(world.truth(&reference(name)), truth, "{name}");
    }
    let open = ledger.open_operations().await.unwrap();
    assert_eq!(open.len(), 1);
    assert!(open[0].why.as_ref().unwrap().message.contains("3 looks"));

    // A person asked the provider.
    let nothing = reference("nothing");
    let nameless = ledger.resolve(&nothing, " ", "mail", Verdict::NotDelivered);
    assert!(nameless.await.is_err());
    ledger
        .resolve(&nothing, "ada", "mail of 3 May", Verdict::NotDelivered)
        .await
        .unwrap();
    let twice = ledger
        .resolve(&nothing, "bob", "?", Verdict::Delivered)
        .await;
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Conflict);
    let told = ledger.submit(&airtime("nothing", 2, 100)).await.unwrap();
    assert!(matches!(told, Submission::Rejected(_)));
    let row = ledger.status(&nothing).await.unwrap().unwrap();
    assert_eq!(row.who.as_deref(), Some("ada"));
    // And now it may be sent again, if asked for.
    faults.clear();
    let again = Options::default().reissue();
    let told = ledger.submit_with(&airtime("nothing", 2, 100), again).await;
    assert!(matches!(told.unwrap(), Submission::Accepted(_)));
    assert_eq!(world.truth(&nothing), (2, 1));
    assert!(ledger.open_operations().await.unwrap().is_empty());

    // Late reversals have a place, and what was taken back is not sent again by itself.
    let nobody = reference("nobody");
    let unsent = ledger.reverse(&nobody, "ada", "statement of June");
    assert!(unsent.await.is_err());
    ledger
        .reverse(&nothing, "ada", "statement of June")
        .await
        .unwrap();
    let row = ledger.status(&nothing).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Reversed, Some(false)));
    let told = ledger.submit(&airtime("nothing", 2, 100)).await.unwrap();
    assert!(matches!(told, Submission::Rejected(_)));
    assert_eq!(world.truth(&nothing), (2, 1));
    let twice = ledger.reverse(&nothing, "ada", "statement of July").await;
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Conflict);
}

async fn a_dropped_future_leaves_a_row_that_says_so(world: World) {
    let faults = world.sandbox.faults();
    faults.add(lose(Phase::ActThenStall, "gone"));
    let ledger = world.ledger().await;
    let intent = airtime("gone", 1, 100);
    let submit = tokio::time::timeout(Duration::from_millis(300), ledger.submit(&intent));
    assert!(submit.await.is_err());
    let row = ledger.status(&reference("gone")).await.unwrap().unwrap();
    assert_eq!(row.state, State::Sending);
    let settled = ledger.settle().await.unwrap();
    assert_eq!(settled.delivered, 1);
    assert_eq!(world.truth(&reference("gone")), (1, 1));
}

async fn what_was_not_sent_may_be_sent_and_what_was_rejected_only_when_asked(world: World) {
    let ledger = world.ledger().await;
    let intent = airtime("down", 1, 100);
    world.sandbox.set_down("cowrie", true).await;
    assert!(ledger.submit(&intent).await.is_err());
    let row = ledger.status(&reference("down")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::NotSent, Some(false)));
    world.sandbox.set_down("cowrie", false).await;
    let told = ledger.submit(&intent).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert_eq!(world.truth(&reference("down")), (1, 1));

    // 402, whatever is sent there.
    let poor = TopupIntent::new(
        reference("poor"),
        Product::airtime(
            telco_core::Msisdn::parse("2348000000402").unwrap(),
            telco_core::Operator::new("MTN"),
            naira(5),
        ),
    );
    for _ in 0..2 {
        let Submission::Rejected(why) = ledger.submit(&poor).await.unwrap() else {
            panic!()
        };
        assert_eq!(why.kind(), ErrorKind::InsufficientBalance);
        assert_eq!(why.as_error().provider_code(), Some("402"));
    }
    assert_eq!(world.truth(&reference("poor")).0, 1);
    let again = Options::default().reissue();
    let told = ledger.submit_with(&poor, again).await.unwrap();
    assert!(matches!(told, Submission::Rejected(_)));
    assert_eq!(world.truth(&reference("poor")).0, 2);
    let refused = ledger.submit_with(&intent, again).await.unwrap_err();
    assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Reissue));
}

async fn pins_are_durable_and_told_again(world: World) {
    let ledger = world.ledger().await;
    let three = std::num::NonZeroU32::new(3).unwrap();
    let intent = TopupIntent::new(reference("pins"), Product::pins(naira(100), three));
    let Submission::Accepted(bought) = ledger.submit(&intent).await.unwrap() else {
        panic!()
    };
    assert_eq!(bought.pins.len(), 3);
    drop(ledger);
    let ledger = world.ledger().await;
    let Submission::Accepted(told) = ledger.submit(&intent).await.unwrap() else {
        panic!()
    };
    assert_eq!(told.pins, bought.pins);
    assert_eq!(told.answer, bought.answer);
    // No query exists: straight to a person, with no lookup.
    let faults = world.sandbox.faults();
    faults.add(lose(Phase::ActThenReset, "lost"));
    let lost = TopupIntent::new(reference("lost"), Product::pins(naira(100), three));
    assert!(matches!(
        ledger.submit(&lost).await.unwrap(),
        Submission::Unknown(_)
    ));
    assert_eq!(ledger.settle().await.unwrap().unresolved, 1);
    assert_eq!(world.truth(&reference("lost")), (1, 1));
}

async fn a_job_is_planned_taken_and_sent(world: World) {
    let ledger = world.ledger().await;
    let rows: Vec<_> = (0..10)
        .map(|n| PlanRow::new(n + 2, airtime(&format!("job-{n}"), n, 50)))
        .collect();
    let placed = ledger.plan("march", rows.clone()).await.unwrap();
    assert!(placed.iter().all(|row| *row == Placed::New));
    let placed = ledger.plan("march", rows).await.unwrap();
    assert!(placed.iter().all(|row| *row == Placed::Known));
    let other = PlanRow::new(2, airtime("job-0", 0, 60));
    assert_eq!(
        ledger.plan("march", vec![other]).await.unwrap(),
        [Placed::Conflict]
    );
    ledger.note("march", Some("file 4711")).await.unwrap();
    assert_eq!(
        ledger.noted("march").await.unwrap().as_deref(),
        Some("file 4711")
    );

    let mut taken = ledger.take("march", 4).await.unwrap();
    let lines: Vec<_> = taken.iter().filter_map(|entry| entry.line()).collect();
    assert_eq!(lines, [2, 3, 4, 5]);
    let back = taken.pop().unwrap();
    ledger.release(back).await.unwrap();
    for entry in taken {
        assert!(matches!(
            ledger.send(entry).await.unwrap(),
            Submission::Accepted(_)
        ));
    }
    let rest = ledger.take("march", 100).await.unwrap();
    assert_eq!(rest.len(), 7);
    assert!(ledger.take("march", 100).await.unwrap().is_empty(), "held");
    ledger.stop("the bank called").await.unwrap();
    for entry in rest {
        let refused = ledger.send(entry).await.unwrap_err();
        assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Stop));
    }
    let counts = ledger.count(Some("march")).await.unwrap();
    assert_eq!(
        (counts.all(), counts.of(State::Planned), counts.delivered()),
        (10, 7, 3)
    );
    ledger.go_on().await.unwrap();
    for entry in ledger.take("march", 100).await.unwrap() {
        let _ = ledger.send(entry).await.unwrap();
    }
    assert_eq!(ledger.count(Some("march")).await.unwrap().delivered(), 10);
    let page = ledger
        .list(Filter::default().job("march").at_most(4))
        .await
        .unwrap();
    let next = Filter::default().job("march").after(page[3].id);
    assert_eq!(ledger.list(next).await.unwrap().len(), 6);
    assert_eq!(world.sandbox.totals().requests, 10);
    let _ = number(1);
}

async fn a_row_that_cannot_be_sent_ends_so_and_can_be_planned_anew(world: World) {
    let ledger = world.ledger().await;
    let row = PlanRow::new(2, airtime("x", 1, 50));
    ledger.plan("j", vec![row]).await.unwrap();
    world.sandbox.set_down("cowrie", true).await;
    let entry = ledger.take("j", 1).await.unwrap().pop().unwrap();
    assert!(ledger.send(entry).await.is_err());
    world.sandbox.set_down("cowrie", false).await;
    assert!(ledger.take("j", 1).await.unwrap().is_empty());
    assert_eq!(ledger.replan("j").await.unwrap(), 1);
    let entry = ledger.take("j", 1).await.unwrap().pop().unwrap();
    assert!(matches!(
        ledger.send(entry).await.unwrap(),
        Submission::Accepted(_)
    ));
}

/// Lines 2 and 3 are one number: the second would go out once the guard's window is over.
async fn a_duplicate_is_not_planned_anew(world: World) {
    let mut settings = settings();
    settings.guards.duplicate_within = Some(Duration::from_secs(600));
    let ledger = world.ledger_with(settings).await;
    let rows = [(2, 1), (3, 1), (4, 2)];
    let rows = rows.map(|(line, to)| PlanRow::new(line, airtime(&format!("d{line}"), to, 100)));
    ledger.plan("j", rows.to_vec()).await.unwrap();
    let mut entries = ledger.take("j", 9).await.unwrap();
    let customer = entries.pop().unwrap();
    ledger.cancel(customer, "the customer left").await.unwrap();
    let again = entries.pop().unwrap();
    let first = ledger.send(entries.pop().unwrap()).await.unwrap();
    assert!(matches!(first, Submission::Accepted(_)));
    let refused = ledger.send(again).await.unwrap_err();
    assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Duplicate));
    assert_eq!(ledger.replan("j").await.unwrap(), 0);
    let left_out = [(LeftOut::Cancelled, 1), (LeftOut::Duplicate, 1)];
    assert_eq!(ledger.left_out("j").await.unwrap(), left_out.into());
    assert!(ledger.left_out("other").await.unwrap().is_empty());
    let back = ledger.replan_with("j", &[LeftOut::Cancelled]).await;
    assert_eq!(back.unwrap(), 1, "the customer is back");
    assert_eq!(
        ledger.left_out("j").await.unwrap(),
        left_out[1..].iter().copied().collect()
    );
    for entry in ledger.take("j", 9).await.unwrap() {
        assert_eq!(entry.line(), Some(4));
        let _ = ledger.send(entry).await.unwrap();
    }
    assert_eq!(world.truth(&reference("d3")), (0, 0));
    // Somebody did want it twice.
    let twice = Options::default().allow_duplicate();
    let told = ledger.submit_with(&rows[1].intent, twice).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert!(ledger.left_out("j").await.unwrap().is_empty());
}

async fn rows_are_counted_by_state_verdict_and_currency(world: World) {
    let store = world.store().await;
    let shop = Identity::new("fake", "shop");
    let row = |n: u64, currency| {
        let amount = Amount::from_minor(100, currency);
        let product = Product::airtime(number(n), None, amount);
        PlanRow::new(n, TopupIntent::new(reference(format!("n{n}")), product))
    };
    let naira: Vec<_> = (0..5).map(|n| row(n, Currency::NGN)).collect();
    let (job, planned) = ("j".to_owned(), naira.clone());
    store
        .plan(shop.clone(), job.clone(), planned)
        .await
        .unwrap();
    let person = || ("ada".to_owned(), "ticket 7".to_owned());
    for (row, delivered) in naira.iter().zip([Some(true), Some(false), None, None]) {
        let intent = row.intent.clone();
        let name = intent.reference.clone();
        let claim = Claim::new(shop.clone(), intent, format!("w/{}", row.line));
        let Begun::Go(mark) = store.begin(claim).await.unwrap() else {
            panic!("{name}")
        };
        let why = Why::new(ErrorKind::Timeout, "lost");
        let lost = Step::Unknown {
            why: why.clone(),
            provisional: None,
            answer: None,
            after: Duration::ZERO,
        };
        for step in [lost, Step::Unresolved(why)] {
            let told = store.record(mark.clone(), step).await.unwrap();
            assert_eq!(told, Recorded::Done);
        }
        if let Some(delivered) = delivered {
            let (who, why) = person();
            let step = Step::Resolved {
                delivered,
                who,
                why,
            };
            assert_eq!(store.decide(name, step).await.unwrap(), Recorded::Done);
        }
    }
    let tell = |counts: Counts| {
        let tell = |count: &Count| {
            let (state, price) = (count.state.to_string(), count.price.to_string());
            (state, count.delivered, count.rows, price)
        };
        let mut told: Vec<_> = counts.rows.iter().map(tell).collect();
        told.sort();
        told
    };
    let told = |state: State, delivered, rows, price: &str| {
        (state.to_string(), delivered, rows, price.to_owned())
    };
    let mut expected = vec![
        told(State::Planned, None, 1, "NGN 1.00"),
        told(State::Resolved, Some(false), 1, "NGN 1.00"),
        told(State::Resolved, Some(true), 1, "NGN 1.00"),
        told(State::Unresolved, None, 2, "NGN 2.00"),
    ];
    assert_eq!(
        tell(store.count(Some(job.clone())).await.unwrap()),
        expected
    );
    assert_eq!(tell(store.count(None).await.unwrap()), expected);

    let dollars = vec![row(9, Currency::USD)];
    store.plan(shop, job.clone(), dollars).await.unwrap();
    expected.insert(1, told(State::Planned, None, 1, "USD 1.00"));
    assert_eq!(tell(store.count(Some(job)).await.unwrap()), expected);
    assert_eq!(store.count(Some("k".to_owned())).await.unwrap().all(), 0);
}

async fn a_worker_whose_lease_ended_cannot_cancel_what_another_sent(world: World) {
    let mut brief = settings();
    brief.lease = Duration::from_millis(1);
    let store = world.store().await;
    let late = open(Arc::clone(&store), world.client(), brief).await;
    let row = PlanRow::new(2, airtime("x", 1, 50));
    late.plan("j", vec![row]).await.unwrap();
    let held = late.take("j", 1).await.unwrap().pop().unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;

    let next = open(store, world.client(), settings()).await;
    let entry = next.take("j", 1).await.unwrap().pop().unwrap();
    let told = next.send(entry).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    let refused = late.cancel(held, "the customer left").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let row = next.status(&reference("x")).await.unwrap().unwrap();
    assert_eq!(row.delivered, Some(true));
}
