//! The program as a script sees it: exit codes, what is printed where, and what is never printed.

mod common;

use std::io::{Read as _, Write as _};
use std::process::{Output, Stdio};

use common::{Sandbox, code, err, out, run, telco};
use serde_json::Value;

#[expect(clippy::unwrap_used, reason = "test code")]
fn cowrie(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.telco().arg("cowrie").args(args).output().unwrap()
}

const NO_FAULTS: &str = "[]";
const TOPUP: [&str; 7] = [
    "credit",
    "--msisdn",
    "08031234567",
    "--amount",
    "100",
    "--reference",
    "order-1",
];

#[test]
fn exit_0_and_one_json_document() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let accepted = cowrie(&sandbox, &[&TOPUP[..], &["--output", "json"]].concat());
    assert_eq!(code(&accepted), 0, "{}", err(&accepted));
    let document: Value = serde_json::from_slice(&accepted.stdout).unwrap();
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["reference"], "order-1");
}

#[test]
fn exit_2_for_words_that_are_no_command() {
    for words in [
        &["topupp"][..],
        &["cowrie", "credit", "--amount"],
        &["--output", "yaml", "demo"],
    ] {
        let refused = run(words);
        assert_eq!(code(&refused), 2, "{words:?}");
        assert!(refused.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn a_literal_secret_is_refused_and_not_repeated() {
    for words in [
        &["cowrie", "balance", "--client-key", "hunter2hunter2"][..],
        &["cowrie", "balance", "--client-key=hunter2hunter2"],
        &["mor", "hash", "--secret", "hunter2hunter2", "a=1"],
    ] {
        let refused = run(words);
        let told = err(&refused);
        assert_eq!(code(&refused), 2, "{words:?}: {told}");
        assert!(
            told.contains("env:NAME") && told.contains("file:PATH"),
            "{told}"
        );
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_broken_settings_file_is_named_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("telco.toml");
    std::fs::write(&settings, "[cowrie]\nclient_key = hunter2hunter2\n").unwrap();
    let refused = telco()
        .args(["cowrie", "balance", "--config"])
        .arg(&settings)
        .output()
        .unwrap();
    assert_eq!(code(&refused), 10);
    assert!(err(&refused).contains("near line 2"), "{}", err(&refused));
    assert!(!err(&refused).contains("hunter2"), "{}", err(&refused));
    // What its help names works all the same.
    for words in [["config", "example"], ["completions", "bash"]] {
        let printed = telco().args(words).arg("--config").arg(&settings).output();
        let printed = printed.unwrap();
        assert_eq!(code(&printed), 0, "{}", err(&printed));
        assert!(!printed.stdout.is_empty());
    }
}

#[test]
fn exit_10_when_nothing_was_sent() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let bad_number = cowrie(&sandbox, &["credit", "--msisdn", "12", "--amount", "100"]);
    assert_eq!(code(&bad_number), 10, "{}", err(&bad_number));
    let nobody_there = telco()
        .args(["cowrie", "balance", "--base-url", "http://127.0.0.1:9"])
        .args(["--client-id", "a", "--client-key", "env:K"])
        .env("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .output()
        .unwrap();
    assert_eq!(code(&nobody_there), 10, "{}", err(&nobody_there));
}

#[test]
fn exit_11_when_the_provider_says_no() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let too_much = cowrie(
        &sandbox,
        &["credit", "--msisdn", "08031234567", "--amount", "999999999"],
    );
    assert_eq!(code(&too_much), 11, "{}", err(&too_much));
}

#[test]
fn exit_12_when_nobody_can_tell_and_it_says_how_to_settle() {
    let sandbox = Sandbox::start(r#"[{"operation": "credit", "phases": ["act-then-reset"]}]"#);
    let unknown = cowrie(&sandbox, &TOPUP);
    assert_eq!(code(&unknown), 12, "{}", err(&unknown));
    assert!(err(&unknown).contains("order-1"), "{}", err(&unknown));
    assert!(err(&unknown).contains("cowrie check"), "{}", err(&unknown));
    let found = cowrie(
        &sandbox,
        &["check", "--reference", "order-1", "--output", "json"],
    );
    let found: Value = serde_json::from_slice(&found.stdout).unwrap();
    assert_eq!(found["found"], true);
}

#[test]
fn exit_13_when_a_read_got_no_usable_answer() {
    let sandbox = Sandbox::start(r#"[{"operation": "balance", "phases": ["garbage"]}]"#);
    let unread = cowrie(&sandbox, &["balance"]);
    assert_eq!(code(&unread), 13, "{}", err(&unread));
}

#[test]
fn spending_beyond_this_machine_wants_a_yes() {
    let refused = telco()
        .args([
            "cowrie",
            "credit",
            "--msisdn",
            "08031234567",
            "--amount",
            "100",
        ])
        .args(["--client-id", "a", "--client-key", "env:K"])
        .env("K", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .output()
        .unwrap();
    assert_eq!(code(&refused), 2);
    assert!(err(&refused).contains("--yes"), "{}", err(&refused));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    for words in [
        &["completions", "zsh"][..],
        &["cowrie", "plans"],
        &["--help"],
    ] {
        let mut child = telco()
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(child.wait().unwrap().success(), "{words:?}: {told}");
        assert!(told.is_empty(), "{words:?}: {told}");
    }
}

#[test]
fn secrets_from_standard_input_and_the_documented_signature() {
    let mut child = telco()
        .args([
            "cowrie",
            "sign",
            "--client-key",
            "-",
            "--nonce",
            "20151110202513869",
        ])
        .args([
            "net=AIR",
            "msisdn=2348124661601",
            "amount=100",
            "xref=7734c7da7687442",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n")
        .unwrap();
    let signed = child.wait_with_output().unwrap();
    assert_eq!(
        out(&signed),
        "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk=\n"
    );
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]);
        assert_eq!(code(&script), 0);
        assert!(out(&script).contains("doctor"), "{shell}");
    }
}

#[test]
fn doctor_says_what_is_missing_and_shows_no_secret() {
    let sandbox = Sandbox::start(NO_FAULTS);
    let account = &sandbox.about["cowrie"];
    let key = account["client_key"].as_str().unwrap();
    let doctor = |settings: &str, form: &str| {
        let path = sandbox.folder.path().join("telco.toml");
        std::fs::write(&path, settings).unwrap();
        telco()
            .args(["doctor", "--output", form, "--config"])
            .arg(path)
            .env("KEY", key)
            .output()
            .unwrap()
    };
    let well = format!(
        "[cowrie]\nbase_url = {}\nclient_id = {}\nclient_key = 'env:KEY'\n\
         [topup]\nledger = 'sqlite://{}/new.db'\n",
        account["base_url"],
        account["client_id"],
        sandbox.folder.path().display()
    );

    let fine = doctor(&well, "table");
    assert_eq!(code(&fine), 0, "{}{}", out(&fine), err(&fine));
    for line in [
        "✓ cowrie    client_key is readable (env:KEY)",
        "✓ cowrie    reachable, this machine, no TLS needed",
        "✓ cowrie    the account is known",
        "· kairos    not set up",
        "new.db will be made",
    ] {
        assert!(out(&fine).contains(line), "{line} in\n{}", out(&fine));
    }
    assert!(!out(&fine).contains(key));
    let lines = out(&doctor(&well, "json"));
    assert!(lines.lines().count() > 5);
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["subject"].is_string() && line["state"].is_string());
    }

    for (settings, told) in [
        (
            well.replace("env:KEY", "env:NONE"),
            "the environment variable NONE is not set",
        ),
        (
            well.replace("client_key", "client_ky"),
            "client_ky is no setting of [cowrie]",
        ),
        (well.replace("env:KEY", "hunter2hunter2"), "env:NAME"),
        (well.replace("[topup]", "[top]"), "[top] is no section"),
        (well.replace("sqlite://", "mysql://"), "write sqlite://FILE"),
        (
            format!("{well}lease = '60'\n"),
            "a lease of 60 s is too short",
        ),
        (
            format!("{well}sent_within = 'six'\n"),
            "sent_within is no number of days",
        ),
        (
            well.replace("/new.db", "/none/new.db"),
            "make the folder first",
        ),
        (
            well.replace("client_id", "# client_id"),
            "TELCO_COWRIE_CLIENT_ID",
        ),
        (
            well.replace("http://127.0.0.1", "http://example.com"),
            "base_url: ",
        ),
    ] {
        let ill = doctor(&settings, "table");
        assert_eq!(code(&ill), 10, "{settings}\n{}", out(&ill));
        assert!(out(&ill).contains(told), "{told} in\n{}", out(&ill));
        assert!(!out(&ill).contains("hunter2"));
    }
    // What `bulk` refuses, with its exit code.
    let (before, after) = well.split_once("ledger = ").unwrap();
    let (_, rest) = after.split_once('\n').unwrap();
    let ledger = "ledger = 'postgres://app:hunter2@127.0.0.1:9/none'";
    let ill = doctor(&format!("{before}{ledger}\n{rest}"), "table");
    assert_eq!(code(&ill), 2, "{}", out(&ill));
    assert!(out(&ill).contains("PGPASSWORD") && !out(&ill).contains("hunter2"));
}

/// A variable that is there and empty names no ledger, and excuses no password in the file.
#[test]
fn an_empty_variable_switches_no_check_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    let ledger = "[topup]\nledger = 'postgres://app:hunter2@127.0.0.1:9/none'\n";
    std::fs::write(&path, ledger).unwrap();
    let mut status = telco();
    status.args(["topup", "status", "--config"]).arg(path);
    let refused = status.env("TELCO_TOPUP_LEDGER", "").output().unwrap();
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    assert!(err(&refused).contains("PGPASSWORD"), "{}", err(&refused));
}

#[test]
fn doctor_wants_no_more_of_mor_than_its_commands_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    std::fs::write(&path, "[mor]\nsecret = 'env:KEY'\n").unwrap();
    let doctor = telco()
        .args(["doctor", "--config"])
        .arg(path)
        .env("KEY", "secret")
        .output()
        .unwrap();
    assert_eq!(code(&doctor), 0, "{}{}", out(&doctor), err(&doctor));
    assert!(!out(&doctor).contains("reachable"), "nobody was asked");
}

#[cfg(unix)]
#[test]
fn doctor_wants_secrets_and_ledgers_to_be_the_owners() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["key", "ledger.db"] {
        std::fs::write(path(name), "secret").unwrap();
        std::fs::set_permissions(path(name), PermissionsExt::from_mode(0o644)).unwrap();
    }
    let settings = format!(
        "[mor]\nsecret = 'file:{0}/key'\n[topup]\nledger = 'sqlite://{0}/ledger.db'\n",
        folder.path().display()
    );
    std::fs::write(path("telco.toml"), settings).unwrap();
    let ill = telco()
        .args(["doctor", "--config"])
        .arg(path("telco.toml"))
        .output()
        .unwrap();
    let told = out(&ill);
    assert_eq!(code(&ill), 10);
    assert_eq!(
        told.matches("others on this machine can read").count(),
        2,
        "{told}"
    );
    assert_eq!(told.matches("chmod 600").count(), 2, "{told}");
}

#[test]
fn the_example_is_a_settings_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telco.toml");
    std::fs::write(&path, run(&["config", "example"]).stdout).unwrap();
    let read = telco()
        .args(["mor", "hash", "--secret", "env:K", "a=1", "--config"])
        .arg(path)
        .env("K", "k")
        .output()
        .unwrap();
    assert!(!err(&read).contains("no valid TOML"), "{}", err(&read));
}
