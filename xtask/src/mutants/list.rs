//! The mutants, as cargo-mutants lists them: its operators are those that people know.

use serde_json::Value;

use crate::Failure;
use crate::run::{cargo, output};

/// A line and a column of a source file, both from 1; columns count characters.
pub(crate) type Place = (usize, usize);

/// One small mistake that can be made in the code.
#[derive(Debug)]
pub(crate) struct Mutant {
    pub(crate) package: String,
    /// From the root of the workspace.
    pub(crate) file: String,
    pub(crate) genre: String,
    /// What is replaced, from here to there, and by what.
    pub(crate) start: Place,
    pub(crate) end: Place,
    pub(crate) replacement: String,
    /// What the function gives that it is in.
    pub(crate) returns: String,
    /// What it does, in words, with no line number: `wire.rs: replace < with <= in read`.
    pub(crate) name: String,
}

impl Mutant {
    /// The folder of its package, from the root of the workspace.
    pub(crate) fn folder(&self) -> &str {
        self.file
            .split_once("/src/")
            .map_or("", |(folder, _)| folder)
    }
}

/// All of a package. A file left out here is left out for the reason that stands in `.cargo/mutants.toml`.
pub(crate) fn list(package: &str, without: &[&str]) -> Result<Vec<Mutant>, Failure> {
    let mut command = cargo(&["mutants", "--list", "--json", "--package", package]);
    for files in without {
        command.args(["--exclude", files]);
    }
    let listed: Value = serde_json::from_str(&output(&mut command)?)?;
    let listed = listed.as_array().map_or(&[][..], Vec::as_slice);
    Ok(listed.iter().filter_map(mutant).collect())
}

fn mutant(listed: &Value) -> Option<Mutant> {
    let text = |key: &str| listed.get(key)?.as_str().map(str::to_owned);
    let number = |pointer: &str| usize::try_from(listed.pointer(pointer)?.as_u64()?).ok();
    let place = |end: &str| {
        Some((
            number(&format!("/span/{end}/line"))?,
            number(&format!("/span/{end}/column"))?,
        ))
    };
    let (file, name) = (text("file")?, text("name")?);
    let (_, inside) = file.split_once("/src/")?;
    let (_, what) = name.split_once(": ")?;
    let returns = listed.pointer("/function/return_type");
    Some(Mutant {
        name: format!("{inside}: {what}"),
        package: text("package")?,
        genre: text("genre")?,
        start: place("start")?,
        end: place("end")?,
        replacement: text("replacement")?,
        returns: returns.and_then(Value::as_str).unwrap_or_default().into(),
        file,
    })
}
