//! Counters in one SQLite file.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use rusqlite::Connection;
use telco_core::{Clock, Error, SystemClock};
use tokio::sync::oneshot;

use crate::{OtpStore, sql};

/// Counters in one SQLite file, shared by all processes of one machine (not over a network file system).
///
/// The connection lives in a thread of its own, so no async worker ever waits for the disk.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("otp.sqlite");
/// use std::time::{Duration, SystemTime};
/// use telco_otp::{OtpStore, SqliteOtpStore};
///
/// let (one, other) = (SqliteOtpStore::open(&path)?, SqliteOtpStore::open(&path)?);
/// let later = SystemTime::now() + Duration::from_secs(60);
/// assert_eq!(one.count("tries", later).await?, 1);
/// assert_eq!(other.count("tries", later).await?, 2);
/// # Ok::<(), telco_core::Error>(()) }).unwrap();
/// ```
pub struct SqliteOtpStore {
    jobs: mpsc::Sender<Job>,
    clock: Arc<dyn Clock>,
}

type Job = Box<dyn FnOnce(&Connection) + Send>;

impl SqliteOtpStore {
    /// Opens the file, and makes it and its table where they are missing: for its owner only. Whoever can write it can give
    /// attempts back.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// use telco_otp::SqliteOtpStore;
    /// let store = SqliteOtpStore::open(folder.path().join("otp.sqlite"))?;
    /// assert!(SqliteOtpStore::open(folder.path()).is_err()); // a folder is no file
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Kind `Storage` if the file cannot be opened or written.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        // SQLite may take another name for a URI, or for a database in the memory of this process alone.
        let path = std::path::absolute(path).map_err(sql::failed)?;
        make(&path);
        let connection = Connection::open(path).map_err(sql::failed)?;
        connection
            .busy_timeout(Duration::from_secs(5))
            .and_then(|()| connection.pragma_update(None, "journal_mode", "wal"))
            .and_then(|()| connection.execute_batch(sql::CREATE))
            .map_err(sql::failed)?;
        let (jobs, inbox) = mpsc::channel::<Job>();
        // Ends when the last sender is dropped.
        std::thread::Builder::new()
            .name("telco-otp-sqlite".into())
            .spawn(move || {
                for job in inbox {
                    job(&connection);
                }
            })
            .map_err(sql::failed)?;
        Ok(Self {
            jobs,
            clock: Arc::new(SystemClock::default()),
        })
    }

    /// With a clock of your own.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// use telco_otp::SqliteOtpStore;
    /// use std::sync::Arc;
    /// use telco_core::SystemClock;
    /// let store = SqliteOtpStore::open(folder.path().join("otp.sqlite"))?.with_clock(Arc::new(SystemClock::default()));
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Deletes what is past, and returns how much that was. Correctness does not need it; call it now and then.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// use telco_otp::SqliteOtpStore;
    /// use std::time::SystemTime;
    /// use telco_otp::OtpStore as _;
    /// let store = SqliteOtpStore::open(folder.path().join("otp.sqlite"))?;
    /// store.count("tries", SystemTime::UNIX_EPOCH).await?; // to be forgotten long ago
    /// assert_eq!(store.purge().await?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn purge(&self) -> Result<usize, Error> {
        let now = self.now();
        self.run(move |c| c.prepare_cached(sql::PURGE)?.execute([now]))
            .await
    }

    fn now(&self) -> i64 {
        sql::millis(self.clock.now())
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // Nobody listens any more if the caller's future was dropped; the work is done all the same.
            let _ = reply.send(work(connection));
        });
        self.jobs.send(job).map_err(|_| sql::gone())?;
        answer.await.map_err(|_| sql::gone())?.map_err(sql::failed)
    }
}

/// An empty file where there is none. SQLite gives those beside it the same mode. What keeps it from being made keeps SQLite from
/// opening it, which says why.
fn make(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

#[async_trait]
impl OtpStore for SqliteOtpStore {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        let values = (key.to_owned(), sql::millis(forget_at), self.now());
        self.run(move |c| {
            c.prepare_cached(sql::COUNT)?
                .query_row(values, |row| row.get(0))
        })
        .await
        .map(sql::sum)
    }

    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        let values = (key.to_owned(), sql::millis(forget_at), self.now());
        let changed = self
            .run(move |c| c.prepare_cached(sql::CLAIM)?.execute(values))
            .await?;
        Ok(changed == 1)
    }

    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        let (end, owner) = (sql::millis(forget_at), sql::owner(owner));
        let values = (key.to_owned(), owner, end, self.now());
        let changed = self
            .run(move |c| c.prepare_cached(sql::CLAIM_AS)?.execute(values))
            .await?;
        Ok(changed == 1)
    }

    async fn release(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.run(move |c| c.prepare_cached(sql::RELEASE)?.execute([key]))
            .await?;
        Ok(())
    }
}

impl fmt::Debug for SqliteOtpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteOtpStore")
    }
}
