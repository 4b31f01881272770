//! Bulk jobs that are interrupted, by a person, by a crash, by a full disk, by the provider: every row ends in one true final
//! state. Doubled 0, lost 0, by the provider's own books.

mod common;

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{code, err, out};
use serde_json::{Value, json};
use telco_sandbox::{FaultRule, Phase, Sandbox, Told};

/// A provider that keeps the truth, a file, and a ledger.
struct Scene {
    runtime: tokio::runtime::Runtime,
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    /// The ledger's address.
    ledger: String,
}

#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test code"
)]
impl Scene {
    fn new(rows: usize) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let room = Sandbox::builder().seed(7).memory(rows + 1_000, 1_000);
        let sandbox = runtime.block_on(room.start()).unwrap();
        sandbox
            .configure("cowrie", &json!({ "balance": 1_000_000_000 }))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from("phone;amount;network\n");
        for n in 0..rows {
            text.push_str(&format!("0803{n:07};{};MTN\n", 50 + n % 50));
        }
        std::fs::write(folder.path().join("rows.csv"), text).unwrap();
        let ledger = format!("sqlite://{}", folder.path().join("ledger.db").display());
        Self {
            runtime,
            sandbox,
            folder,
            ledger,
        }
    }

    fn faults(&self, rules: impl IntoIterator<Item = FaultRule>) {
        let credits = |rule: FaultRule| rule.provider("cowrie").operation("credit");
        self.sandbox.faults().set(rules.into_iter().map(credits));
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("rows.csv")
    }

    /// The program with its account, and lookups in quick succession.
    fn telco(&self, words: &[&str]) -> Command {
        let account = self.sandbox.credentials("cowrie").unwrap();
        let mut command = common::telco();
        command
            .args(words)
            .args(["--ledger", &self.ledger])
            .env(
                "TELCO_COWRIE_BASE_URL",
                self.sandbox.base_url("cowrie").unwrap(),
            )
            .env(
                "TELCO_COWRIE_CLIENT_ID",
                account["client_id"].as_str().unwrap(),
            )
            .env(
                "TELCO_COWRIE_CLIENT_KEY",
                account["client_key"].as_str().unwrap(),
            )
            .env("TELCO_COWRIE_LOOKUP_AFTER", "0.01,0.02,0.05,0.1,0.2")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn bulk(&self, flags: &[&str]) -> Command {
        let mut command = self.telco(&["topup", "bulk"]);
        command.arg(self.file()).args(flags);
        command
    }

    fn resume(&self, flags: &[&str]) -> Command {
        let mut command = self.telco(&["topup", "resume"]);
        command.args(flags);
        command
    }

    /// Until the provider has served so many rows.
    fn wait_for(&self, delivered: u64, child: &mut Child) {
        let begun = Instant::now();
        while self.sandbox.totals().delivered < delivered {
            assert!(begun.elapsed() < Duration::from_secs(120), "too slow");
            assert!(child.try_wait().unwrap().is_none(), "it ended early");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn report(&self) -> Vec<Value> {
        let mut telco = self.telco(&["topup", "report", "--format", "json", "--numbers"]);
        let report = telco.output().unwrap();
        assert_eq!(code(&report), 0, "{}", err(&report));
        let lines = out(&report);
        lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Every row of the report against what really happened. Says how many were delivered, and how many are undecided.
    fn true_report(&self, rows: usize) -> (u64, u64) {
        let report = self.report();
        assert_eq!(report.len(), rows, "one line per row");
        let (mut delivered, mut undecided) = (0, 0);
        for row in &report {
            let reference = row["reference"].as_str().unwrap();
            let truth = self.sandbox.operation("cowrie", reference);
            let times = truth.map_or(0, |truth| truth.delivered);
            assert!(times <= 1, "{row} was served {times} times");
            let told = match row["delivered"].as_bool() {
                Some(true) => {
                    assert_eq!(times, 1, "{row} was lost");
                    delivered += 1;
                    Told::Accepted
                }
                Some(false) => {
                    assert_eq!(times, 0, "{row} was served");
                    Told::Rejected
                }
                None => {
                    // What was delivered is on record and found; what is not found proves nothing here, and is left to a person.
                    assert_eq!(row["state"], "unresolved", "{row}");
                    assert_eq!(times, 0, "{row} was served, and is on record");
                    undecided += 1;
                    Told::Unknown
                }
            };
            self.sandbox.told("cowrie", reference, told);
        }
        let totals = self.sandbox.totals();
        assert_eq!((totals.doubled, totals.lost), (0, 0));
        (delivered, undecided)
    }
}

#[expect(clippy::unwrap_used, reason = "test code")]
fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args([signal, &pid])
            .status()
            .unwrap()
            .success()
    );
}

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
    let all = [
        Phase::Refuse,
        Phase::ResetBefore,
        Phase::ErrorBefore,
        Phase::ResetReused,
        Phase::ActThenReset,
        Phase::ActThenError,
        Phase::Truncate,
        Phase::Garbage,
        Phase::CloseIdle,
    ];
    scene.faults([FaultRule::any_of(all).chance(0.3)]);
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
    assert_eq!(code(&scene.telco(&named).output().unwrap()), 0);
    assert_eq!(
        code(&scene.telco(&named).output().unwrap()),
        10,
        "only once"
    );
    let status = ["topup", "status", reference, "--output", "json"];
    let status = scene.telco(&status).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["state"], "resolved");
    let history = status["history"].as_array().unwrap();
    assert_eq!(history.last().unwrap()["by"], "Ada");
    assert_eq!(history.first().unwrap()["state"], "planned");
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

/// A schema of its own on the server that `TELCO_TEST_POSTGRES` names.
#[allow(clippy::unwrap_used, reason = "test code")]
fn on_postgres(scene: &mut Scene) -> Option<impl Fn(&str) + use<>> {
    use telco_ledger::tokio_postgres;

    let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
        let line: &[u8] = b"left out: bulk on PostgreSQL; TELCO_TEST_POSTGRES=postgres://user@host/database runs it\n";
        std::io::Write::write_all(&mut std::io::stderr(), line).unwrap();
        return None;
    };
    let name = format!("telco_bulk_{}", std::process::id());
    let mark = if server.contains('?') { '&' } else { '?' };
    scene.ledger =
        format!("{server}{mark}application_name={name}&options=-c%20search_path%3D{name}");
    let handle = scene.runtime.handle().clone();
    let perform = move |sql: &str| {
        handle.block_on(async {
            let (client, connection) = tokio_postgres::connect(&server, tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            client
                .batch_execute(&sql.replace("NAME", &name))
                .await
                .unwrap();
        });
    };
    perform("DROP SCHEMA IF EXISTS NAME CASCADE; CREATE SCHEMA NAME");
    Some(perform)
}

#[test]
fn four_workers_on_postgres_one_killed_one_frozen_and_the_database_away() {
    let rows = 2_000;
    let mut scene = Scene::new(rows);
    let Some(sql) = on_postgres(&mut scene) else {
        return;
    };
    scene.faults([FaultRule::any_of([Phase::ActThenReset, Phase::Truncate]).chance(0.1)]);
    let hurried = |mut telco: Command| {
        telco.args(["--rate", "400", "--concurrency", "8"]);
        telco.env("TELCO_TOPUP_LEASE", "3").spawn().unwrap()
    };
    let mut first = hurried(scene.bulk(&["--workers", "2"]));
    scene.wait_for(200, &mut first);
    let mut killed = hurried(scene.resume(&[]));
    let frozen = hurried(scene.resume(&[]));
    scene.wait_for(600, &mut first);
    killed.kill().unwrap();
    killed.wait().unwrap();
    signal(&frozen, "-STOP");
    scene.wait_for(1_000, &mut first);
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'NAME'");
    scene.wait_for(1_300, &mut first);
    let first = first.wait_with_output().unwrap();
    signal(&frozen, "-CONT");
    let frozen = frozen.wait_with_output().unwrap();

    let (delivered, undecided) = scene.true_report(rows);
    assert_eq!(delivered + undecided, rows as u64);
    assert!(undecided <= 2 * 8, "{undecided} undecided");
    let wanted = if undecided > 0 { 12 } else { 0 };
    assert_eq!(code(&first), wanted, "{}", err(&first));
    assert_eq!(code(&frozen), wanted, "{}", err(&frozen));
    sql("DROP SCHEMA NAME CASCADE");
}
