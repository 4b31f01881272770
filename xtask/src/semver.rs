//! What the version promises: nothing that users compile against is gone since the last release.

use std::process::Command;

use crate::Done;
use crate::run::{cargo, output, root, run, there_is};

/// Compares every crate with the last tag, or with the given revision.
pub(crate) fn semver(since: Option<&str>) -> Done {
    let last = output(
        Command::new("git")
            .args(["describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"])
            .current_dir(root()),
    );
    let base = match (since, last) {
        (Some(revision), _) => revision.to_owned(),
        (None, Ok(tag)) => tag.trim().to_owned(),
        (None, Err(_)) => {
            println!(
                "left out: no release is tagged yet, so that there is nothing to compare with"
            );
            return Ok(());
        }
    };
    if !there_is("cargo", &["semver-checks", "--version"]) {
        println!("left out: cargo-semver-checks is not here (cargo install cargo-semver-checks)");
        return Ok(());
    }
    run(&mut cargo(&[
        "semver-checks",
        "--workspace",
        "--baseline-rev",
        &base,
    ]))
}
