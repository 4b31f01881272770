//! Why an envelope does not open, found by trying one other choice of the profile after the other.

use super::envelope::{OpenError, Sealed, open_unwrapped, unwrap};
use super::profile::{
    Derivation, Digest, Encoding, Iv, KeyText, Padding, Payload, Profile, RsaInput,
};
use crate::rsa::PrivateKey;

/// What RSA carried, by padding and encoding: a private operation takes a thousand times as long as an AES key, and most
/// profiles that are tried differ on the AES side alone.
#[derive(Default)]
struct Unwrapped(Vec<(Padding, Encoding, Option<Vec<u8>>)>);

impl Unwrapped {
    fn of(&mut self, sealed: Sealed<'_>, key: &PrivateKey, profile: &Profile) -> Option<&[u8]> {
        let (padding, encoding) = (profile.padding, profile.encoding);
        let known = self
            .0
            .iter()
            .position(|(p, e, _)| (*p, *e) == (padding, encoding));
        let at = known.unwrap_or_else(|| {
            self.0
                .push((padding, encoding, unwrap(sealed, key, profile).ok()));
            self.0.len().saturating_sub(1)
        });
        self.0.get(at)?.2.as_deref()
    }
}

/// What is wrong with an envelope that failed at `error`.
pub(crate) fn explain(
    sealed: Sealed<'_>,
    key: &PrivateKey,
    profile: &Profile,
    error: OpenError,
) -> String {
    let mut unwrapped = Unwrapped::default();
    let mut opens = |other: &Profile| {
        let wrapped = unwrapped.of(sealed, key, other);
        wrapped.is_some_and(|wrapped| {
            open_unwrapped(sealed, wrapped, other).is_ok_and(|text| looks_like_json(&text))
        })
    };
    if let Some((hint, _)) = alternatives(profile)
        .into_iter()
        .find(|(_, other)| opens(other))
    {
        return hint;
    }
    // Two choices at once: the padding and one of the AES side.
    for (padding, other) in paddings(profile) {
        if let Some((hint, _)) = alternatives(&other).into_iter().find(|(_, p)| opens(p)) {
            return format!("{padding}; {hint}");
        }
    }
    match error {
        OpenError::OuterBase64 => {
            "a value of the envelope is not strict base64 (standard alphabet, `=` padding, no line breaks)"
        }
        OpenError::RsaLength => {
            "requestDigitalSignatureValue is not as long as the flow's RSA key: made with another key?"
        }
        OpenError::RsaPadding => {
            "requestDigitalSignatureValue does not open with the flow's private key under any padding known here: \
             made with the public key of another flow, or an old one?"
        }
        OpenError::KeyString => "the wrapped key opens, but is no usable key string",
        OpenError::Length => {
            "requestEncryptedValue is empty or no whole number of 16-octet blocks"
        }
        OpenError::Padding => {
            "the wrapped key opens, but the payload does not: another key derivation, another key, or damage"
        }
        OpenError::InnerBase64 => "the payload opens, but is not base64 of the JSON",
        OpenError::InnerUtf8 => "the payload opens, but is not UTF-8",
    }
    .into()
}

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
}

fn paddings(profile: &Profile) -> Vec<(String, Profile)> {
    Padding::ALL
        .into_iter()
        .filter(|(_, padding)| *padding != profile.padding)
        .map(|(name, padding)| {
            (
                format!("padding is {name}, profile says {}", profile.padding.name()),
                Profile {
                    padding,
                    ..profile.clone()
                },
            )
        })
        .collect()
}

/// Every profile that differs in one choice, with what to say about it.
fn alternatives(profile: &Profile) -> Vec<(String, Profile)> {
    let mut all = paddings(profile);
    let mut add = |what: &str, change: &dyn Fn(&mut Profile)| {
        let mut other = profile.clone();
        change(&mut other);
        if other != *profile {
            all.push((format!("{what}; the profile says otherwise"), other));
        }
    };
    add("the JSON itself was encrypted", &|p| {
        p.payload = Payload::Raw
    });
    add("the base64 text of the JSON was encrypted", &|p| {
        p.payload = Payload::Base64
    });
    for (name, digest) in [
        ("SHA-1", Digest::Sha1),
        ("SHA-256", Digest::Sha256),
        ("SHA-512", Digest::Sha512),
    ] {
        for length in [16, 24, 32] {
            for (input, derive_from) in [
                ("the base64 key string", KeyText::Base64),
                ("the raw key string", KeyText::Raw),
            ] {
                let what = format!("the AES key is {length} octets of {name} of {input}");
                add(&what, &|p| {
                    p.derivation = Derivation::Digest(digest, length);
                    p.derive_from = derive_from;
                });
            }
        }
    }
    for (input, derive_from) in [("base64", KeyText::Base64), ("raw", KeyText::Raw)] {
        add(&format!("the {input} key string is the AES key"), &|p| {
            p.derivation = Derivation::Direct;
            p.derive_from = derive_from;
        });
        for length in [16, 24, 32] {
            let what =
                format!("the AES key is the {input} key string, cut or zero-filled to {length}");
            add(&what, &|p| {
                p.derivation = Derivation::ZeroPad(length);
                p.derive_from = derive_from;
            });
        }
    }
    add("ECB was used", &|p| p.iv = None);
    add("CBC with a zero IV was used", &|p| p.iv = Some(Iv::Zero));
    add("CBC with the key as IV was used", &|p| {
        p.iv = Some(Iv::KeyPrefix)
    });
    add("CBC with the IV in front was used", &|p| {
        p.iv = Some(Iv::Prefixed)
    });
    add("RSA carries the raw key string", &|p| {
        p.rsa_input = RsaInput::Key(KeyText::Raw)
    });
    add("RSA carries the base64 key string", &|p| {
        p.rsa_input = RsaInput::Key(KeyText::Base64)
    });
    add("RSA carries the AES key itself", &|p| {
        p.rsa_input = RsaInput::AesKey
    });
    add("the values are standard base64", &|p| {
        p.encoding = Encoding::Base64
    });
    add("the values are URL-safe base64", &|p| {
        p.encoding = Encoding::Base64Url
    });
    add("the values are hexadecimal", &|p| {
        p.encoding = Encoding::Hex
    });
    all
}

#[cfg(test)]
mod tests {
    use super::super::envelope::open;
    use super::*;
    use serde_json::Value;

    fn file(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    fn key() -> PrivateKey {
        let file = file(include_str!("../../../vectors/kairos/rsa.json"));
        let pem = file["test_keys"]["2048"]["private_pkcs8_pem"]
            .as_str()
            .unwrap();
        PrivateKey::from_pem(pem).unwrap()
    }

    fn wrapped(padding: &str) -> String {
        let file = file(include_str!("../../../vectors/kairos/envelopes.json"));
        let rows = file["vectors"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["test_key"] == "2048" && row["rsa_padding"] == padding)
            .unwrap();
        row["envelope"]["requestDigitalSignatureValue"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    fn encrypted(id: &str) -> String {
        let file = file(include_str!("../../../vectors/kairos/aes.json"));
        let rows = file["vectors"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == id).unwrap();
        row["ciphertext_base64"].as_str().unwrap().to_owned()
    }

    #[test]
    fn names_the_choice_that_differs() {
        for (payload, padding, expected) in [
            (
                "phonon-sample-pretty",
                "oaep-sha1-mgf1-sha1",
                "padding is oaep_sha1, profile says pkcs1v15",
            ),
            (
                "phonon-sample-pretty",
                "oaep-sha512-mgf1-sha1",
                "padding is oaep_sha512_java",
            ),
            (
                "sha1-of-b64key",
                "pkcs1v15",
                "16 octets of SHA-1 of the base64 key string",
            ),
            (
                "sha256-of-raw-key",
                "pkcs1v15",
                "16 octets of SHA-256 of the raw key string",
            ),
            ("sha512-32-of-b64key", "pkcs1v15", "32 octets of SHA-512"),
            (
                "zeropad16-raw",
                "pkcs1v15",
                "raw key string, cut or zero-filled to 16",
            ),
            (
                "sha256-of-b64key-raw-payload",
                "pkcs1v15",
                "the JSON itself was encrypted",
            ),
            ("cbc-zero-iv", "pkcs1v15", "zero IV"),
            ("cbc-iv-is-key", "pkcs1v15", "key as IV"),
            ("cbc-iv-prefix", "pkcs1v15", "IV in front"),
            (
                "sha1-of-b64key",
                "oaep-sha256-mgf1-sha256",
                "padding is oaep_sha256, profile says pkcs1v15; the AES key is 16 octets of SHA-1",
            ),
            ("direct-16", "pkcs1v15", "the payload does not"),
        ] {
            let (payload, wrapped) = (encrypted(payload), wrapped(padding));
            let sealed = Sealed {
                encrypted: &payload,
                wrapped_key: &wrapped,
                iv: None,
            };
            let error = open(sealed, &key(), &Profile::default()).unwrap_err();
            let why = explain(sealed, &key(), &Profile::default(), error);
            assert!(why.contains(expected), "{expected}: {why}");
        }
    }

    #[test]
    fn the_private_key_is_used_once_for_each_padding_and_encoding() {
        let (payload, wrapped) = (encrypted("direct-16"), wrapped("pkcs1v15"));
        let sealed = Sealed {
            encrypted: &payload,
            wrapped_key: &wrapped,
            iv: None,
        };
        let (key, profile) = (key(), Profile::default());
        let mut unwrapped = Unwrapped::default();
        let all = alternatives(&profile).into_iter().map(|(_, other)| other);
        let both = paddings(&profile)
            .into_iter()
            .flat_map(|(_, other)| alternatives(&other));
        let tried: Vec<Profile> = all.chain(both.map(|(_, other)| other)).collect();
        for other in &tried {
            let once = unwrapped.of(sealed, &key, other).map(<[u8]>::to_vec);
            assert_eq!(once, unwrap(sealed, &key, other).ok());
        }
        assert!(tried.len() > 200, "{}", tried.len());
        assert!(unwrapped.0.len() <= 18, "{}", unwrapped.0.len());
    }

    #[test]
    fn says_that_another_key_was_used() {
        let other = PrivateKey::generate(2048).unwrap();
        let (payload, wrapped) = (encrypted("phonon-sample-pretty"), wrapped("pkcs1v15"));
        let sealed = Sealed {
            encrypted: &payload,
            wrapped_key: &wrapped,
            iv: None,
        };
        let error = open(sealed, &other, &Profile::default()).unwrap_err();
        let why = explain(sealed, &other, &Profile::default(), error);
        assert!(why.contains("public key of another flow"), "{why}");
    }
}
