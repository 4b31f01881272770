//! Many workers on one PostgreSQL ledger: one is killed, one is frozen, the server crashes, is away and is restarted.
#![cfg(unix)]

mod common;
mod scene;

use std::process::{Command, Output};
use std::time::{Duration, Instant};

use common::{code, err};
use scene::postgres::Database;
use scene::{ALL_BUT_SILENCE, Scene, signal};
use telco_sandbox::{FaultRule, Phase};

/// The shortest for requests that take 2 s.
const LEASE: Duration = Duration::from_secs(32);

/// Rows that a worker sends at a time.
const IN_HAND: u64 = 8;

/// Every third answer or so goes wrong, in every phase. `TELCO_DEEP` sends five times as many rows.
#[test]
fn four_workers_on_postgres_one_killed_one_frozen_and_the_server_restarted() {
    let Some(database) = Database::find() else {
        return;
    };
    let rows = if std::env::var_os("TELCO_DEEP").is_some() {
        10_000
    } else {
        2_000
    };
    let part = rows as u64 / 10;
    let mut scene = Scene::new(rows);
    scene.ledger = database.url();
    scene.faults([FaultRule::any_of(ALL_BUT_SILENCE).chance(0.3)]);
    let hurried = |mut telco: Command| {
        telco.args(["--rate", "400", "--concurrency", &IN_HAND.to_string()]);
        let lease = LEASE.as_secs().to_string();
        telco.env("TELCO_COWRIE_TIMEOUT", "2");
        telco.env("TELCO_TOPUP_LEASE", lease).spawn().unwrap()
    };
    let mut first = hurried(scene.bulk(&["--workers", "2"]));
    scene.wait_for(part, &mut first);
    let mut killed = hurried(scene.resume(&[]));
    let frozen = hurried(scene.resume(&[]));
    scene.wait_for(3 * part, &mut first);
    killed.kill().unwrap();
    killed.wait().unwrap();
    signal(&frozen, "-STOP");
    let since = Instant::now();
    scene.wait_for(4 * part, &mut first);
    database.crash(Duration::from_secs(2));
    scene.wait_for(6 * part, &mut first);
    database.restart();
    scene.wait_for(7 * part, &mut first);
    std::thread::sleep((LEASE + Duration::from_secs(1)).saturating_sub(since.elapsed()));
    signal(&frozen, "-CONT");
    for worker in [first, frozen] {
        let ended = worker.wait_with_output().unwrap();
        // Not on record proves nothing with this provider: such rows are for a person.
        assert_eq!(code(&ended), 12, "{}", err(&ended));
        assert!(err(&ended).contains("left for a person"), "{}", err(&ended));
    }

    // What was not sent is sent; then every row has happened, or is for a person.
    scene.faults([]);
    let last = scene.resume(&[]).output().unwrap();
    assert_eq!(code(&last), 12, "{}", err(&last));
    let (delivered, undecided) = scene.true_report(rows);
    // What the frozen one had in hand and did not send, it says when it wakes: not delivered, and not for a person.
    let not_delivered = rows as u64 - delivered - undecided;
    assert!(not_delivered <= IN_HAND, "{not_delivered} not delivered");
    // Every tenth or so died before the provider acted.
    assert!(undecided < 2 * part, "{undecided} undecided");
}

/// Begun with `--send-again`, it sends again what was sent until then. Another job sends most of its rows while it runs.
#[test]
fn two_jobs_at_once_send_the_same_once_whatever_is_sent_again() {
    let Some(database) = Database::find() else {
        return;
    };
    let rows = 100;
    let mut scene = Scene::new(rows);
    scene.ledger = database.url();
    let again = ["--send-again", "--allow-duplicates", "--rate", "10"];
    let mut slow = scene.bulk(&again).spawn().unwrap();
    scene.wait_for(5, &mut slow);

    let other = scene.folder.path().join("other.csv");
    let text = std::fs::read_to_string(scene.file()).unwrap();
    std::fs::write(&other, format!("{text}08037654321;50;MTN\n")).unwrap();
    let skipping = scene.bulk_of(&other, &["--skip-sent"]).output().unwrap();
    for ended in [skipping, slow.wait_with_output().unwrap()] {
        assert!([0, 10].contains(&code(&ended)), "{}", err(&ended));
    }
    assert_eq!(scene.sandbox.totals().requested, rows as u64 + 1);
}

/// How many rows this process sent.
fn sent_by(worker: &Output) -> u64 {
    let told = err(worker);
    let after = told.rsplit("sending: ").next().unwrap_or_default();
    let count = after.split_once(" of ").map(|(count, _)| count.parse());
    count.and_then(Result::ok).unwrap_or_default()
}

/// At any moment some rows are being looked up: that keeps nobody from sending the others, and no other job from
/// ending.
#[test]
fn a_second_machine_joins_and_another_job_ends_while_the_first_one_runs() {
    let Some(database) = Database::find() else {
        return;
    };
    let rows = 600;
    let mut scene = Scene::new(rows);
    scene.ledger = database.url();
    scene.faults([FaultRule::new(Phase::ActThenReset).chance(0.3)]);
    let slow = |mut telco: Command| {
        telco.args(["--rate", "50", "--concurrency", "4"]);
        telco.env("TELCO_COWRIE_LOOKUP_AFTER", "0.5,1,1");
        telco.spawn().unwrap()
    };
    let mut first = slow(scene.bulk(&[]));
    scene.wait_for(20, &mut first);
    let second = slow(scene.resume(&[]));

    let other = scene.folder.path().join("other.csv");
    std::fs::write(&other, "number,amount\n08061234567,50\n").unwrap();
    let other = slow(scene.bulk_of(&other, &[])).wait_with_output().unwrap();
    assert_eq!(code(&other), 0, "{}", err(&other));
    assert!(
        first.try_wait().unwrap().is_none(),
        "it waited for the first"
    );

    let ended = [first, second].map(|worker| worker.wait_with_output().unwrap());
    for worker in &ended {
        assert_eq!(code(worker), 0, "{}", err(worker));
        assert!(sent_by(worker) > 20, "{}", err(worker));
    }
    let sent = ended.iter().map(sent_by).sum::<u64>();
    assert_eq!(sent, rows as u64);
}

/// Two people, two copies of a file, one moment: each number gets it once, whichever job sends it.
#[test]
fn two_jobs_of_the_same_rows_send_each_once() {
    let Some(database) = Database::find() else {
        return;
    };
    let rows = 200;
    let mut scene = Scene::new(rows);
    scene.ledger = database.url();
    let copy = scene.folder.path().join("copy.csv");
    let text = std::fs::read_to_string(scene.file()).unwrap();
    std::fs::write(&copy, text.replace('\n', "\r\n")).unwrap();
    // Both have looked for what was sent before either sends anything.
    let slow = FaultRule::new(Phase::SlowAnswer).provider("cowrie");
    let slow = slow.operation("balance").delay(Duration::from_secs(3));
    scene.sandbox.faults().set([slow]);
    // Without the guard that looks back for half a minute only.
    let flags = ["--allow-duplicates", "--rate", "100"];
    let jobs = [scene.bulk(&flags), scene.bulk_of(&copy, &flags)];
    let running = jobs.map(|mut job| job.spawn().unwrap());
    let ended = running.map(|job| job.wait_with_output().unwrap());
    assert_eq!(scene.sandbox.totals().delivered, rows as u64);
    for job in &ended {
        assert_eq!(code(job), 10, "{}", err(job));
        let told = "another job has sent the same";
        assert!(err(job).contains(told), "{}", err(job));
    }
}
