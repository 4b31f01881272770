//! Cowrie: the answer to every call.
#![no_main]

#[path = "../../crates/cowrie-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::answer(bytes));
