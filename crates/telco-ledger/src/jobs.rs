//! Many rows under one name, for any number of workers.

use std::collections::BTreeMap;

use telco_core::{Error, ErrorKind, NotSent, Reference, Submission, TopupIntent, TopupReceipt};

use crate::ledger::belongs_elsewhere;
use crate::{
    Filter, Ledger, LeftOut, Mark, Operation, Options, Placed, PlanRow, Recorded, State, Step, Why,
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
    /// was interrupted while planning is planned again. At most 10,000 rows at a time: a larger job is planned in parts.
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
    /// Kind `Storage`; or `InvalidInput`, where the job's name is empty or there are more rows.
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
    /// [`NotSent`]. A row that cannot be sent, or that a guard about this row refuses, ends as `not_sent`; one that a guard about all
    /// rows refuses (stop switch, rate, caps of day and job, balance) is planned and free again. One that another worker has sent
    /// meanwhile, because its lease ended here, is no error: its story is told. One that was taken through another account is given
    /// back, of kind `Conflict`.
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
        let entry = self.its_account(entry).await?;
        let mark = entry.mark();
        match self.inner.provider.prepare(entry.intent()) {
            Ok(prepared) => self.begin(prepared, options, Some(mark)).await,
            Err(refusal) => {
                let step = Step::NotSent(Why::from(&refusal));
                match self.record(&mark, step).await {
                    // Another worker may have sent it meanwhile.
                    Some(Recorded::Superseded) => self.story_or(entry.intent(), refusal).await,
                    _ => Err(refusal),
                }
            }
        }
    }

    /// A row goes through the account that it was taken through: elsewhere it is given back.
    async fn its_account(&self, entry: Entry) -> Result<Entry, NotSent> {
        if entry.operation.identity == *self.identity() {
            return Ok(entry);
        }
        // If this fails, it is free when its lease ends.
        let _ = self.inner.store.release(entry.mark()).await;
        Err(belongs_elsewhere(&entry.operation, self.identity()))
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
    /// Not those that are not to be sent ([`LeftOut`]): cancelled, sent by another job, or a duplicate. [`left_out`](Self::left_out)
    /// tells how many these are, [`replan_with`](Self::replan_with) plans them too.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_core::{Amount, Currency, Msisdn, Product, Reference, TopupIntent};
    /// use telco_ledger::PlanRow;
    ///
    /// // A number that this provider does not serve.
    /// let hundred = Amount::from_major(100, Currency::NGN).unwrap();
    /// let abroad = Product::airtime(Msisdn::parse("6281234567890")?, None, hundred);
    /// let abroad = TopupIntent::new(Reference::new("march-2")?, abroad);
    /// ledger.plan("march", vec![PlanRow::new(2, abroad), PlanRow::new(3, doc::intent("march-3"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     match entry.line() {
    ///         Some(2) => assert!(ledger.send(entry).await.is_err()),
    ///         _ => ledger.cancel(entry, "the customer left").await?,
    ///     }
    /// }
    /// assert_eq!(ledger.replan("march").await?, 1, "line 2; line 3 was cancelled");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn replan(&self, job: &str) -> Result<u64, Error> {
        self.replan_with(job, &[]).await
    }

    /// The same, with those that were left out for one of these reasons.
    ///
    /// To send them, switch off what refused them: a duplicate passes with [`Options::allow_duplicate`] or when its window is over,
    /// what another job has sent without [`Options::not_sent_by_other_jobs_since`].
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{LeftOut, PlanRow};
    ///
    /// ledger.plan("march", vec![PlanRow::new(2, doc::intent("march-2"))]).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     ledger.cancel(entry, "the customer left").await?;
    /// }
    /// assert_eq!(ledger.replan("march").await?, 0);
    /// assert_eq!(ledger.replan_with("march", &[LeftOut::Cancelled]).await?, 1, "and came back");
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn replan_with(&self, job: &str, too: &[LeftOut]) -> Result<u64, Error> {
        let (identity, too) = (self.identity().clone(), too.to_vec());
        self.inner.store.replan(identity, job.to_owned(), too).await
    }

    /// How many rows of a job [`replan`](Self::replan) leaves out, by the reason; a reason without rows is not among them. They
    /// stay as they are. A single one that is wanted all the same is sent by its reference.
    ///
    /// ```
    /// # mod doc { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs")); }
    /// # doc::run(None, async |ledger| {
    /// use telco_ledger::{LeftOut, Options, PlanRow};
    ///
    /// // Line 3 is line 2 once more.
    /// let rows = [2, 3].map(|line| PlanRow::new(line, doc::intent(&format!("march-{line}"))));
    /// ledger.plan("march", rows.into()).await?;
    /// for entry in ledger.take("march", 100).await? {
    ///     let _ = ledger.send(entry).await;
    /// }
    /// assert_eq!(ledger.replan("march").await?, 0);
    /// assert_eq!(ledger.left_out("march").await?.get(&LeftOut::Duplicate), Some(&1));
    /// // Both were meant.
    /// let twice = Options::default().allow_duplicate();
    /// assert!(ledger.submit_with(&doc::intent("march-3"), twice).await.is_ok());
    /// assert!(ledger.left_out("march").await?.is_empty());
    /// # Ok(()) });
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn left_out(&self, job: &str) -> Result<BTreeMap<LeftOut, u64>, Error> {
        let mut filter = Filter::default().job(job).state(State::NotSent);
        let mut found = BTreeMap::new();
        loop {
            let page = self.list(filter.clone()).await?;
            let Some(last) = page.last() else {
                return Ok(found);
            };
            filter = filter.after(last.id);
            let mine = page.iter().filter(|row| row.identity == *self.identity());
            for left_out in mine.filter_map(LeftOut::of) {
                let count = found.entry(left_out).or_insert(0_u64);
                *count = count.saturating_add(1);
            }
        }
    }

    /// Takes a single planned row back for good: it ends as `not_sent`, and [`replan`](Self::replan) leaves it out.
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
    /// Kind `Storage`, or `Conflict` if the row has moved on or was taken through another account, to which it is given back.
    pub async fn cancel(&self, entry: Entry, why: &str) -> Result<(), Error> {
        let entry = self.its_account(entry).await?;
        let why = format!("{}{why}", LeftOut::Cancelled.says());
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
