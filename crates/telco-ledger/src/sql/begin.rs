//! The right to send, written down before anything leaves.

use async_trait::async_trait;
use telco_core::{Error, ErrorKind};

use super::decode::columns_of;
use super::read::find;
use super::sent::same_sale;
use super::{Dialect, Record, Row, Statement, Tx, Value, Work, guards, later, millis, span};
use crate::{Begun, Claim, Guard, Mark, Operation, Refusal, State, Step, Why};

/// Later than anything: nothing was sent after it.
const NEVER: i64 = i64::MAX;

/// `$18`: duplicates were sent after that. `$19`: what other jobs sent after that is not sent again.
macro_rules! insert {
    (sent after $since:literal) => {
        same_sale!(
            "CAST($5 AS TEXT)",
            $since,
            "CAST($4 AS TEXT)",
            "CAST($7 AS TEXT)",
            "CAST($10 AS BIGINT)",
            "CAST($11 AS TEXT)"
        )
    };
    ($bytes:literal) => {
        concat!(
            "INSERT INTO telco_topup (reference, provider, account, \
             kind, recipient, operator, plan_code, amount, pieces, price, currency, decimals, \
             state, counts, attempt, owner, lease_until, fence, claimed, planned_at, sent_at, changed_at, prepared_at, frozen) \
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), \
             CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS BIGINT), \
             CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS TEXT), CAST($12 AS BIGINT), \
             'sending', 1, 1, CAST($13 AS TEXT), CAST($14 AS BIGINT), 1, 1, \
             CAST($15 AS BIGINT), CAST($15 AS BIGINT), CAST($15 AS BIGINT), CAST($16 AS BIGINT), CAST($17 AS ",
            $bytes,
            ") WHERE NOT EXISTS (SELECT 1 FROM telco_note WHERE name = 'stop') \
             AND NOT EXISTS (SELECT 1 FROM telco_topup WHERE ",
            insert!(sent after "CAST($18 AS BIGINT)"),
            ") AND NOT EXISTS (SELECT 1 FROM telco_topup WHERE ",
            insert!(sent after "CAST($19 AS BIGINT)"),
            " AND job IS NOT NULL) ON CONFLICT (reference) DO NOTHING RETURNING fence"
        )
    };
}

macro_rules! sent_after {
    ($since:literal) => {
        same_sale!(
            "telco_topup.recipient",
            $since,
            "telco_topup.kind",
            "telco_topup.plan_code",
            "telco_topup.price",
            "telco_topup.currency"
        )
    };
}

/// An answer says that it happened, whatever became of the row: see [`Record`].
macro_rules! happened {
    ($id:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM telco_event e WHERE e.topup = ",
            $id,
            " AND e.state IN ('accepted', 'replayed'))"
        )
    };
}

/// `$9`: duplicates were sent after that. `$10`: what other jobs sent after that is not sent again. `$11` `$12`: the account.
const UPDATE: &str = concat!(
    "UPDATE telco_topup SET state = 'sending', delivered = NULL, counts = 1, attempt = attempt + 1, \
     owner = $4, lease_until = $5, fence = fence + 1, claimed = fence + 1, sent_at = $6, changed_at = $6, \
     prepared_at = $7, frozen = $8, lookups = 0, due_at = NULL, \
     why = NULL, why_kind = NULL, why_code = NULL, why_status = NULL, why_help = NULL, who = NULL, \
     provider_id = NULL, cost = NULL, balance = NULL, warnings = NULL, answer = NULL \
     WHERE reference = $1 AND fence = $2 AND state = $3 AND provider = $11 AND account = $12 \
     AND NOT EXISTS (SELECT 1 FROM telco_note WHERE name = 'stop') \
     AND NOT ",
    happened!("telco_topup.id"),
    " AND NOT EXISTS (SELECT 1 FROM telco_topup AS d WHERE ",
    sent_after!("CAST($9 AS BIGINT)"),
    " AND reference <> telco_topup.reference) \
     AND NOT EXISTS (SELECT 1 FROM telco_topup AS d WHERE ",
    sent_after!("CAST($10 AS BIGINT)"),
    " AND job <> COALESCE(telco_topup.job, '')) RETURNING fence"
);

#[async_trait]
impl Work for Claim {
    type Out = Begun;

    /// Guards look at what others have claimed.
    #[cfg(feature = "postgres")]
    fn alone(&self) -> bool {
        true
    }

    /// Where there is nothing to look at but the stop switch and duplicates, one statement looks and writes.
    fn opening(&self, now: i64, dialect: Dialect) -> Option<Statement> {
        if self.guards.look_at_sums() || self.reissue {
            return None;
        }
        match &self.mark {
            None => self.insert(now, dialect, self.since(now)).ok(),
            Some(mark) => Some(self.update(now, mark.fence, State::Planned, self.since(now))),
        }
    }

    async fn perform(&self, tx: &mut Tx<'_>, mut opened: Vec<Row>) -> Result<Begun, Error> {
        if let Some(granted) = opened.first_mut() {
            return Ok(Begun::Go(self.marked(granted.int()?)));
        }
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
            // Another worker took it over.
            _ if self.mark.is_some() => return Ok(Begun::Story(Box::new(row))),
            _ if self.reissue && row.is_proven_not_done() => {}
            _ if self.reissue => return Ok(Begun::Refused(guards::reissue(row.state))),
            _ => return Ok(Begun::Story(Box::new(row))),
        }
        self.again(tx, row).await
    }

    /// A right that nobody would use is not granted.
    fn needs_its_caller(&self) -> bool {
        true
    }

    /// Whoever never had the right has sent nothing.
    fn unheard(begun: Begun) -> Option<Record> {
        let Begun::Go(mark) = begun else { return None };
        let why = Why::new(
            ErrorKind::Interrupted,
            "whoever wanted it sent went away before anything left",
        );
        Some(Record::held(mark, Step::NotSent(why)))
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

    /// From when on duplicates count, and what other jobs have sent.
    fn since(&self, now: i64) -> [i64; 2] {
        let duplicates = match self.guards.duplicate_within {
            Some(window) if !self.allow_duplicate => now.saturating_sub(span(window)),
            _ => NEVER,
        };
        [duplicates, self.others_since.map_or(NEVER, millis)]
    }

    fn insert(&self, now: i64, dialect: Dialect, since: [i64; 2]) -> Result<Statement, Error> {
        let statement = match dialect {
            Dialect::Sqlite => insert!("BLOB"),
            #[cfg(feature = "postgres")]
            Dialect::Postgres => insert!("BYTEA"),
        };
        let mut values = vec![
            self.intent.reference.as_str().into(),
            self.identity.provider().into(),
            self.identity.account().into(),
        ];
        values.extend(columns_of(&self.intent)?);
        values.extend([
            self.owner.as_str().into(),
            later(now, self.lease).into(),
            now.into(),
        ]);
        values.extend(self.frozen());
        values.extend(since.map(Value::from));
        Ok(Statement(statement, values))
    }

    fn update(&self, now: i64, fence: i64, from: State, since: [i64; 2]) -> Statement {
        let mut values = vec![
            self.intent.reference.as_str().into(),
            fence.into(),
            from.as_str().into(),
            self.owner.as_str().into(),
            later(now, self.lease).into(),
            now.into(),
        ];
        values.extend(self.frozen());
        values.extend(since.map(Value::from));
        values.extend([
            self.identity.provider().into(),
            self.identity.account().into(),
        ]);
        Statement(UPDATE, values)
    }

    /// A reference that is new here.
    async fn first(&self, tx: &mut Tx<'_>) -> Result<Begun, Error> {
        if let Some(refusal) = guards::refuse(tx, self, None).await? {
            return Ok(Begun::Refused(refusal));
        }
        let Statement(insert, values) = self.insert(tx.now, tx.dialect(), [NEVER; 2])?;
        let mut granted = tx.run(insert, values).await?;
        self.granted(granted.first_mut())
    }

    fn granted(&self, row: Option<&mut Row>) -> Result<Begun, Error> {
        match row {
            Some(row) => Ok(Begun::Go(self.marked(row.int()?))),
            None => Ok(Begun::Gone),
        }
    }

    /// A row that is there and may be sent.
    async fn again(&self, tx: &mut Tx<'_>, row: Operation) -> Result<Begun, Error> {
        let refusal = match happened(tx, row.id).await? {
            None => guards::refuse(tx, self, Some(&row)).await?,
            refusal => refusal,
        };
        if let Some(refusal) = refusal {
            if row.state == State::Planned {
                self.turn_away(tx, &row, &refusal).await?;
            }
            return Ok(Begun::Refused(refusal));
        }
        if row.receipt.answer.is_some() {
            // What nobody could read may be the only copy of paid PINs.
            tx.run(
                "INSERT INTO telco_answer (topup, fence, answer) SELECT id, claimed, answer FROM telco_topup \
                 WHERE id = $1 AND answer IS NOT NULL ON CONFLICT (topup, fence) DO NOTHING",
                vec![row.id.into()],
            )
            .await?;
        }
        let Statement(update, values) = self.update(tx.now, row.fence, row.state, [NEVER; 2]);
        let mut granted = tx.run(update, values).await?;
        self.granted(granted.first_mut())
    }

    /// A planned row that a guard refuses is done if the rule is about it, else planned and free as before.
    async fn turn_away(
        &self,
        tx: &mut Tx<'_>,
        row: &Operation,
        refusal: &Refusal,
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

/// Whatever else was found out, it is not sent against the provider's own word.
async fn happened(tx: &mut Tx<'_>, id: i64) -> Result<Option<Refusal>, Error> {
    let told = tx.run(
        concat!(
            "SELECT CAST(1 AS BIGINT) WHERE ",
            happened!("CAST($1 AS BIGINT)")
        ),
        vec![id.into()],
    );
    let why = "an answer that came late says that it was delivered: more is a new operation";
    Ok((!told.await?.is_empty()).then(|| Refusal::new(Guard::Reissue, why)))
}
