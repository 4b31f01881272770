//! Many rows under one name, for any number of workers.

use telco_core::{Error, ErrorKind, NotSent, Reference, Submission, TopupIntent, TopupReceipt};

use crate::{
    Filter, Guard, Ledger, Mark, Operation, Options, Placed, PlanRow, Recorded, State, Step, Why,
};

/// A planned row in this worker's hands, until its lease ends. [`send`](Ledger::send) it or [`release`](Ledger::release) it;
/// one that is dropped becomes free when the lease ends.
#[derive(Debug)]
#[must_use = "a row that is taken and dropped is free again only when its lease ends"]
pub struct Entry {
    operation: Operation,
}

impl Entry {
    /// What is to be sent.
    #[must_use]
    pub fn intent(&self) -> &TopupIntent {
        &self.operation.intent
    }

    /// Under which reference.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        self.operation.reference()
    }

    /// Its line in the job's input.
    #[must_use]
    pub fn line(&self) -> Option<u64> {
        self.operation.line
    }

    fn mark(&self) -> Mark {
        Mark {
            reference: self.operation.reference().clone(),
            fence: self.operation.fence,
        }
    }
}

impl Ledger {
    /// Writes rows of a job down, all or none, and says what became of each. The same rows again change nothing, so a job that
    /// was interrupted while planning is planned again.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{Placed, PlanRow};
    ///
    /// let rows = vec![PlanRow::new(2, doc::intent("march-2"))];
    /// assert_eq!(ledger.plan("march", rows.clone()).await?, [Placed::New]);
    /// assert_eq!(ledger.plan("march", rows).await?, [Placed::Known]);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn plan(&self, job: &str, rows: Vec<PlanRow>) -> Result<Vec<Placed>, Error> {
        let identity = self.identity().clone();
        self.inner.store.plan(identity, job.to_owned(), rows).await
    }

    /// Takes up to `n` planned rows of a job that nobody holds.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::PlanRow;
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// let taken = ledger.take("march", 100).await?;
    /// assert_eq!(taken[0].line(), Some(2));
    /// assert!(ledger.take("march", 100).await?.is_empty(), "nobody else gets it meanwhile");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn take(&self, job: &str, n: u32) -> Result<Vec<Entry>, Error> {
        let ask = self.inner.ask(n);
        let rows = self.inner.store.take(job.to_owned(), ask).await?;
        Ok(rows
            .into_iter()
            .map(|operation| Entry { operation })
            .collect())
    }

    /// Sends a row that was taken: [`submit`](Self::submit) for jobs.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_core::Submission;
    /// use telco_ledger::PlanRow;
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     assert!(matches!(ledger.send(entry).await?, Submission::Accepted(_)));
    /// }
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// [`NotSent`]. A row that cannot be sent, or that a guard about this row refuses, ends as `not_sent`; one that a guard
    /// about all rows refuses (stop switch, rate, caps of day and job, balance) is planned and free again.
    pub async fn send(&self, entry: Entry) -> Result<Submission<TopupReceipt>, NotSent> {
        self.send_with(entry, Options::default()).await
    }

    /// The same, with exceptions.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{Options, PlanRow};
    ///
    /// let rows = ["march-2", "march-3"].map(|name| PlanRow::new(2, doc::intent(name)));
    /// ledger.plan("march", rows.into()).await?; // the same number twice, on purpose
    /// for entry in ledger.take("march", 100).await? {
    ///     let _ = ledger.send_with(entry, Options::default().allow_duplicate()).await?;
    /// }
    /// assert_eq!(ledger.count(Some("march")).await?.delivered(), 2);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_with(
        &self,
        entry: Entry,
        options: Options,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let mark = entry.mark();
        match self.inner.provider.prepare(entry.intent()) {
            Ok(prepared) => self.begin(prepared, options, Some(mark)).await,
            Err(refusal) => {
                self.record(&mark, Step::NotSent(Why::from(&refusal))).await;
                Err(refusal)
            }
        }
    }

    /// Gives a row back that was taken and not sent.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::PlanRow;
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     ledger.release(entry).await?; // Ctrl-C
    /// }
    /// assert_eq!(ledger.take("march", 100).await?.len(), 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`; it becomes free when its lease ends.
    pub async fn release(&self, entry: Entry) -> Result<(), Error> {
        self.inner.store.release(entry.mark()).await
    }

    /// Plans the rows of a job anew that ended as `not_sent`, and says how many: nothing of them ever left.
    ///
    /// Not those that the duplicate guard refused: the number got the same from another row, and would get it twice once the
    /// window of that guard is over. [`duplicates`](Self::duplicates) tells how many these are.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::PlanRow;
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     ledger.cancel(entry, "the customer left").await?;
    /// }
    /// assert_eq!(ledger.replan("march").await?, 1, "and came back");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn replan(&self, job: &str) -> Result<u64, Error> {
        let identity = self.identity().clone();
        self.inner.store.replan(identity, job.to_owned()).await
    }

    /// How many rows of a job the duplicate guard refused. They stay as they are; one that is wanted all the same is sent by its
    /// reference, with [`Options::allow_duplicate`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{Options, PlanRow};
    ///
    /// // Line 3 is line 2 once more.
    /// let rows = [2, 3].map(|line| PlanRow::new(line, doc::intent(&format!("march-{line}"))));
    /// ledger.plan("march", rows.into()).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     let _ = ledger.send(entry).await;
    /// }
    /// assert_eq!((ledger.replan("march").await?, ledger.duplicates("march").await?), (0, 1));
    /// // Both were meant.
    /// let twice = Options::default().allow_duplicate();
    /// assert!(ledger.submit_with(&doc::intent("march-3"), twice).await.is_ok());
    /// assert_eq!(ledger.duplicates("march").await?, 0);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn duplicates(&self, job: &str) -> Result<u64, Error> {
        let says = Guard::Duplicate.says();
        let refused = |row: &Operation| {
            let mine = row.identity == *self.identity();
            mine && row
                .why
                .as_ref()
                .is_some_and(|why| why.message.starts_with(&says))
        };
        let mut filter = Filter::default().job(job).state(State::NotSent);
        let mut found = 0_u64;
        loop {
            let page = self.list(filter.clone()).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            filter = filter.after(last.id);
            let refused = page.iter().filter(|row| refused(row)).count();
            found = found.saturating_add(u64::try_from(refused).unwrap_or(u64::MAX));
        }
    }

    /// Takes a single planned row back for good: it ends as `not_sent`.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{PlanRow, State};
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     ledger.cancel(entry, "the customer left").await?;
    /// }
    /// assert_eq!(ledger.count(Some("march")).await?.of(State::NotSent), 1);
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`, or `Conflict` if the row has moved on.
    pub async fn cancel(&self, entry: Entry, why: &str) -> Result<(), Error> {
        let step = Step::NotSent(Why::new(ErrorKind::Policy, why));
        match self.record(&entry.mark(), step).await {
            Some(Recorded::Done) => Ok(()),
            Some(Recorded::Superseded) => Err(Error::answered(
                ErrorKind::Conflict,
                "the row has moved on without its holder",
            )),
            None => Err(Error::in_doubt(
                ErrorKind::Storage,
                "the row could not be cancelled",
            )),
        }
    }
}
