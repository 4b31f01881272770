//! Amounts as the wire has them: decimal text.

use std::fmt;

use telco_core::Amount;

/// A decimal number as text, never a binary float. `100` and `100.0` are two texts with two hashes, so the text is
/// kept as it was given.
///
/// ```
/// use mor_client::Decimal;
/// use mor_client::core::{Amount, Currency};
///
/// let topup = Decimal::parse("-12.50").unwrap();
/// assert_eq!(topup.as_str(), "-12.50");
/// let euro = Currency::new(*b"EUR", 2).unwrap();
/// assert_eq!(Decimal::from(Amount::from_minor(1205, euro)).as_str(), "12.05");
/// assert!(Decimal::parse("1,5").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(String);

/// Not a decimal number such as `-12.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number: give digits with at most one point, such as -12.50")]
#[non_exhaustive]
pub struct InvalidDecimal;

impl Decimal {
    /// An optional sign, digits, and perhaps a point with more digits.
    ///
    /// # Errors
    /// [`InvalidDecimal`] for anything else: exponents, commas, blanks.
    pub fn parse(text: &str) -> Result<Self, InvalidDecimal> {
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if digits(whole) && digits(fraction) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidDecimal)
        }
    }

    /// The text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `0`, `-0.00` and the like.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|b| !matches!(b, b'1'..=b'9'))
    }
}

impl From<Amount> for Decimal {
    /// With all decimals of the currency.
    fn from(amount: Amount) -> Self {
        let sign = if amount.minor() < 0 { "-" } else { "" };
        let decimals = usize::from(amount.currency().decimals());
        let minor = amount.minor().unsigned_abs().to_string();
        let padded = format!("{minor:0>width$}", width = decimals.saturating_add(1));
        let (whole, fraction) = padded.split_at(padded.len().saturating_sub(decimals));
        Self(match fraction {
            "" => format!("{sign}{whole}"),
            fraction => format!("{sign}{whole}.{fraction}"),
        })
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use telco_core::Currency;

    use super::*;

    #[test]
    fn text_is_kept_or_refused() {
        for good in ["0", "007", "+1", "-12.50", "1.000000000000000000001"] {
            assert_eq!(Decimal::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "", "-", ".", "1.", ".5", "1e3", "1,5", " 1", "1.2.3", "--1", "١",
        ] {
            assert!(Decimal::parse(bad).is_err(), "{bad}");
        }
        assert!(Decimal::parse("-0.00").unwrap().is_zero());
        assert!(!Decimal::parse("0.01").unwrap().is_zero());
    }

    #[test]
    fn minor_units_become_text() {
        let text = |minor, decimals| {
            let currency = Currency::new(*b"XTS", decimals).unwrap();
            Decimal::from(Amount::from_minor(minor, currency)).0
        };
        assert_eq!(text(5, 2), "0.05");
        assert_eq!(text(0, 2), "0.00");
        assert_eq!(text(-1205, 2), "-12.05");
        assert_eq!(text(7, 0), "7");
        assert_eq!(text(i64::MIN, 2), "-92233720368547758.08");
        assert_eq!(text(1, 3), "0.001");
    }
}
