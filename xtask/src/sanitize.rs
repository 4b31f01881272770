//! The address sanitizer where it means something: our own code has no unsafe line, but the ledger reaches SQLite, and the
//! sandbox aws-lc, both of them C.

use std::env::consts::{ARCH, OS};
use std::process::Command;

use crate::Done;
use crate::coverage::llvm_major;
use crate::isolate::target;
use crate::run::{nightly, run, there_is};

/// Tests of these, with all features, in C and in Rust instrumented. Only nightly has the sanitizer.
const REACH_C: &[&str] = &["telco-ledger", "telco-sandbox"];

pub(crate) fn sanitize() -> Done {
    if (ARCH, OS) != ("x86_64", "linux") {
        println!("left out: the address sanitizer is run on x86-64 Linux");
        return Ok(());
    }
    if !there_is("rustup", &["run", "nightly", "cargo", "--version"]) {
        println!("left out: the address sanitizer needs a nightly toolchain");
        return Ok(());
    }
    // gcc's sanitizer is another program than Rust's; clang's is the same, where both are of one LLVM.
    let major = llvm_major(Command::new("rustup").args(["run", "nightly", "rustc"]))?;
    let clang = format!("clang-{major}");
    if !there_is(&clang, &["--version"]) {
        println!(
            "left out: the address sanitizer sees into C with {clang} only, which is not here"
        );
        return Ok(());
    }
    let triple = "x86_64-unknown-linux-gnu";
    let c = "-fsanitize=address -fno-omit-frame-pointer";
    for name in REACH_C {
        run(nightly(&["test", "--lib", "--tests", "--all-features"])
            .args(["--package", name, "--target", triple])
            .env("CARGO_TARGET_DIR", target().join("sanitize"))
            .env("RUSTFLAGS", "-Zsanitizer=address")
            .env("CC", &clang)
            .env("CXX", format!("clang++-{major}"))
            .env("CFLAGS_x86_64_unknown_linux_gnu", c)
            .env("CXXFLAGS_x86_64_unknown_linux_gnu", c))?;
    }
    Ok(())
}
