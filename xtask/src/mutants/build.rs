//! One build of the workspace with every mutant in it: a copy, where what does not compile is left out until all does.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::list::Mutant;
use super::switch::{Switched, switch};
use super::{Journal, Tested};
use crate::Failure;
use crate::crates::{Member, members};
use crate::isolate::target;
use crate::run::{cargo, output, root};

/// What a switch asks. With `TELCO_MUTANTS_SEEN`, a file, the mutants that are come across are written down there.
const ASKED: &str = r#"
extern crate std as __std;
#[allow(missing_docs, unreachable_pub)]
pub(crate) fn __mutant(id: usize) -> bool {
    use __std::{env, fs, io::Write, path::PathBuf, sync::OnceLock, sync::atomic::{AtomicBool, Ordering}};
    static ON: OnceLock<(Option<usize>, Option<PathBuf>)> = OnceLock::new();
    static SEEN: [AtomicBool; COUNT] = [const { AtomicBool::new(false) }; COUNT];
    let (on, seen) = ON.get_or_init(|| {
        let on = env::var("TELCO_MUTANT").ok().and_then(|id| id.parse().ok());
        (on, env::var_os("TELCO_MUTANTS_SEEN").map(PathBuf::from))
    });
    if let Some(file) = seen && !SEEN[id].swap(true, Ordering::Relaxed) {
        let file = fs::OpenOptions::new().create(true).append(true).open(file);
        let _ = file.and_then(|mut file| file.write_all(__std::format!("{id}\n").as_bytes()));
    }
    *on == Some(id)
}
"#;

/// A program of tests.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) package: String,
    /// The folder of its package.
    pub(crate) folder: PathBuf,
}

/// A copy of the workspace, in `workspace` beside what is built of it.
#[derive(Debug)]
pub(crate) struct Copy {
    pub(crate) folder: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

impl Copy {
    /// All that git knows or would take, in memory.
    pub(crate) fn new() -> Result<Self, Failure> {
        let mut git = Command::new("git");
        git.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let names = output(git.current_dir(root()))?;
        let mut files = BTreeMap::new();
        for name in names.split_terminator('\0') {
            // A file that was removed and not yet committed is listed too.
            if let Ok(bytes) = fs::read(root().join(name)) {
                files.insert(name.to_owned(), bytes);
            }
        }
        let folder = target().join("mutants");
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, files })
    }

    /// Tells whether the code or the question was changed since.
    pub(crate) fn fingerprint(&self, question: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        question.hash(&mut hasher);
        let code = self.files.iter();
        code.filter(|(name, _)| name.starts_with("crates/"))
            .for_each(|file| file.hash(&mut hasher));
        hasher.finish()
    }

    /// What is there and has not changed keeps its date, and is not compiled again.
    fn write(&self, switched: &BTreeMap<String, String>) -> Result<(), Failure> {
        let list = self.folder.join("files");
        for old in fs::read_to_string(&list).unwrap_or_default().lines() {
            if !self.files.contains_key(old) {
                // It may be gone already.
                let _ = fs::remove_file(self.folder.join("workspace").join(old));
            }
        }
        for (name, bytes) in &self.files {
            let path = self.folder.join("workspace").join(name);
            let bytes = switched.get(name).map_or(&**bytes, String::as_bytes);
            if fs::read(&path).ok().as_deref() != Some(bytes) {
                fs::create_dir_all(path.parent().unwrap_or(&path))?;
                fs::write(&path, bytes)?;
            }
        }
        let names: Vec<&str> = self.files.keys().map(String::as_str).collect();
        Ok(fs::write(list, names.join("\n"))?)
    }

    /// Cargo in the copy.
    pub(crate) fn cargo(&self, words: &[&str]) -> Command {
        let mut command = cargo(words);
        command
            .current_dir(self.folder.join("workspace"))
            .env("CARGO_TARGET_DIR", &self.folder);
        command
    }

    /// Builds the tests with all mutants that compile, and writes those that do not into the journal.
    pub(crate) fn build(
        &self,
        mutants: &[Mutant],
        tested: &[&Tested],
        journal: &mut Journal,
    ) -> Result<Vec<Program>, Failure> {
        let mut constant = BTreeSet::new();
        loop {
            let (mut texts, mut switches) = (BTreeMap::new(), BTreeMap::new());
            for (file, bytes) in &self.files {
                let inside = mutants.iter().enumerate();
                let inside: Vec<_> = inside
                    .filter(|(id, mutant)| mutant.file == *file && !journal.is_out(*id))
                    .collect();
                let folder = file.strip_suffix("/src/lib.rs");
                let root = mutants
                    .iter()
                    .any(|mutant| folder.is_some_and(|folder| mutant.folder() == folder));
                if inside.is_empty() && !root {
                    continue;
                }
                let mut switched = switch(std::str::from_utf8(bytes)?, &inside, &constant)?;
                for id in switched.unviable.drain(..) {
                    journal.end(id, "unviable")?;
                }
                for id in switched.apart.drain(..) {
                    journal.end(id, "apart")?;
                }
                if root {
                    switched.text += &ASKED.replace("COUNT", &mutants.len().to_string());
                }
                texts.insert(file.clone(), switched.text.clone());
                switches.insert(file.clone(), switched);
            }
            self.write(&texts)?;
            let mut build = self.cargo(&["build", "--lib", "--tests", "--keep-going"]);
            build.args(["--message-format=json"]);
            for package in tested {
                build.args(package.arguments());
            }
            println!("$ cargo build of {} packages", tested.len());
            let built = build
                .stdin(Stdio::null())
                .stderr(Stdio::inherit())
                .output()?;
            let messages = String::from_utf8_lossy(&built.stdout);
            let messages = messages
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let messages: Vec<Value> = messages.collect();
            if built.status.success() {
                let members = members()?;
                return Ok(messages
                    .iter()
                    .filter_map(|message| program(message, &members))
                    .collect());
            }
            let (mut blamed, mut unknown) = (0, String::new());
            for error in messages.iter().filter_map(error) {
                if blame(error, &switches, mutants, &mut constant, journal)? {
                    blamed += 1;
                } else {
                    let shown = error.get("rendered").and_then(Value::as_str);
                    unknown += shown.unwrap_or_default();
                }
            }
            if blamed == 0 {
                return Err(format!("no mutant is to blame for this:\n{unknown}").into());
            }
        }
    }
}

fn program(message: &Value, members: &[Member]) -> Option<Program> {
    let path = message.get("executable")?.as_str()?;
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    let folder = PathBuf::from(message.get("manifest_path")?.as_str()?)
        .parent()?
        .to_owned();
    let mut members = members.iter();
    let member = members.find(|member| folder.ends_with(&member.folder))?;
    is_test.then(|| Program {
        path: path.into(),
        package: member.name.clone(),
        folder,
    })
}

fn error(message: &Value) -> Option<&Value> {
    let message = message.get("message")?;
    (message.get("level")? == "error").then_some(message)
}

/// Leaves out the mutants that an error comes from, or keeps a function `const`. False: it comes from none of them.
fn blame(
    error: &Value,
    switches: &BTreeMap<String, Switched>,
    mutants: &[Mutant],
    constant: &mut BTreeSet<String>,
    journal: &mut Journal,
) -> Result<bool, Failure> {
    let text = |pointer: &str| {
        error
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let while_compiling = text("/code/code") == "E0015";
    if while_compiling && !text("/message").contains("__mutant") {
        let name = text("/message").split('`').nth(1).unwrap_or_default();
        let name = name.split("::<").next().unwrap_or_default();
        let name = name.rsplit("::").next().unwrap_or_default();
        return Ok(constant.insert(name.to_owned()));
    }
    let spans = error.get("spans").and_then(Value::as_array);
    let mut spans: Vec<&Value> = spans.map_or(&[][..], Vec::as_slice).iter().collect();
    spans.sort_by_key(|span| span.get("is_primary").and_then(Value::as_bool) != Some(true));
    let places = spans.iter().filter_map(|span| {
        let at = usize::try_from(span.get("byte_start")?.as_u64()?).ok()?;
        Some((switches.get(span.get("file_name")?.as_str()?)?, at))
    });
    let places: Vec<_> = places.collect();
    for (switched, at) in &places {
        let mut written = switched.written.iter();
        if let Some((_, id)) = written.find(|(range, _)| range.contains(at)) {
            // Not a value that the function could not give, but one that `return` cannot: of another hidden type.
            let hidden = mutants
                .get(*id)
                .is_some_and(|mutant| mutant.returns.contains("impl "));
            let apart = while_compiling || hidden;
            journal.end(*id, if apart { "apart" } else { "unviable" })?;
            return Ok(true);
        }
    }
    for (switched, at) in &places {
        let under = switched
            .under
            .iter()
            .filter(|(_, range)| range.contains(at));
        if let Some((_, narrowest)) = under.clone().min_by_key(|(_, range)| range.len()) {
            for (id, _) in under.filter(|(_, range)| *range == narrowest) {
                journal.end(*id, "apart")?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}
