use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::RequestHash;
use crate::arrange::Fate;

/// What went into a hash and what did not: the server's "Generate hash" page as data.
///
/// The secret, passwords, PINs, vouchers, addresses and the texts of messages (which may hold one-time codes) are replaced by
/// `***` everywhere, and of numbers only the ends are shown. [`Explanation::hash`] is whole, and so is everything else that was
/// sent, such as logins, names and descriptions: look at what you send before you log it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The hashed values, in hash order.
    pub rows: Vec<Row>,
    /// The parameters that no hash covers: anybody on the way can change them.
    pub skipped: Vec<Skipped>,
    /// The hashed text, with what is hidden as `***` and stars.
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

impl SkipReason {
    /// One line for a person.
    ///
    /// ```
    /// assert_eq!(mor_hash::SkipReason::Empty.as_str(), "empty: adds nothing");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "says who is calling; not hashed by this method",
            Self::TestSwitch => "asks for the answer inline; never hashed",
            Self::NotListed => "not in the list: not authenticated",
            Self::DroppedByFilter => "dropped by the server's filter: not authenticated",
            Self::NeverHashed => "listed, but never hashed by this version: not authenticated",
            Self::ExcludedForMethod => "left out for this method: not authenticated",
            Self::ExemptValue => "not hashed with this value",
            Self::Empty => "empty: adds nothing",
            Self::Repeated => "another value of the same name counts",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    "message",
    "email",
    // Whoever knows it can spend it.
    "voucher_number",
];

/// Of these only the ends are shown, unless there is no digit in them, as in a sender's name: they are people's numbers.
const NUMBERS: &[&str] = &[
    "dst",
    "src",
    "callerid",
    "caller_id",
    "src_callerid",
    "device_callerid",
    "device_calerid",
    "number",
    "numbers",
    "s_number",
    "external_number",
    "forward_to",
    "cli",
    "cli_number",
    "did",
    "s_destination",
    "phone",
    "mob_phone",
    "fax",
];

const MASK: &str = "***";

fn shown<'v>(name: &str, value: &'v str) -> Cow<'v, str> {
    if value.is_empty() {
        Cow::Borrowed(value)
    } else if MASKED.contains(&name) || name.ends_with("_email") {
        Cow::Borrowed(MASK)
    } else if NUMBERS.contains(&name) && value.chars().any(char::is_numeric) {
        Cow::Owned(ends(value))
    } else {
        Cow::Borrowed(value)
    }
}

/// The first three and the last two characters of what is long enough to keep a secret all the same.
fn ends(value: &str) -> String {
    const FIRST: usize = 3;
    const LAST: usize = 2;
    let length = value.chars().count();
    if length < 9 {
        return MASK.into();
    }
    let star = |(at, c): (usize, char)| {
        if at < FIRST || at >= length.saturating_sub(LAST) {
            c
        } else {
            '*'
        }
    };
    value.chars().enumerate().map(star).collect()
}

/// Filled while the parameters are arranged.
#[derive(Default)]
pub(crate) struct Rows {
    rows: Vec<Row>,
    skipped: Vec<(usize, Skipped)>,
    signed_text: String,
    /// The last row that has a text, and the end of that text.
    border: Option<(usize, char)>,
}

impl Rows {
    pub(crate) fn push(&mut self, fate: &Fate<'_>) {
        let (name, sent) = (fate.name, shown(fate.name, fate.value).into_owned());
        match &fate.text {
            Ok(text) => {
                let hashed = shown(name, text);
                self.signed_text.push_str(&hashed);
                self.meet(text);
                self.rows.push(Row {
                    position: self.rows.len().saturating_add(1),
                    name: name.into(),
                    sent,
                    hashed: hashed.into_owned(),
                    ambiguous_border: false,
                });
            }
            Err(reason) => self.skipped.push((
                fate.param,
                Skipped {
                    name: name.into(),
                    sent,
                    reason: *reason,
                },
            )),
        }
    }

    /// Looks at the border between the rows so far and the next text.
    fn meet(&mut self, next: &str) {
        let (Some(first), Some(last)) = (next.chars().next(), next.chars().next_back()) else {
            return;
        };
        let border = self.border.replace((self.rows.len(), last));
        if let Some((Some(row), before)) = border.map(|(row, end)| (self.rows.get_mut(row), end)) {
            row.ambiguous_border = before.is_ascii_digit() && first.is_ascii_digit();
        }
    }

    pub(crate) fn finish(mut self, hash: RequestHash) -> Explanation {
        self.skipped.sort_unstable_by_key(|(param, _)| *param);
        self.signed_text.push_str(MASK);
        Explanation {
            rows: self.rows,
            skipped: self
                .skipped
                .into_iter()
                .map(|(_, skipped)| skipped)
                .collect(),
            signed_text: self.signed_text,
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
