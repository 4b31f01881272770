//! A ledger in PostgreSQL.

mod link;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::Error;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep};
use tokio_postgres::config::TargetSessionAttrs;
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
    /// Kind `Storage`: the database does not answer or refuses, or the ledger in it is of another version.
    pub async fn connect<T>(mut config: Config, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // Of several servers the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let connector: Arc<dyn Connector> = Arc::new(Connect {
            config,
            tls,
            only_reads: false,
        });
        let link = Link::open(&*connector).await;
        let mut link = link.map_err(Failure::into_error)?;
        link.migrate().await?;
        Ok(Self::start(connector, link))
    }

    /// A ledger that is there, to look at, also on a standby. Makes no tables: `None` if there is no ledger in the database. Every
    /// write fails.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use telco_ledger::PostgresStore;
    /// use telco_ledger::tokio_postgres::NoTls;
    ///
    /// match PostgresStore::read("postgres://app@localhost/app".parse()?, NoTls).await? {
    ///     Some(store) => println!("{store:?}"),
    ///     None => println!("nothing was ever sent from here"),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn read<T>(config: Config, tls: T) -> Result<Option<Self>, Error>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let connector: Arc<dyn Connector> = Arc::new(Connect {
            config,
            tls,
            only_reads: true,
        });
        let link = Link::open(&*connector).await;
        let mut link = link.map_err(Failure::into_error)?;
        let is_there = link.is_there().await?;
        Ok(is_there.then(|| Self::start(connector, link)))
    }

    fn start(connector: Arc<dyn Connector>, link: Link) -> Self {
        let (desk, inbox) = Desk::new();
        let worker = Worker {
            connector,
            link: Some(link),
        };
        // Ends when the desk is dropped.
        tokio::spawn(worker.work(inbox));
        Self { desk }
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
}

impl Worker {
    async fn work(mut self, mut inbox: UnboundedReceiver<Box<dyn Job>>) {
        let mut jobs = Vec::new();
        while inbox.recv_many(&mut jobs, AT_ONCE).await > 0 {
            while !jobs.is_empty() {
                jobs = self.perform(jobs).await;
            }
        }
    }

    /// What is left to do is given back.
    async fn perform(&mut self, jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        // If the database goes away meanwhile, all that are left share that failure: nobody waits for the others' patience too.
        let (mut left, mut away) = (Vec::new(), None);
        let (long, short): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.is_long());
        for mut jobs in [short, long] {
            let outcome = self.unless_away(&mut away, &mut jobs).await;
            if matches!(outcome, Err(Failure::Refused(..))) && jobs.len() > 1 {
                // One of them was refused: each on its own, so that it fails alone.
                for job in jobs {
                    let mut alone = [job];
                    let outcome = self.unless_away(&mut away, &mut alone).await;
                    let [job] = alone;
                    left.extend(job.answer(outcome.map_err(Failure::into_error)));
                }
                continue;
            }
            let outcome = outcome.map_err(Failure::into_error);
            for job in jobs {
                left.extend(job.answer(outcome.clone()));
            }
        }
        left
    }

    async fn unless_away(
        &mut self,
        away: &mut Option<Failure>,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<(), Failure> {
        if jobs.is_empty() {
            return Ok(());
        }
        if let Some(away) = away {
            return Err(away.clone());
        }
        let outcome = self.patiently(jobs).await;
        if let Err(failure @ (Failure::Lost(_) | Failure::Shut(_))) = &outcome {
            *away = Some(failure.clone());
        }
        outcome
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
                Failure::Shut(_) => false,
                Failure::Refused(_, passes) => *passes,
            };
            let lost = matches!(failure, Failure::Lost(_));
            if lost {
                self.link = None;
            }
            let until = *until.get_or_insert_with(|| Instant::now() + PATIENCE);
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
            none => none.insert(Link::open(&*self.connector).await?),
        };
        let alone = jobs.iter().any(|job| job.alone());
        link.transaction(alone, jobs).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store as _;
    use crate::sql::{Row, Tx, Work, failed};
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_postgres::{Client, NoTls};

    struct Away;

    #[async_trait]
    impl Connector for Away {
        async fn connect(&self) -> Result<(Client, link::Wire), tokio_postgres::Error> {
            let (ours, _) = tokio::io::duplex(64);
            let (client, connection) = Config::new().user("x").connect_raw(ours, NoTls).await?;
            Ok((client, link::Wire::new(connection)))
        }

        fn only_reads(&self) -> bool {
            false
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_is_away_is_waited_for_once_by_all() {
        let (desk, inbox) = Desk::new();
        let store = Arc::new(PostgresStore { desk });
        let worker = Worker {
            connector: Arc::new(Away),
            link: None,
        };
        tokio::spawn(worker.work(inbox));
        let began = Instant::now();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let store = Arc::clone(&store);
            asking.spawn(async move { store.count(None).await });
        }
        while let Some(answer) = asking.join_next().await {
            assert!(answer.unwrap().is_err());
        }
        assert!(began.elapsed() > PATIENCE / 2, "it may come back");
        assert!(began.elapsed() < PATIENCE * 3);
    }

    #[tokio::test]
    async fn the_worker_ends_with_its_store() {
        let (desk, inbox) = Desk::new();
        let worker = Worker {
            connector: Arc::new(Away),
            link: None,
        };
        let working = tokio::spawn(worker.work(inbox));
        drop(PostgresStore { desk });
        working.await.unwrap();
    }

    /// A server that answers, and lets nobody in who comes like this.
    struct Shut;

    #[async_trait]
    impl Connector for Shut {
        async fn connect(&self) -> Result<(Client, link::Wire), tokio_postgres::Error> {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move {
                let no = b"E\0\0\0\x1bSFATAL\0C28P01\0Msecret\0\0";
                theirs.write_all(no).await.unwrap();
                theirs.read_to_end(&mut Vec::new()).await.unwrap();
            });
            let (client, connection) = Config::new().user("x").connect_raw(ours, NoTls).await?;
            Ok((client, link::Wire::new(connection)))
        }

        fn only_reads(&self) -> bool {
            false
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_let_in_is_told_so_at_once() {
        let (desk, inbox) = Desk::new();
        let worker = Worker {
            connector: Arc::new(Shut),
            link: None,
        };
        tokio::spawn(worker.work(inbox));
        let began = Instant::now();
        let refused = PostgresStore { desk }.count(None).await.unwrap_err();
        assert!(refused.to_string().contains("credentials"), "{refused}");
        assert_eq!(refused.provider_code(), Some("28P01"));
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    /// Fails, and the second time the server is gone for good.
    struct Poison(AtomicU32);

    #[async_trait]
    impl Work for Poison {
        type Out = ();

        async fn perform(&self, _: &mut Tx<'_>, _: Vec<Row>) -> Result<(), Error> {
            if self.0.fetch_add(1, Ordering::SeqCst) > 0 {
                tokio::time::pause();
                std::future::pending::<()>().await;
            }
            Err(failed("poison"))
        }
    }

    struct Once {
        server: Connect<NoTls>,
        connected: AtomicU32,
    }

    #[async_trait]
    impl Connector for Once {
        async fn connect(&self) -> Result<(Client, link::Wire), tokio_postgres::Error> {
            match self.connected.fetch_add(1, Ordering::SeqCst) {
                0 => self.server.connect().await,
                _ => Away.connect().await,
            }
        }

        fn only_reads(&self) -> bool {
            false
        }
    }

    /// They were given to it together with one that was refused; then the database went away.
    #[tokio::test]
    async fn postgres_that_goes_away_after_a_refusal_is_waited_for_once() {
        let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
            return;
        };
        let (desk, inbox) = Desk::new();
        let store = Arc::new(PostgresStore { desk });
        let mut asking = tokio::task::JoinSet::new();
        let poisoned = Arc::clone(&store);
        asking.spawn(async move { poisoned.desk.ask(Poison(AtomicU32::new(0))).await });
        for _ in 0..20 {
            let store = Arc::clone(&store);
            asking.spawn(async move { store.noted(String::new()).await.map(drop) });
        }
        // All have asked before the worker comes.
        tokio::task::yield_now().await;
        let worker = Worker {
            connector: Arc::new(Once {
                server: Connect {
                    config: server.parse().unwrap(),
                    tls: NoTls,
                    only_reads: false,
                },
                connected: AtomicU32::new(0),
            }),
            link: None,
        };
        let began = Instant::now();
        tokio::spawn(worker.work(inbox));
        while let Some(answer) = asking.join_next().await {
            assert!(answer.unwrap().is_err());
        }
        assert!(began.elapsed() > PATIENCE, "{:?}", began.elapsed());
        let most = Duration::from_secs(60) + PATIENCE * 2;
        assert!(began.elapsed() < most, "{:?}", began.elapsed());
    }

    /// Says how many locks of a ledger its transaction holds.
    struct Locks {
        alone: bool,
    }

    #[async_trait]
    impl Work for Locks {
        type Out = i64;

        fn alone(&self) -> bool {
            self.alone
        }

        fn is_long(&self) -> bool {
            !self.alone
        }

        async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<i64, Error> {
            let held = "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
            tx.run(held, Vec::new()).await?[0].int()
        }
    }

    /// All claims of all workers would wait for it.
    #[tokio::test]
    async fn postgres_counts_without_the_lock_of_the_claims() {
        let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
            return;
        };
        let (desk, inbox) = Desk::new();
        let worker = Worker {
            connector: Arc::new(Connect {
                config: server.parse().unwrap(),
                tls: NoTls,
                only_reads: false,
            }),
            link: None,
        };
        let asked = async {
            tokio::join!(
                desk.ask(Locks { alone: true }),
                desk.ask(Locks { alone: false })
            )
        };
        // Both have asked before the worker comes.
        let (held, ()) =
            tokio::join!(biased; asked, async { drop(tokio::spawn(worker.work(inbox))) });
        assert_eq!((held.0.unwrap(), held.1.unwrap()), (1, 0));
    }
}
