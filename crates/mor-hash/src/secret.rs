use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq as _;

/// The owner's "API secret key". Appended last to every hash; it never travels.
///
/// It has no `Display`, its `Debug` shows nothing, and its memory is overwritten when it is dropped (best effort:
/// the crate has no `unsafe`, and copies that the caller made are the caller's).
///
/// Never trimmed here: from MOR X5 on the server stores the key without outer blanks, MOR X3 keeps them, so the two
/// spellings are two keys. A program that reads the key from a file should drop one final line end itself. Two keys are compared in
/// constant time, but for their lengths.
///
/// ```
/// let secret = mor_hash::Secret::new("Very Sercet Key");
/// assert_eq!(format!("{secret:?}"), "Secret(***)");
/// ```
#[derive(Clone, Eq)]
pub struct Secret(String);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Secret {
    /// Takes the key as it is.
    ///
    /// ```
    /// use mor_hash::Secret;
    /// assert_ne!(Secret::new("key"), Secret::new("key ")); // never trimmed
    /// ```
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let mut bytes = core::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        // Without a reader the compiler may leave the writes out.
        core::hint::black_box(&bytes);
    }
}
