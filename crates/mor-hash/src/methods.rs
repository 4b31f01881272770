//! What is known of every method of the API, as data.
//!
//! ```
//! let method = mor_hash::methods::find("send_sms").unwrap();
//! assert_eq!(method.name, "sms_send");
//! assert_eq!(method.hashed, Some(&["lcr_id", "dst", "src", "message"][..]));
//! ```

use crate::data::methods::METHODS;
use crate::lookup;

/// One method of one server line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Method {
    /// The name in the address of MOR X5 and later.
    pub name: &'static str,
    /// The name in the address of MOR 12 and X3, where it was another one.
    pub legacy_name: Option<&'static str>,
    /// The server line this entry speaks of.
    pub since: Since,
    /// What a call of it does.
    pub class: Class,
    /// Which rule chooses the hashed names.
    pub rule: HashRule,
    /// The hashed names in hash order. Under [`HashRule::GlobalList`] any other listed name that is sent is hashed
    /// too. `None`: unknown.
    pub hashed: Option<&'static [&'static str]>,
    /// Parameters that the method accepts and no hash covers. `None`: unknown.
    pub other_parameters: Option<&'static [&'static str]>,
    /// What one third-party client hashes instead; used by [`diagnose`](crate::diagnose()) only.
    pub claimed_alternative: Option<&'static [&'static str]>,
    /// How well the entry is known.
    pub grade: Grade,
}

/// What a call does, and so whether it may be repeated. **Inferred**, from what the pages say that a method does; for those after
/// MOR X8 from their names.
///
/// ```
/// use mor_hash::methods::{Class, find};
/// assert_eq!(find("payments_list").unwrap().class, Class::Read);
/// assert_eq!(find("user_balance_update").unwrap().class, Class::Effect); // it adds: a repeat books twice
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// It only reads.
    Read,
    /// It changes the configuration.
    Write,
    /// It cannot be taken back: money, a call, a message.
    Effect,
}

/// The server line that an entry speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Since {
    /// MOR X8 and, outside the method table, earlier versions.
    X8,
    /// M2.
    M2,
    /// After MOR X8: known from method pages and one public client only.
    Later,
}

/// Which rule chooses the hashed names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashRule {
    /// The profile's list, with filters.
    GlobalList,
    /// These names alone, raw.
    MethodTable,
    /// The caller has to name the keys.
    Explicit,
    /// The server does not verify the hash of this method.
    Unchecked,
}

/// How well an entry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grade {
    /// The vendor's own server does it.
    Observed,
    /// Written on the method's page.
    Documented,
    /// One third-party client does it; not checked.
    Claimed,
}

/// Every entry. A few methods have one for MOR X8 and one for M2.
///
/// ```
/// assert!(mor_hash::methods::all().iter().any(|method| method.name == "user_details_get"));
/// ```
pub fn all() -> &'static [Method] {
    &METHODS
}

/// The first entry of a method, by its modern or its legacy name.
///
/// ```
/// use mor_hash::methods::find;
/// assert_eq!(find("user_details").unwrap().name, "user_details_get"); // its legacy name
/// assert!(find("no_such_method").is_none());
/// ```
pub fn find(name: &str) -> Option<&'static Method> {
    let at = lookup::find(&SLOTS, name, |at| NAMES.get(at).copied())?;
    METHODS.get(at / 2)
}

/// The modern name, which the method table is keyed by.
pub(crate) fn modern(name: &str) -> &str {
    find(name).map_or(name, |method| method.name)
}

/// The names that the method table of a server line gives for a method.
pub(crate) fn table(since: Since, method: &'static Method) -> Option<&'static [&'static str]> {
    let own = if method.since == since {
        Some(method)
    } else {
        METHODS
            .iter()
            .find(|other| other.since == since && other.name == method.name)
    };
    own.filter(|own| own.rule == HashRule::MethodTable)?.hashed
}

/// Modern and legacy name of every entry, by turns.
static NAMES: [&str; 2 * METHODS.len()] = names();
static SLOTS: [u16; 1024] = lookup::slots(&names());

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler: a wrong index does not build"
)]
const fn names() -> [&'static str; 2 * METHODS.len()] {
    let mut names = [""; 2 * METHODS.len()];
    let mut i = 0;
    while i < METHODS.len() {
        names[2 * i] = METHODS[i].name;
        if let Some(legacy) = METHODS[i].legacy_name {
            names[2 * i + 1] = legacy;
        }
        i += 1;
    }
    names
}
