//! Hostile bytes into whatever reads them.

mod hostile;

use telco_conformance::hostile;

/// One of each shape: answers and pushes look alike.
const BODIES: &[&[u8]] = &[
    br#"{"rc":0,"trxid":"20180219105847000000000001","msisdn":"081234567890","token":"622130108955","gateway":1,"client_unique_id":"a"}"#,
    br#"{"rc":"0","info":"ok","trxid":20200101,"msisdn":"+6281234567890","token":622130108955,"price":"75.00"}"#,
    br#"{"rc":88,"info":"insufficient balance"}"#,
    br#"{"data":"X3wBT1F3A1AFTHlKcig_DQFH"}"#,
    br#"{"rc":0,"trxid":"t","msisdn":"6281234567890","result":"Success","dial_code":"16","dial_status":"ANSWER","call_status":"1","clientUniqueId":"u"}"#,
    br#"{"trxid":"t","description":"delivered","currency":"IDR","date_hour":"2020-01-01 00:00:00","result":"Success"}"#,
    b"<html>502 Bad Gateway</html>",
];

#[test]
fn answers() {
    hostile("answers", BODIES, 3_000, hostile::answer).assert_passed();
}

#[test]
fn pushes() {
    hostile("pushes", BODIES, 10_000, hostile::push).assert_passed();
}

#[test]
fn sealed_texts() {
    let samples: &[&[u8]] = &[
        b"X3wBT1F3A1AFTHlKcig_DQFH",
        br#"{"rc":0,"token":"622130108955"}"#,
    ];
    hostile("sealed", samples, 2_000, hostile::sealed).assert_passed();
}

#[test]
fn typed_text() {
    let samples: &[&[u8]] = &[b"0812 3456-7890", b"+62 (812) 34567890", "۱۲۳۴".as_bytes()];
    hostile("typed", samples, 5_000, hostile::typed).assert_passed();
}
