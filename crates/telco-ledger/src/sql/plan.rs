//! Rows of a job: written down, taken by a worker, let go.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use telco_core::{Error, Identity};

use super::decode::{columns_of, operation};
use super::read::find;
use super::schema::{Dialect, columns, free};
use super::{Row, Tx, Value, Work};
use crate::{Ask, LeftOut, Mark, Operation, Placed, PlanRow};

pub(crate) struct Plan {
    pub(crate) identity: Identity,
    pub(crate) job: String,
    pub(crate) rows: Vec<PlanRow>,
}

#[async_trait]
impl Work for Plan {
    type Out = Vec<Placed>;

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            placed.push(self.place(tx, row).await?);
        }
        Ok(placed)
    }
}

impl Plan {
    async fn place(&self, tx: &mut Tx<'_>, row: &PlanRow) -> Result<Placed, Error> {
        let line = i64::try_from(row.line).ok();
        let mut values = vec![
            row.intent.reference.as_str().into(),
            self.identity.provider().into(),
            self.identity.account().into(),
            self.job.as_str().into(),
            line.into(),
        ];
        values.extend(columns_of(&row.intent)?);
        values.push(tx.now.into());
        let made = tx
            .run(
                "INSERT INTO telco_topup (reference, provider, account, job, line, \
                 kind, recipient, operator, plan_code, amount, pieces, price, currency, decimals, \
                 state, counts, attempt, lease_until, fence, planned_at, changed_at) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'planned', 0, 0, 0, 0, $15, $15) \
                 ON CONFLICT (reference) DO NOTHING RETURNING id",
                values,
            )
            .await?;
        if !made.is_empty() {
            return Ok(Placed::New);
        }
        let known = find(tx, &row.intent.reference).await?;
        let same = known.is_some_and(|known| {
            known.is(&self.identity, &row.intent) && known.job.as_deref() == Some(&self.job)
        });
        Ok(if same {
            Placed::Known
        } else {
            Placed::Conflict
        })
    }
}

pub(crate) struct Take {
    pub(crate) job: String,
    pub(crate) ask: Ask,
}

/// What `$5` holds already was given out by this very ask, whose answer got lost.
macro_rules! take {
    ($lock:literal) => {
        concat!(
            "UPDATE telco_topup SET owner = $5, lease_until = $6, fence = fence + 1 \
             WHERE id IN (SELECT id FROM telco_topup WHERE job = $1 AND state = 'planned' AND provider = $2 AND account = $3 \
             AND (owner = $5 OR ",
            free!("$4"),
            ") ORDER BY id LIMIT $7 ",
            $lock,
            ") RETURNING ",
            columns!()
        )
    };
}

#[async_trait]
impl Work for Take {
    type Out = Vec<Operation>;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Vec<Operation>, Error> {
        let statement = match tx.dialect() {
            Dialect::Sqlite => take!(""),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => take!("FOR UPDATE SKIP LOCKED"),
        };
        let values = vec![
            self.job.as_str().into(),
            self.ask.identity.provider().into(),
            self.ask.identity.account().into(),
            tx.now.into(),
            self.ask.owner.as_str().into(),
            tx.in_(self.ask.lease).into(),
            self.ask.limit.into(),
        ];
        let mut taken = Vec::new();
        for mut row in tx.run(statement, values).await? {
            taken.push(operation(&mut row, tx.now)?);
        }
        taken.sort_by_key(|operation| operation.id);
        Ok(taken)
    }
}

pub(crate) struct Release(pub(crate) Mark);

#[async_trait]
impl Work for Release {
    type Out = ();

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<(), Error> {
        // What is being sent is never let go: it is recorded, or looked up.
        tx.run(
            "UPDATE telco_topup SET lease_until = 0 WHERE reference = $1 AND fence = $2 \
             AND state IN ('planned', 'unknown', 'unresolved')",
            vec![self.0.reference.as_str().into(), self.0.fence.into()],
        )
        .await?;
        Ok(())
    }
}

pub(crate) struct Replan {
    identity: Identity,
    job: String,
    too: Vec<LeftOut>,
    /// What it has planned so far: all, where it is done over because nobody knows whether it was done.
    planned: Mutex<BTreeSet<i64>>,
}

impl Replan {
    pub(crate) fn new(identity: Identity, job: String, too: Vec<LeftOut>) -> Self {
        Self {
            identity,
            job,
            too,
            planned: Mutex::default(),
        }
    }
}

#[async_trait]
impl Work for Replan {
    type Out = u64;

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<u64, Error> {
        let stays = |left_out| {
            let stays = !self.too.contains(&left_out);
            Value::from(stays.then(|| format!("{}%", left_out.says())))
        };
        // Like NULL is NULL: then it does not stay.
        let rows = tx
            .run(
                "UPDATE telco_topup SET state = 'planned', delivered = NULL, lease_until = 0, changed_at = $4 \
                 WHERE job = $1 AND state = 'not_sent' AND provider = $2 AND account = $3 \
                 AND NOT COALESCE(why LIKE CAST($5 AS TEXT), FALSE) \
                 AND NOT COALESCE(why LIKE CAST($6 AS TEXT), FALSE) \
                 AND NOT COALESCE(why LIKE CAST($7 AS TEXT), FALSE) RETURNING id",
                vec![
                    self.job.as_str().into(),
                    self.identity.provider().into(),
                    self.identity.account().into(),
                    tx.now.into(),
                    stays(LeftOut::Cancelled),
                    stays(LeftOut::SentByOtherJob),
                    stays(LeftOut::Duplicate),
                ],
            )
            .await?;
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        for mut row in rows {
            planned.insert(row.int()?);
        }
        Ok(u64::try_from(planned.len()).unwrap_or(u64::MAX))
    }
}
