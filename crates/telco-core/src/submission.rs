//! The honest answer to anything that costs: accepted, rejected, or unknown.

use std::fmt;

use crate::{Error, NotSent, Reference, Rejection, SecretBytes};

/// One transmission of a spending call, read as a fact about the business operation. Closed for ever: three arms, no fourth.
///
/// `Ok(_)` of a spending call is **not** success: match all three.
///
/// ```
/// use telco_core::{Error, ErrorKind, NotSent, Reference, Submission};
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let reference = Reference::new("order-4711")?;
/// let lost = Error::in_doubt(ErrorKind::Timeout, "no answer within 60 s");
/// let answer: Result<Submission<u32>, NotSent> = Submission::after_failure(&reference, lost);
///
/// match answer {
///     Err(not_sent) => println!("nothing left: {not_sent}"),
///     Ok(Submission::Accepted(receipt)) => println!("done: {receipt}"),
///     Ok(Submission::Rejected(why)) => println!("the provider did not act: {why}"),
///     Ok(Submission::Unknown(unknown)) => println!("settle {} later: {}", unknown.reference(), unknown.cause()),
/// }
/// # Ok(()) }
/// # run().unwrap();
/// ```
///
/// `?` does not take it:
///
/// ```compile_fail,E0277
/// # use telco_core::*;
/// fn pay(answer: Submission<u32>) -> Result<u32, Error> { Ok(answer?) }
/// ```
///
/// The twin that compiles has a name that warns:
///
/// ```
/// # use telco_core::*;
/// fn pay(answer: Submission<u32>) -> Result<u32, Error> { Ok(answer.unknown_as_error()?) }
/// ```
#[derive(Debug)]
#[must_use = "an unknown outcome that is dropped is a customer charged twice, or never"]
pub enum Submission<T> {
    /// The provider took it.
    Accepted(T),
    /// The provider says that it did not act.
    Rejected(Rejection),
    /// It may have acted. Must be settled: by lookup, by a guarded replay, or by a person. Never by sending again.
    Unknown(UnknownOutcome<T>),
}

/// The label of a [`Submission`], for metrics and assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// See [`Submission::Accepted`].
    Accepted,
    /// See [`Submission::Rejected`].
    Rejected,
    /// See [`Submission::Unknown`].
    Unknown,
}

impl Outcome {
    /// `accepted`, `rejected` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
        }
    }
}

impl<T> Submission<T> {
    /// Changes what was accepted. Runs on acceptances only: `map(|r| books.pay(r))` must not run for "perhaps", so a
    /// provisional value of an unknown outcome is dropped.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Submission<U> {
        match self {
            Self::Accepted(value) => Submission::Accepted(f(value)),
            Self::Rejected(rejection) => Submission::Rejected(rejection),
            Self::Unknown(unknown) => Submission::Unknown(unknown.without_provisional()),
        }
    }

    /// Looks more closely at an acceptance. It can fall to `Unknown` (an unreadable receipt, a foreign echo), never to
    /// `Rejected`.
    pub fn try_map<U>(self, f: impl FnOnce(T) -> Result<U, UnknownOutcome<U>>) -> Submission<U> {
        match self {
            Self::Accepted(value) => match f(value) {
                Ok(value) => Submission::Accepted(value),
                Err(unknown) => Submission::Unknown(unknown),
            },
            Self::Rejected(rejection) => Submission::Rejected(rejection),
            Self::Unknown(unknown) => Submission::Unknown(unknown.without_provisional()),
        }
    }

    /// For implementers: what is known beforehand (a challenge whose code we made) survives a lost answer.
    pub fn or_provisional(self, known: T) -> Self {
        match self {
            Self::Unknown(unknown) if unknown.provisional().is_none() => {
                Self::Unknown(unknown.with_provisional(known))
            }
            other => other,
        }
    }

    /// Which of the three.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Accepted(_) => Outcome::Accepted,
            Self::Rejected(_) => Outcome::Rejected,
            Self::Unknown(_) => Outcome::Unknown,
        }
    }

    /// For scripts and tests: two arms as one error. The name is the warning; whoever calls it gives up the difference
    /// between "did not happen" and "nobody knows".
    ///
    /// # Errors
    /// The rejection, or the cause of the unknown outcome.
    pub fn unknown_as_error(self) -> Result<T, Error> {
        match self {
            Self::Accepted(value) => Ok(value),
            Self::Rejected(rejection) => Err(rejection.into()),
            Self::Unknown(unknown) => Err(unknown.cause().clone()),
        }
    }

    /// For implementers, **the** way to end a failed exchange: splits by delivery, so that only what provably did not leave
    /// is an `Err`.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub fn after_failure(reference: &Reference, failure: Error) -> Result<Self, NotSent> {
        match failure.into_not_sent() {
            Ok(not_sent) => Err(not_sent),
            Err(failure) => Ok(Self::unknown(reference, failure)),
        }
    }

    /// For implementers: an unknown outcome without more to say.
    pub fn unknown(reference: &Reference, cause: Error) -> Self {
        Self::Unknown(UnknownOutcome::new(reference, cause))
    }
}

impl<T> Submission<Submission<T>> {
    /// One answer inside another (a call in a batch).
    pub fn flatten(self) -> Submission<T> {
        match self {
            Self::Accepted(inner) => inner,
            Self::Rejected(rejection) => Submission::Rejected(rejection),
            Self::Unknown(unknown) => Submission::Unknown(unknown.without_provisional()),
        }
    }
}

/// It may have happened. Holds what is needed to find out. Not a [`std::error::Error`], so neither `?` nor
/// `Box<dyn Error>` can swallow it:
///
/// ```compile_fail,E0277
/// # use telco_core::*;
/// fn swallow(unknown: UnknownOutcome<u32>) -> Box<dyn std::error::Error> { Box::from(unknown) }
/// ```
///
/// The twin that compiles takes the cause out, and leaves the outcome to be dealt with:
///
/// ```
/// # use telco_core::*;
/// fn cause(unknown: UnknownOutcome<u32>) -> Box<dyn std::error::Error> { Box::from(unknown.cause().clone()) }
/// ```
#[must_use = "an unknown outcome that is dropped is a customer charged twice, or never"]
pub struct UnknownOutcome<T>(Box<Parts<T>>);

struct Parts<T> {
    reference: Reference,
    cause: Error,
    provisional: Option<T>,
    answer: Option<SecretBytes>,
}

impl<T> UnknownOutcome<T> {
    /// The operation and why its outcome is unknown. The cause never says "not sent" and is never retryable.
    pub fn new(reference: &Reference, cause: Error) -> Self {
        Self(Box::new(Parts {
            reference: reference.clone(),
            cause: cause.of_unknown_outcome(),
            provisional: None,
            answer: None,
        }))
    }

    /// What holds *if* the provider acted.
    pub fn with_provisional(mut self, value: T) -> Self {
        self.0.provisional = Some(value);
        self
    }

    /// The whole answer: it may be the only copy of paid PINs.
    pub fn with_answer(mut self, raw: SecretBytes) -> Self {
        self.0.answer = Some(raw);
        self
    }

    /// Which operation.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.0.reference
    }

    /// Why nobody knows.
    #[must_use]
    pub fn cause(&self) -> &Error {
        &self.0.cause
    }

    /// What holds *if* the provider acted: a challenge whose code we made, a receipt with a foreign echo.
    #[must_use]
    pub fn provisional(&self) -> Option<&T> {
        self.0.provisional.as_ref()
    }

    /// The same, taken out: the reader of an SMS that did arrive may still come in.
    #[must_use]
    pub fn into_provisional(self) -> Option<T> {
        self.0.provisional
    }

    /// The whole answer, if there was one.
    #[must_use]
    pub fn answer(&self) -> Option<&SecretBytes> {
        self.0.answer.as_ref()
    }

    /// For another type of value; the provisional one is dropped.
    pub fn without_provisional<U>(self) -> UnknownOutcome<U> {
        let Parts {
            reference,
            cause,
            answer,
            provisional: _,
        } = *self.0;
        UnknownOutcome(Box::new(Parts {
            reference,
            cause,
            provisional: None,
            answer,
        }))
    }
}

impl<T: fmt::Debug> fmt::Debug for UnknownOutcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnknownOutcome")
            .field("reference", &self.0.reference)
            .field("cause", &self.0.cause)
            .field("provisional", &self.0.provisional)
            .field("answer", &self.0.answer)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Delivery, ErrorKind};

    fn reference() -> Reference {
        Reference::new("r1").unwrap()
    }

    fn unknown<T>() -> Submission<T> {
        Submission::unknown(&reference(), Error::in_doubt(ErrorKind::Timeout, "lost"))
    }

    #[test]
    fn a_failed_exchange_splits_by_delivery() {
        let not_sent = Error::from(NotSent::new(ErrorKind::Connect, "refused"));
        assert!(Submission::<()>::after_failure(&reference(), not_sent).is_err());
        for failure in [
            Error::in_doubt(ErrorKind::Timeout, ""),
            Error::answered(ErrorKind::Other, ""),
        ] {
            let answer = Submission::<()>::after_failure(&reference(), failure).unwrap();
            assert_eq!(answer.outcome(), Outcome::Unknown);
        }
    }

    #[test]
    fn the_cause_never_says_not_sent_or_try_again() {
        let cause = Error::from(NotSent::new(ErrorKind::Connect, "refused")).on_read();
        let unknown = UnknownOutcome::<()>::new(&reference(), cause);
        assert_eq!(unknown.cause().delivery(), Delivery::MaybeSent);
        assert!(!unknown.cause().is_retryable());
    }

    #[test]
    fn map_runs_on_acceptances_only() {
        let mut ran = 0;
        let mut count = |n: u32| {
            ran += 1;
            n
        };
        let Submission::Unknown(kept) = unknown().or_provisional(7).map(&mut count) else {
            panic!()
        };
        assert!(kept.provisional().is_none());
        assert!(matches!(
            Submission::Rejected(Rejection::new(ErrorKind::Policy, "")).map(&mut count),
            Submission::Rejected(_)
        ));
        assert!(matches!(
            Submission::Accepted(3).map(&mut count),
            Submission::Accepted(3)
        ));
        assert_eq!(ran, 1);
    }

    #[test]
    fn a_closer_look_falls_to_unknown_only() {
        let fallen = Submission::Accepted(1).try_map(|_| {
            Err::<u8, _>(
                UnknownOutcome::new(
                    &reference(),
                    Error::answered(ErrorKind::UnreadableAnswer, "foreign echo"),
                )
                .with_answer(SecretBytes::new("{}")),
            )
        });
        let Submission::Unknown(fallen) = fallen else {
            panic!()
        };
        assert_eq!(fallen.answer().unwrap().expose(), b"{}");
        assert_eq!(
            fallen
                .without_provisional::<()>()
                .answer()
                .unwrap()
                .expose(),
            b"{}"
        );
    }

    #[test]
    fn provisional_does_not_replace_a_better_one() {
        let Submission::Unknown(kept) = unknown().or_provisional(1).or_provisional(2) else {
            panic!()
        };
        assert_eq!(kept.into_provisional(), Some(1));
        assert!(matches!(
            Submission::Accepted(5).or_provisional(1),
            Submission::Accepted(5)
        ));
    }

    #[test]
    fn flatten_keeps_the_inner_answer() {
        assert_eq!(
            Submission::Accepted(unknown::<u8>()).flatten().outcome(),
            Outcome::Unknown
        );
        assert_eq!(
            Submission::Accepted(Submission::Accepted(1))
                .flatten()
                .outcome(),
            Outcome::Accepted
        );
        assert_eq!(
            unknown::<Submission<u8>>().flatten().outcome(),
            Outcome::Unknown
        );
    }

    #[test]
    fn small_enough_to_pass_around() {
        assert_eq!(std::mem::size_of::<UnknownOutcome<[u8; 500]>>(), 8);
        assert!(std::mem::size_of::<Submission<crate::TopupReceipt>>() < 200);
        assert!(std::mem::size_of::<Submission<crate::OtpChallenge>>() < 200);
    }
}
