//! How an envelope is made: every choice of docs/protocols/kairos.md, sections 5 to 7, as data.

use serde::{Deserialize, Serialize};

/// A digest of the key derivation or of OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    fn octets(self) -> usize {
        match self {
            Digest::Sha1 => 20,
            Digest::Sha256 => 32,
            Digest::Sha512 => 64,
        }
    }
}

/// What is encrypted: the JSON itself, or its base64 text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Payload {
    /// The base64 text of the JSON (proven).
    Base64,
    /// The JSON bytes.
    Raw,
}

/// In which form the key string goes into a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KeyText {
    /// Its base64 text (proven for the derivation, documented for RSA).
    Base64,
    /// The string as it is.
    Raw,
}

/// From the key string to the AES key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Derivation {
    /// The first octets of a digest.
    Digest(Digest, usize),
    /// The input is the key.
    Direct,
    /// The input, cut or filled with zeros to this length.
    ZeroPad(usize),
}

/// Where the initialisation vector of CBC comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Iv {
    /// Sixteen zeros.
    Zero,
    /// Agreed beforehand.
    Fixed([u8; 16]),
    /// The first sixteen octets of the AES key.
    KeyPrefix,
    /// In front of the ciphertext.
    Prefixed,
    /// In a field of the envelope with this name.
    Field(String),
}

/// What RSA encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RsaInput {
    /// The key string in one of its forms.
    Key(KeyText),
    /// The derived AES key itself.
    AesKey,
}

/// The padding under RSA; the second digest of OAEP is the one of its mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum Padding {
    /// PKCS#1 v1.5 (inferred, the default).
    Pkcs1v15,
    /// OAEP with an empty label.
    Oaep {
        /// Digest of the label.
        hash: Digest,
        /// Digest of the mask.
        mgf: Digest,
    },
}

impl Padding {
    /// Every padding that the specification names, with its name there.
    pub(crate) const ALL: [(&'static str, Padding); 6] = {
        use Digest::{Sha1, Sha256, Sha512};
        const fn oaep(hash: Digest, mgf: Digest) -> Padding {
            Padding::Oaep { hash, mgf }
        }
        [
            ("pkcs1v15", Padding::Pkcs1v15),
            ("oaep_sha1", oaep(Sha1, Sha1)),
            ("oaep_sha256_java", oaep(Sha256, Sha1)),
            ("oaep_sha256", oaep(Sha256, Sha256)),
            ("oaep_sha512_java", oaep(Sha512, Sha1)),
            ("oaep_sha512", oaep(Sha512, Sha512)),
        ]
    };

    /// The name in the specification.
    #[must_use]
    pub(crate) fn name(self) -> &'static str {
        Padding::ALL
            .iter()
            .find(|(_, padding)| *padding == self)
            .map_or("oaep", |(name, _)| name)
    }

    /// The padding of this name.
    #[must_use]
    pub(crate) fn from_name(name: &str) -> Option<Padding> {
        Padding::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, padding)| *padding)
    }
}

impl TryFrom<String> for Padding {
    type Error = String;

    fn try_from(name: String) -> Result<Padding, String> {
        Padding::from_name(&name).ok_or_else(|| {
            let known = Padding::ALL.map(|(name, _)| name).join(", ");
            format!("there is no padding `{name}`; there are: {known}")
        })
    }
}

impl From<Padding> for String {
    fn from(padding: Padding) -> String {
        padding.name().to_owned()
    }
}

/// How both values of an envelope are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Encoding {
    /// Standard base64 with padding.
    Base64,
    /// URL-safe base64 without padding.
    Base64Url,
    /// Lower-case hexadecimal.
    Hex,
}

/// All choices together. The default is the provider's (AES side proven, RSA padding inferred).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Profile {
    /// What is encrypted.
    pub(crate) payload: Payload,
    /// What the AES key is derived from.
    pub(crate) derive_from: KeyText,
    /// How.
    pub(crate) derivation: Derivation,
    /// CBC with this vector, or ECB.
    pub(crate) iv: Option<Iv>,
    /// What RSA encrypts.
    pub(crate) rsa_input: RsaInput,
    /// Under which padding.
    pub(crate) padding: Padding,
    /// How the values are written.
    pub(crate) encoding: Encoding,
}

impl Profile {
    /// An AES key has 16, 24 or 32 octets, and a digest gives no more than it has.
    pub(crate) fn check(&self) -> Result<(), String> {
        let length = match self.derivation {
            Derivation::Direct => return Ok(()),
            Derivation::ZeroPad(length) => length,
            Derivation::Digest(digest, length) if length <= digest.octets() => length,
            Derivation::Digest(..) => {
                return Err("`derivation`: the digest has fewer octets than that".to_owned());
            }
        };
        match length {
            16 | 24 | 32 => Ok(()),
            _ => Err("`derivation`: an AES key has 16, 24 or 32 octets".to_owned()),
        }
    }
}

impl Default for Profile {
    fn default() -> Self {
        Profile {
            payload: Payload::Base64,
            derive_from: KeyText::Base64,
            derivation: Derivation::Digest(Digest::Sha256, 16),
            iv: None,
            rsa_input: RsaInput::Key(KeyText::Base64),
            padding: Padding::Pkcs1v15,
            encoding: Encoding::Base64,
        }
    }
}
