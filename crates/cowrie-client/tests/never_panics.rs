//! Hostile bytes into whatever reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;

use cowrie_client::wire::UnsignedRequest;
use telco_core::SecretBytes;

#[test]
fn answers() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/responses.json")).unwrap();
    let bodies: Vec<Vec<u8>> = vectors["vectors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|vector| vector["body"].as_str())
        .map(|body| body.as_bytes().to_vec())
        .collect();
    assert!(bodies.len() > 50);
    let samples: Vec<&[u8]> = bodies.iter().map(Vec::as_slice).collect();
    telco_conformance::hostile("answers", &samples, 20_000, hostile::answer).assert_passed();
}

#[test]
fn frozen_requests() {
    let samples: &[&[u8]] = &[
        b"cowrie-1\ncredit\nstrict\nN0nce\nnet=MTN&msisdn=2348031234567&amount=100&xref=order-1",
        b"cowrie-1\ndata\ndecoded\nN0nce\nnet=MTN&plan=a%20b\nnet=MTN&plan=a\nb",
    ];
    for sample in samples {
        assert!(UnsignedRequest::thaw(&SecretBytes::new(*sample)).is_ok());
    }
    telco_conformance::hostile("frozen", samples, 5_000, hostile::frozen).assert_passed();
}

#[test]
fn typed_text() {
    let samples: &[&[u8]] = &[
        b"0803 123 4567",
        b"+234 (0) 803-123-4567",
        b"2348031234567",
        "٠٨٠٣١٢٣٤٥٦٧".as_bytes(),
        b"c2VjcmV0LWtleS0xMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Ng==",
    ];
    telco_conformance::hostile("typed", samples, 5_000, hostile::typed).assert_passed();
}
