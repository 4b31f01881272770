//! Whatever reads text from outside, as one function: driven by `never_panics.rs` and by the fuzz target.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use telco_core::{
    Amount, Currency, Error, ErrorKind, Identity, Msisdn, Operator, OtpCode, PendingOtp, Reference,
};

/// Numbers, amounts, references: what is read comes back as it was.
pub fn text(text: &str) {
    if let Ok(number) = Msisdn::parse(text) {
        assert_eq!(Msisdn::parse(number.expose()), Ok(number.clone()));
        assert!(number.masked().to_string().matches('*').count() >= 4);
        let _ = number.national(text);
    }
    for decimals in [0, 2, 3] {
        let currency = Currency::new(*b"XTS", decimals).unwrap();
        if let Some(amount) = Amount::parse_major(text, currency) {
            let _ = (amount.exact_major(), amount.checked_mul(3));
            let _ = (amount.checked_add(amount), format!("{amount} {amount:?}"));
        }
    }
    if let Ok(reference) = Reference::new(text) {
        assert_eq!(reference.as_str(), text);
    }
    let bytes = text.as_bytes();
    if let [a, b, c, decimals, ..] = *bytes {
        let _ = Currency::new([a, b, c], decimals);
    }
    let _ = Operator::new(text);
    let _ = format!("{:?}", OtpCode::new(text));
    let excerpt = Error::answered(ErrorKind::Other, "refused").with_body_excerpt(text);
    assert!(
        excerpt
            .body_excerpt()
            .is_none_or(|kept| kept.len() <= 1_024)
    );
}

/// A stored code: read or refused; what is read is stored again as the same record.
pub fn pending(text: &str) {
    let Ok(pending) = PendingOtp::from_storage(text) else {
        return;
    };
    let again = PendingOtp::from_storage(&pending.to_storage()).unwrap();
    assert_eq!(again, pending);
    let _ = (pending.issued_at(), pending.expires_at());
    assert!(pending.state_for(pending.identity()).is_ok());
    assert!(pending.state_for(&Identity::new("", "nobody's")).is_err());
    assert!(!format!("{pending:?}").contains(pending.to().expose()));
}
