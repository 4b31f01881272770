//! Decryption, for tests and sandboxes that play the other side. No client of a provider needs it.

use ::rsa::Oaep;
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Padding, PrivateKey};
use crate::digest::Algorithm;

/// Why a ciphertext was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCiphertext {
    /// Not as long as the key.
    #[error("an RSA ciphertext is as long as its key")]
    Length,
    /// Wrong padding, another key, or damage.
    #[error("the RSA ciphertext does not decrypt")]
    Padding,
}

impl PrivateKey {
    /// Decrypts, with blinding. **For tests and sandboxes**: a server that decrypts what strangers send and lets them see whether it
    /// worked can be made to decrypt everything.
    ///
    /// Wrong PKCS#1 v1.5 padding is not reported: it gives some other text instead (implicit rejection), so only what surrounds this
    /// layer can tell.
    ///
    /// ```
    /// # use telco_crypto::rsa::{Padding, PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let pem = keys["private_pkcs8_pem"].as_str().unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let key = PrivateKey::load(pem.as_bytes()).unwrap();
    /// let ciphertext = key.public_key().encrypt(Padding::OAEP_SHA256, b"hello", &mut system).unwrap();
    /// assert_eq!(key.decrypt(Padding::OAEP_SHA256, &ciphertext)?.as_slice(), b"hello");
    /// # Ok::<(), telco_crypto::rsa::InvalidCiphertext>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidCiphertext`].
    pub fn decrypt(
        &self,
        padding: Padding,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, InvalidCiphertext> {
        use Algorithm::{Sha1 as S1, Sha256 as S256, Sha512 as S512};
        if ciphertext.len() != self.public_key().size() {
            return Err(InvalidCiphertext::Length);
        }
        let text = match padding {
            Padding::Pkcs1v15 => self.key.pkcs1v15_decrypt(ciphertext),
            Padding::Oaep { digest, mask } => match (digest, mask) {
                (S1, S1) => self
                    .key
                    .decrypt(Oaep::<Sha1, Sha1>::new_with_mgf_hash(), ciphertext),
                (S1, S256) => self
                    .key
                    .decrypt(Oaep::<Sha1, Sha256>::new_with_mgf_hash(), ciphertext),
                (S1, S512) => self
                    .key
                    .decrypt(Oaep::<Sha1, Sha512>::new_with_mgf_hash(), ciphertext),
                (S256, S1) => self
                    .key
                    .decrypt(Oaep::<Sha256, Sha1>::new_with_mgf_hash(), ciphertext),
                (S256, S256) => self
                    .key
                    .decrypt(Oaep::<Sha256, Sha256>::new_with_mgf_hash(), ciphertext),
                (S256, S512) => self
                    .key
                    .decrypt(Oaep::<Sha256, Sha512>::new_with_mgf_hash(), ciphertext),
                (S512, S1) => self
                    .key
                    .decrypt(Oaep::<Sha512, Sha1>::new_with_mgf_hash(), ciphertext),
                (S512, S256) => self
                    .key
                    .decrypt(Oaep::<Sha512, Sha256>::new_with_mgf_hash(), ciphertext),
                (S512, S512) => self
                    .key
                    .decrypt(Oaep::<Sha512, Sha512>::new_with_mgf_hash(), ciphertext),
            },
        };
        text.map(Zeroizing::new)
            .map_err(|_| InvalidCiphertext::Padding)
    }
}
