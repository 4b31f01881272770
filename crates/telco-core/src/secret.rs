//! Secrets: kept out of every log by their type, wiped from memory on drop, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// A secret text: an API key, a token, a PIN.
///
/// `Debug` prints `Secret(***)` whatever the feature set. There is no `Display` and no `Serialize`; the text leaves only
/// through [`expose`](Self::expose), which is easy to find in a review.
///
/// ```
/// use telco_core::Secret;
///
/// let key = Secret::new("fe01ce2a7fbac8fa");
/// assert_eq!(format!("{key:?}"), "Secret(***)");
/// assert_eq!(key.expose(), "fe01ce2a7fbac8fa");
/// ```
///
/// A secret cannot be printed by accident:
///
/// ```compile_fail,E0277
/// let key = telco_core::Secret::new("x");
/// println!("{}", key);
/// ```
///
/// The twin that compiles:
///
/// ```
/// let key = telco_core::Secret::new("x");
/// println!("{:?}", key);
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text as it is. Nothing is trimmed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the wire or a digest.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Secret bytes: a raw key, a frozen request, a whole answer that may hold paid PINs.
///
/// ```
/// use telco_core::SecretBytes;
///
/// let key = SecretBytes::new([1, 2, 3]);
/// assert_eq!(format!("{key:?}"), "SecretBytes(***)");
/// assert_eq!(key.expose(), [1, 2, 3]);
/// ```
#[derive(Clone)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}
impl Eq for Secret {}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
impl Eq for SecretBytes {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(***)")
    }
}
