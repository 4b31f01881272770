use alloc::borrow::Cow;

use crate::lookup::same;

/// What the server does with a value before it hashes it (observed; docs/protocols/mor.md, section 3.2).
///
/// Filters work in the list of a [`Profile`](crate::Profile) only; method tables and explicit keys take raw text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// Hashed as sent.
    Any,
    /// Only digits, and re-printed as a number: `007` is hashed as `7`, an empty value as `0`.
    Integer,
    /// Only digits, hashed as sent.
    Digits,
    /// Only digits, or exactly `all`.
    DigitsOrAll,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Only digits, `.`, `-` and `+`.
    Decimal,
    /// Some line is `postpaid`, `prepaid`, `all`, or digits and commas.
    Users,
    /// Contains `true` or `false`.
    TrueOrFalse,
    /// Every value but this one.
    AllBut(&'static str),
    /// Documented as hashed, never hashed. Strict refuses it.
    NeverHashed,
    /// In the list under a spelling that no request fills: never hashed, and nothing to decide.
    NeverFilled,
}

/// What becomes of one value.
pub(crate) enum Passed<'a> {
    As(Cow<'a, str>),
    Dropped,
    Exempt,
    NeverHashed,
    NeverFilled,
}

impl Filter {
    pub(crate) fn pass(self, value: &str) -> Passed<'_> {
        let digits = || value.bytes().all(|b| b.is_ascii_digit());
        let passes = match self {
            Self::Any => true,
            Self::Integer if digits() => return Passed::As(reprinted(value)),
            Self::Integer => false,
            Self::Digits => digits(),
            Self::DigitsOrAll => value == "all" || digits(),
            Self::OneOf(words) => words.contains(&value),
            Self::Decimal => value
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+')),
            Self::Users => value.split('\n').any(is_user_list),
            Self::TrueOrFalse => value.contains("true") || value.contains("false"),
            Self::AllBut(word) if value == word => return Passed::Exempt,
            Self::AllBut(_) => true,
            Self::NeverHashed => return Passed::NeverHashed,
            Self::NeverFilled => return Passed::NeverFilled,
        };
        if passes {
            Passed::As(Cow::Borrowed(value))
        } else {
            Passed::Dropped
        }
    }

    /// The filter of a name, in every profile that lists it.
    pub(crate) const fn of(name: &str) -> Self {
        let mut filters = FILTERS;
        while let [(names, filter), rest @ ..] = filters {
            let mut names = *names;
            while let [candidate, rest @ ..] = names {
                if same(candidate, name) {
                    return *filter;
                }
                names = rest;
            }
            filters = rest;
        }
        Self::Any
    }
}

/// Any length: the server's integers have arbitrary precision (inferred).
fn reprinted(digits: &str) -> Cow<'_, str> {
    match digits.trim_start_matches('0') {
        "" => Cow::Borrowed("0"),
        significant => Cow::Borrowed(significant),
    }
}

fn is_user_list(line: &str) -> bool {
    matches!(line, "postpaid" | "prepaid" | "all")
        || (!line.is_empty() && line.bytes().all(|b| b.is_ascii_digit() || b == b','))
}

const FILTERS: &[(&[&str], Filter)] = &[
    (
        &[
            "user_id",
            "period_start",
            "period_end",
            "tariff_id",
            "only_did",
        ],
        Filter::Integer,
    ),
    (
        &[
            "mtype",
            "s_user",
            "s_user_id",
            "s_from",
            "s_till",
            "monitoring_id",
        ],
        Filter::Digits,
    ),
    (
        &[
            "device",
            "s_device",
            "s_provider",
            "s_hgc",
            "s_did",
            "s_origination_point",
            "s_termination_point",
        ],
        Filter::DigitsOrAll,
    ),
    (&["direction"], Filter::OneOf(&["outgoing", "incoming"])),
    (
        &["calltype"],
        Filter::OneOf(&[
            "all",
            "answered",
            "busy",
            "no_answer",
            "failed",
            "missed",
            "missed_inc",
            "missed_inc_all",
            "missed_not_processed_inc",
        ]),
    ),
    (&["balance"], Filter::Decimal),
    (&["users"], Filter::Users),
    (&["block"], Filter::TrueOrFalse),
    (&["user_warning_email_hour", "pgui"], Filter::NeverHashed),
    (&["device_calerid"], Filter::NeverFilled),
];
