//! What an answer means for money.

use std::time::{Duration, SystemTime};

use telco_core::{Error, Reference, Rejection, SecretBytes, Submission, UnknownOutcome};
use telco_http::http::Response;
use telco_http::{Bytes, retry_after};

use crate::operation::Operation;
use crate::wire::{Envelope, WireError};
use crate::{Class, PROVIDER};

/// An answer, whatever its HTTP status, as it came.
#[derive(Clone, Copy)]
pub(crate) struct Answered<'a> {
    operation: Operation,
    status: u16,
    /// `Retry-After`.
    wait: Option<Duration>,
    body: &'a [u8],
}

impl<'a> Answered<'a> {
    pub(crate) fn new(operation: Operation, answer: &'a Response<Bytes>, now: SystemTime) -> Self {
        Self {
            operation,
            status: answer.status().as_u16(),
            wait: retry_after(answer.headers(), now),
            body: answer.body(),
        }
    }

    /// Judges the answer of a spending call as if it were the only copy: accepted and read, rejected by a code of the table, or
    /// unknown. HTTP decides nothing (observed): the body does.
    pub(crate) fn judge<T>(
        self,
        reference: &Reference,
        envelope: Result<Envelope, WireError>,
        read: impl FnOnce(Envelope) -> Result<T, WireError>,
    ) -> Submission<T> {
        let envelope = match envelope {
            Ok(envelope) => envelope,
            Err(why) => return self.unknown(reference, self.unreadable(why)),
        };
        match envelope.code().class() {
            Class::Ok => match read(envelope) {
                Ok(value) => Submission::Accepted(value),
                Err(why) => self.unknown(reference, self.unreadable(why)),
            },
            Class::UnknownOutcome | Class::Verify => {
                self.unknown(reference, self.failure(&envelope))
            }
            Class::Input | Class::Auth | Class::Balance | Class::Transient => {
                if envelope.names_what_was_done() {
                    let cause = self.unreadable(WireError::Contradiction);
                    return self
                        .unknown(reference, cause.with_provider_code(shown_code(&envelope)));
                }
                Submission::Rejected(self.rejection(&envelope))
            }
        }
    }

    fn rejection(self, envelope: &Envelope) -> Rejection {
        let (kind, message, help) = envelope.code().meaning(self.operation);
        let mut rejection = Rejection::new(kind, message)
            .at(PROVIDER, self.operation.name())
            .with_help(format!("{help}. {}", envelope.code().basis()))
            .with_provider_code(shown_code(envelope))
            .with_http_status(self.status);
        if let Some(wait) = self.wait {
            rejection = rejection.with_retry_after(wait);
        }
        match envelope.info() {
            Some(info) => rejection.with_body_excerpt(&info),
            None => rejection,
        }
    }

    /// A result code that is no success.
    pub(crate) fn failure(self, envelope: &Envelope) -> Error {
        let (kind, message, help) = envelope.code().meaning(self.operation);
        let error = self
            .error(Error::answered(kind, message))
            .with_help(help)
            .with_provider_code(shown_code(envelope));
        match envelope.info() {
            Some(info) => error.with_body_excerpt(&info),
            None => error,
        }
    }

    /// An answer that says nothing that can be relied on.
    pub(crate) fn unreadable(self, why: WireError) -> Error {
        self.error(Error::answered(why.kind(), why.to_string()))
            .with_body_excerpt(&excerpt(self.body))
            .with_help(why.help(self.operation))
            .with_source(why)
    }

    fn error(self, error: Error) -> Error {
        let error = error
            .at(PROVIDER, self.operation.name())
            .with_http_status(self.status);
        match self.wait {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    fn unknown<T>(self, reference: &Reference, cause: Error) -> Submission<T> {
        let unknown = UnknownOutcome::new(reference, cause);
        Submission::Unknown(if self.body.is_empty() {
            unknown
        } else {
            unknown.with_answer(SecretBytes::new(self.body))
        })
    }
}

/// As it came, unless it is blown up with zeros.
fn shown_code(envelope: &Envelope) -> String {
    const LONGEST: usize = 10;
    let raw = envelope.raw_code().filter(|raw| raw.len() <= LONGEST);
    raw.map_or_else(|| envelope.code().to_string(), str::to_owned)
}

/// The beginning of a body for an error: nothing of a ciphertext, and nothing from the first mention of a code on.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let lower = text.to_ascii_lowercase();
    let secret_from = ["data", "token"]
        .iter()
        .filter_map(|word| lower.find(word))
        .min();
    match secret_from.and_then(|at| text.get(..at)) {
        Some(before) => format!("{before}…"),
        None => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_neither_ciphertext_nor_code() {
        assert_eq!(excerpt(b"{\"data\":\"X3wB-T1F3\"}"), "{\"…");
        assert_eq!(
            excerpt(b"{\"rc\":\"0O\",\"TOKEN\":\"021\"}"),
            "{\"rc\":\"0O\",\"…"
        );
        assert_eq!(excerpt(b"<html>"), "<html>");
        assert_eq!(excerpt(&[0xff, b'x']), "\u{fffd}x");
    }
}
