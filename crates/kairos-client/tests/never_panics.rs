//! Hostile bytes into whatever reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;

/// One answer of each shape.
const ANSWERS: &[&[u8]] = &[
    br#"{"api-response-code":200,"api-response-message":"Success","request-id":"r-1","call-details":[{"client-identifier":"c-1","phonon-uuid":"u-1"},{"client-identifier":"c-2","phonon-uuid":"u-2"}]}"#,
    br#"{"api-response-code":"209","request-id":7,"call-details":[{"client-identifier":"c-2"},{"phonon-uuid":null},7,[]]}"#,
    br#"{"api-response-code":202,"api-response-message":"Accepted","request-id":"r-1","call-details":null}"#,
    br#"{"api-response-code":-9223372036854775808,"call-details":{"c-1":"u-1"},"data":[]}"#,
    br#"{"api-response-code":200,"data":[{"request-id":"r-1","phonon-uuid":"u-1","callDetails":[{}]},null]}"#,
    br#"{"api-response-code":213,"data":[]}"#,
    b"[]",
    b"<html>502 Bad Gateway</html>",
];

const PUSHES: &[&[u8]] = &[
    br#"{"body":{"phonon-uuid":"u-1","request-id":"r-1","callDetails":[{"hangupCause":"16","duration":"25467","dtmfPressesd":[{"key":"1","eventTime":1}],"is_ringing":"true"}],"smsDetails":[{"id":1,"text":"x","to":"91"}],"emailDetails":[{"id":"e"}]}}"#,
    br#"{"phonon-uuid":7,"callDetails":{"duration":1e30,"attempts":-1}}"#,
];

#[test]
fn answers() {
    telco_conformance::hostile("answers", ANSWERS, 3_000, hostile::answer).assert_passed();
}

#[test]
fn pushes() {
    telco_conformance::hostile("pushes", PUSHES, 10_000, hostile::push).assert_passed();
}

#[test]
fn typed_text_and_keys() {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/rsa.json")).unwrap();
    let pem = file["test_keys"]["2048"]["public_spki_pem"]
        .as_str()
        .unwrap();
    let samples: &[&[u8]] = &[
        b"+91 98123 45678",
        b"09812345678",
        b"2026-03-11T00:30:15.123+05:30",
        b"2026-03-11T00:30:15Z",
        pem.as_bytes(),
    ];
    telco_conformance::hostile("typed", samples, 5_000, hostile::typed).assert_passed();
}
