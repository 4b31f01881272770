//! How many lines the tests run, crate by crate.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::crates::members;
use crate::isolate::target;
use crate::run::{cargo, output, run, there_is};
use crate::{Done, Failure};

/// Runs the tests of the named crates, or of all, and prints the percentage of lines of each that they reach. A crate's
/// lines count as run whoever's test ran them; doc tests are not seen, since only nightly can instrument those.
pub(crate) fn coverage(named: &[&str]) -> Done {
    if !there_is("cargo", &["llvm-cov", "--version"]) {
        println!(
            "left out: coverage needs cargo-llvm-cov (cargo install cargo-llvm-cov) and LLVM's tools"
        );
        return Ok(());
    }
    let tools = llvm_tools()?;
    let all = members()?;
    if let Some(unknown) = named
        .iter()
        .find(|name| all.iter().all(|member| member.name != **name))
    {
        return Err(format!("there is no crate {unknown}").into());
    }
    let wanted = all
        .iter()
        .filter(|member| named.is_empty() || named.contains(&member.name.as_str()));
    let wanted: Vec<_> = wanted.collect();
    let mut test = cargo(&["llvm-cov", "--no-report", "--all-features", "--locked"]);
    for member in &wanted {
        test.args(["--package", &member.name]);
    }
    run(test.envs(tools.clone()))?;

    let report = target().join("coverage.json");
    let report = report.to_string_lossy();
    run(cargo(&[
        "llvm-cov",
        "report",
        "--json",
        "--summary-only",
        "--output-path",
        &report,
    ])
    .envs(tools))?;
    let lines = lines_by_folder(&std::fs::read_to_string(&*report)?)?;
    println!(
        "{:<24} {:>7} {:>7} {:>7}",
        "crate", "lines", "run", "percent"
    );
    for member in wanted {
        let (lines, covered) = lines.get(&member.folder).copied().unwrap_or_default();
        let percent = match lines {
            0 => "-".to_owned(),
            lines => format!("{}.{}", covered * 100 / lines, covered * 1000 / lines % 10),
        };
        println!("{:<24} {lines:>7} {covered:>7} {percent:>7}", member.name);
    }
    Ok(())
}

/// Lines and lines run, by the folder under `crates/`; tests and examples do not count.
fn lines_by_folder(report: &str) -> Result<BTreeMap<String, (u64, u64)>, Failure> {
    let report: Value = serde_json::from_str(report)?;
    let files = report
        .pointer("/data/0/files")
        .and_then(Value::as_array)
        .ok_or("the report of cargo llvm-cov names no files")?;
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for file in files {
        let name = file
            .get("filename")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .replace('\\', "/");
        let Some((_, within)) = name.split_once("/crates/") else {
            continue;
        };
        let Some((folder, _)) = within.split_once("/src/") else {
            continue;
        };
        let number = |what| file.pointer(what).and_then(Value::as_u64).unwrap_or(0);
        let sum = sums.entry(folder.to_owned()).or_default();
        sum.0 += number("/summary/lines/count");
        sum.1 += number("/summary/lines/covered");
    }
    Ok(sums)
}

/// Where rustup's component is not to be had, a system's own tools of the compiler's LLVM version read its profiles as well.
fn llvm_tools() -> Result<Vec<(&'static str, String)>, Failure> {
    let major = llvm_major(&mut Command::new("rustc"))?;
    let system = [("LLVM_COV", "llvm-cov"), ("LLVM_PROFDATA", "llvm-profdata")]
        .map(|(variable, tool)| (variable, format!("{tool}-{major}")));
    let there = system.iter().all(|(variable, tool)| {
        std::env::var_os(variable).is_none() && there_is(tool, &["--version"])
    });
    Ok(if there { system.into() } else { Vec::new() })
}

/// The version of LLVM that a `rustc` compiles with.
pub(crate) fn llvm_major(rustc: &mut Command) -> Result<String, Failure> {
    let version = output(rustc.arg("-vV"))?;
    let major = version
        .lines()
        .find_map(|line| line.strip_prefix("LLVM version: "))
        .and_then(|version| version.split('.').next());
    Ok(major.unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::lines_by_folder;

    #[test]
    fn lines_are_summed_by_crate_without_its_tests() {
        let report = r#"{"data":[{"files":[
            {"filename":"/x/crates/a/src/lib.rs","summary":{"lines":{"count":8,"covered":6}}},
            {"filename":"/x/crates/a/src/in/mod.rs","summary":{"lines":{"count":2,"covered":2}}},
            {"filename":"/x/crates/a/tests/all.rs","summary":{"lines":{"count":9,"covered":9}}},
            {"filename":"/x/xtask/src/main.rs","summary":{"lines":{"count":5,"covered":0}}}]}]}"#;
        let sums = lines_by_folder(report).unwrap();
        assert_eq!(
            sums.into_iter().collect::<Vec<_>>(),
            [("a".to_owned(), (10, 8))]
        );
    }
}
