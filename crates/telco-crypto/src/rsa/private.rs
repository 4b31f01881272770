//! Private keys: loading, generating, signing.

use std::fmt;

use ::rsa::traits::PublicKeyParts;

use super::source::Bounded;
use super::{Inconsistency, KeyError, LoadOptions, PublicKey, load};
use crate::digest::Algorithm;
use crate::random::{NoRandomness, Source};

/// Signing failed: the operating system gave no randomness for blinding, the key is too short for the hash, or the result did not
/// pass its own check (a fault of the machine). No signature left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the RSA signature could not be made")]
pub struct SigningFailed;

/// An RSA private key whose numbers have been checked. Wiped on drop; `Debug` shows its size only.
///
/// ```
/// use telco_crypto::{digest::Algorithm, rsa::PrivateKey};
///
/// # let pem = telco_crypto_doc::key();
/// let key = PrivateKey::load(pem.as_bytes())?; // XML, PEM, DER or base64
/// let signature = key.sign(Algorithm::Sha1, b"app#tenant#2018-09-24T12:01:27.938Z").unwrap();
/// assert_eq!(signature.len(), key.public_key().size());
/// assert!(key.public_key().verify(Algorithm::Sha1, b"app#tenant#2018-09-24T12:01:27.938Z", &signature));
/// # mod telco_crypto_doc {
/// #     pub fn key() -> String {
/// #         let file = include_str!("../../vectors/rsa_signing.json");
/// #         let keys: serde_json::Value = serde_json::from_str(file).unwrap();
/// #         keys["keys"]["k2048"]["private_pem_pkcs8"].as_str().unwrap().to_owned()
/// #     }
/// # }
/// # Ok::<(), telco_crypto::rsa::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PrivateKey {
    pub(super) key: ::rsa::PrivateKey,
    #[cfg(feature = "openssl")]
    fast: super::openssl::Signer,
    public: PublicKey,
}

impl PrivateKey {
    /// Loads a key of 1024 to 4096 bits from .NET XML (feature `xml`), PEM, DER or bare base64 of DER, in UTF-8 or UTF-16, with or
    /// without a byte-order mark. The form is detected.
    ///
    /// Primes that are missing are recovered, CRT values always recomputed; a test signature must verify.
    ///
    /// ```
    /// # use telco_crypto::rsa::PrivateKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// assert_eq!(format!("{key:?}"), "PrivateKey(2048 bits)");
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the file.
    pub fn load(input: &[u8]) -> Result<Self, KeyError> {
        Self::load_with(input, &LoadOptions::new())
    }

    /// As [`load`](Self::load), with other limits.
    ///
    /// ```
    /// use telco_crypto::rsa::{KeyError, LoadOptions, PrivateKey};
    /// let refused = PrivateKey::load_with(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", &LoadOptions::new().strict());
    /// assert_eq!(refused.unwrap_err(), KeyError::PublicKeyOnly);
    /// ```
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load_with(input: &[u8], options: &LoadOptions) -> Result<Self, KeyError> {
        Self::tested(load::private_key(input, options)?)
    }

    /// Makes a new key of 2048 to 4096 bits with public exponent 65537. `random` must be the operating system's source, outside tests.
    ///
    /// ```
    /// use telco_crypto::random::NoRandomness;
    /// use telco_crypto::rsa::{KeySize, PrivateKey};
    ///
    /// let mut system = |out: &mut [u8]| getrandom::fill(out).map_err(|_| NoRandomness);
    /// let key = PrivateKey::generate(KeySize::Bits2048, &mut system)?;
    /// assert_eq!(key.bits(), 2048);
    /// let reloaded = PrivateKey::load(key.reveal_pem().as_bytes()).unwrap();
    /// assert_eq!(reloaded.public_key(), key.public_key());
    /// # Ok::<(), NoRandomness>(())
    /// ```
    ///
    /// # Errors
    /// [`NoRandomness`] if the source fails or is stuck.
    pub fn generate(bits: KeySize, random: &mut Source<'_>) -> Result<Self, NoRandomness> {
        // Far more than any search for two primes takes.
        let mut random = Bounded::new(random, 1 << 26);
        let key = ::rsa::PrivateKey::new(&mut random, bits.bits()).map_err(|_| NoRandomness)?;
        Self::tested(key).map_err(|_| NoRandomness)
    }

    fn tested(key: ::rsa::PrivateKey) -> Result<Self, KeyError> {
        let failed = KeyError::Inconsistent(Inconsistency::SelfTest);
        let tested = Self {
            #[cfg(feature = "openssl")]
            fast: super::openssl::Signer::new(&key).ok_or(failed)?,
            public: PublicKey::from_key(key.to_public_key()),
            key,
        };
        const TEXT: &[u8] = b"telco-crypto self test";
        let signature = tested.sign(Algorithm::Sha1, TEXT).map_err(|_| failed)?;
        if tested.public.verify(Algorithm::Sha1, TEXT, &signature) {
            Ok(tested)
        } else {
            Err(failed)
        }
    }

    /// The PKCS#1 v1.5 signature (RFC 8017, section 8.2) of `message`, as long as the modulus. The same every time.
    ///
    /// Costs about 2 ms for 2048 bits, with the feature `openssl` 0.3 ms; in asynchronous programs run it where it may block.
    ///
    /// ```
    /// # use telco_crypto::{digest::Algorithm, rsa::PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let signature = key.sign(Algorithm::Sha256, b"message").unwrap();
    /// assert!(key.public_key().verify(Algorithm::Sha256, b"message", &signature));
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`SigningFailed`].
    pub fn sign(&self, hash: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        self.sign_digest(hash, &hash.hash(message))
    }

    /// As [`sign`](Self::sign), for a message that was hashed elsewhere.
    ///
    /// ```
    /// # use telco_crypto::{digest::{Algorithm, sha256}, rsa::PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let signature = key.sign_digest(Algorithm::Sha256, &sha256(b"message"));
    /// assert_eq!(signature, key.sign(Algorithm::Sha256, b"message"));
    /// assert!(key.sign_digest(Algorithm::Sha256, b"no digest").is_err());
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`SigningFailed`], also if `digest` is not as long as `hash` makes it.
    pub fn sign_digest(&self, hash: Algorithm, digest: &[u8]) -> Result<Vec<u8>, SigningFailed> {
        #[cfg(feature = "openssl")]
        return self.fast.sign(hash, digest).ok_or(SigningFailed);
        #[cfg(not(feature = "openssl"))]
        match hash {
            // Blinded: the `rsa` crate with its feature `getrandom` draws from the operating system.
            Algorithm::Sha1 => self.key.pkcs1v15_sign_prehash::<sha1::Sha1>(digest),
            Algorithm::Sha256 => self.key.pkcs1v15_sign_prehash::<sha2::Sha256>(digest),
            Algorithm::Sha512 => self.key.pkcs1v15_sign_prehash::<sha2::Sha512>(digest),
        }
        .map_err(|_| SigningFailed)
    }

    /// The public half.
    ///
    /// ```
    /// # use telco_crypto::rsa::{PrivateKey, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// # let public = keys["public_pem_spki"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// assert_eq!(*key.public_key(), PublicKey::load(public.as_bytes())?);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The number of bits of the modulus.
    ///
    /// ```
    /// # use telco_crypto::rsa::PrivateKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// assert_eq!(PrivateKey::load(private.as_bytes())?.bits(), 2048);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.key.n().bit_width_vartime()
    }
}

/// The size of a key to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySize {
    /// 2048 bits.
    Bits2048,
    /// 3072 bits.
    Bits3072,
    /// 4096 bits.
    Bits4096,
}

impl KeySize {
    const fn bits(self) -> usize {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }

    /// The size with this many bits, if keys of it are made.
    ///
    /// ```
    /// use telco_crypto::rsa::KeySize;
    /// assert_eq!(KeySize::from_bits(3072), Some(KeySize::Bits3072));
    /// assert_eq!(KeySize::from_bits(1024), None);
    /// ```
    #[must_use]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Bits2048),
            3072 => Some(Self::Bits3072),
            4096 => Some(Self::Bits4096),
            _ => None,
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.bits())
    }
}
