//! Opening an envelope with the flow's private key: docs/protocols/kairos.md, sections 5 to 7, from the provider's side.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey,
};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::profile::{Derivation, Digest, Encoding, Iv, KeyText, Payload, Profile, RsaInput};
use super::unwrap::decrypt_rsa;
use crate::rsa::PrivateKey;

/// The first step that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    OuterBase64,
    RsaLength,
    RsaPadding,
    KeyString,
    Length,
    Padding,
    InnerBase64,
    InnerUtf8,
}

/// The values of an envelope, as they came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sealed<'a> {
    pub(crate) encrypted: &'a str,
    pub(crate) wrapped_key: &'a str,
    pub(crate) iv: Option<&'a str>,
}

/// The JSON text inside.
pub(crate) fn open(
    sealed: Sealed<'_>,
    key: &PrivateKey,
    profile: &Profile,
) -> Result<String, OpenError> {
    open_unwrapped(sealed, &unwrap(sealed, key, profile)?, profile)
}

/// What RSA carried.
pub(super) fn unwrap(
    sealed: Sealed<'_>,
    key: &PrivateKey,
    profile: &Profile,
) -> Result<Vec<u8>, OpenError> {
    let block = decode(sealed.wrapped_key, profile.encoding).ok_or(OpenError::OuterBase64)?;
    decrypt_rsa(key, profile.padding, &block)
}

/// The JSON text inside, once it is known what RSA carried.
pub(super) fn open_unwrapped(
    sealed: Sealed<'_>,
    wrapped: &[u8],
    profile: &Profile,
) -> Result<String, OpenError> {
    let aes_key = match profile.rsa_input {
        RsaInput::AesKey => wrapped.to_vec(),
        RsaInput::Key(form) => aes_key(wrapped, form, profile).ok_or(OpenError::KeyString)?,
    };
    open_payload(sealed, &aes_key, profile)
}

/// The same with the AES key already known.
fn open_payload(
    sealed: Sealed<'_>,
    aes_key: &[u8],
    profile: &Profile,
) -> Result<String, OpenError> {
    let mut bytes = decode(sealed.encrypted, profile.encoding).ok_or(OpenError::OuterBase64)?;
    let iv = match &profile.iv {
        None => None,
        Some(Iv::Zero) => Some([0; 16]),
        Some(Iv::Fixed(iv)) => Some(*iv),
        Some(Iv::KeyPrefix) => Some(first_block(aes_key)?),
        Some(Iv::Field(_)) => {
            let field = sealed
                .iv
                .and_then(|text| decode(text, profile.encoding))
                .ok_or(OpenError::OuterBase64)?;
            Some(first_block(&field)?)
        }
        Some(Iv::Prefixed) => {
            let iv = first_block(&bytes)?;
            bytes.drain(..16);
            Some(iv)
        }
    };
    if bytes.is_empty() || bytes.len() % 16 != 0 {
        return Err(OpenError::Length);
    }
    decrypt_aes(aes_key, iv, &mut bytes).ok_or(OpenError::KeyString)?;
    let text = unpad(&bytes).ok_or(OpenError::Padding)?;
    let json = match profile.payload {
        Payload::Raw => text.to_vec(),
        Payload::Base64 => STANDARD.decode(text).map_err(|_| OpenError::InnerBase64)?,
    };
    String::from_utf8(json).map_err(|_| OpenError::InnerUtf8)
}

fn first_block(bytes: &[u8]) -> Result<[u8; 16], OpenError> {
    bytes.first_chunk().copied().ok_or(OpenError::Length)
}

fn decode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Base64Url => URL_SAFE_NO_PAD.decode(text).ok(),
        Encoding::Hex => {
            let digit = |byte: &u8| match byte {
                b'0'..=b'9' => Some(byte - b'0'),
                b'a'..=b'f' => Some(byte - b'a' + 10),
                _ => None,
            };
            let (pairs, rest) = text.as_bytes().as_chunks::<2>();
            rest.is_empty().then_some(())?;
            pairs
                .iter()
                .map(|[high, low]| Some(digit(high)? << 4 | digit(low)?))
                .collect()
        }
    }
}

/// The AES key from what RSA carried: the key string in the form `came`.
fn aes_key(wrapped: &[u8], came: KeyText, profile: &Profile) -> Option<Vec<u8>> {
    let input = match (came, profile.derive_from) {
        (KeyText::Base64, KeyText::Raw) => STANDARD.decode(wrapped).ok()?,
        (KeyText::Raw, KeyText::Base64) => STANDARD.encode(wrapped).into_bytes(),
        (KeyText::Base64, KeyText::Base64) => {
            STANDARD.decode(wrapped).ok()?;
            wrapped.to_vec()
        }
        (KeyText::Raw, KeyText::Raw) => wrapped.to_vec(),
    };
    let key = match profile.derivation {
        Derivation::Direct => input,
        Derivation::ZeroPad(length) => {
            let mut key = input;
            key.resize(length, 0);
            key
        }
        Derivation::Digest(which, length) => hash(which, &input).get(..length)?.to_vec(),
    };
    matches!(key.len(), 16 | 24 | 32).then_some(key)
}

pub(super) fn hash(which: Digest, input: &[u8]) -> Vec<u8> {
    let algorithm = match which {
        Digest::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Digest::Sha256 => &digest::SHA256,
        Digest::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, input).as_ref().to_vec()
}

fn decrypt_aes(key: &[u8], iv: Option<[u8; 16]>, in_out: &mut [u8]) -> Option<()> {
    let algorithm = match key.len() {
        16 => &AES_128,
        24 => &AES_192,
        32 => &AES_256,
        _ => return None,
    };
    let key = UnboundCipherKey::new(algorithm, key).ok()?;
    let (key, context) = match iv {
        None => (DecryptingKey::ecb(key).ok()?, DecryptionContext::None),
        Some(iv) => (
            DecryptingKey::cbc(key).ok()?,
            DecryptionContext::Iv128(FixedLength::from(iv)),
        ),
    };
    key.decrypt(in_out, context).ok().map(|_| ())
}

fn unpad(bytes: &[u8]) -> Option<&[u8]> {
    let count = *bytes.last()?;
    let (text, padding) = bytes.split_at_checked(bytes.len().checked_sub(count.into())?)?;
    let good = (1..=16).contains(&count) && padding.iter().all(|byte| *byte == count);
    good.then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::profile::Padding;
    use super::*;

    fn file(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn rsa_file() -> Value {
        file(include_str!("../../../vectors/kairos/rsa.json"))
    }

    fn test_key(name: &str) -> PrivateKey {
        let file = rsa_file();
        let pem = file["test_keys"][name]["private_pkcs8_pem"]
            .as_str()
            .unwrap();
        PrivateKey::from_pem(pem).unwrap()
    }

    fn padding(name: &str) -> Padding {
        let at = [
            "pkcs1v15",
            "oaep-sha1-mgf1-sha1",
            "oaep-sha256-mgf1-sha1",
            "oaep-sha256-mgf1-sha256",
            "oaep-sha512-mgf1-sha1",
            "oaep-sha512-mgf1-sha512",
        ]
        .iter()
        .position(|known| *known == name)
        .unwrap();
        Padding::ALL[at].1
    }

    fn hex(text: &str) -> Vec<u8> {
        decode(text, Encoding::Hex).unwrap()
    }

    /// The profile that a row of aes.json describes.
    fn profile(row: &Value) -> Profile {
        let text = row["key_derivation"].as_str().unwrap();
        let length = |text: &str| {
            let digits: String = text
                .chars()
                .rev()
                .skip_while(|c| *c == ']')
                .take_while(char::is_ascii_digit)
                .collect();
            digits.chars().rev().collect::<String>().parse().unwrap()
        };
        let derivation = if text.starts_with("sha1(") {
            Derivation::Digest(Digest::Sha1, length(text))
        } else if text.starts_with("sha256(") {
            Derivation::Digest(Digest::Sha256, length(text))
        } else if text.starts_with("sha512(") {
            Derivation::Digest(Digest::Sha512, length(text))
        } else if text.contains("zero-padded") {
            Derivation::ZeroPad(length(text))
        } else {
            assert!(text.contains("must be 16/24/32"), "{text}");
            Derivation::Direct
        };
        let iv = match row["iv_placement"].as_str().unwrap() {
            "none" => None,
            "fixed zero, not transmitted" => Some(Iv::Zero),
            "iv = AES key, not transmitted" => Some(Iv::KeyPrefix),
            "prepended: base64(iv || ciphertext)" => Some(Iv::Prefixed),
            "separate envelope field, base64" => Some(Iv::Field("iv".into())),
            other => panic!("{other}"),
        };
        Profile {
            derivation,
            iv,
            derive_from: if text.contains("base64") {
                KeyText::Base64
            } else {
                KeyText::Raw
            },
            payload: if row["payload_encoding"] == "raw" {
                Payload::Raw
            } else {
                Payload::Base64
            },
            ..Profile::default()
        }
    }

    #[test]
    fn opens_every_row_of_the_aes_file() {
        let file = file(include_str!("../../../vectors/kairos/aes.json"));
        let mut opened = 0;
        for row in file["vectors"].as_array().unwrap() {
            let id = row["id"].as_str().unwrap();
            if matches!(id, "md5-of-b64key" | "cryptojs-passphrase") {
                continue;
            }
            let profile = profile(row);
            let k64 = row["key_base64"].as_str().unwrap().as_bytes();
            let key = aes_key(k64, KeyText::Base64, &profile).unwrap();
            assert_eq!(key, hex(row["aes_key_hex"].as_str().unwrap()), "{id}");
            let iv = row["iv_hex"].as_str().map(|iv| STANDARD.encode(hex(iv)));
            let sealed = Sealed {
                encrypted: row["ciphertext_base64"].as_str().unwrap(),
                iv: iv.as_deref(),
                ..Sealed::default()
            };
            let text = open_payload(sealed, &key, &profile).unwrap();
            assert_eq!(STANDARD.encode(text), row["payload_base64"], "{id}");
            opened += 1;
        }
        assert_eq!(opened, 25);
    }

    #[test]
    fn decrypts_every_row_of_the_rsa_file() {
        let file = rsa_file();
        let rows = file["vectors"].as_array().unwrap();
        assert_eq!(rows.len(), 8);
        for row in rows {
            let key = test_key(row["test_key"].as_str().unwrap());
            let block = STANDARD
                .decode(row["ciphertext_base64"].as_str().unwrap())
                .unwrap();
            let padding = padding(row["padding"].as_str().unwrap());
            let text = decrypt_rsa(&key, padding, &block).unwrap();
            assert_eq!(
                text,
                row["plaintext"].as_str().unwrap().as_bytes(),
                "{}",
                row["id"]
            );
            for (_, other) in Padding::ALL {
                assert_eq!(decrypt_rsa(&key, other, &block).is_ok(), other == padding);
            }
        }
    }

    #[test]
    fn opens_every_envelope_whose_key_is_known() {
        let file = file(include_str!("../../../vectors/kairos/envelopes.json"));
        let mut opened = 0;
        for row in file["vectors"].as_array().unwrap() {
            let Some(key) = row["test_key"].as_str() else {
                assert_eq!(row["id"], "provider-sample");
                continue;
            };
            let profile = Profile {
                padding: padding(row["rsa_padding"].as_str().unwrap()),
                ..Profile::default()
            };
            let sealed = Sealed {
                encrypted: row["envelope"]["requestEncryptedValue"].as_str().unwrap(),
                wrapped_key: row["envelope"]["requestDigitalSignatureValue"]
                    .as_str()
                    .unwrap(),
                iv: None,
            };
            let text = open(sealed, &test_key(key), &profile).unwrap();
            assert_eq!(
                STANDARD.encode(text),
                row["payload_base64"],
                "{}",
                row["id"]
            );
            opened += 1;
        }
        assert_eq!(opened, 8);
    }

    #[test]
    fn refuses_every_damaged_value_at_its_step() {
        let file = file(include_str!("../../../vectors/kairos/negative.json"));
        let rows = file["vectors"].as_array().unwrap();
        assert_eq!(rows.len(), 17);
        for row in rows {
            let profile = Profile::default();
            let got = if row["layer"] == "rsa" {
                let block = STANDARD
                    .decode(row["ciphertext_base64"].as_str().unwrap())
                    .unwrap();
                let padding = padding(row["padding"].as_str().unwrap());
                decrypt_rsa(&test_key("2048"), padding, &block).map(|_| String::new())
            } else {
                let k64 = row["key_base64"].as_str().unwrap().as_bytes();
                let key = aes_key(k64, KeyText::Base64, &profile).unwrap();
                let sealed = Sealed {
                    encrypted: row["request_encrypted_value"].as_str().unwrap(),
                    ..Sealed::default()
                };
                open_payload(sealed, &key, &profile)
            };
            let step = match got {
                Ok(text) => {
                    assert!(
                        serde_json::from_str::<Value>(&text).is_err(),
                        "{}",
                        row["id"]
                    );
                    "inner-json"
                }
                Err(OpenError::OuterBase64) => "outer-base64",
                Err(OpenError::RsaLength) => "rsa-length",
                Err(OpenError::RsaPadding) => "rsa-padding",
                Err(OpenError::KeyString) => "key-string",
                Err(OpenError::Length) => "length",
                Err(OpenError::Padding) => "padding",
                Err(OpenError::InnerBase64) => "inner-base64",
                Err(OpenError::InnerUtf8) => "inner-utf8",
            };
            assert_eq!(step, row["fails_at"], "{}", row["id"]);
        }
    }
}
