//! The unique string of every transmission.

use std::fmt;
use std::sync::Arc;

use telco_core::{ErrorKind, NoRandomness, NotSent, OsRandomness, Randomness};
use telco_crypto::random::{self, Alphabet};

/// A string that this account has never sent before: 1 to 64 characters of `A-Z a-z 0-9 _ -`. Never a `?`, which would move
/// the border between nonce and query in the signed text.
///
/// ```
/// use cowrie_client::Nonce;
///
/// assert!(Nonce::new("20151110202513869").is_ok());
/// assert!(Nonce::new("2015?net=AIR").is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(Box<str>);

impl Nonce {
    /// A nonce of your own.
    ///
    /// # Errors
    /// [`NotSent`] if it is empty, longer than 64 or has another character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NotSent> {
        let text = text.as_ref();
        let well_formed = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if well_formed {
            Ok(Self(text.into()))
        } else {
            Err(NotSent::new(
                ErrorKind::InvalidInput,
                "not a nonce: give 1 to 64 characters of A-Z a-z 0-9 _ -",
            ))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Nonce, signature and client id in one log line are all it takes to send a request again.
impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonce(***)")
    }
}

/// Where nonces come from. Unique **per account**, so over all processes and machines that use it: a counter in memory is not
/// enough.
pub trait Nonces: fmt::Debug + Send + Sync + 'static {
    /// One that was never given before.
    ///
    /// # Errors
    /// [`NoRandomness`] if there is none to be had.
    fn next(&self) -> Result<Nonce, NoRandomness>;
}

/// Twenty characters of `0-9a-z`, each drawn uniformly: about 103 bits. The default, from the operating system.
#[derive(Debug, Clone)]
pub struct RandomNonces(Arc<dyn Randomness>);

impl RandomNonces {
    const LENGTH: usize = 20;

    /// From a source of your own: for tests that need the same bytes every time.
    pub fn new(random: Arc<dyn Randomness>) -> Self {
        Self(random)
    }
}

impl Default for RandomNonces {
    fn default() -> Self {
        Self::new(Arc::new(OsRandomness))
    }
}

impl Nonces for RandomNonces {
    fn next(&self) -> Result<Nonce, NoRandomness> {
        let mut source = |out: &mut [u8]| self.0.fill(out).map_err(|_| random::NoRandomness);
        random::text(Alphabet::LOWER_ALPHANUMERIC, Self::LENGTH, &mut source)
            .map(|text| Nonce(text.as_str().into()))
            .map_err(|_| NoRandomness::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_hundred_thousand_are_distinct_and_well_formed() {
        let nonces = RandomNonces::default();
        let mut seen = HashSet::new();
        for _ in 0..100_000 {
            let nonce = nonces.next().unwrap();
            assert_eq!(nonce.as_str().len(), 20);
            assert!(
                nonce
                    .as_str()
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
            );
            assert!(seen.insert(nonce.as_str().to_owned()));
        }
    }

    #[test]
    fn the_limits_of_a_nonce_of_your_own() {
        let longest = "a".repeat(64);
        let too_long = "a".repeat(65);
        assert!(Nonce::new(longest).is_ok());
        for bad in ["", "a?b", "a b", "ä", "a\n", &too_long] {
            assert!(Nonce::new(bad).is_err(), "{bad:?}");
        }
    }

    #[derive(Debug)]
    struct Dry;
    impl Randomness for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness::new())
        }
    }

    #[test]
    fn without_randomness_there_is_no_nonce() {
        assert!(RandomNonces::new(Arc::new(Dry)).next().is_err());
    }
}
