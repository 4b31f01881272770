//! `telco sandbox` as whoever starts and ends it sees it.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{ignores_hangups, telco};
use serde_json::Value;

/// A sandbox that is ready, and the folder of its keys.
fn ready(mut command: Command) -> (Child, PathBuf) {
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let about: Value = serde_json::from_str(&line).unwrap();
    let key = Path::new(about["fanap"]["private_key_path"].as_str().unwrap());
    assert!(key.exists());
    (process, key.parent().unwrap().to_owned())
}

fn signal(process: &Child, name: &str) {
    let killed = Command::new("kill")
        .args([name, &process.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

const SANDBOX: [&str; 5] = ["sandbox", "--listen", "127.0.0.1:0", "--output", "json"];

/// However it is ended, right after its line: no private key stays behind.
#[test]
fn no_key_is_left_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let mut signals = vec!["-INT", "-TERM"];
    if !ignores_hangups(std::process::id()) {
        signals.push("-HUP");
    }
    for name in signals {
        let mut command = telco();
        command.args(SANDBOX).env("TMPDIR", temporary.path());
        let (mut process, keys) = ready(command);
        assert!(keys.starts_with(temporary.path()));
        signal(&process, name);
        assert_eq!(process.wait().unwrap().code(), Some(0), "{name}");
        assert!(!keys.exists(), "{name}");
    }
}

/// Under `nohup` it goes on without its terminal.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let mut command = telco();
    let program = command.get_program().to_owned();
    command = Command::new("sh");
    command
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .arg(program)
        .args(SANDBOX)
        .env_clear()
        .envs(common::coverage());
    let (mut process, keys) = ready(command);
    // It listens already, for what else there is.
    assert!(ignores_hangups(process.id()));
    signal(&process, "-TERM");
    assert_eq!(process.wait().unwrap().code(), Some(0));
    assert!(!keys.exists());
}
