//! What the architecture promises, checked: arrows between crates, files, words.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Done;
use crate::crates::{Member, members};
use crate::run::root;

/// Which crates of the workspace a crate may need to build. An arrow that is not here is a defect (ARCHITECTURE.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("telco-core", &[]),
    ("telco-crypto", &[]),
    ("mor-hash", &["telco-core"]),
    ("telco-sandbox", &[]),
    ("telco-otp", &["telco-core", "telco-crypto"]),
    ("telco-http", &["telco-core"]),
    ("telco-conformance", &["telco-core", "telco-otp"]),
    ("telco-ledger", &["telco-core"]),
    ("cowrie-client", CLIENT),
    ("citcall-client", CLIENT),
    ("fanap-client", CLIENT),
    ("phonon-kairos-client", CLIENT),
    (
        "mor-client",
        &[
            "telco-core",
            "telco-crypto",
            "telco-otp",
            "telco-http",
            "mor-hash",
        ],
    ),
];
const CLIENT: &[&str] = &["telco-core", "telco-crypto", "telco-otp", "telco-http"];

/// Providers, whose names have no place in the crates that serve all of them.
const PROVIDERS: &[&str] = &[
    "cowrie",
    "citcall",
    "fanap",
    "kairos",
    "phonon",
    "kolmisoft",
];

pub(crate) fn tidy() -> Done {
    let mut faults = Vec::new();
    for member in members()? {
        arrows(&member, &mut faults);
        files(&member, &mut faults);
        metadata(&member, &mut faults);
    }
    for neutral in ["telco-crypto", "telco-http", "telco-otp"] {
        provider_names(neutral, &mut faults);
    }
    for file in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "deny.toml",
    ] {
        if !root().join(file).exists() {
            faults.push(format!("{file} is missing"));
        }
    }
    if faults.is_empty() {
        println!("tidy");
        return Ok(());
    }
    Err(format!("not tidy:\n  {}", faults.join("\n  ")).into())
}

fn arrows(member: &Member, faults: &mut Vec<String>) {
    let Some((_, allowed)) = ARROWS.iter().find(|(of, _)| *of == member.name) else {
        if member.name != "telco-cli" {
            faults.push(format!(
                "{}: say in xtask/src/tidy.rs whom it may depend on",
                member.name
            ));
        }
        return;
    };
    for need in member
        .needs
        .iter()
        .filter(|need| !allowed.contains(&need.as_str()))
    {
        faults.push(format!("{} must not depend on {need}", member.name));
    }
    if member.name == "telco-sandbox" && !member.needs_to_test.is_empty() {
        faults.push("telco-sandbox is an independent second implementation: not even its tests use a crate of ours".into());
    }
}

fn folder(member: &Member) -> PathBuf {
    let manifest = member
        .manifest
        .get("manifest_path")
        .and_then(|path| path.as_str())
        .unwrap_or_default();
    Path::new(manifest)
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

fn files(member: &Member, faults: &mut Vec<String>) {
    for file in ["README.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE"] {
        if !folder(member).join(file).exists() {
            faults.push(format!("{}: {file} is missing", member.name));
        }
    }
}

fn metadata(member: &Member, faults: &mut Vec<String>) {
    for field in [
        "description",
        "license",
        "repository",
        "documentation",
        "readme",
        "rust_version",
    ] {
        if member
            .manifest
            .get(field)
            .is_none_or(serde_json::Value::is_null)
        {
            faults.push(format!("{}: no {field} in Cargo.toml", member.name));
        }
    }
    for field in ["keywords", "categories"] {
        let count = member
            .manifest
            .get(field)
            .and_then(|list| list.as_array())
            .map_or(0, Vec::len);
        if !(1..=5).contains(&count) {
            faults.push(format!(
                "{}: {count} {field} in Cargo.toml, one to five are wanted",
                member.name
            ));
        }
    }
}

/// No provider's name in the code of a neutral crate (its tests and vectors name their origin).
fn provider_names(name: &str, faults: &mut Vec<String>) {
    for (path, text) in sources(&root().join("crates").join(name).join("src")) {
        let code = text
            .split("#[cfg(test)]")
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in lines {
            if let Some(provider) = PROVIDERS.iter().find(|provider| line.contains(**provider)) {
                faults.push(format!("{} names {provider}", path.display()));
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else {
        return found;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs")
            && let Ok(text) = fs::read_to_string(&path)
        {
            found.push((path, text));
        }
    }
    found
}
