//! What the ledger notes of a job beside its rows.

use serde::{Deserialize, Serialize};
use telco_ledger::Store;

use crate::exit::Failure;

/// The name under which the latest job is noted.
const LATEST: &str = "bulk";

/// A job: one file.
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
    /// Rows that repeat another are sent too.
    pub(super) duplicates: bool,
    /// All rows are written down. Nothing is sent before.
    pub(super) complete: bool,
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
                .help("a job is named by the 16 digits that `telco topup bulk` prints")
        })
    }

    pub(super) async fn note(&self, store: &dyn Store) -> Result<(), Failure> {
        let text = serde_json::to_string(self).map_err(|e| Failure::broken(e.to_string()))?;
        let noted = store.note(name(&self.id), Some(text)).await;
        noted.map_err(|e| Failure::of_ledger(&e))?;
        let noted = store.note(LATEST.to_owned(), Some(self.id.clone())).await;
        noted.map_err(|e| Failure::of_ledger(&e))
    }
}
