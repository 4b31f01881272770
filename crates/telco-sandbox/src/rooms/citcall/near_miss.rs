//! Why a message does not open, found by trying what people get wrong.

use super::cipher::{Keys, OpenError, Reading};

/// What is wrong with a `data` that did not open under `keys`.
pub(crate) fn explain(
    data: &str,
    error: OpenError,
    keys: Keys<'_>,
    now: i64,
    window: Option<u64>,
) -> String {
    if let OpenError::Expired { sent_at, now } = error {
        return clock(sent_at, now, window, |reading| {
            keys.open(data, now, window, reading).is_ok()
        });
    }
    let opens = |keys: Keys<'_>, reading: Reading| {
        keys.open(data, now, None, reading)
            .is_ok_and(|(_, text)| text.trim_start().starts_with('{'))
    };
    let found = misreadings()
        .into_iter()
        .find(|(_, reading)| opens(keys, *reading))
        .map(|(text, _)| text)
        .or_else(|| wrong_key(keys, |keys| opens(keys, Reading::default())));
    let what = match error {
        OpenError::Base64 => "`data` is not base64 (URL-safe or standard, no padding needed)",
        OpenError::Corrupt { index } => {
            return format!(
                "byte {index} of `data` has its top bit set: the cipher only makes 7-bit bytes, so \
                 this was damaged on the way, or made from text beyond ASCII"
            );
        }
        OpenError::MissingTimestamp => "`data` decrypts to a text without a `.` after the time",
        OpenError::BadTimestamp => "`data` decrypts to a text that does not begin with a time",
        OpenError::Expired { .. } => "`data` is too old or too new",
    };
    match found {
        Some(hint) => format!("{what}. It would open if {hint}"),
        None => format!("{what}. Check user id and API key: both are keys of the cipher"),
    }
}

fn misreadings() -> [(&'static str, Reading); 3] {
    let reading = |first_byte_first, forward_time| Reading {
        first_byte_first,
        forward_time,
    };
    [
        (
            "the key began at its first byte; it begins at its LAST byte, then the first, the second …",
            reading(true, false),
        ),
        (
            "the time stood forwards; its digits go backwards",
            reading(false, true),
        ),
        (
            "the key began at its first byte and the time stood forwards; the key begins at its LAST \
             byte, and the digits of the time go backwards",
            reading(true, true),
        ),
    ]
}

fn wrong_key(keys: Keys<'_>, opens: impl Fn(Keys<'_>) -> bool) -> Option<&'static str> {
    let upper = keys.secret.to_ascii_uppercase();
    let lower = keys.secret.to_ascii_lowercase();
    let bytes: Option<Vec<u8>> = std::str::from_utf8(keys.secret)
        .ok()
        .filter(|text| text.len() % 2 == 0)
        .and_then(|text| {
            (0..text.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(text.get(i..i + 2)?, 16).ok())
                .collect()
        });
    let with = |secret: &[u8]| opens(Keys { secret, ..keys });
    if with(&upper) || with(&lower) {
        Some("the letters of the API key had another case; it is used exactly as issued")
    } else if bytes.is_some_and(|bytes| with(&bytes)) {
        Some("the API key were decoded from hexadecimal; it is used as text")
    } else if opens(Keys {
        client_id: keys.secret,
        ..keys
    }) {
        Some("the API key were both keys; the other key is the user id")
    } else if opens(Keys {
        secret: keys.client_id,
        ..keys
    }) {
        Some("the user id were both keys; the other key is the API key")
    } else {
        None
    }
}

fn clock(sent_at: i64, now: i64, window: Option<u64>, in_time: impl Fn(Reading) -> bool) -> String {
    if in_time(Reading {
        forward_time: true,
        ..Reading::default()
    }) {
        return "`data` holds its time forwards; the digits go backwards".into();
    }
    let apart = sent_at.abs_diff(now);
    let side = if sent_at < now { "behind" } else { "ahead" };
    let apart = match apart {
        0..=119 => format!("{apart} s"),
        120..=7_199 => format!("{} minutes", apart / 60),
        _ => format!("{} hours", apart / 3_600),
    };
    let millis = if sent_at > 100_000_000_000 {
        "; it looks like milliseconds, and whole seconds are wanted"
    } else {
        ""
    };
    format!(
        "the time in `data` is {apart} {side}{millis}; {} s are allowed",
        window.unwrap_or(0)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys<'static> = Keys {
        client_id: b"demo",
        secret: b"fe01ce2a7fbac8fafaed7c982a04e229",
    };
    const NOW: i64 = 1_519_012_727;
    const TEXT: &str = r#"{"msisdn":"081234567890"}"#;

    fn why(data: &str) -> String {
        let error = KEYS
            .open(data, NOW, Some(480), Reading::default())
            .unwrap_err();
        explain(data, error, KEYS, NOW, Some(480))
    }

    /// Seals as somebody would who reads the rule so.
    fn misread(keys: Keys<'_>, reading: Reading) -> String {
        use base64::Engine as _;
        let time = NOW.to_string();
        let time: String = if reading.forward_time {
            time
        } else {
            time.chars().rev().collect()
        };
        let at = |key: &[u8], i: usize| {
            let first = if reading.first_byte_first {
                0
            } else {
                key.len() - 1
            };
            key[(i + first) % key.len()]
        };
        let bytes: Vec<u8> = format!("{time}.{TEXT}")
            .bytes()
            .enumerate()
            .map(|(i, b)| {
                b.wrapping_add(at(keys.client_id, i))
                    .wrapping_add(at(keys.secret, i))
                    & 127
            })
            .collect();
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
    }

    #[test]
    fn names_each_mistake() {
        let secret = |secret| Keys { secret, ..KEYS };
        let plain = Reading::default();
        for (data, expected) in [
            (
                misread(
                    KEYS,
                    Reading {
                        first_byte_first: true,
                        ..plain
                    },
                ),
                "begins at its LAST",
            ),
            (
                misread(
                    KEYS,
                    Reading {
                        forward_time: true,
                        ..plain
                    },
                ),
                "backwards",
            ),
            (
                misread(secret(b"FE01CE2A7FBAC8FAFAED7C982A04E229"), plain),
                "another case",
            ),
            (
                misread(
                    secret(b"\xfe\x01\xce\x2a\x7f\xba\xc8\xfa\xfa\xed\x7c\x98\x2a\x04\xe2\x29"),
                    plain,
                ),
                "used as text",
            ),
            (misread(secret(b"demo"), plain), "were both keys"),
            (
                misread(secret(b"something else"), plain),
                "Check user id and API key",
            ),
            (KEYS.seal(1_519_012_000, TEXT).unwrap(), "12 minutes behind"),
            (KEYS.seal(1_519_013_727, TEXT).unwrap(), "16 minutes ahead"),
            (
                KEYS.seal(1_519_012_727_000, TEXT).unwrap(),
                "whole seconds are wanted",
            ),
            ("!!!!".into(), "not base64"),
            ("8ig_DQFH".into(), "top bit"),
        ] {
            let why = why(&data);
            assert!(why.contains(expected), "{expected}: {why}");
        }
    }
}
