//! FIDELITY.md is what `/_sandbox/fidelity` says, and the settings are those in force.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::admin;
use support::spend::PROVIDERS;
use telco_sandbox::Sandbox;

const INTRODUCTION: &str = "# How faithful the sandbox is

One row per rule: what the sandbox does, and how sure anybody can be that the provider does so. **Proven**: reproduced byte for
byte from the provider's own material. **Documented**: in a document of the provider. **Observed**: the provider's own programs do
it. **Claimed**: published by others. **Inferred**: the most likely reading. **Unknown**: nobody outside can say; the default is a
cautious guess. A setting changes the rule: `POST /_sandbox/settings/<provider>`, `Sandbox::configure` or a fixture.

This page is made from `/_sandbox/fidelity` by `tests/fidelity.rs`; `TELCO_UPDATE=1` writes it.
";

/// A cell of a Markdown table.
fn cell(text: &Value) -> String {
    text.as_str()
        .unwrap_or("")
        .replace('|', "\\|")
        .replace('<', "\\<")
}

fn default_of(settings: &Value, name: &Value) -> String {
    match name.as_str() {
        None => String::new(),
        Some(name) => {
            let value = settings[name].to_string().replace('|', "\\|");
            let short: String = value.chars().take(40).collect();
            let more = if short.len() < value.len() { "…" } else { "" };
            format!("`{name}` = `{short}{more}`")
        }
    }
}

async fn page() -> String {
    let sandbox = Sandbox::start().await.unwrap();
    let all = admin(&sandbox, "GET", "fidelity", "").await.json();
    let settings = admin(&sandbox, "GET", "settings", "").await.json();
    let mut page = INTRODUCTION.to_owned();
    for provider in PROVIDERS {
        let about = &all[provider];
        write!(page, "\n## {provider}\n\n| Grade | Rule | What the sandbox does | Setting and its default |\n|---|---|---|---|\n").unwrap();
        for rule in about["rules"].as_array().unwrap() {
            let setting = default_of(&settings[provider], &rule["setting"]);
            let (grade, name) = (cell(&rule["grade"]), cell(&rule["rule"]));
            writeln!(
                page,
                "| {grade} | {name} | {} | {setting} |",
                cell(&rule["behaviour"])
            )
            .unwrap();
        }
        for (title, list) in [
            ("Numbers and values that behave", "scenarios"),
            ("Quirks", "quirks"),
        ] {
            let rows = about[list].as_array().unwrap();
            if rows.is_empty() {
                continue;
            }
            write!(page, "\n{title}:\n\n").unwrap();
            for row in rows {
                writeln!(
                    page,
                    "- `{}`: {}",
                    row["name"].as_str().unwrap(),
                    cell(&row["meaning"])
                )
                .unwrap();
            }
        }
    }
    page
}

#[tokio::test]
async fn the_printed_list_is_the_served_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("FIDELITY.md");
    let page = page().await;
    if std::env::var_os("TELCO_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let printed = fs::read_to_string(&path).unwrap();
    assert!(
        printed == page,
        "FIDELITY.md is old: TELCO_UPDATE=1 cargo test -p telco-sandbox --test fidelity"
    );
}

/// One row per rule: no rule twice, and each says something.
#[tokio::test]
async fn rules_are_said_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let all = admin(&sandbox, "GET", "fidelity", "").await.json();
    for provider in PROVIDERS {
        let rules = all[provider]["rules"].as_array().unwrap();
        assert!(rules.len() >= 15, "{provider}");
        let mut names: Vec<&str> = rules
            .iter()
            .map(|rule| rule["rule"].as_str().unwrap())
            .collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(before, names.len(), "{provider}: {names:?}");
        assert!(
            rules
                .iter()
                .all(|rule| !rule["behaviour"].as_str().unwrap().is_empty())
        );
    }
}
