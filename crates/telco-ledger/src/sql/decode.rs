//! Rows of `telco_topup` to operations and back.

use std::num::NonZeroU32;

use telco_core::{
    Amount, Currency, Error, ErrorKind, Identity, Msisdn, Operator, Pin, Product, ProductKind,
    Reference, Secret, SecretBytes, TopupIntent, TopupReceipt,
};

use super::schema::a_minute;
use super::value::unexpected;
use super::{Row, Tx, Value, time};
use crate::{Operation, State, Why};

/// What an intent is in columns: kind, recipient, operator, plan_code, amount, pieces, price, currency, decimals.
pub(crate) fn columns_of(intent: &TopupIntent) -> Result<Vec<Value>, Error> {
    let product = &intent.product;
    let (plan, amount, pieces) = match product {
        Product::Airtime { amount, .. } => (None, *amount, 1),
        Product::Data { plan, amount, .. } => (plan.clone(), *amount, 1),
        Product::Pins {
            face_value, count, ..
        } => (None, *face_value, count.get()),
        _ => return Err(super::failed("this ledger cannot hold such a product")),
    };
    let price = product
        .price()
        .ok_or_else(|| super::failed("the price is out of range"))?;
    let currency = amount.currency();
    Ok(vec![
        product.kind().as_str().into(),
        product.recipient().map(Msisdn::expose).into(),
        product.operator().map(Operator::as_str).into(),
        plan.into(),
        amount.minor().into(),
        pieces.into(),
        price.minor().into(),
        currency.code().into(),
        i64::from(currency.decimals()).into(),
    ])
}

pub(crate) fn currency(code: &str, decimals: i64) -> Option<Currency> {
    let code: [u8; 3] = code.as_bytes().try_into().ok()?;
    Currency::new(code, u8::try_from(decimals).ok()?)
}

/// A count that nobody wrote is a great many: then a person sees to it.
fn small(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Reads a row of `columns!()`. PINs are read apart, by [`with_pins`].
pub(crate) fn operation(row: &mut Row, now: i64) -> Result<Operation, Error> {
    let id = row.int()?;
    let reference = Reference::new(row.text()?).map_err(|_| unexpected())?;
    let identity = Identity::new(row.text()?, row.text()?);
    let (job, line) = (row.maybe_text()?, row.maybe_int()?);
    let kind = row.text()?;
    let recipient = row.maybe_text()?.map(|digits| Msisdn::parse(&digits));
    let recipient = recipient.transpose().map_err(|_| unexpected())?;
    let operator = row.maybe_text()?.map(Operator::new);
    let plan = row.maybe_text()?;
    let (amount, pieces) = (row.int()?, row.int()?);
    let currency = currency(&row.text()?, row.int()?).ok_or_else(unexpected)?;
    let amount = Amount::from_minor(amount, currency);
    let product = match (kind.as_str(), recipient) {
        (kind, Some(to)) if kind == ProductKind::Airtime.as_str() => {
            Product::airtime(to, operator, amount)
        }
        (kind, Some(to)) if kind == ProductKind::Data.as_str() => {
            Product::data(to, operator, plan, amount)
        }
        (kind, None) if kind == ProductKind::Pins.as_str() => {
            let count = u32::try_from(pieces).ok().and_then(NonZeroU32::new);
            Product::pins(amount, count.ok_or_else(unexpected)?)
        }
        _ => return Err(unexpected()),
    };
    let state = State::from_name(&row.text()?).ok_or_else(unexpected)?;
    let delivered = row.maybe_int()?.map(|yes| yes == 1);
    let attempt = small(row.int()?);
    let owner = row.maybe_text()?;
    let (lease_until, fence) = (row.int()?, row.int()?);
    let (planned_at, sent_at, changed_at) = (row.int()?, row.maybe_int()?, row.int()?);
    // As `free!` has it.
    let leased = lease_until > now && changed_at <= now.saturating_add(a_minute!());
    let prepared_at = row.maybe_int()?;
    let frozen = row.maybe_bytes()?.map(SecretBytes::new);
    let lookups = small(row.int()?);
    let why = why(row)?;
    let who = row.maybe_text()?;
    let mut receipt = TopupReceipt::new(reference.clone());
    receipt.provider_id = row.maybe_text()?;
    let money = |minor: Option<i64>| minor.map(|minor| Amount::from_minor(minor, currency));
    receipt.cost = money(row.maybe_int()?);
    receipt.balance = money(row.maybe_int()?);
    let warnings = row.maybe_text()?.unwrap_or_default();
    let warnings = warnings.lines().filter(|line| !line.is_empty());
    receipt.warnings = warnings.map(str::to_owned).collect();
    receipt.answer = row.maybe_bytes()?.map(SecretBytes::new);
    receipt.replayed = state == State::Replayed;
    Ok(Operation {
        id,
        identity,
        intent: TopupIntent::new(reference, product),
        job,
        line: line.and_then(|line| u64::try_from(line).ok()),
        state,
        delivered,
        attempt,
        planned_at: time(planned_at),
        sent_at: sent_at.map(time),
        changed_at: time(changed_at),
        why,
        who,
        lookups,
        receipt,
        earlier_pins: Vec::new(),
        owner,
        fence,
        leased,
        frozen: frozen.zip(prepared_at.map(time)),
    })
}

fn why(row: &mut Row) -> Result<Option<Why>, Error> {
    let (message, kind, code) = (row.maybe_text()?, row.maybe_text()?, row.maybe_text()?);
    let (status, help) = (row.maybe_int()?, row.maybe_text()?);
    let kind = kind.and_then(|name| ErrorKind::from_name(&name));
    Ok(message.map(|message| Why {
        kind: kind.unwrap_or(ErrorKind::Other),
        message,
        code,
        status: status.and_then(|status| u16::try_from(status).ok()),
        help,
    }))
}

/// Adds the PINs that were paid for: those of the last right to send to its receipt, those of earlier ones beside.
pub(crate) async fn with_pins(tx: &mut Tx<'_>, operation: &mut Operation) -> Result<(), Error> {
    if operation.intent.product.kind() != ProductKind::Pins {
        return Ok(());
    }
    let rows = tx
        .run(
            "SELECT p.serial, p.code, p.face_value, CASE WHEN p.fence >= t.claimed THEN CAST(1 AS BIGINT) ELSE 0 END \
             FROM telco_pin p JOIN telco_topup t ON t.id = p.topup WHERE p.topup = $1 ORDER BY p.n",
            vec![operation.id.into()],
        )
        .await?;
    let currency = operation.price().map(Amount::currency);
    for mut row in rows {
        let serial = row.maybe_text()?;
        let mut pin = Pin::new(Secret::new(row.text()?));
        pin.serial = serial;
        pin.face_value = row
            .maybe_int()?
            .zip(currency)
            .map(|(minor, currency)| Amount::from_minor(minor, currency));
        if row.int()? == 1 {
            operation.receipt.pins.push(pin);
        } else {
            operation.earlier_pins.push(pin);
        }
    }
    Ok(())
}
