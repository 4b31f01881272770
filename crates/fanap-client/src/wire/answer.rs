use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use telco_core::Secret;
use telco_http::repeats_a_member;

/// A field of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<T> {
    /// Missing, or null.
    Absent,
    /// There, and this.
    Is(T),
    /// There, and not to be read.
    Unreadable,
}

impl<T> Field<T> {
    /// What it is, if it could be read.
    pub fn get(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// An answer, read as tolerantly as the vendor's samples need: names in any case, numbers as text, a byte-order mark.
///
/// ```
/// use fanap_client::wire::{Answer, Field};
///
/// let answer = Answer::read(br#"{"Response":"0","success":true,"correlationId":"9733"}"#).unwrap();
/// assert_eq!((answer.response, answer.success), (Field::Is(0), Field::Is(true)));
/// assert_eq!(answer.correlation_id.as_deref(), Some("9733"));
/// assert!(Answer::read(b"<html>").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// 0: success. Anything else is the operator's error number, of which there is no list.
    pub response: Field<i64>,
    /// The overall state.
    pub success: Field<bool>,
    /// The provider's id of a start.
    pub correlation_id: Option<String>,
    /// An error in the form of the vendor's sibling services. That this host uses them is unknown.
    pub error: Option<FamilyError>,
}

/// An error as the vendor's other services tell it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FamilyError {
    /// Its code.
    pub code: crate::Code,
    /// Its words. They may quote what was sent, so `Debug` hides them.
    pub text: Option<Secret>,
}

impl fmt::Debug for FamilyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FamilyError")
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// Reads one. `None` if it is no JSON object, or has a member twice in the same spelling.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        Members::read(body).as_ref().map(Self::of)
    }

    pub(crate) fn of(members: &Members) -> Self {
        Self {
            response: number(members.get("response")),
            success: truth(members.get("success")),
            correlation_id: members.text("correlationId"),
            error: FamilyError::in_answer(members),
        }
    }
}

impl FamilyError {
    pub(crate) fn in_answer(members: &Members) -> Option<Self> {
        if let Some(Value::Object(error)) = members.get("error") {
            let error = Members::of(error);
            let text = error.text("message").or_else(|| error.validation_errors());
            return Some(Self::new(
                crate::Code::sdp(error.get("code"), text.as_deref()),
                text,
            ));
        }
        let code = members.get("code").filter(|code| !is_zero(code))?;
        if let Some(Value::Object(inner)) = members.get("ghasedakResult") {
            let inner = Members::of(inner);
            if let Some(code) = inner.get("code") {
                let text = inner.text("description");
                return Some(Self::new(crate::Code::ghasedak(code), text));
            }
        }
        let text = members.text("message");
        Some(Self::new(
            crate::Code::sdp(Some(code), text.as_deref()),
            text,
        ))
    }

    fn new(code: crate::Code, text: Option<String>) -> Self {
        Self {
            code,
            text: text.map(Secret::new),
        }
    }
}

/// The members of an object in the order of the document.
pub(crate) struct Members(Vec<(String, Value)>);

impl Members {
    /// Of a whole answer.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        if repeats_a_member(body) {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    pub(crate) fn of(object: &serde_json::Map<String, Value>) -> Self {
        let own = |(name, value): (&String, &Value)| (name.clone(), value.clone());
        Self(object.iter().map(own).collect())
    }

    /// By its camelCase name; else in PascalCase; else the first in any other case. Null counts as missing.
    pub(crate) fn get(&self, camel: &str) -> Option<&Value> {
        let exactly = |name: &str| self.0.iter().find(|(known, _)| known == name);
        exactly(camel)
            .or_else(|| exactly(&pascal(camel)))
            .or_else(|| {
                self.0
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(camel))
            })
            .map(|(_, value)| value)
            .filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, camel: &str) -> Option<String> {
        match self.get(camel)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// An id whose type no document gives: text, or an integer by its digits.
    pub(crate) fn id(&self, camel: &str) -> Option<String> {
        match self.get(camel)? {
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => self.text(camel),
        }
    }

    fn validation_errors(&self) -> Option<String> {
        let Value::Array(errors) = self.get("validationErrors")? else {
            return None;
        };
        let message = |error: &Value| Members::of(error.as_object()?).text("message");
        let messages: Vec<String> = errors.iter().filter_map(message).collect();
        (!messages.is_empty()).then(|| messages.join("; "))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

fn pascal(camel: &str) -> String {
    let mut letters = camel.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}

/// 64 bits: an integer, a float without a fraction, or decimal text.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Beyond 2^53 not every float is the integer that was written.
#[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn number(value: Option<&Value>) -> Field<i64> {
    match value {
        None => Field::Absent,
        Some(value) => integer(value).map_or(Field::Unreadable, Field::Is),
    }
}

pub(crate) fn truth(value: Option<&Value>) -> Field<bool> {
    match value {
        None => Field::Absent,
        Some(Value::Bool(truth)) => Field::Is(*truth),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Field::Is(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Field::Is(false),
        Some(_) => Field::Unreadable,
    }
}

fn is_zero(code: &Value) -> bool {
    integer(code) == Some(0)
}
