//! Numbers, amounts, references.
#![no_main]

#[path = "../../crates/telco-core/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: &str| hostile::text(text));
