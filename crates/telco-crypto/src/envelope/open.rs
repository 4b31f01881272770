//! Opening an envelope, for tests and sandboxes that play the provider.

use zeroize::Zeroizing;

use super::{Encrypted, Iv, KeyText, Mode, PayloadEncoding, Profile, Sealed, Wrapped};
use crate::aes::{self, Aes};
use crate::encoding::decode_base64;
use crate::rsa::{InvalidCiphertext, PrivateKey};

/// The step at which an envelope did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The value, the wrapped key or the initialisation vector is not in the profile's encoding.
    #[error("a field of the envelope is not in the encoding of the profile")]
    OuterEncoding,
    /// The wrapped key is not as long as the RSA key.
    #[error("the wrapped key is not as long as the RSA key")]
    WrappedKeyLength,
    /// The wrapped key does not decrypt, or not to a key text.
    #[error("the wrapped key does not decrypt")]
    WrappedKey,
    /// The key text makes no AES key under this profile.
    #[error("the key text makes no AES key under this profile")]
    KeyText,
    /// The ciphertext is no whole number of blocks.
    #[error("an AES ciphertext is a whole number of 16-byte blocks")]
    Length,
    /// The padding of the decrypted text is wrong.
    #[error("the padding of the decrypted text is wrong")]
    Padding,
    /// The decrypted text is not the base64 it should be.
    #[error("the decrypted text is not base64")]
    InnerBase64,
    /// The payload is not UTF-8.
    #[error("the payload is not UTF-8")]
    InnerUtf8,
}

impl Profile {
    /// Opens an envelope. **For tests and sandboxes.** Do not show a stranger at which step it failed.
    ///
    /// ```
    /// # use telco_crypto::{envelope::{Profile, Sealed}, rsa::PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let pem = keys["private_pkcs8_pem"].as_str().unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let key = PrivateKey::load(pem.as_bytes()).unwrap();
    /// let profile = Profile::default();
    /// let sealed = profile.seal(r#"{"calls":[]}"#, key.public_key(), &mut system).unwrap();
    /// assert_eq!(profile.open(&sealed, &key)?.as_str(), r#"{"calls":[]}"#);
    /// # Ok::<(), telco_crypto::envelope::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError`]. With PKCS#1 v1.5 a wrong key or padding shows at a later step (see [`PrivateKey::decrypt`]).
    pub fn open(&self, sealed: &Sealed, key: &PrivateKey) -> Result<Zeroizing<String>, OpenError> {
        let wrapped = self
            .text
            .decode(&sealed.key)
            .ok_or(OpenError::OuterEncoding)?;
        let unwrapped = key
            .decrypt(self.padding, &wrapped)
            .map_err(|error| match error {
                InvalidCiphertext::Length => OpenError::WrappedKeyLength,
                InvalidCiphertext::Padding => OpenError::WrappedKey,
            })?;
        match self.wrapped {
            Wrapped::Base64KeyText => self.decrypt(
                &sealed.payload,
                &KeyText::from_base64(&unwrapped).ok_or(OpenError::WrappedKey)?,
            ),
            Wrapped::RawKeyText => {
                let text = std::str::from_utf8(&unwrapped).map_err(|_| OpenError::WrappedKey)?;
                self.decrypt(
                    &sealed.payload,
                    &KeyText::allow_weak(text).map_err(|_| OpenError::WrappedKey)?,
                )
            }
            Wrapped::AesKey => self.decrypt_under(&sealed.payload, &unwrapped),
        }
    }

    /// Decrypts a payload under the key that `text` makes. **For tests and sandboxes.**
    ///
    /// ```
    /// # use telco_crypto::envelope::{KeyText, Profile};
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let (profile, text) = (Profile::default(), KeyText::new("a text of 22 letters..").unwrap());
    /// let encrypted = profile.encrypt("hello", &text, &mut system).unwrap();
    /// assert_eq!(profile.decrypt(&encrypted, &text)?.as_str(), "hello");
    /// # Ok::<(), telco_crypto::envelope::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn decrypt(
        &self,
        encrypted: &Encrypted,
        text: &KeyText,
    ) -> Result<Zeroizing<String>, OpenError> {
        self.decrypt_under(encrypted, &self.derive(text)?)
    }

    /// The AES key that `text` makes. **For tests and sandboxes.**
    ///
    /// ```
    /// # use telco_crypto::{digest, encoding, envelope::{KeyText, Profile}};
    /// let text = "a text of 22 letters..";
    /// let key = Profile::default().derive(&KeyText::new(text).unwrap())?;
    /// assert_eq!(key.as_slice(), &digest::sha256(encoding::base64(text.as_bytes()).as_bytes())[..16]);
    /// # Ok::<(), telco_crypto::envelope::OpenError>(())
    /// ```
    ///
    /// # Errors
    /// [`OpenError::KeyText`] if a direct key has the wrong length.
    pub fn derive(&self, text: &KeyText) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.aes_key(text).map_err(|_| OpenError::KeyText)
    }

    fn decrypt_under(
        &self,
        encrypted: &Encrypted,
        aes_key: &[u8],
    ) -> Result<Zeroizing<String>, OpenError> {
        let aes = Aes::new(aes_key).map_err(|_| OpenError::KeyText)?;
        let value = self
            .text
            .decode(&encrypted.value)
            .ok_or(OpenError::OuterEncoding)?;
        let iv;
        let (mode, ciphertext) = match self.mode {
            Mode::Ecb => (aes::Mode::Ecb, value.as_slice()),
            Mode::Cbc(Iv::RandomPrefix) => {
                let (iv, rest) = value.split_first_chunk().ok_or(OpenError::Length)?;
                (aes::Mode::Cbc(iv), rest)
            }
            Mode::Cbc(Iv::RandomField) => {
                let field = encrypted
                    .iv
                    .as_deref()
                    .and_then(|text| self.text.decode(text))
                    .ok_or(OpenError::OuterEncoding)?;
                iv = field.try_into().map_err(|_| OpenError::Length)?;
                (aes::Mode::Cbc(&iv), value.as_slice())
            }
            Mode::Cbc(agreed) => {
                iv = agreed.agreed(aes_key);
                (aes::Mode::Cbc(&iv), value.as_slice())
            }
        };
        let plain = aes.decrypt(mode, ciphertext).map_err(|error| match error {
            aes::DecryptError::Length => OpenError::Length,
            aes::DecryptError::Padding => OpenError::Padding,
        })?;
        let payload = match self.payload {
            PayloadEncoding::Raw => plain,
            PayloadEncoding::Base64 => {
                let text = std::str::from_utf8(&plain).map_err(|_| OpenError::InnerBase64)?;
                Zeroizing::new(decode_base64(text).map_err(|_| OpenError::InnerBase64)?)
            }
        };
        let text = std::str::from_utf8(&payload).map_err(|_| OpenError::InnerUtf8)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl Sealed {
    /// An envelope that came over the wire. **For tests and sandboxes.**
    ///
    /// ```
    /// use telco_crypto::envelope::Sealed;
    /// let sealed = Sealed::from_fields("dmFsdWU=", None, "a2V5");
    /// assert_eq!((sealed.payload.value.as_str(), sealed.key.as_str()), ("dmFsdWU=", "a2V5"));
    /// ```
    #[must_use]
    pub fn from_fields(
        value: impl Into<String>,
        iv: Option<String>,
        key: impl Into<String>,
    ) -> Self {
        Self {
            payload: Encrypted::from_fields(value, iv),
            key: key.into(),
        }
    }
}

impl Encrypted {
    /// An encrypted payload that came over the wire. **For tests and sandboxes.**
    ///
    /// ```
    /// use telco_crypto::envelope::Encrypted;
    /// assert_eq!(Encrypted::from_fields("dmFsdWU=", None).value, "dmFsdWU=");
    /// ```
    #[must_use]
    pub fn from_fields(value: impl Into<String>, iv: Option<String>) -> Self {
        Self {
            value: value.into(),
            iv,
        }
    }
}
