//! Mutation testing of what decides about money, signatures and outside bytes. `.cargo/mutants.toml` says what is left out.

use crate::Done;
use crate::run::{cargo, run, there_is};

/// A package, the features that its code needs, and the files to mutate (none: all).
const MUTATED: &[(&str, &str, &[&str])] = &[
    ("telco-ledger", "", &[]),
    (
        "cowrie-client",
        "",
        &[
            "codes.rs",
            "encoding.rs",
            "nonce.rs",
            "signing.rs",
            "**/wire/*.rs",
        ],
    ),
    ("telco-core", "serde", &[]),
    (
        "telco-http",
        "",
        &["answer.rs", "endpoint.rs", "reqwest_transport.rs"],
    ),
    // OpenSSL would take the place of the private operation.
    ("telco-crypto", "xml,envelope,open", &[]),
    ("mor-hash", "telco-core", &[]),
    (
        "citcall-client",
        "",
        &[
            "cipher.rs",
            "codes.rs",
            "judge.rs",
            "token.rs",
            "**/wire/*.rs",
        ],
    ),
    (
        "fanap-client",
        "",
        &[
            "class.rs",
            "codes.rs",
            "judge.rs",
            "signatures.rs",
            "signing.rs",
            "**/wire/*.rs",
        ],
    ),
    (
        "phonon-kairos-client",
        "",
        &[
            "codes.rs",
            "envelope.rs",
            "**/envelope/*.rs",
            "freeze.rs",
            "judge.rs",
            "**/wire/*.rs",
        ],
    ),
    (
        "mor-client",
        "",
        &["codes.rs", "decimal.rs", "**/wire/*.rs"],
    ),
];

/// Every package, whatever becomes of one, so that all survivors are seen.
pub(crate) fn mutants(only: &[&str]) -> Done {
    if !there_is("cargo", &["mutants", "--version"]) {
        println!("left out: mutation testing needs cargo-mutants (cargo install cargo-mutants)");
        return Ok(());
    }
    let mut survived = Vec::new();
    for (package, features, files) in MUTATED {
        if !only.is_empty() && !only.contains(package) {
            continue;
        }
        let mut command = cargo(&["mutants", "--package", package]);
        if !features.is_empty() {
            command.args(["--features", features]);
        }
        for file in *files {
            command.args(["--file", file]);
        }
        if let Err(failure) = run(&mut command) {
            println!("{failure}");
            survived.push(*package);
        }
    }
    if survived.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "see docs/mutation.md for those explained: {}",
            survived.join(", ")
        )
        .into())
    }
}
