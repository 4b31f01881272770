//! Plain hashes.

use sha2::Digest as _;

/// SHA-1 of `message`. Broken for collisions; some providers sign with it all the same.
///
/// ```
/// let hash = telco_crypto::digest::sha1(b"your-app-id#your.tenant.id#2018-09-24T12:01:27.938Z");
/// assert_eq!(telco_crypto::encoding::hex(&hash), "a21cc8b7dcdef447a1d3c8bcfac81675ab5660fd");
/// ```
#[must_use]
pub fn sha1(message: &[u8]) -> [u8; 20] {
    sha1::Sha1::digest(message).into()
}

/// SHA-256 of `message`.
///
/// ```
/// let hash = telco_crypto::digest::sha256(b"YWJjZDEyMzQ=");
/// assert!(telco_crypto::encoding::hex(&hash).starts_with("6485726870738219"));
/// ```
#[must_use]
pub fn sha256(message: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(message).into()
}

/// A stable name of `message` that does not show it: the first twelve hexadecimal digits of its [`sha256`]. Whoever can
/// guess the message can tell that the name is its own.
///
/// ```
/// assert_eq!(telco_crypto::digest::short_name(b"YWJjZDEyMzQ="), "648572687073");
/// ```
#[must_use]
pub fn short_name(message: &[u8]) -> String {
    let mut name = crate::encoding::hex(&sha256(message));
    name.truncate(12);
    name
}

/// SHA-512 of `message`.
///
/// ```
/// assert_eq!(telco_crypto::digest::sha512(b"").len(), 64);
/// ```
#[must_use]
pub fn sha512(message: &[u8]) -> [u8; 64] {
    sha2::Sha512::digest(message).into()
}

/// One of the hashes, where a protocol or a setting chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl Algorithm {
    /// The hash of `message`.
    ///
    /// ```
    /// use telco_crypto::digest::{Algorithm, sha256};
    /// assert_eq!(Algorithm::Sha256.hash(b"abc"), sha256(b"abc"));
    /// ```
    #[must_use]
    pub fn hash(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(message).to_vec(),
            Self::Sha256 => sha256(message).to_vec(),
            Self::Sha512 => sha512(message).to_vec(),
        }
    }

    /// The length of a hash, in bytes.
    ///
    /// ```
    /// use telco_crypto::digest::Algorithm;
    /// assert_eq!(Algorithm::Sha512.length(), Algorithm::Sha512.hash(b"abc").len());
    /// ```
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}
