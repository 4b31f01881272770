//! Kairos: a pushed report.
#![no_main]

#[path = "../../crates/kairos-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::push(bytes));
