//! Cowrie: a typed number or key.
#![no_main]

#[path = "../../crates/cowrie-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::typed(bytes));
