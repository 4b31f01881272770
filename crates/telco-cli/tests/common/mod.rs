//! The program, and a sandbox for it to talk to.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub(crate) fn telco() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_telco"));
    // Nothing of the machine's own settings reaches a test.
    command
        .env_clear()
        .envs(coverage())
        .current_dir(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null());
    command
}

/// Where a run under `cargo xtask coverage` wants to find what the program has counted.
pub(crate) fn coverage() -> Option<(&'static str, OsString)> {
    let name = "LLVM_PROFILE_FILE";
    Some((name, std::env::var_os(name)?))
}

pub(crate) fn run(args: &[&str]) -> Output {
    telco().args(args).output().unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether hangups do not reach this process, as under `nohup`. Where nobody tells, they are not tried.
pub(crate) fn ignores_hangups(id: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{id}/status")) else {
        return true;
    };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap() & 1 == 1
}

/// A sandbox as its own process, ended with the test.
pub(crate) struct Sandbox {
    process: Child,
    pub(crate) about: Value,
    pub(crate) folder: tempfile::TempDir,
}

impl Sandbox {
    /// With these fault rules, as JSON.
    pub(crate) fn start(faults: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = folder.path().join("faults.json");
        std::fs::write(&rules, faults).unwrap();
        let mut process = telco()
            .args(["sandbox", "--listen", "127.0.0.1:0", "--output", "json"])
            .arg("--faults")
            .arg(&rules)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with(r#"{"console":"http://"#), "{line}");
        let about = serde_json::from_str(&line).unwrap();
        Self {
            process,
            about,
            folder,
        }
    }

    /// The program, with Cowrie's account of this sandbox in its environment.
    pub(crate) fn telco(&self) -> Command {
        let cowrie = &self.about["cowrie"];
        let mut command = telco();
        for field in ["base_url", "client_id", "client_key"] {
            let name = format!("TELCO_COWRIE_{}", field.to_uppercase());
            command.env(name, cowrie[field].as_str().unwrap());
        }
        command
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
