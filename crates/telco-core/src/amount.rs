//! Money as whole minor units with its currency. Never a float.

use std::fmt;

/// An ISO 4217 currency: its code and how many decimals its amounts have.
///
/// ```
/// use telco_core::Currency;
///
/// assert_eq!(Currency::NGN.code(), "NGN");
/// assert_eq!(Currency::NGN.decimals(), 2);
/// assert!(Currency::new(*b"ngn", 2).is_none());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency {
    code: [u8; 3],
    decimals: u8,
}

impl Currency {
    /// Nigerian naira, in kobo.
    pub const NGN: Self = Self {
        code: *b"NGN",
        decimals: 2,
    };
    /// Indonesian rupiah, in sen.
    pub const IDR: Self = Self {
        code: *b"IDR",
        decimals: 2,
    };
    /// Indian rupee, in paise.
    pub const INR: Self = Self {
        code: *b"INR",
        decimals: 2,
    };
    /// Iranian rial, in hundredths.
    pub const IRR: Self = Self {
        code: *b"IRR",
        decimals: 2,
    };
    /// United States dollar, in cents.
    pub const USD: Self = Self {
        code: *b"USD",
        decimals: 2,
    };

    /// Three upper-case letters and at most six decimals, or `None`.
    #[must_use]
    pub const fn new(code: [u8; 3], decimals: u8) -> Option<Self> {
        let [a, b, c] = code;
        if a.is_ascii_uppercase()
            && b.is_ascii_uppercase()
            && c.is_ascii_uppercase()
            && decimals <= 6
        {
            Some(Self { code, decimals })
        } else {
            None
        }
    }

    /// The three letters.
    #[must_use]
    pub fn code(&self) -> &str {
        // Always ASCII: `new` checks, the constants are.
        std::str::from_utf8(&self.code).unwrap_or("???")
    }

    /// Decimals of the major unit: 2 for naira and kobo.
    #[must_use]
    pub const fn decimals(&self) -> u8 {
        self.decimals
    }

    const fn minor_per_major(self) -> i64 {
        10_i64.pow(self.decimals as u32)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money in whole minor units (kobo, sen, paise). May be negative: balances can be.
///
/// ```
/// use telco_core::{Amount, Currency};
///
/// let hundred = Amount::from_major(100, Currency::NGN).unwrap();
/// assert_eq!(hundred.minor(), 10_000);
/// assert_eq!(hundred.exact_major(), Some(100));
/// assert_eq!(hundred.to_string(), "NGN 100.00");
/// assert_eq!(hundred.checked_mul(i64::MAX), None);
///
/// let other = Amount::from_major(1, Currency::USD).unwrap();
/// assert_eq!(hundred.checked_add(other), None, "currencies are not mixed");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amount {
    minor: i64,
    currency: Currency,
}

impl Amount {
    /// So many minor units (kobo).
    #[must_use]
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// So many major units (naira); `None` on overflow.
    #[must_use]
    pub const fn from_major(major: i64, currency: Currency) -> Option<Self> {
        match major.checked_mul(currency.minor_per_major()) {
            Some(minor) => Some(Self { minor, currency }),
            None => None,
        }
    }

    /// Reads major units as plain decimal text: an optional `-`, digits, and at most as many decimals as the currency has.
    /// `None` for anything else: exponents, separators, blanks, other scripts' digits, overflow.
    ///
    /// ```
    /// use telco_core::{Amount, Currency};
    ///
    /// let read = |text| Amount::parse_major(text, Currency::NGN).map(Amount::minor);
    /// assert_eq!(read("100000.50"), Some(10_000_050));
    /// assert_eq!(read("-3"), Some(-300));
    /// assert_eq!(read("1,000"), None);
    /// assert_eq!(read("0.001"), None);
    /// ```
    #[must_use]
    pub fn parse_major(text: &str, currency: Currency) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let decimals = usize::from(currency.decimals);
        if whole.is_empty() || fraction.len() > decimals {
            return None;
        }
        let padding = std::iter::repeat_n(b'0', decimals - fraction.len());
        let mut minor: i64 = 0;
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            if !digit.is_ascii_digit() {
                return None;
            }
            // Built on the negative side, which reaches one further than the positive.
            minor = minor
                .checked_mul(10)?
                .checked_sub(i64::from(digit - b'0'))?;
        }
        let minor = if negative {
            minor
        } else {
            minor.checked_neg()?
        };
        Some(Self { minor, currency })
    }

    /// In minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whole major units; `None` if there is a fraction of one.
    #[must_use]
    pub fn exact_major(self) -> Option<i64> {
        let unit = self.currency.minor_per_major();
        (self.minor % unit == 0).then_some(self.minor / unit)
    }

    /// The sum; `None` on overflow or for two currencies.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        let minor = self.minor.checked_add(other.minor)?;
        Some(Self { minor, ..self })
    }

    /// So many times the amount; `None` on overflow.
    #[must_use]
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        let minor = self.minor.checked_mul(times)?;
        Some(Self { minor, ..self })
    }

    /// More than zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.currency.minor_per_major().unsigned_abs();
        let (whole, fraction) = (
            self.minor.unsigned_abs() / unit,
            self.minor.unsigned_abs() % unit,
        );
        let sign = if self.minor < 0 { "-" } else { "" };
        write!(f, "{} {sign}{whole}", self.currency.code())?;
        match usize::from(self.currency.decimals) {
            0 => Ok(()),
            decimals => write!(f, ".{fraction:0decimals$}"),
        }
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_is_read_strictly() {
        let read = |text| Amount::parse_major(text, Currency::NGN).map(Amount::minor);
        for (text, minor) in [
            ("0", 0),
            ("100000", 10_000_000),
            ("0.5", 50),
            ("-0.05", -5),
            ("007", 700),
        ] {
            assert_eq!(read(text), Some(minor), "{text}");
        }
        for bad in [
            "", "-", ".5", "5.", "1e3", "+1", " 1", "1_000", "١٠٠", "0.005", "--1", "1.-5",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read("92233720368547758.07"), Some(i64::MAX));
        assert_eq!(read("92233720368547758.08"), None);
        assert_eq!(read("-92233720368547758.08"), Some(i64::MIN));
    }

    #[test]
    fn shows_sign_and_decimals() {
        let show = |minor, currency| Amount::from_minor(minor, currency).to_string();
        assert_eq!(show(-5, Currency::NGN), "NGN -0.05");
        assert_eq!(show(i64::MIN, Currency::NGN), "NGN -92233720368547758.08");
        assert_eq!(show(7, Currency::new(*b"JPY", 0).unwrap()), "JPY 7");
    }
}
