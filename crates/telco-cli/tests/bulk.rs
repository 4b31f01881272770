//! Bulk jobs that are interrupted, by a person, by a crash, by a full disk, by the provider: every row ends in one true final
//! state. Doubled 0, lost 0, by the provider's own books.

mod common;
mod scene;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{code, err, out};
use scene::{ALL_BUT_SILENCE, Scene, signal};
use serde_json::{Value, json};
use telco_sandbox::{FaultRule, Phase};

/// A process whose files may not grow beyond this: writing more fails as on a full disk.
#[allow(clippy::unwrap_used, reason = "test code")]
fn with_a_full_disk(telco: &Command, kib: u64) -> Output {
    let mut shell = Command::new("bash");
    shell
        .args([
            "-c",
            &format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\""),
        ])
        .arg(telco.get_program())
        .args(telco.get_args())
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    for (name, value) in telco.get_envs() {
        shell.env(name, value.unwrap());
    }
    shell.output().unwrap()
}

#[test]
fn interrupted_by_ctrl_c_by_a_crash_and_by_a_full_disk() {
    let rows = if std::env::var_os("TELCO_DEEP").is_some() {
        1_000_000
    } else {
        10_000
    };
    let part = rows as u64 / 10;
    let scene = Scene::new(rows);
    scene.faults([FaultRule::any_of([
        Phase::ActThenReset,
        Phase::ActThenError,
        Phase::Truncate,
        Phase::Garbage,
    ])
    .chance(0.05)]);

    let mut running = scene.bulk(&["--concurrency", "32"]).spawn().unwrap();
    scene.wait_for(part, &mut running);
    signal(&running, "-INT");
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(code(&stopped), 130, "{}", err(&stopped));
    assert!(
        err(&stopped).contains("nothing is lost"),
        "{}",
        err(&stopped)
    );
    assert!(err(&stopped).contains("topup resume"), "{}", err(&stopped));

    for killed in [3, 4] {
        let mut running = scene.resume(&["--concurrency", "32"]).spawn().unwrap();
        scene.wait_for(killed * part, &mut running);
        running.kill().unwrap();
        running.wait().unwrap();
    }

    let database = scene.folder.path().join("ledger.db");
    let kib = std::fs::metadata(&database).unwrap().len() / 1024 + 256;
    let full = with_a_full_disk(&scene.resume(&["--concurrency", "32"]), kib);
    assert!([10, 12].contains(&code(&full)), "{}", err(&full));
    assert!(err(&full).contains("the ledger"), "{}", err(&full));

    let done = scene.resume(&["--concurrency", "64"]).output().unwrap();
    let (delivered, undecided) = scene.true_report(rows);
    assert_eq!(delivered + undecided, rows as u64);
    // At most what was on the way at the two crashes and when the disk was full, and had not arrived.
    assert!(undecided <= 3 * 32, "{undecided} undecided");
    let wanted = if undecided > 0 { 12 } else { 0 };
    assert_eq!(code(&done), wanted, "{}", err(&done));

    // Once more: everything has its story, and nothing is sent.
    let requests = scene.sandbox.totals().requests;
    let again = scene.bulk(&[]).output().unwrap();
    assert_eq!(code(&again), wanted, "{}", err(&again));
    assert!(
        err(&again).contains("this file is known"),
        "{}",
        err(&again)
    );
    assert_eq!(scene.sandbox.totals().requests, requests);
}

#[test]
fn thirty_percent_faults_end_in_one_true_state_per_row() {
    let rows = 2_000;
    let scene = Scene::new(rows);
    scene.faults([FaultRule::any_of(ALL_BUT_SILENCE).chance(0.3)]);
    let done = scene.bulk(&["--output", "json"]).output().unwrap();
    let summary: Value = serde_json::from_slice(&done.stdout).unwrap();
    let (delivered, undecided) = scene.true_report(rows);
    // Not on record proves nothing with this provider: such rows are for a person.
    assert!(undecided > 0 && delivered > 0);
    assert_eq!(code(&done), 12, "{}", err(&done));
    assert_eq!(summary["delivered"], delivered);
    assert_eq!(summary["unresolved"], undecided);
    assert!(err(&done).contains("telco topup resolve"), "{}", err(&done));

    let row = scene
        .report()
        .into_iter()
        .find(|row| row["state"] == "unresolved")
        .unwrap();
    let reference = row["reference"].as_str().unwrap();
    let unnamed = [
        "topup",
        "resolve",
        reference,
        "--not-delivered",
        "--who",
        " ",
        "--why",
        "x",
    ];
    assert_eq!(code(&scene.telco(&unnamed).output().unwrap()), 2);
    let named = [
        "topup",
        "resolve",
        reference,
        "--not-delivered",
        "--who",
        "Ada",
        "--why",
        "ticket 7",
    ];
    let mut otherwise = named;
    otherwise[7] = "ticket 8";
    for (words, expected) in [(&named, 0), (&named, 0), (&otherwise, 10)] {
        let mut resolve = scene.telco(words);
        let told = resolve.args(["--output", "json"]).output().unwrap();
        assert_eq!(
            code(&told),
            expected,
            "once, and the same words again are no other verdict"
        );
        let document: Value = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!(document["reference"], reference);
        // How it stands, also where the word was not taken.
        assert_eq!(document["state"], "resolved");
        assert_eq!(document["delivered"], false);
        assert_eq!(document["why"].is_string(), expected == 10);
    }
    // A slip in the address of the ledger makes none.
    let typo = scene.folder.path().join("ledgre.db");
    let mut elsewhere = common::telco();
    elsewhere
        .args(named)
        .arg("--ledger")
        .arg(format!("sqlite://{}", typo.display()));
    let refused = elsewhere.output().unwrap();
    assert_eq!(code(&refused), 10, "{}", err(&refused));
    assert!(
        err(&refused).contains("there is no ledger at"),
        "{}",
        err(&refused)
    );
    assert!(!typo.exists());
    let refused = elsewhere.args(["--output", "json"]).output().unwrap();
    let document: Value = serde_json::from_slice(&refused.stdout).unwrap();
    assert_eq!(
        (&document["reference"], &document["state"]),
        (&json!(reference), &Value::Null)
    );
    let status = ["topup", "status", reference, "--output", "json"];
    let status = scene.telco(&status).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["state"], "resolved");
    assert_eq!(status["delivered"], false);
    let history = status["history"].as_array().unwrap();
    assert_eq!(history.last().unwrap()["by"], "Ada");
    assert_eq!(history.first().unwrap()["state"], "planned");
}

/// The commands between backticks in what was said.
fn commands(told: &str) -> Vec<Vec<&str>> {
    let quoted = told.split('`').skip(1).step_by(2);
    let words = quoted.filter_map(|quoted| quoted.strip_prefix("telco "));
    words.map(|words| words.split(' ').collect()).collect()
}

/// With nothing but the account: the ledger was a flag.
#[expect(clippy::unwrap_used, reason = "test code")]
fn follow(scene: &Scene, words: &[&str]) -> Output {
    let mut telco = common::telco();
    for (name, value) in scene.telco(&[]).get_envs() {
        telco.env(name, value.unwrap());
    }
    let followed = telco.args(words).output().unwrap();
    assert_eq!(code(&followed), 0, "{words:?}: {}", err(&followed));
    followed
}

#[test]
fn the_advice_at_the_end_can_be_followed() {
    let scene = Scene::new(3);
    let short = scene.bulk(&["--min-balance", "1000000000"]);
    let short = { short }.output().unwrap();
    let told = err(&short);
    follow(&scene, &commands(&told)[0]);
    assert_eq!(scene.true_report(3), (3, 0));

    let scene = Scene::new(1);
    scene.faults([FaultRule::new(Phase::ResetBefore)]);
    let lost = scene.bulk(&[]).output().unwrap();
    assert_eq!(code(&lost), 12, "{}", err(&lost));
    let told = err(&lost);
    let [report, resolve] = &commands(&told)[..] else {
        panic!("{told}")
    };
    let report = follow(&scene, report);
    let row = out(&report).lines().nth(1).unwrap().to_owned();
    let reference = row.split(',').nth(1).unwrap();
    let mut status = vec!["topup", "status", reference];
    status.extend(["--ledger", &scene.ledger, "--output", "json"]);
    let status: Value = serde_json::from_slice(&follow(&scene, &status).stdout).unwrap();
    let advice = status["advice"].as_str().unwrap();
    let resolve: Vec<&str> = resolve
        .iter()
        .map(|word| {
            if *word == "REFERENCE" {
                reference
            } else {
                *word
            }
        })
        .collect();
    assert_eq!(commands(advice), [&resolve[..]]);
    follow(&scene, &resolve);
}

#[test]
fn a_script_must_say_yes_to_what_is_left_of_a_job() {
    let scene = Scene::new(3);
    let short = scene.bulk(&["--min-balance", "1000000000"]);
    assert_eq!(code(&{ short }.output().unwrap()), 10);
    for mut telco in [scene.bulk(&[]), scene.resume(&[])] {
        let asked = telco.env("TELCO_COWRIE_BASE_URL", "https://192.0.2.1");
        let asked = asked.output().unwrap();
        assert_eq!(code(&asked), 2, "{}", err(&asked));
        assert!(err(&asked).contains("tops up 3 times"), "{}", err(&asked));
        assert!(err(&asked).contains("--yes"), "{}", err(&asked));
    }
    assert_eq!(scene.sandbox.totals().requested, 0);
}

#[test]
fn one_ledger_has_one_writer_and_a_reference_is_one_topup() {
    let scene = Scene::new(400);
    let mut running = scene.bulk(&["--rate", "100"]).spawn().unwrap();
    scene.wait_for(20, &mut running);
    let second = scene.resume(&[]).output().unwrap();
    assert_eq!(code(&second), 10, "{}", err(&second));
    assert!(err(&second).contains("another process"), "{}", err(&second));
    // Reading is allowed meanwhile.
    assert_eq!(
        code(&scene.telco(&["topup", "status"]).output().unwrap()),
        0
    );
    let begun = Instant::now();
    assert_eq!(code(&running.wait_with_output().unwrap()), 0);
    assert!(
        begun.elapsed() > Duration::from_secs(2),
        "400 rows at 100 a second"
    );

    let other = scene.folder.path().join("other.csv");
    let reference = scene.report().remove(0)["reference"]
        .as_str()
        .unwrap()
        .to_owned();
    let text = format!("number,amount,reference\n08031234567,5,{reference}\n08031234568,5,new\n");
    std::fs::write(&other, text).unwrap();
    let used = scene
        .telco(&["topup", "bulk"])
        .arg(&other)
        .output()
        .unwrap();
    assert_eq!(code(&used), 10, "{}", err(&used));
    assert!(
        err(&used).contains("line 2: its reference was used"),
        "{}",
        err(&used)
    );
    assert_eq!(scene.sandbox.totals().requested, 400);
}

#[test]
fn the_report_has_a_line_for_every_row_of_the_file() {
    let scene = Scene::new(3);
    let mut text = std::fs::read_to_string(scene.file()).unwrap();
    text.insert_str(text.find('\n').unwrap() + 1, "0803;50;MTN\n");
    std::fs::write(scene.file(), text).unwrap();
    let done = scene.bulk(&["--skip-invalid"]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    let report = scene.telco(&["topup", "report", "--format", "csv"]);
    let report = { report }.output().unwrap();
    let states: Vec<String> = out(&report)
        .lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            format!("{} {}", fields[0], fields[7])
        })
        .collect();
    assert_eq!(
        states,
        ["3 accepted", "4 accepted", "5 accepted", "2 invalid"]
    );
    assert!(!out(&report).contains("2348030000"), "numbers are masked");
    // One fact has one type, wherever it is told.
    let status = scene.telco(&["topup", "status", "--output", "json"]);
    let status: Value = serde_json::from_slice(&{ status }.output().unwrap().stdout).unwrap();
    assert_eq!(status[0]["delivered"], true);
}

#[test]
fn a_ledger_that_cannot_be_used_is_named_and_nothing_is_sent() {
    let scene = Scene::new(3);
    let path = scene.folder.path().join("other");
    std::fs::write(
        &path,
        "no database, though it is as long as the header of one is.".repeat(9),
    )
    .unwrap();
    for (ledger, told) in [
        (
            "postgres://app@127.0.0.1:9/none".to_owned(),
            "cannot be reached",
        ),
        ("postgres://app@db.example/none".to_owned(), "without TLS"),
        (
            "postgres://app:hunter2@127.0.0.1/none".to_owned(),
            "PGPASSWORD",
        ),
        (format!("sqlite://{}", path.display()), "is no ledger"),
        ("sqlite:///none/at/all.db".to_owned(), "cannot be opened"),
        ("ledger.db".to_owned(), "write sqlite://FILE"),
    ] {
        let mut bulk = common::telco();
        for (name, value) in scene.telco(&[]).get_envs() {
            bulk.env(name, value.unwrap());
        }
        bulk.args(["topup", "bulk", "--ledger", &ledger])
            .arg(scene.file());
        let refused = bulk.output().unwrap();
        assert!(
            [2, 10].contains(&code(&refused)),
            "{ledger}: {}",
            err(&refused)
        );
        assert!(err(&refused).contains(told), "{ledger}: {}", err(&refused));
        assert!(!err(&refused).contains("hunter2"), "{}", err(&refused));
    }
    assert_eq!(scene.sandbox.totals().requested, 0);
}

#[test]
fn a_provider_that_refuses_everything_is_not_asked_for_every_row() {
    let scene = Scene::new(1_000);
    let short = scene
        .bulk(&["--min-balance", "999999000"])
        .output()
        .unwrap();
    assert_eq!(code(&short), 10, "{}", err(&short));
    assert!(err(&short).contains("minimum balance"), "{}", err(&short));
    let before = scene.sandbox.totals().delivered;
    assert!(
        before < 30,
        "{before} rows of 50 naira and more fit into 1,000 naira"
    );

    scene
        .runtime
        .block_on(scene.sandbox.set_down("cowrie", true));
    let down = scene.resume(&["--give-up-after", "20"]).output().unwrap();
    assert_eq!(code(&down), 10, "{}", err(&down));
    assert!(err(&down).contains("in a row"), "{}", err(&down));

    scene
        .runtime
        .block_on(scene.sandbox.set_down("cowrie", false));
    let done = scene.resume(&[]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert!(err(&done).contains("tried again: "), "{}", err(&done));
    assert_eq!(scene.true_report(1_000), (1_000, 0));
}

#[test]
fn a_balance_that_cannot_be_read_stops_the_job_and_changes_no_row() {
    let rows = 200;
    let scene = Scene::new(rows);
    let mut running = scene.bulk(&["--rate", "100"]).spawn().unwrap();
    scene.wait_for(20, &mut running);
    signal(&running, "-INT");
    let stopped = running.wait_with_output().unwrap();
    assert_eq!(code(&stopped), 130, "{}", err(&stopped));
    let sent = scene.sandbox.totals().requested;

    let unreadable = FaultRule::new(Phase::ErrorBefore).provider("cowrie");
    let rules = [unreadable.operation("balance")];
    scene.sandbox.faults().set(rules);
    let careful = ["--min-balance", "1", "--output", "json"];
    let stopped = scene.resume(&careful).output().unwrap();
    assert_eq!(code(&stopped), 10, "{}", err(&stopped));
    let why = "the balance could not be read";
    assert!(err(&stopped).contains(why), "{}", err(&stopped));
    let summary: Value = serde_json::from_slice(&stopped.stdout).unwrap();
    assert_eq!(summary["planned"], rows as u64 - sent);
    assert_eq!(summary["not_sent"], 0);
    assert_eq!(scene.sandbox.totals().requested, sent);

    scene.faults([]);
    let done = scene.resume(&careful).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert_eq!(scene.true_report(rows), (rows as u64, 0));
}
