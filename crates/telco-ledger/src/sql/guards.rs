//! The guards, evaluated where the claim is written. All claims of all workers pass here one after the other.

use std::time::Duration;

use telco_core::{Amount, Error};

use super::schema::a_minute;
use super::{Tx, sent, span};
use crate::{Claim, Guard, Operation, Refusal, State};

const DAY: i64 = 86_400_000;

/// The first guard that refuses, those that touch nothing first.
pub(crate) async fn refuse(
    tx: &mut Tx<'_>,
    claim: &Claim,
    row: Option<&Operation>,
) -> Result<Option<Refusal>, Error> {
    let Some(price) = claim.intent.product.price() else {
        return Ok(Some(Refusal::new(
            Guard::PerCall,
            "the price is out of range",
        )));
    };
    if let Some(why) = stopped(tx).await? {
        return Ok(Some(Refusal::new(Guard::Stop, why)));
    }
    if let Some(refusal) = per_call(claim, price) {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = sent_by_other_job(tx, claim, row).await? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = duplicate(tx, claim).await? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = per_number(tx, claim, price).await? {
        return Ok(Some(refusal));
    }
    if let Some(refusal) = sums(tx, claim, row, price).await? {
        return Ok(Some(refusal));
    }
    rate(tx, claim).await
}

pub(crate) fn reissue(state: State) -> Refusal {
    let why = match state {
        State::Accepted | State::Replayed => "it was delivered",
        State::Reversed => "it was delivered and taken back: that is a new operation",
        state if state.is_open() => "nobody knows yet whether it happened: settle it first",
        _ => "it is not proven that it did not happen",
    };
    Refusal::new(Guard::Reissue, why)
}

/// The name of the note that is the stop switch.
pub(crate) const STOP: &str = "stop";

async fn stopped(tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
    if let Some(known) = &tx.stopped {
        return Ok(known.clone());
    }
    let reason = super::read::noted(tx, STOP).await?;
    tx.stopped = Some(reason.clone());
    Ok(reason)
}

/// Over the limit, or in a currency that the limit does not speak of.
fn over(sum: i64, price: Amount, cap: Amount) -> bool {
    cap.currency() != price.currency() || sum.saturating_add(price.minor()) > cap.minor()
}

fn per_call(claim: &Claim, price: Amount) -> Option<Refusal> {
    let cap = claim.guards.per_call?;
    over(0, price, cap).then(|| Refusal::new(Guard::PerCall, format!("{price} is more than {cap}")))
}

async fn sent_by_other_job(
    tx: &mut Tx<'_>,
    claim: &Claim,
    row: Option<&Operation>,
) -> Result<Option<Refusal>, Error> {
    let Some(since) = claim.others_since else {
        return Ok(None);
    };
    let job = row.and_then(|row| row.job.as_deref());
    let earlier = sent::by_others(tx, &claim.intent.product, since, job).await?;
    Ok(earlier.map(|earlier| {
        let (reference, job) = (earlier.reference, earlier.job);
        let why = format!("{reference} of job {job} is the same number, product and amount");
        Refusal::new(Guard::SentByOtherJob, why)
    }))
}

async fn duplicate(tx: &mut Tx<'_>, claim: &Claim) -> Result<Option<Refusal>, Error> {
    let (Some(window), false) = (claim.guards.duplicate_within, claim.allow_duplicate) else {
        return Ok(None);
    };
    let since = tx.now.saturating_sub(span(window));
    let found = sent::duplicate(tx, &claim.intent, since).await?;
    Ok(found.map(|reference| {
        let why =
            format!("{reference} is the same number, product and amount, less than {window:?} ago");
        Refusal::new(Guard::Duplicate, why)
    }))
}

async fn per_number(
    tx: &mut Tx<'_>,
    claim: &Claim,
    price: Amount,
) -> Result<Option<Refusal>, Error> {
    let (Some(cap), Some(to)) = (claim.guards.per_number, claim.intent.product.recipient()) else {
        return Ok(None);
    };
    let today = tx.now.saturating_sub(tx.now.rem_euclid(DAY));
    let mut sum = tx
        .run(
            "SELECT CAST(COALESCE(SUM(price), 0) AS BIGINT) FROM telco_topup \
             WHERE recipient = $1 AND sent_at >= $2 AND counts = 1 AND currency = $3",
            vec![
                to.expose().into(),
                today.into(),
                price.currency().code().into(),
            ],
        )
        .await?;
    let sum = match sum.first_mut() {
        Some(row) => row.int()?,
        None => 0,
    };
    Ok(over(sum, price, cap).then(|| {
        let why = format!("this number would get more than {cap} today");
        Refusal::new(Guard::PerNumber, why)
    }))
}

async fn meter(tx: &mut Tx<'_>, name: String) -> Result<i64, Error> {
    let mut rows = tx
        .run(
            "SELECT value FROM telco_meter WHERE name = $1",
            vec![name.into()],
        )
        .await?;
    match rows.first_mut() {
        Some(row) => row.int(),
        None => Ok(0),
    }
}

/// The caps of a day and of a job, and what the account must still hold.
async fn sums(
    tx: &mut Tx<'_>,
    claim: &Claim,
    row: Option<&Operation>,
    price: Amount,
) -> Result<Option<Refusal>, Error> {
    let currency = price.currency();
    let code = currency.code();
    if let Some(cap) = claim.guards.per_day {
        let sum = meter(tx, format!("day/{code}/{}", tx.now / DAY)).await?;
        if over(sum, price, cap) {
            let why = format!("more than {cap} would be spent today");
            return Ok(Some(Refusal::new(Guard::PerDay, why)));
        }
    }
    let job = row.and_then(|row| row.job.as_deref());
    if let (Some(cap), Some(job)) = (claim.guards.per_job, job) {
        let sum = meter(tx, format!("job/{job}/{code}")).await?;
        if over(sum, price, cap) {
            let why = format!("the job would spend more than {cap}");
            return Ok(Some(Refusal::new(Guard::PerJob, why)));
        }
    }
    if let (Some(least), Some(known)) = (claim.guards.min_balance, claim.balance) {
        let (provider, account) = (claim.identity.provider(), claim.identity.account());
        let claimed = meter(tx, format!("account/{provider}/{account}/{code}")).await?;
        let since = claimed.saturating_sub(known.claimed);
        let left = known
            .balance
            .minor()
            .saturating_sub(since)
            .saturating_sub(price.minor());
        let comparable = least.currency() == currency && known.balance.currency() == currency;
        if !comparable || left < least.minor() {
            let why = format!("the account would hold less than {least}");
            return Ok(Some(Refusal::new(Guard::MinBalance, why)));
        }
    }
    Ok(None)
}

/// So many in any such time: each claim takes the place of the one that came so many before it, when that is so long ago. Last,
/// since it takes a place.
async fn rate(tx: &mut Tx<'_>, claim: &Claim) -> Result<Option<Refusal>, Error> {
    let Some((count, per)) = claim.guards.rate else {
        return Ok(None);
    };
    let per = span(per).max(1);
    let account = format!("{}/{}", claim.identity.provider(), claim.identity.account());
    let counter = format!("rate/{account}");
    let passed = meter(tx, counter.clone()).await?;
    let Some(place) = passed.checked_rem(count.into()) else {
        return Ok(Some(too_many(per)));
    };
    let place = format!("place/{place}/{account}");
    let last = meter(tx, place.clone()).await?;
    let wait = last.saturating_add(per).saturating_sub(tx.now);
    // Of before the clock went back: it says nothing.
    if wait > 0 && last <= tx.now.saturating_add(a_minute!()) {
        return Ok(Some(too_many(wait)));
    }
    tx.run(
        "INSERT INTO telco_meter (name, value) VALUES ($1, $2), ($3, $4) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        vec![
            counter.into(),
            passed.saturating_add(1).into(),
            place.into(),
            tx.now.into(),
        ],
    )
    .await?;
    Ok(None)
}

fn too_many(wait: i64) -> Refusal {
    let mut refusal = Refusal::new(Guard::Rate, "too many at this moment");
    refusal.retry_after = Some(Duration::from_millis(wait.unsigned_abs()));
    refusal
}
