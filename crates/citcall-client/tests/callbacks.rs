//! Pushes of every shape: what is read, what is refused, and what can still be checked.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::net::IpAddr;

use citcall_client::core::{
    Callback, CallbackError, CallbackParser, CallbackRequest, Reference, Secret,
};
use citcall_client::{CallEnded, Callbacks, Cipher, Code, Numbers, OBSERVED_SENDER, Push};
use support::*;

const V2: &str = r#"{"rc":"00","trx_id":"20180205000000000000000001","msisdn":"+6281234567890","via":"voice","token":"02150808955","dial_code":"200","dial_status":"OK","call_status":"ANSWERED","result":"Success","clientUniqueId":"1234567890"}"#;
const V3: &str = r#"{"rc":0,"trxid":"20200101000000000000000001","msisdn":"+6281234567890","via":"voice","token":"02150123456","dial_code":200,"dial_status":"OK","call_status":"ANSWERED","price":"179","result":"Success"}"#;

fn parse(parser: &Callbacks, body: &str) -> Result<Push, CallbackError> {
    let request = CallbackRequest::new(&|_| None, body.as_bytes(), at(AT));
    match parser.parse(&request)? {
        Callback::Unverified(push) => Ok(push),
        Callback::Verified(_) => panic!("nothing is signed"),
    }
}

fn call(body: &str) -> CallEnded {
    match parse(&Callbacks::default(), body).unwrap() {
        Push::Call(call) => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_documented_shape() {
    let ended = call(V2);
    assert_eq!(ended.code, Code::Ok);
    assert_eq!(ended.trxid.as_deref(), Some("20180205000000000000000001"));
    assert_eq!(ended.client_unique_id.as_deref(), Some("1234567890"));
    assert_eq!(ended.msisdn, Some(to()));
    assert_eq!(
        ended.token.as_ref().unwrap().hint().as_deref(),
        Some("0215080xxxx")
    );
    let texts = [
        &ended.via,
        &ended.dial_code,
        &ended.dial_status,
        &ended.call_status,
    ];
    assert_eq!(
        texts.map(|text| text.as_deref().unwrap()),
        ["voice", "200", "OK", "ANSWERED"]
    );
    assert!(ended.succeeded() && !ended.encrypted);
    assert_eq!(ended.json.unwrap().expose(), V2);
}

#[test]
fn the_shape_of_v3_and_a_number_for_a_text() {
    let ended = call(V3);
    assert_eq!(ended.dial_code.as_deref(), Some("200"));
    assert_eq!(ended.price.as_deref(), Some("179"));
    assert!(ended.succeeded());
}

#[test]
fn everything_but_rc_is_optional() {
    let ended = call(r#"{"rc":6}"#);
    assert_eq!(ended.code, Code::Unspecified);
    assert!(!ended.succeeded());
    assert_eq!((ended.trxid, ended.msisdn, ended.token), (None, None, None));
    for body in [
        r#"{"rc":"00","result":"Failed"}"#,
        r#"{"rc":"14","result":"Success"}"#,
    ] {
        assert!(!call(body).succeeded(), "{body}");
    }
    // Unknown values stay as they came; a number that is none is left out.
    let odd = call(r#"{"rc":0,"call_status":"BUSY?","msisdn":"x","result":"success"}"#);
    assert_eq!(odd.call_status.as_deref(), Some("BUSY?"));
    assert_eq!(odd.msisdn, None);
    assert!(odd.succeeded());
}

#[test]
fn encrypted_pushes_need_the_keys_and_the_clock() {
    let keys = || Callbacks::default().with_cipher(Cipher::new(USER, &Secret::new(KEY)).unwrap());
    for seconds in [AT - 480, AT, AT + 480] {
        let Push::Call(ended) = parse(&keys(), &sealed(V2, seconds)).unwrap() else {
            panic!()
        };
        assert!(ended.encrypted);
        assert_eq!(ended.msisdn, Some(to()));
    }
    for seconds in [AT - 481, AT + 481] {
        assert!(parse(&keys(), &sealed(V2, seconds)).is_err());
    }
    // A window of their own.
    let wide = Callbacks::default().with_cipher(cipher());
    assert!(parse(&wide, &sealed(V2, 5)).is_ok());
    assert!(parse(&Callbacks::default(), &sealed(V2, AT)).is_err());
    assert!(
        parse(&keys(), V2).is_ok(),
        "plain ones are taken all the same"
    );
    assert!(parse(&keys(), &sealed("[]", AT)).is_err());
}

#[test]
fn messages_are_told_apart_from_calls() {
    let body = r#"{"trxid":"t","result":"Success","description":"delivered","reportedDate":"01/02/20 3.04"}"#;
    let Push::Sms(report) = parse(&Callbacks::default(), body).unwrap() else {
        panic!()
    };
    assert_eq!((&*report.trxid, &*report.result), ("t", "Success"));
    assert_eq!(report.reported_date.as_deref(), Some("01/02/20 3.04"));
    // `call_status` decides; so does the URL that only calls are reported to.
    let both = r#"{"rc":0,"call_status":"ANSWERED","description":"d"}"#;
    assert!(matches!(
        parse(&Callbacks::default(), both).unwrap(),
        Push::Call(_)
    ));
    for incomplete in [
        r#"{"trxid":"t","description":"d"}"#,
        r#"{"result":"x","description":"d"}"#,
    ] {
        assert!(parse(&Callbacks::default(), incomplete).is_err());
    }
    let request = CallbackRequest::new(&|_| None, br#"{"trxid":"t","result":"Failed"}"#, at(AT));
    let by_route = Callbacks::default().of_messages();
    assert!(matches!(
        by_route.parse(&request),
        Ok(Callback::Unverified(_))
    ));
    assert!(Callbacks::default().of_calls().parse(&request).is_err());
    let one: &dyn CallbackParser<Event = CallEnded> = &Callbacks::default().of_calls();
    let request = CallbackRequest::new(&|_| None, V3.as_bytes(), at(AT));
    assert!(one.parse(&request).is_ok());
}

#[test]
fn what_cannot_be_read_is_refused() {
    let huge = format!("{{\"rc\":0,\"x\":\"{}\"}}", "a".repeat(64 * 1024));
    assert_eq!(
        parse(&Callbacks::default(), &huge).unwrap_err(),
        CallbackError::TooLarge
    );
    for body in [
        "",
        "[]",
        "null",
        "5",
        "rc=00&trxid=1",
        "{\"rc\":0",
        "{}",
        r#"{"trxid":"t"}"#,
        r#"{"rc":null}"#,
        r#"{"rc":"0O"}"#,
        r#"{"rc":1.5}"#,
        r#"{"data":""}"#,
    ] {
        let refusal = parse(&Callbacks::default(), body).unwrap_err();
        assert!(matches!(refusal, CallbackError::Malformed(_)), "{body}");
    }
    let latin1 = CallbackRequest::new(&|_| None, b"{\"rc\":0,\"info\":\"\xe9\"}", at(AT));
    assert!(Callbacks::default().parse(&latin1).is_err());
}

#[test]
fn a_push_that_cannot_be_read_says_why() {
    let keys = Callbacks::default().with_cipher(Cipher::new(USER, &Secret::new(KEY)).unwrap());
    let refused = |parser: &Callbacks, body: &str| parse(parser, body).unwrap_err().to_string();
    let without = refused(&Callbacks::default(), &sealed(V2, AT));
    assert!(without.contains("no keys were given"), "{without}");
    let late = refused(&keys, &sealed(V2, AT + 481));
    assert!(late.contains("these keys and this clock"), "{late}");
    let odd = refused(&keys, r#"{"rc":"0O"}"#);
    assert!(odd.contains("rc is no number"), "{odd}");
    let text = refused(&keys, "rc=00");
    assert!(text.contains("no JSON object"), "{text}");
}

#[test]
fn a_push_of_64_kib_is_read_and_one_byte_more_is_not() {
    let body = format!("{V2}{}", " ".repeat(64 * 1024 - V2.len()));
    assert!(parse(&Callbacks::default(), &body).is_ok());
    assert_eq!(
        parse(&Callbacks::default(), &format!("{body} ")),
        Err(CallbackError::TooLarge)
    );
}

/// Either of the two members that only messages have is enough.
#[test]
fn a_message_is_known_by_either_member() {
    for member in [
        r#""description":"delivered""#,
        r#""reportedDate":"01/02/20""#,
    ] {
        let body = format!(r#"{{"rc":0,"trxid":"t","result":"Success",{member}}}"#);
        let push = parse(&Callbacks::default(), &body).unwrap();
        assert!(matches!(push, Push::Sms(_)), "{body}");
    }
}

#[test]
fn numbers_in_pushes_follow_ones_own_rules() {
    let bare = V2.replace("+62812", "812");
    assert_eq!(call(&bare).msisdn, None, "ambiguous");
    let rules = Numbers::default().bare_numbers_are_of("62");
    let Push::Call(ended) = parse(&Callbacks::default().with_numbers(rules), &bare).unwrap() else {
        panic!()
    };
    assert_eq!(ended.msisdn, Some(to()));
}

#[test]
fn a_known_id_and_no_foreign_one() {
    let ours = Reference::new("1234567890").unwrap();
    let other = Reference::new("order-1").unwrap();
    let (id, foreign) = (Some("20180205000000000000000001"), Some("2"));
    for (trxid, reference, about) in [
        (id, &ours, true),
        (None, &ours, true),
        (id, &other, false),
        (foreign, &ours, false),
        (None, &other, false),
    ] {
        assert_eq!(call(V2).is_about(trxid, reference), about);
    }
    // v3 knows no reference: its own id is all there is.
    assert!(call(V3).is_about(Some("20200101000000000000000001"), &other));
    assert!(!call(V3).is_about(None, &other));
    assert!(!call(r#"{"rc":0}"#).is_about(id, &ours));
}

#[test]
fn only_from_addresses_on_the_list() {
    let listed = Callbacks::default().only_from([OBSERVED_SENDER]);
    let request = || CallbackRequest::new(&|_| None, V2.as_bytes(), at(AT));
    let from = |text: &str| request().from_peer(text.parse::<IpAddr>().unwrap());
    assert!(listed.parse(&from("104.199.196.122")).is_ok());
    assert!(listed.parse(&from("192.0.2.1")).is_err());
    assert!(
        listed.parse(&request()).is_err(),
        "nobody said where it is from"
    );
    assert!(Callbacks::default().parse(&from("192.0.2.1")).is_ok());
}

#[test]
fn an_empty_list_lets_nobody_in() {
    let nobody = Callbacks::default().only_from([]);
    let request = || CallbackRequest::new(&|_| None, V2.as_bytes(), at(AT));
    assert!(nobody.parse(&request().from_peer(OBSERVED_SENDER)).is_err());
    assert!(nobody.parse(&request()).is_err());
}

/// A server that listens on `[::]` sees its IPv4 peers so.
#[test]
fn an_address_in_its_form_for_ipv6_sockets_is_the_same_address() {
    let mapped: IpAddr = "::ffff:104.199.196.122".parse().unwrap();
    let request = || CallbackRequest::new(&|_| None, V2.as_bytes(), at(AT));
    for listed in [OBSERVED_SENDER, mapped] {
        let parser = Callbacks::default().only_from([listed]);
        for peer in [OBSERVED_SENDER, mapped] {
            assert!(parser.parse(&request().from_peer(peer)).is_ok());
        }
        let other: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        assert!(parser.parse(&request().from_peer(other)).is_err());
    }
}

#[test]
fn a_message_report_with_nothing_but_its_id_and_result() {
    let Push::Sms(report) =
        parse(&Callbacks::default(), r#"{"trxid":"t","result":"Failed"}"#).unwrap()
    else {
        panic!()
    };
    assert_eq!((&*report.trxid, &*report.result), ("t", "Failed"));
    // With an rc, or a field that only calls have, it is a call's.
    let with_rc = r#"{"rc":0,"trxid":"t","result":"Success"}"#;
    assert!(matches!(
        parse(&Callbacks::default(), with_rc),
        Ok(Push::Call(_))
    ));
    for of_calls in [
        r#""via":"voice""#,
        r#""token":"02150808955""#,
        r#""dial_code":"200""#,
        r#""dial_status":"OK""#,
        r#""call_status":"ANSWERED""#,
    ] {
        let body = format!(r#"{{"trxid":"t","result":"Success",{of_calls}}}"#);
        assert!(parse(&Callbacks::default(), &body).is_err(), "{of_calls}");
    }
}
