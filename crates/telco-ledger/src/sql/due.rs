//! Rows that somebody must look up.

use std::time::Duration;

use async_trait::async_trait;
use telco_core::{Error, ErrorKind, Reference};

use super::decode::{operation, with_pins};
use super::schema::{Dialect, clock_went_back, columns, free, on_the_way, open_states};
use super::{Row, Tx, Value, Work, time};
use crate::{Ask, Due};

pub(crate) struct WhatIsDue {
    pub(crate) ask: Ask,
    pub(crate) only: Option<Reference>,
}

/// `$4` `$5`: what the row is told.
macro_rules! abandoned {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET state = 'unknown', fence = fence + 1, lease_until = 0, lookups = 0, \
             due_at = $3, changed_at = $3, why = $4, why_kind = $5 \
             WHERE id IN (SELECT id FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
            on_the_way!(),
            " AND ",
            free!("$3"),
            " AND (CAST($6 AS TEXT) IS NULL OR reference = $6) LIMIT 1000 ",
            $lock,
            ") RETURNING id"
        )
    };
}

/// What was written before the clock went back is free and due now, so that the rest need look at no time but theirs.
macro_rules! ahead {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET lease_until = 0, due_at = $1, changed_at = $1 \
             WHERE id IN (SELECT id FROM telco_topup WHERE state = 'unknown' AND ",
            clock_went_back!("$1"),
            " LIMIT 1000 ",
            $lock,
            ") RETURNING id"
        )
    };
}

/// What `$4` holds already was given out by this very ask, whose answer got lost.
macro_rules! take_over {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET owner = $4, lease_until = $5, fence = fence + 1 \
             WHERE id IN (SELECT id FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
            open_states!(),
            " AND state = 'unknown' AND (owner = $4 OR lease_until <= $3) AND due_at <= $3 ORDER BY due_at LIMIT $6 ",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

macro_rules! take_over_one {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET owner = $4, lease_until = $5, fence = fence + 1 \
             WHERE id IN (SELECT id FROM telco_topup WHERE provider = $1 AND account = $2 AND reference = $6 \
             AND state IN ('unknown', 'unresolved') AND (owner = $4 OR ",
            free!("$3"),
            ") ",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

/// When the lease of what is being sent ends, when the first row that nobody holds is due, and when the first is free that
/// somebody looks up. Each is the first of an index: there may be very many open rows.
const NEXT: &str = concat!(
    "SELECT (SELECT MIN(lease_until) FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
    on_the_way!(),
    "), \
     (SELECT due_at FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
    open_states!(),
    " AND state = 'unknown' AND lease_until <= $3 ORDER BY due_at LIMIT 1), \
     (SELECT MIN(lease_until) FROM telco_topup WHERE lease_until > 0 AND lease_until > $3 \
     AND state = 'unknown' AND provider = $1 AND account = $2)"
);

#[async_trait]
impl Work for WhatIsDue {
    type Out = Due;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Due, Error> {
        let (abandoned, ahead, take_over, take_over_one) = match tx.dialect() {
            Dialect::Sqlite => (
                abandoned!(""),
                ahead!(""),
                take_over!(""),
                take_over_one!(""),
            ),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => (
                abandoned!("FOR UPDATE SKIP LOCKED"),
                ahead!("FOR UPDATE SKIP LOCKED"),
                take_over!("FOR UPDATE SKIP LOCKED"),
                take_over_one!("FOR UPDATE SKIP LOCKED"),
            ),
        };
        let only: Value = self.only.as_ref().map(Reference::as_str).into();
        let mut values = self.whose(tx);
        values.extend([
            "whoever was sending it stopped without a word: it may be on the way".into(),
            ErrorKind::Interrupted.as_str().into(),
            only.clone(),
        ]);
        tx.run(abandoned, values).await?;
        tx.run(ahead, vec![tx.now.into()]).await?;

        let mut values = self.whose(tx);
        values.extend([
            self.ask.owner.as_str().into(),
            tx.in_(self.ask.lease).into(),
        ]);
        let taken = if self.only.is_some() {
            values.push(only);
            tx.run(take_over_one, values).await?
        } else {
            values.push(self.ask.limit.into());
            tx.run(take_over, values).await?
        };
        let mut rows = Vec::with_capacity(taken.len());
        for mut row in taken {
            let mut operation = operation(&mut row, tx.now)?;
            with_pins(tx, &mut operation).await?;
            rows.push(operation);
        }
        let next = self.next(tx).await?;
        Ok(Due {
            rows,
            next,
            now: time(tx.now),
        })
    }
}

impl WhatIsDue {
    /// `$1` to `$3`.
    fn whose(&self, tx: &Tx<'_>) -> Vec<Value> {
        let identity = &self.ask.identity;
        vec![
            identity.provider().into(),
            identity.account().into(),
            tx.now.into(),
        ]
    }

    async fn next(&self, tx: &mut Tx<'_>) -> Result<Option<Duration>, Error> {
        let values = self.whose(tx);
        let mut soonest = tx.run(NEXT, values).await?;
        let mut at = None;
        if let Some(row) = soonest.first_mut() {
            for _ in 0..3 {
                at = [at, row.maybe_int()?].into_iter().flatten().min();
            }
        }
        Ok(at.map(|at| {
            let wait = u64::try_from(at.saturating_sub(tx.now)).unwrap_or(0);
            Duration::from_millis(wait)
        }))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, StatementStatus, params_from_iter};
    use telco_core::Identity;

    use super::*;
    use crate::sql::{Sql, create};
    use crate::{Filter, State};

    /// Counts what SQLite does for a statement.
    struct Counting {
        connection: Connection,
        steps: i32,
    }

    #[async_trait]
    impl Sql for Counting {
        fn dialect(&self) -> Dialect {
            Dialect::Sqlite
        }

        async fn run(
            &mut self,
            statement: &'static str,
            values: Vec<Value>,
        ) -> Result<Vec<Row>, Error> {
            let mut prepared = self
                .connection
                .prepare(&statement.replace('$', "?"))
                .unwrap();
            let columns = prepared.column_count();
            let rows = prepared.query_map(params_from_iter(values), |row| {
                Ok(Row::new(
                    (0..columns)
                        .map(|at| row.get_ref(at).unwrap().into())
                        .collect(),
                ))
            });
            let rows = rows.unwrap().map(Result::unwrap).collect();
            self.steps += prepared.get_status(StatementStatus::VmStep);
            Ok(rows)
        }
    }

    const OPEN: i32 = 2_000;
    const NOW: i64 = 1_000_000;

    async fn steps<W: Work>(work: W) -> (W::Out, i32) {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&create(Dialect::Sqlite)).unwrap();
        let rows = format!(
            "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {OPEN}) \
             INSERT INTO telco_topup (reference, provider, account, job, kind, recipient, amount, pieces, price, currency, decimals, \
             state, counts, attempt, lease_until, fence, planned_at, sent_at, changed_at) \
             SELECT 'r' || n, 'fake', 'shop', 'march', 'airtime', '2348030000000', 100, 1, 100, 'NGN', 2, \
             'sending', 1, 1, 0, 1, 0, 0, 0 FROM c; \
             UPDATE telco_topup SET state = 'unknown', due_at = {NOW} + id * 1000; \
             UPDATE telco_topup SET lease_until = {NOW} + 500 WHERE id <= 8"
        );
        connection.execute_batch(&rows).unwrap();
        let mut sql = Counting {
            connection,
            steps: 0,
        };
        let mut tx = Tx {
            sql: &mut sql,
            now: NOW,
            stopped: None,
        };
        let out = work.perform(&mut tx, Vec::new()).await.unwrap();
        (out, sql.steps)
    }

    /// They are asked at every turn, while tens of thousands may wait to be looked up.
    #[tokio::test]
    async fn what_is_due_and_whether_there_is_any_is_found_without_reading_all() {
        let ask = Ask::new(
            Identity::new("fake", "shop"),
            "w/1",
            Duration::from_secs(60),
            8,
        );
        let (due, looked) = steps(WhatIsDue { ask, only: None }).await;
        assert!(due.rows.is_empty());
        assert_eq!(
            due.next,
            Some(Duration::from_millis(500)),
            "when the first lease ends"
        );
        assert!(looked < OPEN / 2, "{looked} steps");
        for (state, found) in [(State::Unknown, 1), (State::Planned, 0)] {
            let any = Filter::default().job("march").state(state).at_most(1);
            let (rows, looked) = steps(any).await;
            assert_eq!(rows.len(), found);
            assert!(looked < OPEN / 2, "{looked} steps");
        }
    }
}
