//! Any text, and texts close to right ones.
#![allow(clippy::unwrap_used)]

mod hostile;

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference};

fn stored() -> String {
    let request = OtpRequest::new(
        Msisdn::parse("2348031234567").unwrap(),
        Reference::new("login-1").unwrap(),
    );
    let until = UNIX_EPOCH + Duration::from_secs(1_900_000_000);
    let me = Identity::new("example", "a|b%c");
    PendingOtp::new(&me, &request, UNIX_EPOCH, Some(until), "k:n:d,e".to_owned()).to_storage()
}

proptest! {
    #[test]
    fn texts(
        text in prop_oneof![".{0,40}", "[+]?[0-9]{0,20}", "[-+]?[0-9]{0,22}[.,]?[0-9]{0,6}", "[A-Za-z0-9_-]{0,70}", ".{0,3000}"],
    ) {
        hostile::text(&text);
        hostile::pending(&text);
    }

    #[test]
    fn damaged_records(at in any::<prop::sample::Index>(), put in "[|%0-9A-Z-]{0,3}|.{0,2}", cut in 0_usize..6) {
        let mut chars: Vec<char> = stored().chars().collect();
        let at = at.index(chars.len());
        let end = chars.len().min(at + cut);
        chars.splice(at..end, put.chars());
        hostile::pending(&chars.into_iter().collect::<String>());
    }
}

#[test]
fn the_record_that_is_damaged_above_is_a_right_one() {
    assert!(PendingOtp::from_storage(&stored()).is_ok());
}
