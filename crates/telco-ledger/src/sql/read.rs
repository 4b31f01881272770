//! What only reads, and the notes.

use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::{Amount, Currency, Error, Identity, Reference};

use super::decode::{currency, operation, with_pins};
use super::schema::{columns, open_states};
use super::value::unexpected;
use super::{Row, Tx, Value, Work, time};
use crate::{Count as Entry, Counts, Event, Filter, Operation, State};

/// The row of a reference.
pub(crate) const FIND: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM telco_topup WHERE reference = $1"
);

pub(crate) async fn find(
    tx: &mut Tx<'_>,
    reference: &Reference,
) -> Result<Option<Operation>, Error> {
    let mut rows = tx.run(FIND, vec![reference.as_str().into()]).await?;
    let Some(row) = rows.first_mut() else {
        return Ok(None);
    };
    let mut found = operation(row, tx.now)?;
    with_pins(tx, &mut found).await?;
    Ok(Some(found))
}

pub(crate) async fn noted(tx: &mut Tx<'_>, name: &str) -> Result<Option<String>, Error> {
    let mut rows = tx
        .run(
            "SELECT text FROM telco_note WHERE name = $1",
            vec![name.into()],
        )
        .await?;
    match rows.first_mut() {
        Some(row) => row.text().map(Some),
        None => Ok(None),
    }
}

pub(crate) struct Now;

#[async_trait]
impl Work for Now {
    type Out = SystemTime;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<SystemTime, Error> {
        Ok(time(tx.now.saturating_sub(1)))
    }
}

pub(crate) struct Find(pub(crate) Reference);

#[async_trait]
impl Work for Find {
    type Out = Option<Operation>;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Self::Out, Error> {
        find(tx, &self.0).await
    }
}

pub(crate) struct History(pub(crate) Reference);

#[async_trait]
impl Work for History {
    type Out = Vec<Event>;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Vec<Event>, Error> {
        let rows = tx
            .run(
                "SELECT e.at, e.state, e.attempt, e.owner, e.who, e.why FROM telco_event e \
                 JOIN telco_topup t ON t.id = e.topup WHERE t.reference = $1 ORDER BY e.id",
                vec![self.0.as_str().into()],
            )
            .await?;
        let read = |mut row: Row| {
            Ok(Event {
                at: time(row.int()?),
                state: state(&mut row)?,
                attempt: u32::try_from(row.int()?).unwrap_or(0),
                owner: row.maybe_text()?,
                who: row.maybe_text()?,
                why: row.maybe_text()?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

#[async_trait]
impl Work for Filter {
    type Out = Vec<Operation>;

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Vec<Operation>, Error> {
        if self.open && self.state.is_some_and(|state| !state.is_open()) {
            return Ok(Vec::new());
        }
        let limit = if self.limit == 0 { 1_000 } else { self.limit };
        // One statement per index that serves it.
        let (statement, mut values) = match (&self.job, self.state) {
            (Some(job), Some(state)) => (
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM telco_topup WHERE id > $1 AND job = $3 AND state = $4 ORDER BY id LIMIT $2"
                ),
                vec![job.as_str().into(), state.as_str().into()],
            ),
            (None, Some(state)) if state.is_open() => (
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM telco_topup WHERE id > $1 AND ",
                    open_states!(),
                    " AND state = $3 ORDER BY id LIMIT $2"
                ),
                vec![state.as_str().into()],
            ),
            (None, Some(state)) => (
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM telco_topup WHERE id > $1 AND state = $3 ORDER BY id LIMIT $2"
                ),
                vec![state.as_str().into()],
            ),
            (job, None) if self.open => (
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM telco_topup WHERE id > $1 AND ",
                    open_states!(),
                    " AND (CAST($3 AS TEXT) IS NULL OR job = $3) ORDER BY id LIMIT $2"
                ),
                vec![job.as_deref().into()],
            ),
            (job, None) => (
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM telco_topup WHERE id > $1 AND (CAST($3 AS TEXT) IS NULL OR job = $3) ORDER BY id LIMIT $2"
                ),
                vec![job.as_deref().into()],
            ),
        };
        values.splice(0..0, [self.after.into(), limit.into()]);
        let mut found = Vec::new();
        for mut row in tx.run(statement, values).await? {
            let mut operation = operation(&mut row, tx.now)?;
            with_pins(tx, &mut operation).await?;
            found.push(operation);
        }
        Ok(found)
    }
}

pub(crate) struct Count(pub(crate) Option<String>);

/// Of each state: whether it has one currency only, and count and sum of what was delivered, was not, and is not known. By
/// state alone the rows of a job come in the order of the index: SQLite has nothing to sort, which would take memory by the
/// row.
const BY_STATE: &str = "SELECT state, MIN(currency), MIN(decimals), \
    CASE WHEN MIN(currency) = MAX(currency) AND MIN(decimals) = MAX(decimals) THEN CAST(1 AS BIGINT) ELSE 0 END, \
    COUNT(*) FILTER (WHERE delivered = 1), CAST(SUM(price) FILTER (WHERE delivered = 1) AS BIGINT), \
    COUNT(*) FILTER (WHERE delivered = 0), CAST(SUM(price) FILTER (WHERE delivered = 0) AS BIGINT), \
    COUNT(*) FILTER (WHERE delivered IS NULL), CAST(SUM(price) FILTER (WHERE delivered IS NULL) AS BIGINT) \
    FROM telco_topup WHERE job = $1 GROUP BY state";

const BY_CURRENCY: &str = "SELECT state, delivered, currency, decimals, COUNT(*), CAST(SUM(price) AS BIGINT) \
    FROM telco_topup WHERE CAST($1 AS TEXT) IS NULL OR job = $1 GROUP BY state, delivered, currency, decimals";

#[async_trait]
impl Work for Count {
    type Out = Counts;

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Counts, Error> {
        let job: Value = self.0.as_deref().into();
        if self.0.is_some() {
            let states = tx.run(BY_STATE, vec![job.clone()]).await?;
            if let Some(rows) = in_one_currency(states)? {
                return Ok(Counts { rows });
            }
        }
        let read = |mut row: Row| {
            let (state, delivered) = (state(&mut row)?, row.maybe_int()?.map(|yes| yes == 1));
            let currency = currency(&row.text()?, row.int()?).ok_or_else(unexpected)?;
            Ok(Entry {
                state,
                delivered,
                rows: u64::try_from(row.int()?).unwrap_or(0),
                price: Amount::from_minor(row.int()?, currency),
            })
        };
        let rows = tx.run(BY_CURRENCY, vec![job]).await?;
        let rows: Result<_, Error> = rows.into_iter().map(read).collect();
        Ok(Counts { rows: rows? })
    }
}

/// `None`: there is a state with several.
fn in_one_currency(states: Vec<Row>) -> Result<Option<Vec<Entry>>, Error> {
    let mut entries = Vec::new();
    for mut row in states {
        let state = state(&mut row)?;
        let currency = currency(&row.text()?, row.int()?).ok_or_else(unexpected)?;
        if row.int()? == 0 {
            return Ok(None);
        }
        for delivered in [Some(true), Some(false), None] {
            let rows = u64::try_from(row.int()?).unwrap_or(0);
            let price = row.maybe_int()?.unwrap_or(0);
            if rows > 0 {
                entries.push(Entry {
                    state,
                    delivered,
                    rows,
                    price: Amount::from_minor(price, currency),
                });
            }
        }
    }
    Ok(Some(entries))
}

fn state(row: &mut Row) -> Result<State, Error> {
    State::from_name(&row.text()?).ok_or_else(unexpected)
}

pub(crate) struct Claimed(pub(crate) Identity, pub(crate) Currency);

#[async_trait]
impl Work for Claimed {
    type Out = i64;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<i64, Error> {
        let Self(identity, currency) = self;
        let meter = format!(
            "account/{}/{}/{}",
            identity.provider(),
            identity.account(),
            currency.code()
        );
        let mut sum = tx
            .run(
                concat!(
                    "SELECT CAST(COALESCE((SELECT value FROM telco_meter WHERE name = $1), 0) - \
                     COALESCE((SELECT SUM(price) FROM telco_topup WHERE provider = $2 AND account = $3 AND \
                     state IN ('sending', 'replaying', 'unknown') AND ",
                    open_states!(),
                    " AND currency = $4), 0) AS BIGINT)"
                ),
                vec![
                    meter.into(),
                    identity.provider().into(),
                    identity.account().into(),
                    currency.code().into(),
                ],
            )
            .await?;
        match sum.first_mut() {
            Some(row) => row.int(),
            None => Ok(0),
        }
    }
}

pub(crate) struct Note(pub(crate) String, pub(crate) Option<String>);

#[async_trait]
impl Work for Note {
    type Out = ();

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<(), Error> {
        let name = self.0.as_str().into();
        match &self.1 {
            Some(text) => {
                tx.run(
                    "INSERT INTO telco_note (name, text) VALUES ($1, $2) \
                     ON CONFLICT (name) DO UPDATE SET text = excluded.text",
                    vec![name, text.as_str().into()],
                )
                .await?
            }
            None => {
                tx.run("DELETE FROM telco_note WHERE name = $1", vec![name])
                    .await?
            }
        };
        // Claims that follow in the same transaction must see it.
        tx.stopped = None;
        Ok(())
    }
}

pub(crate) struct Noted(pub(crate) String);

#[async_trait]
impl Work for Noted {
    type Out = Option<String>;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Option<String>, Error> {
        noted(tx, &self.0).await
    }
}
