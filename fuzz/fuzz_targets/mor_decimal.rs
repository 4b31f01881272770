//! MOR: a typed amount.
#![no_main]

#[path = "../../crates/mor-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::decimal(bytes));
