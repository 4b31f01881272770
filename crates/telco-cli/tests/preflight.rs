//! A bulk file before anything is sent: what it would do, and what is refused.

mod common;

use std::path::PathBuf;
use std::process::Output;

use common::{Sandbox, code, err, out};
use serde_json::Value;

#[expect(clippy::unwrap_used, reason = "test code")]
fn file(sandbox: &Sandbox, text: &str) -> PathBuf {
    let path = sandbox.folder.path().join("rows.csv");
    std::fs::write(&path, text).unwrap();
    path
}

#[expect(clippy::unwrap_used, reason = "test code")]
fn dry_run(sandbox: &Sandbox, text: &str, flags: &[&str]) -> Output {
    let path = file(sandbox, text);
    let mut telco = sandbox.telco();
    telco.args(["topup", "bulk", "--dry-run", "--output", "json"]);
    telco.arg(path).args(flags).output().unwrap()
}

#[expect(clippy::panic, reason = "test code")]
fn found(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", err(output)))
}

#[test]
fn a_dry_run_says_what_the_file_would_do() {
    let sandbox = Sandbox::start("[]");
    let text = "\u{FEFF}Phone;Amount;Operator;Bundle;Reference\r\n\
                0803 123 4567;100;MTN;;\r\n\
                +2348031234568;350;MTN;500mb1d;march-7\r\n\
                08031234569;50;glo;;\r\n\
                08031234570;25;;;\r\n";
    let planned = dry_run(&sandbox, text, &[]);
    assert_eq!(code(&planned), 0, "{}", err(&planned));
    let found = found(&planned);
    assert_eq!(found["known"], false);
    assert_eq!(found["rows"], 4);
    assert_eq!(found["valid"], 4);
    assert_eq!(found["cost"], "NGN 525.00");
    assert_eq!(found["other_network"]["rows"], 1);
    assert_eq!(found["other_network"]["first"][0]["line"], 4);
    assert_eq!(found["networks"]["MTN"]["rows"], 2);
    assert_eq!(found["networks"]["by prefix"]["cost"], "NGN 25.00");
    assert_eq!(found["job"].as_str().unwrap().len(), 16);
    assert_eq!(found["products"]["data"]["rows"], 1);
    assert_eq!(found["products"]["airtime"]["cost"], "NGN 175.00");
    // A plan may have been forgotten in these.
    assert_eq!(found["empty_plan"]["rows"], 3);
    assert_eq!(found["empty_plan"]["first"][0]["line"], 2);
    let mut table = sandbox.telco();
    table.args(["topup", "bulk", "--dry-run"]);
    let table = out(&table.arg(file(&sandbox, text)).output().unwrap());
    for told in [
        "airtime: 3 rows",
        "data: 1 row",
        "since no plan stands there",
    ] {
        assert!(table.contains(told), "{told}: {table}");
    }
    let airtime = "number,amount\n08031234567,100\n";
    assert_eq!(
        self::found(&dry_run(&sandbox, airtime, &[]))["empty_plan"]["rows"],
        0
    );
}

#[test]
fn invalid_rows_are_named_and_refused_unless_left_out() {
    let sandbox = Sandbox::start("[]");
    let text = "number,amount,net,reference\n\
                08061234567,100,MTN,a\n\
                0803,100,MTN,b\n\
                08061234568,0,MTN,c\n\
                08061234569,\"1,000\",MTN,d\n\
                08061234570,100,vodafone,e\n\
                08061234571,1,000,MTN,f\n\
                08061234572,100,MTN,a\n\
                08061234573,100,MTN,a b\n";
    let refused = dry_run(&sandbox, text, &[]);
    assert_eq!(code(&refused), 10);
    assert!(
        err(&refused).contains("invalid: 7 rows"),
        "{}",
        err(&refused)
    );
    let lines: Vec<u64> = found(&refused)["invalid"]["first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8, 9]);
    assert!(!out(&refused).contains("80612345"), "no number is repeated");
    assert_eq!(code(&dry_run(&sandbox, text, &["--skip-invalid"])), 0);
}

#[test]
fn duplicates_are_found_by_the_canonical_number() {
    let sandbox = Sandbox::start("[]");
    let text = "number,amount,net\n\
                08031234567,100,MTN\n\
                +234 803 123 4567,100,\n\
                08031234567,200,MTN\n";
    let refused = dry_run(&sandbox, text, &[]);
    assert_eq!(code(&refused), 10);
    assert_eq!(found(&refused)["duplicates"]["first"][0]["line"], 3);
    assert_eq!(found(&refused)["duplicates"]["rows"], 1);
    assert_eq!(code(&dry_run(&sandbox, text, &["--allow-duplicates"])), 0);
}

#[test]
fn more_than_is_allowed_or_there_is_refused() {
    let sandbox = Sandbox::start("[]");
    let text = "number,amount\n08031234567,100\n08031234568,1000000000\n";
    let short = dry_run(&sandbox, text, &[]);
    assert_eq!(code(&short), 10);
    assert!(err(&short).contains("the account holds"), "{}", err(&short));
    assert_eq!(code(&dry_run(&sandbox, text, &["--allow-shortfall"])), 0);
    let text = "number,amount\n08031234567,100\n";
    let limited = dry_run(&sandbox, text, &["--max-spend", "99"]);
    assert!(err(&limited).contains("--max-spend"), "{}", err(&limited));
    assert_eq!(code(&dry_run(&sandbox, text, &["--max-spend", "100"])), 0);
}

#[test]
fn a_file_that_is_no_such_csv_is_refused_with_the_line() {
    let sandbox = Sandbox::start("[]");
    for (text, told) in [
        ("number;amount;bundel\n", "no meaning is known for column 3"),
        (
            "number,phone,amount\n",
            "says the same as a column before it",
        ),
        ("amount,net\n", "there is no column number"),
        (
            "number,amount\n08031234567,\"1\n",
            "line 2: a quoted field begins here",
        ),
        ("number,amount\n", "no row is left"),
        ("", "there is no header"),
    ] {
        let refused = dry_run(&sandbox, text, &[]);
        assert_eq!(code(&refused), 10, "{text:?}");
        assert!(err(&refused).contains(told), "{text:?}: {}", err(&refused));
    }
    // The first customer is not repeated.
    for text in ["08031234567,100,MTN\n", "MTN;0803 123 4567;100\n"] {
        let refused = dry_run(&sandbox, text, &[]);
        assert_eq!(code(&refused), 10, "{text:?}");
        assert!(
            err(&refused).contains("line 1 is data"),
            "{}",
            err(&refused)
        );
        assert!(!err(&refused).contains("123"), "{}", err(&refused));
    }
    let noted = "number,amount,Until 31122026\n08031234567,100,\n";
    let flags = ["--ignore", "until 31122026"];
    assert_eq!(code(&dry_run(&sandbox, noted, &flags)), 0);
    let noted = "number,amount,Notes\n08031234567,100,\"a\nb\"\n";
    assert_eq!(code(&dry_run(&sandbox, noted, &["--ignore", "notes"])), 0);
}
