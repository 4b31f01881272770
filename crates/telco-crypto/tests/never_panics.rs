//! Any bytes, and the vectors with a few bytes changed, into whatever reads them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod hostile;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::Value;
use telco_crypto::encoding::decode_base64;

fn inputs(file: &str, field: &str) -> Vec<Vec<u8>> {
    let file: Value = serde_json::from_str(file).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    let text = vectors.map(|vector| vector[field].as_str().unwrap());
    text.map(|text| match field {
        "ciphertext" => text.as_bytes().to_vec(),
        _ => decode_base64(text).unwrap(),
    })
    .collect()
}

/// One of the samples after up to four cuts, insertions and overwritten bytes.
fn damaged(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (
        any::<Index>(),
        0_usize..12,
        prop::collection::vec(any::<u8>(), 0..3),
    );
    let changes = prop::collection::vec(change, 0..4);
    (prop::sample::select(samples), changes).prop_map(|(mut input, changes)| {
        for (at, cut, put) in changes {
            let at = at.index(input.len() + 1);
            let end = input.len().min(at + cut);
            input.splice(at..end, put);
        }
        input
    })
}

#[cfg(feature = "rsa")]
fn keys() -> Vec<Vec<u8>> {
    [
        inputs(include_str!("../vectors/rsa_keys_pem.json"), "input_base64"),
        inputs(include_str!("../vectors/rsa_keys_xml.json"), "input_base64"),
        inputs(include_str!("../vectors/rsa_other_der.json"), "der_base64"),
    ]
    .concat()
}

#[cfg(feature = "rsa")]
proptest! {
    #[test]
    fn keys_of_any_form(input in damaged(keys())) {
        hostile::key(&input);
    }

    #[test]
    fn noise_is_no_key(input in prop::collection::vec(any::<u8>(), 0..200)) {
        hostile::key(&input);
    }
}

proptest! {
    #[test]
    fn encodings(text in prop_oneof![".{0,60}", "[A-Za-z0-9+/=_\\-\r\n ]{0,80}", "[0-9a-fA-F]{0,64}"]) {
        hostile::encoded(&text);
    }

    #[test]
    fn ciphertexts(input in damaged(inputs(include_str!("../vectors/additive_decrypt.json"), "ciphertext"))) {
        hostile::ciphertext(&String::from_utf8_lossy(&input));
    }
}
