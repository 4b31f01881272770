//! The small values that everything else is made of: money, secrets, numbers, time, and what an error tells.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::error::Error as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use telco_core::*;

fn naira(minor: i64) -> Amount {
    Amount::from_minor(minor, Currency::NGN)
}

#[test]
fn sums_and_multiples_are_exact_or_none() {
    assert_eq!(naira(150).checked_add(naira(-50)), Some(naira(100)));
    assert_eq!(naira(i64::MAX).checked_add(naira(1)), None);
    let dollar = Amount::from_minor(1, Currency::USD);
    assert_eq!(naira(1).checked_add(dollar), None);
    assert_eq!(naira(-7).checked_mul(3), Some(naira(-21)));
    assert_eq!(naira(i64::MAX).checked_mul(2), None);
}

#[test]
fn whole_major_units_have_no_fraction() {
    assert_eq!(naira(30_000).exact_major(), Some(300));
    assert_eq!(naira(-30_000).exact_major(), Some(-300));
    assert_eq!(naira(0).exact_major(), Some(0));
    assert_eq!(naira(30_050).exact_major(), None);
    assert_eq!(Amount::from_major(-3, Currency::NGN), Some(naira(-300)));
    assert_eq!(Amount::from_major(i64::MAX, Currency::NGN), None);
}

#[test]
fn nothing_is_neither_positive_nor_shown_with_a_sign() {
    assert!(naira(1).is_positive());
    assert!(!naira(0).is_positive());
    assert!(!naira(-1).is_positive());
    assert_eq!(naira(0).to_string(), "NGN 0.00");
    assert_eq!(naira(123_456).to_string(), "NGN 1234.56");
}

#[test]
fn a_currency_has_three_capitals_and_at_most_six_decimals() {
    for code in [*b"nGN", *b"NgN", *b"NGn", *b"N1N"] {
        assert_eq!(Currency::new(code, 2), None);
    }
    assert_eq!(Currency::new(*b"NGN", 7), None);
    let fine = Currency::new(*b"XTS", 6).unwrap();
    assert_eq!((fine.code(), fine.decimals()), ("XTS", 6));
    assert_eq!(Amount::from_major(2, fine).unwrap().minor(), 2_000_000);
    assert_eq!(Currency::new(*b"JPY", 0).unwrap().decimals(), 0);
}

#[test]
fn secrets_are_equal_when_every_byte_is() {
    assert_eq!(Secret::new("token"), Secret::new("token"));
    assert_eq!(SecretBytes::new([1, 2]), SecretBytes::new([1, 2]));
    for other in ["tokem", "toke", "tokens", ""] {
        assert_ne!(Secret::new("token"), Secret::new(other));
        assert_ne!(SecretBytes::new("token"), SecretBytes::new(other));
    }
}

#[test]
fn what_follows_the_calling_code_is_the_national_number() {
    let number = Msisdn::parse("2348031234567").unwrap();
    assert_eq!(number.national("234"), Some("8031234567"));
    assert_eq!(number.national("62"), None);
}

#[test]
fn references_and_identities_are_shown_as_they_are() {
    assert_eq!(Reference::new("o-1_A").unwrap().to_string(), "o-1_A");
    let identity = Identity::new("cowrie", "me@client.com");
    assert_eq!(identity.to_string(), "cowrie/me@client.com");
    assert_eq!(identity.provider(), "cowrie");
    assert_eq!(identity.account(), "me@client.com");
}

/// A clock that stands still, and a source of one byte only.
#[derive(Debug)]
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(7)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(8)
    }
}

impl Randomness for Fixed {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill(9);
        Ok(())
    }
}

#[test]
fn a_shared_clock_or_source_is_the_one_inside() {
    let shared = Arc::new(Fixed);
    assert_eq!(Clock::now(&shared), Fixed.now());
    assert_eq!(Clock::monotonic(&shared), Duration::from_secs(8));
    let mut bytes = [0; 4];
    Randomness::fill(&shared, &mut bytes).unwrap();
    assert_eq!(bytes, [9; 4]);
}

#[test]
fn the_system_has_a_clock() {
    let clock = SystemClock::default();
    let before = clock.monotonic();
    assert!(clock.now() > SystemTime::UNIX_EPOCH);
    while clock.monotonic() == before {}
    assert!(clock.monotonic() > before);
}

#[cfg(feature = "os-random")]
#[test]
fn the_system_has_a_source_of_randomness() {
    let references = (0..100).map(|_| Reference::generate().unwrap());
    let different: std::collections::HashSet<_> = references.collect();
    assert_eq!(different.len(), 100);
}

#[test]
fn an_error_tells_all_that_it_was_given() {
    fn context<E>(failure: E) -> Error
    where
        E: Into<Error>,
    {
        failure
            .into()
            .at("cowrie", "credit")
            .with_provider_code("402")
            .with_http_status(503)
            .with_retry_after(Duration::from_secs(9))
            .with_body_excerpt("ERROR\n2348031234567")
            .with_help("fund the account")
            .with_source(std::fmt::Error)
    }
    let failure = context(NotSent::new(ErrorKind::Connect, "refused"));
    assert_eq!(failure.message(), "refused");
    assert_eq!(failure.provider(), Some("cowrie"));
    assert_eq!(failure.operation(), Some("credit"));
    assert_eq!(failure.provider_code(), Some("402"));
    assert_eq!(failure.http_status(), Some(503));
    assert_eq!(failure.retry_after(), Some(Duration::from_secs(9)));
    assert_eq!(failure.body_excerpt(), Some("ERROR #"));
    assert_eq!(failure.help(), Some("fund the account"));
    assert!(failure.source().is_some());
    let shown = format!("{failure:?}");
    for part in [
        "Connect", "NotSent", "refused", "cowrie", "credit", "402", "503", "9s", "ERROR #", "fund",
        "source",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn a_call_has_all_that_it_was_given() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(9);
    let [first, second] = ["919812345678", "919812345679"].map(|n| Msisdn::parse(n).unwrap());
    let call = Call::new(Reference::new("c-1").unwrap(), first.clone())
        .or_to(second.clone())
        .variable("OTP", Secret::new("4821"))
        .starting_at(at);
    assert_eq!(call.to, [first, second]);
    assert_eq!(call.start_at, Some(at));
    assert_eq!(call.variables, [("OTP".to_owned(), Secret::new("4821"))]);
    assert_eq!(call.reference.as_str(), "c-1");
}

/// Whose, what and when; never the bytes, which hold signatures and numbers.
#[test]
fn a_finished_request_shows_what_it_is_for() {
    let frozen = Frozen::restore(
        Identity::new("cowrie", "me"),
        "intent 7",
        SecretBytes::new("GET /credit?msisdn=2348031234567"),
        SystemTime::UNIX_EPOCH,
    );
    let shown = format!("{frozen:?}");
    assert!(shown.contains("Frozen") && shown.contains("cowrie") && shown.contains("intent 7"));
    assert!(!shown.contains("credit"));
}

#[test]
fn an_operator_is_shown_by_its_code() {
    assert_eq!(Operator::new(" mtn ").to_string(), "MTN");
}
