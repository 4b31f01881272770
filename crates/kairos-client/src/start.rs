//! Start times in the provider's form: `2022-01-23T08:02:53.311+05:30` (docs/protocols/kairos.md, section 4).

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// A fixed distance from UTC. The provider knows no time zones by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcOffset {
    minutes: i16,
}

impl UtcOffset {
    /// `+05:30`, the default.
    pub const INDIA: Self = Self { minutes: 330 };

    /// So many minutes east of UTC. `None` for a day or more.
    ///
    /// ```
    /// use kairos_client::UtcOffset;
    /// assert_eq!(UtcOffset::minutes(330), Some(UtcOffset::INDIA));
    /// assert_eq!(UtcOffset::minutes(24 * 60), None);
    /// ```
    #[must_use]
    pub const fn minutes(east: i16) -> Option<Self> {
        if east > -1440 && east < 1440 {
            Some(Self { minutes: east })
        } else {
            None
        }
    }

    fn offset(self) -> Offset {
        // Within a day, as checked above; jiff takes a little more.
        Offset::from_seconds(i32::from(self.minutes) * 60).unwrap_or(Offset::UTC)
    }

    /// The calendar date of an instant here.
    fn date(self, time: Timestamp) -> Date {
        self.offset().to_datetime(time).date()
    }
}

/// When a call starts, as the text that goes onto the wire.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use kairos_client::{StartTime, UtcOffset};
///
/// let at = UNIX_EPOCH + Duration::from_millis(1_642_905_173_311);
/// assert_eq!(StartTime::at(at, UtcOffset::INDIA)?.as_str(), "2022-01-23T08:02:53.311+05:30");
/// assert!(StartTime::parse("2022-01-23T08:02:53").is_err(), "no offset");
/// # Ok::<(), kairos_client::InvalidStartTime>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTime {
    text: Box<str>,
    at: Timestamp,
}

/// The text is no start time that the provider documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidStartTime {
    /// Another form.
    #[error(
        "not a start time: give YYYY-MM-DDTHH:MM:SS, three fraction digits or none, and an offset such as +05:30"
    )]
    Form,
    /// No such day or time of day, or beyond the years that can be written.
    #[error("not a start time: no such moment")]
    Moment,
}

impl StartTime {
    /// Milliseconds, cut off and never rounded up.
    ///
    /// # Errors
    /// [`InvalidStartTime::Moment`] if the year does not have four digits.
    pub fn at(time: SystemTime, offset: UtcOffset) -> Result<Self, InvalidStartTime> {
        let at = Timestamp::try_from(time).map_err(|_| InvalidStartTime::Moment)?;
        let local = offset.offset().to_datetime(at);
        if !(0..=9999).contains(&local.year()) {
            return Err(InvalidStartTime::Moment);
        }
        let sign = if offset.minutes < 0 { '-' } else { '+' };
        let east = offset.minutes.unsigned_abs();
        let text = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}{sign}{:02}:{:02}",
            local.year(),
            local.month(),
            local.day(),
            local.hour(),
            local.minute(),
            local.second(),
            local.millisecond(),
            east / 60,
            east % 60,
        );
        Ok(Self {
            text: text.into(),
            at,
        })
    }

    /// Takes the caller's text as it is: an offset or `Z`, never both; three fraction digits or none.
    ///
    /// `Z` is in a documented sample; that the provider takes it is inferred.
    ///
    /// # Errors
    /// [`InvalidStartTime`] for forms that the provider does not document.
    pub fn parse(text: &str) -> Result<Self, InvalidStartTime> {
        let shape: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        let (clock, zone) = shape.split_at_checked(19).ok_or(InvalidStartTime::Form)?;
        let zone = zone.strip_prefix(".000").unwrap_or(zone);
        if clock != "0000-00-00T00:00:00" || !["Z", "+00:00", "-00:00"].contains(&zone) {
            return Err(InvalidStartTime::Form);
        }
        let at = text.parse().map_err(|_| InvalidStartTime::Moment)?;
        Ok(Self {
            text: text.into(),
            at,
        })
    }

    /// The text on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The moment itself. `None` where the system's clock cannot say it: on Windows, before 1601.
    #[must_use]
    pub fn time(&self) -> Option<SystemTime> {
        self.at.try_into().ok()
    }

    /// Its date lies before that of `now`, both taken in `offset`. What the provider does then is unknown.
    pub(crate) fn is_on_a_past_day(&self, now: SystemTime, offset: UtcOffset) -> bool {
        let today = Timestamp::try_from(now).map(|now| offset.date(now));
        today.is_ok_and(|today| offset.date(self.at) < today)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().try_into().unwrap()
    }

    #[test]
    fn the_fraction_is_cut_off() {
        let late = at("2026-12-31T23:59:59.999999999Z");
        let utc = UtcOffset::minutes(0).unwrap();
        assert_eq!(
            StartTime::at(late, utc).unwrap().as_str(),
            "2026-12-31T23:59:59.999+00:00"
        );
        let west = UtcOffset::minutes(-210).unwrap();
        assert_eq!(
            StartTime::at(late, west).unwrap().as_str(),
            "2026-12-31T20:29:59.999-03:30"
        );
    }

    #[test]
    fn an_offset_is_less_than_a_day_in_either_direction() {
        assert!(UtcOffset::minutes(1439).is_some() && UtcOffset::minutes(-1439).is_some());
        assert_eq!(UtcOffset::minutes(1440), None);
        assert_eq!(UtcOffset::minutes(-1440), None);
    }

    #[test]
    fn forms_taken_and_refused() {
        for good in [
            "2022-01-23T08:02:53.311+05:30",
            "2022-01-23T08:02:53+05:30",
            "2022-01-23T08:02:53Z",
            "2022-01-23T08:02:53.311Z",
            "2024-02-29T00:00:00-11:00",
        ] {
            assert_eq!(StartTime::parse(good).unwrap().as_str(), good);
            assert_eq!(StartTime::parse(good).unwrap().time(), Some(at(good)));
        }
        let fraction = |digits: &str| format!("2022-01-23T08:02:53.{digits}+05:30");
        let wrong: Vec<String> = ["", "3", "31", "3112", "311123456"]
            .iter()
            .map(|d| fraction(d))
            .collect();
        for bad in wrong.iter().map(String::as_str).chain([
            "",
            "2022-01-23",
            "2022-01-23T08:02:53",
            "2022-01-23T08:02:53Z+05:30",
            "2022-01-23T08:02:53.311Z+05:30",
            "2022-01-23 08:02:53+05:30",
            "2022-01-23T08:02:53+0530",
            "2022-01-23T08:02:53z",
            "२०२२-01-23T08:02:53Z",
            " 2022-01-23T08:02:53Z",
            "2022-01-23T08:02:53.311+05:30[Asia/Kolkata]",
        ]) {
            assert_eq!(
                StartTime::parse(bad),
                Err(InvalidStartTime::Form),
                "{bad:?}"
            );
        }
        for never in [
            "2022-02-30T08:02:53Z",
            "2022-01-23T25:02:53Z",
            "2022-13-01T00:00:00Z",
        ] {
            assert_eq!(
                StartTime::parse(never),
                Err(InvalidStartTime::Moment),
                "{never:?}"
            );
        }
    }

    #[test]
    fn days_are_those_of_the_offset() {
        let now = at("2026-03-10T19:00:00Z"); // already the 11th in India
        let past = |text| {
            StartTime::parse(text)
                .unwrap()
                .is_on_a_past_day(now, UtcOffset::INDIA)
        };
        assert!(past("2026-03-10T23:59:59+05:30"), "yesterday");
        assert!(
            !past("2026-03-11T00:00:01+05:30"),
            "an hour of today that has passed"
        );
        assert!(
            !past("2026-03-10T18:31:00Z"),
            "today in India, though the UTC date is older"
        );
        assert!(past("2026-03-10T18:29:00Z"));
        assert!(!past("2026-03-12T00:00:00+05:30"), "tomorrow");
        let stamped = StartTime::at(now - Duration::from_secs(3 * 3600), UtcOffset::INDIA).unwrap();
        assert!(stamped.is_on_a_past_day(now, UtcOffset::INDIA));
    }
}
