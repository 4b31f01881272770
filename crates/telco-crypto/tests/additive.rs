//! The two-key additive stream against every known answer.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use proptest::prelude::*;
use serde_json::Value;
use telco_crypto::additive::{AdditiveStream, DecryptError, Freshness, InvalidKey, NonAsciiText};
use telco_crypto::encoding::{ascii_json, decode_base64url};

fn vectors(file: &str, count: usize) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), count);
    vectors
}

fn stream_of(vector: &Value) -> AdditiveStream {
    AdditiveStream::new(
        vector["client_id"].as_str().unwrap(),
        vector["secret"].as_str().unwrap(),
    )
    .unwrap()
}

fn encrypts_to_and_back(vector: &Value, text: &str) {
    let (stream, at) = (stream_of(vector), vector["timestamp"].as_u64().unwrap());
    let ciphertext = vector["ciphertext"].as_str().unwrap();
    assert_eq!(stream.encrypt(text, at).unwrap(), ciphertext, "{vector}");
    let message = stream.decrypt(ciphertext, Freshness::around(at)).unwrap();
    assert_eq!((message.sent_at, message.text()), (at, text));
}

#[test]
fn every_encrypt_vector_is_reproduced_and_decrypts_back() {
    for vector in vectors(include_str!("../vectors/additive_encrypt.json"), 51) {
        encrypts_to_and_back(&vector, vector["plaintext"].as_str().unwrap());
    }
}

fn published_sample(name: &str) {
    let all = vectors(include_str!("../vectors/additive_encrypt.json"), 51);
    let vector = all.iter().find(|vector| vector["name"] == name).unwrap();
    assert_eq!(vector["origin"], "published sample");
    encrypts_to_and_back(vector, vector["plaintext"].as_str().unwrap());
}

#[test]
fn published_sample_one_request() {
    published_sample("citcall-sample-request");
}

#[test]
fn published_sample_one_response() {
    published_sample("citcall-sample-response");
}

#[test]
fn published_sample_two_request() {
    published_sample("bni-sample-request");
}

#[test]
fn published_sample_two_response() {
    published_sample("bni-sample-response");
}

#[test]
fn every_decrypt_case_gives_what_is_expected() {
    for vector in vectors(include_str!("../vectors/additive_decrypt.json"), 47) {
        let now = vector["now"].as_u64().unwrap();
        let freshness = vector["window_s"]
            .as_u64()
            .map_or(Freshness::Unchecked, |seconds| Freshness::Within {
                now,
                seconds,
            });
        let result = stream_of(&vector).decrypt(vector["ciphertext"].as_str().unwrap(), freshness);
        let (expected, name) = (&vector["expected"], &vector["name"]);
        match result {
            Ok(message) => {
                assert_eq!(expected["status"], "ok", "{name}");
                assert_eq!(expected["timestamp"], message.sent_at, "{name}");
                assert_eq!(expected["text"], message.text(), "{name}");
                let json_valid = serde_json::from_str::<Value>(message.text()).is_ok();
                assert_eq!(expected["json_valid"], json_valid, "{name}");
            }
            Err(error) => {
                let kind = match error {
                    DecryptError::Base64 => "Base64",
                    DecryptError::Corrupt { .. } => "Corrupt",
                    DecryptError::MissingTimestamp => "MissingTimestamp",
                    DecryptError::BadTimestamp => "BadTimestamp",
                    DecryptError::Expired { .. } => "Expired",
                    other => panic!("{other}"),
                };
                assert_eq!(expected["status"], "error", "{name}: {error}");
                assert_eq!(expected["error"], kind, "{name}");
                if let Some(index) = expected["index"].as_u64() {
                    assert_eq!(
                        error,
                        DecryptError::Corrupt {
                            index: usize::try_from(index).unwrap()
                        },
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn text_beyond_ascii_is_escaped_first_and_otherwise_refused() {
    let (mut required, mut divergent) = (0, 0);
    for vector in vectors(include_str!("../vectors/additive_non_ascii.json"), 16) {
        if vector["kind"] == "required" {
            required += 1;
            let json = serde_json::json!({ "clientUniqueId": vector["value"] }).to_string();
            let escaped = ascii_json(&json);
            assert_eq!(escaped, vector["ascii_json"].as_str().unwrap());
            encrypts_to_and_back(&vector, &escaped);
            assert_eq!(
                serde_json::from_str::<Value>(&escaped).unwrap()["clientUniqueId"],
                vector["value"]
            );
        } else {
            divergent += 1;
            let raw = vector["raw_plaintext"].as_str().unwrap();
            assert_eq!(
                stream_of(&vector).encrypt(raw, 1_519_012_727),
                Err(NonAsciiText)
            );
        }
    }
    assert_eq!((required, divergent), (4, 12));
}

#[test]
fn the_first_damaged_byte_is_named_and_lenient_decryption_looks_past_it() {
    let stream = AdditiveStream::new("demo", "fe01ce2a7fbac8fafaed7c982a04e229").unwrap();
    let damaged = "X3wBT1F3A1AFTHlK8ig_DQFH";
    let error = stream.decrypt(damaged, Freshness::Unchecked).unwrap_err();
    assert_eq!(error, DecryptError::Corrupt { index: 12 });
    assert_eq!(
        stream
            .decrypt_lenient(damaged, Freshness::Unchecked)
            .unwrap()
            .text(),
        r#"{"a":1}"#
    );
    assert_eq!(
        stream
            .decrypt_lenient("X3wBT1F3A1AFTHlKcig_DQF", Freshness::Unchecked)
            .unwrap()
            .text(),
        "{\"a\":1"
    );
    assert_eq!(
        stream
            .decrypt_lenient("X3wB!", Freshness::Unchecked)
            .unwrap_err(),
        DecryptError::Base64
    );
}

#[test]
fn the_window_is_symmetric_and_does_not_overflow() {
    let stream = AdditiveStream::new("a", "b").unwrap();
    let ciphertext = stream.encrypt("x", 1000).unwrap();
    let at = |now, seconds| stream.decrypt(&ciphertext, Freshness::Within { now, seconds });
    assert!(at(1480, 480).is_ok() && at(520, 480).is_ok() && at(u64::MAX, u64::MAX).is_ok());
    assert_eq!(
        at(1481, 480).unwrap_err(),
        DecryptError::Expired {
            sent_at: 1000,
            now: 1481
        }
    );
    assert!(at(519, 480).is_err() && at(u64::MAX, 480).is_err());
    assert_eq!(
        Freshness::around(7),
        Freshness::Within {
            now: 7,
            seconds: 480
        }
    );
}

#[test]
fn keys_must_be_ascii_and_not_empty() {
    for (first, second) in [("", "b"), ("a", ""), ("ä", "b"), ("a", "ключ")] {
        assert_eq!(AdditiveStream::new(first, second).unwrap_err(), InvalidKey);
    }
}

#[test]
fn neither_keys_nor_text_are_shown() {
    let stream = AdditiveStream::new("visible-id", "visible-secret").unwrap();
    let message = stream
        .decrypt(
            &stream.encrypt("visible-text", 1).unwrap(),
            Freshness::Unchecked,
        )
        .unwrap();
    let shown = format!("{stream:?} {message:?}");
    assert!(!shown.contains("visible"), "{shown}");
}

proptest! {
    #[test]
    fn any_seven_bit_text_comes_back(
        text in "[\\x00-\\x7f]{0,700}", first in "[\\x00-\\x7f]{1,300}", second in "[ -~]{1,80}", at in 0..=i64::MAX.unsigned_abs(),
    ) {
        let stream = AdditiveStream::new(&first, &second).unwrap();
        let ciphertext = stream.encrypt(&text, at).unwrap();
        let message = stream.decrypt(&ciphertext, Freshness::Unchecked).unwrap();
        prop_assert_eq!((message.sent_at, message.text()), (at, text.as_str()));
        prop_assert!(decode_base64url(&ciphertext).unwrap().is_ascii());
        let swapped = AdditiveStream::new(&second, &first).unwrap();
        prop_assert_eq!(swapped.encrypt(&text, at).unwrap(), ciphertext);
    }

    #[test]
    fn no_ciphertext_panics(ciphertext in any::<String>(), noise in "[A-Za-z0-9_-]{0,120}") {
        let stream = AdditiveStream::new("demo", "secret").unwrap();
        for input in [ciphertext, noise] {
            let _ = stream.decrypt(&input, Freshness::around(1_519_012_727));
            let _ = stream.decrypt_lenient(&input, Freshness::Unchecked);
        }
    }
}

/// Both keys are repeated to the end of a text of any length: the vectors are short.
#[test]
fn a_long_text_is_encrypted_to_its_end() {
    let (first, second) = ("client-id", "a-longer-secret");
    let stream = AdditiveStream::new(first, second).unwrap();
    let text = "a".repeat(2_000);
    let ciphertext = stream.encrypt(&text, 1_700_000_000).unwrap();
    let bytes = decode_base64url(&ciphertext).unwrap();
    // One letter over and over: what differs is the keys, and they come together again after this many.
    let period = first.len() * second.len();
    let letters = &bytes[100..text.len() - 100];
    for (place, pair) in letters.windows(period + 1).enumerate() {
        assert_eq!(pair[0], pair[period], "{place}");
    }
    let message = stream.decrypt(&ciphertext, Freshness::Unchecked).unwrap();
    assert_eq!(message.text(), text);
}
