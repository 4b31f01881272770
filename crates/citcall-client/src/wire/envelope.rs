//! What comes in: plain or encrypted, on every inbound path.

use std::time::SystemTime;

use telco_core::ErrorKind;
use telco_crypto::additive::DecryptError;

use super::Fields;
use crate::operation::{Deed, Operation};
use crate::{Cipher, Code};

/// Why a message says nothing that can be relied on. After a spending request this is an unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The body is no JSON object, or has a member twice: which of the two counts, nobody said.
    #[error("the answer is not a JSON object, or names a member twice")]
    NotAnObject,
    /// There is `data`, but no keys to open it with.
    #[error("the answer is encrypted, and no keys were given to open it")]
    NoKeys,
    /// `data` does not open.
    #[error("the answer's `data` does not open: {0}")]
    Decrypt(DecryptError),
    /// `data` opens, but holds no JSON object, or one with a member twice.
    #[error("the answer's `data` does not hold a JSON object, or it names a member twice")]
    Json,
    /// There is no result code.
    #[error("the answer has no result code")]
    NoResult,
    /// The result code is none.
    #[error("the answer's result code is not a number")]
    MalformedResult,
    /// The answer is about something else than what was asked.
    #[error("the answer echoes another {0} than the request has")]
    EchoMismatch(&'static str),
    /// It has a code of refusal, and a token, which only a call that was placed has (decision: the documents do not speak of
    /// both together). A transaction id says nothing: a server may give one to whatever it is asked.
    #[error("the answer refuses, and has a token all the same")]
    Contradiction,
}

impl WireError {
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::Decrypt(DecryptError::Expired { .. }) => ErrorKind::ClockSkew,
            _ => ErrorKind::UnreadableAnswer,
        }
    }

    /// What it means after one operation.
    pub(crate) fn help(self, of: Operation) -> String {
        let perhaps = of.perhaps();
        match (self, of.deed()) {
            (Self::Decrypt(DecryptError::Expired { .. }), _) => {
                format!("check this machine's clock (within 5 minutes); {perhaps}")
            }
            (Self::Decrypt(_), _) => {
                format!("check the API key and the cipher's client id; {perhaps}")
            }
            (Self::EchoMismatch(_), Deed::Call) => {
                "it may have rung another phone: no code of this answer must be checked against"
                    .to_owned()
            }
            (Self::EchoMismatch(_), Deed::Message) => {
                "the message may have gone to another number: no code that comes of it proves the one that was asked for"
                    .to_owned()
            }
            (Self::EchoMismatch(_), Deed::Check) => {
                "the answer is about another number or code: it must let nobody in".to_owned()
            }
            _ => perhaps.to_owned(),
        }
    }
}

/// A message, opened.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Envelope {
    /// Its fields.
    pub fields: Fields,
    /// It came encrypted. That proves nothing about its origin.
    pub encrypted: bool,
    rc: Option<(u32, String)>,
}

impl Envelope {
    /// Reads a body that must have a result code. Surrounding white space and a byte-order mark are tolerated.
    ///
    /// # Errors
    /// [`WireError`].
    pub fn read(body: &[u8], cipher: Option<&Cipher>, now: SystemTime) -> Result<Self, WireError> {
        let envelope = Self::open(body, cipher, now)?;
        if envelope.rc.is_none() {
            return Err(WireError::NoResult);
        }
        Ok(envelope)
    }

    /// Reads a body that may lack a result code: callbacks about messages do.
    ///
    /// # Errors
    /// [`WireError`], never [`NoResult`](WireError::NoResult).
    pub fn open(body: &[u8], cipher: Option<&Cipher>, now: SystemTime) -> Result<Self, WireError> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|_| WireError::NotAnObject)?;
        let outer = Fields::read(text).ok_or(WireError::NotAnObject)?;
        let (fields, encrypted) = match outer.string("data") {
            // Without keys it is somebody's own field, if there is a result beside it.
            Some(_) if cipher.is_none() && outer.has("rc") => (outer, false),
            // With keys, a result code beside it is ignored.
            Some(data) => {
                let cipher = cipher.ok_or(WireError::NoKeys)?;
                let message = cipher.open(&data, now).map_err(WireError::Decrypt)?;
                let inner = Fields::read(message.text()).ok_or(WireError::Json)?;
                (inner, true)
            }
            None => (outer, false),
        };
        let rc = fields
            .rc()
            .transpose()
            .map_err(|()| WireError::MalformedResult)?;
        Ok(Self {
            fields,
            encrypted,
            rc,
        })
    }

    /// The result code.
    #[must_use]
    pub fn code(&self) -> Code {
        // `read` lets none without one through; an absent one means nothing that could be relied on.
        self.rc
            .as_ref()
            .map_or(Code::Other(u32::MAX), |(rc, _)| Code::from(*rc))
    }

    /// It has a result code.
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.rc.is_some()
    }

    /// The result code as it was written: `00`, `0`, `6`.
    #[must_use]
    pub fn raw_code(&self) -> Option<&str> {
        self.rc.as_ref().map(|(_, raw)| raw.as_str())
    }

    /// It has what only an accepted call has: the number that rings.
    pub(crate) fn names_what_was_done(&self) -> bool {
        let token = self.fields.text("token");
        token.is_some_and(|token| !token.is_empty())
    }

    /// The id that was sent is the one that came back, if any did.
    pub(crate) fn echoes_id(&self, sent: Option<&str>) -> Result<(), WireError> {
        match (sent, self.fields.text("clientUniqueId")) {
            (Some(sent), Some(echo)) if echo != sent => {
                Err(WireError::EchoMismatch("clientUniqueId"))
            }
            _ => Ok(()),
        }
    }

    /// The provider's words, verbatim. For people; never branch on them.
    #[must_use]
    pub fn info(&self) -> Option<String> {
        self.fields.text("info")
    }
}
