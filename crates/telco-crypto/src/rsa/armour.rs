//! From the bytes of a file to what is inside: byte-order marks, UTF-16, PEM armour, bare base64.

use zeroize::Zeroizing;

use super::KeyError;
use super::der;
use crate::encoding::decode_base64_forgiving;

const MAX_LENGTH: usize = 64 * 1024;

/// What a file holds, by its outer form.
pub(super) enum Content {
    Der(Zeroizing<Vec<u8>>),
    /// Base64 without armour: what does not read as a key was never meant to be one.
    BareBase64(Zeroizing<Vec<u8>>),
    Pem(Vec<Block>),
    Xml(Zeroizing<String>),
    JavaObject,
}

/// One block of a PEM file.
pub(super) struct Block {
    pub(super) label: String,
    /// The decoded body; `None` if it is not base64.
    pub(super) der: Option<Zeroizing<Vec<u8>>>,
    /// It has the header of the old OpenSSL encryption.
    pub(super) encrypted: bool,
}

pub(super) fn open(input: &[u8]) -> Result<Content, KeyError> {
    if input.len() > MAX_LENGTH {
        return Err(KeyError::TooLong);
    }
    // Before any trimming: the last octet of a DER key may look like white space.
    if der::is_sequence(input) {
        return Ok(Content::Der(Zeroizing::new(input.to_vec())));
    }
    if input.starts_with(&[0xac, 0xed, 0x00, 0x05]) {
        return Ok(Content::JavaObject);
    }
    let text = text(input)?;
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if text.is_empty() {
        return Err(KeyError::Empty);
    }
    if text.starts_with('<') {
        return Ok(Content::Xml(Zeroizing::new(text.to_owned())));
    }
    if text.contains(BEGIN) {
        return pem(text).map(Content::Pem);
    }
    bare_base64(text)
        .map(Content::BareBase64)
        .ok_or(KeyError::UnrecognisedFormat)
}

fn text(input: &[u8]) -> Result<Zeroizing<String>, KeyError> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Zeroizing<Vec<u16>> =
            Zeroizing::new(pairs.iter().map(|pair| unit(*pair)).collect());
        rest.is_empty()
            .then(|| String::from_utf16(&units).ok())
            .flatten()
    };
    let text = match input {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        _ => std::str::from_utf8(input).ok().map(str::to_owned),
    };
    text.map(Zeroizing::new).ok_or(KeyError::UnrecognisedFormat)
}

fn bare_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    // As long as it can get: a text that grows leaves copies of itself behind.
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(text.split_whitespace());
    decode_base64_forgiving(&compact).ok().map(Zeroizing::new)
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// All blocks, whatever stands between and before them. Any line length, indentation and line end.
fn pem(text: &str) -> Result<Vec<Block>, KeyError> {
    // Environment variables and JSON often carry the line breaks as two characters.
    let text = line_breaks(text);
    let mut rest = text.as_str();
    let mut blocks = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(KeyError::MalformedPem)?;
        let end = format!("{END}{label}{DASHES}");
        let (body, after) = after
            .split_once(end.as_str())
            .ok_or(KeyError::MalformedPem)?;
        blocks.push(Block {
            label: label.to_owned(),
            der: bare_base64(body),
            encrypted: body.contains("Proc-Type:") && body.contains("ENCRYPTED"),
        });
        rest = after;
    }
    Ok(blocks)
}

/// `\r\n` and `\n`, written as two characters each, as what they stand for. In one text of its final size: no part of a key is left in
/// memory that nobody wipes.
fn line_breaks(text: &str) -> Zeroizing<String> {
    let mut broken = Zeroizing::new(String::with_capacity(text.len()));
    let mut rest = text;
    while let Some((line, after)) = rest.split_once("\\n") {
        broken.push_str(line.strip_suffix("\\r").unwrap_or(line));
        broken.push('\n');
        rest = after;
    }
    broken.push_str(rest);
    broken
}

/// PEM in 64 columns with LF, as OpenSSL writes it.
pub(super) fn to_pem(label: &str, der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(crate::encoding::base64(der));
    let mut pem = Zeroizing::new(String::with_capacity(
        base64.len() * 66 / 64 + 2 * label.len() + 40,
    ));
    pem.push_str(BEGIN);
    pem.push_str(label);
    pem.push_str("-----\n");
    let mut rest = base64.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        pem.push_str(rest);
        pem.push('\n');
    }
    pem.push_str(END);
    pem.push_str(label);
    pem.push_str("-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_line_breaks_become_real_ones_without_growing() {
        for (text, expected) in [
            ("a\\nb\\r\\nc", "a\nb\nc"),
            ("a\nb", "a\nb"),
            ("\\n", "\n"),
            ("a\\rb", "a\\rb"),
            ("", ""),
        ] {
            let broken = line_breaks(text);
            assert_eq!(broken.as_str(), expected);
            assert_eq!(broken.capacity(), text.len());
        }
    }
}
