//! How a job stands, and the exit code that says so.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use telco_core::{Amount, Currency};
use telco_ledger::{Counts, Filter, LeftOut, State, Store};

use super::job::Job;
use super::status::resolve;
use super::stop::Why;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// The rows of a job, by what became of them.
#[derive(Debug)]
pub(super) struct Summary {
    job: Job,
    delivered: u64,
    not_delivered: u64,
    not_sent: u64,
    /// Not sent yet.
    pub(super) planned: u64,
    /// Refused by the provider.
    rejected: u64,
    /// To be looked up.
    unknown: u64,
    /// For a person.
    unresolved: u64,
    spent: Amount,
    /// Rows among those not sent that a plain `resume` leaves out, by the reason, and what they cost.
    left_out: BTreeMap<LeftOut, (u64, i64)>,
    /// What the rows cost that are planned, that ended not sent, and that were refused.
    prices: [i64; 3],
}

impl Summary {
    pub(super) async fn of(job: &Job, store: &dyn Store) -> Result<Self, Failure> {
        let counts = store.count(Some(job.id.clone())).await;
        let counts: Counts = counts.map_err(|e| Failure::of_ledger(&e))?;
        let nothing = Amount::from_minor(0, Currency::NGN);
        let spent = counts
            .rows
            .iter()
            .filter(|count| count.delivered == Some(true))
            .try_fold(nothing, |sum, count| sum.checked_add(count.price));
        let price = |state| {
            let rows = counts.rows.iter().filter(|count| count.state == state);
            rows.fold(0, |sum: i64, count| sum.saturating_add(count.price.minor()))
        };
        let (not_sent, unresolved) = (counts.of(State::NotSent), counts.of(State::Unresolved));
        Ok(Self {
            job: job.clone(),
            delivered: counts.delivered(),
            not_delivered: counts.not_delivered().saturating_sub(not_sent),
            not_sent,
            planned: counts.of(State::Planned),
            rejected: counts.of(State::Rejected),
            unknown: counts.open().saturating_sub(unresolved),
            unresolved,
            spent: spent.unwrap_or(nothing),
            left_out: left_out(job, &counts, store).await?,
            prices: [State::Planned, State::NotSent, State::Rejected].map(price),
        })
    }

    /// What a `resume` sends that takes rows in which are left out otherwise: how many rows, and what they cost.
    pub(super) fn left(&self, too: &[LeftOut]) -> (u64, Amount) {
        let [planned, not_sent, _] = self.prices;
        let (mut rows, mut price) = (
            self.planned.saturating_add(self.not_sent),
            planned.saturating_add(not_sent),
        );
        for (reason, (count, cost)) in &self.left_out {
            if !too.contains(reason) {
                rows = rows.saturating_sub(*count);
                price = price.saturating_sub(*cost);
            }
        }
        (rows, Amount::from_minor(price, Currency::NGN))
    }

    /// What was refused: how many rows, and what they cost.
    pub(super) fn refused(&self) -> (u64, Amount) {
        let [.., price] = self.prices;
        (self.rejected, Amount::from_minor(price, Currency::NGN))
    }

    fn facts(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("job", json!(self.job.id)),
            ("file", json!(self.job.file)),
            ("rows", json!(self.job.rows)),
            ("delivered", json!(self.delivered)),
            ("not_delivered", json!(self.not_delivered)),
            ("not_sent", json!(self.not_sent)),
            ("planned", json!(self.planned)),
            ("unknown", json!(self.unknown)),
            ("unresolved", json!(self.unresolved)),
            ("left_out", json!(self.job.left_out.len())),
            ("skipped", json!(self.job.skipped.count())),
            ("spent", Value::from(self.spent.to_string())),
        ]
    }

    pub(super) fn print(&self, form: Form) -> Done {
        output::facts(form, &self.facts())
    }

    /// As the end of a run.
    pub(super) fn keep(&self, form: Form) {
        output::keep(&output::facts_text(form, &self.facts()));
    }

    /// What the same file again would do.
    pub(super) fn print_outlook(&self, form: Form) -> Done {
        let mut facts = vec![("known", json!(true))];
        facts.extend(self.facts());
        let (to_send, cost) = self.left(&[]);
        facts.push(("to_send", json!(to_send)));
        facts.push(("cost", json!(cost.to_string())));
        output::facts(form, &facts)
    }

    /// 0: every row was delivered. What is unknown weighs more than what was rejected, and that more than what was not sent.
    /// `ledger`: the words that name it in a command to copy.
    pub(super) fn verdict(&self, stopped: Option<Why>, ledger: &str) -> Done {
        let job = &self.job.id;
        let report = format!("telco topup report {job}{ledger} --format csv");
        let resume = format!("`telco topup resume {job}{ledger}` goes on; no row is sent twice");
        let because = match stopped {
            Some(Why::Interrupted) => {
                return Err(Failure::interrupted("interrupted; nothing is lost").help(resume));
            }
            Some(Why::Because(why)) => format!("stopped: {why}; "),
            None => String::new(),
        };
        let unknown = self.unknown.saturating_add(self.unresolved);
        if self.unknown > 0 {
            return Err(Failure::unknown(format!(
                "{because}nobody knows yet what happened: {}",
                rows(unknown)
            ))
            .help(resume));
        }
        if self.unresolved > 0 {
            let help = format!(
                "`{report} --state unresolved` lists them; ask the provider, then {}",
                resolve("REFERENCE", ledger)
            );
            return Err(Failure::unknown(format!(
                "{because}left for a person to decide: {}",
                rows(self.unresolved)
            ))
            .help(help));
        }
        if self.not_delivered > 0 {
            return Err(Failure::rejected(format!(
                "{because}not delivered: {}",
                rows(self.not_delivered)
            ))
            .help(format!("`{report}` says why")));
        }
        let (left, _) = self.left(&[]);
        if left > 0 {
            return Err(
                Failure::not_sent(format!("{because}not sent: {}", rows(left))).help(resume),
            );
        }
        if !self.left_out.is_empty() {
            let reasons: Vec<String> = self.left_out.iter().map(why).collect();
            let help = match self
                .left_out
                .keys()
                .all(|reason| *reason == LeftOut::Cancelled)
            {
                true => format!("`{report} --state not_sent` says more"),
                false => format!("`telco topup resume {job}{ledger} --send-again` sends them"),
            };
            let reasons = reasons.join("; ");
            return Err(Failure::not_sent(format!("{because}not sent, {reasons}")).help(help));
        }
        Ok(())
    }
}

fn why((reason, (count, _)): (&LeftOut, &(u64, i64))) -> String {
    let why = match reason {
        LeftOut::SentByOtherJob => "another job has sent the same",
        LeftOut::Duplicate => "another row got the same a short while before",
        _ => "taken back",
    };
    format!("{why}: {}", rows(*count))
}

/// The rows of a job that are not to be sent, by the reason, and what they cost.
async fn left_out(
    job: &Job,
    counts: &Counts,
    store: &dyn Store,
) -> Result<BTreeMap<LeftOut, (u64, i64)>, Failure> {
    let mut found = BTreeMap::new();
    if counts.of(State::NotSent) == 0 {
        return Ok(found);
    }
    let mut filter = Filter::default().job(&job.id).state(State::NotSent);
    loop {
        let page = store.list(filter.clone()).await;
        let page = page.map_err(|e| Failure::of_ledger(&e))?;
        let Some(last) = page.last() else {
            return Ok(found);
        };
        filter = filter.after(last.id);
        for row in &page {
            if let Some(reason) = LeftOut::of(row) {
                let (count, price) = found.entry(reason).or_insert((0_u64, 0_i64));
                *count = count.saturating_add(1);
                *price = price.saturating_add(row.price().map_or(0, Amount::minor));
            }
        }
    }
}

/// So many, in words.
pub(super) fn rows(count: u64) -> String {
    if count == 1 {
        "1 row".to_owned()
    } else {
        format!("{count} rows")
    }
}
