//! What was sent already: the same once more, and what other jobs have sent of it.

use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::{Amount, Error, Product, Reference, TopupIntent};

use super::value::unexpected;
use super::{Row, Statement, Tx, Value, Work, millis, time};
use crate::{Earlier, State};

pub(crate) struct SentByOthers {
    /// Not of this one.
    pub(crate) job: Option<String>,
    pub(crate) since: SystemTime,
    pub(crate) products: Vec<Product>,
}

/// A row of the same number, product and amount that was sent after a time, and was delivered or may have been. The index on
/// recipient and time serves it.
macro_rules! same_sale {
    ($to:literal, $since:literal, $kind:literal, $plan:literal, $price:literal, $currency:literal) => {
        concat!(
            "recipient = ",
            $to,
            " AND sent_at > ",
            $since,
            " AND counts = 1 AND kind = ",
            $kind,
            " AND COALESCE(plan_code, '') = COALESCE(",
            $plan,
            ", '') AND price = ",
            $price,
            " AND currency = ",
            $currency
        )
    };
    // Of the values of `sale`.
    () => {
        crate::sql::sent::same_sale!("$1", "$2", "$3", "CAST($4 AS TEXT)", "$5", "$6")
    };
}
pub(crate) use same_sale;

/// `$1` to `$6` of [`same_sale`]. `None`: it has no number, so that there is nothing to compare.
fn sale(product: &Product, since: i64) -> Option<Vec<Value>> {
    let (to, price) = (product.recipient()?, product.price()?);
    let plan = match product {
        Product::Data { plan, .. } => plan.as_deref(),
        _ => None,
    };
    Some(vec![
        to.expose().into(),
        since.into(),
        product.kind().as_str().into(),
        plan.into(),
        Amount::minor(price).into(),
        price.currency().code().into(),
    ])
}

/// The last one that another job than this has sent.
fn last_of_others(product: &Product, since: SystemTime, job: Option<&str>) -> Option<Statement> {
    const LAST: &str = concat!(
        "SELECT reference, job, state, sent_at FROM telco_topup WHERE ",
        same_sale!(),
        " AND job <> $7 ORDER BY sent_at DESC LIMIT 1"
    );
    let mut values = sale(product, millis(since))?;
    // No job has no name.
    values.push(job.unwrap_or_default().into());
    Some(Statement(LAST, values))
}

/// What another job than this has sent of the product.
pub(crate) async fn by_others(
    tx: &mut Tx<'_>,
    product: &Product,
    since: SystemTime,
    job: Option<&str>,
) -> Result<Option<Earlier>, Error> {
    let Some(Statement(last, values)) = last_of_others(product, since, job) else {
        return Ok(None);
    };
    let found = tx.run(last, values).await?;
    found.into_iter().next().map(read).transpose()
}

/// Another reference under which the same was sent after that.
pub(crate) async fn duplicate(
    tx: &mut Tx<'_>,
    intent: &TopupIntent,
    since: i64,
) -> Result<Option<String>, Error> {
    let Some(mut values) = sale(&intent.product, since) else {
        return Ok(None);
    };
    values.push(intent.reference.as_str().into());
    let any = concat!(
        "SELECT reference FROM telco_topup WHERE ",
        same_sale!(),
        " AND reference <> $7 LIMIT 1"
    );
    let mut found = tx.run(any, values).await?;
    found.first_mut().map(Row::text).transpose()
}

#[async_trait]
impl Work for SentByOthers {
    type Out = Vec<Option<Earlier>>;

    #[cfg(feature = "postgres")]
    fn is_long(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Self::Out, Error> {
        let job = self.job.as_deref();
        let asking = self.products.iter();
        let questions: Vec<_> = asking
            .map(|product| last_of_others(product, self.since, job))
            .collect();
        let asked: Vec<bool> = questions.iter().map(Option::is_some).collect();
        let answers = tx.sql.run_all(questions.into_iter().flatten().collect());
        let mut answers = answers.await?.into_iter();
        let mut earlier = Vec::with_capacity(asked.len());
        for asked in asked {
            let rows = if asked { answers.next() } else { None };
            let row = rows.and_then(|rows| rows.into_iter().next());
            earlier.push(row.map(read).transpose()?);
        }
        Ok(earlier)
    }
}

fn read(mut row: Row) -> Result<Earlier, Error> {
    Ok(Earlier {
        reference: Reference::new(row.text()?).map_err(|_| unexpected())?,
        job: row.text()?,
        state: State::from_name(&row.text()?).ok_or_else(unexpected)?,
        sent_at: time(row.int()?),
    })
}
