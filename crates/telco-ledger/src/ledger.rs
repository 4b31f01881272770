//! The driver: write down, send once, record.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use telco_core::{
    Amount, Error, ErrorKind, Identity, NotSent, PreparedTopup, Reference, ReplayGuard, Submission,
    TopupIntent, TopupProvider, TopupReceipt,
};

use crate::clocks::Since;
use crate::settings::Moment;
use crate::{
    Ask, Begun, Claim, Guard, Mark, Operation, Recorded, Refusal, Settings, Spendable, State, Step,
    Store, Why,
};

/// Top-ups through one account, each with one durable story. Cheap to clone.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let sandbox = telco_sandbox::Sandbox::start().await?;
/// # let key = cowrie_client::ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// # let client = cowrie_client::Client::builder(cowrie_client::Credentials::client("sandbox@example.com", key)?)
/// #     .account("shop").base_url(sandbox.base_url("cowrie").unwrap()).build()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("ledger.sqlite");
/// use telco_core::{Amount, Currency, Msisdn, Product, Reference, Submission, TopupIntent};
/// use telco_ledger::{Ledger, SqliteStore};
///
/// let ledger = Ledger::open(SqliteStore::open(&path)?, client).await?;
/// ledger.resume().await?; // what a crash left open is looked up, never sent again
///
/// let to = Msisdn::parse("2348031234567")?;
/// let hundred = Amount::from_major(100, Currency::NGN).unwrap();
/// let intent = TopupIntent::new(Reference::new("order-4711")?, Product::airtime(to, None, hundred));
/// match ledger.submit(&intent).await {
///     Err(not_sent) => println!("nothing left: {not_sent}"),
///     Ok(Submission::Accepted(receipt)) => println!("done: {:?}", receipt.provider_id),
///     Ok(Submission::Rejected(why)) => println!("refused: {why}"),
///     Ok(Submission::Unknown(_)) => println!("{:?}", ledger.settle_one(&intent.reference).await?.outcome()),
/// }
/// // The same reference again tells the same story, and sends nothing.
/// assert!(matches!(ledger.submit(&intent).await?, Submission::Accepted(_)));
/// # assert_eq!(sandbox.totals().requests, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Ledger {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) provider: Arc<dyn TopupProvider>,
    pub(crate) settings: Settings,
    /// Names this ledger among all workers of all times.
    worker: String,
    claims: AtomicU64,
    left: Mutex<Vec<Left>>,
    /// The last reading of the balance, or why there is none, and when that was. Held while one is made: others wait for it.
    balance: tokio::sync::Mutex<Option<(Duration, Result<Spendable, NotSent>)>>,
}

/// What nobody waits for any more: theirs is nobody's lease, and the next `resume` sees to it.
#[derive(Debug, Clone)]
pub(crate) enum Left {
    /// Its sender went away in the middle.
    Sending(Mark),
    /// What came of it, which the store has not taken: it may be the only copy.
    Answered(Mark, Box<Step>),
    /// Under this owner's claim nothing was sent, and nobody knows whether it was written.
    Claim(Reference, String),
}

/// So many of what an outage has left are seen to after each top-up: more than come to it, and no caller waits for all of them.
const A_FEW: usize = 16;

/// A balance that could not be read is asked for again after this.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What a single submit may do that others may not.
///
/// ```
/// use telco_ledger::Options;
///
/// let twice_on_purpose = Options::default().allow_duplicate();
/// let after_a_rejection = Options::default().reissue();
/// # let _ = (twice_on_purpose, after_a_rejection);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Send although the same number got the same a short while ago.
    pub allow_duplicate: bool,
    /// Send a reference again that was rejected, or proven not to have happened. Refused for every other story, and where an
    /// answer that came late says that it did happen.
    pub reissue: bool,
    /// See [`not_sent_by_other_jobs_since`](Self::not_sent_by_other_jobs_since).
    pub others_since: Option<SystemTime>,
}

impl Options {
    /// Without the duplicate guard.
    #[must_use]
    pub fn allow_duplicate(self) -> Self {
        Self {
            allow_duplicate: true,
            ..self
        }
    }

    /// Again, after a proven rejection.
    #[must_use]
    pub fn reissue(self) -> Self {
        Self {
            reissue: true,
            ..self
        }
    }

    /// Not if another job has sent the same number, product and amount after `since`, and it was delivered or may have been: what
    /// [`Store::sent_by_other_jobs`] finds. A file that was changed is a new job, and two people may send the two at once. `since` is
    /// the store's time, reckoned from [`Store::now`]: a clock that is ahead of it would overlook what the other job sends meanwhile.
    ///
    /// It is looked at where the right to send is written down, and these are granted one after the other: of two jobs that send
    /// the same at one moment, one sends it and the other is refused. [`allow_duplicate`](Self::allow_duplicate), which is for the
    /// rows of one job, changes nothing about that. A row that is in no job has every job for another one.
    ///
    /// The refusal is [`NotSent`] by the guard [`SentByOtherJob`](Guard::SentByOtherJob), of kind `Conflict`, and names the other
    /// job and its reference. A planned row ends as `not_sent` for that reason, and [`replan`](Ledger::replan) leaves it out
    /// ([`LeftOut::SentByOtherJob`](crate::LeftOut::SentByOtherJob)).
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use std::time::SystemTime;
    /// use telco_ledger::{Guard, Options, PlanRow};
    ///
    /// let once = Options::default().not_sent_by_other_jobs_since(SystemTime::UNIX_EPOCH);
    /// let mut refused = Vec::new();
    /// for job in ["march", "march, mended"] {
    ///     let name = format!("row-2-of-{}", job.len());
    ///     ledger.plan(job, vec![PlanRow::new(2, doc::intent(&name))]).await?;
    ///     for entry in ledger.take(job, 100).await? {
    ///         refused.extend(ledger.send_with(entry, once).await.err());
    ///     }
    /// }
    /// assert_eq!(refused.len(), 1);
    /// assert_eq!(Guard::behind(refused[0].as_error()), Some(Guard::SentByOtherJob));
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn not_sent_by_other_jobs_since(self, since: SystemTime) -> Self {
        Self {
            others_since: Some(since),
            ..self
        }
    }
}

impl Ledger {
    /// With the default settings.
    ///
    /// # Errors
    /// As [`open_with`](Self::open_with).
    pub async fn open(store: impl Store, provider: impl TopupProvider) -> Result<Self, Error> {
        Self::open_with(Arc::new(store), Arc::new(provider), Settings::default()).await
    }

    /// Sends nothing and settles nothing yet: call [`resume`](Self::resume) for that.
    ///
    /// # Errors
    /// The store does not answer, there is no randomness for this worker's name, or [`Settings::lease`] is no time at all.
    pub async fn open_with(
        store: Arc<dyn Store>,
        provider: Arc<dyn TopupProvider>,
        settings: Settings,
    ) -> Result<Self, Error> {
        let name =
            Reference::generate().map_err(|e| NotSent::new(ErrorKind::Other, e.to_string()))?;
        let worker: String = name.as_str().chars().take(12).collect();
        if settings.lease < Settings::SHORTEST_LEASE {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the ledger's lease is too short: every row would be lost before it is sent",
            )
            .with_help("set it to more than the provider's total timeout; the default is 2 minutes")
            .into());
        }
        // Fails here rather than at the first top-up.
        store.noted(crate::people::STOP.to_owned()).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                provider,
                settings,
                worker,
                claims: AtomicU64::new(0),
                left: Mutex::default(),
                balance: tokio::sync::Mutex::default(),
            }),
        })
    }

    /// The account that this ledger sends through.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// assert_eq!(ledger.identity().provider(), "cowrie");
    /// # Ok(()) });
    /// ```
    #[must_use]
    pub fn identity(&self) -> &Identity {
        self.inner.provider.identity()
    }

    /// One top-up: written down, sent once, recorded. The same reference again tells the same story and sends nothing; only
    /// one that ended "not sent" is sent again.
    ///
    /// If the returned future is dropped, the row says that it may have been sent, and is looked up.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_core::Submission;
    ///
    /// match ledger.submit(&doc::intent("order-1")).await {
    ///     Err(not_sent) => println!("nothing left: {not_sent}"),
    ///     Ok(Submission::Accepted(receipt)) => println!("done: {:?}", receipt.provider_id),
    ///     Ok(Submission::Rejected(why)) => println!("refused: {why}"),
    ///     Ok(Submission::Unknown(unknown)) => println!("settle it: {}", unknown.cause()),
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// [`NotSent`]: bad input, a guard (see [`Guard::behind`](crate::Guard::behind)), a reference that belongs to something
    /// else, a store that fails, no connection.
    pub async fn submit(&self, intent: &TopupIntent) -> Result<Submission<TopupReceipt>, NotSent> {
        self.submit_with(intent, Options::default()).await
    }

    /// The same, with exceptions.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{Guard, Options};
    ///
    /// let _ = ledger.submit(&doc::intent("order-1")).await?;
    /// let refused = ledger.submit(&doc::intent("order-2")).await.unwrap_err();
    /// assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Duplicate));
    /// // The customer does want it twice.
    /// let _ = ledger.submit_with(&doc::intent("order-2"), Options::default().allow_duplicate()).await?;
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub async fn submit_with(
        &self,
        intent: &TopupIntent,
        options: Options,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let prepared = match self.inner.provider.prepare(intent) {
            Ok(prepared) => prepared,
            Err(refusal) => return self.story_or(intent, refusal).await,
        };
        self.begin(prepared, options, None).await
    }

    /// What was sent before has its story, even if today's settings would refuse it, or a guard cannot look.
    pub(crate) async fn story_or(
        &self,
        intent: &TopupIntent,
        refusal: NotSent,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        match self.inner.store.find(intent.reference.clone()).await {
            Ok(Some(row)) if row.is(self.identity(), intent) => row.told().ok_or(refusal),
            Ok(_) => Err(refusal),
            // It may have been sent before.
            Err(e) => Err(unwritten(e)),
        }
    }

    pub(crate) async fn begin(
        &self,
        prepared: PreparedTopup,
        options: Options,
        taken: Option<Mark>,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let inner = &self.inner;
        let intent = prepared.intent().clone();
        let reference = &intent.reference;
        let balance = match inner.spendable(intent.product.price()).await {
            Ok(balance) => balance,
            Err(refusal) => {
                return match taken {
                    // Nothing was claimed: it is still planned. If this fails too, it is free when its lease ends.
                    Some(mark) => {
                        let _ = inner.store.release(mark).await;
                        Err(refusal)
                    }
                    // Whoever asks for it to be sent again knows its story.
                    None if options.reissue => Err(refusal),
                    None => self.story_or(&intent, refusal).await,
                };
            }
        };
        let claim = Claim {
            identity: self.identity().clone(),
            frozen: inner.frozen(&prepared),
            owner: inner.claim_name(),
            lease: inner.settings.lease,
            guards: inner.settings.guards.clone(),
            mark: taken,
            allow_duplicate: options.allow_duplicate,
            reissue: options.reissue,
            others_since: options.others_since,
            balance,
            intent: intent.clone(),
        };
        inner.tell(reference, State::Sending, false);
        let since = Since::now(&inner.settings.clock);
        // The answer to a commit may be lost, and so may whoever waits for it.
        let mut leaving = inner.leaving(Left::Claim(reference.clone(), claim.owner.clone()));
        let begun = inner.store.begin(claim).await.map_err(unwritten)?;
        leaving.left = None;
        let mark = match begun {
            Begun::Go(mark) => mark,
            Begun::Refused(refusal) => return Err(refusal.not_sent()),
            Begun::Story(row) => {
                return row
                    .told()
                    .ok_or_else(|| busy("this reference is in another worker's hands"));
            }
            Begun::Other(row) => return Err(belongs_elsewhere(&row, self.identity())),
            Begun::Gone => return Err(busy("this reference is in another worker's hands")),
        };
        inner.tell(reference, State::Sending, true);
        // What is left of the lease must do for the transmission. And a worker that was frozen in between may have been taken for
        // dead, and its row looked up.
        if since.elapsed() >= inner.settings.lease / Settings::TO_WRITE {
            let late = NotSent::new(
                ErrorKind::Timeout,
                "writing it down took more than a quarter of the lease, so it was not sent",
            );
            self.keep(&mark, Step::NotSent(Why::from(&late))).await;
            return Err(late);
        }
        leaving.left = Some(Left::Sending(mark.clone()));
        let answer = inner.provider.send(prepared).await;
        let step = match &answer {
            Ok(Submission::Accepted(receipt)) => Step::Accepted(Box::new(receipt.clone())),
            Ok(Submission::Rejected(rejection)) => Step::Rejected(Why::from(rejection)),
            Ok(Submission::Unknown(unknown)) => {
                Step::of_unknown(unknown, inner.first_wait(&intent))
            }
            Err(not_sent) => Step::NotSent(Why::from(not_sent)),
        };
        leaving.left = None;
        // Failing to record it never changes what the caller is told.
        if self.keep(&mark, step).await.is_some() {
            // The store works again, if it did not. In a service that never calls `resume` this would grow and grow.
            self.see_to_what_was_left(A_FEW).await;
        }
        answer
    }

    /// Tells the row what there is no second copy of. If the store fails, or whoever waits for it goes away, the next `resume`
    /// tells it.
    pub(crate) async fn keep(&self, mark: &Mark, step: Step) -> Option<Recorded> {
        let left = Left::Answered(mark.clone(), Box::new(step.clone()));
        let mut leaving = self.inner.leaving(left);
        let recorded = self.record(mark, step).await;
        if recorded.is_some() {
            leaving.left = None;
        }
        recorded
    }

    /// Tells the row a step. `None`: the store failed, and the row is where it was.
    pub(crate) async fn record(&self, mark: &Mark, step: Step) -> Option<Recorded> {
        let state = step.state();
        self.inner.tell(&mark.reference, state, false);
        let recorded = self.inner.store.record(mark.clone(), step).await.ok()?;
        if recorded == Recorded::Done {
            self.inner.tell(&mark.reference, state, true);
        }
        Some(recorded)
    }
}

impl Inner {
    pub(crate) fn tell(&self, reference: &Reference, state: State, durable: bool) {
        if let Some(watch) = &self.settings.watch {
            watch.tell(Moment {
                reference,
                state,
                durable,
            });
        }
    }

    fn left(&self) -> MutexGuard<'_, Vec<Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leaving(&self, left: Left) -> Leaving<'_> {
        Leaving {
            inner: self,
            left: Some(left),
        }
    }

    pub(crate) fn take_what_was_left(&self) -> Option<Leaving<'_>> {
        let left = self.left().pop()?;
        Some(self.leaving(left))
    }

    pub(crate) fn claim_name(&self) -> String {
        let n = self.claims.fetch_add(1, Ordering::Relaxed);
        format!("{}/{n}", self.worker)
    }

    pub(crate) fn ask(&self, limit: u32) -> Ask {
        Ask {
            identity: self.provider.identity().clone(),
            owner: self.claim_name(),
            lease: self.settings.lease,
            limit,
        }
    }

    pub(crate) fn replay_guard(&self, intent: &TopupIntent) -> ReplayGuard {
        if !self.settings.replay {
            return ReplayGuard::None;
        }
        let rules = self.provider.topup_capabilities();
        rules
            .rules(intent.product.kind())
            .map_or(ReplayGuard::None, |rules| rules.replay)
    }

    /// Kept only if a replay may ever need it.
    fn frozen(
        &self,
        prepared: &PreparedTopup,
    ) -> Option<(telco_core::SecretBytes, std::time::SystemTime)> {
        let frozen = prepared.frozen();
        match self.replay_guard(prepared.intent()) {
            ReplayGuard::None => None,
            _ => Some((frozen.bytes().clone(), frozen.prepared_at())),
        }
    }

    /// When an unknown outcome is looked up first.
    pub(crate) fn first_wait(&self, intent: &TopupIntent) -> Duration {
        let capabilities = self.provider.topup_capabilities();
        capabilities
            .rules(intent.product.kind())
            .and_then(|rules| rules.poll_after.first().copied())
            .unwrap_or_default()
    }

    /// The balance, if a guard asks for it: read again when the last reading is old.
    async fn spendable(&self, price: Option<Amount>) -> Result<Option<Spendable>, NotSent> {
        let (Some(_), Some(price)) = (self.settings.guards.min_balance, price) else {
            return Ok(None);
        };
        let mut last = self.balance.lock().await;
        let now = self.settings.clock.monotonic();
        if let Some((at, reading)) = &*last {
            let holds = match reading {
                Ok(_) => self.settings.balance_for,
                Err(_) => READ_AGAIN,
            };
            if now.saturating_sub(*at) < holds {
                return reading.clone().map(Some);
            }
        }
        // Claims first: what is claimed in between counts twice rather than not at all.
        let identity = self.provider.identity().clone();
        let claimed = self.store.claimed(identity, price.currency()).await;
        let claimed = claimed.map_err(unwritten)?;
        let balance = self.provider.balance().await;
        let reading = balance
            .map(|balance| Spendable::new(balance.available, claimed))
            .map_err(|e| unread(&e));
        *last = Some((self.settings.clock.monotonic(), reading.clone()));
        reading.map(Some)
    }
}

fn unwritten(e: Error) -> NotSent {
    NotSent::new(ErrorKind::Storage, "not written down, so not sent").with_source(e)
}

/// A guard that cannot look refuses.
fn unread(e: &Error) -> NotSent {
    let guard = Guard::MinBalance;
    let why = format!("the balance could not be read: {}", e.message());
    let refusal = NotSent::new(e.kind(), Refusal::new(guard, why).message())
        .with_source(guard)
        .with_retry_after(READ_AGAIN);
    match e.help() {
        Some(help) => refusal.with_help(help.to_owned()),
        None => refusal,
    }
}

fn busy(what: &'static str) -> NotSent {
    NotSent::new(ErrorKind::Conflict, what)
}

pub(crate) fn belongs_elsewhere(row: &Operation, identity: &Identity) -> NotSent {
    let what = if row.identity == *identity {
        "this reference was used before for another number, product or amount".to_owned()
    } else {
        format!(
            "this reference belongs to {}: it goes through no other account",
            row.identity
        )
    };
    NotSent::new(ErrorKind::Conflict, what).with_help(
        "one reference is one business operation, for ever: use the one you stored with it",
    )
}

/// Leaves it for the next `resume`, unless it is done when this is dropped.
pub(crate) struct Leaving<'a> {
    inner: &'a Inner,
    pub(crate) left: Option<Left>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.inner.left().extend(self.left.take());
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("identity", self.identity())
            .field("store", &self.inner.store)
            .field("worker", &self.inner.worker)
            .finish_non_exhaustive()
    }
}
