//! Statements and values in SQLite's way.

use std::collections::HashMap;
use std::path::PathBuf;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use telco_core::Error;

use super::file::explain;
use crate::sql::{Dialect, Row, Sql, Value};

/// A connection and what it has prepared.
pub(super) struct Prepared {
    pub(super) connection: Connection,
    /// Statements in SQLite's spelling: `?1` for `$1`, which would be a name.
    pub(super) statements: HashMap<&'static str, String>,
    pub(super) path: PathBuf,
}

impl Prepared {
    pub(super) fn batch(&self, statement: &str) -> Result<(), Error> {
        self.connection
            .execute_batch(statement)
            .map_err(|e| explain(&self.path, e))
    }

    fn query(&mut self, statement: &'static str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let spelled = self
            .statements
            .entry(statement)
            .or_insert_with(|| statement.replace('$', "?"));
        let mut prepared = self.connection.prepare_cached(spelled)?;
        let columns = prepared.column_count();
        let mut rows = prepared.query(rusqlite::params_from_iter(values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let read = |at| Ok(Value::from(row.get_ref(at)?));
            let values: rusqlite::Result<Vec<Value>> = (0..columns).map(read).collect();
            found.push(Row::new(values?));
        }
        Ok(found)
    }
}

#[async_trait]
impl Sql for Prepared {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    async fn run(
        &mut self,
        statement: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<Row>, Error> {
        self.query(statement, &values)
            .map_err(|e| explain(&self.path, e))
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

impl From<ValueRef<'_>> for Value {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null | ValueRef::Real(_) => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            ValueRef::Text(value) => Self::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => Self::Bytes(value.to_vec()),
        }
    }
}
