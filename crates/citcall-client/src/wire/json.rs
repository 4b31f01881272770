//! Writes compact JSON with its members in the order of the protocol.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// One object under construction. It may hold a code, so it is wiped.
pub(crate) struct Object(Zeroizing<String>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(Zeroizing::new(String::from("{")))
    }

    pub(crate) fn text(mut self, name: &str, value: &str) -> Self {
        self.member(name);
        self.0.push_str(&quoted(value));
        self
    }

    pub(crate) fn number(mut self, name: &str, value: i64) -> Self {
        self.member(name);
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, "{value}");
        self
    }

    pub(crate) fn maybe_text(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(crate) fn finish(mut self) -> Zeroizing<String> {
        self.0.push('}');
        self.0
    }

    fn member(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&quoted(name));
        self.0.push(':');
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
