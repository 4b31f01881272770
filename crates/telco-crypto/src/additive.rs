//! Two-key additive stream over 7-bit text, with the time of sending in front.
//!
//! Two keys are added to the text modulo 128, byte by byte, each repeated as often as needed, and the result is written in URL-safe
//! base64 without padding. Several Indonesian payment and telephony interfaces use it. Definition and known answers:
//! `docs/protocols/citcall.md`, part A.
//!
//! # This is obfuscation, not encryption
//!
//! There is no integrity: a changed byte inside the text is not noticed. One known message as long as the least common multiple of
//! the two key lengths gives away the whole key stream, and with it reading and forging of everything under that pair. TLS is what
//! protects such traffic. A text that decrypts well proves nothing about who sent it.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::encoding;

/// A key is empty or not ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key of the additive stream must be ASCII and not empty")]
pub struct InvalidKey;

/// The text has a character outside ASCII. The stream carries seven bits, so it would be lost for good; escape it first
/// ([`encoding::ascii_json`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the text has characters outside ASCII, which the additive stream cannot carry")]
pub struct NonAsciiText;

/// Why a ciphertext was refused. In the order in which the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecryptError {
    /// Not base64 in either alphabet.
    #[error("the ciphertext is not base64")]
    Base64,
    /// A byte uses the eighth bit, which the stream never sets.
    #[error("the ciphertext is damaged at byte {index}")]
    Corrupt {
        /// The first such byte, counted from 0.
        index: usize,
    },
    /// No dot ends the time.
    #[error("the decrypted text has no time of sending")]
    MissingTimestamp,
    /// What stands before the dot is not a time: most often a wrong key.
    #[error("the decrypted text does not start with a time of sending; is the key right?")]
    BadTimestamp,
    /// Sent too long ago, or too far in the future.
    #[error("the message of {sent_at} is outside the accepted window around {now} (Unix seconds)")]
    Expired {
        /// The time in the message, in Unix seconds.
        sent_at: u64,
        /// The time it was compared with.
        now: u64,
    },
}

/// How far the time in a message may lie from the receiver's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// At most `seconds` away from `now`, in either direction, the edge included.
    Within {
        /// The receiver's clock, in Unix seconds.
        now: u64,
        /// The width of the window to each side.
        seconds: u64,
    },
    /// The time is read and not judged: for tests and for replaying logs.
    Unchecked,
}

impl Freshness {
    /// Published implementations accept 480 seconds, older ones 300.
    ///
    /// ```
    /// use telco_crypto::additive::Freshness;
    /// assert_eq!(Freshness::around(1_000), Freshness::Within { now: 1_000, seconds: 480 });
    /// ```
    #[must_use]
    pub const fn around(now: u64) -> Self {
        Self::Within { now, seconds: 480 }
    }
}

/// A decrypted message. `Debug` shows its time and length only.
pub struct Message {
    /// When it was sent, in Unix seconds.
    pub sent_at: u64,
    text: Zeroizing<String>,
}

impl Message {
    /// The text. It is wiped when the message is dropped.
    ///
    /// ```
    /// # use telco_crypto::additive::{AdditiveStream, Freshness};
    /// # let stream = AdditiveStream::new("demo", "key")?;
    /// # let ciphertext = stream.encrypt("hello", 1_519_012_727).unwrap();
    /// let message = stream.decrypt(&ciphertext, Freshness::Unchecked).unwrap();
    /// assert_eq!(message.text(), "hello");
    /// assert!(!format!("{message:?}").contains("hello"));
    /// # Ok::<(), telco_crypto::additive::InvalidKey>(())
    /// ```
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Message {{ sent_at: {}, text: {} bytes }}",
            self.sent_at,
            self.text.len()
        )
    }
}

/// The stream under one pair of keys. Their order does not matter. Wiped on drop, not shown by `Debug`.
///
/// ```
/// use telco_crypto::additive::{AdditiveStream, Freshness};
///
/// let stream = AdditiveStream::new("demo", "fe01ce2a7fbac8fafaed7c982a04e229")?;
/// let ciphertext = stream.encrypt(r#"{"a":1}"#, 1_519_012_727).unwrap();
/// assert_eq!(ciphertext, "X3wBT1F3A1AFTHlKcig_DQFH");
///
/// let message = stream.decrypt(&ciphertext, Freshness::around(1_519_012_800)).unwrap();
/// assert_eq!((message.sent_at, message.text()), (1_519_012_727, r#"{"a":1}"#));
/// # Ok::<(), telco_crypto::additive::InvalidKey>(())
/// ```
#[derive(Clone)]
pub struct AdditiveStream {
    first: Key,
    second: Key,
}

impl AdditiveStream {
    /// Both keys are used as text; hexadecimal is not decoded.
    ///
    /// ```
    /// use telco_crypto::additive::{AdditiveStream, InvalidKey};
    /// assert!(AdditiveStream::new("demo", "fe01ce2a7fbac8fafaed7c982a04e229").is_ok());
    /// assert_eq!(AdditiveStream::new("demo", "").unwrap_err(), InvalidKey);
    /// ```
    ///
    /// # Errors
    /// [`InvalidKey`] if one is empty or not ASCII.
    pub fn new(first: &str, second: &str) -> Result<Self, InvalidKey> {
        Ok(Self {
            first: Key::new(first)?,
            second: Key::new(second)?,
        })
    }

    /// Encrypts `text`, sent at `unix_seconds`. The same text in the same second gives the same ciphertext. Encrypt anew for every
    /// transmission: the receiver judges the time.
    ///
    /// ```
    /// use telco_crypto::additive::{AdditiveStream, NonAsciiText};
    /// use telco_crypto::encoding::ascii_json;
    ///
    /// let stream = AdditiveStream::new("demo", "key")?;
    /// let json = r#"{"name":"Zoë"}"#;
    /// assert_eq!(stream.encrypt(json, 1_519_012_727), Err(NonAsciiText));
    /// assert!(stream.encrypt(&ascii_json(json), 1_519_012_727).is_ok());
    /// # Ok::<(), telco_crypto::additive::InvalidKey>(())
    /// ```
    ///
    /// # Errors
    /// [`NonAsciiText`].
    pub fn encrypt(&self, text: &str, unix_seconds: u64) -> Result<String, NonAsciiText> {
        if !text.is_ascii() {
            return Err(NonAsciiText);
        }
        let mut bytes = Vec::with_capacity(text.len() + 21);
        push_reversed_decimal(&mut bytes, unix_seconds);
        bytes.push(b'.');
        bytes.extend_from_slice(text.as_bytes());
        self.combine(&mut bytes, |byte, key| byte.wrapping_add(key));
        Ok(encoding::base64url(&bytes))
    }

    /// Decrypts. ASCII white space anywhere, either base64 alphabet and any padding at the end are accepted, as messages get wrapped
    /// in logs and documents; damage is not.
    ///
    /// ```
    /// use telco_crypto::additive::{AdditiveStream, DecryptError, Freshness};
    ///
    /// let stream = AdditiveStream::new("demo", "key")?;
    /// let ciphertext = stream.encrypt("hello", 1_000).unwrap();
    /// assert!(stream.decrypt(&ciphertext, Freshness::around(1_480)).is_ok());
    /// let late = stream.decrypt(&ciphertext, Freshness::around(1_481)).unwrap_err();
    /// assert_eq!(late, DecryptError::Expired { sent_at: 1_000, now: 1_481 });
    /// # Ok::<(), telco_crypto::additive::InvalidKey>(())
    /// ```
    ///
    /// # Errors
    /// [`DecryptError`], the first check that failed.
    pub fn decrypt(&self, ciphertext: &str, freshness: Freshness) -> Result<Message, DecryptError> {
        let bytes = decode(ciphertext, &URL_SAFE_NO_PAD)?;
        if !bytes.is_ascii() {
            let index = bytes
                .iter()
                .position(|byte| !byte.is_ascii())
                .unwrap_or_default();
            return Err(DecryptError::Corrupt { index });
        }
        self.open(bytes, freshness)
    }

    /// As [`decrypt`](Self::decrypt), but like published implementations it clears the eighth bit and ignores the unused bits of the
    /// last character, so that damage goes unseen. For looking at a message that `decrypt` refuses, not for acting on it.
    ///
    /// ```
    /// use telco_crypto::additive::{AdditiveStream, DecryptError, Freshness};
    /// use telco_crypto::encoding::{base64url, decode_base64url};
    ///
    /// let stream = AdditiveStream::new("demo", "key")?;
    /// let mut bytes = decode_base64url(&stream.encrypt("hello", 1_000).unwrap()).unwrap();
    /// bytes[0] |= 0x80;
    /// let damaged = base64url(&bytes);
    /// assert_eq!(stream.decrypt(&damaged, Freshness::Unchecked).unwrap_err(), DecryptError::Corrupt { index: 0 });
    /// assert_eq!(stream.decrypt_lenient(&damaged, Freshness::Unchecked).unwrap().text(), "hello");
    /// # Ok::<(), telco_crypto::additive::InvalidKey>(())
    /// ```
    ///
    /// # Errors
    /// [`DecryptError`], never `Corrupt`.
    pub fn decrypt_lenient(
        &self,
        ciphertext: &str,
        freshness: Freshness,
    ) -> Result<Message, DecryptError> {
        self.open(decode(ciphertext, &IGNORING_UNUSED_BITS)?, freshness)
    }

    fn open(&self, bytes: Vec<u8>, freshness: Freshness) -> Result<Message, DecryptError> {
        let mut plain = Zeroizing::new(bytes);
        self.combine(&mut plain, |byte, key| byte.wrapping_sub(key));
        let dot = plain
            .iter()
            .position(|byte| *byte == b'.')
            .ok_or(DecryptError::MissingTimestamp)?;
        let sent_at = reversed_decimal(plain.iter().take(dot)).ok_or(DecryptError::BadTimestamp)?;
        if let Freshness::Within { now, seconds } = freshness
            && sent_at.abs_diff(now) > seconds
        {
            return Err(DecryptError::Expired { sent_at, now });
        }
        plain.drain(..=dot);
        let text = String::from_utf8(std::mem::take(&mut *plain)).unwrap_or_default(); // seven-bit bytes are UTF-8
        Ok(Message {
            sent_at,
            text: Zeroizing::new(text),
        })
    }

    /// One pass with both keys, a block at a time, so that the compiler can turn the inner loop into vector instructions.
    fn combine(&self, bytes: &mut [u8], operation: impl Fn(u8, u8) -> u8) {
        let (mut first, mut second) = (0, 0);
        for block in bytes.chunks_mut(BLOCK) {
            let keys = self.first.from(first).iter().zip(self.second.from(second));
            for (byte, (a, b)) in block.iter_mut().zip(keys) {
                *byte = operation(*byte, a.wrapping_add(*b)) & 0x7f;
            }
            first = (first + BLOCK) % self.first.length;
            second = (second + BLOCK) % self.second.length;
        }
    }
}

impl fmt::Debug for AdditiveStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdditiveStream(***)")
    }
}

const BLOCK: usize = 256;

/// A key repeated so far that a whole block can be read from any place in it.
#[derive(Clone)]
struct Key {
    repeated: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Key {
    fn new(key: &str) -> Result<Self, InvalidKey> {
        // The stream starts with the last byte of the key; then come the first, the second, …
        let (last, rest) = key.as_bytes().split_last().ok_or(InvalidKey)?;
        if !key.is_ascii() {
            return Err(InvalidKey);
        }
        let length = key.len();
        let mut repeated = Zeroizing::new(Vec::with_capacity(length + BLOCK));
        repeated.extend(
            std::iter::once(last)
                .chain(rest)
                .cycle()
                .take(length + BLOCK),
        );
        Ok(Self { repeated, length })
    }

    fn from(&self, place: usize) -> &[u8] {
        self.repeated.get(place..).unwrap_or_default() // `place` is below `length`
    }
}

const IGNORING_UNUSED_BITS: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

fn decode(ciphertext: &str, engine: &GeneralPurpose) -> Result<Vec<u8>, DecryptError> {
    // Nearly every message comes exactly as it was written; the others are tidied up first.
    engine
        .decode(ciphertext)
        .or_else(|_| engine.decode(tidy(ciphertext)))
        .map_err(|_| DecryptError::Base64)
}

fn tidy(ciphertext: &str) -> Vec<u8> {
    let white = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let mut tidy: Vec<u8> = ciphertext
        .bytes()
        .filter(|byte| !white(byte))
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    while tidy.last() == Some(&b'=') {
        tidy.pop();
    }
    tidy
}

fn push_reversed_decimal(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let digit = u8::try_from(number % 10).unwrap_or_default(); // below ten
        bytes.push(b'0' + digit);
        number /= 10;
        if number == 0 {
            break;
        }
    }
}

/// `None` unless there are digits, digits only, and their value fits a signed 64-bit integer.
fn reversed_decimal<'a>(
    digits: impl DoubleEndedIterator<Item = &'a u8> + ExactSizeIterator,
) -> Option<u64> {
    if digits.len() == 0 {
        return None;
    }
    let mut number = 0u64;
    for byte in digits.rev() {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    i64::try_from(number).is_ok().then_some(number)
}
