//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use telco_crypto::additive::{AdditiveStream, Freshness};
use telco_crypto::encoding;

/// A key file of any form, PEM, DER or XML, private or public.
#[cfg(feature = "rsa")]
pub fn key(bytes: &[u8]) {
    use telco_crypto::rsa::{LoadOptions, PrivateKey, PublicKey};
    let weak = LoadOptions::new().allow_weak();
    for options in [weak.clone(), weak.strict()] {
        if let Ok(key) = PrivateKey::load_with(bytes, &options) {
            let _ = format!("{key:?}");
        }
        if let Ok(key) = PublicKey::load_with(bytes, &options) {
            let _ = format!("{key:?}");
        }
    }
}

/// Text in one of the encodings: what decodes is encoded as something that decodes alike.
pub fn encoded(text: &str) {
    if let Ok(bytes) = encoding::decode_base64(text) {
        let again = encoding::decode_base64(&encoding::base64(&bytes)).unwrap();
        assert_eq!(again, bytes);
    }
    if let Ok(bytes) = encoding::decode_hex(text) {
        assert_eq!(encoding::decode_hex(&encoding::hex(&bytes)).unwrap(), bytes);
    }
    let _ = encoding::decode_base64url(text);
    let _ = encoding::decode_base64_forgiving(text);
    assert!(encoding::ascii_json(text).is_ascii());
}

/// A ciphertext of the additive cipher.
pub fn ciphertext(text: &str) {
    let stream = AdditiveStream::new("demo", "fe01ce2a7fbac8fafaed7c982a04e229").unwrap();
    for freshness in [Freshness::Unchecked, Freshness::around(1_519_012_727)] {
        if let Ok(message) = stream.decrypt(text, freshness) {
            assert!(message.text().is_ascii());
        }
    }
}
