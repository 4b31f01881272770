//! `telco citcall …` as a script sees it: the cipher by itself, a call, a code checked, a lost answer, messages, pushes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use common::{Sandbox, code, err, out, telco};
use serde_json::Value;

const KEY: &str = "fe01ce2a7fbac8fafaed7c982a04e229";
const SAMPLE: &str = r#"{"msisdn":"081234567890","gateway":1,"clientUniqueId":"1234567890"}"#;
const SEALED: &str = "X3wBT1F3A1AFTHlKcjQQPEMuNHQNPXheWEh5UVh_TldhemxJQi4rEzUSLEhyAU5_ci0yOzgJPHsVfzcSCBJ7QWJse09Te39VB1MEf3JE";
const OTP_KEY: &str = "0123456789abcdef0123456789abcdef";

fn with_input(command: &mut Command, input: &[u8]) -> Output {
    let mut process = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its arguments may not read on.
    let _ = process.stdin.take().unwrap().write_all(input);
    process.wait_with_output().unwrap()
}

/// `telco citcall …` with these words, the key in `S`.
fn citcall(words: &[&str], input: &[u8]) -> Output {
    let mut command = telco();
    command.env("S", KEY).arg("citcall").args(words);
    let output = with_input(&mut command, input);
    assert!(!out(&output).contains(KEY) && !err(&output).contains(KEY));
    output
}

const KEYS: [&str; 4] = ["--client-id", "demo", "--secret", "env:S"];

#[test]
fn encrypt_prints_the_published_ciphertext() {
    let words = [&["encrypt"], &KEYS[..], &["--at", "1519012727"]].concat();
    let output = citcall(&words, SAMPLE.as_bytes());
    assert_eq!((code(&output), out(&output)), (0, format!("{SEALED}\n")));
    let json = [&["--output", "json"], &words[..]].concat();
    let output = citcall(&json, SAMPLE.as_bytes());
    let printed: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(printed["ciphertext"], SEALED);
}

#[test]
fn decrypt_prints_the_text_untouched() {
    let words = [&["decrypt"], &KEYS[..]].concat();
    let any = [&words[..], &["--any-time"]].concat();
    // Wrapped, as logs do it.
    let wrapped = format!("{}\r\n  {}\n", &SEALED[..50], &SEALED[50..]);
    let output = citcall(&any, wrapped.as_bytes());
    assert_eq!((code(&output), out(&output)), (0, SAMPLE.to_owned()));
    for (now, window, fresh) in [
        ("1519013207", None, true),
        ("1519013208", None, false),
        ("1519012246", None, false),
        ("1519013208", Some("481"), true),
    ] {
        let mut words = [&words[..], &["--now", now]].concat();
        if let Some(window) = window {
            words.extend(["--window", window]);
        }
        let output = citcall(&words, SEALED.as_bytes());
        assert_eq!(code(&output), if fresh { 0 } else { 10 }, "{now}");
        assert_eq!(out(&output).is_empty(), !fresh);
    }
    assert_eq!(code(&citcall(&words, SEALED.as_bytes())), 10, "years old");
}

#[test]
fn what_cannot_be_sealed_or_opened_says_why() {
    let seal = [&["encrypt"], &KEYS[..]].concat();
    let output = citcall(&seal, "{\"a\":\"é\"}".as_bytes());
    assert_eq!(code(&output), 10);
    assert!(err(&output).contains("\\uXXXX"), "{}", err(&output));
    assert_eq!(code(&citcall(&seal, &[0xff])), 10);
    let open = [&["decrypt", "--any-time"], &KEYS[..]].concat();
    let mut printed = SEALED.to_owned();
    printed.replace_range(14..15, "1");
    for (text, help) in [
        (printed.as_str(), "--secret"),
        ("%%%", "copying"),
        ("", "--secret"),
    ] {
        let output = citcall(&open, text.as_bytes());
        assert_eq!(code(&output), 10, "{text}");
        assert!(err(&output).contains(help), "{}", err(&output));
    }
    // A literal secret, and one input for two things.
    for secret in [KEY, "-"] {
        let words = ["encrypt", "--client-id", "demo", "--secret", secret];
        assert_eq!(code(&citcall(&words, b"{}")), 2);
    }
}

/// With Citcall's account of this sandbox, and a key and a store for codes.
fn account(sandbox: &Sandbox) -> Command {
    let mut command = sandbox.telco();
    for field in ["base_url", "user_id", "api_key"] {
        let value = sandbox.about["citcall"][field].as_str().unwrap();
        command.env(format!("TELCO_CITCALL_{}", field.to_uppercase()), value);
    }
    command
        .env("OTP_KEY", OTP_KEY)
        .env("TELCO_CITCALL_OTP_KEY", "env:OTP_KEY")
        .env(
            "TELCO_CITCALL_OTP_STORE",
            sandbox.folder.path().join("otp.sqlite"),
        );
    command.arg("citcall");
    command
}

/// What the newest arrival on this phone says, read as its owner would: by the sandbox's own page.
fn handset(sandbox: &Sandbox, number: &str) -> Value {
    let console = sandbox.about["console"].as_str().unwrap();
    let authority = console
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let mut stream = std::net::TcpStream::connect(&authority).unwrap();
    let request = format!(
        "GET /_sandbox/handsets/{number} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let arrivals: Value = serde_json::from_str(body).unwrap();
    arrivals["received"][0]["arrival"].clone()
}

fn verify(sandbox: &Sandbox, pending: &str, typed: &str) -> (i32, Value) {
    let mut command = account(sandbox);
    command
        .env("P", pending)
        .args(["--output", "json", "verify", "--pending", "env:P"]);
    let output = with_input(&mut command, typed.as_bytes());
    let printed = serde_json::from_str(&out(&output)).unwrap_or(Value::Null);
    (code(&output), printed)
}

fn call(sandbox: &Sandbox, words: &[&str]) -> Output {
    account(sandbox)
        .args(["call", "--msisdn", "0812 3456 7890"])
        .args(words)
        .output()
        .unwrap()
}

#[test]
fn a_call_and_its_code() {
    let sandbox = Sandbox::start("[]");
    let output = call(&sandbox, &[]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    assert!(
        err(&output).contains("calling from 021508"),
        "{}",
        err(&output)
    );
    let pending = out(&output);
    let from = handset(&sandbox, "6281234567890")["from"].clone();
    let from = from.as_str().unwrap();
    let last = &from[from.len() - 4..];
    assert!(!err(&output).contains(from), "the code is not shown");
    let wrong = if last == "0000" { "0001\n" } else { "0000\n" };
    let (exit, printed) = verify(&sandbox, &pending, wrong);
    assert_eq!((exit, &printed["result"]), (11, &"wrong".into()));
    // Counted in the file, so also by the next process.
    assert_eq!(printed["attempts_left"], 4);
    let (_, printed) = verify(&sandbox, &pending, wrong);
    assert_eq!(printed["attempts_left"], 3);
    let (exit, printed) = verify(&sandbox, &pending, "hello\n");
    assert_eq!((exit, &printed["result"]), (11, &"malformed".into()));
    let (exit, printed) = verify(&sandbox, &pending, &format!("{last}\n"));
    assert_eq!((exit, &printed["valid"]), (0, &true.into()), "{printed}");
    assert_eq!(printed["msisdn"], "6281******890");
    let (exit, printed) = verify(&sandbox, &pending, from);
    assert_eq!((exit, &printed["result"]), (11, &"used".into()));
    assert_eq!(verify(&sandbox, "nonsense", "1234").0, 10);
}

/// A key in a file, as an editor leaves it, is the key itself: `call` and `verify` may read it from different places.
#[test]
fn a_line_end_is_no_part_of_the_key_of_codes() {
    let sandbox = Sandbox::start("[]");
    let file = sandbox.folder.path().join("otp.key");
    std::fs::write(&file, format!("{OTP_KEY}\n")).unwrap();
    let output = call(
        &sandbox,
        &["--otp-key", &format!("file:{}", file.display())],
    );
    assert_eq!(code(&output), 0, "{}", err(&output));
    let from = handset(&sandbox, "6281234567890")["from"].clone();
    let from = from.as_str().unwrap();
    let (exit, printed) = verify(&sandbox, &out(&output), &from[from.len() - 4..]);
    assert_eq!((exit, &printed["valid"]), (0, &true.into()), "{printed}");
}

#[test]
fn v3_checks_at_the_provider() {
    let sandbox = Sandbox::start("[]");
    let output = call(&sandbox, &["--api", "v3", "--output", "json"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let printed: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(printed["verifiable"], true);
    let pending = printed["pending"].as_str().unwrap();
    let from = handset(&sandbox, "6281234567890")["from"].clone();
    let from = from.as_str().unwrap();
    let (exit, printed) = verify(&sandbox, pending, &from[from.len() - 4..]);
    assert_eq!(exit, 0, "{printed}");

    let message = ["sms", "--msisdn", "081234567890", "--sender", "CITCALL"];
    let send = |words: &[&str]| {
        let mut command = account(&sandbox);
        command.args(message).args(words).output().unwrap()
    };
    let output = send(&["--text", "XXXXX is your number", "--otp"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let text = handset(&sandbox, "6281234567890")["text"].clone();
    let (exit, _) = verify(&sandbox, &out(&output), &text.as_str().unwrap()[..5]);
    assert_eq!(exit, 0);
    assert_eq!(code(&send(&["--text", "Your parcel is here"])), 0);
    assert_eq!(code(&send(&["--text", "your OTP"])), 10, "a word of codes");
    assert_eq!(code(&send(&["--text", "x", "--otp"])), 10, "no XXXXX");
    assert_eq!(code(&send(&["--text", "x", "--api", "v2"])), 2);
}

#[test]
fn each_end_has_its_exit_code() {
    let sandbox = Sandbox::start(
        r#"[{"provider":"citcall","phases":["act-then-reset"],"reference":"lost-1"}]"#,
    );
    let output = call(&sandbox, &["--reference", "lost-1"]);
    assert_eq!(code(&output), 12, "{}", err(&output));
    assert!(err(&output).contains("do not call again by yourself"));
    assert_eq!(out(&output), "");
    let refused = account(&sandbox)
        .args(["call", "--msisdn", "081100000014"])
        .output()
        .unwrap();
    assert_eq!(code(&refused), 11);
    assert!(err(&refused).contains("code 14"), "{}", err(&refused));
    for msisdn in ["81299999999", "0812", "hello"] {
        let output = account(&sandbox)
            .args(["call", "--msisdn", msisdn])
            .output()
            .unwrap();
        assert_eq!(code(&output), 10, "{msisdn}");
        assert!(!err(&output).contains("9999"));
    }
    let mut unset = telco();
    let output = unset
        .args(["citcall", "call", "--msisdn", "081234567890"])
        .output()
        .unwrap();
    assert_eq!(code(&output), 10);
    assert!(err(&output).contains("--otp-key"), "{}", err(&output));
    // Not this machine: a script must say yes.
    for words in [&["call"][..], &["sms", "--sender", "X", "--text", "hello"]] {
        let output = account(&sandbox)
            .env("TELCO_CITCALL_BASE_URL", "https://gateway.example.com")
            .args(words)
            .args(["--msisdn", "081234567890"])
            .output()
            .unwrap();
        assert_eq!(code(&output), 2, "{words:?}");
        let told = err(&output);
        assert!(
            told.contains("--yes") && told.contains(" 6281******890 at "),
            "{told}"
        );
    }
}

#[test]
fn pushes_are_read_and_never_verified() {
    let call = r#"{"rc":0,"trxid":"2","msisdn":"+6281234567890","token":"02150123456","call_status":"ANSWERED","result":"Success"}"#;
    let output = citcall(&["--output", "json", "callback"], call.as_bytes());
    assert_eq!(code(&output), 0);
    let printed: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(printed["verified"], false);
    assert_eq!(printed["caller"], "0215012xxxx");
    assert_eq!(printed["msisdn"], "6281******890");
    assert!(err(&output).contains("nothing proves"));

    let words = [&["encrypt"], &KEYS[..], &["--at", "1519012727"]].concat();
    let sealed = out(&citcall(&words, call.as_bytes()));
    let sealed = format!("{{\"data\":\"{}\"}}", sealed.trim_end());
    let open = [
        &["--output", "json", "callback"],
        &KEYS[..],
        &["--now", "1519012730"],
    ]
    .concat();
    let output = citcall(&open, sealed.as_bytes());
    let printed: Value = serde_json::from_str(&out(&output)).unwrap();
    assert_eq!(printed["encrypted"], true);
    let late = [&["callback"], &KEYS[..]].concat();
    assert_eq!(code(&citcall(&late, sealed.as_bytes())), 10);
    assert_eq!(code(&citcall(&["callback"], sealed.as_bytes())), 10);

    // Anybody can push; what a terminal would obey does not reach it.
    let forged = r#"{"rc":0,"trxid":"\u001b]52;c;cm0=\u0007","msisdn":"+6281234567890","result":"a\rb\u009b2J"}"#;
    for form in ["table", "json"] {
        let shown = citcall(&["--output", form, "callback"], forged.as_bytes());
        assert_eq!(code(&shown), 0, "{}", err(&shown));
        let is_obeyed = |c: char| c.is_control() && c != '\n';
        assert!(!out(&shown).contains(is_obeyed), "{:?}", out(&shown));
    }

    let report = br#"{"trxid":"t","result":"Success"}"#;
    // A message's report has no rc, a call's has.
    for words in [&["callback"][..], &["callback", "--kind", "sms"]] {
        assert_eq!(code(&citcall(words, report)), 0);
    }
    let words = ["callback", "--kind", "call"];
    assert_eq!(code(&citcall(&words, report)), 10);
    assert_eq!(code(&citcall(&["callback"], b"hello")), 10);
}
