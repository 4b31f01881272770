//! Rows that another job has sent already. A file that was changed in any way is a new job: without this, mending one line
//! would send all the others again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use telco_core::Product;
use telco_ledger::{Earlier, Store};

use super::summary::rows;
use crate::config::Settings;
use crate::exit::Failure;
use crate::output;

/// How many days back. One less than a week: last week's round is no repeat of this week's.
const DAYS: u32 = 6;

/// How many jobs are named.
const NAMED: usize = 10;

/// How far back, by the flag or the setting; `None`: 0 days, nothing is looked for.
pub(crate) fn window(flag: Option<u32>, settings: &Settings) -> Result<Option<Duration>, Failure> {
    let days = match (flag, settings.of("topup").text("sent_within", None)?) {
        (Some(days), _) => days,
        (None, Some(text)) => text.parse().map_err(|_| {
            Failure::not_sent("topup: sent_within is no number of days").help("write it as 6")
        })?,
        (None, None) => DAYS,
    };
    Ok((days > 0).then(|| Duration::from_secs(u64::from(days) * 86_400)))
}

/// So long before now. By the ledger's clock, which says when its rows were sent: this machine's may be ahead of it.
pub(super) async fn since(store: &dyn Store, window: Duration) -> Result<SystemTime, Failure> {
    let now = store.now().await.map_err(|e| Failure::of_ledger(&e))?;
    Ok(now.checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH))
}

/// What the other jobs of a ledger have sent.
#[derive(Debug, Clone)]
pub(super) struct Others {
    pub(super) store: Arc<dyn Store>,
    /// Since then.
    pub(super) since: SystemTime,
}

impl Others {
    /// For each product, what another job than this one has sent.
    pub(super) async fn sent(
        &self,
        job: &str,
        products: Vec<Product>,
    ) -> Result<Vec<Option<Earlier>>, Failure> {
        let asked = self
            .store
            .sent_by_other_jobs(Some(job.to_owned()), self.since, products);
        asked.await.map_err(|e| Failure::of_ledger(&e))
    }
}

/// What was found, by job: how many rows, and when the last of them was sent.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) rows: u64,
    jobs: BTreeMap<String, (u64, Option<SystemTime>)>,
}

impl Account {
    pub(super) fn add(&mut self, earlier: Earlier) {
        self.rows += 1;
        let (count, last) = self.jobs.entry(earlier.job).or_default();
        *count += 1;
        *last = (*last).max(Some(earlier.sent_at));
    }

    fn jobs(&self) -> impl Iterator<Item = (&str, u64, String)> {
        self.jobs.iter().map(|(job, (count, last))| {
            let last = last.and_then(output::time).unwrap_or_default();
            (job.as_str(), *count, last)
        })
    }

    pub(super) fn json(&self) -> Value {
        let jobs: Vec<Value> = self
            .jobs()
            .map(|(job, rows, last)| json!({ "job": job, "rows": rows, "last": last }))
            .collect();
        json!({ "rows": self.rows, "jobs": jobs })
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.rows.to_string();
        for (job, count, last) in self.jobs().take(NAMED) {
            text.push_str(&format!("\njob {job}: {}, the last on {last}", rows(count)));
        }
        if self.jobs.len() > NAMED {
            text.push_str("\n…");
        }
        text
    }

    /// In one sentence.
    pub(super) fn told(&self) -> String {
        let mut jobs = self.jobs();
        let by = match (jobs.next(), jobs.next()) {
            (Some((job, _, last)), None) => format!("job {job} (the last on {last})"),
            _ => format!("{} other jobs", self.jobs.len()),
        };
        format!("{by} sent the same before: {}", rows(self.rows))
    }
}
