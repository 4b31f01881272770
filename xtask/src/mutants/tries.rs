//! Each mutant is turned on, and the tests that come across it are run until one fails.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{available_parallelism, sleep};
use std::time::{Duration, Instant};

use super::build::{Copy, Program};
use super::list::Mutant;
use super::{Journal, Seen, Tested};
use crate::run::output;
use crate::{Done, Failure};

/// From how long to how long a test takes: the quickest are run first. One that takes longer than all is run for no mutant.
const TIERS: &[(Duration, Duration)] = &[
    (Duration::ZERO, Duration::from_millis(50)),
    (Duration::from_millis(50), Duration::from_secs(1)),
    (Duration::from_secs(1), Duration::from_secs(10)),
];
/// The tests of other packages that are run for a mutant.
const QUICK: &[(Duration, Duration)] = &[(Duration::ZERO, Duration::from_secs(1))];
/// A test that takes no longer than this is not hung, whatever it took without a mutant.
const PATIENCE: Duration = Duration::from_secs(20);
/// A mutant that fills the memory must not fill the machine's (KiB).
const LIMITED: &str = "ulimit -v 12000000; exec \"$0\" \"$@\"";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Passed,
    Failed,
    Hung,
}

/// Runs a program of tests with all that it starts, at most for so long.
fn run(command: &mut Command, at_most: Duration) -> Result<Ended, Failure> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Where there are no process groups this is compiled, and not used: it needs `sh` and `kill`.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let mut child = command.spawn()?;
    let until = Instant::now() + at_most;
    let ended = loop {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(Ended::Passed),
            Some(_) => break Ended::Failed,
            None if Instant::now() > until => break Ended::Hung,
            None => sleep(Duration::from_millis(3)),
        }
    };
    let group = format!("-{}", child.id());
    let mut kill = Command::new("kill");
    // Where nothing is left to end, it says so, and nobody needs to know.
    let _ = kill
        .args(["-KILL", "--", &group])
        .stderr(Stdio::null())
        .status();
    child.wait()?;
    Ok(ended)
}

/// Some tests of a program.
fn some(copy: &Copy, program: &Program, names: &[&str]) -> Command {
    let folder = copy.folder.join("workspace").join(&program.folder);
    let mut command = Command::new("sh");
    command.args(["-c", LIMITED]).arg(&program.path);
    command
        .args(names)
        .arg("--exact")
        .env("CARGO_MANIFEST_DIR", &folder);
    command.current_dir(folder);
    command
}

/// The doc tests of a package.
fn doc_tests(copy: &Copy, package: &Tested) -> Command {
    let mut command = copy.cargo(&["test", "--doc"]);
    command.args(package.arguments());
    command
}

/// Runs every test by itself, unless the journal has it, and writes down how long it took and which mutants it came across.
pub(crate) fn look(
    copy: &Copy,
    programs: &[Program],
    tested: &[&Tested],
    journal: &mut Journal,
) -> Result<(), Failure> {
    let file = copy.folder.join("seen");
    let mut watch = |program: &Path, name: &str, command: &mut Command| {
        if journal.has_seen(program, name) {
            return Ok(());
        }
        fs::write(&file, "")?;
        let began = Instant::now();
        let ended = run(command.env("TELCO_MUTANTS_SEEN", &file), PATIENCE * 60)?;
        if ended != Ended::Passed {
            println!(
                "left out, since it fails by itself: {name} of {}",
                program.display()
            );
        }
        let mutants = fs::read_to_string(&file)?;
        let mutants = mutants.lines().filter_map(|id| id.parse().ok());
        journal.saw(Seen {
            program: program.into(),
            name: name.into(),
            took: began.elapsed(),
            mutants: mutants.filter(|_| ended == Ended::Passed).collect(),
        })
    };
    for program in programs {
        let listed = output(Command::new(&program.path).args(["--list", "--format", "terse"]))?;
        for name in listed
            .lines()
            .filter_map(|line| line.strip_suffix(": test"))
        {
            watch(&program.path, name, &mut some(copy, program, &[name]))?;
        }
    }
    for package in tested {
        watch(
            Path::new(package.package),
            "doc tests",
            &mut doc_tests(copy, package),
        )?;
    }
    Ok(())
}

/// Tries all mutants that the journal does not have, as many at a time as there are workers.
pub(crate) fn try_all(
    copy: &Copy,
    programs: &[Program],
    mutants: &[Mutant],
    chosen: &[&Tested],
    journal: Journal,
) -> Result<Journal, Failure> {
    let of = |mutant: &Mutant| chosen.iter().find(|row| row.package == mutant.package);
    let left = mutants.iter().enumerate();
    let left = Mutex::new(left.filter_map(|(id, mutant)| Some((id, mutant, of(mutant)?))));
    let journal = Mutex::new(journal);
    let next = || {
        let mut left = left.lock().map_err(|_| "a worker failed")?;
        let journal = journal.lock().map_err(|_| "a worker failed")?;
        let next = left.find(|(id, ..)| journal.ended(*id).is_none());
        Ok::<_, Failure>(next.map(|(id, mutant, row)| (id, mutant, row, journal.across(id))))
    };
    let work = || -> Done {
        while let Some((id, mutant, row, across)) = next()? {
            let ended = attempt(copy, programs, id, row, &across)?;
            println!("{ended:<12} {}: {}", mutant.package, mutant.name);
            let mut journal = journal.lock().map_err(|_| "a worker failed")?;
            journal.end(id, ended)?;
        }
        Ok(())
    };
    let workers = std::env::var("CARGO_BUILD_JOBS").ok();
    let workers = workers.and_then(|jobs| jobs.parse().ok());
    let workers = workers.map_or_else(available_parallelism, Ok)?;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.get())
            .map(|_| scope.spawn(|| work().map_err(|failure| failure.to_string())))
            .collect();
        for worker in workers {
            worker.join().map_err(|_| "a worker failed")??;
        }
        Ok::<_, Failure>(())
    })?;
    journal.into_inner().map_err(|_| "a worker failed".into())
}

/// Tries a mutant with the tests that come across it, and tells what became of it: the tests of its package, the quickest
/// first, then its doc tests, then the quick tests of packages that use it.
fn attempt(
    copy: &Copy,
    programs: &[Program],
    id: usize,
    package: &Tested,
    across: &[Arc<Seen>],
) -> Result<&'static str, Failure> {
    if across.is_empty() {
        return Ok("unreached");
    }
    let turn_on = |mut command: Command, usually: Duration| {
        let at_most = PATIENCE.max(usually * 4);
        run(command.env("TELCO_MUTANT", id.to_string()), at_most)
    };
    let any_notices = |of: &[&str], tiers: &[(Duration, Duration)]| {
        for &(from, to) in tiers {
            for program in programs.iter().filter(|one| of.contains(&&*one.package)) {
                let tests = across.iter().filter(|seen| {
                    seen.program == program.path && seen.took >= from && seen.took < to
                });
                let (names, took): (Vec<&str>, Vec<Duration>) =
                    tests.map(|seen| (&*seen.name, seen.took)).unzip();
                if names.is_empty() {
                    continue;
                }
                match turn_on(some(copy, program, &names), took.iter().sum())? {
                    Ended::Passed => {}
                    ended => return Ok(Some(ended)),
                }
            }
        }
        Ok::<_, Failure>(None)
    };
    match any_notices(&[package.package], TIERS)? {
        Some(Ended::Hung) => return Ok("hung"),
        Some(_) => return Ok("noticed"),
        None => {}
    }
    let mine = Path::new(package.package);
    let documented = across.iter().any(|seen| seen.program == mine);
    if documented && turn_on(doc_tests(copy, package), PATIENCE)? != Ended::Passed {
        return Ok("documented");
    }
    Ok(match any_notices(package.also, QUICK)? {
        Some(_) => "elsewhere",
        None => "lived",
    })
}
