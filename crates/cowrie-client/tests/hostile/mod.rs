//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use cowrie_client::wire::{
    Operation, UnsignedRequest, error_text, read_account, read_check, read_pins, read_redeemed,
    read_topup,
};
use cowrie_client::{ClientKey, Encoding, Nonce, Query, is_assigned, parse_msisdn};
use telco_core::{Outcome, Reference, SecretBytes};

const NONCE: &str = "N0nceN0nceN0nceN0nceN0nceN0nceN0";

fn query() -> Query {
    Query::new(Encoding::Strict)
        .with("net", "MTN")
        .and_then(|query| query.with("msisdn", "2348031234567"))
        .and_then(|query| query.with("amount", "100"))
        .and_then(|query| query.with("xref", "order-1"))
        .unwrap()
}

/// The answer to every call. No answer of a provider makes a top-up "rejected" by its success reader.
pub fn answer(bytes: &[u8]) {
    let reference = Reference::new("order-1").unwrap();
    let _ = (read_account(bytes), read_check(bytes), error_text(bytes));
    for operation in [Operation::Credit, Operation::Data] {
        let request = UnsignedRequest::new(operation, Nonce::new(NONCE).unwrap(), query());
        let read = read_topup(&reference, &request, bytes);
        assert_ne!(read.outcome(), Outcome::Rejected);
    }
    for operation in [Operation::AllocateSingle, Operation::Allocate] {
        let request = UnsignedRequest::new(operation, Nonce::new(NONCE).unwrap(), query());
        let read = read_pins(&reference, &request, bytes);
        assert_ne!(read.outcome(), Outcome::Rejected);
    }
    let _ = read_redeemed(&reference, bytes).outcome();
}

/// A stored request, whole or after its first lines: read or refused; what is read is stored again alike.
pub fn frozen(bytes: &[u8]) {
    let begun = [b"cowrie-1\ncredit\nstrict\n", bytes].concat();
    for bytes in [bytes, &begun] {
        if let Ok(request) = UnsignedRequest::thaw(&SecretBytes::new(bytes)) {
            let again = UnsignedRequest::thaw(&request.freeze()).unwrap();
            assert_eq!(again.freeze().expose(), request.freeze().expose());
        }
    }
}

/// What a person typed: a number, a key.
pub fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(number) = parse_msisdn(&text) {
        let _ = is_assigned(&number);
        assert_eq!(
            parse_msisdn(&format!("+{}", number.expose())).unwrap(),
            number
        );
    }
    let _ = ClientKey::from_base64(&text);
    let _ = Nonce::new(text.as_ref());
}
