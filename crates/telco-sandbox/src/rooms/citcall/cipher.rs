//! The two-key additive stream over 7-bit text, read from the specification for the provider's side.
//!
//! docs/protocols/citcall.md, part A. The clients of this workspace have their own; that the two agree is worth
//! something only because neither has seen the other.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, engine::DecodePaddingMode};

/// Unpadded out; trailing bits must be zero (step 3 of A.4).
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Why a text does not open, in the order in which A.4 checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    Base64,
    Corrupt { index: usize },
    MissingTimestamp,
    BadTimestamp,
    Expired { sent_at: i64, now: i64 },
}

/// How the keys are laid over the text. Only the default is the protocol's; the others are mistakes that people make,
/// tried when a request does not open so that the answer can name the mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The key begins at its first byte instead of its last.
    pub(crate) first_byte_first: bool,
    /// The decimal time stands as it is instead of backwards.
    pub(crate) forward_time: bool,
}

/// Both keys, as text.
#[derive(Clone, Copy)]
pub(crate) struct Keys<'a> {
    pub(crate) client_id: &'a [u8],
    pub(crate) secret: &'a [u8],
}

impl Keys<'_> {
    /// What is added to byte `i` of the text, before the reduction modulo 128.
    fn at(&self, i: usize, reading: Reading) -> u8 {
        let pick = |key: &[u8]| {
            let len = key.len().max(1);
            let offset = if reading.first_byte_first { 0 } else { len - 1 };
            key.get((i % len + offset) % len).copied().unwrap_or(0)
        };
        pick(self.client_id).wrapping_add(pick(self.secret))
    }

    /// The ciphertext of `text` at the Unix time `at`; `None` for text beyond 7 bits, which the cipher cannot carry.
    pub(crate) fn seal(&self, at: u64, text: &str) -> Option<String> {
        if !text.is_ascii() {
            return None;
        }
        let framed: String = at.to_string().chars().rev().chain(['.']).collect();
        let sealed: Vec<u8> = framed
            .bytes()
            .chain(text.bytes())
            .enumerate()
            // 256 is a multiple of 128, so wrapping in a byte first changes nothing.
            .map(|(i, byte)| byte.wrapping_add(self.at(i, Reading::default())) & 0x7f)
            .collect();
        Some(URL_SAFE.encode(sealed))
    }

    /// Opens a ciphertext; `window` in seconds, both edges inside, `None` for no check of the time.
    pub(crate) fn open(
        &self,
        ciphertext: &str,
        now: i64,
        window: Option<u64>,
        reading: Reading,
    ) -> Result<(i64, String), OpenError> {
        let bytes = decode(ciphertext)?;
        if let Some(index) = bytes.iter().position(|byte| !byte.is_ascii()) {
            return Err(OpenError::Corrupt { index });
        }
        let plain: String = bytes
            .iter()
            .enumerate()
            .map(|(i, byte)| char::from(byte.wrapping_sub(self.at(i, reading)) & 0x7f))
            .collect();
        let (time, text) = plain.split_once('.').ok_or(OpenError::MissingTimestamp)?;
        let digits: String = if reading.forward_time {
            time.to_owned()
        } else {
            time.chars().rev().collect()
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(OpenError::BadTimestamp);
        }
        let sent_at: i64 = digits.parse().map_err(|_| OpenError::BadTimestamp)?;
        match window {
            Some(window) if sent_at.abs_diff(now) > window => {
                Err(OpenError::Expired { sent_at, now })
            }
            _ => Ok((sent_at, text.to_owned())),
        }
    }
}

fn decode(ciphertext: &str) -> Result<Vec<u8>, OpenError> {
    let joined: String = ciphertext
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n' | '\x0b' | '\x0c'))
        .map(|c| match c {
            '+' => '-',
            '/' => '_',
            other => other,
        })
        .collect();
    URL_SAFE
        .decode(joined.trim_end_matches('='))
        .map_err(|_| OpenError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn vectors(text: &str) -> Vec<Value> {
        let file: Value = serde_json::from_str(text).unwrap();
        file["vectors"].as_array().unwrap().clone()
    }

    fn keys(vector: &Value) -> Keys<'_> {
        Keys {
            client_id: vector["client_id"].as_str().unwrap().as_bytes(),
            secret: vector["secret"].as_str().unwrap().as_bytes(),
        }
    }

    #[test]
    fn seals_and_opens_every_known_text() {
        let all = vectors(include_str!("../../../vectors/citcall/encrypt.json"));
        assert_eq!(all.len(), 51);
        for vector in &all {
            let (at, text) = (
                vector["timestamp"].as_u64().unwrap(),
                vector["plaintext"].as_str().unwrap(),
            );
            let sealed = keys(vector).seal(at, text).unwrap();
            assert_eq!(sealed, vector["ciphertext"], "{}", vector["name"]);
            let opened = keys(vector).open(&sealed, at as i64, Some(0), Reading::default());
            assert_eq!(opened, Ok((at as i64, text.to_owned())));
        }
    }

    #[test]
    fn judges_every_known_ciphertext() {
        let all = vectors(include_str!("../../../vectors/citcall/decrypt.json"));
        assert_eq!(all.len(), 47);
        for vector in &all {
            let got = keys(vector).open(
                vector["ciphertext"].as_str().unwrap(),
                vector["now"].as_i64().unwrap(),
                vector["window_s"].as_u64(),
                Reading::default(),
            );
            let expected = &vector["expected"];
            match got {
                Ok((at, text)) => {
                    assert_eq!(expected["status"], "ok", "{}", vector["name"]);
                    assert_eq!(at, expected["timestamp"], "{}", vector["name"]);
                    assert_eq!(text, expected["text"], "{}", vector["name"]);
                }
                Err(error) => {
                    let kind = format!("{error:?}");
                    let kind = kind.split(' ').next().unwrap();
                    assert_eq!(kind, expected["error"], "{}", vector["name"]);
                }
            }
        }
    }

    #[test]
    fn text_beyond_seven_bits_is_not_sealed() {
        let keys = Keys {
            client_id: b"demo",
            secret: b"secret",
        };
        assert_eq!(keys.seal(1, "caf\u{e9}"), None);
    }
}
