//! For people: how things stand, what a person decides, the stop switch, notes.

use telco_core::{Error, ErrorKind, Reference};

use crate::{Counts, Event, Filter, Ledger, Operation, Recorded, State, Step};

pub(crate) use crate::sql::STOP;

/// What a person found out about an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It happened.
    Delivered,
    /// It did not.
    NotDelivered,
}

impl Ledger {
    /// All operations of which nobody knows yet what happened: on the way, unknown, unresolved. The first 1,000;
    /// [`list`](Self::list) pages through more.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(Some(telco_sandbox::Phase::ActThenReset), async |ledger| {
    /// let _ = ledger.submit(&doc::intent("order-1")).await?;
    /// for open in ledger.open_operations().await? {
    ///     println!("{} is {}", open.reference(), open.state);
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn open_operations(&self) -> Result<Vec<Operation>, Error> {
        self.list(Filter::default().open()).await
    }

    /// How one operation stands; `None`: not here.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::State;
    ///
    /// let order = doc::intent("order-1");
    /// let _ = ledger.submit(&order).await?;
    /// let row = ledger.status(&order.reference).await?.unwrap();
    /// assert_eq!((row.state, row.delivered), (State::Accepted, Some(true)));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn status(&self, reference: &Reference) -> Result<Option<Operation>, Error> {
        self.inner.store.find(reference.clone()).await
    }

    /// What happened to it, step by step.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::State;
    ///
    /// let order = doc::intent("order-1");
    /// let _ = ledger.submit(&order).await?;
    /// let states: Vec<_> = ledger.history(&order.reference).await?.iter().map(|event| event.state).collect();
    /// assert_eq!(states, [State::Planned, State::Prepared, State::Sending, State::Accepted]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn history(&self, reference: &Reference) -> Result<Vec<Event>, Error> {
        self.inner.store.history(reference.clone()).await
    }

    /// Operations, a page at a time, in the order of writing.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::Filter;
    ///
    /// let _ = ledger.submit(&doc::intent("order-1")).await?;
    /// let mut filter = Filter::default().at_most(500);
    /// loop {
    ///     let page = ledger.list(filter.clone()).await?;
    ///     let Some(last) = page.last() else { break };
    ///     filter = filter.after(last.id);
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Operation>, Error> {
        self.inner.store.list(filter).await
    }

    /// How many rows of a job are in which state; without a job: of all.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// let _ = ledger.submit(&doc::intent("order-1")).await?;
    /// let counts = ledger.count(None).await?;
    /// assert_eq!((counts.all(), counts.delivered(), counts.open()), (1, 1, 0));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn count(&self, job: Option<&str>) -> Result<Counts, Error> {
        self.inner.store.count(job.map(str::to_owned)).await
    }

    /// A person says what became of an unresolved operation, and how they know.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(Some(telco_sandbox::Phase::ResetBefore), async |ledger| {
    /// use telco_core::Submission;
    /// use telco_ledger::{Options, Verdict};
    ///
    /// let order = doc::intent("order-1");
    /// assert!(matches!(ledger.submit(&order).await?, Submission::Unknown(_)));
    /// assert_eq!(ledger.settle().await?.unresolved, 1); // not on record, which proves nothing
    /// ledger.resolve(&order.reference, "ada", "their mail of 3 May: not applied", Verdict::NotDelivered).await?;
    /// // Only now, and only if asked for:
    /// let _ = ledger.submit_with(&order, Options::default().reissue()).await?;
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Conflict` if it is not unresolved, `InvalidInput` without a name and a reason, `Storage`.
    pub async fn resolve(
        &self,
        reference: &Reference,
        who: &str,
        why: &str,
        verdict: Verdict,
    ) -> Result<(), Error> {
        let (who, why) = named(who, why)?;
        let delivered = verdict == Verdict::Delivered;
        let step = Step::Resolved {
            delivered,
            who,
            why,
        };
        self.decide(reference, step, "only an unresolved operation is resolved")
            .await
    }

    /// It was delivered, and the provider took it back later.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::State;
    ///
    /// let order = doc::intent("order-1");
    /// let _ = ledger.submit(&order).await?;
    /// ledger.reverse(&order.reference, "ada", "statement of June").await?;
    /// assert_eq!(ledger.status(&order.reference).await?.unwrap().state, State::Reversed);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Conflict` if it was not delivered, `InvalidInput` without a name and a reason, `Storage`.
    pub async fn reverse(&self, reference: &Reference, who: &str, why: &str) -> Result<(), Error> {
        let (who, why) = named(who, why)?;
        let row = self.status(reference).await?;
        // Reversed already: the same words again are the same answer, which may have got lost.
        let reversible =
            row.is_some_and(|row| row.delivered == Some(true) || row.state == State::Reversed);
        const ONLY: &str = "only what was delivered is reversed";
        if !reversible {
            return Err(Error::answered(ErrorKind::Conflict, ONLY));
        }
        self.decide(reference, Step::Reversed { who, why }, ONLY)
            .await
    }

    async fn decide(
        &self,
        reference: &Reference,
        step: Step,
        only: &'static str,
    ) -> Result<(), Error> {
        let state = step.state();
        self.inner.tell(reference, state, false);
        match self.inner.store.decide(reference.clone(), step).await? {
            Recorded::Done => {
                self.inner.tell(reference, state, true);
                Ok(())
            }
            Recorded::Superseded => Err(Error::answered(ErrorKind::Conflict, only)),
        }
    }

    /// Pulls the stop switch: from now on no worker of this ledger sends anything. What is on the way is finished, and what
    /// is unknown is still looked up.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::Guard;
    ///
    /// ledger.stop("the provider has an outage").await?;
    /// let refused = ledger.submit(&doc::intent("order-1")).await.unwrap_err();
    /// assert_eq!(Guard::behind(refused.as_error()), Some(Guard::Stop));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn stop(&self, why: &str) -> Result<(), Error> {
        let store = &self.inner.store;
        store.note(STOP.to_owned(), Some(why.to_owned())).await
    }

    /// Lets the stop switch go.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// ledger.stop("the provider has an outage").await?;
    /// ledger.go_on().await?;
    /// assert!(ledger.submit(&doc::intent("order-1")).await.is_ok());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn go_on(&self) -> Result<(), Error> {
        self.inner.store.note(STOP.to_owned(), None).await
    }

    /// Why the stop switch is pulled; `None`: it is not.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// ledger.stop("the provider has an outage").await?;
    /// assert_eq!(ledger.stopped().await?.as_deref(), Some("the provider has an outage"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn stopped(&self) -> Result<Option<String>, Error> {
        self.inner.store.noted(STOP.to_owned()).await
    }

    /// Keeps a text beside the rows, such as what a job was made of. `None` forgets it.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// ledger.note("march", Some("customers.csv, 4,711 rows")).await?;
    /// assert!(ledger.noted("march").await?.is_some());
    /// ledger.note("march", None).await?;
    /// assert!(ledger.noted("march").await?.is_none());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`, or `InvalidInput` for the name of the stop switch.
    pub async fn note(&self, name: &str, text: Option<&str>) -> Result<(), Error> {
        if name == STOP {
            return Err(Error::answered(
                ErrorKind::InvalidInput,
                "this note is the stop switch",
            ));
        }
        let text = text.map(str::to_owned);
        self.inner.store.note(name.to_owned(), text).await
    }

    /// The text under a name.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// ledger.note("march", Some("customers.csv")).await?;
    /// assert_eq!(ledger.noted("march").await?.as_deref(), Some("customers.csv"));
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn noted(&self, name: &str) -> Result<Option<String>, Error> {
        self.inner.store.noted(name.to_owned()).await
    }
}

/// Somebody, and a reason: both are read by others later.
fn named(who: &str, why: &str) -> Result<(String, String), Error> {
    let (who, why) = (who.trim(), why.trim());
    if who.is_empty() || why.is_empty() {
        return Err(Error::answered(
            ErrorKind::InvalidInput,
            "say who decides and how they know",
        ));
    }
    Ok((who.to_owned(), why.to_owned()))
}
