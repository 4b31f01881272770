//! `application/x-www-form-urlencoded`, as the server reads it.

use alloc::string::String;
use alloc::vec::Vec;

use crate::Error;

/// Everything but `A-Z a-z 0-9 - . _ ~` in upper-case hex, the space as `+`.
pub(crate) fn push_pair(form: &mut String, name: &str, value: &str) {
    if !form.is_empty() {
        form.push('&');
    }
    push_encoded(form, name);
    form.push('=');
    push_encoded(form, value);
}

fn push_encoded(form: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                form.push(char::from(byte))
            }
            b' ' => form.push('+'),
            _ => {
                form.push('%');
                form.extend([byte >> 4, byte & 15].map(upper_hex));
            }
        }
    }
}

fn upper_hex(nibble: u8) -> char {
    char::from(if nibble < 10 {
        b'0' + nibble
    } else {
        b'A' - 10 + nibble
    })
}

/// Pairs in order. A piece without `=` is a name with an empty value (unknown what the server makes of it).
pub(crate) fn decode(form: &[u8]) -> impl Iterator<Item = Result<(String, String), Error>> + '_ {
    form.split(|byte| *byte == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| {
            let mut halves = piece.splitn(2, |byte| *byte == b'=');
            let mut half = || decoded(halves.next().unwrap_or_default());
            Ok((half()?, half()?))
        })
}

fn decoded(mut text: &[u8]) -> Result<String, Error> {
    let mut bytes = Vec::with_capacity(text.len());
    loop {
        text = match text {
            [] => return String::from_utf8(bytes).map_err(|_| Error::NotUtf8),
            [b'%', high, low, rest @ ..] => {
                bytes.push(hex(*high)? * 16 + hex(*low)?);
                rest
            }
            [b'%', ..] => return Err(Error::BadPercentEncoding),
            [b'+', rest @ ..] => {
                bytes.push(b' ');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

const fn hex(digit: u8) -> Result<u8, Error> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Error::BadPercentEncoding),
    }
}
