//! From an HTTP answer to the truth about the calls in the request (docs/protocols/kairos.md, sections 8 to 10).
//!
//! The body is read first, whatever the HTTP status. What no table decides is unknown.

use bytes::Bytes;
use http::Response;
use std::collections::HashMap;
use std::time::SystemTime;
use telco_core::{
    CallReceipt, Error, ErrorKind, Reference, Rejection, SecretBytes, Submission, UnknownOutcome,
};
use telco_http::repeats_a_member;

use crate::wire::{Answer, Details, Entry};
use crate::{Class, Code, Kind};

pub(crate) const PROVIDER: &str = "kairos";

/// What to do about calls of which nobody knows whether they were placed, with an answer or without.
pub(crate) const CALLS_UNKNOWN: &str = "phones may have rung: read the ids from the answer if one was kept, and check the provider's reports; never resend the batch";

/// What the provider answered to one request that it took, in full.
#[derive(Debug)]
#[must_use = "each call inside may be unknown"]
#[non_exhaustive]
pub struct Created {
    /// One per request.
    pub request_id: Option<String>,
    /// `Success`, `PartialSuccess`, or on the bulk host 202.
    pub code: Code,
    /// What became of each call, in the order of the request. One that the answer does not confirm is unknown: most likely it
    /// was not taken (inferred), but no document says so.
    pub calls: Vec<(Reference, Submission<CallReceipt>)>,
    /// The whole answer.
    pub answer: SecretBytes,
}

type Row = (Reference, Submission<CallReceipt>);

/// Reads the answer to a create request.
pub(crate) fn created(
    kind: Kind,
    batch: &Reference,
    calls: Vec<Reference>,
    answer: &Response<Bytes>,
    now: SystemTime,
) -> Submission<Created> {
    let view = View {
        operation: kind.operation(),
        to_settle: CALLS_UNKNOWN,
        answer,
        now,
    };
    let Ok(read) = Answer::parse(answer.body()) else {
        return view.without_code(batch);
    };
    let taken = |calls| {
        Submission::Accepted(Created {
            request_id: read.request_id.clone(),
            code: read.code,
            calls,
            answer: SecretBytes::new(answer.body().as_ref()),
        })
    };
    let outcome = match read.code.class() {
        Class::Success => {
            let rows = correlate(&calls, &read);
            if rows
                .iter()
                .any(|(_, outcome)| matches!(outcome, Submission::Accepted(_)))
            {
                taken(rows)
            } else if kind == Kind::Bulk
                && read.details == Details::None
                && read.request_id.is_some()
            {
                taken(all_without_ids(calls))
            } else {
                let nothing = "it says Success, but names no call that was taken";
                view.unknown(batch, ErrorKind::UnreadableAnswer, Some(read.code), nothing)
            }
        }
        Class::Partial => taken(correlate(&calls, &read)),
        Class::Refused(_) if read.code == Code::InvalidSecurityId => {
            match code_202(kind, &read, answer) {
                Meaning::Accepted => taken(all_without_ids(calls)),
                Meaning::InvalidSecurityId => view.by_code(batch, read.code),
                Meaning::Unclear => {
                    let unclear = "code 202 with neither of its meanings on this host";
                    view.unknown(batch, ErrorKind::UnreadableAnswer, Some(read.code), unclear)
                }
            }
        }
        _ => view.by_code(batch, read.code),
    };
    match outcome {
        // A code of refusal may be about one call of many (documented for 205): an id is evidence that its call was
        // taken.
        Submission::Rejected(_) if read.details.name_a_taken_call() => {
            let both = "a code of refusal beside ids of calls that were taken";
            view.unknown(batch, ErrorKind::UnreadableAnswer, Some(read.code), both)
        }
        outcome => outcome,
    }
}

/// The two meanings of code 202.
pub(crate) enum Meaning {
    Accepted,
    InvalidSecurityId,
    Unclear,
}

fn code_202(kind: Kind, read: &Answer, answer: &Response<Bytes>) -> Meaning {
    let bulk_took_it = answer.status().as_u16() == 202 || read.request_id.is_some();
    message_of_202(read).unwrap_or(match kind {
        Kind::Bulk if bulk_took_it => Meaning::Accepted,
        Kind::Bulk => Meaning::Unclear,
        _ => Meaning::InvalidSecurityId,
    })
}

/// By the words of the answer, if they say it.
pub(crate) fn message_of_202(read: &Answer) -> Option<Meaning> {
    let message = read.message.as_deref()?.trim().to_ascii_lowercase();
    if message == "accepted" {
        Some(Meaning::Accepted)
    } else if message.contains("invalid security") {
        Some(Meaning::InvalidSecurityId)
    } else {
        None
    }
}

fn all_without_ids(calls: Vec<Reference>) -> Vec<Row> {
    let accepted = |reference| (reference, Submission::Accepted(CallReceipt::default()));
    calls.into_iter().map(accepted).collect()
}

/// By the caller's id; by position only if no entry has one and there are as many entries as calls.
/// An unconfirmed row keeps its own entry as its answer, and code and message of the whole.
fn correlate(calls: &[Reference], read: &Answer) -> Vec<Row> {
    let entries: &[Entry] = match &read.details {
        Details::List(entries) => entries,
        Details::None | Details::Unreadable => &[],
    };
    let named: HashMap<&str, &Entry> = entries
        .iter()
        .rev()
        .filter_map(|entry| Some((entry.client_identifier.as_deref()?, entry)))
        .collect();
    let by_position = named.is_empty() && entries.len() == calls.len();
    let row = |(position, reference): (usize, &Reference)| {
        let entry = if by_position {
            entries.get(position)
        } else {
            named.get(reference.as_str()).copied()
        };
        let outcome = match entry.and_then(|entry| entry.phonon_uuid.clone()) {
            Some(id) => Submission::Accepted(CallReceipt::new(Some(id))),
            None => {
                let unknown = UnknownOutcome::new(reference, unconfirmed(read));
                Submission::Unknown(match entry {
                    Some(entry) => unknown.with_answer(SecretBytes::new(entry.to_json())),
                    None => unknown,
                })
            }
        };
        (reference.clone(), outcome)
    };
    calls.iter().enumerate().map(row).collect()
}

fn unconfirmed(read: &Answer) -> Error {
    let error = Error::answered(
        ErrorKind::UnreadableAnswer,
        "the answer does not confirm this call: most likely it was not taken (inferred)",
    )
    .at(PROVIDER, "create")
    .with_provider_code(read.code.number().to_string())
    .with_help("check the provider's reports; call again under a new reference only once you know");
    match &read.message {
        Some(message) => error.with_body_excerpt(message),
        None => error,
    }
}

/// An answer, and what errors about it say.
pub(crate) struct View<'a> {
    pub(crate) operation: &'static str,
    /// What to do where the answer does not say whether the provider acted.
    pub(crate) to_settle: &'static str,
    pub(crate) answer: &'a Response<Bytes>,
    pub(crate) now: SystemTime,
}

impl View<'_> {
    /// By the table of codes. Codes of success have been dealt with, or say nothing about this operation.
    pub(crate) fn by_code<T>(&self, reference: &Reference, code: Code) -> Submission<T> {
        let message = format!("the provider answered {}", code.name());
        match code.class() {
            Class::Refused(kind) => Submission::Rejected(self.rejection(kind, message, Some(code))),
            Class::Duplicate => {
                let duplicate = "duplicate, or already accepted: these bytes were sent before";
                self.kept(
                    reference,
                    self.error(ErrorKind::Conflict, Some(code), duplicate),
                )
            }
            Class::Uncertain | Class::Success | Class::Partial | Class::Empty => {
                self.kept(reference, self.error(ErrorKind::Other, Some(code), message))
            }
        }
    }

    /// By the HTTP status, where the body has no code that can be read. Only what section 10 decides is decided, and not against a
    /// body that speaks of calls that were taken: phones may have rung.
    pub(crate) fn without_code<T>(&self, reference: &Reference) -> Submission<T> {
        let status = self.answer.status().as_u16();
        match status {
            401 | 403 | 413 if self.may_name_taken_calls() => {
                self.unknown(reference, ErrorKind::UnreadableAnswer, None, UNREADABLE)
            }
            401 | 403 => {
                let listed = "refused without a code: the address that the request came from is probably not listed";
                Submission::Rejected(self.rejection(ErrorKind::Permission, listed, None))
            }
            413 => Submission::Rejected(self.rejection(
                ErrorKind::InvalidInput,
                "the body is too large",
                None,
            )),
            _ => self.unknown(reference, kind_of(status), None, UNREADABLE),
        }
    }

    /// The answer says too little, or too much.
    pub(crate) fn unknown<T>(
        &self,
        reference: &Reference,
        kind: ErrorKind,
        code: Option<Code>,
        message: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Submission<T> {
        self.kept(
            reference,
            self.error(kind, code, message).with_help(self.to_settle),
        )
    }

    /// Unknown, with the whole answer.
    fn kept<T>(&self, reference: &Reference, cause: Error) -> Submission<T> {
        let outcome = UnknownOutcome::new(reference, cause);
        Submission::Unknown(outcome.with_answer(SecretBytes::new(self.answer.body().as_ref())))
    }

    fn rejection(
        &self,
        kind: ErrorKind,
        message: impl Into<std::borrow::Cow<'static, str>>,
        code: Option<Code>,
    ) -> Rejection {
        let mut rejection = Rejection::new(kind, message)
            .at(PROVIDER, self.operation)
            .with_http_status(self.answer.status().as_u16())
            .with_body_excerpt(&self.text());
        if let Some(wait) = telco_http::retry_after(self.answer.headers(), self.now) {
            rejection = rejection.with_retry_after(wait);
        }
        match code {
            Some(code) => rejection
                .with_provider_code(code.number().to_string())
                .with_help(format!("{}. {}", code.help(), code.basis())),
            None => rejection.with_help(WITHOUT_CODE),
        }
    }

    pub(crate) fn error(
        &self,
        kind: ErrorKind,
        code: Option<Code>,
        message: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Error {
        let mut error = Error::answered(kind, message)
            .at(PROVIDER, self.operation)
            .with_http_status(self.answer.status().as_u16())
            .with_body_excerpt(&self.text());
        if let Some(wait) = telco_http::retry_after(self.answer.headers(), self.now) {
            error = error.with_retry_after(wait);
        }
        if let Some(code) = code {
            error = error
                .with_provider_code(code.number().to_string())
                .with_help(code.help());
        }
        error
    }

    /// The same for a read.
    pub(crate) fn read_error(&self, code: Option<Code>) -> Error {
        match code {
            Some(code) => {
                // A read may be repeated after any 5xx, whatever its body says.
                let kind = match code.class() {
                    _ if self.answer.status().is_server_error() => ErrorKind::Unavailable,
                    Class::Refused(kind) => kind,
                    _ => ErrorKind::Other,
                };
                self.error(
                    kind,
                    Some(code),
                    format!("the provider answered {}", code.name()),
                )
            }
            None => self.error(kind_of(self.answer.status().as_u16()), None, UNREADABLE),
        }
    }

    /// By its text, for it could not be read: it has a member that only an answer to calls has, or may hide one behind a name that
    /// comes twice.
    fn may_name_taken_calls(&self) -> bool {
        let text = self.text();
        let members = ["\"request-id\"", "\"phonon-uuid\""];
        repeats_a_member(self.answer.body()) || members.iter().any(|name| text.contains(name))
    }

    fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(self.answer.body())
    }
}

/// What a refusal rests on that has an HTTP status only.
const WITHOUT_CODE: &str =
    "That nothing was done is inferred from the HTTP status (documented: 403 of the bulk host)";

const UNREADABLE: &str = "the answer has no result code that can be read";

/// A label only: with none of these is it decided whether the provider acted.
fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 | 403 => ErrorKind::Permission,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Unavailable,
        300..=499 => ErrorKind::InvalidConfiguration,
        _ => ErrorKind::UnreadableAnswer,
    }
}
