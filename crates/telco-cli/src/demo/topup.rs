//! The ledger: a worker is killed in the middle of a top-up, and another one finds out what happened.

use std::io::{self, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use telco_sandbox::{FaultRule, Phase};

use super::{Story, broken, expect};
use crate::exit::{Done, Failure};

const NAME: &str = "cowrie";
const ROWS: &str = "number,amount,network\n08039876543,150,MTN\n";

pub(super) async fn tell(story: &mut Story) -> Done {
    story.chapter("Ledger", "a worker dies in the middle of a top-up")?;
    let folder = tempfile::tempdir().map_err(|e| broken(format!("no folder: {e}")))?;
    std::fs::write(folder.path().join("rows.csv"), ROWS)
        .map_err(|e| broken(format!("no file: {e}")))?;
    // The provider acts, and its answer never comes: the moment at which a crash hurts most.
    let stall = FaultRule::new(Phase::ActThenStall)
        .provider(NAME)
        .operation("credit");
    story
        .sandbox
        .faults()
        .add(stall.number("2348039876543").times(1));

    let before = story.sandbox.totals().delivered;
    let worker = telco(story, folder.path(), &["topup", "bulk", "rows.csv"])?.spawn();
    let mut worker = Worker(worker.map_err(|e| broken(format!("no worker: {e}")))?);
    let begun = Instant::now();
    while story.sandbox.totals().delivered == before {
        let gone = worker.0.try_wait().is_ok_and(|ended| ended.is_some());
        if gone || begun.elapsed() > Duration::from_secs(30) {
            let said = worker.said();
            return Err(broken(format!(
                "expected a worker at work; it said: {said}"
            )));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker
        .end()
        .map_err(|e| broken(format!("the worker cannot be killed: {e}")))?;
    story.step(
        "airtime of 150 naira, the provider acts",
        "and the worker is killed (kill -9)",
    )?;

    let mut resume = telco(
        story,
        folder.path(),
        &["topup", "resume", "--output", "json"],
    )?;
    let resumed = tokio::task::spawn_blocking(move || resume.output()).await;
    let Ok(Ok(resumed)) = resumed else {
        return Err(broken("no second worker"));
    };
    let Output {
        status,
        stdout,
        stderr,
    } = resumed;
    let summary: serde_json::Value = serde_json::from_slice(&stdout).unwrap_or_default();
    let field = |name: &str| summary.get(name).cloned().unwrap_or_default();
    if !(status.success() && field("delivered").as_u64() == Some(1)) {
        let said = String::from_utf8_lossy(&stderr);
        return Err(broken(format!(
            "expected a job that is done; the worker said: {said}"
        )));
    }
    // The row of line 2: the header is line 1.
    let reference = format!("b{}-2", field("job").as_str().unwrap_or_default());
    let truth = story.sandbox.operation(NAME, &reference);
    let truth = truth.ok_or_else(|| broken("the provider never heard of it"))?;
    expect(
        truth.requests == 1 && truth.delivered == 1,
        "one request and one delivery",
    )?;
    story.told_done(NAME, &reference);
    story.step(
        "a new worker resumes the job",
        "found in the provider's books: delivered, sent once",
    )
}

/// A process that does not outlive its story, however that ends.
struct Worker(Child);

impl Worker {
    fn end(&mut self) -> io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }

    /// Its end, and what it said on standard error.
    fn said(mut self) -> String {
        let mut said = String::new();
        // What cannot be had is left out: it failed before.
        let _ = self.end();
        if let Some(mut stderr) = self.0.stderr.take() {
            let _ = stderr.read_to_string(&mut said);
        }
        said
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.end();
    }
}

/// This program again, with the demo's account, in a folder of its own.
fn telco(story: &Story, folder: &Path, words: &[&str]) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(|e| broken(format!("no program: {e}")))?;
    let mut command = Command::new(program);
    // The user's own settings are for other providers, and would reach this one.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TELCO_") {
            command.env_remove(name);
        }
    }
    command
        .args(words)
        .args(["--ledger", "sqlite://ledger.db"])
        .current_dir(folder)
        .env("TELCO_COWRIE_BASE_URL", story.base_url(NAME)?)
        .env(
            "TELCO_COWRIE_CLIENT_ID",
            story.credential(NAME, "client_id")?,
        )
        .env(
            "TELCO_COWRIE_CLIENT_KEY",
            story.credential(NAME, "client_key")?,
        )
        .env("TELCO_COWRIE_LOOKUP_AFTER", "0.02,0.05,0.1,0.2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}
