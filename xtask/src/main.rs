//! The workspace's own chores. `cargo xtask` alone lists them.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod api;
mod budgets;
mod ci;
mod coverage;
mod crates;
mod isolate;
mod minimal;
mod mutants;
mod publish;
mod run;
mod sanitize;
mod semver;
mod tidy;

use std::process::ExitCode;

/// What went wrong, as a sentence.
type Failure = Box<dyn std::error::Error>;
type Done = Result<(), Failure>;

const HELP: &str = "\
cargo xtask <chore>

  ci                    everything that .ci/run does
  ci --step NAME        one step of it (`ci --list` names them)
  isolate [CRATE…]      package, unpack outside the workspace, build and test alone with each feature set;
                        --each-feature: each single one too; --minimum-rust: on the oldest Rust that is promised
  budgets [--time]      packages of each crate's tree, and with --time its clean build, against the budgets
  api [--update]        the public API of every crate against docs/public-api, and no foreign types in it
  semver [REF]          no break of a public API since the last tag, or since REF
  tidy                  who may depend on whom, files that must be there, words that must not, dependencies' minimum Rust
  minimal               everything compiles with the oldest direct dependencies that Cargo.toml allows
  sanitize              the address sanitizer over the crates that reach C
  coverage [CRATE…]     lines that the tests run, in percent per crate
  deep [--step NAME]    the long forms: single features, clean builds, 300 kills, a million rows, longer fuzzing, an hour
                        of random requests, mutants; what it showed last stands in docs/proof.md
  mutants [PACKAGE…]    mutation testing of what decides about money, signatures and outside bytes (an hour)
  publish [--execute]   package every crate in order, as crates.io would take it; --execute publishes
  matrix [--since REF]  the crates, as JSON for the workflow: all, or those that changes since REF can break
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["ci", options @ ..] => ci::ci(options),
        ["isolate", options @ ..] => isolate::isolate(options),
        ["budgets", options @ ..] => budgets::budgets(options),
        ["api", options @ ..] => api::api(options),
        ["semver"] => semver::semver(None),
        ["semver", since] => semver::semver(Some(since)),
        ["tidy"] => tidy::tidy(),
        ["minimal"] => minimal::minimal(),
        ["sanitize"] => sanitize::sanitize(),
        ["coverage", named @ ..] => coverage::coverage(named),
        ["deep", options @ ..] => ci::deep(options),
        ["mutants", packages @ ..] => mutants::mutants(packages),
        ["publish", options @ ..] => publish::publish(options),
        ["matrix", options @ ..] => publish::matrix(options),
        _ => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::FAILURE
        }
    }
}
