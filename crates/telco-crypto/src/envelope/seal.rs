//! Sealing an envelope.

use zeroize::Zeroizing;

use super::{Iv, KeyText, Mode, PayloadEncoding, Profile, Wrapped};
use crate::aes::{self, Aes, BLOCK};
use crate::encoding::base64_into;
use crate::random::{NoRandomness, Source};
use crate::rsa::{EncryptError, PublicKey};

/// Why an envelope was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The key text does not fit one block of the RSA key.
    #[error("the key text makes {length} bytes for RSA; this key and padding take at most {limit}")]
    KeyTextTooLong {
        /// What RSA would have to encrypt, in bytes.
        length: usize,
        /// The most it can.
        limit: usize,
    },
    /// The profile takes the key text itself as AES key, and its length is wrong.
    #[error("the key text makes an AES key of {0} bytes; 16, 24 or 32 are needed")]
    DirectKeyLength(usize),
}

/// A sealed envelope: texts for the fields of a message. All of it may be seen by anybody.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The encrypted payload.
    pub payload: Encrypted,
    /// The wrapped key.
    pub key: String,
}

/// An encrypted payload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encrypted {
    /// The ciphertext, as text.
    pub value: String,
    /// The initialisation vector, as text, if the profile sends it in a field of its own.
    pub iv: Option<String>,
}

impl Profile {
    /// Seals `payload` for the holder of `key`, with a new random key text.
    ///
    /// ```
    /// # use telco_crypto::{envelope::Profile, rsa::PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let pem = file["test_keys"]["4096"]["public_spki_pem"].as_str().unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let key = PublicKey::load(pem.as_bytes()).unwrap();
    /// let sealed = Profile::default().seal(r#"{"calls":[]}"#, &key, &mut system)?;
    /// assert_eq!(sealed.key.len(), 684);
    /// # Ok::<(), telco_crypto::envelope::SealError>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(
        &self,
        payload: &str,
        key: &PublicKey,
        random: &mut Source<'_>,
    ) -> Result<Sealed, SealError> {
        let text = KeyText::random(self.key_text_length, random)?;
        self.seal_with(payload, &text, key, random)
    }

    /// As [`seal`](Self::seal), with a key text of your own.
    ///
    /// ```
    /// # use telco_crypto::{envelope::{KeyText, Profile}, rsa::PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let key = PublicKey::load(keys["public_spki_pem"].as_str().unwrap().as_bytes()).unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let text = KeyText::new("a text of 22 letters..").unwrap();
    /// let profile = Profile::default();
    /// let sealed = profile.seal_with("hello", &text, &key, &mut system)?;
    /// assert_eq!(sealed.payload, profile.encrypt("hello", &text, &mut system)?);
    /// # Ok::<(), telco_crypto::envelope::SealError>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_with(
        &self,
        payload: &str,
        text: &KeyText,
        key: &PublicKey,
        random: &mut Source<'_>,
    ) -> Result<Sealed, SealError> {
        let wrapped = self.wrap(text, key, random)?; // first: it is what can fail
        Ok(Sealed {
            payload: self.encrypt(payload, text, random)?,
            key: wrapped,
        })
    }

    /// The payload alone, under the key that `text` makes. Randomness is used only where the profile has a random IV.
    ///
    /// ```
    /// # use telco_crypto::envelope::{KeyText, Profile};
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let (profile, text) = (Profile::default(), KeyText::new("a text of 22 letters..").unwrap());
    /// let encrypted = profile.encrypt("hello", &text, &mut system)?;
    /// assert_eq!(encrypted.value.len(), profile.value_length(5));
    /// assert_eq!(encrypted.iv, None); // ECB has none
    /// # Ok::<(), telco_crypto::envelope::SealError>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`].
    pub fn encrypt(
        &self,
        payload: &str,
        text: &KeyText,
        random: &mut Source<'_>,
    ) -> Result<Encrypted, SealError> {
        let aes_key = self.aes_key(text)?;
        let aes = Aes::new(&aes_key).map_err(|_| SealError::DirectKeyLength(aes_key.len()))?;
        let length = match self.payload {
            PayloadEncoding::Base64 => payload.len().div_ceil(3) * 4,
            PayloadEncoding::Raw => payload.len(),
        };
        // Of its final size from the start: one that moved would leave the plaintext behind, and doubling a buffer of a whole batch
        // would show in the memory of a busy sender.
        let mut buffer = Zeroizing::new(Vec::with_capacity(aes::padded_length(length)));
        match self.payload {
            PayloadEncoding::Base64 => {
                buffer.resize(length, 0);
                base64_into(payload.as_bytes(), &mut buffer);
            }
            PayloadEncoding::Raw => buffer.extend_from_slice(payload.as_bytes()),
        }
        let iv = self.mode.iv(&aes_key, random)?;
        aes.encrypt_in_place(
            iv.as_ref().map_or(aes::Mode::Ecb, |iv| aes::Mode::Cbc(iv)),
            &mut buffer,
        );
        let mut field = None;
        match (self.mode, iv) {
            (Mode::Cbc(Iv::RandomPrefix), Some(iv)) => drop(buffer.splice(..0, *iv)),
            (Mode::Cbc(Iv::RandomField), Some(iv)) => field = Some(self.text.encode(iv.as_slice())),
            _ => {}
        }
        Ok(Encrypted {
            value: self.text.encode(&buffer),
            iv: field,
        })
    }

    /// The key text, encrypted for the holder of `key`.
    ///
    /// ```
    /// # use telco_crypto::{envelope::{KeyText, Profile}, rsa::PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let key = PublicKey::load(keys["public_spki_pem"].as_str().unwrap().as_bytes()).unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let text = KeyText::new("a text of 22 letters..").unwrap();
    /// let wrapped = Profile::default().wrap(&text, &key, &mut system)?;
    /// assert_eq!(wrapped.len(), Profile::default().wrapped_length(&key));
    /// # Ok::<(), telco_crypto::envelope::SealError>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`].
    pub fn wrap(
        &self,
        text: &KeyText,
        key: &PublicKey,
        random: &mut Source<'_>,
    ) -> Result<String, SealError> {
        let aes_key;
        let input = match self.wrapped {
            Wrapped::Base64KeyText => text.base64(),
            Wrapped::RawKeyText => text.raw(),
            Wrapped::AesKey => {
                aes_key = self.aes_key(text)?;
                aes_key.as_slice()
            }
        };
        let wrapped = key
            .encrypt(self.padding, input, random)
            .map_err(|error| match error {
                EncryptError::TooLong { length, limit } => {
                    SealError::KeyTextTooLong { length, limit }
                }
                EncryptError::NoRandomness(error) => SealError::NoRandomness(error),
            })?;
        Ok(self.text.encode(&wrapped))
    }
}

impl Mode {
    /// The initialisation vector of a new envelope; `None` in ECB.
    fn iv(
        self,
        key: &[u8],
        random: &mut Source<'_>,
    ) -> Result<Option<Zeroizing<[u8; BLOCK]>>, NoRandomness> {
        let Self::Cbc(iv) = self else { return Ok(None) };
        let mut bytes = Zeroizing::new([0; BLOCK]);
        match iv {
            Iv::RandomPrefix | Iv::RandomField => random(bytes.as_mut_slice())?,
            agreed => *bytes = agreed.agreed(key),
        }
        Ok(Some(bytes))
    }
}

impl Iv {
    /// The vector that both sides know without sending it.
    pub(super) fn agreed(self, key: &[u8]) -> [u8; BLOCK] {
        match self {
            Self::Fixed(iv) => iv,
            Self::FirstKeyBytes => key.first_chunk().copied().unwrap_or_default(), // keys have 16 bytes or more
            Self::Zero | Self::RandomPrefix | Self::RandomField => [0; BLOCK],
        }
    }
}
