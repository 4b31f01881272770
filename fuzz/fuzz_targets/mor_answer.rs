//! MOR: the answer to every typed call.
#![no_main]

#[path = "../../crates/mor-client/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::answer(bytes));
