//! How the pieces of an envelope are put together.

use zeroize::Zeroizing;

use super::{KeyText, SealError};
use crate::aes::{self, BLOCK};
use crate::digest::Algorithm;
use crate::encoding::{base64, base64url, hex};
use crate::rsa::{Padding, PublicKey};

/// What AES encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadEncoding {
    /// The base64 text of the payload.
    Base64,
    /// The payload itself.
    Raw,
}

/// What the AES key is derived from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyEncoding {
    /// The base64 text of the key text.
    Base64,
    /// The key text itself.
    Raw,
}

/// The length of an AES key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLength {
    /// 16 bytes.
    Aes128,
    /// 24 bytes.
    Aes192,
    /// 32 bytes.
    Aes256,
}

impl KeyLength {
    /// In bytes.
    ///
    /// ```
    /// use telco_crypto::envelope::KeyLength;
    /// assert_eq!(KeyLength::Aes192.bytes(), 24);
    /// ```
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }
}

/// How the AES key is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Derivation {
    /// The first bytes of a hash.
    Digest(Algorithm, KeyLength),
    /// The input itself, which must then have 16, 24 or 32 bytes.
    Direct,
    /// The input, cut off or filled up with zeros.
    ZeroPadded(KeyLength),
}

/// How AES blocks are chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Not at all.
    Ecb,
    /// Cipher block chaining, which needs an initialisation vector.
    Cbc(Iv),
}

/// Where an initialisation vector comes from and where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iv {
    /// Zeros, not sent.
    Zero,
    /// Agreed beforehand, not sent.
    Fixed([u8; BLOCK]),
    /// The first 16 bytes of the key, not sent.
    FirstKeyBytes,
    /// Random, in front of the ciphertext.
    RandomPrefix,
    /// Random, in a field of its own ([`Encrypted::iv`](super::Encrypted::iv)).
    RandomField,
}

/// What RSA encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrapped {
    /// The base64 text of the key text.
    Base64KeyText,
    /// The key text itself.
    RawKeyText,
    /// The derived AES key.
    AesKey,
}

/// How the results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// Standard base64, padded.
    Base64,
    /// URL-safe base64, unpadded.
    Base64Url,
    /// Lower-case hexadecimal.
    Hex,
}

impl TextEncoding {
    pub(super) fn encode(self, bytes: &[u8]) -> String {
        match self {
            Self::Base64 => base64(bytes),
            Self::Base64Url => base64url(bytes),
            Self::Hex => hex(bytes),
        }
    }

    #[cfg(feature = "open")]
    pub(super) fn decode(self, text: &str) -> Option<Vec<u8>> {
        use crate::encoding::{decode_base64, decode_base64url, decode_hex};
        match self {
            Self::Base64 => decode_base64(text).ok(),
            Self::Base64Url => decode_base64url(text).ok(),
            Self::Hex => decode_hex(text).ok(),
        }
    }

    const fn length(self, bytes: usize) -> usize {
        match self {
            Self::Base64 => bytes.div_ceil(3) * 4,
            Self::Base64Url => (bytes * 4).div_ceil(3),
            Self::Hex => bytes * 2,
        }
    }
}

/// Settings that do not fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProfile {
    /// The hash of the derivation has fewer bytes than the key needs.
    #[error("the digest of the key derivation is shorter than the key")]
    DigestTooShort,
    /// A direct key made of random key texts of this length is no AES key.
    #[error("a key text of {0} characters does not make an AES key of 16, 24 or 32 bytes")]
    DirectKeyLength(usize),
    /// Random key texts would be shorter than 16 characters.
    #[error("random key texts of {0} characters are too weak; 16 is the least")]
    WeakKeyText(usize),
}

/// How an envelope is put together. The default is a random key text of 32 characters, its base64 hashed with SHA-256 to an
/// AES-128 key and wrapped with PKCS#1 v1.5; the payload's base64 under AES-ECB; all results in base64.
///
/// ```
/// use telco_crypto::envelope::{Iv, Mode, Profile};
/// use telco_crypto::rsa::Padding;
///
/// let profile = Profile::builder().mode(Mode::Cbc(Iv::RandomPrefix)).padding(Padding::OAEP_SHA256).build()?;
/// assert_eq!(profile.value_length(0), 44); // 16 bytes of IV and 16 of padding, in base64
/// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub(super) payload: PayloadEncoding,
    pub(super) key_encoding: KeyEncoding,
    pub(super) derivation: Derivation,
    pub(super) mode: Mode,
    pub(super) wrapped: Wrapped,
    pub(super) padding: Padding,
    pub(super) text: TextEncoding,
    pub(super) key_text_length: usize,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            payload: PayloadEncoding::Base64,
            key_encoding: KeyEncoding::Base64,
            derivation: Derivation::Digest(Algorithm::Sha256, KeyLength::Aes128),
            mode: Mode::Ecb,
            wrapped: Wrapped::Base64KeyText,
            padding: Padding::Pkcs1v15,
            text: TextEncoding::Base64,
            key_text_length: 32,
        }
    }
}

impl Profile {
    /// Starts from the default.
    ///
    /// ```
    /// use telco_crypto::envelope::Profile;
    /// assert_eq!(Profile::builder().build(), Ok(Profile::default()));
    /// ```
    #[must_use]
    pub fn builder() -> ProfileBuilder {
        ProfileBuilder(Self::default())
    }

    /// The exact length of the value for a payload of `payload` bytes: for splitting batches by size before sealing them.
    ///
    /// ```
    /// use telco_crypto::envelope::Profile;
    /// // 10 bytes are 16 of base64, 32 with their padding, and 44 of base64 again.
    /// assert_eq!(Profile::default().value_length(10), 44);
    /// ```
    #[must_use]
    pub const fn value_length(&self, payload: usize) -> usize {
        let input = match self.payload {
            PayloadEncoding::Base64 => TextEncoding::Base64.length(payload),
            PayloadEncoding::Raw => payload,
        };
        let prefix = if matches!(self.mode, Mode::Cbc(Iv::RandomPrefix)) {
            BLOCK
        } else {
            0
        };
        self.text.length(prefix + aes::padded_length(input))
    }

    /// The exact length of the initialisation vector in a field of its own; `None` if this profile sends none there.
    ///
    /// ```
    /// use telco_crypto::envelope::{Iv, Mode, Profile};
    /// let profile = Profile::builder().mode(Mode::Cbc(Iv::RandomField)).build()?;
    /// assert_eq!((profile.iv_field_length(), Profile::default().iv_field_length()), (Some(24), None));
    /// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
    /// ```
    #[must_use]
    pub const fn iv_field_length(&self) -> Option<usize> {
        match self.mode {
            Mode::Cbc(Iv::RandomField) => Some(self.text.length(BLOCK)),
            _ => None,
        }
    }

    /// The same profile with another RSA padding, which fits any.
    ///
    /// ```
    /// use telco_crypto::{envelope::Profile, rsa::Padding};
    /// let built = Profile::builder().padding(Padding::OAEP_SHA256).build()?;
    /// assert_eq!(Profile::default().with_padding(Padding::OAEP_SHA256), built);
    /// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
    /// ```
    #[must_use]
    pub fn with_padding(self, padding: Padding) -> Self {
        Self { padding, ..self }
    }

    /// The exact length of the wrapped key.
    ///
    /// ```
    /// # use telco_crypto::{envelope::Profile, rsa::PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let key = PublicKey::load(keys["public_spki_pem"].as_str().unwrap().as_bytes()).unwrap();
    /// assert_eq!((key.bits(), Profile::default().wrapped_length(&key)), (2048, 344));
    /// ```
    #[must_use]
    pub fn wrapped_length(&self, key: &PublicKey) -> usize {
        self.text.length(key.size())
    }

    pub(super) fn aes_key(&self, text: &KeyText) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let input = match self.key_encoding {
            KeyEncoding::Base64 => text.base64(),
            KeyEncoding::Raw => text.raw(),
        };
        let mut key = Zeroizing::new(match self.derivation {
            Derivation::Digest(algorithm, _) => algorithm.hash(input),
            Derivation::Direct | Derivation::ZeroPadded(_) => input.to_vec(),
        });
        match self.derivation {
            Derivation::Digest(_, length) | Derivation::ZeroPadded(length) => {
                key.resize(length.bytes(), 0)
            }
            Derivation::Direct if matches!(key.len(), 16 | 24 | 32) => {}
            Derivation::Direct => return Err(SealError::DirectKeyLength(key.len())),
        }
        Ok(key)
    }
}

/// Changes single settings of a [`Profile`].
#[derive(Debug, Clone)]
pub struct ProfileBuilder(Profile);

impl ProfileBuilder {
    /// What AES encrypts.
    ///
    /// ```
    /// use telco_crypto::envelope::{PayloadEncoding, Profile};
    /// let raw = Profile::builder().payload(PayloadEncoding::Raw).build()?;
    /// assert_eq!((raw.value_length(15), Profile::default().value_length(15)), (24, 44));
    /// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
    /// ```
    #[must_use]
    pub fn payload(mut self, payload: PayloadEncoding) -> Self {
        self.0.payload = payload;
        self
    }

    /// What the AES key is derived from, and how.
    ///
    /// ```
    /// use telco_crypto::envelope::{Derivation, KeyEncoding, Profile};
    /// // 32 characters of key text are the key of AES-256 itself.
    /// assert!(Profile::builder().key(KeyEncoding::Raw, Derivation::Direct).build().is_ok());
    /// ```
    #[must_use]
    pub fn key(mut self, encoding: KeyEncoding, derivation: Derivation) -> Self {
        self.0.key_encoding = encoding;
        self.0.derivation = derivation;
        self
    }

    /// How blocks are chained.
    ///
    /// ```
    /// use telco_crypto::envelope::{Iv, Mode, Profile};
    /// let profile = Profile::builder().mode(Mode::Cbc(Iv::RandomPrefix)).build()?;
    /// assert_eq!(profile.value_length(0), 44); // of which the vector is 16 bytes
    /// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.0.mode = mode;
        self
    }

    /// What RSA encrypts.
    ///
    /// ```
    /// use telco_crypto::envelope::{Profile, Wrapped};
    /// assert!(Profile::builder().wrapped(Wrapped::RawKeyText).build().is_ok());
    /// ```
    #[must_use]
    pub fn wrapped(mut self, wrapped: Wrapped) -> Self {
        self.0.wrapped = wrapped;
        self
    }

    /// The padding of RSA.
    ///
    /// ```
    /// use telco_crypto::{envelope::Profile, rsa::Padding};
    /// assert!(Profile::builder().padding(Padding::OAEP_SHA1).build().is_ok());
    /// ```
    #[must_use]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.0.padding = padding;
        self
    }

    /// How the results are written.
    ///
    /// ```
    /// use telco_crypto::envelope::{Profile, TextEncoding};
    /// let hex = Profile::builder().text(TextEncoding::Hex).build()?;
    /// assert_eq!(hex.value_length(0), 32);
    /// # Ok::<(), telco_crypto::envelope::InvalidProfile>(())
    /// ```
    #[must_use]
    pub fn text(mut self, text: TextEncoding) -> Self {
        self.0.text = text;
        self
    }

    /// The length of random key texts, in characters.
    ///
    /// ```
    /// use telco_crypto::envelope::{InvalidProfile, Profile};
    /// assert_eq!(Profile::builder().key_text_length(8).build(), Err(InvalidProfile::WeakKeyText(8)));
    /// ```
    #[must_use]
    pub fn key_text_length(mut self, characters: usize) -> Self {
        self.0.key_text_length = characters;
        self
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    /// [`InvalidProfile`].
    ///
    /// ```
    /// use telco_crypto::digest::Algorithm;
    /// use telco_crypto::envelope::{Derivation, InvalidProfile, KeyEncoding, KeyLength, Profile};
    ///
    /// let sha1 = Derivation::Digest(Algorithm::Sha1, KeyLength::Aes256);
    /// let refused = Profile::builder().key(KeyEncoding::Raw, sha1).build();
    /// assert_eq!(refused, Err(InvalidProfile::DigestTooShort));
    /// ```
    pub fn build(self) -> Result<Profile, InvalidProfile> {
        let profile = self.0;
        let characters = profile.key_text_length;
        match profile.derivation {
            Derivation::Digest(algorithm, length) if algorithm.length() < length.bytes() => {
                Err(InvalidProfile::DigestTooShort)
            }
            _ if characters < 16 => Err(InvalidProfile::WeakKeyText(characters)),
            Derivation::Direct => {
                let bytes = match profile.key_encoding {
                    KeyEncoding::Base64 => TextEncoding::Base64.length(characters),
                    KeyEncoding::Raw => characters,
                };
                let fits = matches!(bytes, 16 | 24 | 32);
                if fits {
                    Ok(profile)
                } else {
                    Err(InvalidProfile::DirectKeyLength(characters))
                }
            }
            _ => Ok(profile),
        }
    }
}
