//! Nigerian mobile numbers as people type them.

use std::fmt;

use telco_core::Msisdn;

/// The text is no Nigerian mobile number. The text itself is not kept: it is somebody's phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNumber;

impl fmt::Display for InvalidNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a Nigerian mobile number: give one such as 08031234567 or +2348031234567")
    }
}

impl std::error::Error for InvalidNumber {}

/// Reads a mobile number in any of the usual spellings: local with its 0, national without, international with `+`, `00` or
/// the `009` of Nigerian dialling, with the separators and invisible marks that come along when numbers are pasted.
///
/// ```
/// use cowrie_client::parse_msisdn;
///
/// for typed in ["08031234567", "+234 (0) 803-123-4567", "0092348031234567"] {
///     assert_eq!(parse_msisdn(typed)?.expose(), "2348031234567");
/// }
/// assert!(parse_msisdn("02012345678").is_err(), "a fixed line takes no top-up");
/// # Ok::<(), cowrie_client::InvalidNumber>(())
/// ```
///
/// # Errors
/// [`InvalidNumber`]. Whether the number's block is assigned is not checked: see [`is_assigned`].
pub fn parse_msisdn(typed: &str) -> Result<Msisdn, InvalidNumber> {
    let visible: String = typed.chars().filter(|c| !is_mark(*c)).collect();
    let compact: String = visible
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'))
        .collect();
    let (international, digits) = match compact.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, compact.as_str()),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(InvalidNumber);
    }
    let digits = if international {
        if !digits.starts_with("234") {
            return Err(InvalidNumber);
        }
        digits
    } else if digits.starts_with("009234") {
        digits.strip_prefix("009").unwrap_or(digits)
    } else if digits.starts_with("00234") {
        digits.strip_prefix("00").unwrap_or(digits)
    } else {
        digits
    };
    let national = match digits.len() {
        // `+234 0803…`: a common slip.
        14 => digits.strip_prefix("2340"),
        13 => digits.strip_prefix("234"),
        11 => digits.strip_prefix('0'),
        10 => Some(digits),
        _ => None,
    }
    .ok_or(InvalidNumber)?;
    match national.as_bytes() {
        [b'7'..=b'9', b'0'..=b'2', ..] => {}
        _ => return Err(InvalidNumber),
    }
    Msisdn::parse(&format!("234{national}")).map_err(|_| InvalidNumber)
}

/// Zero-width and bidirectional marks, the byte-order mark and the no-break space: they come along with pasted numbers.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{A0}')
}

/// Whether the number lies in a block that the regulator has assigned (libphonenumber 9.0.43). Advisory: new blocks open.
///
/// ```
/// use cowrie_client::{is_assigned, parse_msisdn};
///
/// assert!(is_assigned(&parse_msisdn("08031234567").unwrap()));
/// assert!(!is_assigned(&parse_msisdn("08001234567").unwrap()));
/// ```
#[must_use]
pub fn is_assigned(msisdn: &Msisdn) -> bool {
    let Some(national) = msisdn.national("234") else {
        return false;
    };
    national.len() == 10
        && match national.as_bytes() {
            [b'7', b'0', b'2', d, ..] => *d != b'3',
            [b'7', b'0', d, ..] => *d != b'0',
            [b'7', b'1' | b'2', ..] => true,
            [b'8' | b'9', b'0', d, ..] => *d != b'0',
            [b'8', b'1', b'9', d, ..] => matches!(d, b'0' | b'1'),
            [b'8', b'1', ..] => true,
            [b'9', b'1', d, ..] => *d <= b'6',
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, PrefixTable};

    const SAME: [&str; 7] = [
        "08031234567",
        "8031234567",
        "2348031234567",
        "+234 803 123 4567",
        "+234 (0) 803-123-4567",
        "002348031234567",
        "0092348031234567",
    ];

    #[test]
    fn every_usual_spelling_gives_one_number() {
        for typed in SAME {
            assert_eq!(
                parse_msisdn(typed).unwrap().expose(),
                "2348031234567",
                "{typed}"
            );
        }
        let pasted = "\u{202A}\u{FEFF}+234\u{A0}803\u{200E} 123/45.67\u{202C}\t";
        assert_eq!(parse_msisdn(pasted).unwrap().expose(), "2348031234567");
    }

    #[test]
    fn what_is_no_mobile_number_is_refused() {
        for typed in [
            "",
            "+",
            " ",
            "0803123456",
            "080312345678",
            "2348031234",
            "2340803123456",
            "+08031234567",
            "+447700900123",
            "+0092348031234567",
            "00923450000000",
            "02012345678",
            "08a31234567",
            "++2348031234567",
            "٠٨٠٣١٢٣٤٥٦٧",
            "0803123456７",
            "08331234567",
            "+2348031234567;ext=1",
        ] {
            assert_eq!(parse_msisdn(typed), Err(InvalidNumber), "{typed}");
        }
    }

    #[test]
    fn prefixes_suggest_the_network_of_issue() {
        let suggest = |typed: &str| Network::suggest(&parse_msisdn(typed).unwrap());
        for (typed, network) in [
            ("2348124661601", Some(Network::Airtel)),
            ("2348031234567", Some(Network::Mtn)),
            ("07025000000", Some(Network::Mtn)),
            ("07026000000", Some(Network::Mtn)),
            ("07020000000", None),
            ("07027000000", None),
            ("09140000000", None),
            ("08040000000", None),
            ("07050000000", Some(Network::Glo)),
            ("09090000000", Some(Network::NineMobile)),
        ] {
            assert_eq!(suggest(typed), network, "{typed}");
        }
    }

    #[test]
    fn the_longest_prefix_of_ones_own_table_counts() {
        let table = PrefixTable::new([
            ("80".to_owned(), Some(Network::Glo)),
            ("803".to_owned(), None),
        ]);
        let number = |typed| parse_msisdn(typed).unwrap();
        assert_eq!(table.suggest(&number("08011234567")), Some(Network::Glo));
        assert_eq!(table.suggest(&number("08031234567")), None);
        assert_eq!(table.suggest(&number("09011234567")), None);
    }

    #[test]
    fn assigned_blocks() {
        let assigned = |typed| is_assigned(&parse_msisdn(typed).unwrap());
        for typed in [
            "07011234567",
            "07020234567",
            "07112345678",
            "07212345678",
            "08011234567",
            "08101234567",
            "08191234567",
            "08190234567",
            "09011234567",
            "09101234567",
            "09161234567",
        ] {
            assert!(assigned(typed), "{typed}");
        }
        for typed in [
            "07001234567",
            "07023234567",
            "08001234567",
            "08192234567",
            "09171234567",
            "09001234567",
            "08212345678",
            "09201234567",
        ] {
            assert!(!assigned(typed), "{typed}");
        }
    }
}
