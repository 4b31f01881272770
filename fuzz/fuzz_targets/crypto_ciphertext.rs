//! A ciphertext of the additive cipher.
#![no_main]

#[path = "../../crates/telco-crypto/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|text: &str| hostile::ciphertext(text));
