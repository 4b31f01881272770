//! The members of a request, read as each generation reads them.

use serde_json::{Map, Value};

use super::Refusal;

pub(super) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// A field that must be a non-empty string.
pub(super) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::Null | Value::String(_)) | None => {
            Err(Refusal::new(88, format!("`{name}` is missing")))
        }
        Some(_) => Err(Refusal::new(97, format!("`{name}` is not a string"))),
    }
}

/// A field that is an integer, as a number or, where v3 is lenient (inferred), as its text.
pub(super) fn integer(
    fields: &Map<String, Value>,
    name: &str,
    lenient: bool,
) -> Result<Option<i64>, Refusal> {
    match fields.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) if number.as_i64().is_some() => Ok(number.as_i64()),
        Some(Value::String(text)) if lenient && text.parse::<i64>().is_ok() => {
            Ok(text.parse().ok())
        }
        Some(_) => Err(Refusal::new(97, format!("`{name}` is not an integer"))),
    }
}
