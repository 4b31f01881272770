//! FanapPlus: a pushed message.
#![no_main]

#[path = "../../crates/fanap-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::push(bytes));
