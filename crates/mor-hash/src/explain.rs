use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::Call;
use crate::RequestHash;
use crate::arrange::Arrangement;

/// What went into a hash and what did not: the server's "Generate hash" page as data.
///
/// Safe to print and to log but for [`Explanation::hash`]: the secret and the values of passwords and PINs are
/// replaced by `***` everywhere.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The hashed values, in hash order.
    pub rows: Vec<Row>,
    /// The parameters that no hash covers: anybody on the way can change them.
    pub skipped: Vec<Skipped>,
    /// The hashed text, the secret as `***`.
    pub signed_text: String,
    /// The hash itself.
    pub hash: RequestHash,
}

/// One hashed value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// Place in the hash, from 1.
    pub position: usize,
    /// The parameter.
    pub name: String,
    /// Its value as sent.
    pub sent: String,
    /// Its value as hashed.
    pub hashed: String,
    /// The border to the next value is not covered: a digit meets a digit, so `1`, `23` and `12`, `3` have the same
    /// hash.
    pub ambiguous_border: bool,
}

/// One parameter outside the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Skipped {
    /// The parameter.
    pub name: String,
    /// Its value as sent.
    pub sent: String,
    /// Why it is outside.
    pub reason: SkipReason,
}

/// Why a parameter is not in the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SkipReason {
    /// `u` and `p` say who is calling; only a few methods hash them.
    Authentication,
    /// `test` asks for the answer inline.
    TestSwitch,
    /// The name is in no list for this method: not authenticated.
    NotListed,
    /// The value fails the server's filter.
    DroppedByFilter,
    /// In the documented list, and yet never hashed by this version.
    NeverHashed,
    /// This method leaves the name out.
    ExcludedForMethod,
    /// This value of the name is not hashed (`quickstats_get` with `u` exactly `admin`).
    ExemptValue,
    /// An empty value adds nothing.
    Empty,
    /// Another value of the same name counts.
    Repeated,
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authentication => "says who is calling; not hashed by this method",
            Self::TestSwitch => "asks for the answer inline; never hashed",
            Self::NotListed => "not in the list: not authenticated",
            Self::DroppedByFilter => "dropped by the server's filter: not authenticated",
            Self::NeverHashed => "listed, but never hashed by this version: not authenticated",
            Self::ExcludedForMethod => "left out for this method: not authenticated",
            Self::ExemptValue => "not hashed with this value",
            Self::Empty => "empty: adds nothing",
            Self::Repeated => "another value of the same name counts",
        })
    }
}

/// Never shown: docs/protocols/mor.md, section 9.
const MASKED: &[&str] = &[
    "p",
    "pswd",
    "password",
    "password2",
    "device_password",
    "login_password",
    "pin",
    "s_pin",
    "primary_device_pin",
    "auth_code",
    "api_secret_key",
];

const MASK: &str = "***";

fn shown<'v>(name: &str, value: &'v str) -> &'v str {
    if MASKED.contains(&name) && !value.is_empty() {
        MASK
    } else {
        value
    }
}

impl Explanation {
    pub(crate) fn new(call: &Call<'_>, arrangement: &Arrangement<'_>, hash: RequestHash) -> Self {
        let mut rows: Vec<Row> = Vec::with_capacity(arrangement.rows.len());
        let mut signed_text = String::new();
        let mut last: Option<(usize, char)> = None;
        for (index, hashed) in arrangement.rows.iter().enumerate() {
            let value = call.param(hashed.param).map_or("", |(_, value)| value);
            let text = shown(hashed.name, &hashed.text);
            signed_text.push_str(text);
            if let (Some((row, before)), Some(after)) = (last, hashed.text.chars().next()) {
                if let Some(row) = rows.get_mut(row) {
                    row.ambiguous_border = before.is_ascii_digit() && after.is_ascii_digit();
                }
            }
            if let Some(end) = hashed.text.chars().next_back() {
                last = Some((index, end));
            }
            rows.push(Row {
                position: index.saturating_add(1),
                name: hashed.name.into(),
                sent: shown(hashed.name, value).into(),
                hashed: text.into(),
                ambiguous_border: false,
            });
        }
        signed_text.push_str(MASK);
        let mut skipped = arrangement.skipped.clone();
        skipped.sort_unstable_by_key(|(param, _)| *param);
        let skipped = skipped.into_iter().filter_map(|(param, reason)| {
            let (name, value) = call.param(param)?;
            Some(Skipped {
                name: name.into(),
                sent: shown(name, value).into(),
                reason,
            })
        });
        Self {
            rows,
            skipped: skipped.collect(),
            signed_text,
            hash,
        }
    }
}

/// A table for a terminal, without the hash.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for row in &self.rows {
            write!(f, "{:>3}  {} = {:?}", row.position, row.name, row.hashed)?;
            if row.sent != row.hashed {
                write!(f, "  (sent {:?})", row.sent)?;
            }
            if row.ambiguous_border {
                f.write_str("  (border to the next value not covered)")?;
            }
            writeln!(f)?;
        }
        for skipped in &self.skipped {
            writeln!(
                f,
                "  -  {} = {:?}  ({})",
                skipped.name, skipped.sent, skipped.reason
            )?;
        }
        write!(f, "  =  {:?}", self.signed_text)
    }
}
