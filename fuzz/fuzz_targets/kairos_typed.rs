//! Kairos: a typed number or time, a public key file.
#![no_main]

#[path = "../../crates/kairos-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::typed(bytes));
