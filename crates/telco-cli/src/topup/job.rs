//! What the ledger notes of a job beside its rows.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use telco_core::Identity;
use telco_ledger::{Filter, Store};

use super::earlier;
use crate::exit::{Done, Failure};

/// The name under which the latest job is noted.
const LATEST: &str = "bulk";

/// A job: one file. It is noted when all its rows are written down; nothing is sent before.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    /// The first 16 hex digits of the file's SHA-256.
    pub(super) id: String,
    /// The file's name, for people.
    pub(super) file: String,
    /// Rows that are to be sent.
    pub(super) rows: u64,
    /// The lines of rows that were left out as invalid, in order.
    pub(super) left_out: Vec<u64>,
    /// The lines of rows that were left out since another job had sent the same.
    #[serde(default)]
    pub(super) skipped: Lines,
    /// A row is not sent if another job has sent the same since then, in milliseconds since 1970. `None`: it is sent
    /// all the same.
    #[serde(default)]
    pub(super) since: Option<u64>,
    /// Rows that repeat another are sent too.
    pub(super) duplicates: bool,
}

/// Lines, in order: the first and the last of each run of them, since they may be a million.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lines(Vec<(u64, u64)>);

impl Lines {
    /// One more, after all others.
    pub(super) fn push(&mut self, line: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(line) => *last = line,
            _ => self.0.push((line, line)),
        }
    }

    pub(super) fn contains(&self, line: u64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= line);
        let run = after.checked_sub(1).and_then(|at| self.0.get(at));
        run.is_some_and(|(_, last)| line <= *last)
    }

    pub(super) fn retain(&mut self, keep: impl Fn(u64) -> bool) {
        for line in std::mem::take(self).iter().filter(|line| keep(*line)) {
            self.push(line);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }

    pub(super) fn count(&self) -> u64 {
        let runs = self
            .0
            .iter()
            .map(|(first, last)| last.saturating_sub(*first).saturating_add(1));
        runs.fold(0, u64::saturating_add)
    }
}

fn name(id: &str) -> String {
    format!("{LATEST}/{id}")
}

impl Job {
    pub(super) async fn find(store: &dyn Store, id: &str) -> Result<Option<Self>, Failure> {
        let text = store
            .noted(name(id))
            .await
            .map_err(|e| Failure::of_ledger(&e))?;
        text.map(|text| {
            serde_json::from_str(&text)
                .map_err(|e| Failure::not_sent(format!("the note of job {id} cannot be read: {e}")))
        })
        .transpose()
    }

    /// The one that was named, or else the latest.
    pub(super) async fn named(store: &dyn Store, id: Option<&str>) -> Result<Self, Failure> {
        let latest;
        let id = match id {
            Some(id) => id,
            None => {
                let noted = store.noted(LATEST.to_owned()).await;
                latest = noted.map_err(|e| Failure::of_ledger(&e))?;
                latest.as_deref().ok_or_else(|| {
                    Failure::not_sent("this ledger has no bulk job")
                        .help("`telco topup bulk FILE.csv` begins one")
                })?
            }
        };
        Self::find(store, id).await?.ok_or_else(|| {
            Failure::not_sent(format!("this ledger has no job {id}"))
                .help("a job is named by the 16 digits that `telco topup bulk` prints; one that was interrupted before \
                       all of its rows were written down is begun again with its file")
        })
    }

    /// All its rows are written down.
    pub(super) async fn note(&self, store: &dyn Store) -> Done {
        let text = serde_json::to_string(self).map_err(|e| Failure::broken(e.to_string()))?;
        let noted = store.note(name(&self.id), Some(text)).await;
        noted.map_err(|e| Failure::of_ledger(&e))?;
        self.is_latest(store).await
    }

    /// The one that is meant when none is named.
    pub(super) async fn is_latest(&self, store: &dyn Store) -> Done {
        let noted = store.note(LATEST.to_owned(), Some(self.id.clone())).await;
        noted.map_err(|e| Failure::of_ledger(&e))
    }

    /// What others have sent in so long a time until now is not sent.
    pub(super) async fn look_back(&mut self, store: &dyn Store, window: Duration) -> Done {
        let since = earlier::since(store, window).await?;
        let since = since.duration_since(SystemTime::UNIX_EPOCH);
        self.since = u64::try_from(since.unwrap_or_default().as_millis()).ok();
        Ok(())
    }

    /// Through which account: that of all its rows.
    pub(super) async fn account(&self, store: &dyn Store) -> Result<Option<Identity>, Failure> {
        let first = store.list(Filter::default().job(&self.id).at_most(1)).await;
        let first = first.map_err(|e| Failure::of_ledger(&e))?;
        Ok(first.into_iter().next().map(|row| row.identity))
    }

    /// Since when what other jobs have sent is not sent again.
    pub(super) fn since(&self) -> Option<SystemTime> {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(self.since?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_a_row_take_one_place() {
        let mut lines = Lines::default();
        for line in [2, 3, 4, 9, 11, 12] {
            lines.push(line);
        }
        assert_eq!(lines.0, [(2, 4), (9, 9), (11, 12)]);
        assert_eq!(lines.count(), 6);
        let found: Vec<u64> = (0..20).filter(|line| lines.contains(*line)).collect();
        assert_eq!(found, lines.iter().collect::<Vec<_>>());
        lines.retain(|line| line != 3);
        assert_eq!(lines.0, [(2, 2), (4, 4), (9, 9), (11, 12)]);
    }
}
