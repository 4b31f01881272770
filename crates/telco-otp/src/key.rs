//! The key of the digests, and how fields become one message.

use std::fmt;

use telco_core::{ErrorKind, NotSent, SecretBytes};
use telco_crypto::encoding;
use telco_crypto::mac::HmacSha256;
use zeroize::Zeroizing;

/// The key under which codes are digested, with a name for rotation. Keep it **apart** from the stored codes: whoever has both
/// tries all ten thousand four-digit codes in a blink.
///
/// ```
/// use telco_core::SecretBytes;
/// use telco_otp::OtpKey;
///
/// assert!(OtpKey::new("2026-11", SecretBytes::new([7; 32])).is_ok());
/// assert!(OtpKey::new("2026-11", SecretBytes::new([7; 31])).is_err(), "too short");
/// ```
#[derive(Clone)]
pub struct OtpKey {
    id: String,
    mac: HmacSha256,
}

impl OtpKey {
    const AT_LEAST: usize = 32;

    /// `id` names the key in stored codes: 1 to 32 characters of `A-Z a-z 0-9 _ -`. `bytes` are 32 random bytes or more.
    ///
    /// ```
    /// use telco_core::SecretBytes;
    /// use telco_otp::OtpKey;
    /// assert!(OtpKey::new("no blanks here", SecretBytes::new([7; 32])).is_err());
    /// assert!(OtpKey::new("2026-11", SecretBytes::new([7; 32])).is_ok());
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] (kind `InvalidConfiguration`) for another id, or fewer bytes.
    pub fn new(id: impl Into<String>, bytes: SecretBytes) -> Result<Self, NotSent> {
        let id = id.into();
        let well_formed = (1..=32).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !well_formed {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the id of a key is 1 to 32 characters of A-Z a-z 0-9 _ -",
            ));
        }
        if bytes.expose().len() < Self::AT_LEAST {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "a key for one-time codes is 32 random bytes or more",
            ));
        }
        Ok(Self {
            id,
            mac: HmacSha256::new(bytes.expose()),
        })
    }

    /// The name it goes by in stored codes.
    ///
    /// ```
    /// # use telco_core::SecretBytes;
    /// # use telco_otp::OtpKey;
    /// assert_eq!(OtpKey::new("2026-11", SecretBytes::new([7; 32]))?.id(), "2026-11");
    /// # Ok::<(), telco_core::NotSent>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Hex digest of `fields` for one `purpose`. Every field goes in with its length, so that no two lists read alike.
    pub(crate) fn digest(&self, purpose: &str, fields: &[&str]) -> String {
        encoding::hex(&self.mac.tag(&[&framed(purpose, fields)]))
    }
}

/// `purpose` and `fields`, each after its length.
pub(crate) fn framed(purpose: &str, fields: &[&str]) -> Zeroizing<Vec<u8>> {
    let all = || std::iter::once(purpose).chain(fields.iter().copied());
    let mut message = Zeroizing::new(Vec::with_capacity(all().map(|field| field.len() + 8).sum()));
    for field in all() {
        message.extend_from_slice(&(field.len() as u64).to_be_bytes());
        message.extend_from_slice(field.as_bytes());
    }
    message
}

impl fmt::Debug for OtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OtpKey({}, ***)", self.id)
    }
}
