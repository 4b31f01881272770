//! Message authentication: HMAC-SHA256.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// HMAC-SHA256 under one key (RFC 2104, FIPS 198-1). Any key length; longer than 64 bytes it is hashed first.
///
/// The key is absorbed once, when the value is made: signing is then two compressions of SHA-256 cheaper. It is wiped on drop
/// and never shown.
///
/// ```
/// use telco_crypto::{encoding, mac::HmacSha256};
///
/// let key: Vec<u8> = (0..32).collect();
/// let tag = HmacSha256::new(&key).tag(&[b"20151110202513869"]);
/// assert_eq!(encoding::base64(&tag), "xiA/7YGSaG1t6wqmGuDnfzbMwPZ7atmHTZz0K/AP3HI=");
/// ```
#[derive(Clone)]
pub struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    /// Absorbs `key`.
    ///
    /// ```
    /// use telco_crypto::mac::HmacSha256;
    /// // RFC 4231, test case 2.
    /// let tag = HmacSha256::new(b"Jefe").tag(&[b"what do ya want for nothing?"]);
    /// assert_eq!(telco_crypto::encoding::hex(&tag[..4]), "5bdcc146");
    /// ```
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        let keyed = <Hmac<Sha256> as KeyInit>::new_from_slice(key);
        #[expect(
            clippy::expect_used,
            reason = "HMAC is defined for keys of every length, so this cannot fail"
        )]
        Self(keyed.expect("HMAC takes a key of any length"))
    }

    /// The tag of `parts`, read as one message: `tag(&[b"a", b"b"])` is `tag(&[b"ab"])`.
    ///
    /// ```
    /// use telco_crypto::mac::HmacSha256;
    /// let mac = HmacSha256::new(b"key");
    /// assert_eq!(mac.tag(&[b"mess", b"age"]), mac.tag(&[b"message"]));
    /// ```
    #[must_use]
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// True if `tag` is the tag of `parts`; compared in constant time. A shortened tag is false.
    ///
    /// ```
    /// # use telco_crypto::mac::HmacSha256;
    /// let mac = HmacSha256::new(b"key");
    /// let tag = mac.tag(&[b"message"]);
    /// assert!(mac.verify(&[b"mess", b"age"], &tag));
    /// assert!(!mac.verify(&[b"message"], &tag[..31]));
    /// ```
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        crate::compare::equal(&self.tag(parts), tag)
    }
}

impl fmt::Debug for HmacSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacSha256(***)")
    }
}
