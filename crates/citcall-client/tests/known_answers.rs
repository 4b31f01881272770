//! The cipher against every known answer, and the two printed samples whole, broken and through the client.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use citcall_client::additive::{AdditiveStream, DecryptError, NonAsciiText};
use citcall_client::core::{Outcome, Secret};
use citcall_client::wire::{Envelope, WireError};
use citcall_client::{AsyncCall, Cipher, Gateway};
use serde_json::Value;
use support::*;

fn vectors(file: &str, count: usize) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    let vectors = file["vectors"].as_array().unwrap().clone();
    assert_eq!(vectors.len(), count);
    vectors
}

fn text<'a>(vector: &'a Value, name: &str) -> &'a str {
    vector[name].as_str().unwrap()
}

fn cipher_of(vector: &Value) -> Cipher {
    Cipher::new(
        text(vector, "client_id"),
        &Secret::new(text(vector, "secret")),
    )
    .unwrap()
}

fn seals_and_opens(vector: &Value) {
    let (cipher, now) = (cipher_of(vector), at(vector["timestamp"].as_u64().unwrap()));
    let (plain, sealed) = (text(vector, "plaintext"), text(vector, "ciphertext"));
    // Not every vector is JSON: the stream itself takes any seven-bit text.
    let stream = AdditiveStream::new(text(vector, "client_id"), text(vector, "secret")).unwrap();
    let seconds = vector["timestamp"].as_u64().unwrap();
    assert_eq!(stream.encrypt(plain, seconds).unwrap(), sealed, "{vector}");
    let message = cipher.open(sealed, now).unwrap();
    assert_eq!((message.sent_at, message.text()), (seconds, plain));
    if plain.bytes().all(|b| b <= b'~') {
        assert_eq!(cipher.seal(plain, now), sealed);
    }
}

fn all() -> Vec<Value> {
    vectors(include_str!("../vectors/encrypt.json"), 51)
}

fn named(name: &str) -> Value {
    let vector = all().into_iter().find(|vector| vector["name"] == name);
    let vector = vector.unwrap();
    assert_eq!(vector["origin"], "published sample");
    vector
}

#[test]
fn all_51_encrypt_vectors() {
    all().iter().for_each(seals_and_opens);
}

#[test]
fn citcall_sample_request() {
    seals_and_opens(&named("citcall-sample-request"));
}

#[test]
fn citcall_sample_response() {
    seals_and_opens(&named("citcall-sample-response"));
}

#[test]
fn bni_sample_request() {
    seals_and_opens(&named("bni-sample-request"));
}

#[test]
fn bni_sample_response() {
    seals_and_opens(&named("bni-sample-response"));
}

#[test]
fn every_decrypt_case() {
    for vector in vectors(include_str!("../vectors/decrypt.json"), 47) {
        let window = vector["window_s"].as_u64().map(Duration::from_secs);
        let now = at(vector["now"].as_u64().unwrap());
        let opened = cipher_of(&vector)
            .with_window(window)
            .open(text(&vector, "ciphertext"), now);
        let (expected, name) = (&vector["expected"], &vector["name"]);
        match opened {
            Ok(message) => {
                assert_eq!(expected["status"], "ok", "{name}");
                assert_eq!(expected["timestamp"], message.sent_at, "{name}");
                assert_eq!(expected["text"], message.text(), "{name}");
            }
            Err(error) => {
                let kind = match error {
                    DecryptError::Base64 => "Base64",
                    DecryptError::Corrupt { index } => {
                        assert_eq!(
                            expected["index"].as_u64().unwrap_or(index as u64),
                            index as u64
                        );
                        "Corrupt"
                    }
                    DecryptError::MissingTimestamp => "MissingTimestamp",
                    DecryptError::BadTimestamp => "BadTimestamp",
                    DecryptError::Expired { .. } => "Expired",
                    other => panic!("{other}"),
                };
                assert_eq!(expected["error"], kind, "{name}");
            }
        }
    }
}

#[test]
fn text_beyond_ascii_is_escaped_and_never_garbled() {
    let mut required = 0;
    for vector in vectors(include_str!("../vectors/non_ascii.json"), 16) {
        let (cipher, stream) = (
            cipher_of(&vector),
            AdditiveStream::new(text(&vector, "client_id"), text(&vector, "secret")).unwrap(),
        );
        if vector["kind"] == "required" {
            required += 1;
            let json = serde_json::json!({ "clientUniqueId": vector["value"] }).to_string();
            let now = at(vector["timestamp"].as_u64().unwrap());
            let sealed = cipher.seal(&json, now);
            assert_eq!(sealed, text(&vector, "ciphertext"));
            let back: Value =
                serde_json::from_str(cipher.open(&sealed, now).unwrap().text()).unwrap();
            assert_eq!(back["clientUniqueId"], vector["value"]);
        } else {
            let raw = text(&vector, "raw_plaintext");
            assert_eq!(stream.encrypt(raw, AT), Err(NonAsciiText));
            assert_ne!(cipher.seal(raw, at(AT)), text(&vector, "ciphertext"));
        }
    }
    assert_eq!(required, 4);
}

#[tokio::test]
async fn the_client_sends_the_published_request_octet_for_octet() {
    let server = Server::says(200, r#"{"rc":"00"}"#);
    let call = AsyncCall::new(&to(), Gateway::FIRST).client_unique_id("1234567890");
    let answer = client(&server).async_call(&reference(), &call).await;
    assert_eq!(outcome(&answer), Some(Outcome::Accepted));
    let expected = format!(
        "{{\"data\":\"{}\"}}",
        text(&named("citcall-sample-request"), "ciphertext")
    );
    assert_eq!(server.body(), expected);
}

#[tokio::test]
async fn the_client_reads_the_published_response() {
    let vector = named("citcall-sample-response");
    let body = format!("{{\"data\":\"{}\"}}", text(&vector, "ciphertext"));
    let server = Server::says(200, body);
    // The two samples are 929 s apart: two encryptions, not a pair. The clock is that of the answer.
    let client = builder(&server)
        .clock(Hand::at(1_519_013_656))
        .build()
        .unwrap();
    let call = AsyncCall::new(&to(), Gateway::FIRST).client_unique_id("1234567890");
    let call = accepted(client.async_call(&reference(), &call).await);
    assert!(call.encrypted);
    assert_eq!(call.token.unwrap().expose(), "02150808955");
    assert_eq!(call.msisdn.unwrap(), to());
    assert_eq!((call.gateway, call.trxid), (Some(1), None));
    assert_eq!(call.info.as_deref(), Some("success"));
}

/// The published request with the characters that its printing damaged.
fn damaged_request() -> String {
    let mut printed = text(&named("citcall-sample-request"), "ciphertext").to_owned();
    assert_eq!(printed.len(), 104);
    assert_eq!(&printed[14..15], "l");
    printed.replace_range(14..15, "1");
    printed
}

/// The same for the response: eight characters changed, one too many.
fn damaged_response() -> String {
    let mut printed = text(&named("citcall-sample-response"), "ciphertext").to_owned();
    printed.insert(109, 'A');
    assert_eq!(printed.len(), 173);
    for (index, right, wrong) in [
        (14, "l", "1"),
        (50, "l", "1"),
        (69, "A", "a"),
        (73, "l", "1"),
        (74, "l", "1"),
        (121, "O", "0"),
        (168, "C", "c"),
        (172, "l", "1"),
    ] {
        assert_eq!(&printed[index..=index], right, "{index}");
        printed.replace_range(index..=index, wrong);
    }
    printed
}

#[test]
fn the_samples_as_printed_are_refused() {
    for (printed, expected) in [
        (damaged_request(), DecryptError::MissingTimestamp),
        (damaged_response(), DecryptError::Base64),
    ] {
        assert_eq!(cipher().open(&printed, at(AT)).unwrap_err(), expected);
        let body = format!("{{\"data\":\"{printed}\"}}");
        let error = Envelope::read(body.as_bytes(), Some(&cipher()), at(AT)).unwrap_err();
        assert_eq!(error, WireError::Decrypt(expected));
    }
}

#[test]
fn white_space_inside_is_tolerated_and_a_hyphen_is_a_symbol() {
    let sealed = text(&named("citcall-sample-request"), "ciphertext").to_owned();
    let wrapped: String = sealed
        .as_bytes()
        .chunks(40)
        .map(|line| format!("{} \r\n\t\u{b}\u{c}", std::str::from_utf8(line).unwrap()))
        .collect();
    let message = cipher().open(&wrapped, at(AT)).unwrap();
    assert_eq!(
        message.text(),
        text(&named("citcall-sample-request"), "plaintext")
    );
    assert!(cipher().open(&format!("{sealed}-"), at(AT)).is_err());
}

#[test]
fn the_window_at_its_edges() {
    let sealed = cipher().seal("{}", at(AT));
    let within = |now: u64, window: u64| {
        cipher()
            .with_window(Some(Duration::from_secs(window)))
            .open(&sealed, at(now))
            .is_ok()
    };
    for (now, fresh) in [
        (AT - 481, false),
        (AT - 480, true),
        (AT + 480, true),
        (AT + 481, false),
    ] {
        assert_eq!(within(now, 480), fresh, "{now}");
        // The default window is that one.
        let default = Cipher::new(USER, &Secret::new(KEY)).unwrap();
        assert_eq!(default.open(&sealed, at(now)).is_ok(), fresh);
    }
    assert!(within(AT + 300, 300) && !within(AT + 301, 300));
    assert!(cipher().open(&sealed, at(0)).is_ok(), "unchecked");
}

#[test]
fn keys_that_cannot_be_keys() {
    for (client_id, secret) in [("", "k"), ("u", ""), ("é", "k"), ("u", "ключ")] {
        assert!(Cipher::new(client_id, &Secret::new(secret)).is_err());
    }
    assert!(Cipher::new("u", &Secret::new("k")).is_ok());
}
