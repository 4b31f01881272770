//! The request hash as the server computes it (mor.md 3): SHA-1 over values in a fixed order, then the secret.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use aws_lc_rs::{constant_time, digest};
use serde::{Deserialize, Serialize};

use crate::text::{Pair, hex_of};

/// A name with the text that is hashed for it.
pub(super) type Hashed<'a> = (&'static str, Cow<'a, str>);

/// Names in hash order and the profiles that list them, as published.
const PARAMS: &str = include_str!("params.tsv");
/// Methods, their older names, and how each is hashed.
const METHODS: &str = include_str!("methods.tsv");

/// All that M2 serves (observed).
const M2_METHODS: [&str; 15] = [
    "aggregate_get",
    "device_details_get",
    "devices_get",
    "exchange_rate_update",
    "payment_create",
    "payments_get",
    "quickstats_get",
    "tariff_rates_get",
    "tariff_wholesale_update",
    "user_balance_get",
    "user_balance_update",
    "user_calls_get",
    "user_details_get",
    "user_login",
    "user_logout",
];

/// Which version the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// MOR 12.
    Mor12,
    /// MOR X3.
    X3,
    /// MOR X5.
    X5,
    /// MOR X8.
    X8,
    /// M2.
    M2,
}

impl Profile {
    pub(super) const ALL: [Self; 5] = [Self::Mor12, Self::X3, Self::X5, Self::X8, Self::M2];

    fn has_table(self) -> bool {
        matches!(self, Self::X8 | Self::M2)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mor12 => "mor12",
            Self::X3 => "x3",
            Self::X5 => "x5",
            Self::X8 => "x8",
            Self::M2 => "m2",
        }
    }

    /// The list of names in hash order.
    pub(super) fn names(self) -> &'static [&'static str] {
        static LISTS: LazyLock<Vec<Vec<&'static str>>> = LazyLock::new(|| {
            let column = |profile: Profile| {
                let header = PARAMS.lines().next().unwrap_or("");
                let at = header
                    .split('\t')
                    .position(|name| name == profile.name())
                    .unwrap_or(usize::MAX);
                let rows = PARAMS
                    .lines()
                    .skip(1)
                    .map(|row| row.split('\t').collect::<Vec<_>>());
                rows.filter(|row| row.get(at) == Some(&"y"))
                    .filter_map(|row| row.get(1).copied())
                    .collect()
            };
            Profile::ALL.into_iter().map(column).collect()
        });
        LISTS.get(self.at()).map_or(&[], Vec::as_slice)
    }

    fn at(self) -> usize {
        Self::ALL.iter().position(|p| *p == self).unwrap_or(0)
    }

    /// A name of the list with its place there.
    fn listed(self, name: &str) -> Option<(usize, &'static str)> {
        type Places = HashMap<&'static str, usize>;
        static PLACES: LazyLock<Vec<Places>> = LazyLock::new(|| {
            let of = |profile: Profile| profile.names().iter().copied().zip(0..).collect();
            Profile::ALL.into_iter().map(of).collect()
        });
        let (name, at) = PLACES.get(self.at())?.get_key_value(name)?;
        Some((*at, name))
    }
}

/// How a method is hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// The profile's whole list, through its filters.
    List,
    /// These names alone, raw.
    Table(Vec<&'static str>),
    /// Not checked at all.
    Unchecked,
}

#[derive(Debug, Clone)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) mode: Mode,
}

/// The method behind a name in the URL, modern or legacy.
pub(super) fn method(profile: Profile, url_name: &str) -> Option<&'static Method> {
    type Methods = HashMap<&'static str, Method>;
    static KNOWN: LazyLock<Vec<Methods>> =
        LazyLock::new(|| Profile::ALL.into_iter().map(methods_of).collect());
    KNOWN.get(profile.at())?.get(url_name)
}

/// The names of all methods, for fault rules; and what a request gets whose method is none.
pub(super) fn operations() -> &'static [&'static str] {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let rows = METHODS.lines().skip(1);
        rows.filter_map(|row| row.split('\t').nth(1))
            .chain(["unknown"])
            .collect()
    });
    &NAMES
}

fn methods_of(profile: Profile) -> HashMap<&'static str, Method> {
    let mut known = HashMap::new();
    for row in METHODS.lines().skip(1) {
        let row: Vec<&'static str> = row.split('\t').collect();
        let [of, name, legacy, mode, hashed] = row.as_slice() else {
            continue;
        };
        if (*of == "m2" && profile != Profile::M2)
            || (profile == Profile::M2 && !M2_METHODS.contains(name))
        {
            continue;
        }
        let mode = match *mode {
            "unchecked" => Mode::Unchecked,
            // The table is newer than X5, and X8's rows are not M2's.
            "method_table" if profile.has_table() && *of == profile.name() => {
                Mode::Table(hashed.split_whitespace().collect())
            }
            _ => Mode::List,
        };
        // M2's own rows come last and win.
        for url_name in [*name].into_iter().chain(legacy.split_whitespace()) {
            let mode = mode.clone();
            known.insert(url_name, Method { name, mode });
        }
    }
    known
}

/// What the server hashes: names and texts in order, the secret not included. Of a repeated name the last counts.
pub(super) fn canonical<'a>(
    profile: Profile,
    method: &Method,
    params: &'a [Pair<'_>],
) -> Vec<Hashed<'a>> {
    let last = |name: &str| {
        let mut backwards = params.iter().rev();
        backwards.find(|(n, _)| n == name).map(|(_, v)| &**v)
    };
    match &method.mode {
        Mode::Table(_) if method.name == "quickstats_get" && last("u") == Some("admin") => {
            Vec::new()
        }
        Mode::Table(names) => names
            .iter()
            .filter_map(|name| Some((*name, Cow::Borrowed(last(name)?))))
            .collect(),
        _ => in_list_order(profile, params)
            .filter(|(name, _)| !never_hashed(profile, method.name, name))
            .filter_map(|(name, value)| Some((name, filtered(name, value)?)))
            .collect(),
    }
}

/// The same without filters and quirks: the documentation read literally.
pub(super) fn literal<'a>(profile: Profile, params: &'a [Pair<'_>]) -> Vec<Hashed<'a>> {
    in_list_order(profile, params)
        .map(|(name, value)| (name, Cow::Borrowed(value)))
        .collect()
}

fn in_list_order<'a>(
    profile: Profile,
    params: &'a [Pair<'_>],
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let by_place: BTreeMap<_, _> = params
        .iter()
        .filter_map(|(name, value)| Some((profile.listed(name)?, &**value)))
        .collect();
    by_place.into_iter().map(|((_, name), value)| (name, value))
}

/// Names that the server lists or takes, and does not hash.
fn never_hashed(profile: Profile, method: &str, name: &str) -> bool {
    match name {
        "user_warning_email_hour" | "pgui" => profile != Profile::M2,
        "device_callerid" | "device_calerid" => {
            matches!(profile, Profile::X5 | Profile::X8 | Profile::M2)
        }
        "shipped_at" | "s_amount_min" => true,
        "number" => {
            method == "card_from_group_sell" && matches!(profile, Profile::X5 | Profile::X8)
        }
        _ => false,
    }
}

/// A value after its filter; a value that fails is absent.
fn filtered<'a>(name: &str, value: &'a str) -> Option<Cow<'a, str>> {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    let keep = match name {
        "user_id" | "period_start" | "period_end" | "tariff_id" | "only_did" => {
            let trimmed = value.trim_start_matches('0');
            let printed = if trimmed.is_empty() { "0" } else { trimmed };
            return digits.then_some(Cow::Borrowed(printed));
        }
        "mtype" | "s_user" | "s_user_id" | "s_from" | "s_till" | "monitoring_id" => digits,
        "device"
        | "s_device"
        | "s_provider"
        | "s_hgc"
        | "s_did"
        | "s_origination_point"
        | "s_termination_point" => digits || value == "all",
        "direction" => matches!(value, "outgoing" | "incoming"),
        "calltype" => matches!(
            value,
            "all"
                | "answered"
                | "busy"
                | "no_answer"
                | "failed"
                | "missed"
                | "missed_inc"
                | "missed_inc_all"
                | "missed_not_processed_inc"
        ),
        "balance" => value
            .bytes()
            .all(|b| b.is_ascii_digit() || b".-+".contains(&b)),
        "users" => value.split('\n').any(|line| {
            matches!(line, "postpaid" | "prepaid" | "all")
                || (!line.is_empty() && line.bytes().all(|b| b.is_ascii_digit() || b == b','))
        }),
        "block" => value.contains("true") || value.contains("false"),
        _ => true,
    };
    keep.then_some(Cow::Borrowed(value))
}

/// The digest of some texts and the secret.
pub(super) fn sha1_hex<'a>(texts: impl IntoIterator<Item = &'a str>, secret: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for text in texts {
        context.update(text.as_bytes());
    }
    context.update(secret.as_bytes());
    hex_of(context.finish().as_ref())
}

pub(super) fn digest_of(rows: &[Hashed<'_>], secret: &str) -> String {
    sha1_hex(rows.iter().map(|(_, text)| &**text), secret)
}

/// Whether the hash of the request is right.
pub(super) fn matches(right: &str, given: &str) -> bool {
    constant_time::verify_slices_are_equal(right.as_bytes(), given.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn published_digests() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../vectors/mor/hash.json")).unwrap();
        let vectors = vectors["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 59);
        let unknown = Method {
            name: "?",
            mode: Mode::List,
        };
        let (mut server, mut doc) = (0, 0);
        for v in vectors {
            let text = |name: &str| v[name].as_str().unwrap();
            let Some(profile) = Profile::ALL
                .into_iter()
                .find(|p| p.name() == text("profile"))
            else {
                continue;
            };
            let params: Vec<Pair<'_>> = serde_json::from_value(v["params"].clone()).unwrap();
            let rows = match text("mode") {
                "server" => {
                    server += 1;
                    let name = text("method");
                    canonical(profile, method(profile, name).unwrap_or(&unknown), &params)
                }
                _ => {
                    doc += 1;
                    literal(profile, &params)
                }
            };
            let hashed: Vec<(String, String)> =
                serde_json::from_value(v["hashed"].clone()).unwrap();
            let ours: Vec<_> = rows
                .iter()
                .map(|(n, t)| ((*n).to_owned(), t.clone().into_owned()))
                .collect();
            assert_eq!(ours, hashed, "{}", v["id"]);
            assert_eq!(
                digest_of(&rows, text("secret")),
                text("sha1"),
                "{}",
                v["id"]
            );
        }
        assert_eq!((server, doc), (54, 4));
    }

    #[test]
    fn lists_have_their_published_sizes() {
        assert_eq!(
            Profile::ALL.map(|p| p.names().len()),
            [192, 199, 206, 209, 192]
        );
    }
}
