//! Contact numbers: accept what people type, emit what the provider takes.
//!
//! The provider documents the country code without `+`, and its own sample has a bare ten-digit number: both go as given
//! (docs/protocols/kairos.md, section 4). Nothing is rewritten unless a policy says so.

use std::fmt;

use telco_core::Msisdn;

/// What may be changed about a number. A decision of this crate, not of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NumberPolicy {
    /// Nothing. Separators are an error. A leading `+` is sent; whether the provider takes it is unknown.
    #[default]
    AsIs,
    /// Separators and a leading `+` go.
    DigitsOnly,
    /// The same, and Indian spellings (`9812345678`, `09812345678`, `00919812345678`) get their country code.
    India,
}

/// One number to call, as the provider gets it. `Debug` hides its middle.
///
/// ```
/// use kairos_client::{ContactNumber, NumberPolicy};
///
/// let typed = ContactNumber::parse("098123 45678", NumberPolicy::India)?;
/// assert_eq!(typed.expose(), "919812345678");
/// assert!(ContactNumber::parse("098123 45678", NumberPolicy::AsIs).is_err());
/// assert!(!format!("{typed:?}").contains("45678"));
/// # Ok::<(), kairos_client::InvalidNumber>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ContactNumber(Box<str>);

/// The text is no number that can be called. The text itself is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a contact number: give an optional + and 6 to 15 ASCII digits")]
#[non_exhaustive]
pub struct InvalidNumber;

impl ContactNumber {
    /// Reads an optional `+` and 6 to 15 ASCII digits, and applies the policy.
    ///
    /// # Errors
    /// [`InvalidNumber`] for anything else.
    pub fn parse(text: &str, policy: NumberPolicy) -> Result<Self, InvalidNumber> {
        let (plus, rest) = match text.strip_prefix('+') {
            Some(rest) => ("+", rest),
            None => ("", text),
        };
        let separators: &[char] = match policy {
            NumberPolicy::AsIs => &[],
            NumberPolicy::DigitsOnly | NumberPolicy::India => &[' ', '-', '.', '(', ')'],
        };
        let digits = rest.replace(separators, "");
        if !(6..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidNumber);
        }
        Ok(Self(match policy {
            NumberPolicy::AsIs => [plus, &digits].concat().into(),
            NumberPolicy::DigitsOnly => digits.into(),
            NumberPolicy::India if plus.is_empty() => india(digits).into(),
            NumberPolicy::India => digits.into(),
        }))
    }

    /// The number as it goes onto the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Country code first, no `+`.
impl From<&Msisdn> for ContactNumber {
    fn from(number: &Msisdn) -> Self {
        Self(number.expose().into())
    }
}

fn india(digits: String) -> String {
    let national = ["0091", "0", ""]
        .iter()
        .filter_map(|prefix| digits.strip_prefix(prefix))
        .find(|rest| rest.len() == 10 && rest.starts_with(['6', '7', '8', '9']));
    match national {
        Some(national) => ["91", national].concat(),
        None => digits,
    }
}

impl fmt::Debug for ContactNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.0.get(self.0.len().saturating_sub(2)..).unwrap_or("");
        write!(f, "ContactNumber(***{last})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use NumberPolicy::{AsIs, DigitsOnly, India};

    /// The table of section 4, line by line; `None` is an error.
    #[test]
    fn every_line_of_the_table() {
        let same = |text| (text, [Some(text); 3]);
        let table: &[(&str, [Option<&str>; 3])] = &[
            same("919812345678"),
            (
                "+919812345678",
                [
                    Some("+919812345678"),
                    Some("919812345678"),
                    Some("919812345678"),
                ],
            ),
            (
                "9812345678",
                [Some("9812345678"), Some("9812345678"), Some("919812345678")],
            ),
            (
                "09812345678",
                [
                    Some("09812345678"),
                    Some("09812345678"),
                    Some("919812345678"),
                ],
            ),
            (
                "00919812345678",
                [
                    Some("00919812345678"),
                    Some("00919812345678"),
                    Some("919812345678"),
                ],
            ),
            (
                "98123 45678",
                [None, Some("9812345678"), Some("919812345678")],
            ),
            (
                "+91 (98123)-45.678",
                [None, Some("919812345678"), Some("919812345678")],
            ),
            same("447911123456"),
            (
                "+447911123456",
                [
                    Some("+447911123456"),
                    Some("447911123456"),
                    Some("447911123456"),
                ],
            ),
            // Ten digits behind a `+` carry another country's code.
            (
                "+6591234567",
                [Some("+6591234567"), Some("6591234567"), Some("6591234567")],
            ),
            ("98123x5678", [None; 3]),
            ("९८१२३४५६७८", [None; 3]),
            ("91+9812345678", [None; 3]),
            ("++919812345678", [None; 3]),
            ("(+91)9812345678", [None; 3]),
            ("", [None; 3]),
            ("+", [None; 3]),
            ("12345", [None; 3]),
            same("123456"),
            same("123456789012345"),
            ("1234567890123456", [None; 3]),
            ("1234\n567", [None; 3]),
        ];
        for (typed, expected) in table {
            for (policy, expected) in [AsIs, DigitsOnly, India].into_iter().zip(expected) {
                let parsed = ContactNumber::parse(typed, policy).ok();
                assert_eq!(
                    parsed.as_ref().map(ContactNumber::expose),
                    *expected,
                    "{typed:?} {policy:?}"
                );
            }
        }
    }
}
