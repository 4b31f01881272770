//! The public API of every library crate, kept as text in `docs/public-api/`: a change to it is seen in review.

use std::fs;

use crate::Done;
use crate::crates::members;
use crate::isolate::target;
use crate::run::{nightly, output, root, there_is};

/// Crates whose types we may want to replace: none of them in a signature of ours.
const FOREIGN: &[&str] = &[
    "reqwest::",
    "hyper::",
    "rsa::",
    "crypto_bigint::",
    "num_bigint::",
    "aes::",
    "cbc::",
    "hmac::",
    "sha1::",
    "sha2::",
    "jiff::",
    "rusqlite::",
    "quick_xml::",
    "rustls::",
    "openssl::",
    "base64::",
    "aws_lc_rs::",
    "axum::",
];

/// Foreign all the same, each for a reason.
const EXCEPTIONS: &[(&str, &str)] = &[
    // The one place where a foreign client has to be handed over: the connection of the user's own database.
    ("telco-otp", "tokio_postgres::"),
    ("telco-ledger", "tokio_postgres::"),
];

/// Compares the listings with what is kept; with `--update`, writes them.
pub(crate) fn api(options: &[&str]) -> Done {
    let update = options.contains(&"--update");
    if !there_is(
        "rustup",
        &["run", "nightly", "cargo", "public-api", "--version"],
    ) {
        println!(
            "left out: listing the public API needs a nightly toolchain and cargo-public-api (cargo install cargo-public-api)"
        );
        return Ok(());
    }
    let folder = root().join("docs/public-api");
    fs::create_dir_all(&folder)?;
    let mut faults = Vec::new();
    for member in members()?.iter().filter(|member| member.is_library()) {
        let name = member.name.as_str();
        let now = output(
            nightly(&[
                "public-api",
                "-sss",
                "--all-features",
                "--color",
                "never",
                "-p",
                name,
            ])
            .env("CARGO_TARGET_DIR", target().join("nightly")),
        )?;
        for line in now.lines() {
            let foreign = FOREIGN
                .iter()
                .chain(&["tokio_postgres::"])
                .find(|krate| mentions(line, krate));
            if let Some(krate) = foreign
                && !EXCEPTIONS.contains(&(name, krate))
            {
                faults.push(format!("{name} shows a type of {krate} {line}"));
            }
        }
        let path = folder.join(format!("{name}.txt"));
        let kept = fs::read_to_string(&path).unwrap_or_default();
        println!("{name:<24} {:>5} lines", now.lines().count());
        if update {
            fs::write(&path, now)?;
        } else if kept != now {
            let first = now
                .lines()
                .find(|line| !kept.lines().any(|old| old == *line));
            let first = first.or_else(|| {
                kept.lines()
                    .find(|line| !now.lines().any(|new| new == *line))
            });
            faults.push(format!(
                "{name} has changed, first at: {}",
                first.unwrap_or("the order of lines")
            ));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nif that is meant: cargo xtask api --update, and a line in the CHANGELOG",
        faults.join("\n")
    )
    .into())
}

/// A path that begins with this crate, and not with one of ours that has a module of the same name.
fn mentions(line: &str, krate: &str) -> bool {
    line.match_indices(krate).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && before != ':' && before != '_')
    })
}
