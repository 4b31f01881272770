//! What holds for every answer, number and request, not only for the known ones.
#![allow(clippy::unwrap_used)]

use cowrie_client::core::{Amount, Currency, Outcome, Reference};
use cowrie_client::wire::{
    Operation, UnsignedRequest, read_account, read_check, read_pins, read_redeemed, read_topup,
};
use cowrie_client::{Encoding, Nonce, Query, is_assigned, parse_msisdn};
use proptest::prelude::*;
use serde_json::Value;

fn request(operation: Operation) -> UnsignedRequest {
    let query = Query::new(Encoding::Strict)
        .with("net", "MTN")
        .and_then(|query| query.with("msisdn", "2348031234567"))
        .and_then(|query| query.with("amount", "100"))
        .and_then(|query| query.with("xref", "X1"));
    UnsignedRequest::new(operation, Nonce::new("n").unwrap(), query.unwrap())
}

/// JSON of the kind that this API speaks, and of the kind that it does not.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        Just("id".to_owned()),
        Just("xref".to_owned()),
        Just("net".to_owned()),
        Just("msisdn".to_owned()),
        Just("amount".to_owned()),
        Just("message".to_owned()),
        Just("pin".to_owned()),
        ".{0,4}",
    ];
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(Value::from("X1")),
        Just(Value::from("2348031234567")),
    ];
    let object = proptest::collection::hash_map(name, value, 0..6).prop_map(Value::from_iter);
    let json = prop_oneof![
        object.clone(),
        proptest::collection::vec(object, 0..4).prop_map(Value::from),
    ];
    prop_oneof![
        json.prop_map(|json| json.to_string().into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..64),
    ]
}

proptest! {
    #[test]
    fn no_answer_is_accepted_without_its_proof(body in body()) {
        let reference = Reference::new("X1").unwrap();
        let json = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let says = |json: &Value, name: &str| match json.get(name) {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Number(number)) => number.is_i64() || number.is_u64(),
            _ => false,
        };
        for operation in [Operation::Credit, Operation::Data] {
            let told = read_topup(&reference, &request(operation), &body);
            let proof = says(&json, "id") || says(&json, "xref");
            prop_assert!(told.outcome() != Outcome::Rejected);
            prop_assert!(told.outcome() != Outcome::Accepted || proof);
        }
        for operation in [Operation::AllocateSingle, Operation::Allocate] {
            let told = read_pins(&reference, &request(operation), &body);
            let rows = json.as_array().cloned().unwrap_or_else(|| vec![json.clone()]);
            let proof = !rows.is_empty() && rows.iter().all(|row| says(row, "pin"));
            prop_assert!(told.outcome() != Outcome::Rejected);
            prop_assert!(told.outcome() != Outcome::Accepted || proof);
        }
        let told = read_redeemed(&reference, &body);
        prop_assert!(told.outcome() != Outcome::Accepted || says(&json, "message"));
        let _ = (read_account(&body), read_check(&body));
    }

    #[test]
    fn whatever_is_typed_is_a_whole_number_or_none(typed in "\\PC{0,24}|[0-9+ ()./-]{0,20}") {
        if let Ok(number) = parse_msisdn(&typed) {
            prop_assert!(number.expose().len() == 13 && number.expose().starts_with("234"));
            // Reading it again changes nothing.
            prop_assert_eq!(parse_msisdn(number.expose()).unwrap(), number.clone());
            let _ = is_assigned(&number);
        }
    }

    #[test]
    fn a_frozen_request_thaws_to_itself(label in "\\PC{0,40}|[a\n ]{0,9}", encoding in 0..2_u8) {
        let encoding = [Encoding::AsSent, Encoding::Decoded][usize::from(encoding)];
        let query = Query::new(encoding)
            .with("unit", "100")
            .and_then(|query| query.with("message", &label))
            .and_then(|query| query.with("xref", "X1"))
            .unwrap();
        let nonce = Nonce::new("20151110202513869").unwrap();
        let request = UnsignedRequest::new(Operation::AllocateSingle, nonce, query);
        let thawed = UnsignedRequest::thaw(&request.freeze()).unwrap();
        prop_assert_eq!(thawed.query().sent(), request.query().sent());
        prop_assert_eq!(thawed.query().signed(), request.query().signed());
        prop_assert_eq!(thawed.freeze(), request.freeze());
    }

    #[test]
    fn kobo_survive_the_way_through_json(minor in any::<i64>()) {
        let text = format!("{}{}.{:02}", if minor < 0 { "-" } else { "" }, minor.unsigned_abs() / 100, minor.unsigned_abs() % 100);
        for body in [format!(r#"{{"balance":{text}}}"#), format!(r#"{{"balance":"{text}"}}"#)] {
            let account = read_account(body.as_bytes()).unwrap();
            prop_assert_eq!(account.balance, Amount::from_minor(minor, Currency::NGN));
        }
    }
}
