//! What the architecture promises, checked: arrows between crates, files, words.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::crates::{Member, members};
use crate::run::{cargo, output, root};
use crate::{Done, Failure};

/// Which crates of the workspace a crate may need to build. An arrow that is not here is a defect (ARCHITECTURE.md).
const ARROWS: &[(&str, &[&str])] = &[
    ("telco-core", &[]),
    ("telco-crypto", &[]),
    ("mor-hash", &["telco-core"]),
    ("telco-sandbox", &[]),
    ("telco-otp", &["telco-core", "telco-crypto"]),
    ("telco-http", &["telco-core"]),
    ("telco-conformance", &["telco-core"]),
    ("telco-ledger", &["telco-core"]),
    (
        "cowrie-client",
        &["telco-core", "telco-crypto", "telco-http"],
    ),
    ("citcall-client", CODES),
    ("fanap-client", CODES),
    ("phonon-kairos-client", CODES),
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
    (
        "telco-cli",
        &[
            "telco-core",
            "telco-crypto",
            "telco-otp",
            "telco-http",
            "mor-hash",
            "cowrie-client",
            "citcall-client",
            "fanap-client",
            "phonon-kairos-client",
            "mor-client",
            "telco-ledger",
            "telco-sandbox",
        ],
    ),
];
/// A provider whose codes are made or checked by its client.
const CODES: &[&str] = &["telco-core", "telco-crypto", "telco-otp", "telco-http"];

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
    let metadata = output(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--locked",
    ]))?;
    faults.extend(too_new(&metadata)?);
    for neutral in [
        "telco-core",
        "telco-crypto",
        "telco-http",
        "telco-otp",
        "telco-ledger",
    ] {
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
        faults.push(format!(
            "{}: say in xtask/src/tidy.rs whom it may depend on",
            member.name
        ));
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

/// Packages of the lock file that ask for a later Rust than our own crates promise to build with.
fn too_new(metadata: &str) -> Result<Vec<String>, Failure> {
    let metadata: Value = serde_json::from_str(metadata)?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .ok_or("cargo metadata lists no packages")?;
    let text = |package: &Value, key| Some(package.get(key)?.as_str()?.to_owned());
    let ours = packages
        .iter()
        .find(|package| text(package, "name").as_deref() == Some("telco-core"))
        .and_then(|package| text(package, "rust_version"))
        .ok_or("telco-core states no minimum Rust")?;
    // `1.88` and `1.88.0` are the same.
    let numbers = |version: &str| {
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        std::array::from_fn::<u32, 3, _>(|_| parts.next().unwrap_or(0))
    };
    let asks = |package: &Value| {
        let wanted = text(package, "rust_version")?;
        (numbers(&wanted) > numbers(&ours)).then(|| {
            let name = text(package, "name").unwrap_or_default();
            format!("{name} needs Rust {wanted}, and we promise {ours}")
        })
    };
    Ok(packages.iter().filter_map(asks).collect())
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
        if member.manifest.get(field).is_none_or(Value::is_null) {
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

#[cfg(test)]
mod tests {
    use super::too_new;

    #[test]
    fn a_dependency_that_needs_a_later_rust_is_named() {
        let metadata = |other: &str| {
            format!(
                r#"{{"packages":[{{"name":"telco-core","rust_version":"1.88"}},
                    {{"name":"old","rust_version":null}},
                    {{"name":"other","rust_version":"{other}"}}]}}"#
            )
        };
        assert!(too_new(&metadata("1.9.1")).unwrap().is_empty());
        assert!(too_new(&metadata("1.88.0")).unwrap().is_empty());
        assert_eq!(
            too_new(&metadata("1.100")).unwrap(),
            ["other needs Rust 1.100, and we promise 1.88"]
        );
    }
}
