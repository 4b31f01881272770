//! At the edges of the wire: an array where an object belongs, a name that cannot be signed, and what a signature covers under
//! each encoding.
#![allow(clippy::unwrap_used, clippy::panic)]

use cowrie_client::core::{
    FieldFate, Outcome, Reference, RequestSigner as _, SecretBytes, Submission,
};
use cowrie_client::wire::{
    Checked, Operation, UnsignedRequest, read_account, read_check, read_pins,
};
use cowrie_client::{
    ClientKey, Encoding, Network, Nonce, Query, SignRequest, Signer, parse_msisdn,
};

fn pins(operation: Operation, body: &str) -> Outcome {
    let query = Query::new(Encoding::Strict)
        .with("unit", "100")
        .and_then(|query| query.with("xref", "X1"));
    let request = UnsignedRequest::new(operation, Nonce::new("n").unwrap(), query.unwrap());
    read_pins(&Reference::new("X1").unwrap(), &request, body.as_bytes()).outcome()
}

/// Documented for Allocate only. What is in it may be paid for, so it is kept, and neither accepted nor rejected.
#[test]
fn many_pins_answer_no_request_for_one() {
    let (one, many) = (r#"{"pin":"123456789012"}"#, r#"[{"pin":"123456789012"}]"#);
    assert_eq!(pins(Operation::AllocateSingle, one), Outcome::Accepted);
    assert_eq!(pins(Operation::AllocateSingle, many), Outcome::Unknown);
    assert_eq!(pins(Operation::Allocate, one), Outcome::Accepted);
    assert_eq!(pins(Operation::Allocate, many), Outcome::Accepted);
}

/// Of two PINs under one name a reader keeps one, and both are paid.
#[test]
fn a_member_that_comes_twice_hides_something_paid() {
    for body in [
        r#"{"pin":"1","pin":"2"}"#,
        r#"{"pin":"2","pin":"1"}"#,
        r#"[{"pin":"1"},{"pin":"2","serial":"s","pin":"3"}]"#,
        r#"[{"pin":"1","p\u0069n":"2"}]"#,
    ] {
        for operation in [Operation::Allocate, Operation::AllocateSingle] {
            let request = UnsignedRequest::new(
                operation,
                Nonce::new("20151110202513869").unwrap(),
                Query::new(Encoding::Strict),
            );
            let reference = Reference::new("r").unwrap();
            let Submission::Unknown(unknown) = read_pins(&reference, &request, body.as_bytes())
            else {
                panic!("{body}")
            };
            assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
        }
    }
    for body in [
        r#"{"id":"1","xref":"a","xref":"b"}"#,
        r#"{"id":"1","xref":"b","xref":"a"}"#,
    ] {
        assert!(matches!(read_check(body.as_bytes()), Checked::Undetermined));
    }
    assert!(read_account(br#"{"balance":1,"balance":2}"#).is_none());
}

/// "Nothing on record" is said by nothing at all. A record in an unknown form is a record.
#[test]
fn a_record_in_an_array_is_not_a_missing_one() {
    for nothing in ["", "null", "{}", "[]"] {
        let read = read_check(nothing.as_bytes());
        assert!(matches!(read, Checked::NotFound), "{nothing}");
    }
    for something in [r#"[{"id":1,"xref":"X1","status":"OK"}]"#, "[1]", "[{}]"] {
        let read = read_check(something.as_bytes());
        assert!(matches!(read, Checked::Undetermined), "{something}");
    }
}

#[test]
fn a_name_that_cannot_be_signed_is_refused() {
    for name in ["", "a b", "a&b", "a=b", "naïve"] {
        assert!(
            Query::new(Encoding::AsSent).with(name, "1").is_err(),
            "{name}"
        );
    }
}

#[test]
fn the_report_says_what_is_signed_under_each_encoding() {
    let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let signer = Signer::new(key);
    let pairs = [("unit", "110"), ("message", "Happy New Year")];
    for (encoding, signed) in [
        (Encoding::AsSent, "Happy%20New%20Year"),
        (Encoding::Decoded, "Happy New Year"),
    ] {
        let request = SignRequest::new("20151110202513869", &pairs).with_encoding(encoding);
        let report = signer.explain(&request).unwrap();
        let query = format!("unit=110&message={signed}");
        assert_eq!(report.signed_text, format!("20151110202513869?{query}"));
        let places: Vec<_> = report
            .fields
            .iter()
            .filter_map(|field| match &field.fate {
                FieldFate::Signed { position, .. } => Some(*position),
                _ => None,
            })
            .collect();
        assert_eq!(places, [0, 1, 2]);
        let value = signer.sign_text("20151110202513869", &query);
        assert_eq!(report.value.expose(), value.expose());
    }
}

/// docs/protocols/cowrie.md, sections 3 and 6: what moves money, though all of it is GET, and what a Check may find again.
#[test]
fn what_costs_and_what_can_be_looked_up() {
    for (operation, costs, can_be_checked) in [
        (Operation::Balance, false, false),
        (Operation::Check, false, false),
        (Operation::Credit, true, true),
        (Operation::Data, true, true),
        (Operation::Redeem, true, true),
        (Operation::AllocateSingle, true, false),
        (Operation::Allocate, true, false),
    ] {
        assert_eq!(operation.costs(), costs, "{operation:?}");
        assert_eq!(operation.can_be_checked(), can_be_checked, "{operation:?}");
    }
}

#[test]
fn refusals_say_what_to_give_instead() {
    let number = parse_msisdn("0803").unwrap_err().to_string();
    assert!(number.contains("08031234567"), "{number}");
    let network = "vodafone".parse::<Network>().unwrap_err().to_string();
    assert!(network.contains("ETI"), "{network}");
    let damaged = UnsignedRequest::thaw(&SecretBytes::new("1"));
    let damaged = damaged.unwrap_err().to_string();
    assert!(damaged.contains("damaged"), "{damaged}");
}
