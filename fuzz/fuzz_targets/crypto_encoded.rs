//! Text in one of the encodings.
#![no_main]

#[path = "../../crates/telco-crypto/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: &str| hostile::encoded(text));
