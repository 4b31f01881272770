//! The one thing about JSON that every client asks, and no reader of serde's tells.

use std::collections::HashSet;

/// An object in this JSON, at whatever depth, names a member twice. RFC 8259, section 4, leaves open which of the two counts, so
/// one reader finds a refusal where another finds a success: after a call that costs, such an answer proves nothing.
///
/// Only for text that is JSON; of anything else it may say anything, for the client's own reader refuses that.
///
/// ```
/// use telco_http::repeats_a_member;
///
/// assert!(repeats_a_member(br#"{"rc":0,"rc":14}"#));
/// assert!(repeats_a_member(br#"[{"pin":"1","p\u0069n":"2"}]"#), "an escape is another spelling of the same name");
/// assert!(!repeats_a_member(br#"[{"pin":"1"},{"pin":"1"}]"#));
/// ```
#[must_use]
pub fn repeats_a_member(json: &[u8]) -> bool {
    // For each object that is open, the names seen in it; `None` for an array. No recursion: an answer cannot exhaust the stack.
    let mut open: Vec<Option<HashSet<Vec<u16>>>> = Vec::new();
    let mut name_is_next = false;
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'{' | b'[' => {
                name_is_next = byte == b'{';
                open.push(name_is_next.then(HashSet::new));
            }
            b'}' | b']' => {
                open.pop();
            }
            b',' => name_is_next = matches!(open.last(), Some(Some(_))),
            b'"' => {
                let string;
                (string, rest) = split_string(after);
                if name_is_next
                    && let Some(Some(names)) = open.last_mut()
                    && !names.insert(utf16(string))
                {
                    return true;
                }
                name_is_next = false;
            }
            _ => {}
        }
    }
    false
}

/// What stands before the closing quote, and what follows it.
fn split_string(text: &[u8]) -> (&[u8], &[u8]) {
    let mut escaped = false;
    let end = text.iter().position(|&byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    let end = end.unwrap_or(text.len());
    let (string, rest) = text.split_at(end);
    (string, rest.get(1..).unwrap_or_default())
}

/// A string without its escapes, in the units in which JSON's `\u` escapes are counted.
fn utf16(string: &[u8]) -> Vec<u16> {
    let text = String::from_utf8_lossy(string);
    let mut units = Vec::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            '\\' => match letters.next() {
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&digits, 16).unwrap_or_default());
                    continue;
                }
                other => other.unwrap_or(letter),
            },
            plain => plain,
        };
        units.extend_from_slice(letter.encode_utf16(&mut [0; 2]));
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_twice_in_one_object() {
        for json in [
            r#"{"rc":0,"rc":14}"#,
            r#"{"rc":14,"rc":0}"#,
            r#" { "rc" : null , "a" : [ ] , "rc" : { } } "#,
            r#"{"a":{"b":1,"b":1}}"#,
            r#"[[{"a":1},{"b":[{}],"b":2}]]"#,
            r#"{"":1,"":2}"#,
            r#"{"a":{},"b":[],"a":1}"#,
            r#"{"rc":1,"\u0072c":2}"#,
            r#"{"a\/b":1,"a/b":2}"#,
            r#"{"a\\":1,"a\u005C":2}"#,
            r#"{"\"":1,"\u0022":2}"#,
            r#"{"\n\t\r\b\f":1,"\u000a\u0009\u000d\u0008\u000c":2}"#,
            r#"{"😀":1,"\ud83d\ude00":2}"#,
            r#"{"\ud83d":1,"\uD83D":2}"#,
        ] {
            assert!(repeats_a_member(json.as_bytes()), "{json}");
        }
        assert!(repeats_a_member(b"\xEF\xBB\xBF{\"a\":1,\"a\":2}"));
    }

    #[test]
    fn the_same_text_elsewhere() {
        for json in [
            "",
            "{}",
            "7",
            r#"{"rc":"rc","info":"rc"}"#,
            r#"{"rc":1,"RC":2,"rc ":3}"#,
            r#"{"a":{"a":{"a":1}}}"#,
            r#"[{"pin":"1"},{"pin":"1"}]"#,
            r#"{"a":["b","b",{"b":1}],"b":"a"}"#,
            r#"{"a":"\",\"a\":1","b":"{\"b\":1,\"b\":2}"}"#,
            r#"{"a\\":1,"a":2,"\\u0061":3}"#,
            r#"{"a":"x\\","b":1}"#,
        ] {
            assert!(!repeats_a_member(json.as_bytes()), "{json}");
        }
    }

    /// It may be asked about anything: the client's own reader comes after it.
    #[test]
    fn what_is_no_json_does_no_harm() {
        for bytes in [
            &b"}}}]]],,,:\"\""[..],
            b"\"",
            b"\"\\",
            b"{\"\\u",
            b"{\"\\u00g0\":1",
            b"{\"\xff\":1,",
            b"<html lang=\"en\">",
        ] {
            let _ = repeats_a_member(bytes);
        }
        let _ = repeats_a_member("[".repeat(1 << 20).as_bytes());
    }

    /// Four times as many members take about four times as long; by comparing each with each it would be hours.
    #[test]
    fn a_large_answer_takes_no_longer_than_it_is_long() {
        let members: Vec<String> = (0..300_000).map(|n| format!("\"member{n}\":{n}")).collect();
        let json = format!("{{{}}}", members.join(","));
        assert!(json.len() > 4 << 20);
        assert!(!repeats_a_member(json.as_bytes()));
        let repeated = format!("{{{},{}}}", members.join(","), members[0]);
        assert!(repeats_a_member(repeated.as_bytes()));
    }
}
