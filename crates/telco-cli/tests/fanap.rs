//! `telco fanap …` as a script sees it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod common;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output};

use common::{Sandbox, code, err, out, telco};
use serde_json::{Value, json};

const PHONE: &str = "09121234567";

/// The program, with the account of this sandbox in its environment.
fn fanap(sandbox: &Sandbox, args: &[&str]) -> Command {
    let account = &sandbox.about["fanap"];
    let text = |field: &str| account[field].as_str().unwrap();
    let mut command = telco();
    command.current_dir(sandbox.folder.path());
    for field in [
        "base_url",
        "app_id",
        "tenant_id",
        "service_key",
        "product_id",
    ] {
        command.env(format!("TELCO_FANAP_{}", field.to_uppercase()), text(field));
    }
    command
        .env("TELCO_FANAP_VERIFICATION_URL", text("base_url"))
        .env(
            "TELCO_FANAP_PRIVATE_KEY",
            format!("file:{}", text("private_key_path")),
        )
        .arg("fanap")
        .args(args);
    command
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Output {
    fanap(sandbox, args).output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The console's word.
fn console(sandbox: &Sandbox, path: &str) -> Value {
    let authority = sandbox.about["console"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let authority = authority.split('/').next().unwrap();
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(
        stream,
        "GET /_sandbox/{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// What the phone's owner reads, put where `--code` finds it.
fn write_code(sandbox: &Sandbox) {
    let received = console(sandbox, "handsets/989121234567");
    let shown = received["received"][0].to_string();
    let text = shown.split("text").nth(1).unwrap();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    std::fs::write(sandbox.folder.path().join("code"), format!("{digits}\n")).unwrap();
}

/// A start whose pending record is in a file.
fn started(sandbox: &Sandbox) {
    let started = run(
        sandbox,
        &["start", "--phone", PHONE, "--reference", "order-1"],
    );
    assert_eq!(code(&started), 0, "{}", err(&started));
    assert_eq!(
        out(&started).lines().count(),
        1,
        "the pending record and nothing else"
    );
    std::fs::write(sandbox.folder.path().join("pending"), &started.stdout).unwrap();
    write_code(sandbox);
}

const COMMIT: [&str; 5] = ["commit", "--pending", "file:pending", "--code", "file:code"];

#[test]
fn a_subscription_from_start_to_verification() {
    let sandbox = Sandbox::start("[]");
    started(&sandbox);
    let asked = || {
        document(&run(
            &sandbox,
            &["verification", "--phone", PHONE, "--output", "json"],
        ))
    };
    assert_eq!(asked()["subscribed"], false);
    let committed = run(&sandbox, &[&COMMIT[..], &["--output", "json"]].concat());
    assert_eq!(code(&committed), 0, "{}", err(&committed));
    // Absolute, since it is another one in another folder.
    let store = sandbox.folder.path().canonicalize().unwrap();
    let store = format!(
        "new store of codes {}",
        store.join("telco-otp.sqlite").display()
    );
    assert!(
        err(&committed).contains(&store),
        "{store}: {}",
        err(&committed)
    );
    let committed = document(&committed);
    assert_eq!(
        (&committed["outcome"], &committed["reference"]),
        (&json!("accepted"), &json!("order-1"))
    );
    assert_eq!(committed["phone"], "9891*****567");
    assert_eq!(asked()["subscribed"], true);
    // Something acted before: that is no refusal. And nothing is sent that could charge again.
    let before = console(&sandbox, "ledger");
    let again = run(&sandbox, &COMMIT);
    assert_eq!(code(&again), 12, "{}", err(&again));
    assert!(!err(&again).contains("new store"), "{}", err(&again));
    for told in ["nothing was sent this time", "fanap verification"] {
        assert!(err(&again).contains(told), "{told}: {}", err(&again));
    }
    assert_eq!(console(&sandbox, "ledger"), before);
    // Another store knows nothing of it, and the provider is asked.
    let elsewhere = [&COMMIT[..], &["--otp-store", "other.sqlite"]].concat();
    let asked = run(&sandbox, &elsewhere);
    assert!(err(&asked).contains("other.sqlite"), "{}", err(&asked));
    assert!(
        !err(&asked).contains("nothing was sent this time"),
        "{}",
        err(&asked)
    );
    assert_ne!(console(&sandbox, "ledger"), before);
}

#[test]
fn a_start_tells_a_script_everything_in_one_document() {
    let sandbox = Sandbox::start("[]");
    let started = run(
        &sandbox,
        &["start", "--phone", "+98 912 123 4567", "--output", "json"],
    );
    let told = document(&started);
    assert_eq!(told["outcome"], "accepted");
    assert!(
        told["pending"]
            .as_str()
            .unwrap()
            .contains(told["correlation_id"].as_str().unwrap())
    );
    assert!(
        err(&started).contains(told["reference"].as_str().unwrap()),
        "before anything is sent"
    );
}

#[test]
fn every_way_a_commit_can_end_has_its_exit_code() {
    let sandbox = Sandbox::start(
        r#"[{"provider": "fanap", "operation": "commit", "phases": ["act-then-reset"], "when": {"nth": [2]}}]"#,
    );
    started(&sandbox);
    std::fs::write(sandbox.folder.path().join("wrong"), "00000").unwrap();
    let wrong = run(
        &sandbox,
        &[
            "commit",
            "--pending",
            "file:pending",
            "--code",
            "file:wrong",
        ],
    );
    assert_eq!(code(&wrong), 11, "{}", err(&wrong));
    assert!(
        err(&wrong).contains("nothing was charged"),
        "{}",
        err(&wrong)
    );
    let lost = run(&sandbox, &COMMIT);
    assert_eq!(code(&lost), 12, "{}", err(&lost));
    let told = err(&lost);
    assert!(
        told.contains("order-1") && told.contains("do not commit again"),
        "{told}"
    );
    // A second press while nobody knows what the first one did.
    let again = run(&sandbox, &COMMIT);
    assert_eq!(code(&again), 12, "{}", err(&again));
    let told = err(&again);
    assert!(told.contains("nothing was sent this time"), "{told}");

    std::fs::write(sandbox.folder.path().join("nonsense"), "otp1|x").unwrap();
    for args in [
        &[
            "commit",
            "--pending",
            "file:nonsense",
            "--code",
            "file:code",
        ][..],
        &[
            "commit",
            "--pending",
            "file:pending",
            "--code",
            "env:NOT_SET",
        ],
        &["start", "--phone", "02188880000"],
        &[
            "start",
            "--phone",
            PHONE,
            "--base-url",
            "http://127.0.0.1:9",
        ],
        &["start", "--phone", PHONE, "--key", "file:pending"],
        // A real provider costs money, and there is no terminal to ask on.
        &["commit", "--pending", "-", "--code", "-"],
        &[&COMMIT[..], &["--base-url", "https://sscp.sdp.fanap.plus"]].concat(),
        &[
            "start",
            "--phone",
            PHONE,
            "--base-url",
            "https://sscp.sdp.fanap.plus",
        ],
    ] {
        let refused = run(&sandbox, args);
        let expected = if args.contains(&"-") || args.contains(&"https://sscp.sdp.fanap.plus") {
            2
        } else {
            10
        };
        assert_eq!(code(&refused), expected, "{args:?}: {}", err(&refused));
        assert!(refused.stdout.is_empty());
    }
    // A key that another account registered.
    let keys = run(&sandbox, &["key", "generate", "--out", "keys"]);
    assert_eq!(code(&keys), 0, "{}", err(&keys));
    let refused = run(
        &sandbox,
        &["start", "--phone", PHONE, "--key", "file:keys/private.xml"],
    );
    assert_eq!(code(&refused), 11, "{}", err(&refused));
    assert!(
        err(&refused).contains("public.xml is registered"),
        "{}",
        err(&refused)
    );
    let unread = run(
        &sandbox,
        &[
            "verification",
            "--phone",
            PHONE,
            "--key",
            "file:keys/private.xml",
        ],
    );
    assert_eq!(code(&unread), 13, "{}", err(&unread));
}

/// An interruption while the subscriber may just be charged: the first waits for the answer, the second says what is unknown.
#[cfg(unix)]
#[test]
fn an_interrupted_commit_is_never_called_lost_without_harm() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    let sandbox = Sandbox::start(
        r#"[{"provider": "fanap", "operation": "commit", "phases": ["act-then-stall"]}]"#,
    );
    started(&sandbox);
    let before = console(&sandbox, "ledger");
    let mut child = fanap(&sandbox, &COMMIT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let id = child.id().to_string();
    let signal = |name: &str| {
        let sent = Command::new("kill").args([name, &id]).status();
        assert!(sent.unwrap().success());
    };
    // The books show it as soon as it arrived: then it is out.
    while console(&sandbox, "ledger") == before {}
    let store = lines.next().unwrap().unwrap();
    assert!(store.contains("new store"), "{store}");
    signal("-INT");
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("waiting for its answer"), "{first}");
    signal("-TERM");
    let last = lines.next().unwrap().unwrap();
    assert!(last.contains("unknown outcome of order-1"), "{last}");
    let help = lines.next().unwrap().unwrap();
    assert!(help.contains("do not commit again"), "{help}");
    assert_eq!(child.wait().unwrap().code(), Some(12));
}

#[test]
fn the_demo_tells_its_chapter() {
    let demo = common::run(&["demo", "--output", "json"]);
    assert_eq!(code(&demo), 0, "{}", err(&demo));
    let told = out(&demo);
    assert!(
        told.contains("charged once") && told.contains("FanapPlus"),
        "{told}"
    );
    let last: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    assert_eq!(last["requested"], last["delivered"]);
    assert_eq!((&last["doubled"], &last["lost"]), (&json!(0), &json!(0)));
}
