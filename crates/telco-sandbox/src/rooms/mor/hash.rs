//! The request hash as the server computes it (mor.md 3): SHA-1 over values in a fixed order, then the secret.

use std::sync::LazyLock;

use aws_lc_rs::{constant_time, digest};
use serde::{Deserialize, Serialize};

/// Names in hash order and the profiles that list them, as published.
const PARAMS: &str = include_str!("params.tsv");
/// Methods, their older names, and how each is hashed.
const METHODS: &str = include_str!("methods.tsv");

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
        let at = Self::ALL.iter().position(|p| *p == self).unwrap_or(0);
        LISTS.get(at).map_or(&[], Vec::as_slice)
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

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) mode: Mode,
}

/// The method behind a name in the URL, modern or legacy.
pub(super) fn method(profile: Profile, url_name: &str) -> Option<Method> {
    type Row = Vec<&'static str>;
    static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
        let rows = METHODS.lines().skip(1);
        rows.map(|row| row.split('\t').collect()).collect()
    });
    let mut found = None;
    for row in ROWS.iter() {
        let [of, name, legacy, mode, hashed] = row.as_slice() else {
            continue;
        };
        let named = *name == url_name || legacy.split(' ').any(|old| old == url_name);
        if !named || (*of == "m2" && profile != Profile::M2) {
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
        found = Some(Method { name, mode });
    }
    found
}

/// What the server hashes: names and texts in order, the secret not included.
pub(super) fn canonical(
    profile: Profile,
    method: &Method,
    params: &[(String, String)],
) -> Vec<(&'static str, String)> {
    let last = |name: &str| {
        params
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    };
    match &method.mode {
        Mode::Table(_) if method.name == "quickstats_get" && last("u") == Some("admin") => {
            Vec::new()
        }
        Mode::Table(names) => names
            .iter()
            .filter_map(|name| Some((*name, last(name)?.to_owned())))
            .collect(),
        _ => {
            let names = profile
                .names()
                .iter()
                .filter(|name| !never_hashed(profile, method.name, name));
            names
                .filter_map(|name| Some((*name, filtered(name, last(name)?)?)))
                .collect()
        }
    }
}

/// The same without filters and quirks: the documentation read literally.
pub(super) fn literal(
    profile: Profile,
    params: &[(String, String)],
) -> Vec<(&'static str, String)> {
    let last = |name: &str| {
        params
            .iter()
            .rev()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.clone())
    };
    profile
        .names()
        .iter()
        .filter_map(|name| Some((*name, last(name)?)))
        .collect()
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
fn filtered(name: &str, value: &str) -> Option<String> {
    let digits = value.bytes().all(|b| b.is_ascii_digit());
    let keep = match name {
        "user_id" | "period_start" | "period_end" | "tariff_id" | "only_did" => {
            let trimmed = value.trim_start_matches('0');
            let printed = if trimmed.is_empty() { "0" } else { trimmed };
            return digits.then(|| printed.to_owned());
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
    keep.then(|| value.to_owned())
}

/// The digest of some texts and the secret.
pub(super) fn sha1_hex<'a>(texts: impl IntoIterator<Item = &'a str>, secret: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    for text in texts {
        context.update(text.as_bytes());
    }
    context.update(secret.as_bytes());
    context
        .finish()
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

pub(super) fn digest_of(rows: &[(&'static str, String)], secret: &str) -> String {
    sha1_hex(rows.iter().map(|(_, text)| text.as_str()), secret)
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
        let (mut server, mut doc) = (0, 0);
        for v in vectors {
            let text = |name: &str| v[name].as_str().unwrap();
            let Some(profile) = Profile::ALL
                .into_iter()
                .find(|p| p.name() == text("profile"))
            else {
                continue;
            };
            let params: Vec<(String, String)> =
                serde_json::from_value(v["params"].clone()).unwrap();
            let rows = match text("mode") {
                "server" => {
                    server += 1;
                    let name = text("method");
                    let method = method(profile, name).unwrap_or(Method {
                        name: "?",
                        mode: Mode::List,
                    });
                    canonical(profile, &method, &params)
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
                .map(|(n, t)| ((*n).to_owned(), t.clone()))
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
