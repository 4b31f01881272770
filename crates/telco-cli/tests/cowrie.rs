//! `telco cowrie …` as a person or a script meets it: outputs, exit codes, and secrets that are never repeated.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

use common::{Sandbox, code, err, out, run, telco};
use serde_json::Value;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const NUMBER: &str = "08031234567";

/// A fault of this operation, as the sandbox reads it.
fn fault(operation: &str, phase: &str) -> String {
    format!(r#"[{{"provider":"cowrie","operation":"{operation}","phases":["{phase}"]}}]"#)
}

fn quirk(operation: &str, quirk: &str) -> String {
    format!(r#"[{{"provider":"cowrie","operation":"{operation}","quirk":"{quirk}"}}]"#)
}

fn said(sandbox: &Sandbox, args: &[&str]) -> Output {
    let output = sandbox.telco().arg("cowrie").args(args).output().unwrap();
    let both = out(&output) + &err(&output);
    assert!(!both.contains(KEY), "{both}");
    output
}

fn json(output: &Output) -> Value {
    assert_eq!(code(output), 0, "{}", err(output));
    // One document, nothing else.
    serde_json::from_slice(&output.stdout).unwrap()
}

fn credit<'a>(reference: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "credit",
        "--msisdn",
        NUMBER,
        "--amount",
        "100",
        "--reference",
        reference,
    ];
    [&args, more].concat()
}

#[test]
fn balance_and_its_failures() {
    let sandbox = Sandbox::start("[]");
    let table = said(&sandbox, &["balance"]);
    assert_eq!(code(&table), 0);
    assert!(out(&table).contains("NGN 10000000.00") && out(&table).contains("4.00 %"));
    assert_eq!(err(&table), "");
    let document = json(&said(&sandbox, &["balance", "--output", "json"]));
    assert_eq!(document["balance"], "NGN 10000000.00");

    // The wrong key is a read without a usable answer, and is not repeated to anybody.
    let wrong = sandbox
        .telco()
        .env("TELCO_COWRIE_CLIENT_KEY", "d3Jvbmcta2V5LXdyb25nLWtleQ==")
        .args(["cowrie", "balance"])
        .output()
        .unwrap();
    assert_eq!(code(&wrong), 13);
    assert!(
        err(&wrong).contains("help: ") && !err(&wrong).contains("d3Jvbmct"),
        "{}",
        err(&wrong)
    );

    // Nobody listens there: nothing was sent.
    let gone = said(&sandbox, &["balance", "--base-url", "http://127.0.0.1:1"]);
    assert_eq!(code(&gone), 10);
}

#[test]
fn a_top_up_in_every_outcome() {
    let sandbox = Sandbox::start("[]");
    let bought = said(&sandbox, &credit("order-1", &[]));
    assert_eq!((code(&bought), err(&bought)), (0, String::new()));
    for shown in ["accepted", "order-1", "NGN 96.00"] {
        assert!(out(&bought).contains(shown), "{}", out(&bought));
    }
    let document = json(&said(&sandbox, &credit("order-2", &["--output", "json"])));
    assert_eq!(document["outcome"], "accepted");
    assert_eq!(document["reference"], "order-2");
    assert!(document["provider_id"].is_string() && document.get("pins").is_none());

    let data = said(
        &sandbox,
        &[
            "data", "--msisdn", NUMBER, "--amount", "350", "--bundle", "500mb1d", "--net", "glo",
        ],
    );
    assert_eq!(code(&data), 0);
    // Without a reference one is made up, and told before anything is sent.
    assert!(
        err(&data).contains(
            "
reference "
        ),
        "{}",
        err(&data)
    );
    assert!(err(&data).contains("first issued by another network"));

    let refused = Sandbox::start(&quirk("credit", "refuse-402"));
    let refused = said(&refused, &credit("order-3", &[]));
    assert_eq!((code(&refused), out(&refused)), (11, String::new()));
    assert!(err(&refused).contains("rejected: ") && err(&refused).contains("too little money"));
}

#[test]
fn an_unknown_outcome_exits_12_and_says_how_it_is_settled() {
    let sandbox = Sandbox::start(&fault("credit", "act-then-reset"));
    let lost = said(&sandbox, &credit("order-1", &[]));
    assert_eq!((code(&lost), out(&lost)), (12, String::new()));
    let told = err(&lost);
    assert!(
        told.contains("unknown outcome of order-1") && told.contains("telco cowrie check"),
        "{told}"
    );
    assert!(
        !told.contains(NUMBER) && !told.contains("8031234567"),
        "{told}"
    );

    let found = json(&said(
        &sandbox,
        &["check", "--reference", "order-1", "--output", "json"],
    ));
    assert_eq!(
        (&found["found"], &found["status"]),
        (&Value::Bool(true), &Value::from("OK"))
    );
    assert_eq!(found["msisdn"], "23480*****567");
    let missing = said(&sandbox, &["check", "--reference", "order-2"]);
    assert_eq!(code(&missing), 0);
    assert!(out(&missing).contains("false") && err(&missing).contains("proves nothing"));
}

#[test]
fn bought_pins_are_printed_in_one_document_and_can_be_spent() {
    let sandbox = Sandbox::start("[]");
    let order = [
        "pin",
        "--unit",
        "200",
        "--count",
        "3",
        "--message",
        "HappyNewYear",
        "--reference",
        "p1",
    ];
    let table = said(&sandbox, &order);
    assert_eq!(code(&table), 0);
    assert!(out(&table).contains("serial") && out(&table).contains("NGN 200.00"));

    let order = [
        "pin",
        "--unit",
        "200",
        "--count",
        "2",
        "--reference",
        "p2",
        "--output",
        "json",
    ];
    let document = json(&said(&sandbox, &order));
    let pins = document["pins"].as_array().unwrap();
    assert_eq!(pins.len(), 2);
    let pin = pins[0]["pin"].as_str().unwrap();

    // The PIN comes from a source, and is not repeated.
    let spend = |pin: &str, reference: &str| {
        let mut child = sandbox
            .telco()
            .args([
                "cowrie",
                "redeem",
                "--msisdn",
                NUMBER,
                "--pin",
                "-",
                "--reference",
                reference,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{pin}").unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(!(out(&output) + &err(&output)).contains(pin));
        output
    };
    let spent = spend(pin, "r1");
    assert_eq!(code(&spent), 0);
    assert!(out(&spent).contains("Topup complete"));
    assert_eq!(code(&spend(pin, "r2")), 11);

    let label = said(
        &sandbox,
        &["pin", "--unit", "200", "--message", "Happy New Year"],
    );
    assert_eq!(code(&label), 10);
    assert!(err(&label).contains("message"));
}

#[test]
fn paid_pins_in_an_answer_that_confirms_nothing_are_not_lost() {
    // Keys without quotes: no JSON, but the PIN stands in it.
    let sandbox = Sandbox::start(&quirk("pin-single", "unquoted-keys"));
    let order = [
        "pin",
        "--unit",
        "200",
        "--reference",
        "p1",
        "--output",
        "json",
    ];
    let output = said(&sandbox, &order);
    assert_eq!(code(&output), 12);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["outcome"], "unknown");
    assert!(document["answer"].as_str().unwrap().contains("pin:\""));
    assert!(err(&output).contains("only its staff can tell"));
}

/// A provider that answers one request with this, whatever it is.
fn answering(body: &'static str) -> (String, std::thread::JoinHandle<()>) {
    use std::io::Read as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 1024];
        while !request.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = stream.read(&mut part).unwrap();
            request.extend_from_slice(&part[..read]);
        }
        let length = body.len();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .unwrap();
    });
    (url, answered)
}

#[test]
fn an_answer_that_can_be_read_in_part_is_given_whole_beside_its_pins() {
    let sandbox = Sandbox::start("[]");
    for form in ["json", "table"] {
        let body = r#"[{"pin":"111122223333","serial":"s1","unit":200},{"p1n":"444455556666","serial":"s2"}]"#;
        let (url, answered) = answering(body);
        let words = ["pin", "--unit", "200", "--count", "2", "--reference", "p1"];
        let more = ["--base-url", &url, "--output", form];
        let output = said(&sandbox, &[&words[..], &more].concat());
        answered.join().unwrap();
        assert_eq!(code(&output), 12, "{}", err(&output));
        for paid in ["111122223333", "444455556666", "s2"] {
            assert!(out(&output).contains(paid), "{paid}: {}", out(&output));
        }
        // The client's word on this answer, and the one on every answer.
        for help in [
            "read them from the answer if one was kept",
            "only its staff can tell",
        ] {
            assert!(err(&output).contains(help), "{help}: {}", err(&output));
        }
        if form == "json" {
            let document: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(document["answer"], body);
            assert_eq!(document["pins"][0]["pin"], "111122223333");
        }
    }
}

#[test]
fn what_the_provider_said_of_a_top_up_is_told_and_no_number_in_it() {
    let sandbox = Sandbox::start("[]");
    let echo = r#"{"id":"T1","xref":"of-another","msisdn":"2348031234567","charge":96}"#;
    let (url, answered) = answering(echo);
    let more = ["--output", "json", "--base-url", &url];
    let unknown = said(&sandbox, &credit("order-1", &more));
    answered.join().unwrap();
    assert_eq!(code(&unknown), 12, "{}", err(&unknown));
    let document: Value = serde_json::from_slice(&unknown.stdout).unwrap();
    assert_eq!(document["outcome"], "unknown");
    assert_eq!(document["provider_id"], "T1");
    let answer = document["answer"].as_str().unwrap();
    assert!(answer.contains("23480*****567"), "{answer}");
    assert!(!answer.contains("8031234567"), "{answer}");

    let sandbox = Sandbox::start(&quirk("credit", "message-not-ok"));
    let warned = said(&sandbox, &credit("order-2", &["--output", "json"]));
    assert!(err(&warned).contains("see `answer`"), "{}", err(&warned));
    let document = json(&warned);
    let answer = document["answer"].as_str().unwrap();
    assert!(
        answer.contains("message") && !answer.contains("8031234567"),
        "{answer}"
    );
}

#[test]
fn what_the_provider_says_of_a_redemption_tells_neither_pin_nor_number() {
    let sandbox = Sandbox::start("[]");
    for (exit, body) in [
        (0, r#"{"message":"PIN 918273645546 loaded to 08031234567"}"#),
        (
            12,
            r#"{"massage":"PIN 9182 7364 5546 loaded to 0803 123 4567"}"#,
        ),
    ] {
        let (url, answered) = answering(body);
        let redeemed = sandbox
            .telco()
            .env("PIN", "918273645546")
            .args(["cowrie", "redeem", "--msisdn", NUMBER, "--pin", "env:PIN"])
            .args(["--base-url", &url])
            .output()
            .unwrap();
        answered.join().unwrap();
        assert_eq!(code(&redeemed), exit, "{}", err(&redeemed));
        let told = out(&redeemed);
        assert!(told.contains("PIN *** loaded to 23480*****567"), "{told}");
    }
}

#[test]
fn bad_input_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::start("[]");
    let long = "x".repeat(37);
    for (args, exit, word) in [
        (
            vec!["credit", "--msisdn", NUMBER, "--amount", "0"],
            10,
            "more than 0",
        ),
        (
            vec!["credit", "--msisdn", NUMBER, "--amount=-100"],
            10,
            "more than 0",
        ),
        (
            vec!["credit", "--msisdn", NUMBER, "--amount", "1,000"],
            10,
            "plain digits",
        ),
        (
            vec!["credit", "--msisdn", NUMBER, "--amount", "100.50"],
            10,
            "whole naira",
        ),
        (
            vec!["credit", "--msisdn", "0803123456", "--amount", "100"],
            10,
            "08031234567",
        ),
        (
            vec!["credit", "--msisdn", "02012345678", "--amount", "100"],
            10,
            "not a Nigerian mobile number",
        ),
        (
            vec!["credit", "--msisdn", "09141234567", "--amount", "100"],
            10,
            "--net",
        ),
        (
            vec![
                "credit", "--msisdn", NUMBER, "--amount", "100", "--net", "vodafone",
            ],
            10,
            "AIR, GLO, MTN or ETI",
        ),
        (credit("a b", &[]), 10, "reference"),
        (credit(&long, &[]), 10, "36"),
        (vec!["pin", "--unit", "100", "--count", "0"], 2, "--count"),
        (vec!["pin", "--unit", "1h"], 10, "--unit is no amount"),
        (
            vec!["redeem", "--msisdn", NUMBER, "--pin", "918273645546"],
            2,
            "env:NAME",
        ),
        (
            vec!["redeem", "--msisdn", NUMBER, "--pin", "env:MISSING"],
            10,
            "MISSING is not set",
        ),
        (vec!["check", "--reference", "a b"], 10, "reference"),
        (vec!["balance", "--client-key", KEY], 2, "env:NAME"),
        (vec!["balance", "--client-key", "env:EMPTY"], 10, "is empty"),
        (
            vec!["balance", "--base-url", "http://api.cowriesys.com"],
            10,
            "https",
        ),
        (
            vec![
                "balance",
                "--base-url",
                "https://me:pass-4711@api.cowriesys.com",
            ],
            10,
            "credentials",
        ),
        (
            vec!["balance", "--base-url", "https://api.cowriesys.com?a=b"],
            10,
            "query",
        ),
    ] {
        let output = sandbox
            .telco()
            .env("EMPTY", "")
            .arg("cowrie")
            .args(&args)
            .output()
            .unwrap();
        let told = err(&output);
        assert_eq!(code(&output), exit, "{args:?}: {told}");
        assert!(told.contains(word), "{args:?}: {told}");
        for secret in [KEY, "918273645546", "pass-4711"] {
            assert!(!(out(&output) + &told).contains(secret), "{args:?}: {told}");
        }
    }
    // Pasted with a direction mark and spaces, it is the same number.
    let pasted = [
        "credit",
        "--msisdn",
        "\u{202A}+234 803 123 4567\u{202C}",
        "--amount",
        "100",
    ];
    assert_eq!(code(&said(&sandbox, &pasted)), 0);
    let document = json(&said(&sandbox, &["balance", "--output", "json"]));
    assert_eq!(
        document["balance"], "NGN 9999904.00",
        "only the last one was sold"
    );
}

#[test]
fn spending_at_a_real_provider_asks_and_a_script_must_say_yes() {
    let asked = telco()
        .env("TELCO_COWRIE_CLIENT_ID", "me@client.com")
        .env("K", KEY)
        .args(["cowrie", "credit", "--msisdn", NUMBER, "--amount", "100"])
        .args([
            "--client-key",
            "env:K",
            "--base-url",
            "https://cowrie.invalid",
        ])
        .output()
        .unwrap();
    assert_eq!(code(&asked), 2);
    assert!(err(&asked).contains("costs money") && err(&asked).contains("--yes"));

    let missing = run(&["cowrie", "balance"]);
    assert_eq!(code(&missing), 10);
    assert!(err(&missing).contains("TELCO_COWRIE_CLIENT_ID"));
}

#[test]
fn the_published_signature() {
    let signed = |form: &[&str]| {
        telco()
            .env("K", KEY)
            .args(form)
            .args([
                "cowrie",
                "sign",
                "--client-key",
                "env:K",
                "--nonce",
                "20151110202513869",
            ])
            .args([
                "net=AIR",
                "msisdn=2348124661601",
                "amount=100",
                "xref=7734c7da7687442",
            ])
            .output()
            .unwrap()
    };
    assert_eq!(
        out(&signed(&[])),
        "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk=\n"
    );
    let document = json(&signed(&["--output", "json"]));
    assert_eq!(
        document["string_to_sign"],
        "20151110202513869?net=AIR&msisdn=2348124661601&amount=100&xref=7734c7da7687442"
    );
    assert_eq!(
        document["signature"],
        "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk="
    );
    // Keys from a file and from standard input lose one line end.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{KEY}\r\n")).unwrap();
    let source = format!("file:{}", file.path().display());
    let balance = run(&[
        "cowrie",
        "sign",
        "--client-key",
        &source,
        "--nonce",
        "20151110202513869",
    ]);
    assert_eq!(
        out(&balance),
        "xiA/7YGSaG1t6wqmGuDnfzbMwPZ7atmHTZz0K/AP3HI=\n"
    );
    let refused = telco()
        .env("K", KEY)
        .args([
            "cowrie",
            "sign",
            "--client-key",
            "env:K",
            "--nonce",
            "n",
            "message=Happy New Year",
        ])
        .output()
        .unwrap();
    assert_eq!(code(&refused), 10);
}

#[test]
fn both_catalogues_as_tables_and_as_json() {
    let rows = |args: &[&str]| {
        let output = run(&[&["cowrie", "plans", "--output", "json"], args].concat());
        json(&output).as_array().unwrap().clone()
    };
    assert_eq!(rows(&[]).len(), 115);
    assert_eq!(rows(&["--catalogue", "2018"]).len(), 47);
    let glo = rows(&["--net", "glo"]);
    assert_eq!(glo.len(), 18);
    assert!(
        glo.iter()
            .all(|row| row["net"] == "GLO" && row["naira"].is_u64() && row["size"].is_string())
    );
    assert!(out(&run(&["cowrie", "plans"])).contains("500mb1d"));
}

/// Ctrl-C while the request is out: the first leaves it alone, the second stops waiting and says what is unknown.
#[cfg(unix)]
#[test]
fn ctrl_c_never_hides_a_request_that_left() {
    let sandbox = Sandbox::start(&fault("credit", "act-then-stall"));
    let mut child = sandbox
        .telco()
        .arg("cowrie")
        .args(credit("order-1", &[]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let interrupt = |id: u32| {
        let killed = Command::new("kill")
            .args(["-INT", &id.to_string()])
            .status();
        assert!(killed.unwrap().success());
    };
    // The books show it as soon as it arrived: then it is out.
    let check = || {
        said(
            &sandbox,
            &["check", "--reference", "order-1", "--output", "json"],
        )
    };
    while json(&check())["found"] == false {}
    interrupt(child.id());
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("waiting for its answer"), "{first}");
    interrupt(child.id());
    let last = lines.next().unwrap().unwrap();
    assert!(last.contains("unknown outcome of order-1"), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(12));
}
