//! Comparison that takes the same time wherever two values differ.

use subtle::ConstantTimeEq;

/// True if `left` and `right` are the same bytes, without telling by its running time where they differ.
///
/// Values of different lengths are unequal at once: the length of a code or a signature is no secret.
///
/// ```
/// assert!(telco_crypto::compare::equal(b"4711", b"4711"));
/// assert!(!telco_crypto::compare::equal(b"4711", b"4712"));
/// assert!(!telco_crypto::compare::equal(b"4711", b"47110"));
/// ```
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
