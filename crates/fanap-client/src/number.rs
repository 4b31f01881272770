//! Iranian mobile numbers, as people type them and as they are sent.

use std::fmt;

use telco_core::{Msisdn, Secret};

use crate::text::compact;

/// The text is no Iranian mobile number. The text itself is not kept: it is somebody's phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidNumber;

impl fmt::Display for InvalidNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an Iranian mobile number: give one such as 09120000000 or +989120000000")
    }
}

impl std::error::Error for InvalidNumber {}

const CALLING_CODE: &str = "98";

/// Reads a mobile number in any of the usual spellings: `0912…`, `912…`, with 98, `+98` or `0098` before it, even
/// `+98 (0)912…`; in ASCII, Persian or Arabic digits; with the separators and invisible marks that come along.
///
/// ```
/// use fanap_client::parse_msisdn;
///
/// for typed in ["09120000000", "+98 (0) 912 000 0000", "۰۹۱۲۰۰۰۰۰۰۰"] {
///     assert_eq!(parse_msisdn(typed)?.expose(), "989120000000");
/// }
/// assert!(parse_msisdn("02188880000").is_err(), "a fixed line gets no code");
/// # Ok::<(), fanap_client::InvalidNumber>(())
/// ```
///
/// # Errors
/// [`InvalidNumber`] for everything else. Which operator serves it is no matter: numbers are ported.
pub fn parse_msisdn(typed: &str) -> Result<Msisdn, InvalidNumber> {
    let compact = compact(typed, &['-', '.', '(', ')']);
    let (plus, digits) = match compact.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, compact.as_str()),
    };
    let national = match (digits.len(), plus) {
        (10, false) => Some(digits),
        (11, false) => digits.strip_prefix('0'),
        (12, _) => digits.strip_prefix("98"),
        (13, _) => digits.strip_prefix("980"),
        (14, false) => digits.strip_prefix("0098"),
        _ => None,
    };
    national
        .filter(|national| is_mobile(national))
        .and_then(|national| Msisdn::parse(&format!("{CALLING_CODE}{national}")).ok())
        .ok_or(InvalidNumber)
}

fn is_mobile(national: &str) -> bool {
    national.len() == 10
        && national.starts_with('9')
        && national.bytes().all(|b| b.is_ascii_digit())
}

/// Whether the number was issued by MCI (public numbering data). A hint, never a reason to refuse: numbers have been portable
/// since 2016.
///
/// ```
/// use fanap_client::{is_likely_mci, parse_msisdn};
///
/// assert!(is_likely_mci(&parse_msisdn("09120000000").unwrap()));
/// assert!(!is_likely_mci(&parse_msisdn("09350000000").unwrap()));
/// ```
#[must_use]
pub fn is_likely_mci(number: &Msisdn) -> bool {
    let Some(national) = number.national(CALLING_CODE).filter(|n| is_mobile(n)) else {
        return false;
    };
    matches!(
        national.as_bytes(),
        [b'9', b'1', ..]
            | [b'9', b'3', b'2', ..]
            | [b'9', b'9', b'0'..=b'4' | b'6', ..]
            | [b'9', b'9', b'9', b'9', b'0' | b'5' | b'6', ..]
    )
}

/// The form in which numbers are sent. The vendor's samples use both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PhoneFormat {
    /// `09120000000`.
    #[default]
    ZeroPrefixed,
    /// `9120000000`.
    National,
}

/// A subscriber's number in the form in which it is sent. Start and commit of one operation must carry the same.
///
/// ```
/// use fanap_client::{Phone, PhoneFormat, parse_msisdn};
///
/// let number = parse_msisdn("+98 912 000 0000")?;
/// let phone = Phone::new(&number, PhoneFormat::National)?;
/// assert_eq!(phone.expose(), "9120000000");
/// assert_eq!(format!("{phone:?}"), "Phone(9891*****000)");
/// # Ok::<(), fanap_client::InvalidNumber>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    sent: Secret,
    number: Option<Msisdn>,
}

impl Phone {
    /// In one of the two forms of the vendor's samples.
    ///
    /// # Errors
    /// [`InvalidNumber`] unless it is an Iranian mobile number.
    pub fn new(number: &Msisdn, format: PhoneFormat) -> Result<Self, InvalidNumber> {
        let national = number
            .national(CALLING_CODE)
            .filter(|national| is_mobile(national))
            .ok_or(InvalidNumber)?;
        let sent = match format {
            PhoneFormat::ZeroPrefixed => format!("0{national}"),
            PhoneFormat::National => national.to_owned(),
        };
        Ok(Self {
            sent: Secret::new(sent),
            number: Some(number.clone()),
        })
    }

    /// Any text, sent as it is: for forms that the operator may want one day.
    ///
    /// # Errors
    /// [`InvalidNumber`] if it is empty or has control characters.
    pub fn raw(text: impl Into<String>) -> Result<Self, InvalidNumber> {
        let sent = text.into();
        if sent.is_empty() || sent.chars().any(char::is_control) {
            return Err(InvalidNumber);
        }
        Ok(Self {
            number: parse_msisdn(&sent).ok(),
            sent: Secret::new(sent),
        })
    }

    /// As it is sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.sent.expose()
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.number {
            Some(number) => write!(f, "Phone({})", number.masked()),
            None => f.write_str("Phone(***)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_is_sent_as_it_is() {
        assert_eq!(Phone::raw("98-912").unwrap().expose(), "98-912");
        assert_eq!(
            format!("{:?}", Phone::raw("0098912").unwrap()),
            "Phone(***)"
        );
        for bad in ["", "0912\n", "09\u{7f}"] {
            assert_eq!(Phone::raw(bad), Err(InvalidNumber), "{bad:?}");
        }
        assert!(InvalidNumber.to_string().contains("0912"));
    }

    #[test]
    fn numbers_of_other_countries_have_no_form() {
        for other in ["2348031234567", "982188880000", "9891200000001"] {
            let number = Msisdn::parse(other).unwrap();
            assert_eq!(
                Phone::new(&number, PhoneFormat::ZeroPrefixed),
                Err(InvalidNumber)
            );
            assert!(!is_likely_mci(&number));
        }
    }

    #[test]
    fn blocks_of_mci() {
        let likely = |typed: &str| is_likely_mci(&parse_msisdn(typed).unwrap());
        for typed in [
            "09100000000",
            "09190000000",
            "09320000000",
            "09900000000",
            "09940000000",
            "09960000000",
            "09999000000",
            "09999500000",
            "09999600000",
        ] {
            assert!(likely(typed), "{typed}");
        }
        for typed in [
            "09010000000",
            "09300000000",
            "09310000000",
            "09950000000",
            "09980000000",
            "09999100000",
        ] {
            assert!(!likely(typed), "{typed}");
        }
    }
}
