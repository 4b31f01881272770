//! The workspace's crates, from cargo itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::Failure;
use crate::run::{cargo, output};

/// One crate that is published.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its folder under `crates/`.
    pub(crate) folder: String,
    pub(crate) features: Vec<String>,
    /// Crates of the workspace it needs: to build, and to test.
    pub(crate) needs: BTreeSet<String>,
    pub(crate) needs_to_test: BTreeSet<String>,
    pub(crate) manifest: Value,
}

impl Member {
    /// It has something to list: a library, and not only a program.
    pub(crate) fn is_library(&self) -> bool {
        let targets = self.manifest.get("targets").and_then(Value::as_array);
        let kinds = targets
            .into_iter()
            .flatten()
            .filter_map(|target| target.get("kind")?.as_array());
        kinds.flatten().any(|kind| kind == "lib")
    }

    /// The oldest Rust that it promises to build with.
    pub(crate) fn minimum_rust(&self) -> Option<&str> {
        self.manifest.get("rust_version")?.as_str()
    }

    /// Something is turned on if nobody says which features.
    pub(crate) fn has_default_features(&self) -> bool {
        self.manifest
            .pointer("/features/default")
            .and_then(Value::as_array)
            .is_some_and(|members| !members.is_empty())
    }
}

/// All published crates, each after those that it needs, tests included: the order in which they are published.
pub(crate) fn members() -> Result<Vec<Member>, Failure> {
    let metadata: Value = serde_json::from_str(&output(&mut cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
    ]))?)?;
    let packages = metadata
        .get("packages")
        .and_then(Value::as_array)
        .ok_or("cargo metadata lists no packages")?;
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let names: BTreeSet<String> = packages
        .iter()
        .map(|package| text(package, "name"))
        .collect();
    let mut left: BTreeMap<String, Member> = BTreeMap::new();
    for package in packages {
        let unpublished = package
            .get("publish")
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty);
        if unpublished {
            continue;
        }
        let dependencies = package
            .get("dependencies")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let of = |dev: bool| -> BTreeSet<String> {
            let kind = |dependency: &&Value| (text(dependency, "kind") == "dev") == dev;
            dependencies
                .iter()
                .filter(kind)
                .map(|dependency| text(dependency, "name"))
                .filter(|name| names.contains(name))
                .collect()
        };
        let features = package
            .get("features")
            .and_then(Value::as_object)
            .map(|map| map.keys().cloned().collect());
        let member = Member {
            name: text(package, "name"),
            version: text(package, "version"),
            folder: Path::new(&text(package, "manifest_path"))
                .parent()
                .and_then(Path::file_name)
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            features: features.unwrap_or_default(),
            needs: of(false),
            needs_to_test: of(true),
            manifest: package.clone(),
        };
        left.insert(member.name.clone(), member);
    }
    let mut ordered: Vec<Member> = Vec::new();
    while !left.is_empty() {
        let ready = |member: &&Member| {
            member
                .needs
                .union(&member.needs_to_test)
                .all(|name| !left.contains_key(name) || *name == member.name)
        };
        let next = left.values().find(ready).map(|member| member.name.clone());
        let name = next.ok_or_else(|| {
            format!(
                "these crates need each other: {:?}",
                left.keys().collect::<Vec<_>>()
            )
        })?;
        ordered.extend(left.remove(&name));
    }
    Ok(ordered)
}
