//! Random text out of a source of random bytes that the caller brings.

use zeroize::Zeroizing;

/// Fills a buffer with random bytes. Any closure will do; pass the operating system's source outside tests.
pub type Source<'a> = dyn FnMut(&mut [u8]) -> Result<(), NoRandomness> + 'a;

/// The source of randomness failed, or what it gives is not random: it was asked long enough for a fair one to have answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source of random bytes failed")]
pub struct NoRandomness;

/// Different ASCII characters to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alphabet(&'static [u8]);

impl Alphabet {
    /// `0-9`.
    pub const DIGITS: Self = Self(b"0123456789");
    /// `0-9a-f`.
    pub const HEX: Self = Self(b"0123456789abcdef");
    /// `0-9a-z`.
    pub const LOWER_ALPHANUMERIC: Self = Self(b"0123456789abcdefghijklmnopqrstuvwxyz");
    /// `A-Za-z0-9`.
    pub const ALPHANUMERIC: Self =
        Self(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

    /// An alphabet of your own. `None` unless it has two characters or more, all ASCII and all different.
    ///
    /// ```
    /// use telco_crypto::random::Alphabet;
    /// assert!(Alphabet::new("ACGT").is_some());
    /// assert!(Alphabet::new("AA").is_none());
    /// ```
    #[must_use]
    pub fn new(characters: &'static str) -> Option<Self> {
        let bytes = characters.as_bytes();
        let different = bytes
            .iter()
            .enumerate()
            .all(|(i, byte)| !bytes.iter().skip(i + 1).any(|other| other == byte));
        (bytes.len() >= 2 && characters.is_ascii() && different).then_some(Self(bytes))
    }
}

/// `length` characters of `alphabet`, each drawn uniformly: bytes that would favour some characters are thrown away.
///
/// ```
/// use telco_crypto::random::{Alphabet, text};
///
/// let mut counter = 0u8;
/// let mut source = |out: &mut [u8]| {
///     out.fill_with(|| { counter = counter.wrapping_add(1); counter }); // in a test; use the system's source
///     Ok(())
/// };
/// assert_eq!(*text(Alphabet::DIGITS, 6, &mut source)?, "123456");
/// # Ok::<(), telco_crypto::random::NoRandomness>(())
/// ```
///
/// # Errors
/// [`NoRandomness`] if the source fails, or yields nothing usable for so long that it must be broken.
pub fn text(
    alphabet: Alphabet,
    length: usize,
    source: &mut Source<'_>,
) -> Result<Zeroizing<String>, NoRandomness> {
    // At most half of the bytes are thrown away by any alphabet, so 128 useless blocks in a row do not happen by chance.
    const PATIENCE: u32 = 128;
    let size = alphabet.0.len(); // 2 to 128
    let fair = 256 - 256 % size;
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut block = Zeroizing::new([0; 32]);
    let mut useless = 0;
    while text.len() < length {
        source(block.as_mut_slice())?;
        let before = text.len();
        let drawn = block
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let characters = drawn
            .filter_map(|byte| alphabet.0.get(byte % size))
            .copied()
            .map(char::from);
        text.extend(characters.take(length - before));
        useless = if text.len() == before { useless + 1 } else { 0 };
        if useless == PATIENCE {
            return Err(NoRandomness);
        }
    }
    Ok(text)
}
