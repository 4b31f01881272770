//! The lower bounds that Cargo.toml states, tried: with the oldest versions that they allow, everything still compiles.

use std::fs;

use crate::Done;
use crate::isolate::target;
use crate::run::{cargo, nightly, output, root, run, there_is};

/// In a copy, so that the workspace's own lock file stays as it is. Only nightly can resolve downwards.
pub(crate) fn minimal() -> Done {
    if !there_is("rustup", &["run", "nightly", "cargo", "--version"]) {
        println!("left out: minimal versions need a nightly toolchain");
        return Ok(());
    }
    let copy = std::env::temp_dir().join(format!("telco-minimal-{}", std::process::id()));
    let files = output(
        std::process::Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .current_dir(root()),
    )?;
    for file in files.lines() {
        let to = copy.join(file);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        // A file that is deleted here and not yet committed is listed all the same.
        if root().join(file).is_file() {
            fs::copy(root().join(file), to)?;
        }
    }
    let resolved =
        run(nightly(&["update", "--quiet", "-Z", "direct-minimal-versions"]).current_dir(&copy));
    let done = resolved.and_then(|()| {
        run(
            cargo(&["check", "--workspace", "--all-targets", "--all-features"])
                .args(["--locked", "--keep-going"])
                .current_dir(&copy)
                .env("CARGO_TARGET_DIR", target().join("minimal")),
        )
    });
    fs::remove_dir_all(&copy)?;
    done
}
