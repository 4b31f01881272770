//! Ordered names that can be searched: the list of a profile, and the keys that a caller names.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use crate::call::check_name;
use crate::{Error, Filter};

/// One listed name, known at compile time.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) filter: Filter,
}

/// Names in hash order, and the ranks of these names in search order.
#[derive(Clone)]
pub(crate) enum List {
    Static {
        entries: &'static [Entry],
        search: &'static [u16],
    },
    Owned {
        entries: Vec<(String, Filter)>,
        search: Vec<u16>,
    },
}

impl List {
    /// At most 65,536 names; the rest would not fit a rank and is cut off (no server list is longer than 217).
    pub(crate) fn owned(mut entries: Vec<(String, Filter)>) -> Result<Self, Error> {
        entries.truncate(usize::from(u16::MAX));
        for (name, _) in &entries {
            check_name(name)?;
        }
        let name = |rank: u16| {
            entries
                .get(usize::from(rank))
                .map_or("", |(name, _)| name.as_str())
        };
        let mut search: Vec<u16> = (0..).take(entries.len()).collect();
        search.sort_unstable_by(|a, b| order(name(*a), name(*b)));
        for (a, b) in search.iter().zip(search.iter().skip(1)) {
            if name(*a) == name(*b) {
                return Err(Error::RepeatedName(name(*a).to_string()));
            }
        }
        Ok(Self::Owned { entries, search })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Static { entries, .. } => entries.len(),
            Self::Owned { entries, .. } => entries.len(),
        }
    }

    pub(crate) fn get(&self, rank: usize) -> Option<(&str, Filter)> {
        match self {
            Self::Static { entries, .. } => {
                entries.get(rank).map(|entry| (entry.name, entry.filter))
            }
            Self::Owned { entries, .. } => entries
                .get(rank)
                .map(|(name, filter)| (name.as_str(), *filter)),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Filter)> {
        (0..self.len()).filter_map(|rank| self.get(rank))
    }

    /// The place of a name in hash order, and its filter.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, Filter)> {
        let search = match self {
            Self::Static { search, .. } => search,
            Self::Owned { search, .. } => search.as_slice(),
        };
        let at = |rank: u16| self.get(usize::from(rank)).unwrap_or(("", Filter::Any));
        let found = search
            .binary_search_by(|rank| order(at(*rank).0, name))
            .ok()?;
        let rank = *search.get(found)?;
        Some((usize::from(rank), at(rank).1))
    }
}

/// The names to hash, in this order, chosen by the caller: right for every method of every version, whatever this
/// crate knows about it.
///
/// Values are taken raw, without filters or quirks; a name that is not sent adds nothing.
///
/// ```
/// use mor_hash::{Call, Keys, Profile, Secret, Signer};
///
/// let signer = Signer::new(Secret::new("secret"), Profile::x8()).with_keys(Keys::new(["dids_id"])?);
/// let call = Call::new("did_make_free").with("u", "admin").with("dids_id", "6511");
/// assert_eq!(signer.hash(&call)?.to_hex(), "f7de355c9b4421ce6c705b4b32c89dbcaca51e46");
/// # Ok::<(), mor_hash::Error>(())
/// ```
#[derive(Clone)]
pub struct Keys(pub(crate) List);

impl Keys {
    /// # Errors
    /// A name that is empty, reserved, has brackets, or occurs twice.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Result<Self, Error> {
        List::owned(
            names
                .into_iter()
                .map(|name| (name.into(), Filter::Any))
                .collect(),
        )
        .map(Self)
    }

    /// The names, in hash order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// The search order: short names first, because most comparisons then end at the length.
fn order(a: &str, b: &str) -> Ordering {
    a.len()
        .cmp(&b.len())
        .then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

/// The same order for tables that the compiler sorts.
pub(crate) const fn before(a: &str, b: &str) -> bool {
    if a.len() != b.len() {
        return a.len() < b.len();
    }
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if *x != *y {
            return *x < *y;
        }
        (a, b) = (rest_a, rest_b);
    }
    false
}
