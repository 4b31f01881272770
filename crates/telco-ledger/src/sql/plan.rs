//! Rows of a job: written down, taken by a worker, let go.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use telco_core::{Error, ErrorKind, Identity, NotSent};

use super::decode::{columns_of, operation};
use super::read::FIND;
use super::schema::{Dialect, columns, free};
use super::{Row, Statement, Tx, Value, Work};
use crate::{Ask, LeftOut, Mark, Operation, Placed, PlanRow};

/// Rows that are planned in one transaction, which the database must be done with before it is taken for stuck.
const AT_ONCE: usize = 10_000;

/// Rows that are on their way to the database at a time.
const UNDER_WAY: usize = 500;

const INSERT: &str = "INSERT INTO telco_topup (reference, provider, account, job, line, \
    kind, recipient, operator, plan_code, amount, pieces, price, currency, decimals, \
    state, counts, attempt, lease_until, fence, planned_at, changed_at) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'planned', 0, 0, 0, 0, $15, $15) \
    ON CONFLICT (reference) DO NOTHING RETURNING id";

pub(crate) struct Plan {
    identity: Identity,
    job: String,
    rows: Vec<PlanRow>,
}

impl Plan {
    pub(crate) fn new(identity: Identity, job: String, rows: Vec<PlanRow>) -> Result<Self, Error> {
        let refuse = |what: String| NotSent::new(ErrorKind::InvalidInput, what);
        if job.is_empty() {
            // It would be taken for none where other jobs are looked for.
            return Err(refuse("a job has a name, and this one is empty".to_owned()).into());
        }
        let count = rows.len();
        if count > AT_ONCE {
            let what = format!("{count} rows are planned at a time, and {AT_ONCE} are the most");
            return Err(refuse(what)
                .with_help("plan the job in parts: one call after the other, under the same name")
                .into());
        }
        Ok(Self {
            identity,
            job,
            rows,
        })
    }

    fn insert(&self, now: i64, row: &PlanRow) -> Result<Statement, Error> {
        let mut values = vec![
            row.intent.reference.as_str().into(),
            self.identity.provider().into(),
            self.identity.account().into(),
            self.job.as_str().into(),
            i64::try_from(row.line).ok().into(),
        ];
        values.extend(columns_of(&row.intent)?);
        values.push(now.into());
        Ok(Statement(INSERT, values))
    }

    /// What a row is whose reference was there already.
    fn known(&self, now: i64, row: &PlanRow, found: Vec<Row>) -> Result<Placed, Error> {
        let found = found.into_iter().next();
        let known = found.map(|mut found| operation(&mut found, now));
        let same = known.transpose()?.is_some_and(|known| {
            known.is(&self.identity, &row.intent) && known.job.as_deref() == Some(&self.job)
        });
        Ok(if same {
            Placed::Known
        } else {
            Placed::Conflict
        })
    }
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
        for rows in self.rows.chunks(UNDER_WAY) {
            let inserts = rows.iter().map(|row| self.insert(tx.now, row));
            let made = tx.sql.run_all(inserts.collect::<Result<_, _>>()?).await?;
            let there = rows.iter().zip(&made).filter(|(_, made)| made.is_empty());
            let find = |row: &PlanRow| Statement(FIND, vec![row.intent.reference.as_str().into()]);
            let finds = there.map(|(row, _)| find(row)).collect();
            let mut found = tx.sql.run_all(finds).await?.into_iter();
            for (row, made) in rows.iter().zip(made) {
                placed.push(if made.is_empty() {
                    self.known(tx.now, row, found.next().unwrap_or_default())?
                } else {
                    Placed::New
                });
            }
        }
        Ok(placed)
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
