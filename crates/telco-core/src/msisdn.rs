//! Phone numbers in their international form, masked wherever a person or a log might see them.

use std::fmt;

/// A phone number: E.164 digits, country code first, no `+`.
///
/// Equality, hash and order are those of the digits, so one subscriber is one key. Local spellings (`0812…`) belong to the
/// provider crates, which know their country's rules.
///
/// ```
/// use telco_core::Msisdn;
///
/// let number = Msisdn::parse("+2348031234567")?;
/// assert_eq!(number.expose(), "2348031234567");
/// assert_eq!(number.national("234"), Some("8031234567"));
/// assert_eq!(number.masked().to_string(), "23480*****567");
/// assert_eq!(format!("{number:?}"), "Msisdn(23480*****567)");
/// # Ok::<(), telco_core::InvalidMsisdn>(())
/// ```
///
/// There is no `Display`: a whole number must not slip into a message, nor a masked one onto the wire.
///
/// ```compile_fail,E0277
/// let number = telco_core::Msisdn::parse("2348031234567").unwrap();
/// let url = format!("/credit?msisdn={}", number);
/// ```
///
/// The twin that compiles says which of the two it wants:
///
/// ```
/// let number = telco_core::Msisdn::parse("2348031234567").unwrap();
/// let url = format!("/credit?msisdn={}", number.expose());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Msisdn(Box<str>);

/// The text is no E.164 number. The text itself is not kept: it is somebody's phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an international phone number: give 7 to 15 ASCII digits with the country code first, such as +2348031234567"
)]
#[non_exhaustive]
pub struct InvalidMsisdn;

impl Msisdn {
    /// Reads an optional `+` and 7 to 15 ASCII digits, the first of which is not 0.
    ///
    /// # Errors
    /// [`InvalidMsisdn`] for anything else, spaces included.
    pub fn parse(e164: &str) -> Result<Self, InvalidMsisdn> {
        let digits = e164.strip_prefix('+').unwrap_or(e164);
        let well_formed = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if well_formed {
            Ok(Self(digits.into()))
        } else {
            Err(InvalidMsisdn)
        }
    }

    /// The whole number, digits only: for the wire and for keyed digests.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What follows the calling code, if the number is of that country.
    #[must_use]
    pub fn national(&self, calling_code: &str) -> Option<&str> {
        self.0.strip_prefix(calling_code)
    }

    /// The form for people and logs: country code and two digits, stars, the last three. At least four digits stay hidden
    /// at any length.
    pub fn masked(&self) -> impl fmt::Display + '_ {
        Masked(&self.0)
    }
}

impl fmt::Debug for Msisdn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Msisdn({})", self.masked())
    }
}

struct Masked<'a>(&'a str);

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HIDDEN_AT_LEAST: usize = 4;
        let digits = self.0;
        let visible = digits.len().saturating_sub(HIDDEN_AT_LEAST);
        let tail = visible.min(3);
        let head = (calling_code_length(digits) + 2).min(visible - tail);
        let hidden = digits.len() - head - tail;
        let (shown, rest) = digits.split_at(head);
        let (_, last) = rest.split_at(hidden);
        write!(f, "{shown}{:*<hidden$}{last}", "")
    }
}

/// How many digits the country code has: ITU-T E.164 assigns 1 and 7 alone, these pairs, and three digits for the rest.
fn calling_code_length(digits: &str) -> usize {
    const PAIRS: &[&str] = &[
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    if digits.starts_with(['1', '7']) {
        1
    } else if PAIRS.iter().any(|pair| digits.starts_with(pair)) {
        2
    } else {
        3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_four_digits_are_hidden_at_any_length() {
        for length in 7..=15 {
            for first in ["1", "62", "234"] {
                let digits: String = first
                    .chars()
                    .chain("5".chars().cycle())
                    .take(length)
                    .collect();
                let masked = Msisdn::parse(&digits).unwrap().masked().to_string();
                assert_eq!(masked.len(), length);
                assert!(masked.matches('*').count() >= 4, "{masked}");
                assert!(digits.ends_with(masked.rsplit('*').next().unwrap()));
            }
        }
    }

    #[test]
    fn refuses_what_is_no_international_number() {
        let too_long = "1".repeat(16);
        for bad in [
            "",
            "+",
            "123456",
            &too_long,
            "08031234567",
            "+0803123456",
            "234 8031234567",
            "++2348031234567",
            "٢٣٤٨٠٣١٢٣٤٥٦٧",
        ] {
            assert_eq!(Msisdn::parse(bad), Err(InvalidMsisdn), "{bad}");
        }
    }

    #[test]
    fn masks_by_the_length_of_the_country_code() {
        let mask = |text| Msisdn::parse(text).unwrap().masked().to_string();
        assert_eq!(mask("12025550123"), "120*****123");
        assert_eq!(mask("6281234567890"), "6281******890");
        assert_eq!(mask("989120000000"), "9891*****000");
        assert_eq!(mask("1234567"), "****567");
    }
}
