//! A step, if the row is where it may come from and nobody has taken it over.

use async_trait::async_trait;
use telco_core::{Amount, Error, ErrorKind, Pin, Reference, TopupReceipt};

use super::read::find;
use super::{Dialect, Row, Statement, Tx, Value, Work, later};
use crate::{Mark, Operation, Recorded, State, Step, Why};

pub(crate) struct Record {
    reference: Reference,
    fence: Option<i64>,
    step: Step,
}

impl Record {
    pub(crate) fn held(mark: Mark, step: Step) -> Self {
        Self {
            reference: mark.reference,
            fence: Some(mark.fence),
            step,
        }
    }

    pub(crate) fn by_a_person(reference: Reference, step: Step) -> Self {
        Self {
            reference,
            fence: None,
            step,
        }
    }
}

#[async_trait]
impl Work for Record {
    type Out = Recorded;

    /// What did not happen is taken off the sums.
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool {
        self.step.delivered() == Some(false)
    }

    fn opening(&self, now: i64, _: Dialect) -> Option<Statement> {
        Some(Statement(UPDATE, self.values(now)))
    }

    async fn perform(&self, tx: &mut Tx<'_>, mut changed: Vec<Row>) -> Result<Recorded, Error> {
        if let Some(changed) = changed.first_mut() {
            let (id, currency) = (changed.int()?, changed.text()?);
            self.tell_other_currencies(tx, id, &currency).await?;
            self.keep_pins(tx, id).await?;
            return Ok(Recorded::Done);
        }
        let Some(row) = find(tx, &self.reference).await? else {
            return Ok(Recorded::Superseded);
        };
        if self.is_there_already(&row) {
            return Ok(Recorded::Done);
        }
        self.keep_late(tx, row.id).await?;
        self.settle_late(tx, row.id).await?;
        Ok(Recorded::Superseded)
    }
}

const LATE: &str = "the provider took it: its answer came after its sender was taken for gone";
const EARLIER: &str =
    "the provider took an earlier transmission: its answer came after it was sent again";

/// `$23` lists the states it may come from. `$2` is the fencing token, if there is one to be shown.
const UPDATE: &str = "UPDATE telco_topup SET \
    state = CASE WHEN CAST($25 AS BIGINT) = 1 THEN state ELSE $3 END, delivered = $4, counts = $5, changed_at = $6, \
    why = $7, why_kind = $8, why_code = $9, why_status = $10, why_help = $11, who = $12, \
    provider_id = COALESCE($13, provider_id), \
    cost = CASE WHEN CAST($26 AS TEXT) = currency || decimals THEN $14 ELSE cost END, \
    balance = CASE WHEN CAST($27 AS TEXT) = currency || decimals THEN $15 ELSE balance END, \
    warnings = COALESCE($16, warnings), answer = COALESCE($17, answer), \
    frozen = CASE WHEN CAST($18 AS BIGINT) = 1 THEN frozen ELSE NULL END, \
    lookups = CASE WHEN CAST($19 AS BIGINT) = 1 THEN lookups + 1 ELSE 0 END, \
    due_at = $20, lease_until = $21, attempt = attempt + CAST($22 AS BIGINT), \
    fence = fence + CAST($24 AS BIGINT) \
    WHERE reference = $1 AND (CAST($2 AS BIGINT) IS NULL OR fence = CAST($2 AS BIGINT)) \
    AND $23 LIKE '%,' || state || ',%' RETURNING id, currency || decimals";

/// As a row has it: the code and the decimals. Amounts are read in the row's currency, and one in another is not kept.
fn currency(amount: Amount) -> String {
    let currency = amount.currency();
    format!("{}{}", currency.code(), currency.decimals())
}

impl Record {
    fn values(&self, now: i64) -> Vec<Value> {
        let step = &self.step;
        let state = step.state();
        let looked = matches!(step, Step::LookedUp { .. });
        let on_record = matches!(
            step,
            Step::LookedUp {
                on_record: true,
                ..
            }
        );
        let delivered = step.delivered();
        let (text, who) = match self.verdict() {
            Some((who, why)) => (Some(why), Some(who)),
            None => (step.why().map(|why| why.message.as_str()), None),
        };
        let why = step.why();
        let receipt = step.receipt();
        let due = match step {
            Step::Unknown { after, .. } | Step::LookedUp { after, .. } => Some(later(now, *after)),
            _ => None,
        };
        let provider_id = match step {
            Step::Settled { provider_id, .. } => provider_id.as_ref(),
            _ => receipt.and_then(|receipt| receipt.provider_id.as_ref()),
        };
        let minor = |amount: Option<Amount>| amount.map(Amount::minor);
        let warnings = receipt.map(|receipt| receipt.warnings.join("\n"));
        // A replay begins another transmission, under a lease of its own.
        let (replaying, lease) = match step {
            Step::Replaying { lease } => (true, later(now, *lease)),
            _ => (false, 0),
        };
        let from = if looked {
            ",unknown,unresolved,".to_owned()
        } else {
            state.predecessors()
        };
        vec![
            self.reference.as_str().into(),
            self.fence.into(),
            state.as_str().into(),
            delivered.into(),
            (delivered != Some(false)).into(),
            now.into(),
            text.map(storable).into(),
            why.map(|why| why.kind.as_str()).into(),
            why.and_then(|why| why.code.as_deref()).map(storable).into(),
            why.and_then(|why| why.status).map(i64::from).into(),
            why.and_then(|why| why.help.as_deref()).map(storable).into(),
            who.map(storable).into(),
            provider_id.map(|id| storable(id)).into(),
            minor(receipt.and_then(|receipt| receipt.cost)).into(),
            minor(receipt.and_then(|receipt| receipt.balance)).into(),
            warnings
                .filter(|lines| !lines.is_empty())
                .map(|lines| storable(&lines))
                .into(),
            self.answer().into(),
            // Only an open row may still need its frozen request, and a replay takes it; none is made of what is on record.
            (state == State::Unknown && !on_record).into(),
            (looked || matches!(step, Step::Unresolved(_))).into(),
            due.into(),
            lease.into(),
            i64::from(replaying).into(),
            from.into(),
            i64::from(self.fence.is_none()).into(),
            looked.into(),
            receipt
                .and_then(|receipt| receipt.cost)
                .map(currency)
                .into(),
            receipt
                .and_then(|receipt| receipt.balance)
                .map(currency)
                .into(),
        ]
    }

    /// The whole answer: where nobody could read it, and where it may hold PINs.
    fn answer(&self) -> Option<&[u8]> {
        let answer = match &self.step {
            Step::Unknown { answer, .. } => answer.as_ref(),
            Step::Accepted(receipt) | Step::Replayed(receipt) if !receipt.pins.is_empty() => {
                receipt.answer.as_ref()
            }
            _ => None,
        };
        answer.map(telco_core::SecretBytes::expose)
    }

    fn pins(&self) -> Option<&TopupReceipt> {
        self.step
            .receipt()
            .filter(|receipt| !receipt.pins.is_empty())
    }

    /// What was not kept since it is in another currency than the row stands in the warnings.
    async fn tell_other_currencies(
        &self,
        tx: &mut Tx<'_>,
        id: i64,
        of_row: &str,
    ) -> Result<(), Error> {
        let Some(receipt) = self.step.receipt() else {
            return Ok(());
        };
        let faces = receipt
            .pins
            .iter()
            .map(|pin| ("face value", pin.face_value));
        let told = [("cost", receipt.cost), ("balance", receipt.balance)];
        let mut lines = String::new();
        for (what, amount) in told.into_iter().chain(faces) {
            if let Some(amount) = amount.filter(|amount| currency(*amount) != of_row) {
                let line = format!("\n{what} in another currency: {amount}");
                // Of many PINs alike it is said once.
                if !lines.ends_with(&line) {
                    lines.push_str(&line);
                }
            }
        }
        if !lines.is_empty() {
            tx.run(
                "UPDATE telco_topup SET warnings = COALESCE(warnings, '') || CAST($2 AS TEXT) WHERE id = $1",
                vec![id.into(), lines.into()],
            )
            .await?;
        }
        Ok(())
    }

    /// After those that are there. The same one again, of the same right to send, is there already.
    async fn keep_pins(&self, tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
        let (Some(receipt), Some(fence)) = (self.pins(), self.fence) else {
            return Ok(());
        };
        for pin in &receipt.pins {
            tx.run(
                "INSERT INTO telco_pin (topup, n, fence, serial, code, face_value) \
                 SELECT t.id, (SELECT COUNT(*) FROM telco_pin WHERE topup = t.id), \
                 CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), \
                 CASE WHEN CAST($6 AS TEXT) = t.currency || t.decimals THEN CAST($5 AS BIGINT) END \
                 FROM telco_topup t WHERE t.id = $1 AND NOT EXISTS (SELECT 1 FROM telco_pin p WHERE p.topup = t.id \
                 AND p.code = CAST($4 AS TEXT) AND COALESCE(p.serial, '') = COALESCE(CAST($3 AS TEXT), '') \
                 AND (p.fence >= t.claimed) = (CAST($2 AS BIGINT) >= t.claimed))",
                vec![
                    id.into(),
                    fence.into(),
                    pin.serial.as_deref().map(storable).into(),
                    storable(pin.code.expose()).into(),
                    pin.face_value.map(Amount::minor).into(),
                    pin.face_value.map(currency).into(),
                ],
            )
            .await?;
        }
        Ok(())
    }

    /// What was paid for is kept, whoever holds the row now. Also an answer that nobody could read, where there is none, or beside
    /// if it is about an earlier right to send: either may be the only copy.
    async fn keep_late(&self, tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
        let (answer, Some(fence)) = (self.answer(), self.fence) else {
            return Ok(());
        };
        if answer.is_none() && self.pins().is_none() {
            return Ok(());
        }
        let values = vec![id.into(), fence.into(), answer.into()];
        // Locks the row, too: its holder may be bringing the same.
        tx.run(
            "UPDATE telco_topup SET answer = CASE WHEN claimed <= CAST($2 AS BIGINT) THEN COALESCE(answer, $3) ELSE answer END \
             WHERE id = $1",
            values.clone(),
        )
        .await?;
        if answer.is_some() {
            tx.run(
                "INSERT INTO telco_answer (topup, fence, answer) SELECT id, CAST($2 AS BIGINT), COALESCE($3, answer) \
                 FROM telco_topup WHERE id = $1 AND claimed > CAST($2 AS BIGINT) ON CONFLICT (topup, fence) DO NOTHING",
                values,
            )
            .await?;
        }
        self.keep_pins(tx, id).await
    }

    /// What an answer that comes late says for sure about the transmission that it answers.
    fn proof(&self) -> Option<Step> {
        let (delivered, why, provider_id) = match &self.step {
            Step::Accepted(receipt) | Step::Replayed(receipt) => {
                let why = Why::new(ErrorKind::Other, LATE);
                (true, why, receipt.provider_id.clone())
            }
            Step::Rejected(why) | Step::NotSent(why) => (false, why.clone(), None),
            _ => return None,
        };
        Some(Step::Settled {
            delivered,
            why,
            provider_id,
        })
    }

    /// Whoever sent it was taken for gone, and brings the answer after all. It settles a row of which nobody knows better, whoever
    /// looks it up meanwhile. That it happened is true whatever else was sent; that it did not says nothing about a second copy.
    ///
    /// What was decided otherwise, or is on the way once more, stays as it is; but that it happened is in its history from then on,
    /// and no row with that in its history is sent again.
    async fn settle_late(&self, tx: &mut Tx<'_>, id: i64) -> Result<(), Error> {
        let (Some(proof), Some(fence)) = (self.proof(), self.fence) else {
            return Ok(());
        };
        let delivered = proof.delivered() == Some(true);
        // Locks the row, too: its holder may be about to replay it.
        let speaks = tx
            .run(
                "UPDATE telco_topup SET claimed = claimed \
                 WHERE id = $1 AND claimed <= CAST($2 AS BIGINT) AND fence >= CAST($2 AS BIGINT) \
                 AND (CAST($3 AS BIGINT) = 1 OR attempt = (SELECT MAX(e.attempt) FROM telco_event e \
                 WHERE e.topup = telco_topup.id AND e.state = 'sending')) RETURNING id",
                vec![id.into(), fence.into(), delivered.into()],
            )
            .await?;
        if !speaks.is_empty() {
            // As a person would, so that the token of whoever holds it is void.
            let settled = Self::by_a_person(self.reference.clone(), proof);
            if !tx.run(UPDATE, settled.values(tx.now)).await?.is_empty() {
                return Ok(());
            }
        }
        if delivered {
            tx.run(
                "INSERT INTO telco_event (topup, at, state, attempt, owner, why) \
                 SELECT t.id, CAST($3 AS BIGINT), CAST($4 AS TEXT), t.attempt, t.owner, \
                 CASE WHEN t.claimed > CAST($2 AS BIGINT) THEN CAST($6 AS TEXT) ELSE CAST($5 AS TEXT) END FROM telco_topup t \
                 WHERE t.id = $1 AND t.fence >= CAST($2 AS BIGINT) AND (t.claimed > CAST($2 AS BIGINT) \
                 OR (COALESCE(t.delivered, 0) <> 1 AND t.state <> 'reversed')) \
                 AND NOT EXISTS (SELECT 1 FROM telco_event e WHERE e.topup = t.id AND e.state = CAST($4 AS TEXT) \
                 AND e.why IN (CAST($5 AS TEXT), CAST($6 AS TEXT)))",
                vec![
                    id.into(),
                    fence.into(),
                    tx.now.into(),
                    self.step.state().as_str().into(),
                    LATE.into(),
                    EARLIER.into(),
                ],
            )
            .await?;
        }
        Ok(())
    }

    /// Who decided, and how they know, where it was a person.
    fn verdict(&self) -> Option<(&str, &str)> {
        match &self.step {
            Step::Resolved { who, why, .. } | Step::Reversed { who, why } => Some((who, why)),
            _ => None,
        }
    }

    /// The same step was recorded before, and the answer got lost. A worker's is known by its token, a person's by their words.
    fn is_there_already(&self, row: &Operation) -> bool {
        let kept = |pin: &Pin| {
            let code = storable(pin.code.expose());
            let mut kept = row.receipt.pins.iter();
            kept.any(|kept| *kept.code.expose() == *code)
        };
        let mine = match (self.fence, self.verdict()) {
            (Some(fence), _) => fence == row.fence,
            (None, Some((who, why))) => {
                let said = row.why.as_ref().map(|why| why.message.as_str());
                row.who.as_deref() == Some(&*storable(who)) && said == Some(&*storable(why))
            }
            (None, None) => false,
        };
        mine && row.state == self.step.state()
            && row.delivered == self.step.delivered()
            && self
                .pins()
                .is_none_or(|receipt| receipt.pins.iter().all(kept))
    }
}

/// PostgreSQL stores no NUL, and an outcome that is not stored is an outcome that is lost. On SQLite the same, so that a row
/// reads alike on both.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}
