//! Which route and pool of calling numbers a call takes.

use std::fmt;

/// The `gateway` of v2: 1 to 4 (documented). That it picks a route and a pool of calling numbers is inferred.
///
/// ```
/// use citcall_client::Gateway;
///
/// let last = Gateway::new(4)?;
/// assert_eq!(last.next(), Gateway::FIRST);
/// assert!(Gateway::new(5).is_err());
/// assert_eq!(Gateway::raw(7).number(), 7);
/// # Ok::<(), citcall_client::InvalidGateway>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gateway(i64);

/// The gateway is not 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidGateway;

impl fmt::Display for InvalidGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a gateway is a number from 1 to 4")
    }
}

impl std::error::Error for InvalidGateway {}

impl Gateway {
    /// Gateway 1.
    pub const FIRST: Self = Self(1);
    const LAST: i64 = 4;

    /// A documented one.
    ///
    /// # Errors
    /// [`InvalidGateway`] outside 1 to 4.
    pub const fn new(number: i64) -> Result<Self, InvalidGateway> {
        if number >= 1 && number <= Self::LAST {
            Ok(Self(number))
        } else {
            Err(InvalidGateway)
        }
    }

    /// Any number, for an account with other gateways. It is sent as it is.
    #[must_use]
    pub const fn raw(number: i64) -> Self {
        Self(number)
    }

    /// On the wire.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The one after it; after 4 comes 1. A raw one is followed by 1.
    #[must_use]
    pub const fn next(self) -> Self {
        self.after(1)
    }

    /// The one `steps` after it.
    #[must_use]
    pub const fn after(self, steps: u32) -> Self {
        let steps = (steps % 4) as i64;
        match self.0 {
            1..=Self::LAST => Self((self.0 - 1 + steps) % Self::LAST + 1),
            _ if steps == 0 => self,
            _ => Self(steps),
        }
    }
}

impl Default for Gateway {
    fn default() -> Self {
        Self::FIRST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_to_four() {
        for number in [i64::MIN, -1, 0, 5, i64::MAX] {
            assert_eq!(Gateway::new(number), Err(InvalidGateway), "{number}");
        }
        assert!(InvalidGateway.to_string().contains("1 to 4"));
        for number in 1..=4 {
            assert_eq!(Gateway::new(number).unwrap().number(), number);
        }
    }

    #[test]
    fn each_resend_takes_the_next_one_and_wraps() {
        let taken: Vec<i64> = (0..6).map(|n| Gateway::FIRST.after(n).number()).collect();
        assert_eq!(taken, [1, 2, 3, 4, 1, 2]);
        let from_three = Gateway::new(3).unwrap();
        assert_eq!(from_three.next().next(), Gateway::FIRST);
        assert_eq!(Gateway::raw(9).after(0).number(), 9);
        assert_eq!(Gateway::raw(9).next(), Gateway::FIRST);
        let after_raw: Vec<i64> = (1..6).map(|n| Gateway::raw(9).after(n).number()).collect();
        assert_eq!(after_raw, [1, 2, 3, 9, 1]);
        assert_eq!(Gateway::FIRST.next().number(), 2);
        assert_eq!(Gateway::FIRST.after(u32::MAX).number(), 4);
    }
}
