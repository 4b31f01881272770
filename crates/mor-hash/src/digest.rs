use alloc::string::String;
use core::fmt;

use subtle::ConstantTimeEq;

use crate::Error;

/// One request hash: 20 bytes, 40 lower-case hexadecimal characters on the wire.
///
/// `Debug` hides it: nothing in the scheme expires, so a hash in a log file can be replayed for ever, and the hash
/// of a method without hashed parameters is one constant that opens all such methods.
#[derive(Clone, Copy)]
pub struct RequestHash([u8; 20]);

impl RequestHash {
    pub(crate) const fn new(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }

    /// Reads 40 lower-case hexadecimal characters. The server compares text, so upper case never matches there and
    /// is refused here (observed; docs/protocols/mor.md, section 3.6).
    ///
    /// ```
    /// use mor_hash::{Error, RequestHash};
    /// assert!(RequestHash::from_hex("f7c3bc1d808e04732adf679965ccc34ca7ae3441").is_ok());
    /// assert_eq!(RequestHash::from_hex("F7C3BC1D808E04732ADF679965CCC34CA7AE3441").unwrap_err(), Error::MalformedHash);
    /// ```
    ///
    /// # Errors
    /// [`Error::MalformedHash`] for any other length or character.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 20];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(Error::MalformedHash);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? * 16 + nibble(*low)?;
        }
        Ok(Self(bytes))
    }

    /// The text to send as `hash`.
    ///
    /// ```
    /// let hash = mor_hash::RequestHash::from_hex("f7c3bc1d808e04732adf679965ccc34ca7ae3441")?;
    /// assert_eq!(hash.to_hex(), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn to_hex(&self) -> String {
        let mut text = String::with_capacity(40);
        for byte in self.0 {
            for nibble in [byte >> 4, byte & 15] {
                text.push(char::from(if nibble < 10 {
                    b'0' + nibble
                } else {
                    b'a' - 10 + nibble
                }));
            }
        }
        text
    }

    /// The 20 bytes behind the text.
    ///
    /// ```
    /// let hash = mor_hash::RequestHash::from_hex("f7c3bc1d808e04732adf679965ccc34ca7ae3441")?;
    /// assert_eq!(hash.as_bytes()[..2], [0xf7, 0xc3]);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

const fn nibble(digit: u8) -> Result<u8, Error> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(Error::MalformedHash),
    }
}

/// In constant time.
impl PartialEq for RequestHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for RequestHash {}

impl fmt::Debug for RequestHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestHash(***)")
    }
}
