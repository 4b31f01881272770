//! What a row is told: one step from state to state, with what was learnt.

use std::time::Duration;

use telco_core::{Error, ErrorKind, NotSent, Rejection, SecretBytes, TopupReceipt, UnknownOutcome};

use crate::State;

/// Why a row is in its state: an error, as far as it can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Why {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// One line. No secret, no number.
    pub message: String,
    /// The provider's own code.
    pub code: Option<String>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// What a person should check first.
    pub help: Option<String>,
}

impl Why {
    /// In words of one's own.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
            status: None,
            help: None,
        }
    }

    pub(crate) fn rejection(&self) -> Rejection {
        let mut rejection = Rejection::new(self.kind, self.message.clone());
        if let Some(code) = &self.code {
            rejection = rejection.with_provider_code(code.as_str());
        }
        if let Some(status) = self.status {
            rejection = rejection.with_http_status(status);
        }
        match &self.help {
            Some(help) => rejection.with_help(help.clone()),
            None => rejection,
        }
    }

    pub(crate) fn in_doubt(&self) -> Error {
        let mut error = Error::in_doubt(self.kind, self.message.clone());
        if let Some(code) = &self.code {
            error = error.with_provider_code(code.as_str());
        }
        if let Some(status) = self.status {
            error = error.with_http_status(status);
        }
        match &self.help {
            Some(help) => error.with_help(help.clone()),
            None => error,
        }
    }
}

impl From<&Error> for Why {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            code: error.provider_code().map(str::to_owned),
            status: error.http_status(),
            help: error.help().map(str::to_owned),
        }
    }
}

impl From<&NotSent> for Why {
    fn from(not_sent: &NotSent) -> Self {
        Self::from(not_sent.as_error())
    }
}

impl From<&Rejection> for Why {
    fn from(rejection: &Rejection) -> Self {
        Self::from(rejection.as_error())
    }
}

/// One step of a row. Who may take it is decided by the row's state and by the fencing token in the [`Mark`](crate::Mark).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// No byte left.
    NotSent(Why),
    /// The provider took it.
    Accepted(Box<TopupReceipt>),
    /// The provider did not act.
    Rejected(Why),
    /// It may have happened.
    Unknown {
        /// Why nobody knows.
        why: Why,
        /// What holds if it did happen.
        provisional: Option<Box<TopupReceipt>>,
        /// The whole answer.
        answer: Option<SecretBytes>,
        /// When to look it up.
        after: Duration,
    },
    /// Looked up, and nothing learnt.
    LookedUp {
        /// What the provider's books said.
        why: Why,
        /// When to look again.
        after: Duration,
        /// They have it, undecided: from here on the row holds no bytes to be sent once more.
        on_record: bool,
    },
    /// The provider's books say what happened.
    Settled {
        /// It did happen.
        delivered: bool,
        /// What they said.
        why: Why,
        /// The provider's id.
        provider_id: Option<String>,
    },
    /// The same bytes are about to be sent once more. From here on the row holds them no longer.
    Replaying {
        /// How long its holder may be silent.
        lease: Duration,
    },
    /// The second copy was accepted.
    Replayed(Box<TopupReceipt>),
    /// Nothing can tell but a person.
    Unresolved(Why),
    /// A person says what happened.
    Resolved {
        /// It did happen.
        delivered: bool,
        /// Who says so.
        who: String,
        /// And how they know.
        why: String,
    },
    /// It was delivered, and taken back.
    Reversed {
        /// Who says so.
        who: String,
        /// And how they know.
        why: String,
    },
}

impl Step {
    /// Of an answer.
    pub(crate) fn of_unknown(unknown: &UnknownOutcome<TopupReceipt>, after: Duration) -> Self {
        Self::Unknown {
            why: Why::from(unknown.cause()),
            provisional: unknown.provisional().cloned().map(Box::new),
            answer: unknown.answer().cloned(),
            after,
        }
    }

    /// Where it leads. A look that learnt nothing leaves a row where it was: `unknown` or `unresolved`.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self::NotSent(_) => State::NotSent,
            Self::Accepted(_) => State::Accepted,
            Self::Rejected(_) => State::Rejected,
            Self::Unknown { .. } | Self::LookedUp { .. } => State::Unknown,
            Self::Settled { .. } => State::Settled,
            Self::Replaying { .. } => State::Replaying,
            Self::Replayed(_) => State::Replayed,
            Self::Unresolved(_) => State::Unresolved,
            Self::Resolved { .. } => State::Resolved,
            Self::Reversed { .. } => State::Reversed,
        }
    }

    /// Whether it was delivered, as far as this step knows.
    #[must_use]
    pub fn delivered(&self) -> Option<bool> {
        match self {
            Self::Accepted(_) | Self::Replayed(_) => Some(true),
            Self::NotSent(_) | Self::Rejected(_) | Self::Reversed { .. } => Some(false),
            Self::Settled { delivered, .. } | Self::Resolved { delivered, .. } => Some(*delivered),
            Self::Unknown { .. }
            | Self::LookedUp { .. }
            | Self::Replaying { .. }
            | Self::Unresolved(_) => None,
        }
    }

    pub(crate) fn receipt(&self) -> Option<&TopupReceipt> {
        match self {
            Self::Accepted(receipt) | Self::Replayed(receipt) => Some(receipt),
            Self::Unknown { provisional, .. } => provisional.as_deref(),
            _ => None,
        }
    }

    pub(crate) fn why(&self) -> Option<&Why> {
        match self {
            Self::NotSent(why)
            | Self::Rejected(why)
            | Self::Unresolved(why)
            | Self::Unknown { why, .. }
            | Self::LookedUp { why, .. }
            | Self::Settled { why, .. } => Some(why),
            _ => None,
        }
    }
}
