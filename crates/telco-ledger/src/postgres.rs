//! A ledger in PostgreSQL.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::BytesMut;
use telco_core::Error;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Socket, Statement};

use crate::sql::{
    self, Desk, Dialect, Job, Row, Sql, VERSION, Value, failed, perform_all, store_at_a_desk,
};

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
const CONNECT: Duration = Duration::from_secs(5);

/// A worker that is frozen in the middle of a transaction holds nothing up for longer than this. And whatever the server's
/// default is: an answered commit is durable.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '15s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

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
}

impl Worker {
    async fn work(mut self, mut inbox: UnboundedReceiver<Box<dyn Job>>) {
        let mut jobs = Vec::new();
        while inbox.recv_many(&mut jobs, AT_ONCE).await > 0 {
            let outcome = self.patiently(&mut jobs).await;
            if outcome.is_ok() || jobs.len() == 1 {
                for job in jobs.drain(..) {
                    job.answer(outcome.clone());
                }
                continue;
            }
            // One of them failed: each on its own, so that it fails alone.
            for job in std::mem::take(&mut jobs) {
                let mut alone = [job];
                let outcome = self.patiently(&mut alone).await;
                let [job] = alone;
                job.answer(outcome);
            }
        }
    }

    /// Performed anew as long as it is the connection that fails: nobody knows then whether the work was done, and each piece
    /// of it recognises what it has done.
    async fn patiently(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
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
            if !again || Instant::now() + wait > until {
                return Err(failure.into_error());
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

/// Why a transaction failed.
enum Failure {
    /// The connection: whether it was committed is not known.
    Lost(Error),
    /// The database: it was not. `true`: it may pass.
    Refused(Error, bool),
}

impl Failure {
    fn into_error(self) -> Error {
        match self {
            Self::Lost(error) | Self::Refused(error, _) => error,
        }
    }
}

/// A connection and what it has prepared.
struct Link {
    client: Client,
    statements: HashMap<&'static str, Statement>,
    /// Of the lock that claims are granted under, one for each ledger of a database.
    lock: i64,
    /// The last failure of a statement may pass.
    passes: bool,
}

impl Link {
    async fn open(connector: &dyn Connector) -> Result<Self, Error> {
        let away = || failed("the database of the ledger cannot be reached");
        let client = match timeout(CONNECT, connector.connect()).await {
            Ok(Ok(client)) => client,
            Ok(Err(e)) => return Err(away().with_source(e)),
            Err(_) => return Err(away()),
        };
        client.batch_execute(SESSION).await.map_err(explain)?;
        let lock = client
            .query_one(
                "SELECT hashtextextended('telco_ledger ' || current_schema(), 0)",
                &[],
            )
            .await
            .and_then(|row| row.try_get(0))
            .map_err(explain)?;
        Ok(Self {
            client,
            statements: HashMap::new(),
            lock,
            passes: false,
        })
    }

    /// Workers that start together wait for each other.
    async fn migrate(&mut self) -> Result<(), Error> {
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({})", self.lock);
        self.client.batch_execute(&begin).await.map_err(explain)?;
        let made = self
            .client
            .query_one("SELECT to_regclass('telco_schema') IS NOT NULL", &[])
            .await
            .and_then(|row| row.try_get(0))
            .map_err(explain)?;
        if made {
            let version = self
                .client
                .query_one("SELECT version FROM telco_schema", &[])
                .await
                .and_then(|row| row.try_get(0))
                .map_err(explain)?;
            crate::sqlite::check(version)?;
        } else {
            let create = format!(
                "{} CREATE TABLE telco_schema (version BIGINT NOT NULL); INSERT INTO telco_schema VALUES ({VERSION})",
                sql::create(Dialect::Postgres)
            );
            self.client.batch_execute(&create).await.map_err(explain)?;
        }
        self.client.batch_execute("COMMIT").await.map_err(explain)
    }

    async fn transaction(&mut self, alone: bool, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let begin = if alone {
            format!("BEGIN; SELECT pg_advisory_xact_lock({})", self.lock)
        } else {
            "BEGIN".to_owned()
        };
        self.client
            .batch_execute(&begin)
            .await
            .map_err(|e| Failure::Lost(explain(e)))?;
        // After the lock: who comes later has a later time.
        let now = self
            .client
            .query_one(NOW, &[])
            .await
            .and_then(|row| row.try_get(0))
            .map_err(|e| Failure::Lost(explain(e)))?;
        self.passes = false;
        if let Err(refusal) = perform_all(self, now, jobs).await {
            if self.client.is_closed() || self.client.batch_execute("ROLLBACK").await.is_err() {
                return Err(Failure::Lost(refusal));
            }
            return Err(Failure::Refused(refusal, self.passes));
        }
        self.client
            .batch_execute("COMMIT")
            .await
            .map_err(|e| Failure::Lost(explain(e)))
    }

    async fn query(
        &mut self,
        statement: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let prepared = match self.statements.get(statement) {
            Some(prepared) => prepared.clone(),
            None => {
                let prepared = self.client.prepare(statement).await?;
                self.statements.insert(statement, prepared.clone());
                prepared
            }
        };
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
        let rows = self.client.query(&prepared, &values).await?;
        let read = |row: tokio_postgres::Row| {
            let values: Result<Vec<Value>, _> = (0..row.len()).map(|at| row.try_get(at)).collect();
            values.map(Row::new)
        };
        rows.into_iter().map(read).collect()
    }
}

const NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";

#[async_trait]
impl Sql for Link {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn run(
        &mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        self.query(statement, &values).await.map_err(|e| {
            let passing = [
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::LOCK_NOT_AVAILABLE,
            ];
            self.passes = e.code().is_some_and(|code| passing.contains(code));
            explain(e)
        })
    }
}

/// What to do about it, where that is known. Neither the address nor a value is in it.
fn explain(error: tokio_postgres::Error) -> Error {
    let what = match error.code() {
        Some(code) if *code == SqlState::DISK_FULL => "the disk of the ledger's database is full",
        Some(code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
            "the ledger's database is read-only: is this a standby?"
        }
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "the ledger's database refuses: grant this user the right to create and write tables"
        }
        Some(code)
            if *code == SqlState::INVALID_PASSWORD
                || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
        {
            "the ledger's database refuses the credentials"
        }
        Some(_) => "the ledger's database refuses",
        None => "the ledger's database was lost",
    };
    // The text of the database's own message may quote values of a row.
    let code = error.code().map(|code| code.code().to_owned());
    match code {
        Some(code) => failed(what).with_provider_code(code),
        None => failed(what).with_source(error),
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *of == Type::INT4 => i32::try_from(*value)?.to_sql(of, out),
            Self::Int(value) => value.to_sql(of, out),
            Self::Text(value) => value.to_sql(of, out),
            Self::Bytes(value) => value.to_sql(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(
        of: &Type,
        raw: &'a [u8],
    ) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *of {
            Type::INT8 => Ok(Self::Int(i64::from_sql(of, raw)?)),
            Type::INT4 => Ok(Self::Int(i32::from_sql(of, raw)?.into())),
            Type::BYTEA => Ok(Self::Bytes(raw.to_vec())),
            _ => Ok(Self::Text(String::from_sql(of, raw)?)),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
