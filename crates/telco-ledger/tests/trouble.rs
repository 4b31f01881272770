//! Trouble with the ledger itself: a clear message, nothing sent, nothing lost.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;
use support::fake::{Answer, Fake};
use support::{World, airtime, open, reference, settings};
use telco_core::{
    Clock, Currency, Error, ErrorKind, Identity, Lookup, LookupSupport, Pin, Product, ProductKind,
    ProductRules, RecordState, Reference, ReplayGuard, Secret, Submission, TopupCapabilities,
    TopupIntent, TopupReceipt, TopupRecord, async_trait,
};
use telco_ledger::{
    Ask, Begun, Claim, Counts, Due, Event, Filter, Ledger, Mark, Operation, Placed, PlanRow,
    Recorded, SqliteStore, State, Step, Store,
};

fn fake() -> Fake {
    let rules = ProductRules::new(ProductKind::Airtime)
        .lookup(LookupSupport::FindsOnly, [Duration::from_millis(5)]);
    Fake::new(TopupCapabilities::new(Currency::NGN, [rules]))
}

/// Versions that this code neither writes nor reads, and what is said about them.
const OTHERS: [(i64, &str); 2] = [(1, "begin a new ledger"), (99, "newer program")];

#[tokio::test]
async fn a_ledger_of_another_version_is_refused() {
    let world = World::sqlite().await;
    drop(world.store().await);
    for (version, help) in OTHERS {
        let file = Connection::open(world.path()).unwrap();
        file.pragma_update(None, "user_version", version).unwrap();
        drop(file);
        for refused in [
            SqliteStore::open(world.path()).unwrap_err(),
            SqliteStore::read(world.path()).unwrap_err(),
        ] {
            let said = format!("version {version},");
            assert!(refused.to_string().contains(&said), "{refused}");
            assert!(refused.help().unwrap().contains(help));
        }
    }
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_postgres_ledger_of_another_version_is_refused_and_so_is_a_wrong_or_absent_server() {
    use telco_ledger::PostgresStore;
    use telco_ledger::tokio_postgres::{Config, NoTls};

    let Some(world) = World::postgres().await else {
        return;
    };
    let schema = world.schema.as_ref().unwrap();
    drop(schema.store().await);
    let client = schema.client().await;
    for (version, help) in OTHERS {
        let other = format!("UPDATE telco_schema SET version = {version}");
        client.batch_execute(&other).await.unwrap();
        let refused = PostgresStore::connect(schema.config(), NoTls)
            .await
            .unwrap_err();
        let said = format!("version {version},");
        assert!(refused.to_string().contains(&said), "{refused}");
        assert!(refused.help().unwrap().contains(help));
    }

    let nobody: Config = "host=127.0.0.1 port=1 user=nobody password=canary-4711"
        .parse()
        .unwrap();
    let refused = PostgresStore::connect(nobody, NoTls).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    assert!(
        refused.to_string().contains("cannot be reached"),
        "{refused}"
    );
    assert!(!format!("{refused:?}").contains("canary"));
    let mut wrong = schema.config();
    wrong.dbname("there_is_no_such_database");
    assert!(PostgresStore::connect(wrong, NoTls).await.is_err());
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("letter.txt");
    let letter = "Dear all, ".repeat(500);
    std::fs::write(&text, &letter).unwrap();
    let refused = SqliteStore::open(&text).unwrap_err();
    assert!(refused.to_string().contains("is no ledger"), "{refused}");
    assert_eq!(std::fs::read_to_string(&text).unwrap(), letter);
    let theirs = folder.path().join("theirs.sqlite");
    let file = Connection::open(&theirs).unwrap();
    file.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(file);
    let before = std::fs::read(&theirs).unwrap();
    let refused = SqliteStore::open(&theirs).unwrap_err();
    assert!(refused.to_string().contains("is no ledger"), "{refused}");
    assert!(std::fs::read(&theirs).unwrap() == before, "not written to");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(SqliteStore::open(&text).is_err());
        let mode = std::fs::metadata(&text).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644);
    }
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 2, "and nothing was put beside them");
    let nowhere = folder.path().join("no/such/folder.sqlite");
    let refused = SqliteStore::open(&nowhere).unwrap_err();
    assert!(
        refused.to_string().contains("cannot be opened"),
        "{refused}"
    );
    assert!(SqliteStore::read(&nowhere).is_err());
    assert!(SqliteStore::open(folder.path()).is_err(), "a folder");
}

#[tokio::test]
async fn one_writer_and_any_number_of_readers() {
    let world = World::sqlite().await;
    let ledger = world.ledger().await;
    let refused = SqliteStore::open(world.path()).unwrap_err();
    assert!(
        refused.to_string().contains("in this process already"),
        "{refused}"
    );
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let as_uri = format!("file:{}", world.path().display());
    assert!(SqliteStore::read(as_uri).is_err(), "a path, and no URI");
    let reader = SqliteStore::read(world.path()).unwrap();
    let seen = reader.find(reference("a")).await.unwrap().unwrap();
    assert_eq!(seen.state, State::Accepted);
    // Through a reader nothing is written, so nothing is sent.
    let reading = open(Arc::new(reader), world.client(), settings()).await;
    let refused = reading.submit(&airtime("b", 2, 100)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    let source = std::error::Error::source(refused.as_error()).unwrap();
    assert!(source.to_string().contains("read-only"), "{source}");
    assert_eq!(world.truth(&reference("b")), (0, 0));
    drop(ledger);
    assert!(SqliteStore::open(world.path()).is_ok());
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sqlite().await;
    std::fs::write(world.path(), "").unwrap();
    std::fs::set_permissions(world.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    for name in ["a", "b"] {
        let ledger = world.ledger().await;
        let _ = ledger.submit(&airtime(name, 1, 100)).await.unwrap();
        for entry in std::fs::read_dir(world.folder.path()).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
        drop(ledger);
        // A copy that was put back, say.
        std::fs::set_permissions(world.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    // Nobody else reads it already: what its owner set stays.
    std::fs::set_permissions(world.path(), std::fs::Permissions::from_mode(0o400)).unwrap();
    let _ = SqliteStore::open(world.path());
    let mode = std::fs::metadata(world.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o400);
}

/// A plan is written whole or not at all.
#[tokio::test]
async fn a_plan_that_fails_in_the_middle_leaves_nothing() {
    let world = World::sqlite().await;
    let ledger = world.ledger().await;
    let file = Connection::open(world.path()).unwrap();
    file.execute_batch(
        "CREATE TRIGGER third BEFORE INSERT ON telco_topup WHEN NEW.reference = 'c' \
         BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .unwrap();
    let rows = (1..).zip(["a", "b", "c"]);
    let rows = rows.map(|(n, name)| PlanRow::new(n, airtime(name, n, 100)));
    let rows: Vec<PlanRow> = rows.collect();
    assert!(ledger.plan("j", rows.clone()).await.is_err());
    assert_eq!(ledger.count(Some("j")).await.unwrap().all(), 0);
    file.execute_batch("DROP TRIGGER third").unwrap();
    ledger.plan("j", rows).await.unwrap();
    assert_eq!(ledger.count(Some("j")).await.unwrap().all(), 3);
}

/// The database refuses what the code would never do, whoever asks it.
#[tokio::test]
async fn illegal_steps_are_refused_in_sql_too() {
    let world = World::sqlite().await;
    let ledger = world.ledger().await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let person = Connection::open(world.path()).unwrap();
    for statement in [
        "UPDATE telco_topup SET state = 'sending'",
        "UPDATE telco_topup SET state = 'planned'",
        "UPDATE telco_topup SET state = 'nonsense'",
        "DELETE FROM telco_topup",
        "DELETE FROM telco_event",
        "UPDATE telco_event SET why = 'it was fine'",
        "INSERT INTO telco_topup SELECT 99, 'copy', provider, account, job, line, kind, recipient, operator, plan_code, \
         amount, pieces, price, currency, decimals, 'accepted', delivered, counts, attempt, owner, lease_until, fence, \
         claimed, planned_at, sent_at, changed_at, prepared_at, frozen, lookups, due_at, why, why_kind, why_code, why_status, \
         why_help, who, provider_id, cost, balance, warnings, answer FROM telco_topup",
    ] {
        assert!(person.execute(statement, []).is_err(), "{statement}");
    }
    let story: String = person
        .query_row(
            "SELECT group_concat(state) FROM telco_history WHERE reference = 'a'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(story, "planned,prepared,sending,accepted");
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn illegal_steps_are_refused_in_postgres_sql_too() {
    let Some(world) = World::postgres().await else {
        return;
    };
    let ledger = world.ledger().await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let person = world.schema.as_ref().unwrap().client().await;
    for statement in [
        "UPDATE telco_topup SET state = 'sending'",
        "UPDATE telco_topup SET state = 'nonsense'",
        "DELETE FROM telco_topup",
        "DELETE FROM telco_event",
        "UPDATE telco_event SET why = 'it was fine'",
    ] {
        assert!(
            person.batch_execute(statement).await.is_err(),
            "{statement}"
        );
    }
    let sql = "SELECT string_agg(state, ',') FROM telco_history WHERE reference = 'a'";
    let story: String = person.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(story, "planned,prepared,sending,accepted");
}

support::on_both_stores!(what_a_provider_says_is_kept_whatever_is_in_it);

/// PostgreSQL takes no NUL: an outcome that cannot be recorded would be looked up for ever, and its PINs be lost.
async fn what_a_provider_says_is_kept_whatever_is_in_it(world: World) {
    let nul = "a\0b";
    let mut paid = TopupReceipt::new(reference("pins"));
    paid.provider_id = Some(nul.to_owned());
    paid.warnings = vec![nul.to_owned()];
    let mut pin = Pin::new(Secret::new(nul));
    pin.serial = Some(nul.to_owned());
    paid.pins.push(pin);
    let unreadable = || Err(Error::in_doubt(ErrorKind::Timeout, nul).on_read());
    let mut record = TopupRecord::new(RecordState::Completed);
    record.provider_id = Some(nul.to_owned());
    let rules = ProductKind::ALL.iter().map(|kind| {
        ProductRules::new(*kind).lookup(LookupSupport::FindsOnly, [Duration::from_millis(5)])
    });
    let rules: Vec<_> = rules.collect();
    let fake = Fake::new(TopupCapabilities::new(Currency::NGN, rules))
        .answering([
            Answer::AcceptWith(Box::new(paid)),
            Answer::Lose(ErrorKind::Timeout),
        ])
        .showing([unreadable(), Ok(Lookup::Found(record))]);
    let ledger = open(world.store().await, fake, settings()).await;
    let product = Product::pins(support::naira(100), NonZeroU32::MIN);
    let pins = TopupIntent::new(reference("pins"), product);
    let told = ledger.submit(&pins).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    let lost = ledger.submit(&airtime("lost", 1, 100)).await.unwrap();
    assert!(matches!(lost, Submission::Unknown(_)));
    let settled = tokio::time::timeout(Duration::from_secs(20), ledger.settle());
    assert_eq!(settled.await.unwrap().unwrap().delivered, 1);

    let kept = Some("a\u{FFFD}b");
    let row = ledger.status(&reference("pins")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Accepted, Some(true)));
    assert_eq!(row.receipt.provider_id.as_deref(), kept);
    assert_eq!(row.receipt.warnings.first().map(String::as_str), kept);
    assert_eq!(Some(row.receipt.pins[0].code.expose()), kept);
    assert_eq!(row.receipt.pins[0].serial.as_deref(), kept);
    let row = ledger.status(&reference("lost")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Settled, Some(true)));
    assert_eq!(row.receipt.provider_id.as_deref(), kept);
}

#[tokio::test]
async fn a_lease_that_is_no_time_at_all_is_refused() {
    let world = World::sqlite().await;
    let mut settings = settings();
    settings.lease = Duration::from_micros(999);
    let opened = Ledger::open_with(world.store().await, Arc::new(fake()), settings).await;
    let refused = opened.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
    assert!(refused.help().unwrap().contains("total timeout"));
}

#[derive(Debug, Default)]
struct Shifted(AtomicI64);

impl Clock for Shifted {
    fn now(&self) -> SystemTime {
        let by = self.0.load(Ordering::SeqCst);
        let shift = Duration::from_secs(by.unsigned_abs());
        if by < 0 {
            SystemTime::now() - shift
        } else {
            SystemTime::now() + shift
        }
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// A day back, a day ahead, in the middle of everything: each row still gets its one true state.
#[tokio::test]
async fn a_clock_that_jumps_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for (n, jump) in [(1, -86_400), (2, 86_400)] {
        let clock = Arc::new(Shifted::default());
        let path = folder.path().join(format!("{n}.sqlite"));
        let store = SqliteStore::open_with_clock(path, Arc::clone(&clock) as Arc<dyn Clock>);
        let looks = [Ok(Lookup::Found(TopupRecord::new(RecordState::Completed)))];
        let fake = fake()
            .answering([Answer::Lose(ErrorKind::Timeout)])
            .showing(looks);
        let sent = Arc::clone(&fake.sent);
        let ledger = open(Arc::new(store.unwrap()), fake, settings()).await;
        ledger
            .plan("j", vec![PlanRow::new(1, airtime("b", 2, 100))])
            .await
            .unwrap();
        let held = ledger.take("j", 1).await.unwrap();
        let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
        assert!(matches!(told, Submission::Unknown(_)));
        clock.0.store(jump, Ordering::SeqCst);
        let settled = tokio::time::timeout(Duration::from_secs(5), ledger.settle());
        assert_eq!(settled.await.unwrap().unwrap().delivered, 1, "{jump}");
        let told = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
        assert!(matches!(told, Submission::Accepted(_)));
        // A lease that the jump ended or stretched: the row is sent once, by one of the two.
        let mut both = held;
        both.extend(ledger.take("j", 1).await.unwrap());
        let mut accepted = 0;
        for entry in both {
            accepted += u32::from(matches!(
                ledger.send(entry).await,
                Ok(Submission::Accepted(_))
            ));
        }
        assert_eq!(accepted, 1, "{jump}");
        assert_eq!(sent.load(Ordering::SeqCst), 2);
    }
}

/// Whoever sends the row by its reference need not wait for a lease of before the jump either.
#[tokio::test]
async fn a_lease_of_before_the_clock_went_back_holds_no_row() {
    let world = World::sqlite().await;
    let clock = Arc::new(Shifted::default());
    let store =
        SqliteStore::open_with_clock(world.path(), Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let ledger = open(Arc::new(store), fake(), settings()).await;
    let intent = airtime("a", 1, 100);
    let row = PlanRow::new(1, intent.clone());
    ledger.plan("j", vec![row]).await.unwrap();
    let held = ledger.take("j", 1).await.unwrap();
    assert!(ledger.submit(&intent).await.is_err(), "its lease holds");
    clock.0.store(-86_400, Ordering::SeqCst);
    let told = ledger.submit(&intent).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    for entry in held {
        let told = ledger.send(entry).await.unwrap();
        assert!(matches!(told, Submission::Accepted(_)), "its story");
    }
}

/// A store that fails when it is told to.
#[derive(Debug)]
struct Failing {
    store: Arc<dyn Store>,
    begins: AtomicBool,
    /// Done, and the answer gets lost.
    begins_unheard: AtomicBool,
    finds: AtomicBool,
    records: AtomicBool,
    /// So many more askings for what is due pass.
    dues: AtomicI64,
    refused: Mutex<Vec<State>>,
}

impl Failing {
    fn over(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            store,
            begins: AtomicBool::default(),
            begins_unheard: AtomicBool::default(),
            finds: AtomicBool::default(),
            records: AtomicBool::default(),
            dues: AtomicI64::new(i64::MAX),
            refused: Mutex::default(),
        })
    }

    fn fail<T>() -> Result<T, Error> {
        Err(Error::in_doubt(ErrorKind::Storage, "the disk is on fire"))
    }
}

#[async_trait]
impl Store for Failing {
    async fn now(&self) -> Result<SystemTime, Error> {
        self.store.now().await
    }
    async fn begin(&self, claim: Claim) -> Result<Begun, Error> {
        if self.begins.load(Ordering::SeqCst) {
            return Self::fail();
        }
        let begun = self.store.begin(claim).await;
        if self.begins_unheard.load(Ordering::SeqCst) {
            return Self::fail();
        }
        begun
    }
    async fn record(&self, mark: Mark, step: Step) -> Result<Recorded, Error> {
        // A copy is made only when that is written down.
        let passes = step.state() == State::Replaying;
        if self.records.load(Ordering::SeqCst) && !passes {
            self.refused.lock().unwrap().push(step.state());
            return Self::fail();
        }
        self.store.record(mark, step).await
    }
    async fn decide(&self, reference: Reference, step: Step) -> Result<Recorded, Error> {
        self.store.decide(reference, step).await
    }
    async fn plan(
        &self,
        identity: Identity,
        job: String,
        rows: Vec<PlanRow>,
    ) -> Result<Vec<Placed>, Error> {
        self.store.plan(identity, job, rows).await
    }
    async fn take(&self, job: String, ask: Ask) -> Result<Vec<Operation>, Error> {
        self.store.take(job, ask).await
    }
    async fn release(&self, mark: Mark) -> Result<(), Error> {
        self.store.release(mark).await
    }
    async fn replan(
        &self,
        identity: Identity,
        job: String,
        too: Vec<telco_ledger::LeftOut>,
    ) -> Result<u64, Error> {
        self.store.replan(identity, job, too).await
    }
    async fn due(&self, ask: Ask, only: Option<Reference>) -> Result<Due, Error> {
        if self.dues.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Self::fail();
        }
        self.store.due(ask, only).await
    }
    async fn find(&self, reference: Reference) -> Result<Option<Operation>, Error> {
        if self.finds.load(Ordering::SeqCst) {
            return Self::fail();
        }
        self.store.find(reference).await
    }
    async fn history(&self, reference: Reference) -> Result<Vec<Event>, Error> {
        self.store.history(reference).await
    }
    async fn list(&self, filter: Filter) -> Result<Vec<Operation>, Error> {
        self.store.list(filter).await
    }
    async fn sent_by_other_jobs(
        &self,
        job: Option<String>,
        since: std::time::SystemTime,
        products: Vec<telco_core::Product>,
    ) -> Result<Vec<Option<telco_ledger::Earlier>>, Error> {
        self.store.sent_by_other_jobs(job, since, products).await
    }
    async fn count(&self, job: Option<String>) -> Result<Counts, Error> {
        self.store.count(job).await
    }
    async fn claimed(&self, identity: Identity, currency: Currency) -> Result<i64, Error> {
        self.store.claimed(identity, currency).await
    }
    async fn note(&self, name: String, text: Option<String>) -> Result<(), Error> {
        self.store.note(name, text).await
    }
    async fn noted(&self, name: String) -> Result<Option<String>, Error> {
        self.store.noted(name).await
    }
}

#[tokio::test]
async fn a_store_that_fails_sends_nothing_and_changes_no_answer() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    store.begins.store(true, Ordering::SeqCst);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let ledger = open(shared, world.client(), settings()).await;
    let intent = airtime("a", 1, 100);
    let refused = ledger.submit(&intent).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    assert_eq!(world.truth(&reference("a")), (0, 0));

    // The outcome cannot be recorded: the caller is told it all the same, and the row when the store is back.
    store.begins.store(false, Ordering::SeqCst);
    store.records.store(true, Ordering::SeqCst);
    let told = ledger.submit(&intent).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    assert_eq!(*store.refused.lock().unwrap(), [State::Accepted]);
    let row = ledger.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!(row.state, State::Sending);
    store.records.store(false, Ordering::SeqCst);
    assert_eq!(ledger.settle().await.unwrap().next, None);
    let row = ledger.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!((row.state, row.delivered), (State::Accepted, Some(true)));
    assert_eq!(world.truth(&reference("a")), (1, 1));
}

/// There is no second copy of an answer: no lookup finds PINs, and none proves that nothing was done.
#[tokio::test]
async fn an_answer_that_the_store_cannot_take_is_brought_to_it_later() {
    let mut paid = TopupReceipt::new(reference("pins"));
    paid.pins.push(Pin::new(Secret::new("1234-5678")));
    let bought = Answer::AcceptWith(Box::new(paid.clone()));
    let lost = Answer::Lose(ErrorKind::Timeout);
    for (answers, state, delivered) in [
        (vec![bought.clone()], State::Accepted, true),
        (vec![Answer::Reject], State::Rejected, false),
        (vec![Answer::Refuse], State::NotSent, false),
        (vec![lost, bought], State::Replayed, true),
    ] {
        let world = World::sqlite().await;
        let store = Failing::over(world.store().await);
        let replays = state == State::Replayed;
        let rules = ProductRules::new(ProductKind::Pins).replay(ReplayGuard::ByteIdentical {
            within: Duration::from_secs(600),
        });
        let fake = Fake::new(TopupCapabilities::new(Currency::NGN, [rules])).answering(answers);
        let sent = Arc::clone(&fake.sent);
        let mut settings = settings();
        settings.replay = replays;
        let ledger = open(Arc::clone(&store) as Arc<dyn Store>, fake, settings).await;
        let product = Product::pins(support::naira(100), NonZeroU32::MIN);
        let intent = TopupIntent::new(reference("pins"), product);
        store.records.store(!replays, Ordering::SeqCst);
        let told = ledger.submit(&intent).await;
        assert_eq!(told.is_err(), state == State::NotSent);
        store.records.store(true, Ordering::SeqCst);
        // What is tried and fails is not lost by that.
        for _ in 0..2 {
            ledger.resume().await.unwrap();
            let row = ledger.status(&reference("pins")).await.unwrap().unwrap();
            assert!(row.state.is_open(), "{state}: {:?}", row.state);
        }
        store.records.store(false, Ordering::SeqCst);
        ledger.settle().await.unwrap();
        let row = ledger.status(&reference("pins")).await.unwrap().unwrap();
        assert_eq!((row.state, row.delivered), (state, Some(delivered)));
        let pins = if delivered { paid.pins.clone() } else { vec![] };
        assert_eq!(row.receipt.pins, pins, "{state}");
        assert_eq!(sent.load(Ordering::SeqCst), 1 + u32::from(replays));
    }
}

/// Whether it was sent before cannot be looked up: that is a trouble of the store, and passes.
#[tokio::test]
async fn a_story_that_cannot_be_read_is_no_refusal_for_good() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    let fake = fake();
    let refusing = Arc::clone(&fake.refusing);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let ledger = open(shared, fake, settings()).await;
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    refusing.store(true, Ordering::SeqCst);
    for (fails, kind) in [(true, Some(ErrorKind::Storage)), (false, None)] {
        store.finds.store(fails, Ordering::SeqCst);
        let told = ledger.submit(&airtime("a", 1, 100)).await;
        assert_eq!(told.err().map(|e| e.kind()), kind);
    }
}

/// The claim was written and nobody heard of it, so nothing was sent: that is not left to a person.
#[tokio::test]
async fn a_claim_that_failed_and_was_written_is_given_back() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let ledger = open(shared, world.client(), settings()).await;
    store.begins_unheard.store(true, Ordering::SeqCst);
    for n in [1, 2] {
        let intent = airtime(&format!("u{n}"), n, 100);
        let refused = ledger.submit(&intent).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Storage);
    }
    store.begins_unheard.store(false, Ordering::SeqCst);
    let state = async |name: &str| {
        let row = store.store.find(reference(name)).await.unwrap();
        row.unwrap().state
    };
    assert_eq!(state("u1").await, State::Sending);
    // It cannot be read or written yet; then whoever waits for it goes away; then it is done.
    for fails in [&store.finds, &store.records] {
        fails.store(true, Ordering::SeqCst);
        ledger.resume().await.unwrap();
        fails.store(false, Ordering::SeqCst);
        assert_eq!(state("u2").await, State::Sending);
    }
    for polls in 1..4 {
        let mut resume = Box::pin(ledger.resume());
        for _ in 0..polls {
            std::future::poll_fn(|cx| {
                let _ = resume.as_mut().poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
        }
    }
    ledger.resume().await.unwrap();
    for name in ["u1", "u2"] {
        assert_eq!(state(name).await, State::NotSent, "{name}");
        assert_eq!(world.truth(&reference(name)), (0, 0));
    }
    let told = ledger.submit(&airtime("u1", 1, 100)).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
}

/// In a service that never calls `resume` what an outage leaves would grow for ever.
#[tokio::test]
async fn what_an_outage_left_is_seen_to_by_the_top_ups_after_it() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    let ledger = open(Arc::clone(&store) as Arc<dyn Store>, fake(), settings()).await;
    store.begins_unheard.store(true, Ordering::SeqCst);
    for n in 0..100 {
        let intent = airtime(&format!("l{n}"), n, 100);
        ledger.submit(&intent).await.unwrap_err();
    }
    store.begins_unheard.store(false, Ordering::SeqCst);
    store.records.store(true, Ordering::SeqCst);
    let told = ledger.submit(&airtime("answered", 1, 100)).await;
    assert!(matches!(told, Ok(Submission::Accepted(_))));
    store.records.store(false, Ordering::SeqCst);
    let counts = ledger.count(None).await.unwrap();
    assert_eq!(counts.of(State::Sending), 101);
    for n in 0..10 {
        let told = ledger.submit(&airtime(&format!("n{n}"), n, 100)).await;
        assert!(matches!(told, Ok(Submission::Accepted(_))));
    }
    let counts = ledger.count(None).await.unwrap();
    let [sending, not_sent, accepted] =
        [State::Sending, State::NotSent, State::Accepted].map(|state| counts.of(state));
    assert_eq!((sending, not_sent, accepted), (0, 100, 11));
}

/// A claim that failed was not written, and another worker has the row since: it is theirs.
#[tokio::test]
async fn a_claim_that_failed_gives_nobody_else_s_back() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    let shared = || Arc::clone(&store) as Arc<dyn Store>;
    let one = open(shared(), world.client(), settings()).await;
    let other = open(shared(), world.client(), settings()).await;
    let intent = airtime("a", 1, 100);
    store.begins.store(true, Ordering::SeqCst);
    one.submit(&intent).await.unwrap_err();
    store.begins.store(false, Ordering::SeqCst);
    store.records.store(true, Ordering::SeqCst);
    let told = other.submit(&intent).await.unwrap();
    assert!(matches!(told, Submission::Accepted(_)));
    store.records.store(false, Ordering::SeqCst);
    one.resume().await.unwrap();
    let row = one.status(&reference("a")).await.unwrap().unwrap();
    assert_eq!(row.state, State::Sending, "on its way, as far as is known");
}

/// The store fails when one look has ended and another is under way.
#[tokio::test]
async fn a_pass_that_fails_brings_what_is_under_way_to_its_end() {
    let world = World::sqlite().await;
    let store = Failing::over(world.store().await);
    let found = Ok(Lookup::Found(TopupRecord::new(RecordState::Completed)));
    let lost = || Answer::Lose(ErrorKind::Timeout);
    let mut fake = fake().answering([lost(), lost()]).showing([found]);
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    fake.look_gate = Some(Arc::clone(&gate));
    let looked = Arc::clone(&fake.looked);
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let mut settings = settings();
    settings.lookups_at_a_time = 2;
    let ledger = open(shared, fake, settings).await;
    for n in [1, 2] {
        let told = ledger.submit(&airtime(&format!("p{n}"), n, 100)).await;
        assert!(matches!(told, Ok(Submission::Unknown(_))));
    }
    store.dues.store(1, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let resume = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.resume().await }
    });
    while looked.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gate.add_permits(1);
    while store.dues.load(Ordering::SeqCst) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    gate.add_permits(1);
    assert!(resume.await.unwrap().is_err());
    for name in ["p1", "p2"] {
        let row = ledger.status(&reference(name)).await.unwrap().unwrap();
        assert_eq!(row.state, State::Settled, "{name}");
    }
}
