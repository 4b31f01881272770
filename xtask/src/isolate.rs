//! Each crate as its users get it: packaged, unpacked outside the workspace, built and tested alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::crates::{Member, members};
use crate::run::{cargo, cargo_of, root, run, there_is, whole_output};
use crate::{Done, Failure};

/// Which sets of features are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sets {
    /// None, default, all.
    Three,
    /// Those, and each feature alone.
    EachToo,
}

/// A crate, a set of features, and how long it took or what went wrong.
type Row = (String, Vec<String>, Result<Duration, String>);

pub(crate) fn isolate(options: &[&str]) -> Done {
    let each = options.contains(&"--each-feature");
    let minimum = options.contains(&"--minimum-rust");
    let named: Vec<&str> = options
        .iter()
        .copied()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let sets = if each { Sets::EachToo } else { Sets::Three };
    if minimum {
        isolate_on_minimum_rust(&named, sets)
    } else {
        isolate_some(&named, sets, None)
    }
}

/// On the oldest Rust that is promised.
pub(crate) fn isolate_on_minimum_rust(named: &[&str], sets: Sets) -> Done {
    let members = members()?;
    let minimum = members.iter().find_map(Member::minimum_rust);
    let minimum = minimum.ok_or("no crate states its minimum Rust")?;
    if !there_is("rustup", &["run", minimum, "cargo", "--version"]) {
        println!(
            "left out: the minimum Rust is not installed (rustup toolchain install {minimum})"
        );
        return Ok(());
    }
    isolate_some(named, sets, Some(minimum))
}

pub(crate) fn isolate_some(named: &[&str], sets: Sets, toolchain: Option<&str>) -> Done {
    let members = members()?;
    if let Some(unknown) = named
        .iter()
        .find(|name| !members.iter().any(|member| member.name == **name))
    {
        return Err(format!("there is no crate {unknown}").into());
    }
    let outside = unpack(&members)?;
    println!("unpacked to {}", outside.display());
    let wanted: Vec<&Member> = members
        .iter()
        .filter(|member| named.is_empty() || named.contains(&member.name.as_str()))
        .collect();
    let next = AtomicUsize::new(0);
    let rows: Vec<Mutex<Vec<Row>>> = wanted.iter().map(|_| Mutex::default()).collect();
    // Two crates at a time: while the tests of one wait for a clock or a server, the other is built. Never two sets of one
    // crate, whose programs have one name.
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((member, rows)) = {
                    let mine = next.fetch_add(1, Ordering::Relaxed);
                    wanted.get(mine).zip(rows.get(mine))
                } {
                    for set in feature_sets(member, sets) {
                        let ended = test_alone(&outside, member, &set, toolchain);
                        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                        rows.push((member.name.clone(), set, ended));
                    }
                }
            });
        }
    });
    let (mut lines, mut failed) = (Vec::new(), 0);
    for (name, set, ended) in rows
        .into_iter()
        .flat_map(|rows| rows.into_inner().unwrap_or_else(PoisonError::into_inner))
    {
        let ended = match ended {
            Ok(took) => format!("{:>5.1} s", took.as_secs_f64()),
            Err(failure) => {
                failed += 1;
                format!("FAILED: {failure}")
            }
        };
        lines.push(format!("{name:<24} {:<28} {ended}", set.join(" ")));
    }
    fs::remove_dir_all(&outside)?;
    let with = toolchain.map_or_else(String::new, |toolchain| format!(", with Rust {toolchain}"));
    println!(
        "\nalone, from the packaged tarball{with}:\n{}",
        lines.join("\n")
    );
    println!("{} passed, {failed} failed", lines.len() - failed);
    if failed == 0 {
        Ok(())
    } else {
        Err("a crate does not stand alone".into())
    }
}

fn feature_sets(member: &Member, sets: Sets) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![
        vec!["--no-default-features".into()],
        vec![],
        vec!["--all-features".into()],
    ];
    if member.features.is_empty() {
        all = vec![vec![]];
    } else if !member.has_default_features() {
        // By default it is what it is without features: once is enough.
        all.remove(1);
    }
    if sets == Sets::EachToo {
        let single = member
            .features
            .iter()
            .filter(|feature| *feature != "default");
        all.extend(single.map(|feature| {
            vec![
                "--no-default-features".into(),
                "--features".into(),
                feature.clone(),
            ]
        }));
    }
    all
}

/// Packages every crate and lays the tarballs out beside each other, away from the workspace. They find one another by a
/// patch of crates.io, which does not know them yet.
fn unpack(members: &[Member]) -> Result<PathBuf, Failure> {
    let mut package = cargo(&[
        "package",
        "--workspace",
        "--exclude",
        "xtask",
        "--exclude",
        "telco-guides",
        "--no-verify",
        "--allow-dirty",
        "--quiet",
    ]);
    run(&mut package)?;
    let target = target();
    let outside = std::env::temp_dir().join(format!("telco-alone-{}", std::process::id()));
    if outside.exists() {
        fs::remove_dir_all(&outside)?;
    }
    fs::create_dir_all(outside.join(".cargo"))?;
    let mut config = String::from("[patch.crates-io]\n");
    for member in members {
        let folder = format!("{}-{}", member.name, member.version);
        let tarball = target.join("package").join(format!("{folder}.crate"));
        // Packages have one date for all files: with it, cargo would take what an earlier run built for fresh.
        run(Command::new("tar")
            .arg("-xzmf")
            .arg(&tarball)
            .arg("-C")
            .arg(&outside))?;
        fs::copy(
            root().join("Cargo.lock"),
            outside.join(&folder).join("Cargo.lock"),
        )?;
        config.push_str(&format!(
            "{} = {{ path = {:?} }}\n",
            member.name,
            outside.join(&folder)
        ));
    }
    // Big-number arithmetic without optimisation makes RSA tests crawl; the workspace's own profile does the same.
    // Thirty-odd sets of test programs lie in one folder: without debug information they are a third as large.
    config.push_str("\n[profile.dev]\ndebug = false\nstrip = \"debuginfo\"\nincremental = false\n\n[profile.dev.package]\n");
    for slow in [
        "rsa",
        "crypto-bigint",
        "crypto-primes",
        "sha1",
        "sha2",
        "aes",
    ] {
        config.push_str(&format!("{slow} = {{ opt-level = 3 }}\n"));
    }
    fs::write(outside.join(".cargo/config.toml"), config)?;
    Ok(outside)
}

/// Its output is printed in one piece, since two crates are tested at a time.
fn test_alone(
    outside: &Path,
    member: &Member,
    set: &[String],
    toolchain: Option<&str>,
) -> Result<Duration, String> {
    let words = ["test", "--quiet"];
    let mut test = toolchain.map_or_else(|| cargo(&words), |toolchain| cargo_of(toolchain, &words));
    test.args(set)
        .current_dir(outside.join(format!("{}-{}", member.name, member.version)))
        .env("CARGO_TARGET_DIR", target().join("alone"));
    let began = Instant::now();
    let ended = whole_output(&mut test);
    println!("\n--- {} {}", member.name, set.join(" "));
    match ended {
        Ok(text) => {
            println!("{text}");
            Ok(began.elapsed())
        }
        Err(failure) => {
            println!("{failure}");
            Err("see above".into())
        }
    }
}

pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
