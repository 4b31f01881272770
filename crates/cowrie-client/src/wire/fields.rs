use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;
use telco_core::{Amount, Currency};
use telco_http::repeats_a_member;

/// The fields of one JSON object, each as the text that came: numbers never pass through binary floating point.
#[derive(Clone, Default)]
pub struct Fields(BTreeMap<String, Box<RawValue>>);

/// The body of an answer, read strictly. The documentation prints keys without quotes; two official bindings would refuse
/// that, so the server must send strict JSON (inferred).
pub(crate) enum Body {
    Object(Fields),
    Array(Vec<Fields>),
    /// Empty or `null`.
    Nothing,
    /// Anything else, JSON or not. A member that comes twice counts here: one of the two might be another paid PIN.
    Unreadable,
}

impl Body {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        match bytes.trim_ascii().first() {
            None => Self::Nothing,
            Some(_) if repeats_a_member(bytes) => Self::Unreadable,
            Some(b'{') => serde_json::from_slice(bytes)
                .map_or(Self::Unreadable, |fields| Self::Object(Fields(fields))),
            Some(b'[') => serde_json::from_slice(bytes)
                .map_or(Self::Unreadable, |items: Vec<BTreeMap<_, _>>| {
                    Self::Array(items.into_iter().map(Fields).collect())
                }),
            Some(_) if bytes.trim_ascii() == b"null" => Self::Nothing,
            Some(_) => Self::Unreadable,
        }
    }
}

impl Fields {
    /// A text, or an integer by its digits. `None` if it is missing, null, empty or anything else.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        let raw = self.0.get(name)?.get();
        let text = if raw.starts_with('"') {
            serde_json::from_str(raw).ok()?
        } else if is_integer(raw) {
            raw.to_owned()
        } else {
            return None;
        };
        (!text.is_empty()).then_some(text)
    }

    /// An amount in naira: a JSON number or a numeric text with at most two decimals. `None` if it is missing or unreadable.
    #[must_use]
    pub fn naira(&self, name: &str) -> Option<Amount> {
        let raw = self.0.get(name)?.get();
        if raw.starts_with('"') {
            let text: String = serde_json::from_str(raw).ok()?;
            Amount::parse_major(&text, Currency::NGN)
        } else {
            Amount::parse_major(raw, Currency::NGN)
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_integer(raw: &str) -> bool {
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What an answer other than 200 says: its `message`, else its `Message`, else the whole text. For people; never branch on it.
///
/// ```
/// use cowrie_client::wire::error_text;
///
/// assert_eq!(error_text(br#"{"status":"error","message":"INVALID ACCOUNT"}"#).unwrap(), "INVALID ACCOUNT");
/// assert_eq!(error_text(b"not found").unwrap(), "not found");
/// assert_eq!(error_text(b""), None);
/// ```
#[must_use]
pub fn error_text(body: &[u8]) -> Option<String> {
    if let Body::Object(fields) = Body::read(body)
        && let Some(text) = fields.text("message").or_else(|| fields.text("Message"))
    {
        return Some(text);
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
