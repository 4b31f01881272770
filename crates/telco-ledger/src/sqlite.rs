//! A ledger in one SQLite file.

mod connection;
mod file;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;
use telco_core::{Clock, Error, SystemClock};
use tokio::sync::mpsc::UnboundedReceiver;

use self::connection::Prepared;
use self::file::{
    Lock, Place, READING, WRITING, connect, explain, migrate, only_writer, unusable, version,
};
use crate::sql::{self, Desk, Job, check, failed, perform_all, store_at_a_desk};

/// A ledger in one file, for one process at a time. Others may read it meanwhile (not over a network file system).
///
/// The file is readable by its owner only, since it holds phone numbers and paid PINs. Every write is durable before it is
/// answered (write-ahead log, full synchronisation); concurrent ones share one.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("ledger.sqlite");
/// use telco_ledger::{SqliteStore, Store};
///
/// let store = SqliteStore::open(&path)?;
/// assert!(SqliteStore::open(&path).is_err(), "one writer at a time");
///
/// let reader = SqliteStore::read(&path)?;
/// assert_eq!(reader.count(None).await?.all(), 0);
/// # Ok::<(), telco_core::Error>(()) }).unwrap();
/// ```
pub struct SqliteStore {
    desk: Desk,
    path: PathBuf,
    thread: Option<JoinHandle<()>>,
}

store_at_a_desk!(SqliteStore);

/// How many pieces of work share one durable write at most.
const AT_ONCE: usize = 512;

impl SqliteStore {
    /// Opens the file for writing, and makes it and its tables where they are missing.
    ///
    /// # Errors
    /// The file cannot be opened or written, another process writes to it, it is no ledger, or one of another version: what
    /// to do is said.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with_clock(path, Arc::new(SystemClock::default()))
    }

    /// The same with a clock of your own, for tests.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_clock(path: impl AsRef<Path>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let place = Place::take(path.as_ref())?;
        place.is_a_ledger()?;
        let path = place.path().to_owned();
        let lock = only_writer(place)?;
        let mut connection = connect(&path, WRITING)?;
        migrate(&mut connection).map_err(|e| explain(&path, e))??;
        Self::start(&path, connection, Some(lock), clock)
    }

    /// Opens a ledger that is there for reading, also while another process writes to it.
    ///
    /// # Errors
    /// As [`open`](Self::open); every write fails.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = std::fs::canonicalize(path.as_ref())
            .map_err(|e| unusable(path.as_ref(), "cannot be opened").with_source(e))?;
        let connection = connect(&path, READING)?;
        let version = version(&connection).map_err(|e| explain(&path, e))?;
        if version == 0 {
            return Err(unusable(&path, "holds no ledger").into());
        }
        check(version)?;
        Self::start(&path, connection, None, Arc::new(SystemClock::default()))
    }

    /// Each connection lives in a thread of its own, so no async worker ever waits for the disk.
    fn start(
        path: &Path,
        connection: Connection,
        lock: Option<Lock>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        connection.set_prepared_statement_cache_capacity(64);
        connection
            .busy_timeout(Duration::from_secs(10))
            .map_err(|e| explain(path, e))?;
        let (desk, inbox) = Desk::new();
        let mut thread = Thread {
            connection: Prepared {
                connection,
                statements: HashMap::new(),
                path: path.to_owned(),
            },
            lock,
            clock,
        };
        let thread = std::thread::Builder::new()
            .name("telco-ledger".into())
            .spawn(move || {
                thread.work(inbox);
            })
            .map_err(|e| failed("no thread for the ledger").with_source(e))?;
        Ok(Self {
            desk,
            path: path.to_owned(),
            thread: Some(thread),
        })
    }
}

impl Drop for SqliteStore {
    /// Waits for the work at hand, so that the file is free afterwards.
    fn drop(&mut self) {
        self.desk.close();
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

struct Thread {
    connection: Prepared,
    /// `None`: it only reads. Let go after the connection.
    lock: Option<Lock>,
    clock: Arc<dyn Clock>,
}

impl Thread {
    fn work(&mut self, mut inbox: UnboundedReceiver<Box<dyn Job>>) {
        while let Some(first) = inbox.blocking_recv() {
            let mut jobs = vec![first];
            while jobs.len() < AT_ONCE
                && let Ok(next) = inbox.try_recv()
            {
                jobs.push(next);
            }
            while !jobs.is_empty() {
                jobs = self.perform(jobs);
            }
        }
    }

    /// What is left to do is given back.
    fn perform(&mut self, mut jobs: Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        let outcome = self.transaction(&mut jobs);
        if outcome.is_ok() || jobs.len() == 1 {
            let answered = jobs.into_iter().map(|job| job.answer(outcome.clone()));
            return answered.flatten().collect();
        }
        // One of them failed: each on its own, so that it fails alone.
        let alone = jobs.into_iter().map(|job| {
            let mut alone = [job];
            let outcome = self.transaction(&mut alone);
            let [job] = alone;
            job.answer(outcome)
        });
        alone.flatten().collect()
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let begin = if self.lock.is_some() {
            "BEGIN IMMEDIATE"
        } else {
            "BEGIN"
        };
        self.connection.batch(begin)?;
        let now = sql::millis(self.clock.now());
        let done = at_once(perform_all(&mut self.connection, now, jobs))
            .and_then(|()| self.connection.batch("COMMIT"));
        if done.is_err() {
            // Fails if the failure has rolled it back already.
            let _ = self.connection.batch("ROLLBACK");
        }
        done
    }
}

/// Nothing in here ever waits for anything but the disk.
fn at_once(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(sql::closed()),
    }
}

#[cfg(test)]
mod tests {
    use telco_core::{Amount, Currency, Identity, Msisdn, Product, Reference, TopupIntent};

    use super::*;
    use crate::{Begun, Claim, State, Store as _};

    fn claim(n: u32) -> Claim {
        let to = Msisdn::parse("2348031234567").unwrap();
        let product = Product::airtime(to, None, Amount::from_minor(100, Currency::NGN));
        let intent = TopupIntent::new(Reference::new(format!("r{n}")).unwrap(), product);
        Claim::new(Identity::new("fake", "shop"), intent, format!("w/{n}"))
    }

    /// SQLite reports a database that may not grow as a full disk.
    #[tokio::test]
    async fn a_full_disk_refuses_and_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        drop(SqliteStore::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection
            .pragma_update(None, "max_page_count", 40)
            .unwrap();
        let lock = only_writer(Place::take(&path).unwrap()).unwrap();
        let clock = Arc::new(SystemClock::default());
        let store = SqliteStore::start(&path, connection, Some(lock), clock).unwrap();
        let mut written = 0;
        let full = loop {
            match store.begin(claim(written)).await {
                Ok(begun) => assert!(matches!(begun, Begun::Go(_))),
                Err(full) => break full,
            }
            written += 1;
        };
        assert!(full.to_string().contains("the disk is full"), "{full}");
        assert!(written > 10);
        let counts = store.count(None).await.unwrap();
        assert_eq!(counts.of(State::Sending), u64::from(written));
        drop(store);
        let store = SqliteStore::open(&path).unwrap();
        assert!(matches!(
            store.begin(claim(written)).await.unwrap(),
            Begun::Go(_)
        ));
    }
}
