//! Reading what clients write: percent-encoding, forms, excerpts for people.

use std::borrow::Cow;

/// A name and its value, decoded.
pub type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Decodes `%XX` and, in a form, `+`; a `%` without two hexadecimal digits stays as it is.
#[must_use]
pub fn percent_decode(text: &str, plus_is_space: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'%', [hi, lo, after @ ..]) => match (hex(*hi), hex(*lo)) {
                (Some(hi), Some(lo)) => {
                    out.push(hi << 4 | lo);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (b'+', _) if plus_is_space => out.push(b' '),
            (other, _) => out.push(*other),
        }
    }
    out
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|d| u8::try_from(d).ok())
}

/// The names and values of a query string or form body, decoded, in the order sent. Bytes that are no UTF-8 become U+FFFD.
#[must_use]
pub fn form_pairs(text: &str) -> Vec<Pair<'_>> {
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (form_decode(name), form_decode(value))
        })
        .collect()
}

fn form_decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let decoded = String::from_utf8(percent_decode(text, true));
    Cow::Owned(decoded.unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// The value of the first pair with this name.
#[must_use]
pub fn value<'a>(pairs: &'a [Pair<'_>], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_ref())
}

/// [`String::from_utf8_lossy`], which is slow where nothing is lost.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}

/// The beginning of some bytes as text, with a mark where it was cut.
#[must_use]
pub fn excerpt(bytes: &[u8], cap: usize) -> String {
    match bytes.get(..cap) {
        Some(head) if bytes.len() > cap => {
            format!("{}… ({} bytes)", String::from_utf8_lossy(head), bytes.len())
        }
        _ => lossy(bytes).into_owned(),
    }
}

/// Escapes text for HTML and XML, attribute values included.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    let special = |b: u8| b < b' ' || matches!(b, b'&' | b'<' | b'>' | b'"' | b'\'');
    if !text.bytes().any(special) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not allowed in XML 1.0.
            '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Lower-case hexadecimal.
pub(crate) fn hex_of(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(
                digit + if digit < 10 { b'0' } else { b'a' - 10 },
            ));
        }
    }
    out
}

/// Appends a number in at least so many digits; `format!` takes ten times as long.
pub(crate) fn push_digits(out: &mut Vec<u8>, number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let (mut left, mut from) = (number, digits.len());
    for digit in digits.iter_mut().rev() {
        if left == 0 {
            break;
        }
        *digit = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
        from = from.saturating_sub(1);
    }
    let from = from.min(digits.len().saturating_sub(width.max(1)));
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_encoded_and_leaves_the_rest() {
        assert_eq!(percent_decode("a%20b+c%2", true), b"a b c%2");
        assert_eq!(percent_decode("a+b%zz", false), b"a+b%zz");
        assert_eq!(
            form_pairs("a=1&&b=%26x&c"),
            [("a", "1"), ("b", "&x"), ("c", "")].map(|(n, v)| (n.into(), v.into()))
        );
    }

    #[test]
    fn digits_are_those_of_the_formatter() {
        for number in [0, 1, 9, 10, 200, 4_294_967_295, u64::MAX] {
            for width in [0, 1, 3, 9, 20] {
                let mut out = b"n=".to_vec();
                push_digits(&mut out, number, width);
                let expected = format!("n={number:0width$}");
                assert_eq!(String::from_utf8(out).unwrap(), expected);
            }
        }
        assert_eq!(hex_of(&[0x00, 0x9a, 0xff]), "009aff");
    }

    #[test]
    fn escapes_for_html_and_xml() {
        assert_eq!(
            escape("<a href='x'>&\"\u{1}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
    }
}
