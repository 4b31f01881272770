//! The result table: Cowrie's result codes are HTTP statuses.

use std::time::Duration;

use crate::PROVIDER;
use crate::wire::Operation;
use telco_core::{Error, ErrorKind, Reference, Rejection, SecretBytes, Submission, UnknownOutcome};

/// A result code. 400, 402, 403, 404, 409 and 500 are **documented**; what the others mean is this project's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 200. Accepted only if the body says so as well.
    Ok,
    /// 400: the signature does not match, **or** a parameter is bad. A balance call with the same key tells the two apart.
    SignatureOrParameter,
    /// 401: seen in the same vendor's other API only.
    Unauthorised,
    /// 402.
    InsufficientBalance,
    /// 403: a required header is missing.
    HeaderMissing,
    /// 404: network or number wrong, ported numbers included. From Check: not found. From Balance: a wrong base URL.
    WrongRecipient,
    /// 408.
    RequestTimeout,
    /// 409: the nonce was used before. With a fresh random nonce it means that something below the client sent it twice.
    NonceUsed,
    /// 429.
    TooManyRequests,
    /// 500 (documented, silent on whether the request was applied) to 599.
    ServerError(u16),
    /// Anything else.
    Other(u16),
}

impl From<u16> for Code {
    fn from(status: u16) -> Self {
        match status {
            200 => Self::Ok,
            400 => Self::SignatureOrParameter,
            401 => Self::Unauthorised,
            402 => Self::InsufficientBalance,
            403 => Self::HeaderMissing,
            404 => Self::WrongRecipient,
            408 => Self::RequestTimeout,
            409 => Self::NonceUsed,
            429 => Self::TooManyRequests,
            500..=599 => Self::ServerError(status),
            other => Self::Other(other),
        }
    }
}

/// What a result code means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Done, if the body says so.
    Ok,
    /// Signature or values wrong: do not repeat unchanged.
    AuthOrInput,
    /// Credentials.
    Auth,
    /// Fund the account.
    Balance,
    /// Number or network.
    Input,
    /// Something sent it before.
    Conflict,
    /// Too fast.
    Rate,
    /// Not documented.
    Undocumented,
    /// A read may be repeated.
    Transient,
    /// It may have happened.
    UnknownOutcome,
}

impl Code {
    /// The class, for calls that cost and for reads: a server error leaves the outcome of the former unknown.
    #[must_use]
    pub const fn class(self, costs: bool) -> Class {
        match self {
            Self::Ok => Class::Ok,
            Self::SignatureOrParameter => Class::AuthOrInput,
            Self::Unauthorised | Self::HeaderMissing => Class::Auth,
            Self::InsufficientBalance => Class::Balance,
            Self::WrongRecipient => Class::Input,
            Self::NonceUsed => Class::Conflict,
            Self::TooManyRequests => Class::Rate,
            Self::ServerError(_) if !costs => Class::Transient,
            Self::Other(400..=499) => Class::Undocumented,
            Self::RequestTimeout | Self::ServerError(_) | Self::Other(_) => Class::UnknownOutcome,
        }
    }

    /// Kind, message, and what to do: after a refusal, or if a read ended so.
    const fn meaning(self) -> (ErrorKind, &'static str, &'static str) {
        const LATER: &str = "try again later";
        match self {
            Self::SignatureOrParameter => (
                ErrorKind::InvalidInput,
                "signature or parameters refused",
                "call `balance` with the same key: if it succeeds the key is right and a parameter is wrong.",
            ),
            Self::Unauthorised => (
                ErrorKind::Authentication,
                "credentials refused",
                "check the client id and the client key",
            ),
            Self::InsufficientBalance => (
                ErrorKind::InsufficientBalance,
                "the account has too little money",
                "fund the account, then send it again unchanged under the same reference",
            ),
            Self::HeaderMissing => (
                ErrorKind::Authentication,
                "a required header did not arrive",
                "check the client id, and what a proxy on the way removes",
            ),
            Self::WrongRecipient => (
                ErrorKind::InvalidRecipient,
                "number or network wrong",
                "check the number and ask the customer for the network: numbers are ported. Another number or network is another top-up: \
                 a new reference. Never try the networks one by one",
            ),
            Self::RequestTimeout => (ErrorKind::Timeout, "the provider timed out", LATER),
            Self::NonceUsed => (
                ErrorKind::Conflict,
                "the nonce was used before: by another copy of this request, or by another request",
                LATER,
            ),
            Self::TooManyRequests => (
                ErrorKind::RateLimited,
                "too many requests (undocumented)",
                "slow down",
            ),
            Self::ServerError(_) => (ErrorKind::Unavailable, "the provider failed", LATER),
            Self::Other(400..=499) => (
                ErrorKind::Other,
                "refused with an undocumented status",
                "ask the provider what the status means",
            ),
            Self::Ok | Self::Other(_) => (
                ErrorKind::UnreadableAnswer,
                "an answer that confirms nothing",
                LATER,
            ),
        }
    }

    /// It counts as refused. That a refused request was not applied is inferred from the documentation, which
    /// calls these failed; 401, 429 and other 4xx are decisions.
    const fn refuses(self) -> bool {
        matches!(
            self,
            Self::SignatureOrParameter
                | Self::Unauthorised
                | Self::InsufficientBalance
                | Self::HeaderMissing
                | Self::WrongRecipient
                | Self::TooManyRequests
                | Self::Other(400..=499)
        )
    }
}

impl Code {
    /// How sure a refusal is, for whoever acts on it.
    const fn certainty(self) -> &'static str {
        match self {
            Self::SignatureOrParameter
            | Self::InsufficientBalance
            | Self::HeaderMissing
            | Self::WrongRecipient => {
                "That a refused call was not applied is inferred: the documentation calls it failed"
            }
            _ => "That it was not applied is this project's assumption: the status is undocumented",
        }
    }
}

/// Judges the status of a spending call, as if this were the only copy. Accepted says no more than "200": the body is next.
/// `wait` is its `Retry-After`.
pub(crate) fn judge(
    operation: Operation,
    reference: &Reference,
    status: u16,
    wait: Option<Duration>,
    body: &[u8],
) -> Submission<()> {
    let code = Code::from(status);
    if code == Code::Ok {
        return Submission::Accepted(());
    }
    let (kind, message, help) = code.meaning();
    let text = crate::wire::error_text(body);
    if code.refuses() {
        let mut rejection = Rejection::new(kind, message)
            .at(PROVIDER, operation.name())
            .with_help(format!("{help}. {}", code.certainty()))
            .with_provider_code(status.to_string())
            .with_http_status(status);
        if let Some(text) = text {
            rejection = rejection.with_body_excerpt(&text);
        }
        if let Some(wait) = wait {
            rejection = rejection.with_retry_after(wait);
        }
        return Submission::Rejected(rejection);
    }
    let to_settle = operation.when_unknown();
    let mut cause = answered(operation, status, kind, message, to_settle, text);
    if let Some(wait) = wait {
        cause = cause.with_retry_after(wait);
    }
    Submission::Unknown(unknown(reference, cause, body))
}

/// The failure of a read with this status.
pub(crate) fn read_failure(operation: Operation, status: u16, body: &[u8]) -> Error {
    let code = Code::from(status);
    let (kind, message, help) = match code {
        // From Balance: there is no number in it that could be wrong.
        Code::Other(200..=399) | Code::WrongRecipient => (
            ErrorKind::InvalidConfiguration,
            "this is not how the API answers",
            "check the base URL",
        ),
        // To a read it says nothing but that another nonce is needed, which every repeat has: a failure that passes.
        Code::NonceUsed => (
            ErrorKind::Unavailable,
            "the nonce was used before, by another request",
            "ask again, with another nonce; if that does not help, look where the nonces come from",
        ),
        _ => code.meaning(),
    };
    let text = crate::wire::error_text(body);
    answered(operation, status, kind, message, help, text).on_read()
}

fn answered(
    operation: Operation,
    status: u16,
    kind: ErrorKind,
    message: &'static str,
    help: &'static str,
    text: Option<String>,
) -> Error {
    let error = Error::answered(kind, message)
        .at(PROVIDER, operation.name())
        .with_help(help)
        .with_provider_code(status.to_string())
        .with_http_status(status);
    match text {
        Some(text) => error.with_body_excerpt(&text),
        None => error,
    }
}

/// The whole answer is kept: it may be the only copy of paid PINs.
pub(crate) fn unknown<T>(reference: &Reference, cause: Error, body: &[u8]) -> UnknownOutcome<T> {
    let unknown = UnknownOutcome::new(reference, cause);
    if body.is_empty() {
        unknown
    } else {
        unknown.with_answer(SecretBytes::new(body))
    }
}
