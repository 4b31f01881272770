//! Phone numbers as Citcall's server takes them: docs/protocols/citcall.md, B.7.

/// A number in international digits, or why it is none (rc 42).
pub(crate) fn international(msisdn: &str) -> Result<String, &'static str> {
    let (plus, digits) = match msisdn.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, msisdn),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("only digits, after at most one leading `+`");
    }
    let digits = match digits.strip_prefix('0') {
        Some(rest) if rest.starts_with('0') => {
            return Err("`00` before the country code is not taken; send `+` or the bare digits");
        }
        // `+0…` is read as `0…`, as the official clients clean it.
        Some(national) => format!("62{national}"),
        None if !plus && digits.starts_with('8') => {
            return Err(
                "a bare `8…` could be Indonesian without its `0` or another country; send `0…`, `62…` or `+…`",
            );
        }
        None => digits.to_owned(),
    };
    let (shortest, longest) = match digits.strip_prefix("62") {
        Some(national) if national.starts_with('0') => {
            return Err("a zero stands after the country code 62");
        }
        Some(_) => (11, 16),
        None => (10, 15),
    };
    if (shortest..=longest).contains(&digits.len()) {
        Ok(digits)
    } else {
        Err("too short or too long for its country")
    }
}

#[cfg(test)]
mod tests {
    use super::international;

    #[test]
    fn takes_the_forms_of_the_table_and_no_others() {
        for (sent, expected) in [
            ("081234567890", Some("6281234567890")),
            ("+6281234567890", Some("6281234567890")),
            ("6281234567890", Some("6281234567890")),
            ("+081234567890", Some("6281234567890")),
            ("+14155550123", Some("14155550123")),
            ("14155550123", Some("14155550123")),
            ("81234567890", None),
            ("0062812345678", None),
            ("+62081234567890", None),
            ("0812345", None),
            ("", None),
            ("+", None),
            ("++6281234567890", None),
            ("0812-3456-7890", None),
            ("\u{0660}81234567890", None),
        ] {
            assert_eq!(international(sent).ok().as_deref(), expected, "{sent}");
        }
    }
}
