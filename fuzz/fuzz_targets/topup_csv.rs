//! The program telco: a file of bulk top-ups or of calls.
#![no_main]
#![allow(dead_code)]

#[path = "../../crates/telco-cli/src/csv.rs"]
mod csv;
#[path = "../../crates/telco-cli/src/csv/hostile.rs"]
mod hostile;
use csv::{Broken, Records};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::file(bytes));
