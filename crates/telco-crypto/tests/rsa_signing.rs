//! RSA signatures and key files against every known answer.
#![cfg(feature = "xml")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use serde_json::Value;
use telco_crypto::digest::Algorithm;
use telco_crypto::encoding::{base64, decode_base64, hex};
use telco_crypto::random::NoRandomness;
use telco_crypto::rsa::{Inconsistency, KeyError, KeySize, LoadOptions, PrivateKey, PublicKey};

const SIGNING: &str = include_str!("../vectors/rsa_signing.json");
const XML: &str = include_str!("../vectors/rsa_keys_xml.json");
const PEM: &str = include_str!("../vectors/rsa_keys_pem.json");
const VENDOR: &str = include_str!("../vectors/rsa_vendor_signatures.json");

fn read(file: &str) -> Value {
    serde_json::from_str(file).unwrap()
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {vector}"))
}

fn bytes(vector: &Value, field: &str) -> Vec<u8> {
    decode_base64(text(vector, field)).unwrap()
}

fn hash(name: &str) -> Algorithm {
    match name {
        "SHA-1" => Algorithm::Sha1,
        "SHA-256" => Algorithm::Sha256,
        other => panic!("{other}"),
    }
}

fn keys() -> serde_json::Map<String, Value> {
    let keys = read(SIGNING)["keys"].as_object().unwrap().clone();
    assert_eq!(keys.len(), 9);
    keys
}

#[test]
fn every_signature_from_every_form_of_its_key() {
    let forms: BTreeMap<String, Vec<PrivateKey>> = keys()
        .into_iter()
        .map(|(id, key)| {
            let der = bytes(&key, "private_pkcs8_der_base64");
            let forms = ["private_xml", "private_pem_pkcs8", "private_pem_pkcs1"]
                .map(|form| text(&key, form).as_bytes());
            let load = |form: &[u8]| {
                PrivateKey::load(form).unwrap_or_else(|error| panic!("{id}: {error}"))
            };
            let mut loaded: Vec<_> = forms.into_iter().map(load).collect();
            loaded.push(load(&der));
            (id, loaded)
        })
        .collect();
    let vectors = read(SIGNING)["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), 90);
    for vector in vectors {
        let (hash, message) = (
            hash(text(&vector, "hash")),
            text(&vector, "message").as_bytes(),
        );
        assert_eq!(hex(message), text(&vector, "message_utf8_hex"));
        assert_eq!(hex(&hash.hash(message)), text(&vector, "digest_hex"));
        let expected = bytes(&vector, "signature_base64");
        for key in &forms[text(&vector, "key_id")] {
            assert_eq!(
                key.sign(hash, message).unwrap(),
                expected,
                "{}",
                vector["id"]
            );
            assert!(key.public_key().verify(hash, message, &expected));
        }
    }
}

/// Loads every input of a file; those to accept must sign as shown, the others be refused by the stated name.
fn check_key_files(file: &str, accept: usize, refuse: usize) {
    let (mut accepted, mut refused) = (0, 0);
    for vector in read(file)["vectors"].as_array().unwrap() {
        let id = text(vector, "id");
        let loaded = PrivateKey::load(&bytes(vector, "input_base64"));
        if vector["expect"] == "sign-ok" {
            let key = loaded.unwrap_or_else(|error| panic!("{id}: {error}"));
            let signature = key
                .sign(
                    hash(text(vector, "hash")),
                    text(vector, "message").as_bytes(),
                )
                .unwrap();
            assert_eq!(base64(&signature), text(vector, "signature_base64"), "{id}");
            accepted += 1;
        } else {
            let error = loaded.unwrap_err();
            assert_eq!(error.name(), text(vector, "error"), "{id}: {error}");
            refused += 1;
        }
    }
    assert_eq!((accepted, refused), (accept, refuse));
}

#[test]
fn every_xml_key_file() {
    check_key_files(XML, 39, 14);
}

#[test]
fn every_pem_and_der_key_file() {
    check_key_files(PEM, 17, 10);
}

#[test]
fn a_strict_load_refuses_wrong_crt_values_and_nothing_else() {
    let mut wrong = Vec::new();
    for vector in read(XML)["vectors"].as_array().unwrap() {
        if vector["expect"] == "sign-ok" {
            match PrivateKey::load_with(
                &bytes(vector, "input_base64"),
                &LoadOptions::new().strict(),
            ) {
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error, KeyError::Inconsistent(Inconsistency::Crt));
                    wrong.push(text(vector, "id").to_owned());
                }
            }
        }
    }
    assert_eq!(wrong, ["dp_tampered", "inverse_q_tampered"]);
}

#[test]
fn refusals_say_which_number_is_wrong() {
    let expect = BTreeMap::from([
        ("modulus_tampered", Inconsistency::Modulus),
        ("d_tampered", Inconsistency::PrivateExponent),
    ]);
    let mut seen = 0;
    for vector in read(XML)["vectors"].as_array().unwrap() {
        if let Some(which) = expect.get(text(vector, "id")) {
            let error = PrivateKey::load(&bytes(vector, "input_base64")).unwrap_err();
            assert_eq!(error, KeyError::Inconsistent(*which));
            seen += 1;
        }
    }
    assert_eq!(seen, expect.len());
}

#[test]
fn exports_are_canonical_and_survive_the_round_trip() {
    for (id, key) in keys() {
        let (xml, pem) = (text(&key, "private_xml"), text(&key, "private_pem_pkcs8"));
        let from_xml = PrivateKey::load(xml.as_bytes()).unwrap();
        let from_pem = PrivateKey::load(from_xml.reveal_pem().as_bytes()).unwrap();
        assert_eq!(from_pem.reveal_xml().as_str(), xml, "{id}");
        let from_pem = PrivateKey::load(pem.as_bytes()).unwrap();
        let from_xml = PrivateKey::load(from_pem.reveal_xml().as_bytes()).unwrap();
        assert_eq!(from_xml.reveal_pem().as_str(), pem, "{id}");
        assert_eq!(
            from_xml.reveal_der().as_slice(),
            bytes(&key, "private_pkcs8_der_base64"),
            "{id}"
        );

        let public = from_xml.public_key();
        assert_eq!(public.to_xml(), text(&key, "public_xml"), "{id}");
        assert_eq!(public.to_pem(), text(&key, "public_pem_spki"), "{id}");
        let weak = LoadOptions::new().allow_weak();
        for form in ["public_xml", "public_pem_spki", "public_pem_pkcs1"] {
            assert_eq!(
                &PublicKey::load_with(text(&key, form).as_bytes(), &weak).unwrap(),
                public,
                "{id} {form}"
            );
        }
        assert_eq!(
            PublicKey::load_with(xml.as_bytes(), &weak),
            Err(KeyError::PrivateKeyGiven)
        );
        assert_eq!(u64::from(public.bits()), key["bits"].as_u64().unwrap());
    }
    assert_eq!(text(&keys()["k2048"], "public_xml").len(), 415);
}

#[test]
fn published_signatures_verify_and_fail_with_one_bit_flipped() {
    let mut verified = 0;
    let vectors = read(VENDOR)["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), 6);
    for vector in vectors {
        if vector["expect"] != "verify-ok" {
            continue; // no public key was ever published for these two
        }
        let key = PublicKey::load_with(
            text(&vector, "public_key_xml").as_bytes(),
            &LoadOptions::new().allow_weak(),
        )
        .unwrap();
        let digest = telco_crypto::encoding::decode_hex(text(&vector, "digest_hex")).unwrap();
        let signature = bytes(&vector, "signature_base64");
        assert!(
            key.verify_digest(Algorithm::Sha1, &digest, &signature),
            "{}",
            vector["id"]
        );
        for bit in [0, 7, 80, 159] {
            let mut other = digest.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert!(!key.verify_digest(Algorithm::Sha1, &other, &signature));
            let mut other = signature.clone();
            other[bit / 8 + 3] ^= 1 << (bit % 8);
            assert!(!key.verify_digest(Algorithm::Sha1, &digest, &other));
        }
        assert!(!key.verify_digest(Algorithm::Sha1, &digest[1..], &signature));
        assert!(!key.verify_digest(Algorithm::Sha1, &digest, &signature[1..]));
        verified += 1;
    }
    assert_eq!(verified, 4);
}

#[test]
fn a_signature_holds_for_one_message_and_one_hash() {
    let file = read(SIGNING);
    let vector = &file["vectors"][0];
    let key = &file["keys"][text(vector, "key_id")]["public_pem_spki"];
    let key = key.as_str().unwrap().as_bytes();
    let key = PublicKey::load_with(key, &LoadOptions::new().allow_weak()).unwrap();
    let (message, algorithm) = (text(vector, "message"), hash(text(vector, "hash")));
    let signature = bytes(vector, "signature_base64");
    assert!(key.verify(algorithm, message.as_bytes(), &signature));
    let other = format!("{message} ");
    assert!(!key.verify(algorithm, other.as_bytes(), &signature));
    assert!(!key.verify(Algorithm::Sha512, message.as_bytes(), &signature));
    assert!(!key.verify(algorithm, message.as_bytes(), &signature[1..]));
}

#[test]
fn other_files_are_refused_by_name() {
    let block = |label: &str| format!("-----BEGIN {label}-----\nMIIB\n-----END {label}-----\n");
    let refused = |input: &[u8]| PrivateKey::load(input).unwrap_err();
    assert_eq!(
        refused(block("EC PRIVATE KEY").as_bytes()),
        KeyError::NotRsa
    );
    assert_eq!(
        refused(block("OPENSSH PRIVATE KEY").as_bytes()),
        KeyError::NotRsa
    );
    assert_eq!(
        refused(block("CERTIFICATE").as_bytes()),
        KeyError::CertificateOnly
    );
    assert_eq!(
        refused(block("CERTIFICATE").as_bytes()).name(),
        "public-key-only"
    );
    assert_eq!(
        refused(block("PRIVATE KEY").as_bytes()),
        KeyError::MalformedDer
    );
    let public = |label: &str| PublicKey::load(block(label).as_bytes()).unwrap_err();
    assert_eq!(public("CERTIFICATE"), KeyError::CertificateGiven);
    assert_eq!(public("TRUSTED CERTIFICATE"), KeyError::CertificateGiven);
    assert_eq!(public("EC PARAMETERS"), KeyError::NotRsa);
    assert_eq!(public("PUBLIC KEY"), KeyError::MalformedDer);
    let both = block("CERTIFICATE") + &block("ENCRYPTED PRIVATE KEY");
    assert_eq!(refused(both.as_bytes()), KeyError::Encrypted);
    assert_eq!(refused(&vec![b'A'; 64 * 1024 + 1]), KeyError::TooLong);
    assert_eq!(
        refused(&vec![b'A'; 64 * 1024]),
        KeyError::UnrecognisedFormat
    );
    assert_eq!(refused(&[0xff, 0xfe, 0x41]), KeyError::UnrecognisedFormat);
    assert_eq!(
        refused("schlüssel".as_bytes()),
        KeyError::UnrecognisedFormat
    );
}

/// A header of the same old form that speaks of no encryption does not make a key an encrypted one.
#[test]
fn a_header_is_not_an_encryption() {
    let block = |header: &str| {
        let label = "RSA PRIVATE KEY";
        format!("-----BEGIN {label}-----\n{header}\n\nMIIB\n-----END {label}-----\n")
    };
    let refused = |header: &str| PrivateKey::load(block(header).as_bytes()).unwrap_err();
    assert_eq!(refused("Proc-Type: 4,ENCRYPTED"), KeyError::Encrypted);
    assert_ne!(refused("Proc-Type: 4,MIC-CLEAR"), KeyError::Encrypted);
}

/// In DER a first byte of 0x80 or more makes a number negative: it needs a zero before it.
#[test]
fn a_negative_modulus_is_refused() {
    let key = |modulus: &[u8]| {
        let integers = [
            &[0x02, 0x82],
            &u16::try_from(modulus.len()).unwrap().to_be_bytes()[..],
            modulus,
            &[0x02, 0x01, 0x03],
        ]
        .concat();
        let length = u16::try_from(integers.len()).unwrap().to_be_bytes();
        [&[0x30, 0x82], &length[..], &integers].concat()
    };
    for first in [0x80, 0x81, 0xff] {
        let mut modulus = [0x55; 256];
        modulus[0] = first;
        assert_eq!(PublicKey::load(&key(&modulus)), Err(KeyError::MalformedDer));
        let positive = [&[0][..], &modulus].concat();
        assert_eq!(PublicKey::load(&key(&positive)).unwrap().bits(), 2048);
    }
}

#[test]
fn binary_forms_of_other_things_are_refused_by_name() {
    for vector in read(include_str!("../vectors/rsa_other_der.json"))["vectors"]
        .as_array()
        .unwrap()
    {
        let (base64, expected) = (text(vector, "der_base64"), text(vector, "error"));
        let error = PrivateKey::load(&bytes(vector, "der_base64")).unwrap_err();
        assert_eq!(error.name(), expected, "{}", vector["id"]);
        let bare = PrivateKey::load(base64.as_bytes()).unwrap_err();
        let expected_bare = if vector["id"] == "garbage" {
            "unrecognised-key-format"
        } else {
            expected
        };
        assert_eq!(bare.name(), expected_bare, "{} in base64", vector["id"]);
    }
}

#[test]
fn a_composite_in_place_of_a_prime_is_found_by_the_test_signature() {
    let file = read(include_str!("../vectors/rsa_composite.json"));
    let error = PrivateKey::load(text(&file, "private_pem").as_bytes()).unwrap_err();
    assert_eq!(error, KeyError::Inconsistent(Inconsistency::SelfTest));
}

/// Whatever of a private key is in an XML document, it is not passed around as a public one.
#[test]
fn a_document_with_any_private_number_is_no_public_key() {
    let keys = keys();
    let xml = text(&keys["k2048"], "private_xml");
    let element = |name: &str| {
        let (from, to) = (format!("<{name}>"), format!("</{name}>"));
        let (_, rest) = xml.split_once(&from).unwrap();
        let (value, _) = rest.split_once(&to).unwrap();
        format!("{from}{value}{to}")
    };
    let load = |names: &[&str]| {
        let inside: String = names.iter().map(|name| element(name)).collect();
        PublicKey::load(format!("<RSAKeyValue>{inside}</RSAKeyValue>").as_bytes())
    };
    assert_eq!(load(&["Modulus", "Exponent"]).unwrap().bits(), 2048);
    for private in ["D", "P", "Q"] {
        let given = load(&["Modulus", "Exponent", private]);
        assert_eq!(given, Err(KeyError::PrivateKeyGiven), "{private}");
    }
}

#[test]
fn keys_above_4096_bits_need_leave() {
    let file = read(include_str!("../vectors/rsa_composite.json"));
    let large = text(&file, "large_public_pem").as_bytes();
    assert_eq!(
        PublicKey::load(large),
        Err(KeyError::TooLarge {
            bits: 5120,
            maximum: 4096
        })
    );
    assert_eq!(
        PublicKey::load_with(large, &LoadOptions::new().allow_large())
            .unwrap()
            .bits(),
        5120
    );
}

#[test]
fn a_generated_key_signs_and_reloads() {
    let mut state = 1u64;
    let mut random = |out: &mut [u8]| {
        for byte in out {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = state.to_be_bytes()[0];
        }
        Ok(())
    };
    let key = PrivateKey::generate(KeySize::Bits2048, &mut random).unwrap();
    assert_eq!(key.bits(), 2048);
    let again =
        PrivateKey::load_with(key.reveal_xml().as_bytes(), &LoadOptions::new().strict()).unwrap();
    assert_eq!(
        again.sign(Algorithm::Sha256, b"x").unwrap(),
        key.sign(Algorithm::Sha256, b"x").unwrap()
    );
    assert!(PrivateKey::generate(KeySize::Bits2048, &mut |_| Err(NoRandomness)).is_err());
}

#[test]
fn new_keys_have_one_of_three_sizes() {
    for (bits, size) in [
        (2048, KeySize::Bits2048),
        (3072, KeySize::Bits3072),
        (4096, KeySize::Bits4096),
    ] {
        assert_eq!(KeySize::from_bits(bits), Some(size));
    }
    for other in [0, 1024, 2047, 8192] {
        assert_eq!(KeySize::from_bits(other), None);
    }
}

#[test]
fn no_part_of_a_key_is_shown() {
    let key = PrivateKey::load(text(&keys()["k1024"], "private_xml").as_bytes()).unwrap();
    assert_eq!(
        format!("{key:?} {:?}", key.public_key()),
        "PrivateKey(1024 bits) PublicKey(1024 bits)"
    );
}
