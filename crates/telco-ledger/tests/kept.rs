//! What the ledger keeps, lists, counts and tells again.
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
use std::sync::atomic::Ordering;
use std::time::Duration;

use support::fake::{Answer, Fake};
use support::{World, airtime, naira, open, reference, settings};
use telco_core::{
    Amount, Currency, ErrorKind, Identity, Lookup, LookupSupport, Operator, Pin, Product,
    ProductKind, ProductRules, RecordState, Reference, ReplayGuard, Secret, SecretBytes,
    Submission, TopupCapabilities, TopupIntent, TopupReceipt, TopupRecord,
};
use telco_ledger::{
    Ask, Begun, Claim, Filter, Guard, Ledger, LeftOut, Mark, Options, Placed, PlanRow, Recorded,
    Settled, State, Step, Store, Verdict, Why,
};

support::on_both_stores!(
    what_was_sent_has_its_story_even_if_it_is_not_sold_any_more,
    what_was_found_delivered_is_not_sent_again_even_if_asked_for,
    what_may_hold_is_told_again,
    an_unknown_outcome_is_looked_up_when_the_provider_is_ready,
    lookups_are_spaced_and_few_at_a_time,
    every_product_is_read_as_it_was_written,
    amounts_are_read_in_the_currency_they_were_told_in,
    rows_are_listed_and_counted,
    a_job_in_two_currencies_is_counted_in_each,
    a_plan_is_written_whole_or_not_at_all,
    a_plan_has_a_name_and_an_end,
    every_transmission_names_its_worker,
    what_is_sent_again_tells_its_own_receipt_and_loses_nothing_paid,
    an_answer_that_comes_too_late_is_kept,
    an_answer_that_comes_too_late_settles_what_nobody_knows,
    what_was_accepted_after_all_is_not_sent_again,
    what_was_accepted_after_all_is_not_planned_and_sent,
    a_second_delivery_is_not_hidden,
    a_history_names_the_same_workers_in_every_store,
);

fn capable(first_look: Duration) -> TopupCapabilities {
    let rules = ProductKind::ALL.iter().map(|kind| {
        ProductRules::new(*kind)
            .lookup(LookupSupport::FindsOnly, [first_look])
            .replay(ReplayGuard::ByteIdentical {
                within: Duration::from_secs(600),
            })
    });
    TopupCapabilities::new(Currency::NGN, rules.collect::<Vec<_>>())
}

fn fake() -> Fake {
    Fake::new(capable(Duration::from_millis(5)))
}

fn lost() -> Answer {
    Answer::Lose(ErrorKind::Timeout)
}

async fn state(ledger: &Ledger, name: &str) -> State {
    let row = ledger.status(&reference(name)).await.unwrap();
    row.unwrap().state
}

async fn what_was_sent_has_its_story_even_if_it_is_not_sold_any_more(world: World) {
    let fake = fake();
    let (sent, refusing) = (Arc::clone(&fake.sent), Arc::clone(&fake.refusing));
    let ledger = open(world.store().await, fake, settings()).await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    refusing.store(true, Ordering::SeqCst);
    let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    // Another amount is another thing, and has no story.
    for other in [airtime("a", 1, 101), airtime("b", 1, 100)] {
        let refused = ledger.submit(&other).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
    assert_eq!(sent.load(Ordering::SeqCst), 1);
}

async fn what_was_found_delivered_is_not_sent_again_even_if_asked_for(world: World) {
    let found = Lookup::Found(TopupRecord::new(RecordState::Completed));
    let fake = fake()
        .answering([lost(), lost()])
        .showing([Ok(found), Ok(Lookup::NotFound)]);
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    for (n, name) in [(1, "found"), (2, "resolved")] {
        let _ = ledger.submit(&airtime(name, n, 100)).await.unwrap();
        ledger.settle().await.unwrap();
    }
    let resolved = reference("resolved");
    ledger
        .resolve(&resolved, "ada", "called them", Verdict::Delivered)
        .await
        .unwrap();
    assert_eq!(state(&ledger, "found").await, State::Settled);
    assert_eq!(state(&ledger, "resolved").await, State::Resolved);
    for (n, name) in [(1, "found"), (2, "resolved")] {
        let again = Options::default().reissue();
        let refused = ledger.submit_with(&airtime(name, n, 100), again).await;
        let refused = refused.unwrap_err();
        let said = refused.to_string();
        let guard = Guard::behind(refused.as_error());
        assert_eq!(guard, Some(Guard::Reissue), "{name}");
        assert!(said.contains("not proven"), "{said}");
    }
    assert_eq!(sent.load(Ordering::SeqCst), 2);
}

async fn what_may_hold_is_told_again(world: World) {
    let store = world.store().await;
    let doubtful = |name: &str| TopupReceipt::new(reference(name));
    let mut id = doubtful("id");
    id.provider_id = Some("77".to_owned());
    id.answer = Some(SecretBytes::new("garbled"));
    let mut pins = doubtful("pins");
    pins.pins.push(Pin::new(Secret::new("1234-5678")));
    let cases = [
        ("id", id, true),
        ("pins", pins, true),
        ("bare", doubtful("bare"), false),
    ];
    for (name, receipt, tells) in cases {
        let fake = fake().answering([Answer::Doubt(Box::new(receipt.clone()))]);
        let ledger = open(Arc::clone(&store), fake, settings()).await;
        let product = Product::pins(naira(100), NonZeroU32::MIN);
        let intent = TopupIntent::new(reference(name), product);
        let _ = ledger.submit(&intent).await.unwrap();
        let Submission::Unknown(unknown) = ledger.submit(&intent).await.unwrap() else {
            panic!("{name}")
        };
        assert_eq!(unknown.answer(), receipt.answer.as_ref(), "{name}");
        let told = unknown.provisional();
        assert_eq!(told.is_some(), tells, "{name}");
        if let Some(told) = told {
            assert_eq!(told.provider_id, receipt.provider_id);
            assert_eq!(told.pins, receipt.pins);
        }
    }
}

async fn an_unknown_outcome_is_looked_up_when_the_provider_is_ready(world: World) {
    let hour = Duration::from_secs(3_600);
    let fake = Fake::new(capable(hour)).answering([lost()]);
    let looked = Arc::clone(&fake.looked);
    let ledger = open(world.store().await, fake, settings()).await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let next = ledger.resume().await.unwrap().next.unwrap();
    assert!(next > hour / 2 && next <= hour, "{next:?}");
    assert_eq!(looked.load(Ordering::SeqCst), 0);
}

async fn lookups_are_spaced_and_few_at_a_time(world: World) {
    let store = world.store().await;
    let wait = Duration::from_millis(150);
    let rules = ProductRules::new(ProductKind::Airtime)
        .lookup(LookupSupport::FindsOnly, [Duration::ZERO, wait, wait]);
    let found = || Ok(Lookup::Found(TopupRecord::new(RecordState::Completed)));
    let fake = Fake::new(TopupCapabilities::new(Currency::NGN, [rules]))
        .answering([lost()])
        .showing([Ok(Lookup::NotFound), found()]);
    let ledger = open(Arc::clone(&store), fake, settings()).await;
    let _ = ledger.submit(&airtime("slow", 1, 100)).await.unwrap();
    let begun = std::time::Instant::now();
    let told = ledger.settle_one(&reference("slow")).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert!(begun.elapsed() >= wait, "{:?}", begun.elapsed());

    let fake = self::fake().answering(vec![lost(); 8]).showing([found()]);
    let most = Arc::clone(&fake.looked_at_once);
    let mut settings = settings();
    settings.lookups_at_a_time = 2;
    let ledger = open(store, fake, settings).await;
    for n in 0..8 {
        let _ = ledger
            .submit(&airtime(&format!("m{n}"), n, 100))
            .await
            .unwrap();
    }
    assert_eq!(ledger.settle().await.unwrap().delivered, 8);
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

async fn every_product_is_read_as_it_was_written(world: World) {
    let fake = fake();
    let sent = Arc::clone(&fake.sent);
    let ledger = open(world.store().await, fake, settings()).await;
    let (to, network) = (support::number(1), Operator::new("MTN"));
    let products = [
        Product::airtime(to.clone(), None, naira(100)),
        Product::airtime(to.clone(), network.clone(), naira(100)),
        Product::data(to.clone(), network, Some("1GB".to_owned()), naira(100)),
        Product::data(to, None, None, naira(100)),
        Product::pins(naira(100), NonZeroU32::new(3).unwrap()),
    ];
    for (n, product) in (1..).zip(products) {
        let intent = TopupIntent::new(reference(format!("p{n}")), product);
        let _ = ledger.submit(&intent).await.unwrap();
        let row = ledger.status(&intent.reference).await.unwrap().unwrap();
        assert_eq!(row.intent, intent);
        let told = ledger.submit(&intent).await.unwrap();
        assert!(matches!(told, Submission::Accepted(_)));
        assert_eq!(sent.load(Ordering::SeqCst), n);
    }
}

/// An amount that the provider tells in another currency is not told again in the row's.
async fn amounts_are_read_in_the_currency_they_were_told_in(world: World) {
    let store = world.store().await;
    let dollars = Amount::from_minor(150, Currency::USD);
    let told = ["cost in another currency", "face value in another currency"];
    for (name, cost, balance, kept) in [
        (
            "own",
            naira(90),
            naira(5),
            (Some(naira(90)), Some(naira(5))),
        ),
        ("cost", dollars, naira(5), (None, Some(naira(5)))),
    ] {
        let mut receipt = TopupReceipt::new(reference(name));
        (receipt.cost, receipt.balance) = (Some(cost), Some(balance));
        receipt.warnings = vec!["slow".to_owned()];
        let mut pin = Pin::new(Secret::new("1234-5678"));
        pin.face_value = Some(cost);
        receipt.pins.push(pin);
        let fake = fake().answering([Answer::AcceptWith(Box::new(receipt))]);
        let ledger = open(Arc::clone(&store), fake, settings()).await;
        let product = Product::pins(naira(100), NonZeroU32::MIN);
        let intent = TopupIntent::new(reference(name), product);
        let _ = ledger.submit(&intent).await.unwrap();
        let row = ledger.status(&intent.reference).await.unwrap().unwrap();
        assert_eq!((row.receipt.cost, row.receipt.balance), kept, "{name}");
        assert_eq!(row.receipt.pins[0].face_value, kept.0, "{name}");
        let mut warnings = row.receipt.warnings.iter();
        assert_eq!(warnings.next().unwrap(), "slow");
        if kept.0.is_none() {
            for told in told {
                assert_eq!(*warnings.next().unwrap(), format!("{told}: {dollars}"));
            }
        }
        assert_eq!(warnings.next(), None, "{name}");
    }
}

async fn rows_are_listed_and_counted(world: World) {
    let ledger = open(world.store().await, fake().answering([lost()]), settings()).await;
    for job in ["one", "two"] {
        let rows = (1..=3).map(|n| PlanRow::new(n, airtime(&format!("{job}{n}"), n, 100)));
        ledger.plan(job, rows.collect()).await.unwrap();
    }
    let mut entries = ledger.take("one", 2).await.unwrap();
    let second = entries.pop().unwrap();
    let _ = ledger.send(entries.pop().unwrap()).await.unwrap();
    ledger.cancel(second, "not wanted").await.unwrap();
    let names = async |filter: Filter| -> Vec<String> {
        let rows = ledger.list(filter).await.unwrap();
        rows.iter().map(|row| row.reference().to_string()).collect()
    };
    let all = Filter::default;
    assert_eq!(names(all().job("one")).await, ["one1", "one2", "one3"]);
    assert_eq!(names(all().job("one").at_most(2)).await, ["one1", "one2"]);
    assert_eq!(names(all().state(State::NotSent)).await, ["one2"]);
    assert_eq!(names(all().state(State::Unknown)).await, ["one1"]);
    assert_eq!(names(all().open()).await, ["one1"]);
    assert_eq!(names(all().open().state(State::Unknown)).await, ["one1"]);
    assert!(names(all().open().state(State::NotSent)).await.is_empty());
    let planned = all().state(State::Planned);
    assert_eq!(names(planned.job("two").at_most(1)).await, ["two1"]);
    let counts = ledger.count(Some("one")).await.unwrap();
    assert_eq!((counts.all(), counts.open()), (3, 1));
    assert_eq!((counts.delivered(), counts.not_delivered()), (0, 1));
    assert_eq!(counts.of(State::Planned), 1);
    assert_eq!(ledger.count(None).await.unwrap().all(), 6);
    // Nothing of the other job has happened or failed yet.
    let counts = ledger.count(Some("two")).await.unwrap();
    assert_eq!((counts.delivered(), counts.not_delivered()), (0, 0));
}

async fn a_job_in_two_currencies_is_counted_in_each(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let dollars = Amount::from_major(5, Currency::USD).unwrap();
    let amounts = [naira(100), dollars, naira(200)];
    let rows = (1..).zip(amounts).map(|(line, amount)| {
        let product = Product::airtime(support::number(line), None, amount);
        let intent = TopupIntent::new(reference(format!("c{line}")), product);
        PlanRow::new(line, intent)
    });
    ledger.plan("mixed", rows.collect()).await.unwrap();
    let counts = ledger.count(Some("mixed")).await.unwrap();
    let mut counted: Vec<_> = counts
        .rows
        .iter()
        .map(|count| (count.rows, count.price))
        .collect();
    counted.sort_by_key(|(rows, _)| *rows);
    assert_eq!(counted, [(1, dollars), (2, naira(300))]);
}

async fn a_plan_is_written_whole_or_not_at_all(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let most = Amount::from_minor(i64::MAX, Currency::NGN);
    let dear = Product::pins(most, NonZeroU32::new(2).unwrap());
    let rows = vec![
        PlanRow::new(1, airtime("fine", 1, 100)),
        PlanRow::new(2, TopupIntent::new(reference("dear"), dear)),
    ];
    assert!(ledger.plan("job", rows).await.is_err());
    assert!(ledger.list(Filter::default()).await.unwrap().is_empty());
    let rows = vec![PlanRow::new(1, airtime("fine", 1, 100))];
    assert_eq!(ledger.plan("job", rows).await.unwrap(), [Placed::New]);
}

/// A job without a name would be no other job to anyone; and a plan is one transaction, which ends in time.
async fn a_plan_has_a_name_and_an_end(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let row = |n: u64| PlanRow::new(n, airtime(&format!("p{n}"), n, 100));
    for (job, rows, told) in [
        ("", vec![row(1)], "a job has a name"),
        ("job", (0..10_001).map(row).collect(), "10000 are the most"),
    ] {
        let refused = ledger.plan(job, rows).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        assert!(refused.to_string().contains(told), "{refused}");
    }
    assert!(ledger.list(Filter::default()).await.unwrap().is_empty());
    // More than are on their way at a time; some of them are there, and one belongs to another job.
    ledger.plan("other", vec![row(3)]).await.unwrap();
    ledger.plan("job", vec![row(1), row(600)]).await.unwrap();
    let placed = ledger.plan("job", (0..700).map(row).collect()).await;
    let placed = placed.unwrap();
    for (n, placed) in (0..).zip(&placed) {
        let wanted = match n {
            1 | 600 => Placed::Known,
            3 => Placed::Conflict,
            _ => Placed::New,
        };
        assert_eq!(*placed, wanted, "{n}");
    }
    assert_eq!(placed.len(), 700);
}

/// Who sent it is asked after a crash, and the answer to a lost claim is recognised by it.
async fn every_transmission_names_its_worker(world: World) {
    let store = world.store().await;
    let mut owners = Vec::new();
    for worker in [1, 2] {
        let ledger = open(Arc::clone(&store), fake(), settings()).await;
        for n in [1, 2] {
            let name = format!("w{worker}-{n}");
            let _ = ledger.submit(&airtime(&name, n, 100)).await.unwrap();
            let history = ledger.history(&reference(&name)).await.unwrap();
            owners.extend(history.last().unwrap().owner.clone());
        }
    }
    let worker = |n: usize| owners[n].split('/').next().unwrap();
    assert_eq!(worker(0), worker(1));
    assert_ne!(worker(0), worker(2));
    owners.sort_unstable();
    owners.dedup();
    assert_eq!(owners.len(), 4, "one name per claim");
}

fn pins_of(name: &str, id: &str, codes: &[&str]) -> TopupReceipt {
    let mut receipt = TopupReceipt::new(reference(name));
    receipt.provider_id = Some(id.to_owned());
    receipt.cost = Some(naira(90));
    receipt.balance = Some(naira(5));
    receipt.warnings = vec![format!("warning {id}")];
    receipt.answer = Some(SecretBytes::new(format!("answer {id}")));
    receipt.pins = codes
        .iter()
        .map(|code| Pin::new(Secret::new(*code)))
        .collect();
    receipt
}

/// Five PINs came, two of them with an answer that was taken for a failure.
async fn what_is_sent_again_tells_its_own_receipt_and_loses_nothing_paid(world: World) {
    let store = world.store().await;
    let first = pins_of("pins", "one", &["1111-1111", "2222-2222"]);
    // One of them is the same once more.
    let second = pins_of("pins", "two", &["3333-3333", "4444-4444", "1111-1111"]);
    let mut bare = TopupReceipt::new(reference("pins"));
    bare.pins = second.pins.clone();
    for (name, second) in [("full", second), ("bare", bare)] {
        let of = |receipt: &TopupReceipt| {
            let mut receipt = receipt.clone();
            receipt.reference = reference(name);
            Box::new(receipt)
        };
        let fake = fake().answering([Answer::Doubt(of(&first)), Answer::AcceptWith(of(&second))]);
        let ledger = open(Arc::clone(&store), fake, settings()).await;
        let product = Product::pins(naira(100), NonZeroU32::new(3).unwrap());
        let intent = TopupIntent::new(reference(name), product);
        assert!(matches!(
            ledger.submit(&intent).await.unwrap(),
            Submission::Unknown(_)
        ));
        ledger.settle().await.unwrap();
        let resolved = ledger.resolve(
            &intent.reference,
            "ada",
            "their mail",
            Verdict::NotDelivered,
        );
        resolved.await.unwrap();
        let again = Options::default().reissue();
        let told = ledger.submit_with(&intent, again).await.unwrap();
        assert!(matches!(told, Submission::Accepted(_)));

        let Submission::Accepted(told) = ledger.submit(&intent).await.unwrap() else {
            panic!("{name}")
        };
        assert_eq!(told.pins, second.pins, "{name}");
        assert_eq!(told.provider_id, second.provider_id, "{name}");
        assert_eq!((told.cost, told.balance), (second.cost, second.balance));
        assert_eq!(
            (told.warnings, told.answer),
            (second.warnings, second.answer)
        );
        let row = ledger.status(&intent.reference).await.unwrap().unwrap();
        assert_eq!(row.earlier_pins, first.pins, "{name}");
    }
}

/// Another worker has taken the row over; then the first one's answer comes, which nobody can read.
async fn an_answer_that_comes_too_late_is_kept(world: World) {
    let store = world.store().await;
    let shop = Identity::new("fake", "shop");
    let product = Product::pins(naira(100), NonZeroU32::MIN);
    let intent = TopupIntent::new(reference("late"), product);
    let mut claim = Claim::new(shop.clone(), intent.clone(), "one/1");
    claim.lease = Duration::from_millis(1);
    let Begun::Go(mark) = store.begin(claim).await.unwrap() else {
        panic!()
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    let ask = Ask::new(shop, "two/1", Duration::from_secs(60), 1);
    assert_eq!(store.due(ask, None).await.unwrap().rows.len(), 1);
    // It was taken for abandoned, and taken over.
    let held = Mark {
        reference: reference("late"),
        fence: mark.fence + 2,
    };
    let unknown = |answer: &str| Step::Unknown {
        why: Why::new(ErrorKind::UnreadableAnswer, "garbled"),
        provisional: None,
        answer: Some(SecretBytes::new(answer)),
        after: Duration::ZERO,
    };
    // The first that comes stays.
    for answer in ["PIN 1234", "something else"] {
        let late = store.record(mark.clone(), unknown(answer)).await.unwrap();
        assert_eq!(late, Recorded::Superseded);
    }
    let row = store.find(reference("late")).await.unwrap().unwrap();
    assert_eq!(row.receipt.answer, Some(SecretBytes::new("PIN 1234")));

    // It is sent again after a proof: what comes now of the first time is kept beside, and told by nothing else.
    let done = Step::Unresolved(Why::new(ErrorKind::Other, "nobody knows"));
    assert_eq!(store.record(held, done).await.unwrap(), Recorded::Done);
    let resolved = Step::Resolved {
        delivered: false,
        who: "ada".to_owned(),
        why: "their mail".to_owned(),
    };
    store.decide(reference("late"), resolved).await.unwrap();
    let mut again = Claim::new(row.identity, intent, "three/1");
    again.reissue = true;
    let Begun::Go(_) = store.begin(again).await.unwrap() else {
        panic!()
    };
    let mut doubtful = pins_of("late", "one", &["1111-1111"]);
    doubtful.answer = None;
    for _ in 0..2 {
        let step = Step::Unknown {
            why: Why::new(ErrorKind::UnreadableAnswer, "garbled"),
            provisional: Some(Box::new(doubtful.clone())),
            answer: Some(SecretBytes::new("PIN 5678")),
            after: Duration::ZERO,
        };
        let late = store.record(mark.clone(), step).await.unwrap();
        assert_eq!(late, Recorded::Superseded);
    }
    let row = store.find(reference("late")).await.unwrap().unwrap();
    assert_eq!((row.receipt.answer, row.receipt.pins), (None, vec![]));
    assert_eq!(row.earlier_pins, doubtful.pins);
}

/// A row of [`late`]: its first sender's mark, and the mark of whoever has taken it over.
struct Late {
    store: Arc<dyn Store>,
    intent: TopupIntent,
    sender: Mark,
    holder: Mark,
}

/// Sent, and taken for abandoned while it was on the way.
async fn late(store: &Arc<dyn Store>, name: &str) -> Late {
    let shop = Identity::new("fake", "shop");
    let intent = airtime(name, 1, 100);
    let mut claim = Claim::new(shop.clone(), intent.clone(), "one/1");
    claim.lease = Duration::from_millis(1);
    let Begun::Go(sender) = store.begin(claim).await.unwrap() else {
        panic!("{name}")
    };
    tokio::time::sleep(Duration::from_millis(20)).await;
    let ask = Ask::new(shop, "two/1", Duration::from_secs(60), 1);
    let due = store.due(ask, Some(reference(name))).await.unwrap();
    assert_eq!(due.rows.len(), 1);
    let holder = Mark {
        fence: sender.fence + 2,
        ..sender.clone()
    };
    Late {
        store: Arc::clone(store),
        intent,
        sender,
        holder,
    }
}

impl Late {
    async fn held(&self, step: Step) {
        let recorded = self.store.record(self.holder.clone(), step).await;
        assert_eq!(recorded.unwrap(), Recorded::Done);
    }

    /// Once more, too: the answer to the first may have got lost.
    async fn brings(&self, step: &Step) {
        for _ in 0..2 {
            let late = self.store.record(self.sender.clone(), step.clone()).await;
            assert_eq!(late.unwrap(), Recorded::Superseded);
        }
    }

    async fn resolved(&self) {
        self.held(unresolved()).await;
        let name = self.sender.reference.clone();
        let resolved = Step::Resolved {
            delivered: false,
            who: "ada".to_owned(),
            why: "their mail".to_owned(),
        };
        let resolved = self.store.decide(name, resolved).await.unwrap();
        assert_eq!(resolved, Recorded::Done);
    }

    async fn sent_again(&self, owner: &str) -> Begun {
        let shop = Identity::new("fake", "shop");
        let mut again = Claim::new(shop, self.intent.clone(), owner);
        again.reissue = true;
        self.store.begin(again).await.unwrap()
    }

    async fn is(&self) -> (State, Option<bool>) {
        let name = self.sender.reference.clone();
        let row = self.store.find(name).await.unwrap().unwrap();
        (row.state, row.delivered)
    }
}

fn accepted(name: &Reference) -> Step {
    let mut receipt = TopupReceipt::new(name.clone());
    receipt.provider_id = Some("77".to_owned());
    Step::Accepted(Box::new(receipt))
}

fn unresolved() -> Step {
    Step::Unresolved(Why::new(ErrorKind::Other, "nobody knows"))
}

fn nothing_learnt() -> Step {
    Step::Unknown {
        why: Why::new(ErrorKind::Timeout, "lost"),
        provisional: None,
        answer: None,
        after: Duration::ZERO,
    }
}

/// It is the only proof that there is, and without PINs too.
async fn an_answer_that_comes_too_late_settles_what_nobody_knows(world: World) {
    let store = world.store().await;
    let replaying = || Step::Replaying {
        lease: Duration::from_secs(60),
    };
    let why = |text: &str| Why::new(ErrorKind::InsufficientBalance, text);
    let told = [
        (accepted(&reference("x")), true),
        (Step::Rejected(why("no money")), false),
        (Step::NotSent(why("nobody listens")), false),
    ];
    let unknown = (State::Unknown, None);
    for (situation, steps, stays) in [
        ("unknown", vec![], None),
        ("unresolved", vec![unresolved()], None),
        // A second copy was sent: what is said about the first one is no proof that nothing happened.
        (
            "replayed",
            vec![replaying(), nothing_learnt()],
            Some(unknown),
        ),
    ] {
        for (step, delivered) in &told {
            let name = format!("{situation}-{}", step.state());
            let row = late(&store, &name).await;
            for step in &steps {
                row.held(step.clone()).await;
            }
            row.brings(step).await;
            let settled = (State::Settled, Some(*delivered));
            let expected = stays.filter(|_| !delivered).unwrap_or(settled);
            assert_eq!(row.is().await, expected, "{name}");
            let found = store.find(reference(&name)).await.unwrap().unwrap();
            let id = delivered.then_some("77");
            assert_eq!(found.receipt.provider_id.as_deref(), id, "{name}");
            if expected == settled {
                // Whoever was looking it up knows less.
                let looked = store.record(row.holder.clone(), nothing_learnt());
                assert_eq!(looked.await.unwrap(), Recorded::Superseded);
                let history = store.history(reference(&name)).await.unwrap();
                let settled = history.iter().filter(|event| event.state == State::Settled);
                assert_eq!(settled.count(), 1, "{name}");
            }
        }
    }
    // What was found out meanwhile stands, and what is on the way is not interrupted.
    let found = Step::Settled {
        delivered: true,
        why: why("on record"),
        provider_id: None,
    };
    let (known, copied) = (late(&store, "known").await, late(&store, "copied").await);
    known.held(found).await;
    known.brings(&told[1].0).await;
    assert_eq!(known.is().await, (State::Settled, Some(true)));
    copied.held(replaying()).await;
    for (step, _) in &told {
        copied.brings(step).await;
    }
    assert_eq!(copied.is().await, (State::Replaying, None));
    // What did not happen is spent no more; what is unknown or on the way is not counted here.
    let spent = store.claimed(Identity::new("fake", "shop"), Currency::NGN);
    let delivered = 4;
    assert_eq!(spent.await.unwrap(), delivered * naira(100).minor());
}

/// A person said that it had not happened, before the provider's own word came.
async fn what_was_accepted_after_all_is_not_sent_again(world: World) {
    let store = world.store().await;
    let events = async |name: &str| {
        let history = store.history(reference(name)).await.unwrap();
        let accepted = history
            .iter()
            .filter(|event| event.state == State::Accepted);
        accepted.count()
    };
    let refused = |begun: Begun| match begun {
        Begun::Refused(refusal) => refusal.guard == Guard::Reissue && refusal.why.contains("late"),
        _ => false,
    };
    let row = late(&store, "decided").await;
    row.resolved().await;
    row.brings(&accepted(&row.sender.reference)).await;
    assert_eq!(row.is().await, (State::Resolved, Some(false)));
    assert_eq!(events("decided").await, 1);
    assert!(refused(row.sent_again("three/1").await));

    // That it was refused is what the person said.
    let row = late(&store, "refused").await;
    row.resolved().await;
    let no = Step::Rejected(Why::new(ErrorKind::Other, "no"));
    row.brings(&no).await;
    assert!(matches!(row.sent_again("three/2").await, Begun::Go(_)));

    // It was sent again when the word came: no third time.
    let row = late(&store, "again").await;
    row.resolved().await;
    let Begun::Go(second) = row.sent_again("three/3").await else {
        panic!()
    };
    row.brings(&accepted(&row.sender.reference)).await;
    assert_eq!(
        (row.is().await, events("again").await),
        ((State::Sending, None), 1)
    );
    let not_sent = Step::NotSent(Why::new(ErrorKind::Connect, "nobody listens"));
    let recorded = store.record(second, not_sent).await.unwrap();
    assert_eq!(recorded, Recorded::Done);
    assert!(refused(row.sent_again("three/4").await));
    let ledger = open(Arc::clone(&store), fake(), settings()).await;
    let told = ledger.submit(&row.intent).await.unwrap_err();
    assert_eq!(Guard::behind(told.as_error()), Some(Guard::Reissue));
}

/// Both are paid for: who reads the history sees it.
async fn a_second_delivery_is_not_hidden(world: World) {
    let store = world.store().await;
    let row = late(&store, "twice").await;
    row.resolved().await;
    let Begun::Go(second) = row.sent_again("three/1").await else {
        panic!()
    };
    let delivered = accepted(&row.sender.reference);
    let recorded = store.record(second, delivered.clone()).await.unwrap();
    assert_eq!(recorded, Recorded::Done);
    row.brings(&delivered).await;
    assert_eq!(row.is().await, (State::Accepted, Some(true)));
    let history = store.history(reference("twice")).await.unwrap();
    let accepted = history
        .iter()
        .filter(|event| event.state == State::Accepted);
    let why: Vec<_> = accepted.map(|event| event.why.as_deref()).collect();
    assert_eq!(why.len(), 2);
    assert_eq!(why[0], None);
    assert!(why[1].unwrap().contains("earlier transmission"));
}

/// The same as a row of a job, where one statement looks and writes.
async fn what_was_accepted_after_all_is_not_planned_and_sent(world: World) {
    let store = world.store().await;
    let ledger = open(Arc::clone(&store), fake(), settings()).await;
    let plan = vec![PlanRow::new(1, airtime("planned", 1, 100))];
    ledger.plan("j", plan).await.unwrap();
    let row = late(&store, "planned").await;
    row.resolved().await;
    let Begun::Go(second) = row.sent_again("three/1").await else {
        panic!()
    };
    let not_sent = Step::NotSent(Why::new(ErrorKind::Connect, "nobody listens"));
    store.record(second, not_sent).await.unwrap();
    assert_eq!(ledger.replan("j").await.unwrap(), 1);
    let entry = ledger.take("j", 1).await.unwrap().pop().unwrap();
    row.brings(&accepted(&row.sender.reference)).await;
    let refused = ledger.send(entry).await.unwrap_err();
    assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Reissue));
    assert_eq!(row.is().await, (State::NotSent, Some(false)));
}

async fn a_history_names_the_same_workers_in_every_store(world: World) {
    let ledger = open(world.store().await, fake(), settings()).await;
    let _ = ledger.submit(&airtime("single", 1, 100)).await.unwrap();
    let rows = vec![PlanRow::new(1, airtime("planned", 2, 100))];
    ledger.plan("job", rows).await.unwrap();
    let entry = ledger.take("job", 1).await.unwrap().pop().unwrap();
    ledger.cancel(entry, "not yet").await.unwrap();
    ledger.replan_with("job", LeftOut::ALL).await.unwrap();
    let told = async |name: &str| {
        let history = ledger.history(&reference(name)).await.unwrap();
        let told = history.into_iter();
        told.map(|event| (event.state, event.attempt, event.owner.is_some()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told("single").await,
        [
            (State::Planned, 0, false),
            (State::Prepared, 1, true),
            (State::Sending, 1, true),
            (State::Accepted, 1, true),
        ]
    );
    assert_eq!(
        told("planned").await,
        [
            (State::Planned, 0, false),
            (State::NotSent, 0, true),
            (State::Planned, 0, true),
        ]
    );
}

/// The finished request is kept only where it may be needed again, and no longer.
#[tokio::test]
async fn bytes_are_kept_for_a_replay_only() {
    let world = World::sqlite().await;
    let store = world.store().await;
    for (n, replay) in [(1, false), (2, true)] {
        let mut settings = settings();
        settings.replay = replay;
        let fake = fake().answering([lost()]);
        let ledger = open(Arc::clone(&store), fake, settings).await;
        let name = format!("k{n}");
        let _ = ledger.submit(&airtime(&name, n, 100)).await.unwrap();
        let _ = ledger
            .submit(&airtime(&format!("{name}-done"), n, 200))
            .await
            .unwrap();
    }
    // Nor is the answer to what is clear, unless it holds PINs.
    let ledger = open(Arc::clone(&store), world.client(), settings()).await;
    let _ = ledger.submit(&airtime("sold", 3, 100)).await.unwrap();
    let row = store.find(reference("sold")).await.unwrap().unwrap();
    assert!(row.receipt.provider_id.is_some() && row.receipt.answer.is_none());
    let file = rusqlite::Connection::open(world.path()).unwrap();
    let kept: String = file
        .query_row(
            "SELECT group_concat(reference) FROM telco_topup WHERE frozen IS NOT NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(kept, "k2");
}

#[test]
fn a_pass_is_told_in_one_line() {
    let mut settled = Settled::default();
    (settled.delivered, settled.not_delivered, settled.unresolved) = (3, 2, 1);
    let line = settled.to_string();
    assert_eq!(line, "3 delivered, 2 not delivered, 1 for a person");
}
