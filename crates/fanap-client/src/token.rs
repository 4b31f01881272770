//! The code that the subscriber received and typed.

use std::fmt;

use telco_core::Secret;

use crate::text::compact;

/// The text cannot be a code. It is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidToken;

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a code: give the four digits of the message")
    }
}

impl std::error::Error for InvalidToken {}

/// The code of the message, digits only, leading zeros kept. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Secret);

impl Token {
    /// Reads what a person typed: ASCII, Persian or Arabic digits, spaces and hyphens between them. Four digits are documented;
    /// up to eight are taken, so that a change at the operator breaks nobody.
    ///
    /// ```
    /// use fanap_client::Token;
    ///
    /// assert_eq!(Token::parse(" ۰۴-۲۳ ")?.expose(), "0423");
    /// assert!(Token::parse("30a7").is_err());
    /// # Ok::<(), fanap_client::InvalidToken>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidToken`] for anything else.
    pub fn parse(typed: &str) -> Result<Self, InvalidToken> {
        let digits = Secret::new(compact(typed, &['-']));
        let text = digits.expose();
        if (4..=8).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(digits))
        } else {
            Err(InvalidToken)
        }
    }

    /// Any text, sent as it is.
    ///
    /// # Errors
    /// [`InvalidToken`] if it is empty or has control characters.
    pub fn raw(text: impl Into<String>) -> Result<Self, InvalidToken> {
        let text = Secret::new(text);
        if text.expose().is_empty() || text.expose().chars().any(char::is_control) {
            return Err(InvalidToken);
        }
        Ok(Self(text))
    }

    /// As it is sent.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}
