//! Citcall: a typed number or code.
#![no_main]

#[path = "../../crates/citcall-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::typed(bytes));
