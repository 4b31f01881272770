//! What happens to an unknown outcome: looked up until the provider's books say something, replayed if that is guarded and
//! asked for, left to a person otherwise. Never sent again.

use std::time::{Duration, SystemTime};

use telco_core::{
    Error, ErrorKind, FrozenTopup, Lookup, LookupSupport, NotSent, Reference, Submission,
    TopupExt as _, TopupReceipt,
};
use tokio::task::JoinSet;

use crate::clocks::{Since, StoreTime};
use crate::decide::{decide, wait};
use crate::ledger::Left;
use crate::{Due, Ledger, Mark, Operation, Recorded, Settled, State, Step, Why};

/// How soon what is open is looked at again. What is on its way is recorded long before its lease ends.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

impl Ledger {
    /// To be called after every start, and now and then: takes over what a crash, a dropped future or a silent worker left
    /// open, and looks up what is due. Nothing is ever sent again. The answer says when to come back.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(Some(telco_sandbox::Phase::ActThenReset), async |ledger| {
    /// use telco_core::Submission;
    ///
    /// assert!(matches!(ledger.submit(&doc::intent("order-1")).await?, Submission::Unknown(_)));
    /// let settled = ledger.resume().await?;
    /// if let Some(wait) = settled.next {
    ///     println!("one is open: come back in {wait:?}");
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn resume(&self) -> Result<Settled, Error> {
        let mut sum = Settled::default();
        self.see_to_what_was_left(usize::MAX).await;
        let at_a_time = self.inner.settings.lookups_at_a_time.max(1) as usize;
        let mut looks = JoinSet::new();
        let mut failure = None;
        loop {
            // A slow look holds up none of the others.
            if failure.is_none() && looks.len() < at_a_time {
                let free = u32::try_from(at_a_time - looks.len()).unwrap_or(1);
                match self.due(free, None).await {
                    Ok((due, time)) => {
                        sum.next = due.next;
                        for row in due.rows {
                            let (ledger, time) = (self.clone(), time.clone());
                            looks.spawn(async move { ledger.look(row, time).await });
                        }
                    }
                    // What is under way is brought to its end first.
                    Err(e) => failure = Some(e),
                }
            }
            let Some(mut seen) = looks.join_next().await else {
                return failure.map_or(Ok(sum), Err);
            };
            loop {
                if let Ok(Some((state, delivered))) = seen {
                    sum.count(state, delivered);
                }
                match looks.try_join_next() {
                    Some(next) => seen = next,
                    None => break,
                }
            }
        }
    }

    /// [`resume`](Self::resume) until no outcome is unknown any more: each has happened, has not, or is left to a person.
    ///
    /// That is for a program at its end, or a test: it waits for all rows of the account, those too that other tasks and workers
    /// send meanwhile. In a service that goes on [`settle_one`](Self::settle_one) waits for one order.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(Some(telco_sandbox::Phase::ActThenReset), async |ledger| {
    /// use telco_core::Submission;
    ///
    /// assert!(matches!(ledger.submit(&doc::intent("order-1")).await?, Submission::Unknown(_)));
    /// assert_eq!(ledger.settle().await?.delivered, 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn settle(&self) -> Result<Settled, Error> {
        let mut sum = Settled::default();
        loop {
            sum.add(self.resume().await?);
            match sum.next {
                Some(wait) => tokio::time::sleep(wait.clamp(LOOK.0, LOOK.1)).await,
                None => return Ok(sum),
            }
        }
    }

    /// The same for one reference: waits until its outcome is known or left to a person, and tells it. An unresolved one is
    /// looked up once more.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(Some(telco_sandbox::Phase::ActThenReset), async |ledger| {
    /// use telco_core::Submission;
    ///
    /// let order = doc::intent("order-1");
    /// assert!(matches!(ledger.submit(&order).await?, Submission::Unknown(_)));
    /// assert!(matches!(ledger.settle_one(&order.reference).await?, Submission::Accepted(_)));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`, or `InvalidInput` for a reference that is not here or was never sent.
    pub async fn settle_one(
        &self,
        reference: &Reference,
    ) -> Result<Submission<TopupReceipt>, Error> {
        self.see_to_what_was_left(usize::MAX).await;
        loop {
            let row = self.known(reference).await?;
            let wait = match row.state {
                State::Unresolved | State::Unknown | State::Sending | State::Replaying => {
                    let (due, time) = self.due(1, Some(reference.clone())).await?;
                    match due.rows.into_iter().next() {
                        Some(row) => {
                            self.look(row, time).await;
                            let row = self.known(reference).await?;
                            if !row.state.is_open() || row.state == State::Unresolved {
                                return told(&row);
                            }
                            self.wait_for(&row)
                        }
                        // Somebody else holds it.
                        None => Duration::from_millis(100),
                    }
                }
                _ => return told(&row),
            };
            tokio::time::sleep(wait).await;
        }
    }

    async fn due(&self, limit: u32, only: Option<Reference>) -> Result<(Due, StoreTime), Error> {
        let inner = &self.inner;
        let since = Since::now(&inner.settings.clock);
        let due = inner.store.due(inner.ask(limit), only).await?;
        let at = due.now;
        Ok((due, StoreTime { at, since }))
    }

    async fn known(&self, reference: &Reference) -> Result<Operation, Error> {
        let row = self.inner.store.find(reference.clone()).await?;
        row.filter(|row| row.identity == *self.identity())
            .ok_or_else(|| {
                Error::answered(
                    ErrorKind::InvalidInput,
                    "this ledger has no such reference of this account",
                )
            })
    }

    fn wait_for(&self, row: &Operation) -> Duration {
        let capabilities = self.inner.provider.topup_capabilities();
        let rules = capabilities.rules(row.intent.product.kind());
        rules.map_or(Duration::from_secs(1), |rules| {
            wait(&rules.poll_after, row.lookups)
        })
    }

    /// One after the other, each kept until it is done: whoever waits for this may go away, too.
    pub(crate) async fn see_to_what_was_left(&self, at_most: usize) {
        for _ in 0..at_most {
            let Some(mut leaving) = self.inner.take_what_was_left() else {
                return;
            };
            let done = match &leaving.left {
                Some(Left::Sending(mark)) => self.take_over(mark).await,
                Some(Left::Answered(mark, step)) => {
                    self.record(mark, (**step).clone()).await.is_some()
                }
                Some(Left::Claim(reference, owner)) => self.give_back(reference, owner).await,
                None => true,
            };
            if !done {
                return;
            }
            leaving.left = None;
        }
    }

    /// `false`: the store failed.
    async fn take_over(&self, mark: &Mark) -> bool {
        let why = Why::new(
            ErrorKind::Interrupted,
            "its sender went away in the middle: it may be on the way",
        );
        let step = Step::Unknown {
            why,
            provisional: None,
            answer: None,
            after: Duration::ZERO,
        };
        self.record(mark, step).await.is_some()
    }

    /// If the claim was written after all. `false`: the store failed.
    async fn give_back(&self, reference: &Reference, owner: &str) -> bool {
        let Ok(row) = self.inner.store.find(reference.clone()).await else {
            return false;
        };
        let claimed =
            |row: &Operation| row.state == State::Sending && row.owner.as_deref() == Some(owner);
        let Some(row) = row.filter(claimed) else {
            return true;
        };
        let mark = Mark {
            reference: reference.clone(),
            fence: row.fence,
        };
        let why = Why::new(
            ErrorKind::Storage,
            "nobody knew whether it was written down, so it was not sent",
        );
        self.record(&mark, Step::NotSent(why)).await.is_some()
    }

    /// One look at a row that this ledger holds since then.
    async fn look(&self, row: Operation, time: StoreTime) -> Option<(State, Option<bool>)> {
        let inner = &self.inner;
        let mark = Mark {
            reference: row.reference().clone(),
            fence: row.fence,
        };
        let capabilities = inner.provider.topup_capabilities();
        let Some(rules) = capabilities.rules(row.intent.product.kind()) else {
            let why = Why::new(
                ErrorKind::Unsupported,
                "the account no longer sells this product: ask the provider",
            );
            return self.write(&mark, Step::Unresolved(why)).await;
        };
        let found = match rules.lookup {
            LookupSupport::None => None,
            _ => Some(inner.provider.lookup(&row.intent).await),
        };
        // No copy of what the provider has on record, this or something else; nor one that a missing record, counted from the first
        // copy on, would say nothing about.
        let never = matches!(found, Some(Ok(Lookup::Found(_) | Lookup::Mismatch(_))))
            || matches!(rules.lookup, LookupSupport::Proves { .. });
        // By the time before the look: what came on record during it was not looked for.
        let step = decide(rules, &row, found, time.at);
        let replayable =
            !never && matches!(step, Step::Unresolved(_)) && row.state == State::Unknown;
        if replayable && let Some(done) = self.replay(&row, &mark, time).await {
            return Some(done);
        }
        self.write(&mark, step).await
    }

    async fn write(&self, mark: &Mark, step: Step) -> Option<(State, Option<bool>)> {
        let (state, delivered) = (step.state(), step.delivered());
        let recorded = self.keep(mark, step).await;
        (recorded == Some(Recorded::Done)).then_some((state, delivered))
    }

    /// The same bytes once more. `None`: not allowed, not asked for, or too late.
    async fn replay(
        &self,
        row: &Operation,
        mark: &Mark,
        time: StoreTime,
    ) -> Option<(State, Option<bool>)> {
        let frozen = row.frozen()?;
        let guard = self.inner.replay_guard(&row.intent);
        let (sent, prepared) = (row.sent_at?, frozen.prepared_at());
        // Both times: the request carries the one of the worker that made it, which may be wrong.
        let allowed = move || {
            let allows =
                |now: &SystemTime| guard.allows(sent, *now) && guard.allows(prepared, *now);
            time.now().filter(allows)
        };
        allowed()?;
        let (ledger, mark) = (self.clone(), mark.clone());
        // On its own: whoever waits for it may go away, and the answer be lost.
        let replaying = tokio::spawn(async move { ledger.replay_now(mark, frozen, allowed).await });
        replaying.await.unwrap_or(Some((State::Unknown, None)))
    }

    async fn replay_now(
        &self,
        mark: Mark,
        frozen: FrozenTopup,
        allowed: impl Fn() -> Option<SystemTime>,
    ) -> Option<(State, Option<bool>)> {
        let inner = &self.inner;
        let begin = Step::Replaying {
            lease: inner.settings.lease,
        };
        inner.tell(&mark.reference, State::Replaying, false);
        // Only what is durable is replayed: a row that has given its bytes away is not replayed again.
        match inner.store.record(mark.clone(), begin).await {
            Ok(Recorded::Done) => inner.tell(&mark.reference, State::Replaying, true),
            _ => return Some((State::Unknown, None)),
        }
        // Writing that down may have taken its time.
        let answer = match allowed() {
            Some(now) => inner.provider.replay(&frozen, now).await,
            None => Submission::unknown(
                &mark.reference,
                NotSent::new(ErrorKind::Policy, "not replayed: it was too late").into(),
            ),
        };
        let first_wait = inner.first_wait(frozen.intent());
        let step = match answer {
            Submission::Accepted(receipt) => Step::Replayed(Box::new(receipt)),
            // Also "a copy arrived before": then a lookup may find it by now.
            Submission::Unknown(unknown) => Step::of_unknown(&unknown, first_wait),
            Submission::Rejected(rejection) => Step::Unknown {
                why: Why::from(&rejection),
                provisional: None,
                answer: None,
                after: first_wait,
            },
        };
        self.write(&mark, step).await
    }
}

fn told(row: &Operation) -> Result<Submission<TopupReceipt>, Error> {
    row.told().ok_or_else(|| {
        Error::answered(
            ErrorKind::InvalidInput,
            "nothing was ever sent under this reference",
        )
    })
}
