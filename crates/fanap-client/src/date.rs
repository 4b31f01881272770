//! The date of a request: written once, then both sent and signed.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telco_core::{ErrorKind, NotSent};

/// `2018-09-24T12:01:27.938Z` (**documented**): UTC, always three digits of a second, cut and never rounded.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use fanap_client::Date;
///
/// let date = Date::of(UNIX_EPOCH + Duration::from_millis(1_537_790_487_938))?;
/// assert_eq!(date.as_str(), "2018-09-24T12:01:27.938Z");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Date {
    unix_ms: u64,
    text: Box<str>,
}

const MS_PER_DAY: u64 = 86_400_000;
/// The first moment of the year 10000.
const END_MS: u64 = 253_402_300_800_000;

impl Date {
    /// Of a moment.
    ///
    /// # Errors
    /// [`NotSent`] (kind `ClockSkew`) outside the years 1970 to 9999.
    pub fn of(moment: SystemTime) -> Result<Self, NotSent> {
        moment
            .duration_since(UNIX_EPOCH)
            .ok()
            .and_then(|since| u64::try_from(since.as_millis()).ok())
            .filter(|&ms| ms < END_MS)
            .map(Self::of_unix_ms)
            .ok_or_else(|| {
                NotSent::new(
                    ErrorKind::ClockSkew,
                    "this machine's clock is outside the years 1970 to 9999",
                )
            })
    }

    fn of_unix_ms(unix_ms: u64) -> Self {
        let (year, month, day) = civil(unix_ms / MS_PER_DAY);
        let ms = unix_ms % MS_PER_DAY;
        let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
        let (second, ms) = (ms / 1_000 % 60, ms % 1_000);
        let text =
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z");
        Self {
            unix_ms,
            text: text.into(),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How far a moment lies from it, before or after.
    pub(crate) fn distance(&self, moment: SystemTime) -> Duration {
        let date = UNIX_EPOCH + Duration::from_millis(self.unix_ms);
        match moment.duration_since(date) {
            Ok(after) => after,
            Err(before) => before.duration(),
        }
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Date({})", self.text)
    }
}

/// Year, month and day of the n-th day since 1970-01-01, in the proleptic Gregorian calendar. Counted in cycles of 400 years
/// from 0000-03-01, so that the leap day ends a year.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_TO_1970: u64 = 719_468;
    const CYCLE: u64 = 146_097;
    let day = days + DAYS_TO_1970;
    let (cycle, day) = (day / CYCLE, day % CYCLE);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Months from March have 31, 30, 31, 30, 31 days, over and over: 153 in five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, january) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (cycle * 400 + year + january, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_400_years_follows_the_one_before() {
        let length = |year: u64, month: u64| match month {
            2 if year.is_multiple_of(4)
                && (!year.is_multiple_of(100) || year.is_multiple_of(400)) =>
            {
                29
            }
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut expected = (1970, 1, 1);
        for days in 0..146_097 + 366 {
            assert_eq!(civil(days), expected);
            let (year, month, day) = expected;
            expected = if day < length(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
    }

    #[test]
    fn the_last_moment_and_the_one_after() {
        let last = UNIX_EPOCH + Duration::from_millis(END_MS - 1);
        assert_eq!(Date::of(last).unwrap().as_str(), "9999-12-31T23:59:59.999Z");
        for outside in [
            UNIX_EPOCH + Duration::from_millis(END_MS),
            UNIX_EPOCH - Duration::from_millis(1),
        ] {
            assert_eq!(Date::of(outside).unwrap_err().kind(), ErrorKind::ClockSkew);
        }
    }
}
