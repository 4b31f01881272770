//! Names and values as a query: the text that is signed, and the text that is sent.

use std::fmt;

use telco_core::{ErrorKind, NotSent};

/// How values outside `A-Z a-z 0-9 . _ -` are treated. Which form the server verifies is **unknown**, and the official
/// bindings disagree; inside that alphabet every theory gives one signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Encoding {
    /// Refuse them.
    #[default]
    Strict,
    /// In `message` only: percent-encode (RFC 3986), sign the encoded text and send it. Not confirmed by the provider.
    AsSent,
    /// In `message` only: sign the plain text and send the percent-encoded one. Not confirmed by the provider.
    Decoded,
}

impl Encoding {
    pub(crate) const ALL: [Self; 3] = [Self::Strict, Self::AsSent, Self::Decoded];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::AsSent => "as-sent",
            Self::Decoded => "decoded",
        }
    }
}

/// A query in the making: the order of the pairs is the order in which they are signed and sent.
///
/// ```
/// use cowrie_client::{Encoding, Query};
///
/// let query = Query::new(Encoding::AsSent).with("unit", "110")?.with("message", "Happy New Year")?;
/// assert_eq!(query.sent(), "unit=110&message=Happy%20New%20Year");
/// assert_eq!(query.signed(), query.sent());
///
/// let refused = Query::new(Encoding::AsSent).with("xref", "a b").unwrap_err();
/// assert!(refused.to_string().contains("xref"), "other parameters stay strict");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Query {
    encoding: Encoding,
    sent: String,
    /// Only where it differs from what is sent.
    plain: Option<String>,
}

impl Query {
    /// Without pairs.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            // The longest usual query, so that it never moves while it grows.
            sent: String::with_capacity(128),
            plain: None,
        }
    }

    /// As frozen earlier: texts are taken as they are.
    pub(crate) fn restore(encoding: Encoding, sent: &str, plain: Option<&str>) -> Self {
        Self {
            encoding,
            sent: sent.to_owned(),
            plain: plain.map(str::to_owned),
        }
    }

    /// Appends a pair.
    ///
    /// # Errors
    /// [`NotSent`] naming the parameter (never its value) if a character has no agreed form.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, NotSent> {
        if name.is_empty() || !is_safe(name) {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "a parameter's name has a character outside A-Z a-z 0-9 . _ -",
            ));
        }
        if is_safe(value) {
            append(&mut self.sent, name, value);
            if let Some(plain) = &mut self.plain {
                append(plain, name, value);
            }
            return Ok(self);
        }
        if self.encoding == Encoding::Strict || name != "message" {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                format!(
                    "{name} has a character outside A-Z a-z 0-9 . _ -, whose signature the official clients disagree about"
                ),
            ));
        }
        if self.encoding == Encoding::Decoded {
            append(
                self.plain.get_or_insert_with(|| self.sent.clone()),
                name,
                value,
            );
        }
        append(&mut self.sent, name, &percent_encoded(value));
        Ok(self)
    }

    /// What goes over the wire, without the leading `?`.
    #[must_use]
    pub fn sent(&self) -> &str {
        &self.sent
    }

    /// What is signed.
    #[must_use]
    pub fn signed(&self) -> &str {
        self.plain.as_deref().unwrap_or(&self.sent)
    }

    pub(crate) fn plain(&self) -> Option<&str> {
        self.plain.as_deref()
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// A value as it is sent.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.sent.split('&');
        pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

/// Numbers and PINs stand in it.
impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self
            .sent
            .split('&')
            .filter_map(|pair| pair.split('=').next());
        f.debug_list().entries(names).finish()
    }
}

fn append(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.push_str(value);
}

/// The alphabet in which all bindings sign and send the same (docs/protocols/cowrie.md, section 2.3). Without `~`, which they
/// treat differently.
fn is_safe(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// RFC 3986: all but the unreserved characters, in upper-case hex. A space is `%20`, never `+`.
pub(crate) fn percent_encoded(value: &str) -> String {
    use fmt::Write as _;
    let mut out = String::with_capacity(value.len() * 3);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
