//! The ledger's logic in SQL that SQLite and PostgreSQL both read, written once over a connection that runs statements.

mod begin;
mod decode;
mod desk;
mod due;
mod guards;
mod plan;
mod read;
mod record;
mod schema;
mod sent;
mod value;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use telco_core::{Error, ErrorKind, NotSent};

pub(crate) use desk::{Desk, Job, perform_all, store_at_a_desk};
pub(crate) use due::WhatIsDue;
pub(crate) use guards::STOP;
pub(crate) use plan::{Plan, Release, Replan, Take};
pub(crate) use read::{Claimed, Count, Find, History, Note, Noted, Now};
pub(crate) use record::Record;
pub(crate) use schema::{Dialect, VERSION, create};
pub(crate) use sent::SentByOthers;
pub(crate) use value::{Row, Value};

/// A connection. Statements have `$1`, `$2`, … for their values.
#[async_trait]
pub(crate) trait Sql: Send {
    fn dialect(&self) -> Dialect;

    async fn run(&mut self, statement: &'static str, values: Vec<Value>)
    -> Result<Vec<Row>, Error>;

    /// One after the other; where there is a network in between, without waiting for each answer.
    async fn run_all(&mut self, statements: Vec<Statement>) -> Result<Vec<Vec<Row>>, Error> {
        let mut answers = Vec::with_capacity(statements.len());
        for Statement(statement, values) in statements {
            answers.push(self.run(statement, values).await?);
        }
        Ok(answers)
    }
}

/// A statement and its values.
pub(crate) struct Statement(pub(crate) &'static str, pub(crate) Vec<Value>);

/// A transaction that several pieces of work share.
pub(crate) struct Tx<'a> {
    pub(crate) sql: &'a mut dyn Sql,
    /// The store's time in milliseconds since 1970.
    pub(crate) now: i64,
    /// The stop switch, read once per transaction.
    pub(crate) stopped: Option<Option<String>>,
}

impl Tx<'_> {
    pub(crate) async fn run(
        &mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        self.sql.run(statement, values).await
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.sql.dialect()
    }

    /// In so long from now.
    pub(crate) fn in_(&self, wait: Duration) -> i64 {
        later(self.now, wait)
    }
}

/// One piece of work in a transaction. It may be performed again if the transaction failed, or if nobody knows whether it
/// did.
#[async_trait]
pub(crate) trait Work: Send + Sync + 'static {
    type Out: Send + 'static;

    /// To be done while no other such work is, of whichever worker: it looks at what the others have done, or changes the sums
    /// that they look at.
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool {
        false
    }

    /// It may read or write very much, and is not done together with what holds all others up.
    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        false
    }

    /// The statement that does the work where nothing speaks against it, if there is one. Those of all work in a transaction
    /// are run before the rest of it.
    fn opening(&self, _now: i64, _dialect: Dialect) -> Option<Statement> {
        None
    }

    /// The rest, or all of it: `opened` is the answer to the opening.
    async fn perform(&self, tx: &mut Tx<'_>, opened: Vec<Row>) -> Result<Self::Out, Error>;

    /// It is of no use once whoever asked for it is gone. Most work is done all the same.
    fn needs_its_caller(&self) -> bool {
        false
    }

    /// What is left to be done about an outcome that nobody has got.
    fn unheard(_: Self::Out) -> Option<Record> {
        None
    }
}

pub(crate) fn millis(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => span(since),
        Err(before) => -span(before.duration()),
    }
}

pub(crate) fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn later(now: i64, wait: Duration) -> i64 {
    now.saturating_add(span(wait))
}

pub(crate) fn time(millis: i64) -> SystemTime {
    let span = Duration::from_millis(millis.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let moved = if millis < 0 {
        epoch.checked_sub(span)
    } else {
        epoch.checked_add(span)
    };
    moved.unwrap_or(epoch)
}

/// A ledger of a newer version may mean something else by what this one would write, and one of an older version has other
/// tables. 0: there is none yet.
pub(crate) fn check(version: i64) -> Result<(), Error> {
    let (what, help) = match version {
        0 | VERSION => return Ok(()),
        1 => (
            format!(
                "the ledger is of version 1, of a build that was never released, this program knows {VERSION}"
            ),
            "end its jobs with the program that made it, and begin a new ledger",
        ),
        _ => (
            format!("the ledger is of version {version}, this program knows up to {VERSION}"),
            "use the newer program that made it",
        ),
    };
    Err(NotSent::new(ErrorKind::Storage, what)
        .with_help(help)
        .into())
}

/// The store failed.
pub(crate) fn failed(what: impl Into<String>) -> Error {
    Error::in_doubt(ErrorKind::Storage, what.into())
}

/// Nobody works on this ledger any more.
pub(crate) fn closed() -> Error {
    failed("the ledger is closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_1970_come_back_as_they_went_in() {
        let second = Duration::from_secs(1);
        let (before, after) = (
            SystemTime::UNIX_EPOCH - second,
            SystemTime::UNIX_EPOCH + second,
        );
        for (at, in_columns) in [
            (before, -1_000),
            (SystemTime::UNIX_EPOCH, 0),
            (after, 1_000),
        ] {
            assert_eq!(millis(at), in_columns);
            assert_eq!(time(in_columns), at);
        }
    }
}
