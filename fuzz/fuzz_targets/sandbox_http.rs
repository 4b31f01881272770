//! The sandbox: bytes to any of its ports.
#![no_main]

#[path = "../../crates/telco-sandbox/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::http(bytes));
