//! What happens to an unknown outcome: looked up until the provider's books say something, replayed if that is guarded and
//! asked for, left to a person otherwise. Never sent again.

use std::sync::PoisonError;
use std::time::{Duration, SystemTime};

use telco_core::{
    Error, ErrorKind, Lookup, LookupSupport, NotSent, Reference, Submission, TopupExt as _,
    TopupReceipt,
};
use tokio::task::JoinSet;

use crate::clocks::Since;
use crate::decide::{decide, wait};
use crate::{Ledger, Mark, Operation, Recorded, Settled, State, Step, Why};

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
        self.take_over_dropped().await;
        let at_a_time = self.inner.settings.lookups_at_a_time.max(1) as usize;
        let mut looks = JoinSet::new();
        loop {
            // A slow look holds up none of the others.
            if looks.len() < at_a_time {
                let free = u32::try_from(at_a_time - looks.len()).unwrap_or(1);
                let due = self.inner.store.due(self.inner.ask(free), None).await?;
                sum.next = due.next;
                for row in due.rows {
                    let ledger = self.clone();
                    looks.spawn(async move { ledger.look(row, due.now).await });
                }
            }
            let Some(mut seen) = looks.join_next().await else {
                return Ok(sum);
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
                Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(1))).await,
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
        self.take_over_dropped().await;
        loop {
            let row = self.known(reference).await?;
            let wait = match row.state {
                State::Unresolved | State::Unknown | State::Sending | State::Replaying => {
                    let ask = self.inner.ask(1);
                    let due = self.inner.store.due(ask, Some(reference.clone())).await?;
                    match due.rows.into_iter().next() {
                        Some(row) => {
                            self.look(row, due.now).await;
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

    async fn take_over_dropped(&self) {
        let dropped = {
            let mut list = self
                .inner
                .dropped
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *list)
        };
        for mark in dropped {
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
            if self.record(&mark, step).await.is_none() {
                let mut list = self
                    .inner
                    .dropped
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                list.push(mark);
            }
        }
    }

    /// One look at a row that this ledger holds since `now`, by the store's clock.
    async fn look(&self, row: Operation, now: SystemTime) -> Option<(State, Option<bool>)> {
        let inner = &self.inner;
        let since = Since::now(&*inner.settings.clock);
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
        // No copy of what the provider has something else for; nor one that a missing record, counted from the first copy on,
        // would say nothing about.
        let never = matches!(found, Some(Ok(Lookup::Mismatch(_))))
            || matches!(rules.lookup, LookupSupport::Proves { .. });
        // By the time before the look: what came on record during it was not looked for.
        let step = decide(rules, &row, found, now);
        let replayable =
            !never && matches!(step, Step::Unresolved(_)) && row.state == State::Unknown;
        let now = || now.checked_add(since.elapsed());
        if replayable && let Some(done) = self.replay(&row, &mark, now).await {
            return Some(done);
        }
        self.write(&mark, step).await
    }

    async fn write(&self, mark: &Mark, step: Step) -> Option<(State, Option<bool>)> {
        let (state, delivered) = (step.state(), step.delivered());
        let recorded = self.record(mark, step).await;
        (recorded == Some(Recorded::Done)).then_some((state, delivered))
    }

    /// The same bytes once more. `None`: not allowed, not asked for, or too late. `now` is the store's time.
    async fn replay(
        &self,
        row: &Operation,
        mark: &Mark,
        now: impl Fn() -> Option<SystemTime>,
    ) -> Option<(State, Option<bool>)> {
        let inner = &self.inner;
        let frozen = row.frozen()?;
        let guard = inner.replay_guard(&row.intent);
        let sent = row.sent_at?;
        // Both times: the request carries the one of the worker that made it, which may be wrong.
        let allows = |now| guard.allows(sent, now) && guard.allows(frozen.prepared_at(), now);
        if !allows(now()?) {
            return None;
        }
        let begin = Step::Replaying {
            lease: inner.settings.lease,
        };
        inner.tell(row.reference(), State::Replaying, false);
        // Only what is durable is replayed: a row that has given its bytes away is not replayed again.
        match inner.store.record(mark.clone(), begin).await {
            Ok(Recorded::Done) => inner.tell(row.reference(), State::Replaying, true),
            _ => return Some((State::Unknown, None)),
        }
        // Writing that down may have taken its time.
        let answer = match now().filter(|now| allows(*now)) {
            Some(now) => inner.provider.replay(&frozen, now).await,
            None => Submission::unknown(
                row.reference(),
                NotSent::new(ErrorKind::Policy, "not replayed: it was too late").into(),
            ),
        };
        let step = match answer {
            Submission::Accepted(receipt) => Step::Replayed(Box::new(receipt)),
            // Also "a copy arrived before": then a lookup may find it by now.
            Submission::Unknown(unknown) => {
                Step::of_unknown(&unknown, inner.first_wait(&row.intent))
            }
            Submission::Rejected(rejection) => Step::Unknown {
                why: Why::from(&rejection),
                provisional: None,
                answer: None,
                after: inner.first_wait(&row.intent),
            },
        };
        self.write(mark, step).await
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
