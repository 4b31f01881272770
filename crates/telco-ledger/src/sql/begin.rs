//! The right to send, written down before anything leaves.

use async_trait::async_trait;
use telco_core::Error;

use super::decode::columns_of;
use super::read::find;
use super::{Tx, Value, Work, guards, millis};
use crate::{Begun, Claim, Mark, Operation, State};

#[async_trait]
impl Work for Claim {
    type Out = Begun;

    /// Guards look at what others have claimed.
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool {
        true
    }

    async fn perform(&self, tx: &mut Tx<'_>) -> Result<Begun, Error> {
        let Some(row) = find(tx, &self.intent.reference).await? else {
            return if self.mark.is_some() {
                Ok(Begun::Gone)
            } else {
                self.first(tx).await
            };
        };
        if !row.is(&self.identity, &self.intent) {
            return Ok(Begun::Other(Box::new(row)));
        }
        match row.state {
            // Granted before, and the answer got lost: the owner is this very claim.
            State::Sending if row.owner.as_deref() == Some(&self.owner) => {
                return Ok(Begun::Go(self.marked(row.fence)));
            }
            State::Planned => {
                let mine = match &self.mark {
                    Some(mark) => mark.fence == row.fence,
                    None => !row.leased,
                };
                if !mine {
                    return Ok(Begun::Gone);
                }
            }
            State::NotSent if self.mark.is_none() => {}
            _ if self.mark.is_some() => return Ok(Begun::Gone),
            _ if self.reissue && row.is_proven_not_done() => {}
            _ if self.reissue => return Ok(Begun::Refused(guards::reissue(row.state))),
            _ => return Ok(Begun::Story(Box::new(row))),
        }
        self.again(tx, row).await
    }
}

impl Claim {
    fn marked(&self, fence: i64) -> Mark {
        Mark {
            reference: self.intent.reference.clone(),
            fence,
        }
    }

    fn frozen(&self) -> [Value; 2] {
        match &self.frozen {
            Some((bytes, at)) => [millis(*at).into(), bytes.expose().into()],
            None => [Value::Null, Value::Null],
        }
    }

    /// A reference that is new here.
    async fn first(&self, tx: &mut Tx<'_>) -> Result<Begun, Error> {
        if let Some(refusal) = guards::refuse(tx, self, None).await? {
            return Ok(Begun::Refused(refusal));
        }
        let mut values = vec![
            self.intent.reference.as_str().into(),
            self.identity.provider().into(),
            self.identity.account().into(),
        ];
        values.extend(columns_of(&self.intent)?);
        values.extend([
            self.owner.as_str().into(),
            tx.in_(self.lease).into(),
            tx.now.into(),
        ]);
        values.extend(self.frozen());
        tx.run(
            "INSERT INTO telco_topup (reference, provider, account, \
             kind, recipient, operator, plan_code, amount, pieces, price, currency, decimals, \
             state, counts, attempt, owner, lease_until, fence, planned_at, sent_at, changed_at, prepared_at, frozen) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'sending', 1, 1, $13, $14, 1, $15, $15, $15, $16, $17)",
            values,
        )
        .await?;
        Ok(Begun::Go(self.marked(1)))
    }

    /// A row that is there and may be sent.
    async fn again(&self, tx: &mut Tx<'_>, row: Operation) -> Result<Begun, Error> {
        if let Some(refusal) = guards::refuse(tx, self, Some(&row)).await? {
            if row.state == State::Planned {
                self.turn_away(tx, &row, &refusal).await?;
            }
            return Ok(Begun::Refused(refusal));
        }
        let mut values = vec![
            row.id.into(),
            row.fence.into(),
            row.state.as_str().into(),
            self.owner.as_str().into(),
            tx.in_(self.lease).into(),
            tx.now.into(),
        ];
        values.extend(self.frozen());
        let mut changed = tx
            .run(
                "UPDATE telco_topup SET state = 'sending', delivered = NULL, counts = 1, attempt = attempt + 1, \
                 owner = $4, lease_until = $5, fence = fence + 1, sent_at = $6, changed_at = $6, \
                 prepared_at = $7, frozen = $8, lookups = 0, due_at = NULL, \
                 why = NULL, why_kind = NULL, why_code = NULL, why_status = NULL, why_help = NULL, who = NULL \
                 WHERE id = $1 AND fence = $2 AND state = $3 RETURNING fence",
                values,
            )
            .await?;
        match changed.first_mut() {
            Some(changed) => Ok(Begun::Go(self.marked(changed.int()?))),
            None => Ok(Begun::Gone),
        }
    }

    /// A planned row that a guard refuses is done if the rule is about it, else planned and free as before.
    async fn turn_away(
        &self,
        tx: &mut Tx<'_>,
        row: &Operation,
        refusal: &crate::Refusal,
    ) -> Result<(), Error> {
        let (id, fence) = (row.id.into(), row.fence.into());
        if refusal.guard.is_about_one_row() {
            let (why, kind) = (refusal.message().into(), refusal.kind().as_str().into());
            tx.run(
                "UPDATE telco_topup SET state = 'not_sent', delivered = 0, lease_until = 0, changed_at = $3, \
                 why = $4, why_kind = $5 WHERE id = $1 AND fence = $2",
                vec![id, fence, tx.now.into(), why, kind],
            )
            .await?;
        } else {
            tx.run(
                "UPDATE telco_topup SET lease_until = 0 WHERE id = $1 AND fence = $2",
                vec![id, fence],
            )
            .await?;
        }
        Ok(())
    }
}
