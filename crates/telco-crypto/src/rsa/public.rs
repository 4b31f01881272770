//! Public keys: loading and checking signatures.

use std::fmt;

use ::rsa::traits::PublicKeyParts;

use super::{KeyError, LoadOptions, factors, load};
use crate::digest::Algorithm;

/// An RSA public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(pub(super) ::rsa::PublicKey);

impl PublicKey {
    /// Loads a key of 2048 to 4096 bits from PEM (SPKI or PKCS#1), DER, bare base64 of DER or .NET XML (feature `xml`). The form is
    /// detected.
    ///
    /// ```
    /// # use telco_crypto::rsa::{KeyError, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// # let public = keys["public_pem_spki"].as_str().unwrap();
    /// assert_eq!(PublicKey::load(public.as_bytes())?.bits(), 2048);
    /// assert_eq!(PublicKey::load(private.as_bytes()).unwrap_err(), KeyError::PrivateKeyGiven);
    /// # Ok::<(), KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the file. A private key is refused, and nothing of it kept.
    pub fn load(input: &[u8]) -> Result<Self, KeyError> {
        Self::load_with(input, &LoadOptions::new())
    }

    /// As [`load`](Self::load), with other limits.
    ///
    /// ```
    /// # use telco_crypto::rsa::{LoadOptions, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let pem = file["keys"]["k1024"]["public_pem_spki"].as_str().unwrap();
    /// let key = PublicKey::load_with(pem.as_bytes(), &LoadOptions::new().allow_weak())?;
    /// assert_eq!(key.bits(), 1024);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_with(input: &[u8], options: &LoadOptions) -> Result<Self, KeyError> {
        let (n, e) = load::public_numbers(input)?;
        Self::from_numbers(&n, &e, options)
    }

    /// From modulus and exponent, as unsigned big-endian bytes.
    ///
    /// ```
    /// use telco_crypto::rsa::{LoadOptions, PublicKey};
    /// let key = PublicKey::from_numbers(&[0xff; 256], &[1, 0, 1], &LoadOptions::new())?;
    /// assert_eq!(key.bits(), 2048);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] if the size or the exponent is out of range, or the modulus even.
    pub fn from_numbers(
        modulus: &[u8],
        exponent: &[u8],
        options: &LoadOptions,
    ) -> Result<Self, KeyError> {
        let n = factors::unsigned(modulus);
        options.check_public_size(n.bit_width_vartime())?;
        factors::check_exponent(exponent)?;
        let limits = 1..=usize::MAX; // the size has been checked
        ::rsa::PublicKey::new_with_size_limits(n, factors::unsigned(exponent), limits)
            .map(Self)
            .map_err(|_| KeyError::MalformedDer)
    }

    pub(super) fn from_key(key: ::rsa::PublicKey) -> Self {
        Self(key)
    }

    /// True if `signature` is the PKCS#1 v1.5 signature of `message`.
    ///
    /// ```
    /// # use telco_crypto::{digest::Algorithm, rsa::{LoadOptions, PublicKey}};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let (vector, pem) = (&file["vectors"][0], file["keys"]["k1024"]["public_pem_spki"].as_str().unwrap());
    /// # let message = vector["message"].as_str().unwrap().as_bytes();
    /// # let signature = telco_crypto::encoding::decode_base64(vector["signature_base64"].as_str().unwrap()).unwrap();
    /// let key = PublicKey::load_with(pem.as_bytes(), &LoadOptions::new().allow_weak())?;
    /// assert!(key.verify(Algorithm::Sha1, message, &signature));
    /// assert!(!key.verify(Algorithm::Sha256, message, &signature));
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn verify(&self, hash: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        self.verify_digest(hash, &hash.hash(message), signature)
    }

    /// As [`verify`](Self::verify), for a message that was hashed elsewhere.
    ///
    /// ```
    /// # use telco_crypto::{digest::{Algorithm, sha256}, rsa::PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let signature = key.sign(Algorithm::Sha256, b"message").unwrap();
    /// assert!(key.public_key().verify_digest(Algorithm::Sha256, &sha256(b"message"), &signature));
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn verify_digest(&self, hash: Algorithm, digest: &[u8], signature: &[u8]) -> bool {
        match hash {
            Algorithm::Sha1 => self
                .0
                .pkcs1v15_verify_prehash::<sha1::Sha1>(digest, signature),
            Algorithm::Sha256 => self
                .0
                .pkcs1v15_verify_prehash::<sha2::Sha256>(digest, signature),
            Algorithm::Sha512 => self
                .0
                .pkcs1v15_verify_prehash::<sha2::Sha512>(digest, signature),
        }
        .is_ok()
    }

    /// The number of bits of the modulus.
    ///
    /// ```
    /// # use telco_crypto::rsa::PublicKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let public = keys["public_pem_spki"].as_str().unwrap();
    /// assert_eq!(PublicKey::load(public.as_bytes())?.bits(), 2048);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.0.n().bit_width_vartime()
    }

    /// The number of bytes of the modulus, and of every signature and ciphertext.
    ///
    /// ```
    /// # use telco_crypto::rsa::PublicKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let public = keys["public_pem_spki"].as_str().unwrap();
    /// assert_eq!(PublicKey::load(public.as_bytes())?.size(), 256);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits)", self.bits())
    }
}
