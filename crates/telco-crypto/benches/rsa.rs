//! Signing and loading against the bare libraries, in one run: `cargo bench -p telco-crypto --features xml --bench rsa`, and the same
//! with `--features xml,openssl`.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

mod common;

use std::hint::black_box;

use ::rsa::BoxedUint;
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serde_json::Value;
use telco_crypto::digest::Algorithm;
use telco_crypto::encoding::decode_base64;
use telco_crypto::rsa::PrivateKey;

fn main() {
    let file: Value = serde_json::from_str(include_str!("../vectors/rsa_signing.json")).unwrap();
    let xml = file["keys"]["k2048"]["private_xml"].as_str().unwrap();
    let message = b"your-app-id#your.tenant.id#2018-09-24T12:01:27.938Z";
    let key = PrivateKey::load(xml.as_bytes()).unwrap();

    let value = |name: &str| {
        let text = xml
            .split_once(&format!("<{name}>"))
            .unwrap()
            .1
            .split_once('<')
            .unwrap()
            .0;
        BoxedUint::from_be_slice_vartime(&decode_base64(text).unwrap())
    };
    let numbers = ["Modulus", "Exponent", "D", "P", "Q"].map(value);
    let construct = || {
        let [n, e, d, p, q] = numbers.clone();
        ::rsa::PrivateKey::from_components(n, e, d, vec![p, q]).unwrap()
    };
    let bare = construct();
    assert_eq!(bare.n_bytes().len(), 256);
    assert!(bare.p().is_some());

    #[cfg(not(feature = "openssl"))]
    let (library, bare_sign) = ("rsa", || bare.pkcs1v15_sign::<sha1::Sha1>(message).unwrap());
    #[cfg(feature = "openssl")]
    let openssl = {
        let pem = file["keys"]["k2048"]["private_pem_pkcs8"].as_str().unwrap();
        openssl::pkey::PKey::private_key_from_pem(pem.as_bytes()).unwrap()
    };
    #[cfg(feature = "openssl")]
    let (library, bare_sign) = ("OpenSSL", || {
        let mut signer =
            openssl::sign::Signer::new(openssl::hash::MessageDigest::sha1(), &openssl).unwrap();
        signer.sign_oneshot_to_vec(message).unwrap()
    });
    assert_eq!(bare_sign(), key.sign(Algorithm::Sha1, message).unwrap());
    // A first signature: with OpenSSL it sets up the blinding of a new key, which later ones find done.
    #[cfg(not(feature = "openssl"))]
    let bare_load = || {
        let key = construct();
        key.pkcs1v15_sign::<sha1::Sha1>(message).unwrap()
    };
    #[cfg(feature = "openssl")]
    let bare_load = || {
        construct();
        let pem = file["keys"]["k2048"]["private_pem_pkcs8"].as_str().unwrap();
        let key = openssl::pkey::PKey::private_key_from_pem(pem.as_bytes()).unwrap();
        let mut signer =
            openssl::sign::Signer::new(openssl::hash::MessageDigest::sha1(), &key).unwrap();
        signer.sign_oneshot_to_vec(message).unwrap()
    };

    let [bare_sign, sign, bare_load, load] = common::best_of(
        5,
        30,
        [
            &mut || drop(black_box(bare_sign())),
            &mut || {
                drop(black_box(
                    key.sign(Algorithm::Sha1, black_box(message)).unwrap(),
                ))
            },
            &mut || drop(black_box(bare_load())),
            &mut || {
                drop(black_box(
                    PrivateKey::load(black_box(xml.as_bytes())).unwrap(),
                ))
            },
        ],
    );
    let ms = |ns: f64| ns / 1e6;
    println!(
        "sign 2048 bits: {:.3} ms, bare {library} {:.3} ms: {:.2} ×",
        ms(sign),
        ms(bare_sign),
        sign / bare_sign
    );
    println!(
        "load 2048 bits from XML: {:.3} ms, bare checked construction + one signature {:.3} ms: {:.2} ×",
        ms(load),
        ms(bare_load),
        load / bare_load
    );
}
