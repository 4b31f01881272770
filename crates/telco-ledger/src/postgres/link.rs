//! One connection: how it is made, its transactions, and words for what goes wrong with it.

use std::collections::HashMap;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use telco_core::Error;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Connection, Socket, Statement as Prepared};

use crate::sql::{self, Dialect, Job, Row, Sql, Statement, VERSION, Value, failed, perform_all};

const CONNECT: Duration = Duration::from_secs(5);

/// A server that is frozen, or behind a network that swallows everything, never answers. Work is done over on a new connection:
/// every piece of it knows whether it was done before.
const TRANSACTION: Duration = Duration::from_secs(60);

/// A worker that is frozen in the middle of a transaction holds nothing up for longer than this. And whatever the server's
/// default is: an answered commit is durable.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '5s'; SET lock_timeout = '15s'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// Of one that only reads: nothing is written through it, whatever it is asked for.
const READING: &str = "SET default_transaction_read_only = on";

/// Hides the type of the TLS connector.
#[async_trait]
pub(super) trait Connector: Send + Sync {
    async fn connect(&self) -> Result<(Client, Wire), tokio_postgres::Error>;

    fn only_reads(&self) -> bool;
}

/// The task that reads and writes for a client. It ends with whoever holds this, whether the server answers or not.
pub(super) struct Wire(AbortHandle);

impl Wire {
    pub(super) fn new<S, T>(connection: Connection<S, T>) -> Self
    where
        Connection<S, T>: Future + Send + 'static,
        <Connection<S, T> as Future>::Output: Send,
    {
        // A failure shows at the next statement.
        Self(tokio::spawn(async move { drop(connection.await) }).abort_handle())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Connect<T> {
    pub(super) config: Config,
    pub(super) tls: T,
    pub(super) only_reads: bool,
}

#[async_trait]
impl<T> Connector for Connect<T>
where
    T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
    T::TlsConnect: Send,
    T::Stream: Send + 'static,
    <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
{
    async fn connect(&self) -> Result<(Client, Wire), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        Ok((client, Wire::new(connection)))
    }

    fn only_reads(&self) -> bool {
        self.only_reads
    }
}

/// Why a transaction failed.
#[derive(Clone)]
pub(super) enum Failure {
    /// The connection: whether it was committed is not known.
    Lost(Error),
    /// There is no connection, and to try again is of no use.
    Shut(Error),
    /// The database: it was not. `true`: it may pass.
    Refused(Error, bool),
}

impl Failure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Lost(error) | Self::Shut(error) | Self::Refused(error, _) => error,
        }
    }
}

/// By the schema that the tables are in, wherever in the search path that is; where they are missing, that they will be made in.
const LOCK: &str = "SELECT hashtextextended('telco_ledger ' || COALESCE((SELECT n.nspname FROM pg_class c \
    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass('telco_topup')), current_schema()), 0)";

/// A connection and what it has prepared.
pub(super) struct Link {
    client: Client,
    _wire: Wire,
    statements: HashMap<&'static str, Prepared>,
    /// Of the lock that claims are granted under, one for each ledger of a database.
    lock: i64,
    only_reads: bool,
    /// The last failure of a statement may pass.
    passes: bool,
    /// It was that the server takes no writes any more: after a failover another one does.
    standby: bool,
}

impl Link {
    pub(super) async fn open(connector: &dyn Connector) -> Result<Self, Failure> {
        match timeout(CONNECT, Self::greet(connector)).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::Lost(away())),
        }
    }

    async fn greet(connector: &dyn Connector) -> Result<Self, Failure> {
        let lost = |e| Failure::Lost(explain(e));
        let (client, wire) = connector.connect().await.map_err(unconnected)?;
        client.batch_execute(SESSION).await.map_err(lost)?;
        let only_reads = connector.only_reads();
        if only_reads {
            client.batch_execute(READING).await.map_err(lost)?;
        }
        let lock = client
            .query_one(LOCK, &[])
            .await
            .and_then(|row| row.try_get(0))
            .map_err(lost)?;
        Ok(Self {
            client,
            _wire: wire,
            statements: HashMap::new(),
            lock,
            only_reads,
            passes: false,
            standby: false,
        })
    }

    /// Workers that start together wait for each other.
    pub(super) async fn migrate(&mut self) -> Result<(), Error> {
        let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({})", self.lock);
        self.client.batch_execute(&begin).await.map_err(explain)?;
        if !self.is_there().await? {
            let create = format!(
                "{} CREATE TABLE telco_schema (version BIGINT NOT NULL); INSERT INTO telco_schema VALUES ({VERSION})",
                sql::create(Dialect::Postgres)
            );
            self.client.batch_execute(&create).await.map_err(explain)?;
        }
        self.client.batch_execute("COMMIT").await.map_err(explain)
    }

    /// Whether the tables are there, of a version that this code knows.
    pub(super) async fn is_there(&mut self) -> Result<bool, Error> {
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
            sql::check(version)?;
        }
        Ok(made)
    }

    pub(super) async fn transaction(
        &mut self,
        alone: bool,
        jobs: &mut [Box<dyn Job>],
    ) -> Result<(), Failure> {
        match timeout(TRANSACTION, self.perform(alone, jobs)).await {
            Ok(ended) => ended,
            Err(_) => Err(Failure::Lost(failed(
                "the ledger's database does not answer",
            ))),
        }
    }

    async fn perform(&mut self, alone: bool, jobs: &mut [Box<dyn Job>]) -> Result<(), Failure> {
        let begin = if alone {
            format!("BEGIN; SELECT pg_advisory_xact_lock({})", self.lock)
        } else {
            "BEGIN".to_owned()
        };
        let lost = |e| Failure::Lost(explain(e));
        let clock = self.prepare(NOW).await.map_err(lost)?;
        // The time is taken after the lock: who comes later has a later one.
        let begin = self.client.batch_execute(&begin);
        let now = self.client.query_one(&clock, &[]);
        let (begun, now) = tokio::join!(biased; begin, now);
        begun.map_err(lost)?;
        let now = now.and_then(|row| row.try_get(0)).map_err(lost)?;
        (self.passes, self.standby) = (false, false);
        if let Err(refusal) = perform_all(self, now, jobs).await {
            if self.standby
                || self.client.is_closed()
                || self.client.batch_execute("ROLLBACK").await.is_err()
            {
                return Err(Failure::Lost(refusal));
            }
            return Err(Failure::Refused(refusal, self.passes));
        }
        self.client
            .batch_execute("COMMIT")
            .await
            .map_err(|e| Failure::Lost(explain(e)))
    }

    async fn prepare(&mut self, text: &'static str) -> Result<Prepared, tokio_postgres::Error> {
        if let Some(prepared) = self.statements.get(text) {
            return Ok(prepared.clone());
        }
        let prepared = self.client.prepare(text).await?;
        self.statements.insert(text, prepared.clone());
        Ok(prepared)
    }

    async fn query(
        &mut self,
        text: &'static str,
        values: &[Value],
    ) -> Result<Vec<Row>, tokio_postgres::Error> {
        let prepared = self.prepare(text).await?;
        ask(&self.client, &prepared, values).await
    }

    /// All are on their way before the first is answered; the server takes them in order.
    async fn pipeline(
        &mut self,
        statements: &[Statement],
    ) -> Result<Vec<Vec<Row>>, tokio_postgres::Error> {
        let mut prepared = Vec::with_capacity(statements.len());
        for Statement(text, _) in statements {
            prepared.push(self.prepare(text).await?);
        }
        let asked = statements.iter().zip(&prepared);
        let asked =
            asked.map(|(Statement(_, values), prepared)| ask(&self.client, prepared, values));
        in_order(asked.collect()).await.into_iter().collect()
    }

    fn refused(&mut self, error: tokio_postgres::Error) -> Error {
        let passing = [
            SqlState::T_R_DEADLOCK_DETECTED,
            SqlState::T_R_SERIALIZATION_FAILURE,
            SqlState::LOCK_NOT_AVAILABLE,
        ];
        let code = error.code();
        self.passes = code.is_some_and(|code| passing.contains(code));
        self.standby = code == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) && !self.only_reads;
        explain(error)
    }
}

async fn ask(
    client: &Client,
    prepared: &Prepared,
    values: &[Value],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|v| v as _).collect();
    let read = |row: tokio_postgres::Row| {
        let values: Result<Vec<Value>, _> = (0..row.len()).map(|at| row.try_get(at)).collect();
        values.map(Row::new)
    };
    let rows = client.query(prepared, &values).await?;
    rows.into_iter().map(read).collect()
}

/// Waits for all of them at once. Each begins in its turn.
async fn in_order<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.into_iter().map(|f| (Box::pin(f), None)).collect();
    poll_fn(|context| {
        let mut pending = false;
        for (future, answer) in &mut waiting {
            if answer.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => *answer = Some(ready),
                    Poll::Pending => pending = true,
                }
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    waiting
        .into_iter()
        .filter_map(|(_, answer)| answer)
        .collect()
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
        let answer = self.query(statement, &values).await;
        answer.map_err(|e| self.refused(e))
    }

    async fn run_all(&mut self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, Error> {
        let answers = self.pipeline(&statements).await;
        answers.map_err(|e| self.refused(e))
    }
}

/// Where a server answered, it says why it does not let us in. To come with the same again is of use where that may pass: it is
/// starting, or full. Not where it is about who comes, or where to (PostgreSQL's documentation, appendix A: classes 28 and 3D).
fn unconnected(error: tokio_postgres::Error) -> Failure {
    if takes_no_writes(&error) {
        let standby = what_to_do(Some(&SqlState::READ_ONLY_SQL_TRANSACTION));
        return Failure::Lost(failed(standby));
    }
    match error.code().map(SqlState::code) {
        None => Failure::Lost(away().with_source(error)),
        Some(code) if code.starts_with("28") || code.starts_with("3D") => {
            Failure::Shut(explain(error))
        }
        Some(_) => Failure::Lost(explain(error)),
    }
}

/// What the client says of a server that is not of the asked kind. The operating system's own refusals have a number.
fn takes_no_writes(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<std::io::Error>());
    source.is_some_and(|e| {
        e.kind() == std::io::ErrorKind::PermissionDenied && e.raw_os_error().is_none()
    })
}

fn away() -> Error {
    failed("the database of the ledger cannot be reached")
}

/// Neither the address nor a value is in it.
fn explain(error: tokio_postgres::Error) -> Error {
    let what = what_to_do(error.code());
    // The text of the database's own message may quote values of a row.
    let code = error.code().map(|code| code.code().to_owned());
    match code {
        Some(code) => failed(what).with_provider_code(code),
        None => failed(what).with_source(error),
    }
}

/// What to do about a refusal, where that is known.
fn what_to_do(code: Option<&SqlState>) -> &'static str {
    const CREDENTIALS: &str = "the ledger's database refuses the credentials";
    const KNOWN: [(SqlState, &str); 5] = [
        (
            SqlState::DISK_FULL,
            "the disk of the ledger's database is full",
        ),
        (
            SqlState::READ_ONLY_SQL_TRANSACTION,
            "the ledger's database is read-only: is this a standby?",
        ),
        (
            SqlState::INSUFFICIENT_PRIVILEGE,
            "the ledger's database refuses: grant this user the right to create and write tables",
        ),
        (SqlState::INVALID_PASSWORD, CREDENTIALS),
        (SqlState::INVALID_AUTHORIZATION_SPECIFICATION, CREDENTIALS),
    ];
    let Some(code) = code else {
        return "the ledger's database was lost";
    };
    let mut known = KNOWN.iter();
    known
        .find(|(known, _)| known == code)
        .map_or("the ledger's database refuses", |(_, what)| what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_postgres::NoTls;

    /// The codes are PostgreSQL's (its documentation, appendix A).
    #[test]
    fn a_refusal_says_what_to_do_about_it() {
        for (code, word) in [
            ("53100", "disk"),
            ("25006", "standby"),
            ("42501", "grant"),
            ("28P01", "credentials"),
            ("28000", "credentials"),
        ] {
            let said = what_to_do(Some(&SqlState::from_code(code)));
            assert!(said.contains(word), "{code}: {said}");
        }
        let other = what_to_do(Some(&SqlState::from_code("42601")));
        assert_eq!(other, "the ledger's database refuses");
        assert!(what_to_do(None).contains("lost"));
    }

    /// A server that takes the greeting and then never says anything again.
    struct Frozen;

    #[async_trait]
    impl Connector for Frozen {
        async fn connect(&self) -> Result<(Client, Wire), tokio_postgres::Error> {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            tokio::spawn(async move {
                let welcome = b"R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I";
                theirs.write_all(welcome).await.unwrap();
                let mut heard = Vec::new();
                theirs.read_to_end(&mut heard).await.unwrap();
            });
            let (client, connection) = Config::new().user("x").connect_raw(ours, NoTls).await?;
            Ok((client, Wire::new(connection)))
        }

        fn only_reads(&self) -> bool {
            false
        }
    }

    /// A server that says this to whoever comes; without a word it hangs up.
    struct Says(&'static [u8]);

    #[async_trait]
    impl Connector for Says {
        async fn connect(&self) -> Result<(Client, Wire), tokio_postgres::Error> {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let said = self.0;
            if said.is_empty() {
                drop(theirs);
            } else {
                tokio::spawn(async move {
                    theirs.write_all(said).await.unwrap();
                    theirs.read_to_end(&mut Vec::new()).await.unwrap();
                });
            }
            let (client, connection) = Config::new().user("x").connect_raw(ours, NoTls).await?;
            Ok((client, Wire::new(connection)))
        }

        fn only_reads(&self) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn what_may_pass_is_waited_for() {
        let starting = b"E\0\0\0\x1bSFATAL\0C57P03\0Msecret\0\0";
        let Err(Failure::Lost(why)) = Link::open(&Says(starting)).await else {
            panic!("opened, or shut for good")
        };
        assert_eq!(why.provider_code(), Some("57P03"));
        for nobody_s in [
            b"E\0\0\0\x1bSFATAL\0C28P01\0Msecret\0\0",
            b"E\0\0\0\x1bSFATAL\0C3D000\0Msecret\0\0",
        ] {
            let shut = Link::open(&Says(nobody_s)).await;
            assert!(matches!(shut, Err(Failure::Shut(_))));
        }
        // It hung up without a word, which is no word about what it is.
        let Err(Failure::Lost(why)) = Link::open(&Says(b"")).await else {
            panic!("opened, or shut for good")
        };
        assert_eq!(why.to_string(), away().to_string());
    }

    #[tokio::test(start_paused = true)]
    async fn a_frozen_server_is_given_up() {
        let Err(Failure::Lost(why)) = Link::open(&Frozen).await else {
            panic!("opened")
        };
        assert_eq!(why.to_string(), away().to_string());

        let (client, wire) = Frozen.connect().await.unwrap();
        let task = wire.0.clone();
        let mut link = Link {
            client,
            _wire: wire,
            statements: HashMap::new(),
            lock: 0,
            only_reads: false,
            passes: false,
            standby: false,
        };
        let ended = link.transaction(false, &mut []).await;
        assert!(matches!(ended, Err(Failure::Lost(_))));
        drop(link);
        tokio::task::yield_now().await;
        assert!(task.is_finished(), "nothing keeps waiting for it");
    }
}
