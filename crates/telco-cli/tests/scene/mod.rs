//! What bulk jobs are tried in: a provider that keeps the truth, a file, and a ledger.

#![allow(dead_code, reason = "each test file uses a part")]

#[cfg(unix)]
pub(crate) mod postgres;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use telco_sandbox::{FaultRule, Phase, Sandbox, Told};

use crate::common;

/// Every phase but those that end in a timeout.
pub(crate) const ALL_BUT_SILENCE: [Phase; 9] = [
    Phase::Refuse,
    Phase::ResetBefore,
    Phase::ErrorBefore,
    Phase::ResetReused,
    Phase::ActThenReset,
    Phase::ActThenError,
    Phase::Truncate,
    Phase::Garbage,
    Phase::CloseIdle,
];

/// A provider that keeps the truth, a file, and a ledger.
pub(crate) struct Scene {
    pub(crate) runtime: tokio::runtime::Runtime,
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: tempfile::TempDir,
    /// The ledger's address.
    pub(crate) ledger: String,
    /// How long a part of the job may take.
    patience: Duration,
}

#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]
impl Scene {
    pub(crate) fn new(rows: usize) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let room = Sandbox::builder().seed(7).memory(rows + 1_000, 1_000);
        let sandbox = runtime.block_on(room.start()).unwrap();
        sandbox
            .configure("cowrie", &json!({ "balance": 1_000_000_000 }))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("phone;amount;network\n");
        for n in 0..rows {
            text.push_str(&format!("0803{n:07};{};MTN\n", 50 + n % 50));
        }
        std::fs::write(folder.path().join("rows.csv"), text).unwrap();
        let ledger = format!("sqlite://{}", folder.path().join("ledger.db").display());
        Self {
            runtime,
            sandbox,
            folder,
            ledger,
            patience: Duration::from_secs(120) + Duration::from_millis(rows as u64),
        }
    }

    pub(crate) fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let credits = |rule: FaultRule| rule.provider("cowrie").operation("credit");
        self.sandbox.faults().set(rules.into_iter().map(credits));
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("rows.csv")
    }

    /// The program with its account, and lookups in quick succession.
    pub(crate) fn telco(&self, words: &[&str]) -> Command {
        let account = self.sandbox.credentials("cowrie").unwrap();
        let mut command = common::telco();
        command
            .args(words)
            .args(["--ledger", &self.ledger])
            .env(
                "TELCO_COWRIE_BASE_URL",
                self.sandbox.base_url("cowrie").unwrap(),
            )
            .env(
                "TELCO_COWRIE_CLIENT_ID",
                account["client_id"].as_str().unwrap(),
            )
            .env(
                "TELCO_COWRIE_CLIENT_KEY",
                account["client_key"].as_str().unwrap(),
            )
            .env("TELCO_COWRIE_LOOKUP_AFTER", "0.01,0.02,0.05,0.1,0.2")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn bulk(&self, flags: &[&str]) -> Command {
        let mut command = self.telco(&["topup", "bulk"]);
        command.arg(self.file()).args(flags);
        command
    }

    pub(crate) fn resume(&self, flags: &[&str]) -> Command {
        let mut command = self.telco(&["topup", "resume"]);
        command.args(flags);
        command
    }

    /// The program on another file of the same ledger.
    pub(crate) fn bulk_of(&self, file: &Path, flags: &[&str]) -> Command {
        let mut command = self.telco(&["topup", "bulk"]);
        command.arg(file).args(flags);
        command
    }

    /// Until the provider has served so many rows.
    pub(crate) fn wait_for(&self, delivered: u64, child: &mut Child) {
        let begun = Instant::now();
        while self.sandbox.totals().delivered < delivered {
            assert!(begun.elapsed() < self.patience, "too slow");
            assert!(child.try_wait().unwrap().is_none(), "it ended early");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Looks at each row of the report: there may be a million.
    fn each_row(&self, look: impl FnMut(Value)) {
        let mut telco = self.telco(&["topup", "report", "--format", "json", "--numbers"]);
        let mut running = telco.stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(running.stdout.take().unwrap()).lines();
        lines
            .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
            .for_each(look);
        assert!(running.wait().unwrap().success());
    }

    pub(crate) fn report(&self) -> Vec<Value> {
        let mut rows = Vec::new();
        self.each_row(|row| rows.push(row));
        rows
    }

    /// Every row of the report against what really happened. Says how many were delivered, and how many are undecided.
    pub(crate) fn true_report(&self, rows: usize) -> (u64, u64) {
        let (mut count, mut delivered, mut undecided) = (0, 0, 0);
        self.each_row(|row| {
            count += 1;
            let reference = row["reference"].as_str().unwrap();
            let truth = self.sandbox.operation("cowrie", reference);
            let times = truth.map_or(0, |truth| truth.delivered);
            assert!(times <= 1, "{row} was served {times} times");
            let told = match row["delivered"].as_bool() {
                Some(true) => {
                    assert_eq!(times, 1, "{row} was lost");
                    delivered += 1;
                    Told::Accepted
                }
                Some(false) => {
                    assert_eq!(times, 0, "{row} was served");
                    Told::Rejected
                }
                None => {
                    // What was delivered is on record and found; what is not found proves nothing here, and is left to a person.
                    assert_eq!(row["state"], "unresolved", "{row}");
                    assert_eq!(times, 0, "{row} was served, and is on record");
                    undecided += 1;
                    Told::Unknown
                }
            };
            self.sandbox.told("cowrie", reference, told);
        });
        assert_eq!(count, rows, "one line per row");
        let totals = self.sandbox.totals();
        assert_eq!((totals.doubled, totals.lost), (0, 0));
        (delivered, undecided)
    }
}

#[expect(clippy::unwrap_used, reason = "test code")]
pub(crate) fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
}
