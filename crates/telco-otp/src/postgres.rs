//! Counters in PostgreSQL.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use telco_core::{Clock, Error, SystemClock};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Connection, Socket};

use crate::{OtpStore, sql};

/// Counters in PostgreSQL, shared by all machines. One connection, made anew when it was lost; a statement that was under way
/// then fails and is not repeated, since it may have counted.
///
/// A server that does not answer within five seconds, connecting included, is given up, and asked on a new connection the next
/// time: after a failover nobody says that the old connection is dead. Nor is a connection kept whose server has become read-only.
/// [`with_timeout`](Self::with_timeout) sets another time.
/// The Tokio runtime must have its I/O and its time enabled.
///
/// `forget_at` is judged by the clocks of the workers, so keep them right to a few seconds.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use telco_otp::PostgresOtpStore;
/// use telco_otp::tokio_postgres::NoTls; // between machines take a TLS connector
///
/// let config = "host=localhost user=app dbname=app".parse()?;
/// let store = PostgresOtpStore::connect(config, NoTls).await?;
/// # Ok(()) }
/// ```
pub struct PostgresOtpStore {
    connector: Box<dyn Connector>,
    link: Mutex<Option<Arc<Link>>>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

const TIMEOUT: Duration = Duration::from_secs(5);

/// Whatever the server's default is: an attempt that was counted stays counted.
const SESSION: &str = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// A connection, until it is lost or given up.
struct Link {
    client: Client,
    given_up: AtomicBool,
    /// Reads and writes for the client. It ends with this, whether the server answers or not.
    wire: AbortHandle,
}

impl Link {
    fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.given_up.load(Ordering::Relaxed)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.wire.abort();
    }
}

/// Hides the type of the TLS connector.
#[async_trait]
trait Connector: Send + Sync {
    async fn connect(&self) -> Result<Link, tokio_postgres::Error>;
}

struct Connect<T> {
    config: Config,
    tls: T,
}

#[async_trait]
impl<T> Connector for Connect<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::TlsConnect: Send,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    async fn connect(&self) -> Result<Link, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let link = link(client, connection);
        link.client.batch_execute(SESSION).await?;
        Ok(link)
    }
}

fn link<S, T>(client: Client, connection: Connection<S, T>) -> Link
where
    Connection<S, T>: Future + Send + 'static,
    <Connection<S, T> as Future>::Output: Send,
{
    // A failure shows at the next statement.
    let wire = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Link {
        client,
        given_up: AtomicBool::new(false),
        wire,
    }
}

impl PostgresOtpStore {
    /// Connects, and makes the table `telco_otp` where it is missing.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use telco_otp::PostgresOtpStore;
    /// use telco_otp::tokio_postgres::NoTls;
    /// // Between machines take a TLS connector.
    /// let store = PostgresOtpStore::connect("host=localhost user=app dbname=app".parse()?, NoTls).await?;
    /// # let _ = store; Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn connect<T>(mut config: Config, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        // Of several servers the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let store = Self::over(Box::new(Connect { config, tls }));
        // Two workers that start together may both try: the loser's error is about a name that exists by then.
        if store.create().await.is_err() {
            store.create().await?;
        }
        Ok(store)
    }

    fn over(connector: Box<dyn Connector>) -> Self {
        Self {
            connector,
            link: Mutex::new(None),
            timeout: TIMEOUT,
            clock: Arc::new(SystemClock::default()),
        }
    }

    async fn create(&self) -> Result<(), Error> {
        self.ask(async |client| client.batch_execute(sql::CREATE).await)
            .await
    }

    /// How long the server may take for one step, connecting included. Default: 5 s.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use telco_otp::PostgresOtpStore;
    /// use telco_otp::tokio_postgres::NoTls;
    /// let store = PostgresOtpStore::connect("host=localhost".parse()?, NoTls).await?;
    /// let store = store.with_timeout(Duration::from_secs(2)); // of a login that must not wait
    /// # let _ = store; Ok(()) }
    /// ```
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// With a clock of your own.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use telco_otp::PostgresOtpStore;
    /// use telco_otp::tokio_postgres::NoTls;
    /// use std::sync::Arc;
    /// use telco_core::SystemClock;
    /// let store = PostgresOtpStore::connect("host=localhost".parse()?, NoTls).await?;
    /// let store = store.with_clock(Arc::new(SystemClock::default()));
    /// # let _ = store; Ok(()) }
    /// ```
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Deletes what is past, and returns how much that was. Correctness does not need it; call it now and then.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use telco_otp::PostgresOtpStore;
    /// use telco_otp::tokio_postgres::NoTls;
    /// let store = PostgresOtpStore::connect("host=localhost".parse()?, NoTls).await?;
    /// println!("{} counters were past", store.purge().await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`.
    pub async fn purge(&self) -> Result<u64, Error> {
        let now = self.now();
        self.ask(async |client| client.execute(sql::PURGE, &[&now]).await)
            .await
    }

    fn now(&self) -> i64 {
        sql::millis(self.clock.now())
    }

    /// One step, from waiting for the connection to the answer.
    async fn ask<T>(
        &self,
        step: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let mut used = None;
        let work = async {
            let link = self.link().await?;
            let client = &used.insert(link).client;
            step(client).await
        };
        let answer = timeout(self.timeout, work).await;
        let is_of_use = match &answer {
            Ok(Ok(_)) => true,
            // After a failover the other one takes writes.
            Ok(Err(e)) => e.code() != Some(&SqlState::READ_ONLY_SQL_TRANSACTION),
            Err(_) => false,
        };
        if let (false, Some(link)) = (is_of_use, used) {
            link.given_up.store(true, Ordering::Relaxed);
        }
        match answer {
            Ok(answer) => answer.map_err(sql::failed),
            Err(_) => Err(sql::silent()),
        }
    }

    async fn link(&self) -> Result<Arc<Link>, tokio_postgres::Error> {
        let mut slot = self.link.lock().await;
        if let Some(link) = slot.as_ref().filter(|link| link.is_usable()) {
            return Ok(Arc::clone(link));
        }
        let link = Arc::new(self.connector.connect().await?);
        *slot = Some(Arc::clone(&link));
        Ok(link)
    }
}

#[async_trait]
impl OtpStore for PostgresOtpStore {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        let (end, now) = (sql::millis(forget_at), self.now());
        let count = async |client: &Client| {
            let row = client.query_one(sql::COUNT, &[&key, &end, &now]).await?;
            row.try_get(0)
        };
        self.ask(count).await.map(sql::sum)
    }

    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        let (end, now) = (sql::millis(forget_at), self.now());
        let claim = async |client: &Client| client.execute(sql::CLAIM, &[&key, &end, &now]).await;
        Ok(self.ask(claim).await? == 1)
    }

    async fn claim_as(&self, key: &str, owner: u64, forget_at: SystemTime) -> Result<bool, Error> {
        let (end, now, owner) = (sql::millis(forget_at), self.now(), sql::owner(owner));
        let claim = async |client: &Client| {
            client
                .execute(sql::CLAIM_AS, &[&key, &owner, &end, &now])
                .await
        };
        Ok(self.ask(claim).await? == 1)
    }

    async fn release(&self, key: &str) -> Result<(), Error> {
        let release = async |client: &Client| client.execute(sql::RELEASE, &[&key]).await;
        self.ask(release).await.map(drop)
    }
}

impl fmt::Debug for PostgresOtpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresOtpStore")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;
    use tokio_postgres::NoTls;

    /// A server that takes the greeting, if it takes anything, and then never says anything again.
    #[derive(Default)]
    struct Frozen {
        deaf: bool,
        greeted: Arc<AtomicU32>,
    }

    #[async_trait]
    impl Connector for Frozen {
        async fn connect(&self) -> Result<Link, tokio_postgres::Error> {
            self.greeted.fetch_add(1, Ordering::SeqCst);
            if self.deaf {
                std::future::pending::<()>().await;
            }
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move {
                let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
                theirs.write_all(welcome).await.unwrap();
                theirs.read_to_end(&mut Vec::new()).await.unwrap();
            });
            let (client, connection) = Config::new().user("x").connect_raw(ours, NoTls).await?;
            Ok(link(client, connection))
        }
    }

    /// However many ask at once, each is told in time, and the next one finds a new connection.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_answers_is_given_up_in_time() {
        for deaf in [false, true] {
            let greeted = Arc::<AtomicU32>::default();
            let frozen = Frozen {
                deaf,
                greeted: Arc::clone(&greeted),
            };
            let store = Arc::new(PostgresOtpStore::over(Box::new(frozen)));
            let began = Instant::now();
            let mut asking = tokio::task::JoinSet::new();
            for _ in 0..20 {
                let store = Arc::clone(&store);
                asking.spawn(async move { store.count("tries", SystemTime::UNIX_EPOCH).await });
            }
            for answer in asking.join_all().await {
                let told = answer.unwrap_err();
                assert_eq!(told.kind(), telco_core::ErrorKind::Storage);
                assert!(told.to_string().contains("does not answer"), "{told}");
            }
            assert!(
                began.elapsed() <= TIMEOUT + TIMEOUT / 10,
                "{:?}",
                began.elapsed()
            );
            let before = greeted.load(Ordering::SeqCst);
            assert!(store.claim("used", SystemTime::UNIX_EPOCH).await.is_err());
            assert_eq!(greeted.load(Ordering::SeqCst), before + 1, "connected anew");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_is_settable() {
        let store = PostgresOtpStore::over(Box::new(Frozen::default()));
        let brief = Duration::from_millis(300);
        let store = store.with_timeout(brief);
        let began = Instant::now();
        assert!(store.release("used").await.is_err());
        assert!(began.elapsed() < brief * 2);
        // Nothing keeps waiting for the one that was given up.
        let link = store.link.lock().await.take().unwrap();
        let wire = link.wire.clone();
        drop(link);
        tokio::task::yield_now().await;
        assert!(wire.is_finished());
    }
}
