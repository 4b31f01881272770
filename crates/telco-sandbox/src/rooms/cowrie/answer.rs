//! How Cowrie's answers look: field order of the documentation, and every way in which they may look wrong.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::calendar;
use crate::room::{Answer, Visit};

/// How keys are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Strict,
    /// As the documentation prints them: no JSON parser takes it.
    UnquotedKeys,
}

impl Form {
    pub(super) fn of(visit: &Visit<'_>) -> Self {
        if visit.quirk("unquoted-keys") {
            Self::UnquotedKeys
        } else {
            Self::Strict
        }
    }
}

/// A JSON object whose fields stand in the order in which they are given (a map would sort them).
#[derive(Debug)]
pub(super) struct Object {
    text: Vec<u8>,
    form: Form,
}

impl Object {
    pub(super) fn new(form: Form) -> Self {
        let mut text = Vec::with_capacity(128);
        text.push(b'{');
        Self { text, form }
    }

    pub(super) fn with(mut self, name: &str, value: impl Serialize) -> Self {
        if self.text.len() > 1 {
            self.text.push(b',');
        }
        let quote: &[u8] = match self.form {
            Form::Strict => b"\"",
            Form::UnquotedKeys => b"",
        };
        for part in [quote, name.as_bytes(), quote, b":"] {
            self.text.extend_from_slice(part);
        }
        // Texts and numbers always have a JSON form.
        let _ = serde_json::to_writer(&mut self.text, &value);
        self
    }

    pub(super) fn end(mut self) -> String {
        self.text.push(b'}');
        String::from_utf8(self.text).unwrap_or_default()
    }
}

/// The answer with this body, unless a quirk puts another in its place.
pub(super) fn shaped(visit: &Visit<'_>, body: impl Into<Bytes>) -> Answer {
    let json = "application/json";
    match () {
        () if visit.quirk("empty-body") => Answer::new(200, json, ""),
        () if visit.quirk("null-body") => Answer::new(200, json, "null"),
        () if visit.quirk("object-body") => Answer::new(200, json, "{}"),
        () if visit.quirk("array-body") => Answer::new(200, json, "[]"),
        () if visit.quirk("plain-text") => Answer::text(200, "OK"),
        () => Answer::new(200, json, body),
    }
}

/// A status that a quirk plants instead of doing anything.
pub(super) fn planted(visit: &Visit<'_>, form: ErrorBody) -> Option<Answer> {
    let found = super::fidelity::PLANTED
        .iter()
        .find(|(name, _)| visit.quirk(name))?;
    let answer = form.error(found.1, "planted");
    Some(match found.1 {
        302 => answer.header("Location", "http://127.0.0.1:9/elsewhere"),
        429 => answer.header("Retry-After", "1"),
        _ => answer,
    })
}

/// Form of an error's body (unknown; cowrie.md 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ErrorBody {
    /// `{"message":"…"}`.
    Message,
    /// `{"status":"error","message":"…"}`, as the vendor's other API.
    StatusMessage,
    /// Text.
    Text,
    /// Nothing.
    Empty,
}

impl ErrorBody {
    pub(super) fn error(self, status: u16, message: &str) -> Answer {
        let body = Object::new(Form::Strict);
        let json = |body: Object| Answer::new(status, "application/json", body.end());
        match self {
            Self::Message => json(body.with("message", message)),
            Self::StatusMessage => json(body.with("status", "error").with("message", message)),
            Self::Text => Answer::text(status, message),
            Self::Empty => Answer::new(status, "application/json", ""),
        }
    }
}

/// A date-time as text, UTC (the format of `stamp` is unknown).
pub(super) fn stamp(ms: u64) -> String {
    let mut text = calendar::format(i64::try_from(ms).unwrap_or(0));
    text.truncate("1970-01-01T00:00:00".len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_utc_dates() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00");
        assert_eq!(stamp(1_709_210_096_000), "2024-02-29T12:34:56");
    }

    #[test]
    fn fields_keep_their_order() {
        let object = |form| Object::new(form).with("z", 1).with("a", "x\"y").end();
        assert_eq!(object(Form::Strict), r#"{"z":1,"a":"x\"y"}"#);
        assert_eq!(object(Form::UnquotedKeys), r#"{z:1,a:"x\"y"}"#);
    }
}
