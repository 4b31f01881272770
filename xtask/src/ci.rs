//! What every change must pass, and the long forms of it.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::budgets::budgets;
use crate::isolate::{Sets, isolate_on_minimum_rust, isolate_some};
use crate::run::{cargo, nightly, root, run, there_is};
use crate::tidy::tidy;
use crate::{Done, publish};

/// The test command of README.md, called first and as it stands there.
const TEST: &[&str] = &["test", "--workspace"];

type Step = (&'static str, fn() -> Done);

const STEPS: &[Step] = &[
    ("test", || run(&mut cargo(TEST))),
    ("fmt", || run(&mut cargo(&["fmt", "--all", "--check"]))),
    ("tidy", tidy),
    ("clippy", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    }),
    ("deny", deny),
    ("spelling", spelling),
    ("docs", docs),
    ("compile-fail", compile_fail),
    ("demo", demo),
    ("postgres", postgres),
    ("faults", faults),
    ("fuzz", || fuzz(Duration::from_secs(2), &["sandbox_http"])),
    ("budgets", || budgets(&[])),
    ("api", || crate::api::api(&[])),
    ("semver", || crate::semver::semver(None)),
    ("isolate", || isolate_some(&[], Sets::Three, None)),
    ("publish", || publish::publish(&[])),
];

/// The long forms, in the order of what is wanted first: together they take more than half a day of two cores.
const LONG_STEPS: &[Step] = &[
    ("budgets", || budgets(&["--time"])),
    ("api", || crate::api::api(&[])),
    ("minimal", crate::minimal::minimal),
    ("isolate", || isolate_some(&[], Sets::EachToo, None)),
    ("minimum-rust", || isolate_on_minimum_rust(&[], Sets::Three)),
    ("faults", many_faults),
    ("fuzz", || fuzz(Duration::from_secs(120), &[])),
    ("soak", soak),
    ("benches", || run(&mut cargo(&["bench", "--workspace"]))),
    ("sanitize", crate::sanitize::sanitize),
    ("coverage", || crate::coverage::coverage(&[])),
    ("mutants", || crate::mutants::mutants(&[])),
];

pub(crate) fn ci(options: &[&str]) -> Done {
    some_of(STEPS, options)
}

pub(crate) fn deep(options: &[&str]) -> Done {
    some_of(LONG_STEPS, options)
}

fn some_of(steps: &[Step], options: &[&str]) -> Done {
    match options {
        ["--list"] => {
            steps.iter().for_each(|(name, _)| println!("{name}"));
            Ok(())
        }
        ["--step", wanted] => match steps.iter().find(|(name, _)| name == wanted) {
            Some(step) => in_order(std::slice::from_ref(step)),
            None => Err(format!("there is no step {wanted}").into()),
        },
        [] => in_order(steps),
        _ => Err("takes nothing, --list, or --step NAME".into()),
    }
}

/// All of them, whatever becomes of one: who reads the log wants to know everything that is broken.
fn in_order(steps: &[Step]) -> Done {
    let started = Instant::now();
    let (mut rows, mut failed) = (Vec::new(), 0);
    for (name, step) in steps {
        println!("\n=== {name}");
        let began = Instant::now();
        let ended = match step() {
            Ok(()) => "",
            Err(failure) => {
                println!("step {name}: {failure}");
                failed += 1;
                "  FAILED"
            }
        };
        rows.push(format!(
            "{name:<14} {:>6.1} s{ended}",
            began.elapsed().as_secs_f64()
        ));
    }
    println!(
        "\n{}\n{:<14} {:>6.1} s",
        rows.join("\n"),
        "all",
        started.elapsed().as_secs_f64()
    );
    println!("{} passed, {failed} failed", steps.len() - failed);
    if failed == 0 {
        Ok(())
    } else {
        Err("steps failed".into())
    }
}

fn docs() -> Done {
    run(
        cargo(&["doc", "--workspace", "--all-features", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

/// Advisories change without us and need a database: they are the workflow's part.
fn deny() -> Done {
    if !there_is("cargo", &["deny", "--version"]) {
        println!(
            "left out: licences and sources are checked by cargo-deny (cargo install cargo-deny)"
        );
        return Ok(());
    }
    run(&mut cargo(&[
        "deny",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn spelling() -> Done {
    if !there_is("typos", &["--version"]) {
        println!("left out: spelling is checked by typos (cargo install typos-cli)");
        return Ok(());
    }
    run(Command::new("typos").current_dir(root()))
}

/// Only nightly compares the error code of a `compile_fail` test; on stable a typo would pass for the right refusal.
fn compile_fail() -> Done {
    if !there_is("rustup", &["run", "nightly", "cargo", "--version"]) {
        println!(
            "left out: no nightly toolchain, so that error codes of compile-fail tests are not compared"
        );
        return Ok(());
    }
    run(nightly(&["test", "--doc", "-p", "telco-core"])
        .env("CARGO_TARGET_DIR", crate::isolate::target().join("nightly")))
}

fn demo() -> Done {
    run(&mut cargo(&[
        "run",
        "--quiet",
        "-p",
        "telco-cli",
        "--",
        "demo",
    ]))
}

/// Suites that need a server: `TELCO_TEST_POSTGRES` names it. Those of telco-cli ran with the others, in the first step.
fn postgres() -> Done {
    let Ok(url) = std::env::var("TELCO_TEST_POSTGRES") else {
        println!("left out: TELCO_TEST_POSTGRES names no server (postgres://user@host/database)");
        return Ok(());
    };
    for name in ["telco-ledger", "telco-otp"] {
        run(cargo(&["test", "-p", name, "--all-features", "postgres"])
            .env("TELCO_TEST_POSTGRES", &url))?;
    }
    Ok(())
}

/// Kills and faults on both stores. Those of the program ran in the first step: 20 kills, jobs that are interrupted.
fn faults() -> Done {
    let tests = ["--test", "faults", "--test", "crash", "--test", "commits"];
    run(cargo(&["test", "-p", "telco-ledger", "--all-features"]).args(tests))
}

/// All of them, in their long form.
fn many_faults() -> Done {
    let deep = |words: &[&str]| run(cargo(words).env("TELCO_DEEP", "1"));
    for test in ["faults", "bulk", "bulk_postgres"] {
        deep(&["test", "-p", "telco-cli", "--test", test])?;
    }
    deep(&["test", "-p", "telco-ledger", "--all-features"])
}

/// Every fuzz target for a while, but those that are left out.
fn fuzz(each: Duration, without: &[&str]) -> Done {
    let fuzz = root().join("fuzz");
    if !there_is("rustup", &["run", "nightly", "cargo", "fuzz", "--version"]) {
        println!(
            "left out: fuzzing needs a nightly toolchain and cargo-fuzz (cargo install cargo-fuzz)"
        );
        return Ok(());
    }
    for entry in std::fs::read_dir(fuzz.join("fuzz_targets"))? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else {
            continue;
        };
        if without.contains(&name) {
            println!("left to `cargo xtask deep`: {name}");
            continue;
        }
        let seconds = format!("-max_total_time={}", each.as_secs());
        // No sanitizer: there is no unsafe code of ours to sanitize, and the build is twice as fast.
        run(&mut nightly(&[
            "fuzz",
            "run",
            "--features",
            if without.is_empty() {
                "sandbox"
            } else {
                "default"
            },
            "--sanitizer",
            "none",
            name,
            "--",
            &seconds,
            "-rss_limit_mb=4096",
        ]))?;
    }
    Ok(())
}

/// An hour of random requests to the sandbox; its figures are shown.
fn soak() -> Done {
    let test = [
        "test",
        "-p",
        "telco-sandbox",
        "--test",
        "soak",
        "--",
        "--nocapture",
    ];
    run(cargo(&test).env("TELCO_SOAK_SECONDS", "3600"))
}
