//! What other jobs have sent already.

use std::time::SystemTime;

use async_trait::async_trait;
use telco_core::{Amount, Error, Product, Reference};

use super::value::unexpected;
use super::{Row, Statement, Tx, Work, millis, time};
use crate::{Earlier, State};

pub(crate) struct SentByOthers {
    /// Not of this one.
    pub(crate) job: Option<String>,
    pub(crate) since: SystemTime,
    pub(crate) products: Vec<Product>,
}

/// The last one. The index on recipient and time serves it; what counts is what the duplicate guard counts: delivered, or it
/// may have been.
const LAST: &str = "SELECT reference, job, state, sent_at FROM telco_topup \
    WHERE recipient = $1 AND sent_at > $2 AND counts = 1 AND kind = $3 AND COALESCE(plan_code, '') = $4 \
    AND price = $5 AND currency = $6 AND job <> $7 ORDER BY sent_at DESC LIMIT 1";

#[async_trait]
impl Work for SentByOthers {
    type Out = Vec<Option<Earlier>>;

    async fn perform(&self, tx: &mut Tx<'_>, _: Vec<Row>) -> Result<Self::Out, Error> {
        let questions: Vec<_> = self.products.iter().map(|p| self.question(p)).collect();
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

impl SentByOthers {
    /// `None`: it has no number, so that there is nothing to compare.
    fn question(&self, product: &Product) -> Option<Statement> {
        let (to, price) = (product.recipient()?, product.price()?);
        let plan = match product {
            Product::Data { plan, .. } => plan.as_deref().unwrap_or_default(),
            _ => "",
        };
        Some(Statement(
            LAST,
            vec![
                to.expose().into(),
                millis(self.since).into(),
                product.kind().as_str().into(),
                plan.into(),
                Amount::minor(price).into(),
                price.currency().code().into(),
                // No job has no name.
                self.job.as_deref().unwrap_or_default().into(),
            ],
        ))
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
