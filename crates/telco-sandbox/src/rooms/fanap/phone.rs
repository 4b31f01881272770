//! Iranian mobile numbers as the server takes them: docs/protocols/fanap.md, section 5.1.

/// The ten-digit national form of any documented spelling. The vendor's samples use several, so the server very
/// likely normalises (inferred); separators and other digits are the client's business and are refused here.
pub(crate) fn national(phone: &str) -> Option<&str> {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    let with_country = digits.strip_prefix("00").unwrap_or(digits);
    let national = match with_country.strip_prefix("98") {
        // Only a number that is too long for a national one has a country code.
        Some(rest) if with_country.len() >= 12 => rest,
        _ if phone.starts_with('+') || digits.starts_with("00") => return None,
        _ => digits,
    };
    let national = national.strip_prefix('0').unwrap_or(national);
    let good = national.len() == 10
        && national.starts_with('9')
        && national.bytes().all(|byte| byte.is_ascii_digit());
    good.then_some(national)
}

#[cfg(test)]
mod tests {
    use super::national;

    #[test]
    fn takes_the_shapes_of_the_table_and_no_others() {
        for phone in [
            "9120000000",
            "09120000000",
            "989120000000",
            "+989120000000",
            "9809120000000",
            "+9809120000000",
            "00989120000000",
        ] {
            assert_eq!(national(phone), Some("9120000000"), "{phone}");
        }
        for phone in [
            "",
            "+",
            "+9120000000",
            "+09120000000",
            "912000000",
            "91200000000",
            "02112345678",
            "+14155550123",
            "0098912000000",
            "0912 000 0000",
            "\u{06f0}9120000000",
            "++989120000000",
        ] {
            assert_eq!(national(phone), None, "{phone}");
        }
        // 98 opens a national number of ten digits, too.
        assert_eq!(national("9891234567"), Some("9891234567"));
    }
}
