//! The text that an envelope's key is made of.

use std::fmt;

use zeroize::Zeroizing;

use crate::encoding::base64;
use crate::random::{Alphabet, NoRandomness, Source, text};

/// A key text is empty, or shorter than 16 characters without leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key text of an envelope has fewer than 16 characters")]
pub struct WeakKeyText;

/// The text that an envelope's key is made of. Wiped on drop, not shown by `Debug`.
#[derive(Clone)]
pub struct KeyText {
    raw: Zeroizing<String>,
    base64: Zeroizing<String>,
}

impl KeyText {
    /// `length` random letters and digits. 22 of them are worth the 128 bits of AES-128.
    ///
    /// ```
    /// use telco_crypto::{envelope::KeyText, random::NoRandomness};
    /// let mut system = |out: &mut [u8]| getrandom::fill(out).map_err(|_| NoRandomness);
    /// let text = KeyText::random(32, &mut system)?;
    /// # let _ = text;
    /// # Ok::<(), NoRandomness>(())
    /// ```
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn random(length: usize, random: &mut Source<'_>) -> Result<Self, NoRandomness> {
        Ok(Self::of(text(Alphabet::ALPHANUMERIC, length, random)?))
    }

    /// A text of your own, of 16 characters or more. For tests and support: by default each envelope has a new one.
    ///
    /// ```
    /// use telco_crypto::envelope::{KeyText, WeakKeyText};
    /// assert!(KeyText::new("a text of 22 letters..").is_ok());
    /// assert_eq!(KeyText::new("too short").unwrap_err(), WeakKeyText);
    /// ```
    ///
    /// # Errors
    /// [`WeakKeyText`].
    pub fn new(text: impl Into<String>) -> Result<Self, WeakKeyText> {
        let text = Zeroizing::new(text.into());
        if text.chars().count() < 16 {
            Err(WeakKeyText)
        } else {
            Ok(Self::of(text))
        }
    }

    /// As [`new`](Self::new), but only an empty text is refused. Short ones can be guessed.
    ///
    /// ```
    /// use telco_crypto::envelope::KeyText;
    /// assert!(KeyText::allow_weak("abcd1234").is_ok());
    /// assert!(KeyText::allow_weak("").is_err());
    /// ```
    ///
    /// # Errors
    /// [`WeakKeyText`] if it is empty.
    pub fn allow_weak(text: impl Into<String>) -> Result<Self, WeakKeyText> {
        let text = Zeroizing::new(text.into());
        if text.is_empty() {
            Err(WeakKeyText)
        } else {
            Ok(Self::of(text))
        }
    }

    fn of(raw: Zeroizing<String>) -> Self {
        let base64 = Zeroizing::new(base64(raw.as_bytes()));
        Self { raw, base64 }
    }

    pub(super) fn raw(&self) -> &[u8] {
        self.raw.as_bytes()
    }

    pub(super) fn base64(&self) -> &[u8] {
        self.base64.as_bytes()
    }

    #[cfg(feature = "open")]
    pub(super) fn from_base64(base64: &[u8]) -> Option<Self> {
        let raw = crate::encoding::decode_base64(std::str::from_utf8(base64).ok()?).ok()?;
        String::from_utf8(raw)
            .ok()
            .map(Zeroizing::new)
            .map(Self::of)
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyText(***)")
    }
}
