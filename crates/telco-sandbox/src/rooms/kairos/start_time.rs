//! `start-time`: docs/protocols/kairos.md, section 4.

use crate::calendar;

/// When a call may begin, as far as the rule goes that only its *date* counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StartTime {
    pub(crate) unix_ms: i64,
    /// Minutes east of UTC.
    pub(crate) offset: i64,
}

impl StartTime {
    /// The documented forms: numeric offset or `Z`, three fraction digits or none.
    pub(crate) fn parse(text: &str) -> Result<StartTime, &'static str> {
        let (seconds, rest) =
            calendar::parse(text).ok_or("it is not YYYY-MM-DDTHH:MM:SS and an offset")?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            None => (0, rest),
            Some(rest) => {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                let (digits, zone) = rest.split_at(end);
                match (digits.len(), digits.parse::<i64>()) {
                    (3, Ok(fraction)) => (fraction, zone),
                    _ => return Err("the fraction has other than three digits"),
                }
            }
        };
        let offset = match zone {
            "Z" => 0,
            "" => return Err("it has no offset"),
            zone if zone.starts_with('Z') => return Err("it has both `Z` and an offset"),
            zone => offset(zone).ok_or("its offset is not ±HH:MM")?,
        };
        Ok(StartTime {
            unix_ms: seconds + fraction - offset * 60_000,
            offset,
        })
    }

    /// Whether its date, in its own offset, lies before today in that offset.
    pub(crate) fn is_before_today(self, now_ms: i64) -> bool {
        let offset_ms = self.offset.saturating_mul(60_000);
        let day = |ms: i64| ms.saturating_add(offset_ms).div_euclid(86_400_000);
        day(self.unix_ms) < day(now_ms)
    }
}

fn offset(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str| {
        let good = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| digits.parse::<i64>().ok()).flatten()
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_documented_forms() {
        let at = |text| StartTime::parse(text).unwrap().unix_ms;
        assert_eq!(at("2022-01-23T08:02:53.311+05:30"), 1_642_905_173_311);
        assert_eq!(at("2022-01-23T08:02:53+05:30"), 1_642_905_173_000);
        assert_eq!(at("2022-01-23T02:32:53.311Z"), 1_642_905_173_311);
        for text in [
            "2022-01-23T08:02:53.31+05:30",
            "2022-01-23T08:02:53.3111+05:30",
            "2022-01-23T08:02:53.+05:30",
            "2022-01-23T08:02:53.311Z+05:30",
            "2022-01-23T08:02:53.311",
            "2022-01-23T08:02:53",
            "2022-01-23T08:02:53+0530",
            "2022-01-23T08:02:53+05:3",
            "2022-01-23 08:02:53+05:30",
            "",
        ] {
            assert!(StartTime::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_the_date_counts_and_in_its_own_offset() {
        let start = StartTime::parse("2022-01-23T00:00:00+05:30").unwrap();
        // 23:59 on the 23rd in India.
        assert!(!start.is_before_today(1_642_962_540_000));
        // One minute later, though still the 23rd in London.
        assert!(start.is_before_today(1_642_962_600_000));
        // A clock may be set to any time.
        assert!(start.is_before_today(i64::MAX) && !start.is_before_today(i64::MIN));
    }
}
