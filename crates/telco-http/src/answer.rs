//! What a client asks about an answer, or the remains of one.

use std::error::Error as StdError;
use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use telco_core::{
    Delivery, Error, ErrorKind, NotSent, Reference, SecretBytes, Submission, UnknownOutcome,
};

/// The part of an answer that arrived before it broke off or grew too long, if the failure kept one. It may be the only copy
/// of something paid for: give it to [`UnknownOutcome::with_answer`](telco_core::UnknownOutcome::with_answer).
#[must_use]
pub fn partial_body(failure: &Error) -> Option<&SecretBytes> {
    let source = failure.source()?;
    source.downcast_ref::<PartialBody>().map(|part| &part.0)
}

/// The connection itself failed, and no byte of the request left: the only failure after which a request that costs may be sent
/// again by itself.
///
/// ```
/// use telco_core::{Error, ErrorKind, NotSent};
/// use telco_http::never_connected;
///
/// assert!(never_connected(&NotSent::new(ErrorKind::Connect, "refused").into()));
/// assert!(!never_connected(&NotSent::new(ErrorKind::InvalidInput, "no number").into()));
/// assert!(!never_connected(&Error::in_doubt(ErrorKind::Connect, "broke")));
/// ```
#[must_use]
pub fn never_connected(failure: &Error) -> bool {
    failure.delivery() == Delivery::NotSent && failure.kind() == ErrorKind::Connect
}

/// Ends a spending exchange that failed: nothing left, or the outcome is unknown. An unknown one keeps the part of the answer
/// that arrived, and is told `to_settle`: how to find out, before anything is done again.
///
/// ```
/// use telco_core::{Error, ErrorKind, Reference, Submission};
/// use telco_http::after_failure;
///
/// let reference = Reference::new("order-17").unwrap();
/// let lost = Error::in_doubt(ErrorKind::Timeout, "no answer in 30 s");
/// let ended = after_failure::<()>(&reference, lost, Some("ask for the order's state first")).unwrap();
/// let Submission::Unknown(unknown) = ended else { panic!() };
/// assert_eq!(unknown.cause().help(), Some("ask for the order's state first"));
/// ```
///
/// # Errors
/// [`NotSent`] if no byte left.
pub fn after_failure<T>(
    reference: &Reference,
    failure: Error,
    to_settle: Option<&'static str>,
) -> Result<Submission<T>, NotSent> {
    let failure = match failure.into_not_sent() {
        Ok(not_sent) => return Err(not_sent),
        Err(failure) => failure,
    };
    let part = partial_body(&failure).cloned();
    let cause = match to_settle {
        Some(to_settle) => failure.with_help(to_settle),
        None => failure,
    };
    let unknown = UnknownOutcome::new(reference, cause);
    Ok(Submission::Unknown(match part {
        Some(part) => unknown.with_answer(part),
        None => unknown,
    }))
}

/// Rides in the error's source, so that it cannot be taken for a whole answer. Shows nothing.
pub(crate) struct PartialBody(pub(crate) SecretBytes);

impl fmt::Display for PartialBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets of the answer arrived", self.0.expose().len())
    }
}

impl fmt::Debug for PartialBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartialBody({} octets)", self.0.expose().len())
    }
}

impl StdError for PartialBody {}

/// How long the answer asks to wait: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), counted from `now`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use telco_http::{http::HeaderMap, retry_after};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("retry-after", "120".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::now()), Some(Duration::from_secs(120)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Duration::from_secs);
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_an_answer_is_shown_by_its_length() {
        let part = PartialBody(SecretBytes::new("{\"pin\":\"1234"));
        assert_eq!(part.to_string(), "12 octets of the answer arrived");
        assert_eq!(format!("{part:?}"), "PartialBody(12 octets)");
    }

    #[test]
    fn seconds_or_a_date() {
        let read = |text: &str, now: u64| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(now))
        };
        assert_eq!(read(" 0 ", 0), Some(Duration::ZERO));
        assert_eq!(
            read("Thu, 01 Jan 1970 00:01:00 GMT", 15),
            Some(Duration::from_secs(45))
        );
        assert_eq!(
            read("Thu, 01 Jan 1970 00:01:00 GMT", 99),
            Some(Duration::ZERO)
        );
        for bad in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(read(bad, 0), None, "{bad}");
        }
    }
}
