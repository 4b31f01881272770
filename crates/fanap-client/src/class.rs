//! What a whole answer means. Only `response` and `success` are **documented** for this API: all classes are decisions of this
//! project.

use telco_core::ErrorKind;

use crate::codes::Meaning;
use crate::wire::{Answer, Field, Operation};

/// What became of a request, and what its sender may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Done.
    Ok,
    /// A value is wrong: correct it.
    Input,
    /// Signature, ids, registered key or permission.
    Auth,
    /// The date was refused: correct the clock.
    Clock,
    /// Host, path, service or product set-up.
    Config,
    /// Not the code that was sent: the subscriber may type again.
    WrongCode,
    /// No such request, or too old: start anew.
    Expired,
    /// Already used, already subscribed: something acted before.
    Conflict,
    /// Price not authorised, or no credit.
    Balance,
    /// A blocked number, a forbidden hour.
    Policy,
    /// Too many tries.
    Rate,
    /// The operator said no.
    Operator,
    /// Start was answered unintelligibly: the message may be on its way.
    Protocol,
    /// Start failed at the server or on the way: the message may be on its way.
    Transient,
    /// Commit may have charged.
    UnknownOutcome,
}

impl Class {
    /// A stable name, such as `wrong-code`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Input => "input",
            Self::Auth => "auth",
            Self::Clock => "clock",
            Self::Config => "config",
            Self::WrongCode => "wrong-code",
            Self::Expired => "expired",
            Self::Conflict => "conflict",
            Self::Balance => "balance",
            Self::Policy => "policy",
            Self::Rate => "rate",
            Self::Operator => "operator",
            Self::Protocol => "protocol",
            Self::Transient => "transient",
            Self::UnknownOutcome => "unknown-outcome",
        }
    }

    /// The kind of error that fits it best, where nothing more is known.
    pub(crate) const fn kind(self) -> ErrorKind {
        match self {
            Self::Ok | Self::Operator => ErrorKind::Other,
            Self::Input => ErrorKind::InvalidInput,
            Self::Auth => ErrorKind::Authentication,
            Self::Clock => ErrorKind::ClockSkew,
            Self::Config => ErrorKind::InvalidConfiguration,
            Self::WrongCode => ErrorKind::WrongCode,
            Self::Expired => ErrorKind::Expired,
            Self::Conflict => ErrorKind::Conflict,
            Self::Balance => ErrorKind::InsufficientBalance,
            Self::Policy => ErrorKind::Policy,
            Self::Rate => ErrorKind::RateLimited,
            Self::Protocol | Self::UnknownOutcome => ErrorKind::UnreadableAnswer,
            Self::Transient => ErrorKind::Unavailable,
        }
    }

    /// Of a whole answer, by the table of the protocol: the first row that fits.
    ///
    /// ```
    /// use fanap_client::Class;
    /// use fanap_client::wire::{Answer, Operation};
    ///
    /// let of = |status, body: &[u8]| Class::of(Operation::Commit, status, Answer::read(body).as_ref());
    /// assert_eq!(of(200, br#"{"response":0,"success":true}"#), Class::Ok);
    /// assert_eq!(of(200, br#"{"response":5,"success":false}"#), Class::Operator);
    /// assert_eq!(of(200, br#"{"response":5,"success":true}"#), Class::UnknownOutcome, "it contradicts itself");
    /// assert_eq!(of(500, b""), Class::UnknownOutcome);
    /// ```
    #[must_use]
    pub fn of(operation: Operation, status: u16, answer: Option<&Answer>) -> Self {
        if (200..300).contains(&status) {
            return Self::of_success(operation, answer);
        }
        let by_code = answer
            .and_then(|answer| answer.error.as_ref())
            .and_then(|error| error.code.meaning())
            .map(|meaning| meaning.class(operation));
        match (operation, status, by_code) {
            (Operation::Commit, 500.., _) => Self::UnknownOutcome,
            (_, _, Some(class)) => class,
            _ => Self::of_status(operation, status),
        }
    }

    fn of_success(operation: Operation, answer: Option<&Answer>) -> Self {
        let Some(answer) = answer else {
            return Self::unintelligible(operation);
        };
        let contradiction = match operation {
            Operation::Start => Self::Operator,
            Operation::Commit => Self::UnknownOutcome,
        };
        if let Some(error) = &answer.error {
            return match error.code.meaning() {
                _ if answer.success == Field::Is(true) => contradiction,
                Some(meaning) => meaning.class(operation),
                None => Self::Operator,
            };
        }
        match (answer.success, answer.response) {
            (Field::Absent, Field::Absent) => Self::unintelligible(operation),
            _ if answer.claims_success() => match operation {
                Operation::Start if answer.correlation_id.is_none() => Self::Protocol,
                _ => Self::Ok,
            },
            (Field::Is(false), Field::Is(0)) => contradiction,
            (Field::Is(false), _) | (Field::Absent, Field::Is(_)) => Self::Operator,
            _ => contradiction,
        }
    }

    const fn unintelligible(operation: Operation) -> Self {
        match operation {
            Operation::Start => Self::Protocol,
            Operation::Commit => Self::UnknownOutcome,
        }
    }

    pub(crate) const fn of_status(operation: Operation, status: u16) -> Self {
        match status {
            300..=399 | 404 | 405 | 406 | 410 | 415 => Self::Config,
            401 | 403 => Self::Auth,
            409 => Self::Conflict,
            429 => Self::Rate,
            400..=407 | 411..=499 => Self::Input,
            _ => Self::in_doubt(operation),
        }
    }

    pub(crate) const fn in_doubt(operation: Operation) -> Self {
        match operation {
            Operation::Start => Self::Transient,
            Operation::Commit => Self::UnknownOutcome,
        }
    }
}

impl Answer {
    /// Something in it speaks for success. A refusal that holds such a word is none to build on.
    pub(crate) fn has_good_news(&self) -> bool {
        let code = self.error.as_ref().and_then(|error| error.code.meaning());
        self.success == Field::Is(true)
            || code == Some(Meaning::Information)
            || self.response == Field::Is(0)
                && (self.success != Field::Is(false) || self.error.is_none())
    }

    /// `success` is true and no number speaks against it, or the number alone says so.
    fn claims_success(&self) -> bool {
        matches!(
            (self.success, self.response),
            (Field::Is(true), Field::Absent | Field::Is(0)) | (Field::Absent, Field::Is(0))
        )
    }
}
