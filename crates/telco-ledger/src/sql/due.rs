//! Rows that somebody must look up.

use std::time::Duration;

use async_trait::async_trait;
use telco_core::{Error, ErrorKind, Reference};

use super::decode::{operation, with_pins};
use super::schema::{Dialect, clock_went_back, columns, free, open_states};
use super::{Row, Tx, Value, Work, time};
use crate::{Ask, Due};

pub(crate) struct WhatIsDue {
    pub(crate) ask: Ask,
    pub(crate) only: Option<Reference>,
}

/// Nobody holds it, or this very ask has it already, and the answer got lost.
macro_rules! free_or_mine {
    () => {
        concat!("(owner = $4 OR ", free!("$3"), ")")
    };
}

/// `$4` `$5`: what the row is told.
macro_rules! abandoned {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET state = 'unknown', fence = fence + 1, lease_until = 0, lookups = 0, \
             due_at = $3, changed_at = $3, why = $4, why_kind = $5 \
             WHERE id IN (SELECT id FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
            open_states!(),
            " AND state IN ('sending', 'replaying') AND ",
            free!("$3"),
            " AND (CAST($6 AS TEXT) IS NULL OR reference = $6) LIMIT 1000 ",
            $lock,
            ") RETURNING id"
        )
    };
}

macro_rules! take_over {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET owner = $4, lease_until = $5, fence = fence + 1 \
             WHERE id IN (SELECT id FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
            open_states!(),
            " AND state = 'unknown' AND ",
            free_or_mine!(),
            " AND (due_at <= $3 OR ",
            clock_went_back!("$3"),
            ") ORDER BY due_at LIMIT $6 ",
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
             AND state IN ('unknown', 'unresolved') AND ",
            free_or_mine!(),
            " ",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

#[async_trait]
impl Work for WhatIsDue {
    type Out = Due;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Due, Error> {
        let (abandoned, take_over, take_over_one) = match tx.dialect() {
            Dialect::Sqlite => (abandoned!(""), take_over!(""), take_over_one!("")),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => (
                abandoned!("FOR UPDATE SKIP LOCKED"),
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
        let mut soonest = tx
            .run(
                concat!(
                    "SELECT MIN(CASE WHEN ",
                    clock_went_back!("$3"),
                    " THEN CAST($3 AS BIGINT) WHEN state = 'unknown' AND lease_until <= $3 THEN due_at ELSE lease_until END) \
                     FROM telco_topup WHERE provider = $1 AND account = $2 AND ",
                    open_states!(),
                    " AND state IN ('sending', 'replaying', 'unknown')"
                ),
                values,
            )
            .await?;
        let at = match soonest.first_mut() {
            Some(row) => row.maybe_int()?,
            None => None,
        };
        Ok(at.map(|at| {
            let wait = u64::try_from(at.saturating_sub(tx.now)).unwrap_or(0);
            Duration::from_millis(wait)
        }))
    }
}
