//! The vector file, read once per test.
#![allow(dead_code, unreachable_pub)]

use mor_hash::Call;
use serde_json::Value;

pub fn vectors() -> Vec<Value> {
    read(include_str!("../../vectors/hash.json"))
}

pub fn methods() -> Vec<Value> {
    read(include_str!("../../vectors/methods.json"))
}

fn read(text: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(text).unwrap();
    file["vectors"].as_array_mut().map(std::mem::take).unwrap()
}

pub fn text<'v>(vector: &'v Value, field: &str) -> &'v str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} in {vector}"))
}

pub fn pairs<'v>(vector: &'v Value, field: &str) -> Vec<(&'v str, &'v str)> {
    let pair = |pair: &'v Value| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
    vector[field].as_array().unwrap().iter().map(pair).collect()
}

pub fn strings(value: &Value) -> Option<Vec<&str>> {
    Some(
        value
            .as_array()?
            .iter()
            .map(|item| item.as_str().unwrap())
            .collect(),
    )
}

/// The call of a vector, with its parameters in the order of `params`.
pub fn call<'v>(vector: &'v Value, params: &[(&'v str, &'v str)]) -> Call<'v> {
    let mut call = Call::new(text(vector, "method"));
    call.extend(params.iter().copied());
    call
}
