//! MOR: any method, secret and received form.
#![no_main]

#[path = "../../crates/mor-hash/tests/hostile/mod.rs"]
mod hostile;

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &[u8])| {
    let (method, secret, form) = input;
    hostile::form(method, secret, form);
    hostile::uri(&String::from_utf8_lossy(form));
});
