//! How a command ends: its exit code, and what it says on standard error.

use std::fmt;
use std::process::ExitCode;

use serde_json::{Value, json};
use telco_core::{Delivery, Error, NotSent, Reference, Rejection, Submission, UnknownOutcome};

use crate::csv::Broken;
use crate::output::clean;

/// What a command answers.
pub(crate) type Done = Result<(), Failure>;

/// Why a command did not end with 0.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    help: Option<String>,
    /// The operation that it is about.
    reference: Option<Reference>,
    /// The provider's own result code.
    provider_code: Option<String>,
}

impl Failure {
    /// 2: the words of the call are off.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::with_code(2, message)
    }

    /// 10: nothing was sent: input, configuration, connection.
    pub(crate) fn not_sent(message: impl Into<String>) -> Self {
        Self::with_code(10, message)
    }

    /// 11: the provider said no; a check that found the opposite.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::with_code(11, message)
    }

    /// 12: it may have happened, and must be settled.
    pub(crate) fn unknown(message: impl Into<String>) -> Self {
        Self::with_code(12, message)
    }

    /// 13: a read got no usable answer.
    pub(crate) fn unread(message: impl Into<String>) -> Self {
        Self::with_code(13, message)
    }

    /// 1: we ourselves do not hold what we promise. Must not happen.
    pub(crate) fn broken(message: impl Into<String>) -> Self {
        Self::with_code(1, message)
    }

    /// 130: stopped by the user, with nothing lost.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self::with_code(130, message)
    }

    fn with_code(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            help: None,
            reference: None,
            provider_code: None,
        }
    }

    /// What to do about it.
    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// Of a read.
    pub(crate) fn of_read(error: &Error) -> Self {
        let failure = if error.delivery() == Delivery::NotSent {
            Self::not_sent
        } else {
            Self::unread
        };
        failure(chain(error)).said_by(error)
    }

    /// Of a ledger that cannot be used: without it nothing is sent.
    pub(crate) fn of_ledger(error: &Error) -> Self {
        Self::not_sent(chain(error)).said_by(error)
    }

    /// What went wrong, without what to do about it.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, if there is a word.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Ends with the same code, in other words.
    pub(crate) fn reworded(self, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            ..self
        }
    }

    /// What the error says besides its message.
    fn said_by(self, error: &Error) -> Self {
        Self {
            help: error.help().map(str::to_owned).or(self.help),
            provider_code: error.provider_code().map(str::to_owned),
            ..self
        }
    }

    /// Which operation it is about.
    pub(crate) fn of(self, reference: &Reference) -> Self {
        Self {
            reference: Some(reference.clone()),
            ..self
        }
    }

    /// It may have happened. `settle` says how an unknown outcome of this command is settled.
    pub(crate) fn of_unknown<T>(unknown: &UnknownOutcome<T>, settle: &str) -> Self {
        let (reference, cause) = (unknown.reference(), unknown.cause());
        let message = format!("unknown outcome of {reference}: {}", chain(cause));
        // What the client says of this very answer, then what holds for every one of this command.
        let help = match cause.help() {
            Some(help) => format!("{help}\n  help: {settle}"),
            None => settle.to_owned(),
        };
        Self::unknown(message)
            .said_by(cause)
            .of(reference)
            .help(help)
    }

    /// What came of a command that spends, for a program that reads standard output alone.
    pub(crate) fn facts(&self) -> Vec<(&'static str, Value)> {
        let outcome = match self.code {
            11 => "rejected",
            // Where we ourselves are wrong, nobody should send it again either.
            1 | 12 => "unknown",
            _ => "not sent",
        };
        let reference = self.reference.as_ref().map(Reference::as_str);
        vec![
            ("outcome", json!(outcome)),
            ("reference", json!(reference)),
            ("code", json!(self.provider_code)),
            ("why", json!(self.message)),
        ]
    }

    /// For the shell.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<NotSent> for Failure {
    fn from(not_sent: NotSent) -> Self {
        Self::not_sent(format!("nothing was sent: {}", chain(not_sent.as_error())))
            .said_by(not_sent.as_error())
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::rejected(format!("rejected: {}", chain(rejection.as_error())))
            .said_by(rejection.as_error())
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        let failure = Self::not_sent(broken.message);
        match broken.help {
            Some(help) => failure.help(help),
            None => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a provider said may be in it.
        write!(f, "telco: {}", clean(&self.message))?;
        self.help
            .as_ref()
            .map_or(Ok(()), |help| write!(f, "\n  help: {}", clean(help)))
    }
}

/// The error and what it came from, in one line.
fn chain(error: &Error) -> String {
    let mut line = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}

/// Takes the acceptance out of a spending call's answer, or ends the command with the right code. `settle` says how an
/// unknown outcome of this command is settled.
pub(crate) fn accepted<T>(
    reference: &Reference,
    answer: Result<Submission<T>, NotSent>,
    settle: &str,
) -> Result<T, Failure> {
    let failure = match answer {
        Ok(Submission::Accepted(value)) => return Ok(value),
        Ok(Submission::Rejected(rejection)) => Failure::from(rejection),
        Ok(Submission::Unknown(unknown)) => Failure::of_unknown(&unknown, settle),
        Err(not_sent) => not_sent.into(),
    };
    Err(failure.of(reference))
}
