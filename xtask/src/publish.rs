//! Publishing, and what the workflow needs to know.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::json;

use crate::Done;
use crate::crates::{Member, members};
use crate::run::{cargo, output, root, run};

/// Packages all crates and has cargo check what crates.io would take, in order. With `--execute`, publishes.
pub(crate) fn publish(options: &[&str]) -> Done {
    let execute = options.contains(&"--execute");
    for (position, member) in members()?.iter().enumerate() {
        println!("{:>3}  {} {}", position + 1, member.name, member.version);
    }
    // One command for all: cargo lays the packages that crates.io does not know yet in a registry of its own.
    let mut words = vec![
        "publish",
        "--workspace",
        "--exclude",
        "xtask",
        "--exclude",
        "telco-guides",
    ];
    if !execute {
        words.extend(["--dry-run", "--allow-dirty", "--no-verify"]);
    }
    run(&mut cargo(&words))
}

/// The published crates as JSON: the workflow's matrix. With `--since REF`, those that a change since then can break.
pub(crate) fn matrix(options: &[&str]) -> Done {
    let mut members = members()?;
    if let ["--since", reference] = options {
        let reference = format!("{reference}...HEAD");
        let paths = output(
            Command::new("git")
                .args(["diff", "--name-only", &reference])
                .current_dir(root()),
        )?;
        let touched = touched(&members, &paths);
        members.retain(|member| touched.contains(&member.name));
    }
    let rows: Vec<_> = members
        .iter()
        .map(|member| json!({ "crate": member.name, "features": member.features }))
        .collect();
    println!("{}", json!({ "include": rows }));
    Ok(())
}

/// Crates with a changed file, and all that build or test with one of them. A change to what all share (the lock file,
/// the workspace's manifest, the chores) touches every crate; guides and papers touch none.
fn touched(members: &[Member], paths: &str) -> BTreeSet<String> {
    let shared = |path: &&str| {
        !path.starts_with("crates/") && !path.starts_with("docs/") && !path.ends_with(".md")
    };
    if paths.lines().any(|path| shared(&path)) {
        return members.iter().map(|member| member.name.clone()).collect();
    }
    let mut touched = BTreeSet::new();
    // In publishing order each crate comes after those that it needs.
    for member in members {
        let prefix = format!("crates/{}/", member.folder);
        let own = paths.lines().any(|path| path.starts_with(&prefix));
        let mut needs = member.needs.union(&member.needs_to_test);
        if own || needs.any(|name| touched.contains(name)) {
            touched.insert(member.name.clone());
        }
    }
    touched
}

#[cfg(test)]
mod tests {
    use super::{members, touched};

    #[test]
    fn a_change_touches_its_crate_and_all_that_need_it() {
        let members = members().unwrap();
        let only = |paths| touched(&members, paths).into_iter().collect::<Vec<_>>();
        assert_eq!(
            only("crates/telco-cli/src/main.rs\nREADME.md"),
            ["telco-cli"]
        );
        assert!(only("docs/guide/top-up.md").is_empty());
        assert_eq!(only("Cargo.lock").len(), members.len());
        let kairos = only("crates/kairos-client/src/lib.rs");
        assert!(
            kairos.contains(&"phonon-kairos-client".to_owned()),
            "{kairos:?}"
        );
        assert!(!kairos.contains(&"cowrie-client".to_owned()), "{kairos:?}");
    }
}
