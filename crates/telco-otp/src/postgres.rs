//! Counters in PostgreSQL.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::{Clock, Error, SystemClock};
use tokio::sync::Mutex;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{Client, Config, Socket};

use crate::{OtpStore, sql};

/// Counters in PostgreSQL, shared by all machines. One connection, made anew when it was lost; a statement that was under way
/// then fails and is not repeated, since it may have counted.
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
    client: Mutex<Option<Arc<Client>>>,
    clock: Arc<dyn Clock>,
}

/// Hides the type of the TLS connector.
#[async_trait]
trait Connector: Send + Sync {
    async fn connect(&self) -> Result<Client, tokio_postgres::Error>;
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
    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        // Ends with the client; a failure shows at the next statement.
        tokio::spawn(async move { drop(connection.await) });
        Ok(client)
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
    pub async fn connect<T>(config: Config, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::TlsConnect: Send,
        T::Stream: Send + 'static,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let store = Self {
            connector: Box::new(Connect { config, tls }),
            client: Mutex::new(None),
            clock: Arc::new(SystemClock::default()),
        };
        let client = store.client().await?;
        // Two workers that start together may both try: the loser's error is about a name that exists by then.
        let made = client.batch_execute(sql::CREATE).await;
        if made.is_err() {
            client
                .batch_execute(sql::CREATE)
                .await
                .map_err(sql::failed)?;
        }
        Ok(store)
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
        let client = self.client().await?;
        client
            .execute(sql::PURGE, &[&self.now()])
            .await
            .map_err(sql::failed)
    }

    fn now(&self) -> i64 {
        sql::millis(self.clock.now())
    }

    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut slot = self.client.lock().await;
        if let Some(client) = slot.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        let client = Arc::new(self.connector.connect().await.map_err(sql::failed)?);
        *slot = Some(Arc::clone(&client));
        Ok(client)
    }
}

#[async_trait]
impl OtpStore for PostgresOtpStore {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        let client = self.client().await?;
        let row = client
            .query_one(sql::COUNT, &[&key, &sql::millis(forget_at), &self.now()])
            .await
            .map_err(sql::failed)?;
        row.try_get(0).map(sql::sum).map_err(sql::failed)
    }

    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        let client = self.client().await?;
        let changed = client
            .execute(sql::CLAIM, &[&key, &sql::millis(forget_at), &self.now()])
            .await
            .map_err(sql::failed)?;
        Ok(changed == 1)
    }

    async fn release(&self, key: &str) -> Result<(), Error> {
        let client = self.client().await?;
        client
            .execute(sql::RELEASE, &[&key])
            .await
            .map_err(sql::failed)?;
        Ok(())
    }
}

impl fmt::Debug for PostgresOtpStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresOtpStore")
    }
}
