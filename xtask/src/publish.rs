//! Publishing, and what the workflow needs to know.

use serde_json::json;

use crate::Done;
use crate::crates::members;
use crate::run::{cargo, run};

/// Packages all crates and has cargo check what crates.io would take, in order. With `--execute`, publishes.
pub(crate) fn publish(options: &[&str]) -> Done {
    let execute = options.contains(&"--execute");
    for (position, member) in members()?.iter().enumerate() {
        println!("{:>3}  {} {}", position + 1, member.name, member.version);
    }
    // One command for all: cargo lays the packages that crates.io does not know yet in a registry of its own.
    let mut words = vec!["publish", "--workspace", "--exclude", "xtask"];
    if !execute {
        words.extend(["--dry-run", "--allow-dirty", "--no-verify"]);
    }
    run(&mut cargo(&words))
}

/// The published crates as JSON: the workflow's matrix.
pub(crate) fn matrix() -> Done {
    let rows: Vec<_> = members()?
        .iter()
        .map(|member| json!({ "crate": member.name, "features": member.features }))
        .collect();
    println!("{}", json!({ "include": rows }));
    Ok(())
}
