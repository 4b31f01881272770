//! What a ledger is kept in.

use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use telco_core::{Amount, Currency, Error, Identity, Product, Reference, SecretBytes, TopupIntent};

use crate::{Counts, Earlier, Event, Filter, Guards, LeftOut, Operation, Refusal, Step};

/// A row and the token that its holder must show: who comes later has a greater one, and the earlier one's is void.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Which row.
    pub reference: Reference,
    /// The fencing token.
    pub fence: i64,
}

/// The wish to send. Written down, checked against the guards and granted or refused in one durable transaction.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claim {
    /// Through which account.
    pub identity: Identity,
    /// What.
    pub intent: TopupIntent,
    /// Unique to this claim, so that one whose answer got lost is recognised.
    pub owner: String,
    /// How long its holder may be silent.
    pub lease: Duration,
    /// The finished request, if a replay may ever need it.
    pub frozen: Option<(SecretBytes, SystemTime)>,
    /// The rules.
    pub guards: Guards,
    /// The row as it was taken, if it was.
    pub mark: Option<Mark>,
    /// Without the duplicate guard.
    pub allow_duplicate: bool,
    /// Again, after a proven rejection.
    pub reissue: bool,
    /// Not if another job than the row's has sent the same after this: see [`Store::sent_by_other_jobs`].
    pub others_since: Option<SystemTime>,
    /// What the account could still spend when everything that was ever claimed through it cost so much.
    pub balance: Option<Spendable>,
}

impl Claim {
    /// With no rules but those that are always there, and two minutes.
    pub fn new(identity: Identity, intent: TopupIntent, owner: impl Into<String>) -> Self {
        Self {
            identity,
            intent,
            owner: owner.into(),
            lease: Duration::from_secs(120),
            frozen: None,
            guards: Guards::none(),
            mark: None,
            allow_duplicate: false,
            reissue: false,
            others_since: None,
            balance: None,
        }
    }
}

/// A reading of the balance, put beside the sum of all claims at that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spendable {
    /// The balance read.
    pub balance: Amount,
    /// What was claimed by then and is known to be in the balance, or is left to a person. What nobody knows of counts from here
    /// on: if it did happen, twice until it is settled; if it did not, the balance is no greater for it.
    pub claimed: i64,
}

impl Spendable {
    /// The balance read, and [`Store::claimed`] of just before.
    #[must_use]
    pub fn new(balance: Amount, claimed: i64) -> Self {
        Self { balance, claimed }
    }
}

/// The answer to a [`Claim`].
#[derive(Debug, Clone)]
pub enum Begun {
    /// Send now: the row says that it may be on the way.
    Go(Mark),
    /// This reference has a story already. Send nothing.
    Story(Box<Operation>),
    /// This reference belongs to something else. Send nothing.
    Other(Box<Operation>),
    /// A guard said no. Send nothing.
    Refused(Refusal),
    /// The row is in another worker's hands, or was taken from this one's. Send nothing.
    Gone,
}

/// What became of a recorded step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is durable.
    Done,
    /// The row has moved on without its holder, or the step is not allowed from where it is. Paid PINs were kept all the same, and
    /// what the provider answered settled the row, if nobody knew better.
    Superseded,
}

/// A row of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanRow {
    /// Its line in the job's input.
    pub line: u64,
    /// What is to be bought.
    pub intent: TopupIntent,
}

impl PlanRow {
    /// This, from that line.
    pub fn new(line: u64, intent: TopupIntent) -> Self {
        Self { line, intent }
    }
}

/// What became of a planned row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// Written down.
    New,
    /// It was there already: the same job, account and content.
    Known,
    /// Its reference belongs to something else; nothing was changed.
    Conflict,
}

/// For whom rows are asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ask {
    /// Of which account.
    pub identity: Identity,
    /// Who will hold them. Unique to this ask, so that one whose answer got lost is recognised and given the same rows.
    pub owner: String,
    /// How long its holder may be silent.
    pub lease: Duration,
    /// At most so many.
    pub limit: u32,
}

impl Ask {
    /// Of this account, held by that owner for so long, at most so many.
    pub fn new(identity: Identity, owner: impl Into<String>, lease: Duration, limit: u32) -> Self {
        Self {
            identity,
            owner: owner.into(),
            lease,
            limit,
        }
    }
}

/// Rows to be looked up now, and when to ask for more.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Due {
    /// Held by the asker from here on.
    pub rows: Vec<Operation>,
    /// The time until another open row is due; `None`: there is none.
    pub next: Option<Duration>,
    /// The store's time when it gave these out: before they are looked up. What a missing record proves, and whether a request
    /// is too old for a replay, is judged by it. 1970, where a store never said: proves nothing, and replays nothing.
    pub now: SystemTime,
}

impl Default for Due {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            next: None,
            now: SystemTime::UNIX_EPOCH,
        }
    }
}

/// What a ledger is kept in. Each method is one atomic, durable step, and may be repeated after a lost answer.
///
/// Time is the store's own: the clock of a worker decides nothing, so that workers whose clocks differ agree.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The last millisecond that is over, by the clock that says when rows are sent: what is sent from here on is sent after it. A
    /// time that rows are compared with, such as [`Claim::others_since`], is reckoned from this.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn now(&self) -> Result<SystemTime, Error>;

    /// The right to send: see [`Claim`].
    ///
    /// # Errors
    /// Kind `Storage`. Nothing may be sent then.
    async fn begin(&self, claim: Claim) -> Result<Begun, Error>;

    /// A step of a row that is held.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn record(&self, mark: Mark, step: Step) -> Result<Recorded, Error>;

    /// A step by a person, whoever holds the row.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn decide(&self, reference: Reference, step: Step) -> Result<Recorded, Error>;

    /// Writes rows of a job down, 10,000 at most.
    ///
    /// # Errors
    /// Kind `Storage`; or `InvalidInput`, where the job's name is empty or there are more rows. None is written then.
    async fn plan(
        &self,
        identity: Identity,
        job: String,
        rows: Vec<PlanRow>,
    ) -> Result<Vec<Placed>, Error>;

    /// Planned rows of a job that nobody holds, in order.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn take(&self, job: String, ask: Ask) -> Result<Vec<Operation>, Error>;

    /// Lets a row go that is held: planned, or to be looked up.
    ///
    /// # Errors
    /// Kind `Storage`; it becomes free when its lease ends.
    async fn release(&self, mark: Mark) -> Result<(), Error>;

    /// Plans the rows of a job anew that ended "not sent", and says how many. Of those that are left out, only what was left out
    /// for one of the reasons in `too`.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn replan(
        &self,
        identity: Identity,
        job: String,
        too: Vec<LeftOut>,
    ) -> Result<u64, Error>;

    /// Rows whose outcome is unknown and that are due to be looked up. Those that were being sent by somebody who is gone
    /// become unknown first. `only`: this row, due or not, an unresolved one too.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn due(&self, ask: Ask, only: Option<Reference>) -> Result<Due, Error>;

    /// One row.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn find(&self, reference: Reference) -> Result<Option<Operation>, Error>;

    /// What happened to a row, oldest first.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn history(&self, reference: Reference) -> Result<Vec<Event>, Error>;

    /// Rows, a page at a time.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn list(&self, filter: Filter) -> Result<Vec<Operation>, Error>;

    /// For each product, the last top-up that a job other than this one sent after `since` for the same canonical number,
    /// product and amount, if it was delivered or may have been. A file that was changed is a new job: this is how its rows
    /// are found that went out with the old one. PINs have no number and are not compared.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let store = telco_ledger::SqliteStore::open(folder.path().join("ledger.sqlite"))?;
    /// use std::time::SystemTime;
    /// use telco_ledger::Store;
    ///
    /// let product = doc::intent("april-2").product;
    /// let ever = SystemTime::UNIX_EPOCH;
    /// let earlier = store.sent_by_other_jobs(Some("april".into()), ever, vec![product]).await?;
    /// assert_eq!(earlier, [None]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn sent_by_other_jobs(
        &self,
        job: Option<String>,
        since: SystemTime,
        products: Vec<Product>,
    ) -> Result<Vec<Option<Earlier>>, Error>;

    /// How many rows are in which state: of a job, or of all.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn count(&self, job: Option<String>) -> Result<Counts, Error>;

    /// The sum of all claims through an account that are no longer on the way, and not to be looked up either: see
    /// [`Spendable::claimed`].
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn claimed(&self, identity: Identity, currency: Currency) -> Result<i64, Error>;

    /// Keeps a text under a name, or forgets it.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn note(&self, name: String, text: Option<String>) -> Result<(), Error>;

    /// The text under a name.
    ///
    /// # Errors
    /// Kind `Storage`.
    async fn noted(&self, name: String) -> Result<Option<String>, Error>;
}
