//! One rich error in three roles: any failure ([`Error`]), the proof that nothing left ([`NotSent`]), the proof that the
//! provider did not act ([`Rejection`]).

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::excerpt;

/// What kind of failure it was. Grows: match with a wildcard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's values cannot be sent.
    InvalidInput,
    /// The client is set up wrongly.
    InvalidConfiguration,
    /// The provider cannot do this.
    Unsupported,
    /// No connection came about.
    Connect,
    /// Time ran out.
    Timeout,
    /// The connection broke.
    Interrupted,
    /// An answer came that cannot be read.
    UnreadableAnswer,
    /// Credentials or signature were refused.
    Authentication,
    /// The account may not do this.
    Permission,
    /// Our clock and the provider's differ too much.
    ClockSkew,
    /// The number is wrong or cannot be served.
    InvalidRecipient,
    /// The account has too little money.
    InsufficientBalance,
    /// The code typed is not the right one.
    WrongCode,
    /// Too late.
    Expired,
    /// Already done, a duplicate, a used nonce: something acted before.
    Conflict,
    /// A rule forbids it: the provider's, or a guard of ours.
    Policy,
    /// Too many requests.
    RateLimited,
    /// The provider is out of service.
    Unavailable,
    /// A store failed.
    Storage,
    /// None of the above.
    Other,
}

impl ErrorKind {
    /// The failure may be gone a moment later.
    const fn can_pass(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Timeout
                | Self::Interrupted
                | Self::UnreadableAnswer
                | Self::RateLimited
                | Self::Unavailable
                | Self::Storage
        )
    }

    /// A stable name for labels and rows, such as `insufficient_balance`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::InvalidConfiguration => "invalid_configuration",
            Self::Unsupported => "unsupported",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::UnreadableAnswer => "unreadable_answer",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::ClockSkew => "clock_skew",
            Self::InvalidRecipient => "invalid_recipient",
            Self::InsufficientBalance => "insufficient_balance",
            Self::WrongCode => "wrong_code",
            Self::Expired => "expired",
            Self::Conflict => "conflict",
            Self::Policy => "policy",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Storage => "storage",
            Self::Other => "other",
        }
    }

    /// Every kind, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::InvalidInput,
        Self::InvalidConfiguration,
        Self::Unsupported,
        Self::Connect,
        Self::Timeout,
        Self::Interrupted,
        Self::UnreadableAnswer,
        Self::Authentication,
        Self::Permission,
        Self::ClockSkew,
        Self::InvalidRecipient,
        Self::InsufficientBalance,
        Self::WrongCode,
        Self::Expired,
        Self::Conflict,
        Self::Policy,
        Self::RateLimited,
        Self::Unavailable,
        Self::Storage,
        Self::Other,
    ];

    /// The kind with this name, as [`as_str`](Self::as_str) gives it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// How far the request came. Closed for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// No byte of it left.
    NotSent,
    /// Some of it may have left; there is no answer.
    MaybeSent,
    /// There is an answer.
    Answered,
}

/// Any failure: what kind, how far the request came, and what the provider said.
///
/// No constructor takes a [`Delivery`]: [`NotSent::new`] alone makes one that says "not sent". `Display` is one line without
/// the source (walk [`source`](StdError::source) for that); no secret, number or URL is in it.
///
/// ```
/// use telco_core::{Delivery, Error, ErrorKind};
///
/// let error = Error::in_doubt(ErrorKind::Timeout, "no answer within 60 s").at("cowrie", "credit");
/// assert_eq!(error.delivery(), Delivery::MaybeSent);
/// assert_eq!(error.to_string(), "cowrie credit: no answer within 60 s");
/// assert!(!error.is_retryable(), "a spending call may have acted");
/// assert!(error.on_read().is_retryable(), "a read may be repeated");
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    delivery: Delivery,
    read: bool,
    message: Cow<'static, str>,
    provider: Option<Cow<'static, str>>,
    operation: Option<&'static str>,
    provider_code: Option<Box<str>>,
    http_status: Option<u16>,
    retry_after: Option<Duration>,
    body_excerpt: Option<Box<str>>,
    help: Option<Cow<'static, str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    fn build(kind: ErrorKind, delivery: Delivery, message: Cow<'static, str>) -> Self {
        Self(Arc::new(Inner {
            kind,
            delivery,
            read: false,
            message,
            provider: None,
            operation: None,
            provider_code: None,
            http_status: None,
            retry_after: None,
            body_excerpt: None,
            help: None,
            source: None,
        }))
    }

    fn edit(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// Some of the request may have left, and there is no answer.
    pub fn in_doubt(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(kind, Delivery::MaybeSent, message.into())
    }

    /// There is an answer, and it is a failure.
    pub fn answered(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self::build(kind, Delivery::Answered, message.into())
    }

    /// Marks the failure as one of a *read*. Only these may be repeated once something was sent.
    #[must_use]
    pub fn on_read(self) -> Self {
        self.edit(|e| e.read = true)
    }

    /// The cause of an unknown outcome: whoever says "not sent" there, or "try again", is wrong.
    pub(crate) fn of_unknown_outcome(self) -> Self {
        self.edit(|e| {
            e.read = false;
            if e.delivery == Delivery::NotSent {
                e.delivery = Delivery::MaybeSent;
            }
        })
    }

    /// What kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// How far the request came.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.0.delivery
    }

    /// What happened, without the context of [`Display`](fmt::Display).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whose call it was.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.0.provider.as_deref()
    }

    /// Which operation of the provider.
    #[must_use]
    pub fn operation(&self) -> Option<&str> {
        self.0.operation
    }

    /// The provider's own result code, as it came.
    #[must_use]
    pub fn provider_code(&self) -> Option<&str> {
        self.0.provider_code.as_deref()
    }

    /// The HTTP status of the answer, if there was one.
    #[must_use]
    pub fn http_status(&self) -> Option<u16> {
        self.0.http_status
    }

    /// How long the provider asks to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The beginning of the answer: at most 200 characters, without control characters; four or more digits, also in groups
    /// (numbers, codes), and long tokens replaced.
    #[must_use]
    pub fn body_excerpt(&self) -> Option<&str> {
        self.0.body_excerpt.as_deref()
    }

    /// What a person should check first.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.0.help.as_deref()
    }

    /// The same call may be made again: nothing was sent, or it was a read, and the failure is one that can pass.
    /// Derived, never set.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        (self.0.delivery == Delivery::NotSent || self.0.read) && self.0.kind.can_pass()
    }

    /// Splits by delivery: the proof that nothing left, or the error back.
    ///
    /// # Errors
    /// The error itself, if something may have been sent.
    pub fn into_not_sent(self) -> Result<NotSent, Self> {
        if self.0.delivery == Delivery::NotSent {
            Ok(NotSent(self))
        } else {
            Err(self)
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        match (&e.provider, e.operation) {
            (Some(provider), Some(operation)) => write!(f, "{provider} {operation}: ")?,
            (Some(provider), None) => write!(f, "{provider}: ")?,
            (None, Some(operation)) => write!(f, "{operation}: ")?,
            (None, None) => {}
        }
        f.write_str(&e.message)?;
        match (&e.provider_code, e.http_status) {
            (Some(code), Some(status)) => write!(f, " (code {code}, HTTP {status})"),
            (Some(code), None) => write!(f, " (code {code})"),
            (None, Some(status)) => write!(f, " (HTTP {status})"),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let e = &*self.0;
        let mut shown = f.debug_struct("Error");
        shown
            .field("kind", &e.kind)
            .field("delivery", &e.delivery)
            .field("message", &e.message);
        let optional: [(&str, &dyn fmt::Debug, bool); 8] = [
            ("provider", &e.provider, e.provider.is_some()),
            ("operation", &e.operation, e.operation.is_some()),
            ("provider_code", &e.provider_code, e.provider_code.is_some()),
            ("http_status", &e.http_status, e.http_status.is_some()),
            ("retry_after", &e.retry_after, e.retry_after.is_some()),
            ("body_excerpt", &e.body_excerpt, e.body_excerpt.is_some()),
            ("help", &e.help, e.help.is_some()),
            ("source", &e.source, e.source.is_some()),
        ];
        for (name, value, there) in optional {
            if there {
                shown.field(name, value);
            }
        }
        shown.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_ref()
            .map(|source| &**source as &(dyn StdError + 'static))
    }
}

/// Proof that no byte of a spending request left: it is safe to try again. `?` lifts it into [`Error`]; **nothing lifts into
/// it**, so that an implementer's `?` cannot turn a lost answer into "not sent".
///
/// ```compile_fail,E0277
/// use telco_core::{Error, ErrorKind, NotSent};
/// fn exchange() -> Result<(), Error> { Err(Error::in_doubt(ErrorKind::Timeout, "lost")) }
/// fn spend() -> Result<(), NotSent> { exchange()?; Ok(()) }
/// ```
///
/// The twin that compiles returns an [`Error`]:
///
/// ```
/// use telco_core::{Error, ErrorKind, NotSent};
/// fn exchange() -> Result<(), Error> { Err(Error::in_doubt(ErrorKind::Timeout, "lost")) }
/// fn spend() -> Result<(), Error> { exchange()?; Ok(()) }
/// ```
///
/// Not even the error of a leaf goes by itself: the same one comes from the caller's input (not sent) and from an answer
/// (unknown).
///
/// ```compile_fail,E0277
/// use telco_core::{Msisdn, NotSent};
/// fn spend(to: &str) -> Result<Msisdn, NotSent> { Ok(Msisdn::parse(to)?) }
/// ```
///
/// The twin says what it knows:
///
/// ```
/// use telco_core::{ErrorKind, Msisdn, NotSent};
/// fn spend(to: &str) -> Result<Msisdn, NotSent> { Ok(Msisdn::parse(to).map_err(NotSent::because(ErrorKind::InvalidInput))?) }
/// # assert!(spend("0803").is_err());
/// ```
#[derive(Clone, Debug)]
pub struct NotSent(Error);

impl NotSent {
    /// Nothing was sent, and this is why.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Error::build(kind, Delivery::NotSent, message.into()))
    }

    /// For `map_err`: a leaf's own words become the message.
    pub fn because<E: StdError>(kind: ErrorKind) -> impl FnOnce(E) -> Self {
        move |leaf| Self::new(kind, leaf.to_string())
    }

    /// This provider cannot do that.
    pub fn unsupported(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unsupported, what)
    }
}

/// Proof from the provider that it did not act. "Already done", "duplicate" and "nonce used" are never a rejection: they
/// prove that something acted.
///
/// ```
/// use telco_core::{ErrorKind, Rejection};
///
/// let rejection = Rejection::new(ErrorKind::InsufficientBalance, "the account has too little money")
///     .at("cowrie", "credit")
///     .with_provider_code("402")
///     .with_help("fund the account, then send the same reference again");
/// assert_eq!(rejection.kind(), ErrorKind::InsufficientBalance);
/// assert_eq!(rejection.to_string(), "cowrie credit: the account has too little money (code 402)");
/// ```
#[derive(Clone, Debug)]
pub struct Rejection(Error);

impl Rejection {
    /// The provider said no, and this is why.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Error::build(kind, Delivery::Answered, message.into()))
    }
}

macro_rules! roles {
    ($($role:ident),*) => {$(
        impl $role {
            /// What kind of failure.
            #[must_use]
            pub fn kind(&self) -> ErrorKind {
                self.0.kind()
            }

            /// All that is known, as a plain error.
            #[must_use]
            pub fn as_error(&self) -> &Error {
                &self.0
            }

            fn edit(self, change: impl FnOnce(&mut Inner)) -> Self {
                Self(self.0.edit(change))
            }
        }

        impl fmt::Display for $role {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl StdError for $role {
            fn source(&self) -> Option<&(dyn StdError + 'static)> {
                self.0.source()
            }
        }

        impl From<$role> for Error {
            fn from(role: $role) -> Self {
                role.0
            }
        }
    )*};
}
roles!(NotSent, Rejection);

macro_rules! setters {
    ($($role:ident),*) => {$(
        /// Context. Kind and delivery stay what the constructor made them.
        impl $role {
            /// Which provider and which of its operations.
            #[must_use]
            pub fn at(self, provider: impl Into<Cow<'static, str>>, operation: &'static str) -> Self {
                let provider = provider.into();
                self.edit(|e| {
                    e.provider = Some(provider);
                    e.operation = Some(operation);
                })
            }

            /// The provider's own result code. Not a secret, not a number.
            #[must_use]
            pub fn with_provider_code(self, code: impl Into<Box<str>>) -> Self {
                let code = code.into();
                self.edit(|e| e.provider_code = Some(code))
            }

            /// The HTTP status of the answer.
            #[must_use]
            pub fn with_http_status(self, status: u16) -> Self {
                self.edit(|e| e.http_status = Some(status))
            }

            /// How long the provider asks to wait.
            #[must_use]
            pub fn with_retry_after(self, wait: Duration) -> Self {
                self.edit(|e| e.retry_after = Some(wait))
            }

            /// The answer's text: cut and sanitised here, so pass it as it came.
            #[must_use]
            pub fn with_body_excerpt(self, text: &str) -> Self {
                let excerpt = excerpt::sanitised(text);
                self.edit(|e| e.body_excerpt = Some(excerpt))
            }

            /// What a person should check first.
            #[must_use]
            pub fn with_help(self, help: impl Into<Cow<'static, str>>) -> Self {
                let help = help.into();
                self.edit(|e| e.help = Some(help))
            }

            /// What it came from. Must itself be free of secrets, numbers and URLs.
            #[must_use]
            pub fn with_source(self, source: impl StdError + Send + Sync + 'static) -> Self {
                self.edit(|e| e.source = Some(Arc::new(source)))
            }
        }
    )*};
}
setters!(Error, NotSent, Rejection);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_sent_or_was_a_read_may_repeat() {
        for &kind in ErrorKind::ALL {
            let can_pass = kind.can_pass();
            assert_eq!(
                NotSent::new(kind, "").as_error().is_retryable(),
                can_pass,
                "{kind:?}"
            );
            assert!(!Error::in_doubt(kind, "").is_retryable());
            assert!(!Error::answered(kind, "").is_retryable());
            assert_eq!(Error::in_doubt(kind, "").on_read().is_retryable(), can_pass);
            assert_eq!(Error::answered(kind, "").on_read().is_retryable(), can_pass);
            assert!(
                !Error::answered(kind, "")
                    .on_read()
                    .of_unknown_outcome()
                    .is_retryable()
            );
        }
        assert!(ErrorKind::Timeout.can_pass());
        assert!(!ErrorKind::InvalidInput.can_pass());
    }

    #[test]
    fn splits_by_delivery() {
        assert!(
            Error::from(NotSent::new(ErrorKind::Connect, "refused"))
                .into_not_sent()
                .is_ok()
        );
        assert!(
            Error::in_doubt(ErrorKind::Timeout, "")
                .into_not_sent()
                .is_err()
        );
        assert!(
            Error::answered(ErrorKind::Other, "")
                .into_not_sent()
                .is_err()
        );
        assert!(
            Error::from(Rejection::new(ErrorKind::Policy, ""))
                .into_not_sent()
                .is_err()
        );
    }

    #[test]
    fn names_round_trip() {
        for &kind in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_name(kind.as_str()), Some(kind));
        }
        assert_eq!(ErrorKind::from_name("nonsense"), None);
    }

    #[test]
    fn display_is_one_line_without_the_source() {
        let inner = std::io::Error::other("INNER");
        let e = Error::answered(ErrorKind::Unavailable, "out of service")
            .at("cowrie", "balance")
            .with_http_status(503)
            .with_source(inner);
        assert_eq!(e.to_string(), "cowrie balance: out of service (HTTP 503)");
        assert_eq!(StdError::source(&e).unwrap().to_string(), "INNER");
        assert_eq!(std::mem::size_of::<Error>(), 8);
    }
}
