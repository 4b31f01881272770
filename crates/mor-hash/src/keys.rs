//! Ordered names that can be searched: the list of a profile, and the keys that a caller names.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::call::check_name;
use crate::{Error, Filter, lookup};

/// One listed name, known at compile time.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) filter: Filter,
}

/// Names in hash order, and the table that finds them.
#[derive(Clone)]
pub(crate) enum List {
    Static {
        entries: &'static [Entry],
        slots: &'static [u16],
    },
    Owned {
        entries: Vec<(String, Filter)>,
        slots: Vec<u16>,
    },
}

impl List {
    /// Takes 65,000 names at most and cuts off the rest (no server list is longer than 217).
    pub(crate) fn owned(mut entries: Vec<(String, Filter)>) -> Result<Self, Error> {
        entries.truncate(65_000);
        for (name, _) in &entries {
            check_name(name)?;
        }
        let slots =
            lookup::build(entries.iter().map(|(name, _)| name.as_str())).map_err(|rank| {
                Error::RepeatedName(
                    entries
                        .get(rank)
                        .map_or_else(String::new, |(name, _)| name.clone()),
                )
            })?;
        Ok(Self::Owned { entries, slots })
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Static { entries, .. } => entries.len(),
            Self::Owned { entries, .. } => entries.len(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Filter)> {
        (0..self.len()).filter_map(|rank| self.get(rank))
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

    /// The rank of a name in hash order.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        match self {
            Self::Static { entries, slots } => {
                lookup::find(slots, name, |rank| Some(entries.get(rank)?.name))
            }
            Self::Owned { entries, slots } => {
                lookup::find(slots, name, |rank| Some(entries.get(rank)?.0.as_str()))
            }
        }
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
    /// These names, in this order.
    ///
    /// ```
    /// use mor_hash::Keys;
    /// assert!(Keys::new(["user_id", "balance"]).is_ok());
    /// assert!(Keys::new(["user_id", "user_id"]).is_err());
    /// ```
    ///
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
    ///
    /// ```
    /// let keys = mor_hash::Keys::new(["user_id", "balance"])?;
    /// assert!(keys.names().eq(["user_id", "balance"]));
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
