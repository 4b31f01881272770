//! What is known so far, so that a run that was broken off goes on where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{Done, Failure};

/// What was seen when a test ran by itself, with no mutant on.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The program, or the package whose doc tests they are.
    pub(crate) program: PathBuf,
    pub(crate) name: String,
    pub(crate) took: Duration,
    /// The mutants that it came across; none if it failed.
    pub(crate) mutants: BTreeSet<usize>,
}

/// A file of one line for each thing that was found out.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    ended: BTreeMap<usize, String>,
    seen: Vec<Arc<Seen>>,
}

impl Journal {
    /// Opens that of these sources and mutants, or begins it anew.
    pub(crate) fn open(path: &Path, of: u64) -> Result<Self, Failure> {
        let first = of.to_string();
        let old = fs::read_to_string(path).unwrap_or_default();
        if old.lines().next() != Some(&first) {
            fs::write(path, format!("{first}\n"))?;
        }
        let mut journal = Self {
            file: File::options().append(true).open(path)?,
            ended: BTreeMap::new(),
            seen: Vec::new(),
        };
        for line in fs::read_to_string(path)?.lines().skip(1) {
            // The last line may have been broken off.
            let line: Value = serde_json::from_str(line).unwrap_or_default();
            journal.read(&line);
        }
        Ok(journal)
    }

    fn read(&mut self, line: &Value) -> Option<()> {
        let number = |value: &Value| usize::try_from(value.as_u64()?).ok();
        if let Some(id) = line.get("mutant") {
            let ended = line.get("ended")?.as_str()?;
            self.ended.insert(number(id)?, ended.to_owned());
        } else {
            self.seen.push(Arc::new(Seen {
                program: line.get("program")?.as_str()?.into(),
                name: line.get("test")?.as_str()?.to_owned(),
                took: Duration::from_millis(line.get("took")?.as_u64()?),
                mutants: line
                    .get("mutants")?
                    .as_array()?
                    .iter()
                    .filter_map(number)
                    .collect(),
            }));
        }
        Some(())
    }

    pub(crate) fn saw(&mut self, seen: Seen) -> Done {
        let line = json!({
            "program": seen.program.to_string_lossy(),
            "test": seen.name,
            "took": u64::try_from(seen.took.as_millis())?,
            "mutants": seen.mutants,
        });
        self.seen.push(Arc::new(seen));
        Ok(writeln!(self.file, "{line}")?)
    }

    pub(crate) fn end(&mut self, id: usize, ended: &str) -> Done {
        self.ended.insert(id, ended.to_owned());
        let line = json!({"mutant": id, "ended": ended});
        Ok(writeln!(self.file, "{line}")?)
    }

    /// How it ended with a mutant.
    pub(crate) fn ended(&self, id: usize) -> Option<&str> {
        self.ended.get(&id).map(String::as_str)
    }

    /// It does not compile, or it cannot be switched.
    pub(crate) fn is_out(&self, id: usize) -> bool {
        matches!(self.ended(id), Some("unviable" | "apart"))
    }

    pub(crate) fn has_seen(&self, program: &Path, name: &str) -> bool {
        let mut seen = self.seen.iter();
        seen.any(|seen| seen.program == program && seen.name == name)
    }

    /// The tests that come across a mutant.
    pub(crate) fn across(&self, id: usize) -> Vec<Arc<Seen>> {
        let seen = self.seen.iter();
        seen.filter(|seen| seen.mutants.contains(&id))
            .cloned()
            .collect()
    }
}
