//! A file that was changed in any way is a new job: what the old one sent is not sent again by mistake. And what else a known
//! job is asked before it goes on.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
mod scene;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{code, err, out};
use scene::{Scene, signal};
use serde_json::{Value, json};
use telco_sandbox::{FaultRule, Phase};

const ROWS: usize = 40;

fn read(scene: &Scene) -> String {
    std::fs::read_to_string(scene.file()).unwrap()
}

/// Another file beside the first.
fn written(scene: &Scene, name: &str, text: &str) -> PathBuf {
    let path = scene.folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap()
}

fn document(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn delivered(scene: &Scene) -> u64 {
    scene.sandbox.totals().delivered
}

/// One line is no number; the others go out. Says under which job.
fn begun(scene: &Scene) -> String {
    let mut text = read(scene);
    text.push_str("0803;50;MTN\n");
    std::fs::write(scene.file(), text).unwrap();
    let done = run(&mut scene.bulk(&["--skip-invalid", "--output", "json"]));
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(delivered(scene), ROWS as u64);
    document(&done)["job"].as_str().unwrap().to_owned()
}

#[test]
fn a_mended_line_sends_that_line_and_no_other() {
    let scene = Scene::new(ROWS);
    let job = begun(&scene);
    let mended = read(&scene).replace("\n0803;", "\n08037654321;");
    let mended = written(&scene, "mended.csv", &mended);

    let looked = run(&mut scene.bulk_of(&mended, &["--dry-run", "--output", "json"]));
    assert_eq!(code(&looked), 10, "{}", err(&looked));
    let sent = &document(&looked)["sent_before"];
    assert_eq!(
        (&sent["rows"], &sent["jobs"][0]["job"]),
        (&json!(ROWS), &json!(job))
    );

    // With the flags of the first time, as from a shell's history.
    let refused = run(&mut scene.bulk_of(&mended, &["--skip-invalid", "--allow-duplicates"]));
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    for told in [&job, "40 rows", "--skip-sent", "--send-again"] {
        assert!(err(&refused).contains(told), "{told}: {}", err(&refused));
    }
    assert_eq!(scene.sandbox.totals().requested, ROWS as u64);

    let rest = run(&mut scene.bulk_of(&mended, &["--skip-sent", "--output", "json"]));
    assert_eq!(code(&rest), 0, "{}", err(&rest));
    assert_eq!(
        (&document(&rest)["delivered"], &document(&rest)["skipped"]),
        (&json!(1), &json!(ROWS))
    );
    assert_eq!(delivered(&scene), ROWS as u64 + 1);
    let report = scene.report();
    let skipped = report
        .iter()
        .filter(|row| row["state"] == "skipped")
        .count();
    assert_eq!(
        (report.len(), skipped),
        (ROWS + 1, ROWS),
        "one line per row"
    );

    // Both jobs again: nothing is left.
    for words in [&["topup", "resume"][..], &["topup", "resume", &job]] {
        assert_eq!(code(&run(&mut scene.telco(words))), 0);
    }
    assert_eq!(scene.sandbox.totals().requested, ROWS as u64 + 1);
}

#[test]
fn saved_anew_by_a_spreadsheet_it_is_the_same_rows() {
    let scene = Scene::new(ROWS);
    let done = run(&mut scene.bulk(&[]));
    assert_eq!(code(&done), 0, "{}", err(&done));
    let saved = format!(
        "\u{FEFF}{}",
        read(&scene).replace('\n', "\r\n").replace(';', ",")
    );
    let saved = written(&scene, "saved.csv", &saved);
    let refused = run(&mut scene.bulk_of(&saved, &[]));
    assert!(err(&refused).contains("sent before"), "{}", err(&refused));
    let nothing = run(&mut scene.bulk_of(&saved, &["--skip-sent"]));
    assert_eq!(code(&nothing), 10, "{}", err(&nothing));
    assert!(
        err(&nothing).contains("no row is left"),
        "{}",
        err(&nothing)
    );
    assert_eq!(scene.sandbox.totals().requested, ROWS as u64);

    // Wanted twice, it goes twice; and who does not want to be asked can say so.
    let twice = run(&mut scene.bulk_of(&saved, &["--send-again"]));
    assert_eq!(code(&twice), 0, "{}", err(&twice));
    assert_eq!(delivered(&scene), 2 * ROWS as u64);
    let mut unasked = scene.bulk_of(&saved, &["--dry-run"]);
    unasked.env("TELCO_TOPUP_SENT_WITHIN", "0");
    let other = written(&scene, "other.csv", &read(&scene).replace(';', "\t"));
    let mut unasked = scene.bulk_of(&other, &["--dry-run"]);
    unasked.env("TELCO_TOPUP_SENT_WITHIN", "0");
    assert_eq!(code(&run(&mut unasked)), 0);
}

/// The new file sends what the old job had not; then the old job has nothing left to send.
#[test]
fn the_old_job_does_not_undo_it_later() {
    let rows = 300;
    let scene = Scene::new(rows);
    let mut running = scene
        .bulk(&["--rate", "100", "--output", "json"])
        .spawn()
        .unwrap();
    scene.wait_for(20, &mut running);
    signal(&running, "-INT");
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(code(&stopped), 130, "{}", err(&stopped));
    let old = document(&stopped)["job"].as_str().unwrap().to_owned();

    let text = format!("{}08037654321;50;MTN\n", read(&scene));
    let new = written(&scene, "new.csv", &text);
    let rest = run(&mut scene.bulk_of(&new, &["--skip-sent"]));
    assert_eq!(code(&rest), 0, "{}", err(&rest));
    assert_eq!(delivered(&scene), rows as u64 + 1);

    let resumed = run(&mut scene.telco(&["topup", "resume", &old]));
    assert_eq!(code(&resumed), 10, "{}", err(&resumed));
    let why = "another job has sent the same";
    assert!(err(&resumed).contains(why), "{}", err(&resumed));
    // They are not asked about again, count against no limit, and what sends them is named.
    let again = run(&mut scene.telco(&["topup", "resume", &old, "--max-spend", "1"]));
    assert_eq!(code(&again), 10);
    for told in [why, "--send-again"] {
        assert!(err(&again).contains(told), "{told}: {}", err(&again));
    }
    for told in ["tried again", "--max-spend", "goes on"] {
        assert!(!err(&again).contains(told), "{told}: {}", err(&again));
    }
    let outlook = run(&mut scene.bulk(&["--dry-run", "--output", "json"]));
    let outlook = document(&outlook);
    assert_eq!(outlook["known"], true);
    assert_eq!(
        (&outlook["to_send"], &outlook["cost"]),
        (&json!(0), &json!("NGN 0.00"))
    );
    assert_eq!(scene.sandbox.totals().requested, rows as u64 + 1);
    let words = [
        "topup", "report", &old, "--format", "csv", "--state", "not_sent",
    ];
    let why = out(&run(&mut scene.telco(&words)));
    assert!(
        why.contains("is the same number, product and amount"),
        "{why}"
    );
}

#[test]
fn what_the_duplicate_guard_refused_is_sent_when_that_is_said() {
    let scene = Scene::new(3);
    assert_eq!(code(&run(&mut scene.bulk(&[]))), 0);
    // Of another job a moment ago, and not looked for there: the guard refuses it.
    let new = written(
        &scene,
        "new.csv",
        &format!("{}08061234567;50;MTN\n", read(&scene)),
    );
    let refused = run(&mut scene.bulk_of(&new, &["--sent-within", "0"]));
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    assert_eq!(delivered(&scene), 4);
    for _ in 0..2 {
        let told = "another row got the same a short while before: 3 rows";
        let again = run(&mut scene.resume(&["--max-spend", "1"]));
        assert_eq!(code(&again), 10, "{}", err(&again));
        assert!(err(&again).contains(told), "{}", err(&again));
        assert!(
            err(&again).contains("--send-again` sends them"),
            "{}",
            err(&again)
        );
    }
    // Refused for what it costs: then it is as if it had not been said.
    let dear = run(&mut scene.resume(&["--send-again", "--max-spend", "152"]));
    assert_eq!(code(&dear), 10, "{}", err(&dear));
    let told = "what is left costs NGN 153.00";
    assert!(err(&dear).contains(told), "{}", err(&dear));
    let outlook = document(&run(
        &mut scene.bulk_of(&new, &["--dry-run", "--output", "json"])
    ));
    assert_eq!(outlook["to_send"], 0);
    let sent = run(&mut scene.resume(&["--send-again"]));
    assert_eq!(code(&sent), 0, "{}", err(&sent));
    assert_eq!(delivered(&scene), 7);
}

/// A job whose rows are all written down, and none of them sent.
fn planned(scene: &Scene) {
    let stopped = run(&mut scene.bulk(&["--min-balance", "1000000000"]));
    assert_eq!(code(&stopped), 10, "{}", err(&stopped));
    assert_eq!(scene.sandbox.totals().requested, 0);
}

#[test]
fn a_known_job_keeps_to_max_spend() {
    let scene = Scene::new(3);
    planned(&scene);
    for limited in [
        &mut scene.bulk(&["--max-spend", "152"]),
        &mut scene.resume(&["--max-spend", "152"]),
    ] {
        let refused = run(limited);
        assert_eq!(code(&refused), 10, "{}", err(&refused));
        let why = "what is left costs NGN 153.00, and --max-spend is NGN 152.00";
        assert!(err(&refused).contains(why), "{}", err(&refused));
    }
    assert_eq!(scene.sandbox.totals().requested, 0);
    let left = document(&run(&mut scene.bulk(&["--dry-run", "--output", "json"])));
    assert_eq!(
        (&left["to_send"], &left["cost"]),
        (&json!(3), &json!("NGN 153.00"))
    );
    assert_eq!(code(&run(&mut scene.bulk(&["--max-spend", "153"]))), 0);
    let left = document(&run(&mut scene.bulk(&["--dry-run", "--output", "json"])));
    assert_eq!(
        (&left["to_send"], &left["cost"]),
        (&json!(0), &json!("NGN 0.00"))
    );
}

#[test]
fn another_account_is_told_so_and_waits_for_nothing() {
    let scene = Scene::new(3);
    planned(&scene);
    for mut other in [scene.resume(&[]), scene.bulk(&[])] {
        other.env("TELCO_COWRIE_CLIENT_ID", "somebody@example.com");
        let refused = run(&mut other);
        assert_eq!(code(&refused), 10, "{}", err(&refused));
        assert!(err(&refused).contains("--client-id"), "{}", err(&refused));
    }
    assert_eq!(code(&run(&mut scene.resume(&[]))), 0);
}

#[test]
fn the_key_may_come_on_standard_input() {
    let scene = Scene::new(3);
    let mut bulk = scene.bulk(&["--client-key", "-"]);
    let key = scene.sandbox.credentials("cowrie").unwrap()["client_key"].clone();
    bulk.env_remove("TELCO_COWRIE_CLIENT_KEY")
        .stdin(Stdio::piped());
    let mut running = bulk.spawn().unwrap();
    writeln!(running.stdin.take().unwrap(), "{}", key.as_str().unwrap()).unwrap();
    let done = running.wait_with_output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(delivered(&scene), 3);
}

#[test]
fn what_was_refused_is_sent_again_only_if_that_is_said() {
    let rows = 300;
    let scene = Scene::new(rows);
    let balance = |naira: u64| {
        let change = json!({ "balance": naira });
        scene.sandbox.configure("cowrie", &change).unwrap();
    };
    balance(1_000);
    let short = run(&mut scene.bulk(&["--allow-shortfall", "--give-up-after", "0"]));
    assert_eq!(code(&short), 11, "{}", err(&short));
    let before = delivered(&scene);
    assert!(before > 0 && before < rows as u64, "{before}");

    balance(1_000_000);
    let requests = scene.sandbox.totals().requests;
    assert_eq!(code(&run(&mut scene.resume(&[]))), 11);
    let limited = run(&mut scene.resume(&["--reissue-rejected", "--max-spend", "100"]));
    assert_eq!(code(&limited), 11, "{}", err(&limited));
    assert_eq!(
        scene.sandbox.totals().requests,
        requests,
        "nothing was sent"
    );

    let again = run(&mut scene.resume(&["--reissue-rejected", "--rate", "1000"]));
    assert_eq!(code(&again), 0, "{}", err(&again));
    assert_eq!(scene.true_report(rows), (rows as u64, 0));
    let requests = scene.sandbox.totals().requests;
    assert_eq!(code(&run(&mut scene.resume(&["--reissue-rejected"]))), 0);
    assert_eq!(
        scene.sandbox.totals().requests,
        requests,
        "nothing was refused any more"
    );
}

#[test]
fn a_lease_that_may_end_before_a_request_is_refused() {
    let scene = Scene::new(3);
    let bulk = |lease: Option<&str>, timeout: &str| {
        let mut bulk = scene.bulk(&[]);
        if let Some(lease) = lease {
            bulk.env("TELCO_TOPUP_LEASE", lease);
        }
        run(bulk.env("TELCO_COWRIE_TIMEOUT", timeout))
    };
    for (lease, timeout, told) in [
        (Some("0"), "60", "a lease of 0 s"),
        (Some("89"), "60", "to 90 or more"),
        (Some("159"), "120", "to 160 or more"),
        (None, "91", "a lease of 120 s is too short"),
        (Some("soon"), "60", "no number of seconds"),
        (Some("120"), "0", "timeout is no number of seconds"),
    ] {
        let refused = bulk(lease, timeout);
        assert_eq!(code(&refused), 10, "{}", err(&refused));
        assert!(err(&refused).contains(told), "{}", err(&refused));
    }
    assert_eq!(scene.sandbox.totals().requested, 0);
    assert_eq!(code(&bulk(Some("33"), "3")), 0);
}

/// Begun with `--send-again`, it sends again what was sent until then, and nothing that others send later.
#[test]
fn send_again_is_over_when_the_job_has_begun() {
    let rows = 300;
    let scene = Scene::new(rows);
    // Without the guard that looks back for half a minute only.
    let flags = ["--send-again", "--allow-duplicates", "--rate", "100"];
    let mut running = scene
        .bulk(&flags)
        .args(["--output", "json"])
        .spawn()
        .unwrap();
    scene.wait_for(20, &mut running);
    signal(&running, "-INT");
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(code(&stopped), 130, "{}", err(&stopped));
    let old = document(&stopped)["job"].as_str().unwrap().to_owned();

    let text = format!("{}08037654321;50;MTN\n", read(&scene));
    let new = written(&scene, "new.csv", &text);
    let rest = run(&mut scene.bulk_of(&new, &["--skip-sent"]));
    assert_eq!(code(&rest), 0, "{}", err(&rest));
    assert_eq!(delivered(&scene), rows as u64 + 1);

    let resumed = run(&mut scene.telco(&["topup", "resume", &old]));
    assert_eq!(code(&resumed), 10, "{}", err(&resumed));
    assert_eq!(scene.sandbox.totals().requested, rows as u64 + 1);
}

/// Somebody saves the file anew while it is looked at: what was looked at is sent, and nothing else.
#[test]
fn a_file_that_changes_meanwhile_changes_nothing() {
    let rows = 30;
    let scene = Scene::new(rows);
    let slow = FaultRule::new(Phase::SlowAnswer).provider("cowrie");
    let slow = slow.operation("balance").delay(Duration::from_secs(3));
    scene.sandbox.faults().set([slow]);
    let running = scene.bulk(&[]).spawn().unwrap();
    // The balance is asked for when the rows were looked at.
    std::thread::sleep(Duration::from_secs(1));
    let changed = read(&scene).replace("\n0803", "\n0806") + "08061111111;50;MTN\n";
    std::fs::write(scene.file(), changed).unwrap();
    let done = running.wait_with_output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    let report = scene.report();
    assert_eq!(report.len(), rows);
    for row in report {
        assert!(
            row["number"].as_str().unwrap().starts_with("234803"),
            "{row}"
        );
    }
}

/// A row that an interrupted attempt had written down stays the job's, also where this attempt would leave it out: it
/// has one line in the report, and another job's number does not get it twice.
#[test]
fn rows_that_were_written_down_before_are_not_left_out() {
    let rows = 20_000;
    let scene = Scene::new(rows);
    let running = scene.bulk(&[]).spawn().unwrap();
    let known = || out(&run(&mut scene.telco(&["topup", "status"])));
    while !known().contains("planned") {
        std::thread::sleep(Duration::from_millis(20));
    }
    signal(&running, "-INT");
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(code(&stopped), 130, "{}", err(&stopped));
    assert_eq!(scene.sandbox.totals().requested, 0);

    let first: String = read(&scene).split_inclusive('\n').take(3).collect();
    let first = written(&scene, "first.csv", &first);
    assert_eq!(code(&run(&mut scene.bulk_of(&first, &[]))), 0);
    // The first two rows are refused; the third would cost too much.
    let flags = [
        "--skip-sent",
        "--min-balance",
        "999999900",
        "--concurrency",
        "1",
    ];
    let stopped = run(&mut scene.bulk(&flags));
    assert_eq!(code(&stopped), 10, "{}", err(&stopped));
    assert_eq!(scene.sandbox.totals().requested, 2);
    let report = scene.report();
    let lines: BTreeSet<u64> = report
        .iter()
        .map(|row| row["line"].as_u64().unwrap())
        .collect();
    assert_eq!((report.len(), lines.len()), (rows, rows));
    for row in &report[..2] {
        assert_eq!(row["state"], "not_sent", "{row}");
    }
}

/// Two begin with the same file: the second one goes on with what the first one wrote down.
#[test]
fn the_same_file_twice_at_a_time_is_one_job() {
    let scene = Scene::new(3);
    let slow = FaultRule::new(Phase::SlowAnswer).provider("cowrie");
    let slow = slow.operation("balance").times(1);
    scene
        .sandbox
        .faults()
        .set([slow.delay(Duration::from_secs(3))]);
    let second = scene.bulk(&[]).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let first = run(&mut scene.bulk(&[]));
    assert_eq!(code(&first), 0, "{}", err(&first));
    assert!(
        !err(&first).contains("this file is known"),
        "{}",
        err(&first)
    );
    let second = second.wait_with_output().unwrap();
    assert_eq!(code(&second), 0, "{}", err(&second));
    assert!(
        err(&second).contains("this file is known"),
        "{}",
        err(&second)
    );
    assert_eq!(scene.sandbox.totals().requested, 3);
}

/// The latest job is the one that was worked at last, and no file that was refused.
#[test]
fn a_job_is_the_latest_when_it_is_written_down_or_goes_on() {
    let scene = Scene::new(3);
    let done = run(&mut scene.bulk(&["--output", "json"]));
    let old = document(&done)["job"].clone();
    let latest = || {
        document(&run(
            &mut scene.telco(&["topup", "report", "--output", "json"])
        ))
    };
    let taken = format!("b{}-2", old.as_str().unwrap());
    let text = format!("number,amount,reference\n08061234567,50,{taken}\n");
    let refused = written(&scene, "refused.csv", &text);
    assert_eq!(code(&run(&mut scene.bulk_of(&refused, &[]))), 10);
    assert_eq!(latest()["job"], old);
    assert_eq!(code(&run(&mut scene.resume(&[]))), 0);

    let new = written(&scene, "new.csv", "number,amount\n08061234567,50\n");
    let done = run(&mut scene.bulk_of(&new, &["--output", "json"]));
    assert_eq!(latest()["job"], document(&done)["job"]);
    assert_eq!(code(&run(&mut scene.resume(&[old.as_str().unwrap()]))), 0);
    assert_eq!(latest()["job"], old);
}

/// What another job left open is no reason for this one to wait.
#[test]
fn a_job_ends_when_its_own_rows_are_settled() {
    let scene = Scene::new(3);
    scene.faults([FaultRule::new(Phase::ActThenReset).times(1)]);
    let mut running = scene
        .bulk(&[])
        .env("TELCO_COWRIE_LOOKUP_AFTER", "600")
        .spawn()
        .unwrap();
    scene.wait_for(3, &mut running);
    std::thread::sleep(Duration::from_millis(500));
    signal(&running, "-INT");
    assert_eq!(code(&running.wait_with_output().unwrap()), 130);

    let other = written(&scene, "other.csv", "number,amount\n08061234567,50\n");
    let mut running = scene.bulk_of(&other, &[]).spawn().unwrap();
    let begun = Instant::now();
    while running.try_wait().unwrap().is_none() {
        let waits = begun.elapsed() > Duration::from_secs(60);
        if waits {
            running.kill().unwrap();
        }
        assert!(!waits, "it waits for the other job");
        std::thread::sleep(Duration::from_millis(20));
    }
    let done = running.wait_with_output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
}

#[test]
fn one_that_went_out_of_two_that_are_wanted_is_told() {
    let scene = Scene::new(3);
    assert_eq!(code(&run(&mut scene.bulk(&[]))), 0);
    let twice = read(&scene) + "08030000000;50;MTN\n08061234567;50;MTN\n";
    let twice = written(&scene, "twice.csv", &twice);
    let flags = ["--skip-sent", "--allow-duplicates"];
    let done = run(&mut scene.bulk_of(&twice, &flags));
    assert_eq!(code(&done), 0, "{}", err(&done));
    let told = "wanted more than once by this file: 1 row";
    assert!(err(&done).contains(told), "{}", err(&done));
    assert_eq!(delivered(&scene), 4);
}

#[test]
fn a_filter_of_the_report_is_never_ignored() {
    let scene = Scene::new(3);
    assert_eq!(code(&run(&mut scene.bulk(&[]))), 0);
    let report = |words: &[&str]| run(&mut scene.telco(&[&["topup", "report"], words].concat()));
    let rows = |words: &[&str]| out(&report(words)).lines().count();
    assert_eq!(
        rows(&["--state", "accepted"]),
        4,
        "a header, and a line per row"
    );
    assert_eq!(rows(&["--state", "unknown"]), 1);
    assert!(out(&report(&["--numbers"])).contains("2348030000001"));
    assert_eq!(rows(&["--state", "accepted", "--output", "json"]), 3);
    let refused = report(&["--state", "unknown", "--format", "summary"]);
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    assert_eq!(
        code(&run(&mut scene.telco(&["topup", "status", "none"]))),
        10
    );
}
