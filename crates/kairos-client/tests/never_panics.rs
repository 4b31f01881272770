//! Hostile bytes into whatever reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;

/// One answer of each shape.
const ANSWERS: &[&[u8]] = &[
    br#"{"responseCode":0,"responseMessage":"Success","requestId":"r-1","responseDetails":[{"client-identifier":"c-1","phonon-uuid":"u-1"},{"client-identifier":"c-2","phonon-uuid":"u-2"}]}"#,
    br#"{"status":"0","message":"ok","request-id":"r-1","data":[{"phonon-uuid":"u-1","request-id":"r-1"}]}"#,
    br#"{"code":"-101","error":{"code":4.0e2}}"#,
    br#"{"response-code":200,"response-details":{"c-1":"u-1"},"data":[]}"#,
    b"[]",
    b"<html>502 Bad Gateway</html>",
];

const PUSHES: &[&[u8]] = &[
    br#"{"body":{"phonon-uuid":"u-1","request-id":"r-1","callDetails":[{"hangupCause":"16","duration":"25467","dtmf":[{"key":"1","time":1}]}],"smsDetails":[{"id":1,"text":"x","to":"91"}],"emailDetails":[{"id":"e"}]}}"#,
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
        b"11-03-2026 00:30:15",
        b"2026-03-11T00:30:15",
        pem.as_bytes(),
    ];
    telco_conformance::hostile("typed", samples, 5_000, hostile::typed).assert_passed();
}
