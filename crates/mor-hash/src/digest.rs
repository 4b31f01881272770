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
    /// # Errors
    /// [`Error::MalformedHash`] for any other length or character.
    pub fn from_hex(text: &str) -> Result<Self, Error> {
        let mut bytes = [0; 20];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(Error::MalformedHash);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }

    /// The text to send as `hash`.
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
