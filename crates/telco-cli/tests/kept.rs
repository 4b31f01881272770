//! Results that cannot be had again, where standard output refuses them: a full disk, a reader that left.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
mod scene;

use std::fs::File;
use std::process::{Command, Output, Stdio};

use common::{Sandbox, code, err};
use scene::Scene;
use serde_json::Value;

/// Every write to it fails as on a full disk.
fn full_disk() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// A pipe that nobody reads any more.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn ended(command: &mut Command, stdout: Stdio) -> Output {
    let child = command.stdout(stdout).stderr(Stdio::piped()).spawn();
    child.unwrap().wait_with_output().unwrap()
}

/// The JSON document among the lines.
fn document(output: &Output) -> Value {
    let told = err(output);
    let line = told.lines().find(|line| line.starts_with('{')).unwrap();
    serde_json::from_str(line).unwrap()
}

#[test]
fn paid_pins_are_kept_and_the_exit_code_is_the_outcome() {
    let sandbox = Sandbox::start("[]");
    for (reference, stdout) in [("p1", full_disk()), ("p2", gone())] {
        let mut telco = sandbox.telco();
        telco.args(["cowrie", "pin", "--unit", "200", "--count", "3"]);
        telco.args(["--reference", reference, "--output", "json"]);
        let bought = ended(&mut telco, stdout);
        assert_eq!(code(&bought), 0, "{}", err(&bought));
        assert!(
            err(&bought).contains("cannot be written"),
            "{}",
            err(&bought)
        );
        let pins = document(&bought)["pins"].as_array().unwrap().clone();
        assert_eq!(pins.len(), 3);
        assert!(pins.iter().all(|pin| pin["pin"].is_string()));
    }
    // As a table too.
    let mut telco = sandbox.telco();
    telco.args(["cowrie", "pin", "--unit", "200", "--reference", "p3"]);
    let bought = ended(&mut telco, full_disk());
    assert_eq!(code(&bought), 0);
    assert!(err(&bought).contains("serial") && err(&bought).contains("NGN 200.00"));
}

#[test]
fn what_came_of_an_unknown_outcome_is_kept_too() {
    let quirk = r#"[{"provider":"cowrie","operation":"pin-single","quirk":"unquoted-keys"}]"#;
    let sandbox = Sandbox::start(quirk);
    for stdout in [full_disk(), gone()] {
        let mut telco = sandbox.telco();
        telco.args(["cowrie", "pin", "--unit", "200", "--output", "json"]);
        let output = ended(&mut telco, stdout);
        assert_eq!(code(&output), 12, "{}", err(&output));
        let answer = document(&output)["answer"].to_string();
        assert!(answer.contains("pin:"), "{answer}");
        assert!(err(&output).contains("only its staff can tell"));
    }
}

#[test]
fn a_job_ends_as_its_rows_ended() {
    let scene = Scene::new(3);
    let done = ended(&mut scene.bulk(&["--output", "json"]), full_disk());
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(document(&done)["delivered"], 3);
    // A read that cannot be written is a read without an answer; it lost nothing.
    let report = ended(&mut scene.telco(&["topup", "report"]), full_disk());
    assert_eq!(code(&report), 13, "{}", err(&report));
}
