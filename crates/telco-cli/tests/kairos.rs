//! `telco kairos …` as a script sees it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::JoinHandle;

use common::{Sandbox, code, err, out, telco};
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/interop")
        .join(name)
}

/// The program, with the account of this sandbox in its environment.
fn kairos(sandbox: &Sandbox, args: &[&str]) -> Command {
    let account = &sandbox.about["kairos"];
    let mut command = telco();
    for field in ["base_url", "security_id", "flow_id", "public_key_path"] {
        let name = format!("TELCO_KAIROS_{}", field.to_uppercase());
        command.env(name, account[field].as_str().unwrap());
    }
    command.arg("kairos").args(args);
    command
}

fn run(sandbox: &Sandbox, args: &[&str]) -> Output {
    kairos(sandbox, args).output().unwrap()
}

fn feed(command: &mut Command, input: &[u8]) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that refuses its flags does not read.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Lets the calls end that were placed: a pull knows a call once it is over.
fn calls_end(sandbox: &Sandbox) {
    let console = sandbox.about["console"].as_str().unwrap();
    let authority = console.strip_prefix("http://").unwrap();
    let authority = authority.split('/').next().unwrap();
    let body = r#"{"advance_ms":2000}"#;
    let mut stream = TcpStream::connect(authority).unwrap();
    write!(
        stream,
        "POST /_sandbox/time HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

const CALL: [&str; 5] = ["call", "--to", "98123 45678", "--reference", "due-17"];

#[test]
fn a_call_and_what_became_of_it() {
    let sandbox = Sandbox::start("[]");
    let mut calls = Vec::new();
    for kind in ["encrypted", "real-time"] {
        let placed = run(
            &sandbox,
            &[
                &CALL[..],
                &["--var", "Amount=1200", "--kind", kind, "--output", "json"],
            ]
            .concat(),
        );
        assert_eq!(code(&placed), 0, "{}", err(&placed));
        let rows = document(&placed);
        assert_eq!(rows[0]["reference"], "due-17");
        assert_eq!(rows[0]["outcome"], "accepted");
        calls.push(rows[0]["call_id"].as_str().unwrap().to_owned());
    }
    calls_end(&sandbox);
    let account = &sandbox.about["kairos"];
    let base = account["base_url"].as_str().unwrap();
    let origin = base.strip_suffix("/kairos-apis").unwrap();
    let url = format!("{origin}{}", account["pull_path"].as_str().unwrap());
    let pulled = run(
        &sandbox,
        &["pull", &calls[0], "--pull-url", &url, "--output", "json"],
    );
    assert_eq!(code(&pulled), 0, "{}", err(&pulled));
    let records = document(&pulled);
    assert_eq!(records[0]["call_id"], calls[0].as_str());
    assert_eq!(records[0]["other"]["client-identifier"], "due-17");
    let nowhere = run(&sandbox, &["pull", &calls[0]]);
    assert_eq!(code(&nowhere), 10);
    assert!(
        err(&nowhere).contains("TELCO_KAIROS_PULL_URL"),
        "{}",
        err(&nowhere)
    );
}

#[test]
fn a_batch_from_a_file_with_one_true_line_for_each_call() {
    let sandbox = Sandbox::start("[]");
    let csv = "reference,number,Amount\ndue-1,9812345671,\"1,200\"\n,9000001205,850\ndue-3,9812345673|9812345674,90\n";
    let mut command = kairos(
        &sandbox,
        &[
            "call",
            "--csv",
            "-",
            "--reference",
            "dues",
            "--output",
            "json",
        ],
    );
    let placed = feed(&mut command, csv.as_bytes());
    assert_eq!(code(&placed), 12, "{}", err(&placed));
    assert!(
        err(&placed).contains("1 of 3 calls may have been placed"),
        "{}",
        err(&placed)
    );
    let rows = document(&placed);
    let column = |name: &str| {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row[name].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(column("reference"), ["due-1", "dues-2", "due-3"]);
    assert_eq!(column("outcome"), ["accepted", "unknown", "accepted"]);
    for secret in ["1,200", "850", "98123"] {
        assert!(
            !out(&placed).contains(secret) && !err(&placed).contains(secret),
            "{secret}"
        );
    }
}

#[test]
fn exit_codes_tell_what_happened() {
    let sandbox = Sandbox::start(
        r#"[{"provider": "kairos", "reference": "lost", "phases": ["act-then-reset"]}]"#,
    );
    for (args, expected, told) in [
        (
            &["call", "--to", "9000000212"][..],
            11,
            "INSUFFICIENT_BALANCE",
        ),
        (
            &["call", "--to", "9812345678", "--reference", "lost"],
            12,
            "do not call again",
        ),
        (&["call", "--to", "12x"], 10, "number"),
        (
            &[
                "call",
                "--to",
                "9812345678",
                "--start-time",
                "2020-01-01T00:00:00+05:30",
            ],
            10,
            "past day",
        ),
        (
            &["call", "--to", "9812345678", "--start-time", "tomorrow"],
            10,
            "start time",
        ),
        (
            &["call", "--to", "9812345678", "--reference", "a b"],
            10,
            "reference",
        ),
        (
            &["call", "--to", "9812345678", "--padding", "rot13"],
            2,
            "oaep_sha256_java",
        ),
        (&["call"], 2, "--to"),
    ] {
        let ended = run(&sandbox, args);
        let shown = format!("{}{}", out(&ended), err(&ended));
        assert_eq!(code(&ended), expected, "{args:?}: {shown}");
        assert!(shown.contains(told), "{args:?}: {shown}");
    }
    let twice = "reference,number\na,9812345671\na,9812345672\n";
    let refused = feed(
        &mut kairos(&sandbox, &["call", "--csv", "-"]),
        twice.as_bytes(),
    );
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    let bad = "number\n9812345671\n981\n";
    let refused = feed(
        &mut kairos(&sandbox, &["call", "--csv", "-"]),
        bad.as_bytes(),
    );
    assert_eq!(code(&refused), 10);
    assert!(err(&refused).contains("line 3"), "{}", err(&refused));
}

#[test]
fn a_number_in_two_rows_is_called_twice_only_if_that_is_said() {
    let sandbox = Sandbox::start("[]");
    let csv = "number,Amount\n9812345671,1\n9812345672,2\n9812345670|98123 45671,3\n";
    let call = |flags: &[&str]| {
        let words = [&["call", "--csv", "-", "--output", "json"], flags].concat();
        feed(&mut kairos(&sandbox, &words), csv.as_bytes())
    };
    let refused = call(&[]);
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    for told in ["line 4", "--allow-duplicates"] {
        assert!(err(&refused).contains(told), "{}", err(&refused));
    }
    assert!(!err(&refused).contains("98123"), "{}", err(&refused));
    let placed = call(&["--allow-duplicates"]);
    assert_eq!(code(&placed), 0, "{}", err(&placed));
    assert_eq!(document(&placed).as_array().unwrap().len(), 3);

    // A quote that nobody closes takes no row with it.
    let open = "number,Amount\n9812345671,\"1\n9812345672,2\n";
    let refused = feed(
        &mut kairos(&sandbox, &["call", "--csv", "-"]),
        open.as_bytes(),
    );
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    assert!(
        err(&refused).contains("line 2: a quoted field"),
        "{}",
        err(&refused)
    );
}

#[test]
fn what_reaches_the_real_provider_is_asked_about() {
    let sandbox = Sandbox::start("[]");
    for args in [&CALL[..], &["generate-key-pair"], &["probe"]] {
        let refused = kairos(&sandbox, args)
            .env(
                "TELCO_KAIROS_BASE_URL",
                "https://central.phonon.io/kairos-apis",
            )
            .output()
            .unwrap();
        assert_eq!(code(&refused), 2, "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains("--yes"), "{}", err(&refused));
    }
}

#[test]
fn the_padding_is_found_and_a_new_key_pair_ends_the_old_key() {
    let sandbox = Sandbox::start("[]");
    let probed = run(&sandbox, &["probe", "--output", "json"]);
    assert_eq!(code(&probed), 0, "{}", err(&probed));
    let right =
        json!([{ "padding": "pkcs1v15", "finding": "right", "code": 302, "http_status": 200 }]);
    assert_eq!(document(&probed), right);

    let made = run(&sandbox, &["generate-key-pair", "--output", "json"]);
    assert_eq!(code(&made), 0, "{}", err(&made));
    assert_eq!(document(&made)["code"], 200);
    // The old public key opens nothing any more.
    let placed = run(&sandbox, &CALL);
    assert_eq!(code(&placed), 11, "{}", err(&placed));
    let probed = run(&sandbox, &["probe"]);
    assert_eq!(code(&probed), 13, "{}", err(&probed));
}

/// A provider that does just this with its connections. Its URL, and what it came to.
fn provider<T: Send + 'static>(
    serve: impl FnOnce(TcpListener) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/kairos-apis", listener.local_addr().unwrap());
    (url, std::thread::spawn(move || serve(listener)))
}

/// The next request, and the connection that waits for its answer.
fn asked(listener: &TcpListener) -> (TcpStream, Value) {
    let (stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(&stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (stream, serde_json::from_slice(&body).unwrap())
}

fn answer(mut stream: TcpStream, body: &Value) {
    let body = body.to_string();
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .unwrap();
}

/// What the provider says to a request that it took.
fn taken(request: &Value) -> Value {
    let calls = request["calls"].as_array().unwrap();
    let detail = |call: &Value| {
        let reference = call["client-identifier"].as_str().unwrap();
        json!({ "client-identifier": reference, "phonon-uuid": format!("id-of-{reference}") })
    };
    json!({
        "api-response-code": 200,
        "api-response-message": "SUCCESS",
        "request-id": "r1",
        "call-details": calls.iter().map(detail).collect::<Vec<_>>(),
    })
}

/// `kairos call` of so many rows, at this provider. 500 of them make a request.
fn call_rows(folder: &Path, url: &str, rows: usize) -> Command {
    let csv = folder.join("calls.csv");
    let lines: String = (0..rows).map(|n| format!("98{n:08}\n")).collect();
    std::fs::write(&csv, format!("number\n{lines}")).unwrap();
    let mut command = telco();
    command
        .args(["kairos", "call", "--kind", "real-time", "--output", "json"])
        .args(["--flow-id", "ZH0RKJvh", "--reference", "dues"])
        .args(["--base-url", url, "--csv"])
        .arg(csv)
        .env("TELCO_KAIROS_SECURITY_ID", "s".repeat(64))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The column of outcomes. An accepted row has its id.
fn outcomes(output: &Output) -> Vec<String> {
    let rows = document(output);
    let outcome = |row: &Value| {
        let outcome = row["outcome"].as_str().unwrap().to_owned();
        let id = format!("id-of-{}", row["reference"].as_str().unwrap());
        if outcome == "accepted" {
            assert_eq!(row["call_id"], id.as_str());
        }
        outcome
    };
    rows.as_array().unwrap().iter().map(outcome).collect()
}

/// So many of each, in this order.
fn column(parts: &[(&str, usize)]) -> Vec<String> {
    let repeat = |(outcome, times): &(&str, usize)| vec![(*outcome).to_owned(); *times];
    parts.iter().flat_map(repeat).collect()
}

/// 10 and 11 say that nobody was called; a script repeats the whole file then.
#[test]
fn a_batch_of_which_some_were_placed_never_ends_like_one_of_which_none_was() {
    let folder = tempfile::tempdir().unwrap();
    let (url, served) = provider(|listener| {
        let (stream, request) = asked(&listener);
        drop(listener);
        answer(stream, &taken(&request));
    });
    let placed = call_rows(folder.path(), &url, 501).output().unwrap();
    served.join().unwrap();
    assert_eq!(code(&placed), 12, "{}", err(&placed));
    assert_eq!(
        outcomes(&placed),
        column(&[("accepted", 500), ("not sent", 1)])
    );
    let help = "500 calls were placed: call only the rows that say not sent\n";
    assert!(err(&placed).contains(help), "{}", err(&placed));

    let (url, served) = provider(|listener| {
        let (stream, request) = asked(&listener);
        answer(stream, &taken(&request));
        let (stream, _) = asked(&listener);
        let refusal =
            json!({ "api-response-code": 212, "api-response-message": "INSUFFICIENT_BALANCE" });
        answer(stream, &refusal);
    });
    let placed = call_rows(folder.path(), &url, 1001).output().unwrap();
    served.join().unwrap();
    assert_eq!(code(&placed), 12, "{}", err(&placed));
    assert_eq!(
        outcomes(&placed),
        column(&[("accepted", 500), ("rejected", 500), ("not sent", 1)])
    );
    let help = "call only the rows that say not sent or rejected";
    assert!(err(&placed).contains(help), "{}", err(&placed));

    // Nobody listens there: none of them.
    let nowhere = call_rows(folder.path(), &url, 501).output().unwrap();
    assert_eq!(code(&nowhere), 10, "{}", err(&nowhere));
    assert_eq!(outcomes(&nowhere), column(&[("not sent", 501)]));
}

#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) {
    let killed = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
}

/// The request in flight is finished, the next one is not sent, and every call has its line. A terminal that is gone hangs up
/// more than once, and is not impatient.
#[cfg(unix)]
#[test]
fn ctrl_c_between_two_requests() {
    let folder = tempfile::tempdir().unwrap();
    for signals in [&["-INT"][..], &["-TERM"], &["-HUP", "-HUP"]] {
        if signals.contains(&"-HUP") && common::ignores_hangups(std::process::id()) {
            continue;
        }
        let (arrived, arrival) = std::sync::mpsc::channel();
        let (go, may_go) = std::sync::mpsc::channel();
        let (url, served) = provider(move |listener| {
            let (stream, request) = asked(&listener);
            arrived.send(()).unwrap();
            may_go.recv().unwrap();
            answer(stream, &taken(&request));
            listener
        });
        let mut child = call_rows(folder.path(), &url, 501).spawn().unwrap();
        arrival.recv().unwrap();
        let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
        for (at, name) in signals.iter().enumerate() {
            signal(&child, name);
            if at == 0 {
                let line = told.next().unwrap().unwrap();
                assert!(line.starts_with("stopping: "), "{line}");
            }
        }
        go.send(()).unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(code(&ended), 130, "{signals:?}");
        assert_eq!(
            outcomes(&ended),
            column(&[("accepted", 500), ("not sent", 1)])
        );
        let help = told.map(Result::unwrap).last().unwrap();
        assert!(help.contains("500 calls were placed"), "{help}");
        let listener = served.join().unwrap();
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "a second request was sent");
    }
}

/// The second signal stops waiting for the answer, and takes no row with it that has one.
#[cfg(unix)]
#[test]
fn a_second_signal_keeps_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (arrived, arrival) = std::sync::mpsc::channel();
    let (url, served) = provider(move |listener| {
        let (stream, request) = asked(&listener);
        answer(stream, &taken(&request));
        let (stream, _) = asked(&listener);
        arrived.send(()).unwrap();
        // Silence, until the caller hangs up.
        let _ = (&stream).read(&mut [0; 1]);
    });
    let mut child = call_rows(folder.path(), &url, 1001).spawn().unwrap();
    arrival.recv().unwrap();
    signal(&child, "-INT");
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = told.next().unwrap().unwrap();
    assert!(line.starts_with("stopping: "), "{line}");
    signal(&child, "-TERM");
    let ended = child.wait_with_output().unwrap();
    served.join().unwrap();
    assert_eq!(code(&ended), 12);
    assert_eq!(
        outcomes(&ended),
        column(&[("accepted", 500), ("unknown", 500), ("not sent", 1)])
    );
    let told: String = told.map(Result::unwrap).collect();
    for help in [
        "500 of 1001 calls may have been placed",
        "telco kairos pull",
    ] {
        assert!(told.contains(help), "{help}: {told}");
    }
}

/// It may be the only copy of the new key.
#[test]
fn an_answer_about_a_key_pair_that_says_no_outcome_is_kept() {
    let sandbox = Sandbox::start("[]");
    for form in ["json", "table"] {
        let (url, served) = provider(|listener| {
            let (stream, _) = asked(&listener);
            answer(stream, &json!({ "public-key": "MIIBIjANBg" }));
        });
        let made = run(
            &sandbox,
            &["generate-key-pair", "--base-url", &url, "--output", form],
        );
        served.join().unwrap();
        assert_eq!(code(&made), 12, "{}", err(&made));
        assert!(out(&made).contains("MIIBIjANBg"), "{}", out(&made));
        if form == "json" {
            let document = document(&made);
            assert_eq!(document["outcome"], "unknown");
            assert_eq!(document["answer"], r#"{"public-key":"MIIBIjANBg"}"#);
            assert!(document["reference"].is_string());
        }
    }
}

#[test]
fn pull_shows_no_whole_number_unless_it_is_asked_for() {
    let sandbox = Sandbox::start("[]");
    let placed = run(&sandbox, &[&CALL[..], &["--output", "json"]].concat());
    assert_eq!(code(&placed), 0, "{}", err(&placed));
    let id = document(&placed)[0]["call_id"].as_str().unwrap().to_owned();
    calls_end(&sandbox);
    let account = &sandbox.about["kairos"];
    let base = account["base_url"].as_str().unwrap();
    let origin = base.strip_suffix("/kairos-apis").unwrap();
    let url = format!("{origin}{}", account["pull_path"].as_str().unwrap());
    for form in ["json", "table"] {
        let pull = ["pull", &id, "--pull-url", &url, "--output", form];
        let masked = run(&sandbox, &pull);
        assert_eq!(code(&masked), 0, "{}", err(&masked));
        assert!(!out(&masked).contains("9812345678"), "{}", out(&masked));
        assert!(out(&masked).contains("9198*****678"), "{}", out(&masked));
        // What it is about can be read all the same.
        for kept in [id.as_str(), "due-17", "+05:30"] {
            assert!(out(&masked).contains(kept), "{kept}: {}", out(&masked));
        }
        let whole = run(&sandbox, &[&pull[..], &["--numbers"]].concat());
        assert!(out(&whole).contains("919812345678"), "{}", out(&whole));
    }
}

/// Of what the provider says about a call, too.
#[test]
fn call_shows_no_whole_number() {
    let folder = tempfile::tempdir().unwrap();
    let (url, served) = provider(|listener| {
        let (stream, request) = asked(&listener);
        let number = request["calls"][0]["contact-numbers"][0].clone();
        let refusal = json!({ "api-response-code": 205, "api-response-message": number });
        answer(stream, &refusal);
    });
    let placed = call_rows(folder.path(), &url, 1).output().unwrap();
    served.join().unwrap();
    assert_eq!(code(&placed), 11, "{}", err(&placed));
    let shown = out(&placed) + &err(&placed);
    assert!(!shown.contains("9800000000"), "{shown}");
}

#[test]
fn help_has_examples() {
    for command in ["call", "pull", "seal", "generate-key-pair", "probe"] {
        let help = common::run(&["kairos", command, "--help"]);
        let example = format!("telco kairos {command} ");
        assert!(out(&help).contains(&example), "{}", out(&help));
    }
    let help = out(&common::run(&["kairos", "call", "--help"]));
    assert!(help.contains("Exit codes: 0 all were accepted"), "{help}");
}

/// The chapter of the demo: each step, and the counters at its end.
#[test]
fn the_demo_tells_it() {
    let told = telco().args(["demo", "--output", "json"]).output().unwrap();
    assert_eq!(code(&told), 0, "{}", err(&told));
    let lines: Vec<Value> = out(&told)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let begins = lines
        .iter()
        .position(|line| line["chapter"] == "Kairos")
        .unwrap();
    let chapter: Vec<&Value> = lines[begins + 1..]
        .iter()
        .take_while(|line| line["step"].is_string())
        .collect();
    let became: Vec<&str> = chapter
        .iter()
        .map(|line| line["became"].as_str().unwrap())
        .collect();
    assert_eq!(became.len(), 4, "{became:?}");
    assert!(became[0].starts_with("two accepted"), "{became:?}");
    assert!(
        became[1].contains("does not confirm this call"),
        "{became:?}"
    );
    assert!(became[3].contains("valid, once"), "{became:?}");
    let end = lines.last().unwrap();
    assert_eq!((&end["doubled"], &end["lost"]), (&json!(0), &json!(0)));
    assert_eq!(end["requested"], end["delivered"]);
}

fn seal(args: &[&str], input: &[u8]) -> Output {
    let mut command = telco();
    command
        .args(["kairos", "seal", "--flow-id", "ZH0RKJvh", "--public-key"])
        .arg(file("flow-public.pem"))
        .args(args)
        .env("WEAK", "abcd1234")
        .env("STRONG", "abcd1234abcd1234");
    feed(&mut command, input)
}

/// The provider's published sample, by way of the program.
#[test]
fn seal_prints_the_providers_own_ciphertext() {
    let sample: Value =
        serde_json::from_slice(&std::fs::read(file("provider-sample.json")).unwrap()).unwrap();
    let json = sample["json"].as_str().unwrap();
    let sealed = seal(
        &["--key-string", "env:WEAK", "--allow-weak-key"],
        json.as_bytes(),
    );
    assert_eq!(code(&sealed), 0, "{}", err(&sealed));
    assert!(sealed.stdout.ends_with(b"}\n"));
    let envelope = document(&sealed);
    assert_eq!(
        envelope["requestEncryptedValue"],
        sample["requestEncryptedValue"]
    );
    assert_eq!(envelope["flow-id"], "ZH0RKJvh");
    let order = out(&sealed);
    let at = |name: &str| order.find(name).unwrap();
    assert!(at("requestEncryptedValue") < at("requestDigitalSignatureValue"));
    assert!(at("requestDigitalSignatureValue") < at("flow-id"));
    // Another byte inside, another ciphertext: nothing is trimmed or rewritten.
    let longer = seal(
        &["--key-string", "env:WEAK", "--allow-weak-key"],
        format!("{json}\n").as_bytes(),
    );
    assert_ne!(
        document(&longer)["requestEncryptedValue"],
        sample["requestEncryptedValue"]
    );
    // Without a key string of ours, no envelope is like another.
    let [one, two] = [seal(&[], b"{}"), seal(&[], b"{}")].map(|sealed| document(&sealed));
    assert_ne!(one["requestEncryptedValue"], two["requestEncryptedValue"]);
    let other = seal(
        &["--key-string", "env:STRONG", "--profile", "cbc-zero-iv"],
        json.as_bytes(),
    );
    assert_eq!(code(&other), 0, "{}", err(&other));
}

#[test]
fn what_cannot_be_sealed() {
    for (args, input, expected, told) in [
        (
            &["--key-string", "env:WEAK"][..],
            &b"{}"[..],
            10,
            "--allow-weak-key",
        ),
        (&["--key-string", "abcd1234"], b"{}", 2, "env:NAME"),
        (
            &["--key-string", "-"],
            b"{}",
            2,
            "standard input holds the JSON",
        ),
        (&["--key-string", "env:NONE"], b"{}", 10, "NONE is not set"),
        (&["--profile", "rot13"], b"{}", 2, "phonon"),
        (&["--padding", "none"], b"{}", 2, "pkcs1v15"),
        (&["--profile", "cbc-iv-field"], b"{}", 2, "--iv-field"),
        (&[], b"\xff", 10, "UTF-8"),
        (&[], br#"{"flow-id":"AAAAAAAA"}"#, 10, "flow-id"),
    ] {
        let refused = seal(args, input);
        assert_eq!(code(&refused), expected, "{args:?}: {}", err(&refused));
        assert!(err(&refused).contains(told), "{args:?}: {}", err(&refused));
        assert!(refused.stdout.is_empty() && !err(&refused).contains("abcd1234"));
    }
    let mut private = telco();
    private
        .args(["kairos", "seal", "--flow-id", "ZH0RKJvh", "--public-key"])
        .arg(file("flow-private.pem"));
    let refused = feed(&mut private, b"{}");
    assert_eq!(code(&refused), 10);
    assert!(err(&refused).contains("private"), "{}", err(&refused));
    assert!(!err(&refused).contains("MII"), "{}", err(&refused));
}
