//! Hostile bytes into whatever reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;

use telco_conformance::hostile;

#[test]
fn answers() {
    let file = include_str!("../vectors/responses.json");
    let file: serde_json::Value = serde_json::from_str(file).unwrap();
    let bodies = file["vectors"].as_array().unwrap().iter();
    let samples: Vec<&[u8]> = bodies
        .filter_map(|vector| Some(vector["body"].as_str()?.as_bytes()))
        .collect();
    assert!(samples.len() > 50);
    hostile("answers", &samples, 1_000, hostile::answer).assert_passed();
}

#[test]
fn pushes() {
    let samples: &[&[u8]] = &[
        br#"[{"Muid":"m-1","Status":"Delivered","Permanent":"True"}]"#,
        br#"[{"Muid":"m-2","MessageType":"Subscription","Actor":"Cp","Content":"","Signature":"AAAA","ReceiveTime":"2018-09-24T12:01:27.938Z","Sid":1,"AccountId":"a"}]"#,
        br#"{"muid":7,"content":null}"#,
    ];
    hostile("pushes", samples, 5_000, hostile::push).assert_passed();
}

#[test]
fn typed_text_and_keys() {
    let samples: &[&[u8]] = &[
        b"0912 000 0000",
        b"+98 (912) 000-0000",
        "۰۹۱۲۰۰۰۰۰۰۰".as_bytes(),
        b"<RSAKeyValue><Modulus>zg7I</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>",
        b"-----BEGIN PRIVATE KEY-----\nMIICdgIBADANBgkqhkiG9w0BAQEFAASCAmAwggJcAgEAAoGBAM4O\n-----END PRIVATE KEY-----\n",
    ];
    hostile("typed", samples, 5_000, hostile::typed).assert_passed();
}
