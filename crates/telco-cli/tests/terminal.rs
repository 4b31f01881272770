//! A bulk job on a terminal: a bar with rate and time left. Elsewhere: plain lines.
#![cfg(unix)]

mod common;
mod scene;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
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
    let (mut told, mut part) = (String::new(), [0; 256]);
    while !told.contains("Type yes to go on") {
        let read = ours.read(&mut part).unwrap();
        told.push_str(&String::from_utf8_lossy(&part[..read]));
    }
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
