//! Days and dates (proleptic Gregorian), for providers whose requests carry the time as text.

use crate::text::push_digits;

/// Days from 1970-01-01 to this date; months and days beyond their range run on into the next.
pub(crate) fn days_from_date(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The year, month and day of a day counted from 1970-01-01.
pub(crate) fn date_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

/// Milliseconds since the epoch of `YYYY-MM-DDTHH:MM:SS`, the first 19 characters of every form; no leap seconds.
/// The rest of the text is returned with it.
pub(crate) fn parse(text: &str) -> Option<(i64, &str)> {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let (head, rest) = text.split_at_checked(19)?;
    let fits = head.bytes().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        literal => byte == *literal,
    });
    let field = |at: std::ops::Range<usize>| head.get(at)?.parse::<i64>().ok();
    let (year, month, day) = (field(0..4)?, field(5..7)?, field(8..10)?);
    let (hour, minute, second) = (field(11..13)?, field(14..16)?, field(17..19)?);
    let days = days_from_date(year, month, day);
    let exists =
        date_from_days(days) == (year, month, day) && hour < 24 && minute < 60 && second < 60;
    (fits && (1..=12).contains(&month) && exists).then_some((
        (((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000,
        rest,
    ))
}

/// `YYYY-MM-DDTHH:MM:SS.mmm` of a time in milliseconds since the epoch; the zone is the caller's to append.
pub(crate) fn format(unix_ms: i64) -> String {
    let (days, ms) = (
        unix_ms.div_euclid(86_400_000),
        unix_ms.rem_euclid(86_400_000),
    );
    let (year, month, day) = date_from_days(days);
    let (hour, minute, second, milli) = (
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000,
    );
    let mut text = Vec::with_capacity("1970-01-01T00:00:00.000".len());
    // Nothing here happened before the year 0.
    for (number, width, end) in [
        (year.max(0), 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (hour, 2, b':'),
        (minute, 2, b':'),
        (second, 2, b'.'),
        (milli, 3, b' '),
    ] {
        push_digits(&mut text, number.unsigned_abs(), width);
        text.push(end);
    }
    text.pop();
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_has_its_date() {
        let mut previous = date_from_days(-1);
        assert_eq!(previous, (1969, 12, 31));
        for days in 0..300_000 {
            let date = date_from_days(days);
            assert_eq!(days_from_date(date.0, date.1, date.2), days);
            let next = date.2 == previous.2 + 1 && date.1 == previous.1;
            assert!(
                next || date.2 == 1 && (previous.1 % 12) + 1 == date.1,
                "{previous:?} {date:?}"
            );
            previous = date;
        }
    }

    #[test]
    fn known_times_and_impossible_ones() {
        let ms = |text| parse(text).map(|(ms, _)| ms);
        assert_eq!(ms("2018-09-24T12:01:27.938Z"), Some(1_537_790_487_000));
        assert_eq!(parse("2018-09-24T12:01:27.938Z").unwrap().1, ".938Z");
        assert_eq!(format(1_537_790_487_938), "2018-09-24T12:01:27.938");
        assert_eq!(ms("2000-02-29T00:00:00"), Some(951_782_400_000));
        for text in [
            "2018-02-29T00:00:00",
            "2018-13-01T00:00:00",
            "2018-00-01T00:00:00",
            "2018-01-01T24:00:00",
            "2018-01-01T00:00:60",
            "2018-01-01 00:00:00",
            "+018-01-01T00:00:00",
            "2018-01-01T00:00",
            "\u{0662}018-01-01T00:00:0",
            "",
        ] {
            assert_eq!(ms(text), None, "{text}");
        }
    }
}
