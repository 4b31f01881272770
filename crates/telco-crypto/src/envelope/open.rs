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
    #[must_use]
    pub fn from_fields(value: impl Into<String>, iv: Option<String>) -> Self {
        Self {
            value: value.into(),
            iv,
        }
    }
}
