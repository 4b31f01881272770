//! Many workers on one PostgreSQL ledger: one is killed, one is frozen, the server crashes, is away and is restarted.
#![cfg(unix)]

mod common;
mod scene;

use std::process::Command;
use std::time::{Duration, Instant};

use common::{code, err};
use scene::postgres::Database;
use scene::{ALL_BUT_SILENCE, Scene, signal};
use telco_sandbox::FaultRule;

const LEASE: Duration = Duration::from_secs(3);

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
        telco.args(["--rate", "400", "--concurrency", "8"]);
        let lease = LEASE.as_secs().to_string();
        // A lease must be longer than a request.
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
    assert_eq!(delivered + undecided, rows as u64);
    // Every tenth or so died before the provider acted.
    assert!(undecided < 2 * part, "{undecided} undecided");
}
