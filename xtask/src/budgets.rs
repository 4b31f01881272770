//! What each crate costs its users: packages in its tree, and seconds of a clean build on two cores.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::Done;
use crate::crates::members;
use crate::isolate::target;
use crate::run::{cargo, output, run, timed};

/// At most so many packages and seconds. Crates without a row are printed only.
const BUDGETS: &[(&str, usize, u64)] = &[
    ("telco-core", 15, 10),
    ("mor-hash", 12, 5),
    ("telco-crypto", 40, 17),
    ("telco-otp", 40, 20),
    ("telco-http", 180, 90),
    ("cowrie-client", 190, 105),
    ("citcall-client", 190, 105),
    ("fanap-client", 200, 105),
    ("phonon-kairos-client", 200, 105),
    ("mor-client", 195, 105),
    ("telco-ledger", 40, 40),
];

pub(crate) fn budgets(options: &[&str]) -> Done {
    let with_time = options.contains(&"--time");
    let mut over = Vec::new();
    println!(
        "{:<24} {:>8} {:>8} {:>8} {:>8}",
        "crate", "packages", "at most", "seconds", "at most"
    );
    for member in members()? {
        let name = member.name.as_str();
        let tree = output(&mut cargo(&[
            "tree", "-p", name, "-e", "normal", "--prefix", "none", "--locked",
        ]))?;
        // `name version`, without cargo's marks of repetition and of macros.
        let packages_of = |line: &str| {
            line.split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let names: BTreeSet<String> = tree
            .lines()
            .map(packages_of)
            .filter(|name| !name.is_empty())
            .collect();
        let took = if with_time {
            Some(clean_build(name)?)
        } else {
            None
        };
        let budget = BUDGETS.iter().find(|(of, ..)| *of == name);
        let (packages, seconds) = budget.map_or((None, None), |(_, packages, seconds)| {
            (Some(*packages), Some(*seconds))
        });
        let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        println!(
            "{name:<24} {:>8} {:>8} {:>8} {:>8}",
            names.len(),
            shown(packages.map(|n| n.to_string())),
            shown(took.map(|took| format!("{:.1}", took.as_secs_f64()))),
            shown(seconds.map(|n| n.to_string())),
        );
        if packages.is_some_and(|most| names.len() > most) {
            over.push(format!("{name}: {} packages", names.len()));
        }
        if let (Some(took), Some(most)) = (took, seconds)
            && took > Duration::from_secs(most)
        {
            over.push(format!("{name}: {:.1} s", took.as_secs_f64()));
        }
    }
    if over.is_empty() {
        Ok(())
    } else {
        Err(format!("over budget: {}", over.join(", ")).into())
    }
}

fn clean_build(name: &str) -> Result<Duration, crate::Failure> {
    let empty = target().join("budgets");
    if empty.exists() {
        fs::remove_dir_all(&empty)?;
    }
    timed(|| {
        run(cargo(&["build", "--quiet", "--locked", "-p", name]).env("CARGO_TARGET_DIR", &empty))
    })
}
