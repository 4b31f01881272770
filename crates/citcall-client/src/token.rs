//! The number that rings the user, and what the user types of it.

use std::fmt;

use telco_core::{OtpCode, Secret};

use crate::number::{INDONESIA, compact};

/// The whole number that rings the user (documented). Its last four digits are the code (observed), so it must never reach the
/// user's device or a log; `Debug` does not show it.
///
/// ```
/// use citcall_client::Token;
///
/// let token = Token::new("02150808955");
/// assert_eq!(token.hint().as_deref(), Some("0215080xxxx"));
/// assert_eq!(token.code().unwrap().expose(), "8955");
/// assert_eq!(format!("{token:?}"), "Token(***)");
/// assert!(!Token::new("8955").is_usable(), "too short: nothing would be left of it");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret);

/// How many digits are the code.
const CODE: usize = 4;
/// The lengths of a number that may be typed whole.
const WHOLE: std::ops::RangeInclusive<usize> = 7..=15;

impl Token {
    /// As it came.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// As it came.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// At least five digits after an optional `+`.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.split().is_some()
    }

    /// What may be shown while the user waits: all but the code. None if it is not usable.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.split().map(|(shown, _)| format!("{shown}xxxx"))
    }

    /// The last four digits. None if it is not usable.
    #[must_use]
    pub fn code(&self) -> Option<Secret> {
        self.split().map(|(_, code)| Secret::new(code))
    }

    /// Every form that counts as right: the last four digits, and the whole number as one text whatever its spelling. Empty if it
    /// is not usable.
    #[must_use]
    pub fn right_codes(&self) -> Vec<Secret> {
        let whole = canonical(self.expose());
        self.code().into_iter().chain(whole).collect()
    }

    fn split(&self) -> Option<(&str, &str)> {
        let text = self.expose();
        let digits = text.strip_prefix('+').unwrap_or(text);
        if digits.len() <= CODE || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        text.split_at_checked(text.len() - CODE)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

/// What the user typed, in the form that is compared: four digits, or the whole number in any of the spellings that handsets show
/// (`021…`, `6221…`, `+6221…`). None for what is neither.
///
/// ```
/// use citcall_client::{core::OtpCode, typed_code};
///
/// let normal = |typed| typed_code(&OtpCode::new(typed)).map(|code| code.expose().to_owned());
/// assert_eq!(normal(" 89-55 ").as_deref(), Some("8955"));
/// assert_eq!(normal("021 5080 8955"), normal("+622150808955"));
/// assert_eq!(normal("895"), None);
/// ```
#[must_use]
pub fn typed_code(typed: &OtpCode) -> Option<Secret> {
    let text = compact(typed.expose());
    if text.len() == CODE && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Secret::new(text));
    }
    canonical(&text)
}

/// One spelling for one number: `+` and `00` dropped, a leading 0 replaced by Indonesia's code. None unless it is 7 to 15 digits.
fn canonical(text: &str) -> Option<Secret> {
    let digits = text
        .strip_prefix('+')
        .or_else(|| text.strip_prefix("00"))
        .unwrap_or(text);
    if !WHOLE.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(Secret::new(match digits.strip_prefix('0') {
        Some(national) => format!("{INDONESIA}{national}"),
        None => digits.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(typed: &str) -> Option<String> {
        typed_code(&OtpCode::new(typed)).map(|code| code.expose().to_owned())
    }

    #[test]
    fn the_whole_number_in_every_spelling_is_one_text() {
        let token = Token::new("02150808955");
        let right: Vec<String> = token
            .right_codes()
            .iter()
            .map(|code| code.expose().to_owned())
            .collect();
        assert_eq!(right, ["8955", "622150808955"]);
        for typed in [
            "02150808955",
            "622150808955",
            "+622150808955",
            "00622150808955",
            "(021) 5080-8955",
            "021.508.08955",
            "\u{202A}+62 21\u{A0}5080 8955\u{202C}",
        ] {
            assert_eq!(normal(typed).as_deref(), Some("622150808955"), "{typed}");
        }
    }

    #[test]
    fn every_four_digits_are_a_code() {
        for typed in ["0000", "0003", "9999", " 0 0 0 3 ", "00-03", "0.0.0.3"] {
            assert_eq!(normal(typed).unwrap().len(), 4, "{typed}");
        }
    }

    #[test]
    fn what_is_neither_is_malformed() {
        for typed in [
            "",
            "895",
            "89555",
            "895512",
            "8955a",
            "8a55",
            "+8955",
            "1234567890123456",
            "++622150808955",
            "٨٩٥٥",
            "８９５５",
            "not a code",
            "0000000",
        ] {
            assert_eq!(normal(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn tokens_that_cannot_be_used() {
        for text in [
            "",
            "+",
            "8955",
            "+8955",
            "0215x808955",
            "++6221508",
            "0215 0808955",
        ] {
            let token = Token::new(text);
            assert!(!token.is_usable(), "{text:?}");
            assert_eq!((token.hint(), token.code()), (None, None));
        }
        assert!(Token::new("+622150808955").is_usable());
        // Usable by its last four digits, though too short to be typed whole.
        assert_eq!(Token::new("12345").right_codes().len(), 1);
        assert!(Token::new("x").right_codes().is_empty());
    }
}
