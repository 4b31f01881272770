//! The caller's own name for one business operation.

use std::fmt;

use crate::{NoRandomness, Randomness};

/// The caller's id of **one** business operation: this top-up, this call. Made and stored *before* anything is sent, and
/// never used for another operation, so that after a crash the question "did it happen?" can still be asked.
///
/// 1 to 64 characters of `A-Z a-z 0-9 _ -`. A provider may be narrower (Cowrie: 36); generated ones fit all.
///
/// ```
/// use telco_core::Reference;
///
/// let order = Reference::new("order-4711")?;
/// assert_eq!(order.as_str(), "order-4711");
/// assert!(Reference::new("order 4711").is_err());
/// # Ok::<(), telco_core::InvalidReference>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference(Box<str>);

/// The text cannot be a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable reference: give 1 to 64 characters of A-Z a-z 0-9 _ -")]
#[non_exhaustive]
pub struct InvalidReference;

impl Reference {
    /// Takes the caller's id as it is.
    ///
    /// # Errors
    /// [`InvalidReference`] if it is empty, longer than 64, or has another character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidReference> {
        let text = text.as_ref();
        let well_formed = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(InvalidReference)
        }
    }

    /// A new one: 128 random bits as 32 lower-case hex digits. Store it before you send.
    ///
    /// # Errors
    /// [`NoRandomness`] if the operating system gives none.
    #[cfg(feature = "os-random")]
    pub fn generate() -> Result<Self, NoRandomness> {
        Self::generate_with(&crate::OsRandomness)
    }

    /// The same from a source of your own.
    ///
    /// # Errors
    /// [`NoRandomness`] if the source gives none.
    pub fn generate_with(random: &dyn Randomness) -> Result<Self, NoRandomness> {
        let mut bytes = [0; 16];
        random.fill(&mut bytes)?;
        Ok(Self(format!("{:032x}", u128::from_be_bytes(bytes)).into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reference({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fixed(u8);
    impl Randomness for Fixed {
        fn fill(&self, out: &mut [u8]) -> Result<(), NoRandomness> {
            out.fill(self.0);
            Ok(())
        }
    }

    #[test]
    fn a_generated_reference_is_32_hex_digits_of_the_given_source() {
        assert_eq!(
            Reference::generate_with(&Fixed(0xab)).unwrap().as_str(),
            "ab".repeat(16)
        );
        assert_eq!(
            Reference::generate_with(&Fixed(0)).unwrap().as_str(),
            "0".repeat(32)
        );
    }

    #[test]
    fn limits() {
        assert!(Reference::new("a".repeat(64)).is_ok());
        let too_long = "a".repeat(65);
        for bad in ["", &too_long, "a b", "a.b", "ä", "a\n"] {
            assert_eq!(Reference::new(bad), Err(InvalidReference), "{bad:?}");
        }
    }
}
