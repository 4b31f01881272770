//! Phone numbers as people in Indonesia type them, and as the two versions of the API want them.

use std::fmt;
use std::ops::RangeInclusive;

use telco_core::Msisdn;

/// The text is no number that can be called. The text itself is not kept: it is somebody's phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidNumber {
    /// `812…`: an Indonesian number without its 0, or one of another country? The official clients take it for the latter;
    /// nobody should guess whom to ring.
    Ambiguous,
    /// Not a number, or too short or too long for its country.
    Invalid,
}

impl fmt::Display for InvalidNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ambiguous => {
                "an ambiguous number: write 0 or +62 before an Indonesian one, + and the country code before another"
            }
            Self::Invalid => "not a phone number: give one such as 081234567890 or +6281234567890",
        })
    }
}

impl std::error::Error for InvalidNumber {}

/// The rules for numbers. The default: Indonesian ones have 11 to 15 digits with their 62, others 10 to 15, and `8…` without
/// anything before it is refused. No rule allows more than 15 digits: that is the longest number there is (E.164).
///
/// ```
/// use citcall_client::{InvalidNumber, Numbers};
///
/// let strict = Numbers::default();
/// assert_eq!(strict.parse("0812-3456-7890")?.expose(), "6281234567890");
/// assert_eq!(strict.parse("81234567890"), Err(InvalidNumber::Ambiguous));
/// let indonesian = strict.bare_numbers_are_of("62");
/// assert_eq!(indonesian.parse("81234567890")?.expose(), "6281234567890");
/// # Ok::<(), InvalidNumber>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Numbers {
    /// The calling code that a single leading 0 stands for. `62`.
    pub country: String,
    /// The calling code that `8…` without 0 or `+` gets. None: refused.
    pub bare_country: Option<String>,
    /// How many digits an Indonesian number has, its 62 included. What the official clients took changed over the years.
    pub indonesian: RangeInclusive<usize>,
    /// How many digits any other number has.
    pub others: RangeInclusive<usize>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self {
            country: INDONESIA.to_owned(),
            bare_country: None,
            indonesian: 11..=15,
            others: 10..=15,
        }
    }
}

pub(crate) const INDONESIA: &str = "62";

impl Numbers {
    /// Takes `8…` for a number of this country.
    #[must_use]
    pub fn bare_numbers_are_of(self, calling_code: &str) -> Self {
        Self {
            bare_country: Some(calling_code.to_owned()),
            ..self
        }
    }

    /// Other lengths, country code included: of Indonesian numbers, and of all others. What goes beyond 15 has no effect.
    #[must_use]
    pub fn lengths(self, indonesian: RangeInclusive<usize>, others: RangeInclusive<usize>) -> Self {
        Self {
            indonesian,
            others,
            ..self
        }
    }

    /// Reads a number in any of its usual spellings.
    ///
    /// # Errors
    /// [`InvalidNumber`].
    pub fn parse(&self, typed: &str) -> Result<Msisdn, InvalidNumber> {
        let digits = self.digits(typed)?;
        let number = Msisdn::parse(&digits).map_err(|_| InvalidNumber::Invalid)?;
        self.check(&number).map(|()| number)
    }

    /// The provider's text names this number. No person typed it, so its bare digits are taken at their word, also where a typed `8…`
    /// would be ambiguous; and no length is refused, for the number was rung already.
    pub(crate) fn is_echo(&self, text: &str, of: &Msisdn) -> bool {
        let compact = compact(text);
        let digits = compact
            .strip_prefix('+')
            .or_else(|| compact.strip_prefix("00"));
        digits.unwrap_or(&compact) == of.expose()
            || self.digits(text).is_ok_and(|digits| digits == of.expose())
    }

    /// The digits of a number in any of its usual spellings, with its country code.
    fn digits(&self, typed: &str) -> Result<String, InvalidNumber> {
        let compact = compact(typed);
        let (international, digits) = match compact.strip_prefix('+') {
            Some(digits) => (true, digits),
            None => match compact.strip_prefix("00") {
                Some(digits) => (true, digits),
                None => (false, compact.as_str()),
            },
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidNumber::Invalid);
        }
        Ok(match digits.strip_prefix('0') {
            // `+0812…` is read as `0812…` (observed in the official clients).
            Some(national) => format!("{}{national}", self.country),
            None if !international && digits.starts_with('8') => match &self.bare_country {
                Some(country) => format!("{country}{digits}"),
                None => return Err(InvalidNumber::Ambiguous),
            },
            None => digits.to_owned(),
        })
    }

    /// The number's length fits its country, and no 0 stands after Indonesia's code.
    ///
    /// # Errors
    /// [`InvalidNumber::Invalid`].
    pub fn check(&self, number: &Msisdn) -> Result<(), InvalidNumber> {
        let (lengths, zero) = match number.national(INDONESIA) {
            Some(national) => (&self.indonesian, national.starts_with('0')),
            None => (&self.others, false),
        };
        if lengths.contains(&number.expose().len()) && !zero {
            Ok(())
        } else {
            Err(InvalidNumber::Invalid)
        }
    }
}

/// Reads a number by the default [`Numbers`].
///
/// ```
/// use citcall_client::parse_msisdn;
///
/// for typed in ["081234567890", "+62 812 3456 7890", "0062 812-3456-7890", "+081234567890"] {
///     assert_eq!(parse_msisdn(typed)?.expose(), "6281234567890");
/// }
/// assert_eq!(parse_msisdn("14155550123")?.expose(), "14155550123");
/// # Ok::<(), citcall_client::InvalidNumber>(())
/// ```
///
/// # Errors
/// [`InvalidNumber`].
pub fn parse_msisdn(typed: &str) -> Result<Msisdn, InvalidNumber> {
    Numbers::default().parse(typed)
}

/// How v2 writes a number. The only form documented is [`National`](Self::National), for Indonesia; another country's number
/// goes as `+…` (inferred) unless this says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum NumberForm {
    /// `0812…`; other countries' as `+…`.
    #[default]
    National,
    /// `62812…`
    Digits,
    /// `+62812…`
    International,
}

impl NumberForm {
    pub(crate) fn write(self, number: &Msisdn) -> String {
        match (self, number.national(INDONESIA)) {
            (Self::National, Some(national)) => format!("0{national}"),
            (Self::Digits, _) => number.expose().to_owned(),
            (Self::National | Self::International, _) => format!("+{}", number.expose()),
        }
    }
}

/// Without the marks that come along when a number is pasted, and without what people put between digits.
pub(crate) fn compact(typed: &str) -> String {
    let visible: String = typed.chars().filter(|c| !is_mark(*c)).collect();
    visible
        .trim()
        .chars()
        .filter(|c| !matches!(c, ' ' | '.' | '-' | '(' | ')'))
        .collect()
}

/// Zero-width and bidirectional marks, the byte-order mark and the no-break space.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{200C}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}' | '\u{A0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(typed: &str) -> Result<String, InvalidNumber> {
        parse_msisdn(typed).map(|number| number.expose().to_owned())
    }

    #[test]
    fn a_refusal_says_what_to_write() {
        assert!(InvalidNumber::Ambiguous.to_string().contains("+62"));
        assert!(InvalidNumber::Invalid.to_string().contains("081234567890"));
    }

    #[test]
    fn the_table_of_spellings_row_by_row() {
        for typed in [
            "081234567890",
            "+6281234567890",
            "6281234567890",
            "0062 812-3456-7890",
            "+081234567890",
            "(0812) 3456.7890",
            "\u{202A}\u{FEFF}+62\u{A0}812\u{200E} 3456 7890\u{202C}",
        ] {
            assert_eq!(read(typed).as_deref(), Ok("6281234567890"), "{typed}");
        }
        for typed in ["+14155550123", "14155550123", "0014155550123"] {
            assert_eq!(read(typed).as_deref(), Ok("14155550123"), "{typed}");
        }
        for typed in ["81234567890", "8 123 456 7890"] {
            assert_eq!(read(typed), Err(InvalidNumber::Ambiguous), "{typed}");
        }
        // With `+` before it, it says its country: 81 is Japan.
        assert_eq!(read("+81234567890").as_deref(), Ok("81234567890"));
        for typed in [
            "+62081234567890",
            "62081234567890",
            "0081234567",
            "",
            "+",
            " ",
            "++6281234567890",
            "0812+34567890",
            "08l234567890",
            "٠٨١٢٣٤٥٦٧٨٩٠",
            "０８１２３４５６７８９０",
            "0812,34567890",
            "0812\n34567890",
        ] {
            assert_eq!(read(typed), Err(InvalidNumber::Invalid), "{typed:?}");
        }
    }

    #[test]
    fn bare_numbers_with_a_country_of_their_own() {
        let numbers = Numbers::default().bare_numbers_are_of("62");
        let read = |typed| numbers.parse(typed).unwrap().expose().to_owned();
        assert_eq!(read("81234567890"), "6281234567890");
        assert_eq!(read("6281234567890"), "6281234567890");
        assert_eq!(read("14155550123"), "14155550123");
    }

    #[test]
    fn lengths_at_their_edges_and_other_lengths() {
        let of_length = |start: &str, length: usize| {
            start
                .chars()
                .chain("1".chars().cycle())
                .take(length)
                .collect::<String>()
        };
        for (length, fits) in [(10, false), (11, true), (15, true), (16, false)] {
            assert_eq!(read(&of_length("62", length)).is_ok(), fits, "62, {length}");
        }
        for (length, fits) in [(9, false), (10, true), (15, true), (16, false)] {
            assert_eq!(read(&of_length("44", length)).is_ok(), fits, "44, {length}");
        }
        let narrow = Numbers::default().lengths(11..=13, 10..=12);
        assert!(narrow.parse(&of_length("62", 14)).is_err());
        assert!(narrow.parse(&of_length("44", 13)).is_err());
    }

    #[test]
    fn forms_on_the_wire() {
        let (here, there) = (
            Msisdn::parse("6281234567890").unwrap(),
            Msisdn::parse("14155550123").unwrap(),
        );
        for (form, expected) in [
            (NumberForm::National, ["081234567890", "+14155550123"]),
            (NumberForm::Digits, ["6281234567890", "14155550123"]),
            (
                NumberForm::International,
                ["+6281234567890", "+14155550123"],
            ),
        ] {
            assert_eq!([form.write(&here), form.write(&there)], expected);
        }
    }
}
