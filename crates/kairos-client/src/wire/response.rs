//! What comes back.

use std::fmt;

use serde_json::{Map, Value};
use telco_http::repeats_a_member;

use crate::Code;

/// The body of an answer, read leniently: only its code must be there.
///
/// ```
/// use kairos_client::{Code, wire::Answer};
///
/// let answer = Answer::parse(br#"{"api-response-code":202,"api-response-message":"Invalid Security ID"}"#)?;
/// assert_eq!((answer.code, answer.request_id), (Code::InvalidSecurityId, None));
/// # Ok::<(), kairos_client::wire::UnreadableAnswer>(())
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The result code.
    pub code: Code,
    /// The provider's words. They may name a number.
    pub message: Option<String>,
    /// One per HTTP request.
    pub request_id: Option<String>,
    /// What it says per call.
    pub details: Details,
    /// All other members.
    pub other: Map<String, Value>,
}

/// The member `call-details`.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Details {
    /// Missing or null.
    None,
    /// A list, perhaps an empty one.
    List(Vec<Entry>),
    /// Something else.
    Unreadable,
}

/// What the answer says about one call. Which members a refused call has is unknown, so all are optional and all are kept.
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Entry {
    /// The caller's id of the call.
    pub client_identifier: Option<String>,
    /// The provider's id of the call: its key in pushes and in Pull.
    pub phonon_uuid: Option<String>,
    /// All other members.
    pub other: Map<String, Value>,
}

impl Details {
    /// An entry has the provider's id of a call.
    pub(crate) fn name_a_taken_call(&self) -> bool {
        matches!(self, Self::List(entries) if entries.iter().any(|entry| entry.phonon_uuid.is_some()))
    }
}

/// The body is not JSON, names a member twice, or has no result code that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer has no api-response-code that can be read")]
#[non_exhaustive]
pub struct UnreadableAnswer;

impl Answer {
    /// Reads a body. The code may be a number or a numeric text.
    ///
    /// # Errors
    /// [`UnreadableAnswer`].
    pub fn parse(body: &[u8]) -> Result<Self, UnreadableAnswer> {
        let Some(mut other) = object(body) else {
            return Err(UnreadableAnswer);
        };
        let code = match other.remove("api-response-code") {
            Some(Value::Number(number)) => number.as_i64(),
            Some(Value::String(digits)) => digits.parse().ok(),
            _ => None,
        };
        Ok(Self {
            code: Code::from_number(code.ok_or(UnreadableAnswer)?),
            message: other.remove("api-response-message").and_then(text),
            request_id: other.remove("request-id").and_then(text),
            details: match other.remove("call-details") {
                None | Some(Value::Null) => Details::None,
                Some(Value::Array(entries)) => {
                    Details::List(entries.into_iter().map(Entry::read).collect())
                }
                Some(_) => Details::Unreadable,
            },
            other,
        })
    }
}

impl Entry {
    fn read(value: Value) -> Self {
        let Value::Object(mut other) = value else {
            return Self::default();
        };
        Self {
            client_identifier: other.remove("client-identifier").and_then(text),
            phonon_uuid: other.remove("phonon-uuid").and_then(text),
            other,
        }
    }
}

impl Entry {
    /// As it came, but for the order and the form of its members.
    pub(crate) fn to_json(&self) -> String {
        let mut members = self.other.clone();
        for (name, value) in [
            ("client-identifier", &self.client_identifier),
            ("phonon-uuid", &self.phonon_uuid),
        ] {
            if let Some(text) = value {
                members.insert(name.to_owned(), Value::from(text.as_str()));
            }
        }
        Value::Object(members).to_string()
    }
}

/// One JSON object that names no member twice, nowhere in it. A byte-order mark is tolerated.
pub(crate) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    if repeats_a_member(body) {
        return None;
    }
    serde_json::from_slice(body).ok()
}

/// A text or a number, not empty.
pub(crate) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text).filter(|text| !text.trim().is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("code", &self.code)
            .field("request_id", &self.request_id)
            .field("details", &self.details)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("client_identifier", &self.client_identifier)
            .field("phonon_uuid", &self.phonon_uuid)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_a_number_or_a_numeric_text() {
        let code = |json: &str| Answer::parse(json.as_bytes()).map(|answer| answer.code);
        assert_eq!(code(r#"{"api-response-code":200}"#), Ok(Code::Success));
        assert_eq!(
            code(r#"{"api-response-code":"209"}"#),
            Ok(Code::PartialSuccess)
        );
        assert_eq!(code(r#"{"api-response-code":777}"#), Ok(Code::Other(777)));
        for bad in [
            "",
            "200",
            "[]",
            "null",
            "{}",
            r#"{"api-response-code":null}"#,
            r#"{"api-response-code":"OK"}"#,
            r#"{"api-response-code":200.5}"#,
            r#"{"api-response-code":true}"#,
            r#"{"api-response-code":[200]}"#,
            r#"{"api-response-code":99999999999999999999}"#,
            r#"{"api-response-code":200"#,
            r#"{"api-response-code":200,"api-response-code":212}"#,
            r#"{"api-response-code":212,"api-response-code":200}"#,
            r#"{"api-response-code":205,"call-details":[{"phonon-uuid":"u","phonon-uuid":null}]}"#,
        ] {
            assert_eq!(code(bad), Err(UnreadableAnswer), "{bad}");
        }
        assert_eq!(
            Answer::parse(b"{\"api-response-code\":200,\"m\":\"\xff\"}"),
            Err(UnreadableAnswer)
        );
    }

    #[test]
    fn unknown_members_are_kept_and_odd_entries_survive() {
        let body = br#"{"api-response-code":209,"x":1,"call-details":[{"client-identifier":"a","phonon-uuid":"u","why":"w"},7,{}]}"#;
        let answer = Answer::parse(body).unwrap();
        let Details::List(entries) = &answer.details else {
            panic!()
        };
        assert_eq!(entries[0].other["why"], "w");
        assert_eq!(entries[1..], [Entry::default(), Entry::default()]);
        assert_eq!(answer.other["x"], 1);
        let odd = Answer::parse(br#"{"api-response-code":200,"call-details":{"a":1}}"#).unwrap();
        assert_eq!(odd.details, Details::Unreadable);
    }
}
