//! The fields of one JSON object, read tolerantly.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use telco_core::Secret;
use telco_http::repeats_a_member;

/// The fields of one JSON object, each as the text that came: long digit strings never pass through binary floating point.
/// `Debug` shows their names only.
#[derive(Clone, Default)]
pub struct Fields {
    members: BTreeMap<String, Box<RawValue>>,
    json: Option<Secret>,
}

impl Fields {
    /// `None` unless it is one JSON object that names no member twice.
    pub(crate) fn read(json: &str) -> Option<Self> {
        if repeats_a_member(json.as_bytes()) {
            return None;
        }
        let members = serde_json::from_str(json).ok()?;
        Some(Self {
            members,
            json: Some(Secret::new(json)),
        })
    }

    /// The whole object as it came, with whatever this crate does not know.
    #[must_use]
    pub fn json(&self) -> Option<&Secret> {
        self.json.as_ref()
    }

    /// It has such a member, whatever its value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    /// The member is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        raw.starts_with('"')
            .then(|| serde_json::from_str(raw).ok())
            .flatten()
    }

    /// A string as it is, or a number by its digits. `None` if it is missing, null or anything else.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.raw(name)?;
        let is_number = raw.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        if is_number {
            Some(raw.to_owned())
        } else {
            self.string(name)
        }
    }

    /// An integer, or a string that is one.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Either spelling of the transaction id; `trxid` wins.
    #[must_use]
    pub fn trxid(&self) -> Option<String> {
        let named = |name| self.text(name).filter(|id| !id.is_empty());
        named("trxid").or_else(|| named("trx_id"))
    }

    /// The result code and its raw form. A string of ASCII digits or a non-negative integer; anything else is malformed.
    pub(crate) fn rc(&self) -> Option<Result<(u32, String), ()>> {
        self.raw("rc")?;
        let read = self.text("rc").and_then(|text| {
            let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            let number = text.parse().ok().filter(|_| digits)?;
            Some((number, text))
        });
        Some(read.ok_or(()))
    }

    fn raw(&self, name: &str) -> Option<&str> {
        self.members.get(name).map(|raw| raw.get())
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.members.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        Fields::read(json).unwrap()
    }

    #[test]
    fn rc_as_a_string_or_an_integer() {
        for (json, rc, raw) in [
            (r#"{"rc":"00"}"#, 0, "00"),
            (r#"{"rc":0}"#, 0, "0"),
            (r#"{"rc":"0"}"#, 0, "0"),
            (r#"{"rc":"06"}"#, 6, "06"),
            (r#"{"rc":6}"#, 6, "6"),
            (r#"{"rc":79}"#, 79, "79"),
            (r#"{"rc":12345}"#, 12_345, "12345"),
        ] {
            assert_eq!(fields(json).rc(), Some(Ok((rc, raw.to_owned()))), "{json}");
        }
        for json in [
            r#"{"rc":"0O"}"#,
            r#"{"rc":""}"#,
            r#"{"rc":" 0"}"#,
            r#"{"rc":"+0"}"#,
            r#"{"rc":"-1"}"#,
            r#"{"rc":-1}"#,
            r#"{"rc":-0}"#,
            r#"{"rc":1.5}"#,
            r#"{"rc":1e0}"#,
            r#"{"rc":true}"#,
            r#"{"rc":null}"#,
            r#"{"rc":[0]}"#,
            r#"{"rc":{}}"#,
            r#"{"rc":"٠"}"#,
            r#"{"rc":"99999999999999999999"}"#,
        ] {
            assert_eq!(fields(json).rc(), Some(Err(())), "{json}");
        }
        assert_eq!(fields("{}").rc(), None);
    }

    #[test]
    fn digits_keep_their_zeros_and_their_length() {
        let all = fields(
            r#"{"token":"02150808955","number":622150808955,"gateway":"2","price":179.50,"trx_id":20200101000000000000000001,"no":null}"#,
        );
        assert_eq!(all.text("token").as_deref(), Some("02150808955"));
        assert_eq!(all.text("number").as_deref(), Some("622150808955"));
        assert_eq!(all.integer("gateway"), Some(2));
        assert_eq!(all.text("price").as_deref(), Some("179.50"));
        assert_eq!(all.trxid().as_deref(), Some("20200101000000000000000001"));
        assert_eq!((all.text("no"), all.text("absent")), (None, None));
        assert!(all.has("no") && !all.has("absent"));
        let both = fields(r#"{"trx_id":"b","trxid":"a"}"#);
        assert_eq!(both.trxid().as_deref(), Some("a"));
    }

    #[test]
    fn only_an_object_is_read() {
        for json in [
            "",
            "[]",
            "\"x\"",
            "null",
            "5",
            "<html>",
            "{",
            "{}{}",
            "{\"a\":1,}",
            "{\"a\":1,\"a\":1}",
        ] {
            assert!(Fields::read(json).is_none(), "{json}");
        }
    }
}
