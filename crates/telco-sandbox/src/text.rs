//! Reading what clients write: percent-encoding, forms, excerpts for people.

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
pub fn form_pairs(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| String::from_utf8_lossy(&percent_decode(part, true)).into_owned();
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// The value of the first pair with this name.
#[must_use]
pub fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

/// The beginning of some bytes as text, with a mark where it was cut.
#[must_use]
pub fn excerpt(bytes: &[u8], cap: usize) -> String {
    match bytes.get(..cap) {
        Some(head) if bytes.len() > cap => {
            format!("{}… ({} bytes)", String::from_utf8_lossy(head), bytes.len())
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Escapes text for HTML and XML, attribute values included.
#[must_use]
pub fn escape(text: &str) -> String {
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
    out
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
    fn escapes_for_html_and_xml() {
        assert_eq!(
            escape("<a href='x'>&\"\u{1}"),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}"
        );
    }
}
