//! A file's rows, written down before the first of them is sent.

use std::collections::HashSet;
use std::sync::Arc;

use telco_core::Reference;
use telco_ledger::{Filter, Ledger, Placed, PlanRow, Store};
use tokio::task::JoinSet;

use super::job::{Job, Lines};
use super::preflight::Preflight;
use super::progress::Progress;
use super::rows::{Rows, Snapshot};
use super::stop::Stop;
use crate::exit::{Done, Failure};

/// Rows that share one durable write.
const CHUNK: usize = 1_000;

/// Writes a file's rows down.
pub(super) struct Planner<'a> {
    pub(super) file: &'a Snapshot,
    pub(super) ignored: &'a [String],
    pub(super) found: &'a Preflight,
    pub(super) ledger: &'a Ledger,
    pub(super) store: &'a Arc<dyn Store>,
    pub(super) progress: &'a Progress,
    pub(super) stop: &'a Stop,
}

impl Planner<'_> {
    /// What the preflight let through. To be repeated after an interruption: what is there already stays.
    pub(super) async fn write(&self, job: &mut Job) -> Done {
        // References of the file's own may have been used before: that is found out before any row is written.
        if self.found.named > 0 {
            let mut chunks = self.chunks()?;
            while let Some(chunk) = chunks.next()? {
                self.stop.check()?;
                unused(&chunk, &job.id, self.store).await?;
            }
        }
        let mut chunks = self.chunks()?;
        while let Some(chunk) = chunks.next()? {
            self.stop.check()?;
            let lines: Vec<u64> = chunk.iter().map(|row| row.line).collect();
            let placed = self.ledger.plan(&job.id, chunk).await;
            let placed = placed.map_err(|e| Failure::of_ledger(&e))?;
            let mut lines_placed = placed.iter().zip(&lines);
            if let Some((_, line)) = lines_placed.find(|(placed, _)| **placed == Placed::Conflict) {
                return Err(used(*line));
            }
            self.progress.advance(lines.len() as u64);
        }
        self.keep_what_was_written(job).await?;
        job.note(self.store.as_ref()).await
    }

    /// An attempt that was interrupted may have written rows down that this one leaves out. They are the job's: whether
    /// another job has sent the same is asked once more before each is sent.
    async fn keep_what_was_written(&self, job: &mut Job) -> Done {
        let written = self.ledger.count(Some(&job.id)).await;
        let written = written.map_err(|e| Failure::of_ledger(&e))?.all();
        if written == job.rows {
            return Ok(());
        }
        let mut left_out = HashSet::new();
        let mut filter = Filter::default().job(&job.id);
        loop {
            let page = self.ledger.list(filter.clone()).await;
            let page = page.map_err(|e| Failure::of_ledger(&e))?;
            let Some(last) = page.last() else { break };
            filter = filter.after(last.id);
            let lines = page.iter().filter_map(|row| row.line);
            left_out.extend(lines.filter(|line| {
                job.skipped.contains(*line) || job.left_out.binary_search(line).is_ok()
            }));
        }
        job.rows = written;
        job.left_out.retain(|line| !left_out.contains(line));
        job.skipped.retain(|line| !left_out.contains(&line));
        Ok(())
    }

    fn chunks(&self) -> Result<Chunks<'_>, Failure> {
        Ok(Chunks {
            rows: self.file.rows(self.ignored)?,
            left_out: &self.found.left_out,
            skipped: &self.found.skipped,
        })
    }
}

/// The valid rows of a file, by thousands.
struct Chunks<'a> {
    rows: Rows<'a>,
    /// In order.
    left_out: &'a [u64],
    skipped: &'a Lines,
}

impl Chunks<'_> {
    fn next(&mut self) -> Result<Option<Vec<PlanRow>>, Failure> {
        let mut chunk = Vec::with_capacity(CHUNK);
        while chunk.len() < CHUNK
            && let Some(row) = self.rows.next()?
        {
            if let Ok(intent) = row.intent
                && self.left_out.binary_search(&row.line).is_err()
                && !self.skipped.contains(row.line)
            {
                chunk.push(PlanRow::new(row.line, intent));
            }
        }
        Ok(Some(chunk).filter(|chunk| !chunk.is_empty()))
    }
}

/// No row's reference belongs to anything but this job.
async fn unused(rows: &[PlanRow], job: &str, store: &Arc<dyn Store>) -> Done {
    let mut lookups = JoinSet::new();
    for row in rows {
        let (store, line) = (store.clone(), row.line);
        let reference: Reference = row.intent.reference.clone();
        lookups.spawn(async move { (line, store.find(reference).await) });
    }
    while let Some(found) = lookups.join_next().await {
        let (line, known) = found.map_err(|e| Failure::broken(e.to_string()))?;
        let known = known.map_err(|e| Failure::of_ledger(&e))?;
        if known.is_some_and(|known| known.job.as_deref() != Some(job)) {
            return Err(used(line));
        }
    }
    Ok(())
}

fn used(line: u64) -> Failure {
    Failure::not_sent(format!(
        "nothing was sent: line {line}: its reference was used before, in another file or for another top-up"
    ))
    .help("one reference is one top-up, for ever: `telco topup status REFERENCE` shows what it was")
}
