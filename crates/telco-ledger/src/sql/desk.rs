//! Where work is handed in. Whoever has the connection performs what has gathered in one transaction: many intents share
//! one durable write.

use async_trait::async_trait;
use telco_core::Error;
use tokio::sync::{mpsc, oneshot};

use super::{Dialect, Row, Sql, Statement, Tx, Work, closed};

/// Takes work from any number of tasks.
#[derive(Debug)]
pub(crate) struct Desk(mpsc::UnboundedSender<Box<dyn Job>>);

/// A piece of work and whoever waits for it.
#[async_trait]
pub(crate) trait Job: Send + Sync {
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool;
    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool;
    fn opening(&mut self, now: i64, dialect: Dialect) -> Option<Statement>;
    async fn perform(&mut self, tx: &mut Tx<'_>, opened: Vec<Row>) -> Result<(), Error>;
    /// After the transaction: hands out what came of it, or the failure. Where nobody takes it, there may be more to do.
    fn answer(self: Box<Self>, outcome: Result<(), Error>) -> Option<Box<dyn Job>>;
}

impl std::fmt::Debug for dyn Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Job")
    }
}

type Reply<W> = Result<<W as Work>::Out, Error>;

struct Ask<W: Work> {
    work: W,
    out: std::sync::Mutex<Option<W::Out>>,
    reply: oneshot::Sender<Reply<W>>,
    /// The caller that it needs was gone when this transaction began.
    too_late: bool,
}

impl<W: Work> Ask<W> {
    fn new(work: W) -> (Box<Self>, oneshot::Receiver<Reply<W>>) {
        let (reply, answer) = oneshot::channel();
        let ask = Box::new(Self {
            work,
            out: std::sync::Mutex::new(None),
            reply,
            too_late: false,
        });
        (ask, answer)
    }
}

/// What is left to be done about an answer that nobody has got.
fn unheard<W: Work>(reply: Reply<W>) -> Option<Box<dyn Job>> {
    let (job, _) = Ask::new(W::unheard(reply.ok()?)?);
    Some(job)
}

#[async_trait]
impl<W: Work> Job for Ask<W> {
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool {
        self.work.alone()
    }

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        self.work.is_long()
    }

    fn opening(&mut self, now: i64, dialect: Dialect) -> Option<Statement> {
        self.too_late = self.work.needs_its_caller() && self.reply.is_closed();
        if self.too_late {
            return None;
        }
        self.work.opening(now, dialect)
    }

    async fn perform(&mut self, tx: &mut Tx<'_>, opened: Vec<Row>) -> Result<(), Error> {
        let out = if self.too_late {
            // If a commit did it before whose answer got lost, whoever went away has left word of that.
            None
        } else {
            Some(self.work.perform(tx, opened).await?)
        };
        self.out = std::sync::Mutex::new(out);
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) -> Option<Box<dyn Job>> {
        let out = self.out.into_inner().ok().flatten();
        let reply = outcome.and_then(|()| out.ok_or_else(closed));
        self.reply.send(reply).err().and_then(unheard::<W>)
    }
}

/// Whoever waits. If its future is dropped when the answer is there and not read, the answer is not lost.
struct Waiting<'a, W: Work> {
    answer: oneshot::Receiver<Reply<W>>,
    desk: &'a Desk,
}

impl<W: Work> Drop for Waiting<'_, W> {
    fn drop(&mut self) {
        // Closed first: what is answered from here on fails to be sent.
        self.answer.close();
        if let Ok(reply) = self.answer.try_recv()
            && let Some(job) = unheard::<W>(reply)
        {
            // Fails if the ledger is closed: then it is looked up.
            let _ = self.desk.0.send(job);
        }
    }
}

impl Desk {
    pub(crate) fn new() -> (Self, mpsc::UnboundedReceiver<Box<dyn Job>>) {
        let (sender, inbox) = mpsc::unbounded_channel();
        (Self(sender), inbox)
    }

    /// Takes no more work; what was handed in is still done.
    pub(crate) fn close(&mut self) {
        let (nobody, _) = mpsc::unbounded_channel();
        self.0 = nobody;
    }

    pub(crate) async fn ask<W: Work>(&self, work: W) -> Result<W::Out, Error> {
        let (job, answer) = Ask::new(work);
        self.0.send(job).map_err(|_| closed())?;
        let mut waiting = Waiting::<W> { answer, desk: self };
        (&mut waiting.answer).await.map_err(|_| closed())?
    }
}

/// Performs jobs in the open transaction.
pub(crate) async fn perform_all(
    sql: &mut dyn Sql,
    now: i64,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), Error> {
    let dialect = sql.dialect();
    let (mut openings, mut opens) = (Vec::new(), Vec::with_capacity(jobs.len()));
    for job in jobs.iter_mut() {
        let opening = job.opening(now, dialect);
        opens.push(opening.is_some());
        openings.extend(opening);
    }
    let mut answers = sql.run_all(openings).await?.into_iter();
    let mut tx = Tx {
        sql,
        now,
        stopped: None,
    };
    for (job, opens) in jobs.iter_mut().zip(opens) {
        let opened = if opens { answers.next() } else { None };
        job.perform(&mut tx, opened.unwrap_or_default()).await?;
    }
    Ok(())
}

/// Every store that has a desk is a [`Store`](crate::Store) the same way.
macro_rules! store_at_a_desk {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl crate::Store for $store {
            async fn now(&self) -> Result<std::time::SystemTime, telco_core::Error> {
                self.desk.ask(crate::sql::Now).await
            }
            async fn begin(&self, claim: crate::Claim) -> Result<crate::Begun, telco_core::Error> {
                self.desk.ask(claim).await
            }
            async fn record(
                &self,
                mark: crate::Mark,
                step: crate::Step,
            ) -> Result<crate::Recorded, telco_core::Error> {
                self.desk.ask(crate::sql::Record::held(mark, step)).await
            }
            async fn decide(
                &self,
                reference: telco_core::Reference,
                step: crate::Step,
            ) -> Result<crate::Recorded, telco_core::Error> {
                self.desk
                    .ask(crate::sql::Record::by_a_person(reference, step))
                    .await
            }
            async fn plan(
                &self,
                identity: telco_core::Identity,
                job: String,
                rows: Vec<crate::PlanRow>,
            ) -> Result<Vec<crate::Placed>, telco_core::Error> {
                self.desk
                    .ask(crate::sql::Plan::new(identity, job, rows)?)
                    .await
            }
            async fn take(
                &self,
                job: String,
                ask: crate::Ask,
            ) -> Result<Vec<crate::Operation>, telco_core::Error> {
                self.desk.ask(crate::sql::Take { job, ask }).await
            }
            async fn release(&self, mark: crate::Mark) -> Result<(), telco_core::Error> {
                self.desk.ask(crate::sql::Release(mark)).await
            }
            async fn replan(
                &self,
                identity: telco_core::Identity,
                job: String,
                too: Vec<crate::LeftOut>,
            ) -> Result<u64, telco_core::Error> {
                self.desk
                    .ask(crate::sql::Replan::new(identity, job, too))
                    .await
            }
            async fn due(
                &self,
                ask: crate::Ask,
                only: Option<telco_core::Reference>,
            ) -> Result<crate::Due, telco_core::Error> {
                self.desk.ask(crate::sql::WhatIsDue { ask, only }).await
            }
            async fn find(
                &self,
                reference: telco_core::Reference,
            ) -> Result<Option<crate::Operation>, telco_core::Error> {
                self.desk.ask(crate::sql::Find(reference)).await
            }
            async fn history(
                &self,
                reference: telco_core::Reference,
            ) -> Result<Vec<crate::Event>, telco_core::Error> {
                self.desk.ask(crate::sql::History(reference)).await
            }
            async fn list(
                &self,
                filter: crate::Filter,
            ) -> Result<Vec<crate::Operation>, telco_core::Error> {
                self.desk.ask(filter).await
            }
            async fn sent_by_other_jobs(
                &self,
                job: Option<String>,
                since: std::time::SystemTime,
                products: Vec<telco_core::Product>,
            ) -> Result<Vec<Option<crate::Earlier>>, telco_core::Error> {
                let work = crate::sql::SentByOthers {
                    job,
                    since,
                    products,
                };
                self.desk.ask(work).await
            }
            async fn count(&self, job: Option<String>) -> Result<crate::Counts, telco_core::Error> {
                self.desk.ask(crate::sql::Count(job)).await
            }
            async fn claimed(
                &self,
                identity: telco_core::Identity,
                currency: telco_core::Currency,
            ) -> Result<i64, telco_core::Error> {
                self.desk.ask(crate::sql::Claimed(identity, currency)).await
            }
            async fn note(
                &self,
                name: String,
                text: Option<String>,
            ) -> Result<(), telco_core::Error> {
                self.desk.ask(crate::sql::Note(name, text)).await
            }
            async fn noted(&self, name: String) -> Result<Option<String>, telco_core::Error> {
                self.desk.ask(crate::sql::Noted(name)).await
            }
        }
    };
}
pub(crate) use store_at_a_desk;
