//! Encryption for the holder of a private key.

use ::rsa::oaep::EncryptingKey;
use ::rsa::rand_core::TryCryptoRng;
use ::rsa::traits::RandomizedEncryptor;
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::PublicKey;
use super::source::Bounded;
use crate::digest::Algorithm;
use crate::random::{NoRandomness, Source};

/// How a short text is padded to the size of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// RSAES-PKCS1-v1_5 (RFC 8017, section 7.2): `RSA` and `RSA/ECB/PKCS1Padding` in Java.
    Pkcs1v15,
    /// RSAES-OAEP (RFC 8017, section 7.1) with an empty label.
    Oaep {
        /// The hash of the padding itself.
        digest: Algorithm,
        /// The hash of its mask, MGF1. In Java it is SHA-1 unless a parameter specification says otherwise.
        mask: Algorithm,
    },
}

impl Padding {
    /// OAEP with SHA-1 twice: `OAEPPadding` in Java, the default of OpenSSL.
    pub const OAEP_SHA1: Self = Self::Oaep {
        digest: Algorithm::Sha1,
        mask: Algorithm::Sha1,
    };
    /// OAEP with SHA-256, mask SHA-1: `OAEPWithSHA-256AndMGF1Padding` in Java.
    pub const OAEP_SHA256_MASK_SHA1: Self = Self::Oaep {
        digest: Algorithm::Sha256,
        mask: Algorithm::Sha1,
    };
    /// OAEP with SHA-256 twice: OpenSSL, Python, browsers.
    pub const OAEP_SHA256: Self = Self::Oaep {
        digest: Algorithm::Sha256,
        mask: Algorithm::Sha256,
    };
    /// OAEP with SHA-512, mask SHA-1: `OAEPWITHSHA-512ANDMGF1PADDING` in Java.
    pub const OAEP_SHA512_MASK_SHA1: Self = Self::Oaep {
        digest: Algorithm::Sha512,
        mask: Algorithm::Sha1,
    };
    /// OAEP with SHA-512 twice.
    pub const OAEP_SHA512: Self = Self::Oaep {
        digest: Algorithm::Sha512,
        mask: Algorithm::Sha512,
    };

    const fn overhead(self) -> usize {
        match self {
            Self::Pkcs1v15 => 11,
            Self::Oaep { digest, .. } => 2 * digest.length() + 2,
        }
    }
}

/// Why a text was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptError {
    /// The text does not fit one block of this key and padding.
    #[error("{length} bytes do not fit; this key and padding take at most {limit}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The greatest length that fits.
        limit: usize,
    },
    /// The source of randomness failed.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

impl PublicKey {
    /// The longest text that fits, in bytes.
    ///
    /// ```
    /// # use telco_crypto::rsa::{Padding, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let keys = &file["test_keys"]["2048"];
    /// # let key = PublicKey::load(keys["public_spki_pem"].as_str().unwrap().as_bytes()).unwrap();
    /// assert_eq!(key.max_plaintext(Padding::Pkcs1v15), 256 - 11);
    /// assert_eq!(key.max_plaintext(Padding::OAEP_SHA256), 256 - 66);
    /// ```
    #[must_use]
    pub fn max_plaintext(&self, padding: Padding) -> usize {
        self.size().saturating_sub(padding.overhead())
    }

    /// Encrypts a short text. Different every time.
    ///
    /// ```
    /// # use telco_crypto::rsa::{Padding, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/hybrid_rsa.json")).unwrap();
    /// # let pem = file["test_keys"]["2048"]["public_spki_pem"].as_str().unwrap();
    /// # let mut system = |out: &mut [u8]| { out.fill(7); Ok(()) };
    /// let key = PublicKey::load(pem.as_bytes()).unwrap();
    /// let ciphertext = key.encrypt(Padding::Pkcs1v15, b"YWJjZDEyMzQ=", &mut system)?;
    /// assert_eq!(ciphertext.len(), 256);
    /// # Ok::<(), telco_crypto::rsa::EncryptError>(())
    /// ```
    ///
    /// # Errors
    /// [`EncryptError`].
    pub fn encrypt(
        &self,
        padding: Padding,
        plaintext: &[u8],
        random: &mut Source<'_>,
    ) -> Result<Vec<u8>, EncryptError> {
        let (length, limit) = (plaintext.len(), self.max_plaintext(padding));
        if length > limit {
            return Err(EncryptError::TooLong { length, limit });
        }
        let mut random = Bounded::new(random, 1 << 16);
        // The length has been checked, so the source is all that can fail.
        self.encrypt_with(padding, plaintext, &mut random)
            .map_err(|_| EncryptError::NoRandomness(NoRandomness))
    }

    fn encrypt_with(
        &self,
        padding: Padding,
        text: &[u8],
        random: &mut impl TryCryptoRng,
    ) -> ::rsa::Result<Vec<u8>> {
        use Algorithm::{Sha1 as S1, Sha256 as S256, Sha512 as S512};
        let key = || self.0.clone();
        match padding {
            Padding::Pkcs1v15 => self.0.pkcs1v15_encrypt_with_rng(random, text),
            Padding::Oaep { digest, mask } => match (digest, mask) {
                (S1, S1) => EncryptingKey::<Sha1, Sha1>::new(key()).encrypt_with_rng(random, text),
                (S1, S256) => {
                    EncryptingKey::<Sha1, Sha256>::new(key()).encrypt_with_rng(random, text)
                }
                (S1, S512) => {
                    EncryptingKey::<Sha1, Sha512>::new(key()).encrypt_with_rng(random, text)
                }
                (S256, S1) => {
                    EncryptingKey::<Sha256, Sha1>::new(key()).encrypt_with_rng(random, text)
                }
                (S256, S256) => {
                    EncryptingKey::<Sha256, Sha256>::new(key()).encrypt_with_rng(random, text)
                }
                (S256, S512) => {
                    EncryptingKey::<Sha256, Sha512>::new(key()).encrypt_with_rng(random, text)
                }
                (S512, S1) => {
                    EncryptingKey::<Sha512, Sha1>::new(key()).encrypt_with_rng(random, text)
                }
                (S512, S256) => {
                    EncryptingKey::<Sha512, Sha256>::new(key()).encrypt_with_rng(random, text)
                }
                (S512, S512) => {
                    EncryptingKey::<Sha512, Sha512>::new(key()).encrypt_with_rng(random, text)
                }
            },
        }
    }
}
