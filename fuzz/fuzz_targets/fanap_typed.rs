//! FanapPlus: a typed number or code, a key file.
#![no_main]

#[path = "../../crates/fanap-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::typed(bytes));
