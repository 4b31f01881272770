//! A key file: PEM, DER or XML.
#![no_main]

#[path = "../../crates/telco-crypto/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::key(bytes));
