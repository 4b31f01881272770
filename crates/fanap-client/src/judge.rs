//! From an HTTP answer to the truth about one start or commit.

use std::time::{Duration, SystemTime};

use telco_core::{Error, ErrorKind, Reference, Rejection, SecretBytes, Submission, UnknownOutcome};
use telco_http::http::{HeaderMap, Response, header};
use telco_http::{Bytes, repeats_a_member, retry_after};

use crate::codes::Meaning;
use crate::wire::{Answer, FamilyError, Field, Operation};
use crate::{Class, Code, PROVIDER};

/// What was read out of an answer: its class, what an error about it may show, and what an acceptance gives.
pub(crate) struct Reading<T> {
    pub(crate) class: Class,
    pub(crate) error: Option<FamilyError>,
    /// The operator's own number.
    pub(crate) response: Option<i64>,
    /// Something in the answer speaks for success, whatever its class, or may: of a member that comes twice nobody knows which
    /// counts.
    pub(crate) good_news: bool,
    /// There if the class is ok.
    pub(crate) value: Option<T>,
}

impl<T> Reading<T> {
    /// Of the two calls of this API.
    pub(crate) fn of(
        operation: Operation,
        status: u16,
        body: &[u8],
        take: impl FnOnce(Answer) -> Option<T>,
    ) -> Self {
        let answer = Answer::read(body);
        let class = Class::of(operation, status, answer.as_ref());
        Self {
            class,
            error: answer.as_ref().and_then(|answer| answer.error.clone()),
            good_news: answer.as_ref().is_some_and(Answer::has_good_news) || repeats_a_member(body),
            response: match answer.as_ref().map(|answer| answer.response) {
                Some(Field::Is(number)) => Some(number),
                _ => None,
            },
            value: answer.filter(|_| class == Class::Ok).and_then(take),
        }
    }
}

/// Which call of which service was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Of the subscription API.
    Subscription(Operation),
    /// Of the IMI sibling.
    Imi(Operation),
}

impl Call {
    /// For errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subscription(operation) => operation.name(),
            Self::Imi(Operation::Start) => "imi_start",
            Self::Imi(Operation::Commit) => "imi_commit",
        }
    }

    pub(crate) const fn operation(self) -> Operation {
        match self {
            Self::Subscription(operation) | Self::Imi(operation) => operation,
        }
    }

    /// What to do when nobody knows what became of it, whether an answer came or none. The subscription check knows subscriptions to Pardis services: what else
    /// was charged it never shows, so nobody is sent to it for an IMI code.
    pub(crate) const fn when_unknown(self) -> &'static str {
        match self {
            Self::Subscription(Operation::Start) | Self::Imi(Operation::Start) => {
                "a message may have been sent: if none arrives, start again; that is another message and another id"
            }
            Self::Subscription(Operation::Commit) => {
                "the subscriber may have been charged: do not commit again; wait for the provider's push, or ask its support; a number that was not subscribed and now \
                 is (`SubscriptionCheck`, Pardis services only) settles it too, one that is not subscribed proves nothing"
            }
            Self::Imi(Operation::Commit) => {
                "the subscriber may have been charged: do not commit again; wait for the provider's push, or ask its support"
            }
        }
    }
}

/// One answer, and who asked.
pub(crate) struct View<'a> {
    pub(crate) call: Call,
    pub(crate) answer: &'a Response<Bytes>,
    /// When it came.
    pub(crate) now: SystemTime,
    /// Failures are cut to this length, and a cut one proves nothing.
    pub(crate) cut_at: usize,
}

/// Both roles of an error have the same setters, and no trait for them.
macro_rules! detailed {
    ($error:expr, $view:expr, $reading:expr) => {{
        let (view, reading) = ($view, $reading);
        let mut error = $error
            .at(PROVIDER, view.call.name())
            .with_http_status(view.status())
            .with_help(view.help(reading))
            .with_body_excerpt(&view.text(reading.error.as_ref()));
        if let Some(code) = shown_code(reading.error.as_ref(), reading.response) {
            error = error.with_provider_code(code);
        }
        if let Some(wait) = retry_after(view.answer.headers(), view.now) {
            error = error.with_retry_after(wait);
        }
        error
    }};
}

impl View<'_> {
    pub(crate) fn outcome<T>(
        &self,
        reference: &Reference,
        mut reading: Reading<T>,
    ) -> Submission<T> {
        if let (Class::Ok, Some(value)) = (reading.class, reading.value.take()) {
            return Submission::Accepted(value);
        }
        if self.is_cut() {
            reading.class = Class::in_doubt(self.call.operation());
        }
        if self.proves_nothing(&reading) {
            let cause = Error::answered(self.kind(&reading), self.message(&reading));
            let unknown = UnknownOutcome::new(reference, detailed!(cause, self, &reading));
            return Submission::Unknown(if self.answer.body().is_empty() {
                unknown
            } else {
                unknown.with_answer(SecretBytes::new(self.answer.body().as_ref()))
            });
        }
        let rejection = Rejection::new(self.kind(&reading), self.message(&reading));
        Submission::Rejected(detailed!(rejection, self, &reading))
    }

    /// The provider may have acted. A redirect is not the provider's word about anything; a conflict on commit proves that
    /// something acted before; a refusal with good news in it contradicts itself.
    fn proves_nothing<T>(&self, reading: &Reading<T>) -> bool {
        self.answer.status().is_redirection()
            || reading.good_news
            || match reading.class {
                Class::Ok | Class::Protocol | Class::Transient | Class::UnknownOutcome => true,
                Class::Conflict => self.call.operation() == Operation::Commit,
                _ => false,
            }
    }

    fn is_cut(&self) -> bool {
        !self.answer.status().is_success() && self.answer.body().len() >= self.cut_at
    }

    fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    fn kind<T>(&self, reading: &Reading<T>) -> ErrorKind {
        let code = reading.error.as_ref().map(|error| &error.code);
        let upstream = code.and_then(Code::meaning) == Some(Meaning::Upstream);
        match (reading.class, self.status()) {
            (Class::Input, _) if code.is_some_and(Code::is_about_the_number) => {
                ErrorKind::InvalidRecipient
            }
            (Class::Transient | Class::UnknownOutcome, 408) => ErrorKind::Timeout,
            (Class::UnknownOutcome, status) if upstream || status >= 500 => ErrorKind::Unavailable,
            (class, _) => class.kind(),
        }
    }

    fn message<T>(&self, reading: &Reading<T>) -> String {
        let what = match reading.class {
            Class::Input => "a value was refused",
            Class::Auth => "the signature or the ids were refused",
            Class::Clock => "the date was refused",
            Class::Config => "this is not how the API answers, or the service is not set up",
            Class::WrongCode => "the code does not match",
            Class::Expired => "there is no such request, or it is too old",
            Class::Conflict => "already used, or already subscribed",
            Class::Balance => "the price was not authorised, or there is no credit",
            Class::Policy => "the operator's rules forbid it",
            Class::Rate => "too many tries",
            Class::Operator => "the operator refused",
            Class::Transient => "the provider failed",
            Class::Ok | Class::Protocol | Class::UnknownOutcome => {
                "the answer does not say what happened"
            }
        };
        let name = reading.error.as_ref().and_then(|error| error.code.name());
        let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
        let effect = effect(self.call.operation(), self.proves_nothing(reading));
        format!("{what}{name}; {effect}")
    }

    fn help<T>(&self, reading: &Reading<T>) -> String {
        const KEYS: &str = "check that the key is the private one (private.xml, not public.xml), that its public.xml is \
            registered for this tenant and app, that AppId and TenantId are not interchanged and have no line break, and that \
            this machine's clock is right (the date is sent in UTC)";
        match reading.class {
            // Whatever the class: who may have been charged must not be told to correct something and commit again.
            _ if self.proves_nothing(reading) => self.call.when_unknown().to_owned(),
            Class::Auth | Class::Clock => match self.skew() {
                Some(skew) => format!("{skew}; {KEYS}"),
                None => KEYS.to_owned(),
            },
            Class::WrongCode => {
                "let the subscriber type the code again: a new commit with the same id of the start"
                    .to_owned()
            }
            Class::Expired => "start anew".to_owned(),
            Class::Config => "check the base URL, and the service at the provider".to_owned(),
            Class::Rate => "wait before the next try".to_owned(),
            Class::Input => "check the number, the code and the service key".to_owned(),
            _ => "it is the caller's choice whether to try again later".to_owned(),
        }
    }

    /// By how much this machine's clock and the answer's `Date` differ, if by more than a minute. Only a hint: no clock is ever
    /// corrected by it.
    fn skew(&self) -> Option<String> {
        const TOLERATED: Duration = Duration::from_secs(60);
        let theirs = date_of(self.answer.headers())?;
        let (apart, direction) = match self.now.duration_since(theirs) {
            Ok(apart) => (apart, "ahead of"),
            Err(behind) => (behind.duration(), "behind"),
        };
        (apart > TOLERATED).then(|| {
            let seconds = apart.as_secs();
            format!("this machine's clock is {seconds} s {direction} the provider's")
        })
    }

    fn text(&self, error: Option<&FamilyError>) -> String {
        match error.and_then(|error| error.text.as_ref()) {
            Some(text) => text.expose().to_owned(),
            None => String::from_utf8_lossy(self.answer.body()).into_owned(),
        }
    }
}

/// What every error says: whether a message may have been sent, or a charge made.
const fn effect(operation: Operation, perhaps: bool) -> &'static str {
    match (operation, perhaps) {
        (Operation::Start, false) => "no message was sent (inferred)",
        (Operation::Start, true) => "a message may have been sent",
        (Operation::Commit, false) => "nothing was charged (inferred)",
        (Operation::Commit, true) => "the subscriber may have been charged",
    }
}

fn shown_code(error: Option<&FamilyError>, response: Option<i64>) -> Option<String> {
    match error {
        Some(error) => error.code.shown(),
        None => response
            .filter(|number| *number != 0 && number.unsigned_abs() < 1_000_000)
            .map(|number| number.to_string()),
    }
}

fn date_of(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()
}
