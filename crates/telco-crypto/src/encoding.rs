//! Bytes as text: base64 in the forms that providers use, lower-case hexadecimal, JSON inside ASCII.

use std::borrow::Cow;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD,
};

/// Text that is not the base64 it should be. It does not say where or what: the text may be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid base64")]
pub struct InvalidBase64;

/// Text that is not hexadecimal, two digits a byte. Says no more, for the same reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not valid hexadecimal")]
pub struct InvalidHex;

/// As people paste keys: padding may be missing and the unused bits of the last character may be set.
const FORGIVING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Base64 with `+`, `/` and padding (RFC 4648, section 4), on one line.
///
/// ```
/// assert_eq!(telco_crypto::encoding::base64(b"abcd1234"), "YWJjZDEyMzQ=");
/// ```
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The same into a buffer that is just as long as the text gets.
#[cfg(feature = "envelope")]
pub(crate) fn base64_into(bytes: &[u8], text: &mut [u8]) {
    let written = STANDARD.encode_slice(bytes, &mut *text);
    debug_assert_eq!(written, Ok(text.len()));
}

/// Base64 with `-`, `_` and no padding (RFC 4648, section 5).
///
/// ```
/// assert_eq!(telco_crypto::encoding::base64url(&[0xfb, 0xff]), "-_8");
/// ```
#[must_use]
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`base64()`] writes and nothing else: standard alphabet, padded, canonical, no white space.
///
/// # Errors
/// [`InvalidBase64`].
///
/// ```
/// use telco_crypto::encoding::{InvalidBase64, decode_base64};
/// assert_eq!(decode_base64("YWJjZDEyMzQ=").as_deref(), Ok(&b"abcd1234"[..]));
/// assert_eq!(decode_base64("YWJjZDEyMzQ"), Err(InvalidBase64));
/// ```
pub fn decode_base64(text: &str) -> Result<Vec<u8>, InvalidBase64> {
    STANDARD.decode(text).map_err(|_| InvalidBase64)
}

/// Reads what [`base64url()`] writes and nothing else.
///
/// # Errors
/// [`InvalidBase64`].
///
/// ```
/// use telco_crypto::encoding::{InvalidBase64, decode_base64url};
/// assert_eq!(decode_base64url("-_8").as_deref(), Ok(&[0xfb, 0xff][..]));
/// assert_eq!(decode_base64url("+/8="), Err(InvalidBase64));
/// ```
pub fn decode_base64url(text: &str) -> Result<Vec<u8>, InvalidBase64> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidBase64)
}

/// Reads standard base64 as people paste it: white space around it is trimmed, the padding may be missing, and the unused bits of
/// the last character are ignored. The URL-safe alphabet, white space inside and half a padding are refused: there, client
/// libraries disagree about the bytes, so guessing would sign with a wrong key.
///
/// # Errors
/// [`InvalidBase64`].
///
/// ```
/// use telco_crypto::encoding::{InvalidBase64, decode_base64_forgiving};
/// assert_eq!(decode_base64_forgiving(" YWJjZDEyMzQ\n").as_deref(), Ok(&b"abcd1234"[..]));
/// assert_eq!(decode_base64_forgiving("YWI").as_deref(), Ok(&b"ab"[..]));
/// assert_eq!(decode_base64_forgiving("YQ="), Err(InvalidBase64)); // one of two
/// assert_eq!(decode_base64_forgiving("ClientKey"), Err(InvalidBase64)); // a placeholder
/// ```
pub fn decode_base64_forgiving(text: &str) -> Result<Vec<u8>, InvalidBase64> {
    let text = text.trim_ascii();
    let whole_or_no_padding = !text.ends_with('=') || text.len().is_multiple_of(4);
    if !whole_or_no_padding {
        return Err(InvalidBase64);
    }
    FORGIVING.decode(text).map_err(|_| InvalidBase64)
}

/// Lower-case hexadecimal, two digits a byte.
///
/// ```
/// assert_eq!(telco_crypto::encoding::hex(&[0x00, 0xaf]), "00af");
/// ```
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Reads what [`hex()`] writes, in either case.
///
/// # Errors
/// [`InvalidHex`].
///
/// ```
/// use telco_crypto::encoding::{InvalidHex, decode_hex};
/// assert_eq!(decode_hex("00aF").as_deref(), Ok(&[0x00, 0xaf][..]));
/// assert_eq!(decode_hex("0af"), Err(InvalidHex));
/// ```
pub fn decode_hex(text: &str) -> Result<Vec<u8>, InvalidHex> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)? * 16 + digit(*low)?);
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty()).ok_or(InvalidHex)
}

/// The same JSON with every character above U+007E escaped as `\uXXXX` (lower-case; a surrogate pair beyond U+FFFF), for channels
/// that carry ASCII only. In valid JSON such characters stand inside strings, where the escape means the same.
///
/// ```
/// use telco_crypto::encoding::ascii_json;
/// assert_eq!(ascii_json(r#"{"id":"café 😀"}"#), r#"{"id":"caf\u00e9 \ud83d\ude00"}"#);
/// ```
#[must_use]
pub fn ascii_json(json: &str) -> Cow<'_, str> {
    // Without an early end the compiler makes vector instructions of it.
    let beyond = json
        .bytes()
        .fold(false, |found, byte| found | (byte > b'~'));
    if !beyond {
        return Cow::Borrowed(json);
    }
    let mut ascii = String::with_capacity(json.len() * 2);
    for character in json.chars() {
        if character <= '~' {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a `String` cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(ascii)
}
