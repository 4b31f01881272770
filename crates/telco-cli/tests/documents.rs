//! `--output json` prints one document, however a command that spends ends.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::process::{Command, Output};

use common::{Sandbox, code, err, out};
use serde_json::Value;

/// Every command that spends, by its provider. The reference comes last.
const SPENDING: [(&str, &[&str]); 12] = [
    (
        "cowrie",
        &["credit", "--msisdn", "08034445556", "--amount", "100"],
    ),
    (
        "cowrie",
        &[
            "data",
            "--msisdn",
            "08034445556",
            "--amount",
            "350",
            "--bundle",
            "500mb1d",
        ],
    ),
    ("cowrie", &["pin", "--unit", "200"]),
    ("cowrie", &["pin", "--unit", "200", "--count", "2"]),
    (
        "cowrie",
        &["redeem", "--msisdn", "08034445556", "--pin", "env:PIN"],
    ),
    ("citcall", &["call", "--msisdn", "081234567890"]),
    (
        "citcall",
        &["call", "--msisdn", "081234567890", "--api", "v3"],
    ),
    (
        "citcall",
        &[
            "sms",
            "--msisdn",
            "081234567890",
            "--sender",
            "X",
            "--text",
            "hello",
        ],
    ),
    (
        "citcall",
        &[
            "sms",
            "--msisdn",
            "081234567890",
            "--sender",
            "X",
            "--otp",
            "--text",
            "XXXXX",
        ],
    ),
    ("fanap", &["start", "--phone", "09121234567"]),
    ("fanap", &COMMIT),
    ("kairos", &["call", "--to", "9812345678"]),
];
const COMMIT: [&str; 5] = ["commit", "--pending", "file:pending", "--code", "env:CODE"];
const NUMBERS: [&str; 4] = ["8034445556", "81234567890", "9121234567", "9812345678"];
const PIN: &str = "918273645546";

/// The program, with this provider's account in its environment.
fn telco(sandbox: &Sandbox, provider: &str) -> Command {
    let mut command = sandbox.telco();
    let about = sandbox.about[provider].as_object().unwrap();
    for (field, value) in about
        .iter()
        .filter_map(|(field, value)| Some((field, value.as_str()?)))
    {
        let (field, value) = match field.as_str() {
            "private_key_path" => ("private_key", format!("file:{value}")),
            field => (field, value.to_owned()),
        };
        let name = format!("TELCO_{provider}_{field}").to_uppercase();
        command.env(name, value);
    }
    command
        .current_dir(sandbox.folder.path())
        .env("TELCO_CITCALL_OTP_KEY", "env:OTP_KEY")
        .env("OTP_KEY", "0123456789abcdef0123456789abcdef")
        .env("PIN", PIN)
        .env("CODE", "00000")
        .args(["--output", "json"]);
    command
}

/// A pending record for `commit`, in a file.
fn start(sandbox: &Sandbox) {
    let mut start = telco(sandbox, "fanap");
    let started = start.args(["fanap", "start", "--phone", "09121234567"]);
    let started = started.output().unwrap();
    assert_eq!(code(&started), 0, "{}", err(&started));
    let told: Value = serde_json::from_slice(&started.stdout).unwrap();
    let path = sandbox.folder.path().join("pending");
    std::fs::write(path, told["pending"].as_str().unwrap()).unwrap();
}

/// One document that says how it ended, and nothing that is nobody's business.
fn check(ended: &Output, exit: i32, outcome: &str, words: &[&str]) -> Value {
    assert_eq!(code(ended), exit, "{words:?}: {}", err(ended));
    let document: Value = serde_json::from_slice(&ended.stdout)
        .unwrap_or_else(|e| panic!("{words:?}: {e}: {:?}", out(ended)));
    // A batch of calls has a row for each.
    let row = document.get(0).unwrap_or(&document);
    assert_eq!(row["outcome"], outcome, "{words:?}: {document}");
    assert!(row["why"].is_string(), "{words:?}: {document}");
    assert!(row.get("code").is_some(), "{words:?}: {document}");
    let told = out(ended) + &err(ended);
    for hidden in NUMBERS.iter().chain([&PIN]) {
        assert!(!told.contains(hidden), "{words:?}: {told}");
    }
    document
}

fn spend(sandbox: &Sandbox, exit: i32, outcome: &str, change: impl Fn(&mut Command, &[&str])) {
    start(sandbox);
    for (provider, words) in SPENDING {
        let mut telco = telco(sandbox, provider);
        change(&mut telco, words);
        telco.arg(provider).args(words);
        if words != COMMIT {
            telco.args(["--reference", "order-1"]);
        }
        let document = check(&telco.output().unwrap(), exit, outcome, words);
        let row = document.get(0).unwrap_or(&document);
        if words == COMMIT && exit == 10 {
            continue;
        }
        let reference = row["reference"].as_str().unwrap();
        assert!(reference == "order-1" || words == COMMIT, "{document}");
    }
    let mut keys = telco(sandbox, "kairos");
    let words = ["kairos", "generate-key-pair"];
    change(&mut keys, &words);
    check(&keys.args(words).output().unwrap(), exit, outcome, &words);
}

#[test]
fn what_nobody_can_tell_is_one_document() {
    // The second start: the first one is there for `commit`.
    let sandbox = Sandbox::start(
        r#"[{"provider":"fanap","operation":"start","when":{"nth":[2]},"phases":["act-then-reset"]},
            {"provider":"fanap","operation":"commit","phases":["act-then-reset"]},
            {"provider":"cowrie","phases":["act-then-reset"]},
            {"provider":"citcall","phases":["act-then-reset"]},
            {"provider":"kairos","phases":["act-then-reset"]}]"#,
    );
    spend(&sandbox, 12, "unknown", |_, _| {});
}

#[test]
fn what_the_provider_refuses_is_one_document() {
    let sandbox = Sandbox::start("[]");
    spend(&sandbox, 11, "rejected", |telco, words| {
        // What is committed belongs to the service that it was started for; its code is wrong.
        if words != COMMIT {
            telco.env("TELCO_FANAP_SERVICE_KEY", "wrong");
        }
        telco
            .env("TELCO_COWRIE_CLIENT_KEY", "d3Jvbmcta2V5LXdyb25nLWtleQ==")
            .env("TELCO_CITCALL_API_KEY", "wrong")
            .env("TELCO_KAIROS_FLOW_ID", "AAAAAAAA");
    });
}

#[test]
fn what_was_not_sent_is_one_document() {
    let sandbox = Sandbox::start("[]");
    let nobody = |telco: &mut Command, _: &[&str]| {
        for provider in ["COWRIE", "CITCALL", "FANAP", "KAIROS"] {
            telco.env(format!("TELCO_{provider}_BASE_URL"), "http://127.0.0.1:1");
        }
    };
    spend(&sandbox, 10, "not sent", nobody);
    // Input, settings, and no yes.
    for (exit, words) in [
        (
            10,
            &["cowrie", "credit", "--msisdn", "12", "--amount", "1"][..],
        ),
        (10, &["cowrie", "pin", "--unit", "1", "--config", "none"]),
        (
            2,
            &[
                "cowrie",
                "pin",
                "--unit",
                "1",
                "--base-url",
                "https://192.0.2.1",
            ],
        ),
    ] {
        let refused = telco(&sandbox, "cowrie").args(words).output().unwrap();
        check(&refused, exit, "not sent", words);
    }
}

#[test]
fn a_job_that_is_refused_is_one_document() {
    let sandbox =
        Sandbox::start(r#"[{"provider":"cowrie","operation":"credit","quirk":"refuse-402"}]"#);
    let rows = "number,amount\n08034445556,100\n08034445556,100\n";
    std::fs::write(sandbox.folder.path().join("rows.csv"), rows).unwrap();
    let run = |words: &[&str]| {
        let mut telco = telco(&sandbox, "cowrie");
        let ledger = ["--ledger", "sqlite://ledger.db"];
        telco
            .arg("topup")
            .args(words)
            .args(ledger)
            .output()
            .unwrap()
    };
    check(&run(&["resume"]), 10, "not sent", &["resume"]);
    check(&run(&["bulk", "rows.csv"]), 10, "not sent", &["bulk"]);
    // What is printed already is the one document.
    for (exit, words) in [
        (10, &["bulk", "rows.csv", "--dry-run"][..]),
        (11, &["bulk", "rows.csv", "--allow-duplicates"]),
        (11, &["resume"]),
        (11, &["resume", "--reissue-rejected", "--max-spend", "1"]),
    ] {
        let ended = run(words);
        assert_eq!(code(&ended), exit, "{words:?}: {}", err(&ended));
        let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert!(document["rows"].is_u64(), "{words:?}: {document}");
    }
}
