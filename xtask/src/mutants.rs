//! Mutation testing of what decides about money, signatures and outside bytes. `docs/mutation.md` says how it works and explains
//! each mutant that lives; one that it does not explain is a failure.

mod build;
mod journal;
mod list;
mod switch;
mod tries;

use std::collections::BTreeMap;

use build::Copy;
use journal::{Journal, Seen};
use list::Mutant;

use crate::Done;
use crate::run::{root, there_is};

/// A package whose mutants are tried.
#[derive(Debug)]
struct Tested {
    package: &'static str,
    /// Features that its code needs.
    features: &'static [&'static str],
    /// Packages that use it, whose quick tests count too.
    also: &'static [&'static str],
}

const fn row(
    package: &'static str,
    features: &'static [&'static str],
    also: &'static [&'static str],
) -> Tested {
    Tested {
        package,
        features,
        also,
    }
}

const TESTED: &[Tested] = &[
    row("mor-hash", &["telco-core"], &["mor-client"]),
    row("fanap-client", &[], &[]),
    row("phonon-kairos-client", &[], &[]),
    row("citcall-client", &[], &[]),
    row("mor-client", &[], &[]),
    row("cowrie-client", &["plans"], &["telco-ledger"]),
    row("telco-core", &["serde"], USERS),
    row("telco-http", &["blocking", "metrics"], USERS),
    // OpenSSL would take the place of the private operation.
    row("telco-crypto", &["xml", "envelope", "open"], USERS),
    row("telco-otp", &["sqlite", "postgres"], CODES),
    row("telco-ledger", &["postgres"], &[]),
];

/// Whose codes are made or checked by the client.
const CODES: &[&str] = &[
    "citcall-client",
    "fanap-client",
    "phonon-kairos-client",
    "mor-client",
];

/// Who uses the crates that serve all.
const USERS: &[&str] = &[
    "cowrie-client",
    "citcall-client",
    "fanap-client",
    "phonon-kairos-client",
    "mor-client",
    "telco-ledger",
];

impl Tested {
    /// What tells cargo of it.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--package".to_owned(), self.package.to_owned()];
        for feature in self.features {
            arguments.extend([
                "--features".to_owned(),
                format!("{}/{feature}", self.package),
            ]);
        }
        arguments
    }
}

/// A store that no test reaches where there is no server.
const POSTGRES: &[&str] = &[
    "crates/telco-ledger/src/postgres.rs",
    "crates/telco-ledger/src/postgres/**",
    "crates/telco-otp/src/postgres.rs",
];

pub(crate) fn mutants(only: &[&str]) -> Done {
    if !cfg!(unix) {
        println!(
            "left out: mutants are tried where a process and all that it started can be ended"
        );
        return Ok(());
    }
    if !there_is("cargo", &["mutants", "--version"]) {
        println!("left out: mutation testing needs cargo-mutants (cargo install cargo-mutants)");
        return Ok(());
    }
    let known = |name: &str| TESTED.iter().any(|row| row.package == name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        return Err(format!("no mutants of {unknown} are tried").into());
    }
    let chosen = TESTED.iter();
    let chosen = chosen.filter(|row| only.is_empty() || only.contains(&row.package));
    let chosen: Vec<&Tested> = chosen.collect();
    let uses = |row: &Tested| chosen.iter().any(|one| one.also.contains(&row.package));
    let needed = TESTED.iter();
    let needed =
        needed.filter(|row| uses(row) || chosen.iter().any(|one| one.package == row.package));
    let needed: Vec<&Tested> = needed.collect();
    let without: &[&str] = match std::env::var_os("TELCO_TEST_POSTGRES") {
        Some(_) => &[],
        None => POSTGRES,
    };
    let mut mutants = Vec::new();
    for row in &chosen {
        mutants.extend(list::list(row.package, without)?);
    }
    let copy = Copy::new()?;
    let question = format!("{needed:?} {mutants:?}");
    let journal = copy.folder.join("journal");
    let mut journal = Journal::open(&journal, copy.fingerprint(&question))?;
    let programs = copy.build(&mutants, &needed, &mut journal)?;
    tries::look(&copy, &programs, &needed, &mut journal)?;
    let journal = tries::try_all(&copy, &programs, &mutants, &chosen, journal)?;
    report(&chosen, &mutants, &journal)
}

/// How it can end with a mutant, and the last two are bad.
const ENDS: &[&str] = &[
    "unviable",
    "apart",
    "noticed",
    "documented",
    "elsewhere",
    "hung",
    "lived",
    "unreached",
];

/// A table, and each mutant that lives.
fn report(chosen: &[&Tested], mutants: &[Mutant], journal: &Journal) -> Done {
    let page = std::fs::read_to_string(root().join("docs/mutation.md"))?;
    let (mut table, mut unexplained) = (Vec::new(), 0);
    for row in chosen {
        let heading = format!("## {}\n", row.package);
        let section = page.split_once(&heading).map_or("", |(_, section)| section);
        let section = section
            .split_once("\n## ")
            .map_or(section, |(section, _)| section);
        let mut counts = BTreeMap::new();
        let (mut all, mut listed) = (0, String::new());
        for (id, mutant) in mutants.iter().enumerate() {
            if mutant.package != row.package {
                continue;
            }
            let ended = journal.ended(id).unwrap_or_default();
            *counts.entry(ended).or_insert(0) += 1;
            all += 1;
            if matches!(ended, "lived" | "unreached") {
                let explained = section.contains(&format!("`{}`", mutant.name));
                unexplained += usize::from(!explained);
                let mark = if explained { "" } else { "  NOT EXPLAINED" };
                listed += &format!(
                    "{ended:<10} line {:<5} {}{mark}\n",
                    mutant.start.0, mutant.name
                );
            }
        }
        println!("\n{}\n{listed}", row.package);
        let counts = ENDS.iter().map(|end| counts.get(end).copied().unwrap_or(0));
        let counts: Vec<String> = counts.map(|count: usize| format!("{count} |")).collect();
        table.push(format!("| {} | {all} | {}", row.package, counts.join(" ")));
    }
    println!("| crate | mutants | {} |", ENDS.join(" | "));
    println!("{}", table.join("\n"));
    if unexplained == 0 {
        Ok(())
    } else {
        Err(format!("docs/mutation.md does not explain {unexplained}").into())
    }
}
