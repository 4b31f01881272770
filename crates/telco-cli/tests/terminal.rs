//! A bulk job on a terminal: a bar with rate and time left. Elsewhere: plain lines.
#![cfg(unix)]

mod common;
mod scene;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{code, err};
use rustix::fs::{Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;
use scene::{Scene, signal};

/// A terminal of 100 columns: our end, and the program's.
#[expect(clippy::unwrap_used, reason = "test code")]
fn terminal() -> (File, OwnedFd) {
    let ours = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    rustix::pty::grantpt(&ours).unwrap();
    rustix::pty::unlockpt(&ours).unwrap();
    let name = rustix::pty::ptsname(&ours, Vec::new()).unwrap();
    let path = OsStr::from_bytes(name.as_bytes());
    let theirs = rustix::fs::open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let size = Winsize {
        ws_row: 25,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    rustix::termios::tcsetwinsize(&theirs, size).unwrap();
    (File::from(ours), theirs)
}

/// Runs it with its standard error on a terminal. Its exit code, and all that the terminal was told.
#[expect(clippy::unwrap_used, reason = "test code")]
fn on_a_terminal(mut telco: Command) -> (Option<i32>, String) {
    let (mut ours, theirs) = terminal();
    telco
        .env("TERM", "xterm")
        .stdout(Stdio::null())
        .stderr(Stdio::from(theirs));
    let mut running = telco.spawn().unwrap();
    // Holds the other end open.
    drop(telco);
    let mut told = Vec::new();
    // Ends with the last writer: on Linux with an error.
    let _ = ours.read_to_end(&mut told);
    let ended = running.wait().unwrap().code();
    (ended, String::from_utf8(told).unwrap())
}

/// `2 of 300 · 97/s · 3s left` as three numbers, if it is that.
fn figures(frame: &str, rows: usize) -> Option<(usize, usize, usize)> {
    let (before, after) = frame.split_once(&format!(" of {rows} · "))?;
    let done = before.rsplit(' ').next()?.parse().ok()?;
    let (rate, after) = after.split_once("/s · ")?;
    let (left, _) = after.split_once("s left")?;
    Some((done, rate.parse().ok()?, left.parse().ok()?))
}

#[test]
fn a_terminal_shows_rate_and_time_left() {
    let rows = 300;
    let scene = Scene::new(rows);
    let (ended, told) = on_a_terminal(scene.bulk(&["--rate", "100"]));
    assert_eq!(ended, Some(0), "{told}");
    let frames = told.split('\r').filter(|frame| frame.contains("sending "));
    let shown: Vec<_> = frames.filter_map(|frame| figures(frame, rows)).collect();
    // Three seconds, several times a second.
    assert!(shown.len() > 5, "{told:?}");
    for (done, rate, left) in &shown {
        // Both are rounded.
        let (to_do, rate) = ((rows - done) as f64, *rate as f64);
        let right = (to_do / (rate + 0.5) - 1.0)..=(to_do / (rate - 0.5) + 1.0);
        assert!(rate > 0.0 && right.contains(&(*left as f64)), "{shown:?}");
    }
    assert!(shown.is_sorted_by_key(|(done, ..)| *done), "{shown:?}");
    assert!(
        !told.contains("a second"),
        "no plain lines beside it: {told:?}"
    );
    // Taken away at the end, so that the summary stands alone.
    let end = told.rsplit("sending ").next();
    assert!(end.is_some_and(|end| end.contains("\u{1b}[2K")), "{told:?}");
}

#[test]
fn elsewhere_there_are_plain_lines() {
    let scene = Scene::new(20);
    let done = scene.bulk(&[]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", err(&done));
    assert!(
        err(&done).contains("\nsending: 20 of 20, "),
        "{}",
        err(&done)
    );
    assert!(err(&done).contains(" a second\n"), "{}", err(&done));
    assert!(
        !err(&done).contains(['\u{1b}', '\r', '█']),
        "{}",
        err(&done)
    );
}

/// Until the program has said this on the terminal: all of it so far.
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]
fn read_until(ours: &mut File, words: &str) -> String {
    let (mut told, mut part) = (String::new(), [0; 256]);
    while !told.contains(words) {
        let read = ours.read(&mut part).unwrap();
        told.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    told
}

/// The program at a provider where nobody is, with the PIN `918273645546` and its key in the environment.
fn elsewhere(words: &[&str]) -> Command {
    let mut telco = common::telco();
    telco
        .args(["cowrie"])
        .args(words)
        .args(["--base-url", "https://192.0.2.1", "--client-id", "a"])
        .env(
            "TELCO_COWRIE_CLIENT_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        )
        .env("TELCO_COWRIE_TIMEOUT", "1")
        .env("PIN", "918273645546")
        .stdout(Stdio::null());
    telco
}

const SPENDING: [(&[&str], &str); 4] = [
    (
        &["credit", "--msisdn", "08031234567", "--amount", "100"],
        "buys airtime of NGN 100.00 for 23480*****567 on MTN",
    ),
    (
        &[
            "data",
            "--msisdn",
            "08031234567",
            "--amount",
            "350",
            "--bundle",
            "500mb1d",
        ],
        "buys 500mb1d of NGN 350.00 for 23480*****567 on MTN",
    ),
    (
        &["pin", "--unit", "200", "--count", "3"],
        "buys 3 PINs of NGN 200.00 each",
    ),
    (
        &["redeem", "--msisdn", "08031234567", "--pin", "env:PIN"],
        "spends a PIN on 23480*****567 on MTN",
    ),
];

#[test]
fn the_question_says_what_is_confirmed_and_takes_its_answer() {
    for (words, what) in SPENDING {
        // The last is the end of the file, as Ctrl-D gives it. Nobody is there, so that yes sends nothing either.
        for (answer, exit) in [("no\n", 130), ("yes\n", 10), ("\u{4}", 130)] {
            let (mut ours, theirs) = terminal();
            let mut telco = elsewhere(words);
            telco.stdin(theirs.try_clone().unwrap()).stderr(theirs);
            let mut running = telco.spawn().unwrap();
            drop(telco);
            let told = read_until(&mut ours, "Type yes to go on: ");
            assert!(told.contains(what), "{told}");
            assert!(
                !told.contains("8031234567") && !told.contains("918273645546"),
                "{told}"
            );
            ours.write_all(answer.as_bytes()).unwrap();
            assert_eq!(
                running.wait().unwrap().code(),
                Some(exit),
                "{words:?} {answer:?}"
            );
        }
    }
}

/// Into a file nobody sees the question, and would wait for ever.
#[test]
fn a_question_that_nobody_sees_is_not_asked() {
    let (_ours, theirs) = terminal();
    let mut telco = elsewhere(&["pin", "--unit", "200"]);
    let refused = telco.stdin(theirs).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    assert!(
        err(&refused).contains("no terminal to ask on"),
        "{}",
        err(&refused)
    );
}

#[test]
fn a_secret_from_a_terminal_is_asked_for() {
    let (mut ours, theirs) = terminal();
    let mut telco = common::telco();
    telco
        .args(["mor", "hash", "--secret", "-", "a=1"])
        .stdin(theirs.try_clone().unwrap())
        .stdout(Stdio::piped())
        .stderr(theirs);
    let running = telco.spawn().unwrap();
    drop(telco);
    read_until(&mut ours, "then Enter and Ctrl-D");
    ours.write_all(b"secret\n\x04").unwrap();
    let hashed = running.wait_with_output().unwrap();
    assert_eq!((code(&hashed), common::out(&hashed).len()), (0, 41));
}

#[test]
fn ctrl_c_at_the_question_is_an_answer() {
    let scene = Scene::new(3);
    // Written down, and nothing sent.
    let stopped = scene
        .bulk(&["--min-balance", "1000000000"])
        .output()
        .unwrap();
    assert_eq!(code(&stopped), 10, "{}", err(&stopped));

    let (mut ours, theirs) = terminal();
    let mut resume = scene.resume(&[]);
    resume
        .env("TELCO_COWRIE_BASE_URL", "https://192.0.2.1")
        .stdin(theirs.try_clone().unwrap())
        .stderr(theirs);
    let mut running = resume.spawn().unwrap();
    drop(resume);
    read_until(&mut ours, "Type yes to go on");
    signal(&running, "-INT");
    let begun = Instant::now();
    while running.try_wait().unwrap().is_none() {
        let deaf = begun.elapsed() > Duration::from_secs(20);
        if deaf {
            running.kill().unwrap();
        }
        assert!(!deaf, "it still asks");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert_eq!(scene.sandbox.totals().requested, 0);
}
