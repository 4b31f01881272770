//! A ledger in PostgreSQL.

mod link;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::Error;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Config, Socket};

use self::link::{Connect, Connector, Failure, Link};
use crate::sql::{Desk, Job, store_at_a_desk};

/// A ledger in PostgreSQL, for any number of workers on any number of machines. The tables are in the first schema of the
/// connection's search path.
///
/// Time is the database's, so clocks of workers may differ. A worker has one connection, made anew when it was lost: what was
/// under way is then performed again, which every step of the ledger allows.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use telco_ledger::PostgresStore;
/// use telco_ledger::tokio_postgres::NoTls; // between machines take a TLS connector
///
/// let store = PostgresStore::connect("postgres://app@localhost/app".parse()?, NoTls).await?;
/// # Ok(()) }
/// ```
pub struct PostgresStore {
    desk: Desk,
}

store_at_a_desk!(PostgresStore);

/// How many pieces of work share one transaction at most: others wait for it.
const AT_ONCE: usize = 128;
/// How long work waits for a database that is away.
const PATIENCE: Duration = Duration::from_secs(15);

impl PostgresStore {
    /// Connects, and makes the tables where they are missing.
    ///
    /// # Errors
    /// Kind `Storage`: the database does not answer or refuses, or the ledger in it is of a newer version.
    pub async fn connect<T>(config: Config, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connector: Arc<dyn Connector> = Arc::new(Connect { config, tls });
        let mut link = Link::open(&*connector).await?;
        link.migrate().await?;
        let (desk, inbox) = Desk::new();
        let worker = Worker {
            connector,
            link: Some(link),
            patience: PATIENCE,
        };
        // Ends when the desk is dropped.
        tokio::spawn(worker.work(inbox));
        Ok(Self { desk })
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore")
    }
}

/// The one who has the connection.
struct Worker {
    connector: Arc<dyn Connector>,
    link: Option<Link>,
    patience: Duration,
}

impl Worker {
    async fn work(mut self, mut inbox: UnboundedReceiver<Box<dyn Job>>) {
        let mut jobs = Vec::new();
        while inbox.recv_many(&mut jobs, AT_ONCE).await > 0 {
            let mut outcome = self.patiently(&mut jobs).await;
            if matches!(outcome, Err(Failure::Refused(..))) && jobs.len() > 1 {
                // One of them was refused: each on its own, so that it fails alone.
                outcome = Ok(());
                for job in std::mem::take(&mut jobs) {
                    let mut alone = [job];
                    // Who finds the database away does so for all that come after.
                    if !matches!(outcome, Err(Failure::Lost(_))) {
                        outcome = self.patiently(&mut alone).await;
                    }
                    let [job] = alone;
                    job.answer(told(&outcome));
                }
            }
            for job in jobs.drain(..) {
                job.answer(told(&outcome));
            }
        }
    }

    /// Performed anew as long as it is the connection that fails: nobody knows then whether the work was done, and each piece
    /// of it recognises what it has done.
    async fn patiently(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        // From the first failure on: a worker that was frozen in the middle tries again all the same.
        let mut until = None;
        let mut wait = Duration::from_millis(20);
        loop {
            let failure = match self.transaction(jobs).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            let again = match &failure {
                Failure::Lost(_) => true,
                Failure::Refused(_, passes) => *passes,
            };
            let lost = matches!(failure, Failure::Lost(_));
            if lost {
                self.link = None;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + self.patience);
            if !again || Instant::now() + wait > until {
                return Err(failure);
            }
            sleep(wait).await;
            wait = (wait * 2).min(Duration::from_secs(1));
        }
    }

    async fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let link = match &mut self.link {
            Some(link) => link,
            none => none.insert(Link::open(&*self.connector).await.map_err(Failure::Lost)?),
        };
        let alone = jobs.iter().any(|job| job.alone());
        link.transaction(alone, jobs).await
    }
}

fn told(outcome: &Result<(), Failure>) -> Result<(), Error> {
    match outcome {
        Ok(()) => Ok(()),
        Err(Failure::Lost(error) | Failure::Refused(error, _)) => Err(error.clone()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio_postgres::NoTls;

    use super::*;
    use crate::Store as _;

    /// What waits for a database that is away waits together, not one after the other.
    #[tokio::test]
    async fn a_database_that_is_away_keeps_nobody_waiting_in_a_queue() {
        let nobody = "host=127.0.0.1 port=1 user=nobody".parse().unwrap();
        let connector = Connect {
            config: nobody,
            tls: NoTls,
        };
        let worker = Worker {
            connector: Arc::new(connector),
            link: None,
            patience: Duration::from_millis(200),
        };
        let (desk, inbox) = Desk::new();
        let store = Arc::new(PostgresStore { desk });
        let mut asking = JoinSet::new();
        for _ in 0..100 {
            let store = Arc::clone(&store);
            asking.spawn(async move { store.noted("x".to_owned()).await });
        }
        tokio::task::yield_now().await;
        let began = Instant::now();
        tokio::spawn(worker.work(inbox));
        for answer in asking.join_all().await {
            let away = answer.unwrap_err().to_string();
            assert!(away.contains("cannot be reached"), "{away}");
        }
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}
