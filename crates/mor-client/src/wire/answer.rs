//! What an answer says: refused, or something to read.

use std::time::SystemTime;

use telco_core::{Error, ErrorKind};
use telco_http::{Bytes, http, retry_after};

use super::xml::Document;
use crate::codes::KnownText;

/// A read answer.
#[derive(Debug, Clone)]
pub struct Answer {
    document: Document,
}

/// The server says that something is wrong.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The server's words, perhaps in the language of the installation.
    pub text: String,
    /// The entry of the text, if it is known.
    pub known: Option<&'static KnownText>,
    /// The error has no text of its own, only messages inside: so `sms_send` reports that some part went wrong, and
    /// whether anything was sent is unknown.
    pub only_messages: bool,
}

impl Answer {
    /// Reads a response: HTTP 200 (the server answers so for errors too), and a body of a known shape. A `Retry-After` that is a date is
    /// counted from `now`.
    ///
    /// # Errors
    /// [`Error::answered`] for another status or an unreadable body. Nothing of the body is kept: it may hold passwords.
    pub fn read(response: &http::Response<Bytes>, now: SystemTime) -> Result<Self, Error> {
        let status = response.status();
        if status != http::StatusCode::OK {
            let kind = if status == http::StatusCode::TOO_MANY_REQUESTS {
                ErrorKind::RateLimited
            } else {
                ErrorKind::Unavailable
            };
            let failure = Error::answered(kind, "the server answers with another status than 200")
                .with_http_status(status.as_u16());
            return Err(match retry_after(response.headers(), now) {
                Some(wait) => failure.with_retry_after(wait),
                None => failure,
            });
        }
        match Document::parse(response.body()) {
            Ok(document) => Ok(Self { document }),
            Err(unreadable) => Err(Error::answered(
                ErrorKind::UnreadableAnswer,
                unreadable.to_string(),
            )
            .with_http_status(200)),
        }
    }

    /// The whole answer.
    #[must_use]
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The whole answer.
    #[must_use]
    pub fn into_document(self) -> Document {
        self.document
    }

    /// The error in it. Judged by element first and by text second, since texts may be translated: an `error` at any
    /// depth, a failed `action`, a `Status` other than `Ok`, or a known error text where a result would stand. That a list is empty
    /// ("No Users found") is none, wherever it stands.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        let root = match &self.document {
            Document::Text(_) => return self.refusal_among(|text| KnownText::find(text).is_some()),
            Document::Xml(root) => root,
        };
        for name in ["error", "Error"] {
            for error in self.document.all(name) {
                let mut texts = vec![error.text.as_str()];
                texts.extend(error.children.iter().map(|child| child.text.as_str()));
                texts.retain(|text| !text.is_empty() && !is_empty_result(text));
                if !texts.is_empty() {
                    // The error's own text is the text; without one, what its children say.
                    let only_messages = error.text.is_empty()
                        && error.children.iter().any(|child| child.name == "message");
                    let text = if error.text.is_empty() || is_empty_result(&error.text) {
                        texts.join(" ")
                    } else {
                        error.text.clone()
                    };
                    return Some(Refusal {
                        only_messages,
                        ..Refusal::new(&text)
                    });
                }
            }
        }
        if let Some(action) = root.find("action")
            && action.child("status").is_some_and(|status| status != "ok")
        {
            return Some(Refusal::new(
                action.child("status_message").unwrap_or("failed"),
            ));
        }
        if let Some(status) = root.find("Status")
            && !status.text.eq_ignore_ascii_case("ok")
        {
            return Some(Refusal::new(&status.text));
        }
        self.refusal_among(|text| KnownText::find(text).is_some())
    }

    /// A text in the place of a result that `is_one` knows for a refusal.
    pub(crate) fn refusal_among(&self, is_one: impl Fn(&str) -> bool) -> Option<Refusal> {
        let text = match &self.document {
            Document::Text(text) => text,
            Document::Xml(_) => self.document.text_of("status")?,
        };
        is_one(text).then(|| Refusal::new(text))
    }
}

/// What the server says of an empty list, in the place of an error.
fn is_empty_result(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').trim_end();
    text.eq_ignore_ascii_case("No Users found")
}

impl Refusal {
    fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            known: KnownText::find(text),
            only_messages: false,
        }
    }
}

/// A text that is not known may name a person or a number.
impl std::fmt::Debug for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Refusal")
            .field("known", &self.known.map(|known| known.text))
            .finish_non_exhaustive()
    }
}
