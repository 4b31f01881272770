//! The heart: which values are hashed, in which order, and what is left out.

use alloc::borrow::Cow;
use alloc::string::ToString;
use alloc::vec::Vec;

use crate::call::check_name;
use crate::explain::SkipReason;
use crate::filter::Passed;
use crate::keys::List;
use crate::profile::Rule;
use crate::{Call, Error, Filter, Keys, Profile};

/// What chooses names and order.
#[derive(Clone, Copy)]
pub(crate) enum Order<'a> {
    /// The profile: its method table where the method is in it, its list otherwise.
    Server(&'a Profile),
    /// The profile's list alone, raw.
    Documented(&'a Profile),
    /// The caller's names, raw.
    Keys(&'a Keys),
    /// All pairs as they were given.
    AsGiven,
}

/// What to do where the server would drop, change or choose in silence.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Silence {
    Refused,
    /// As the API does: the last value of a repeated name counts.
    LikeTheServer,
    /// As the "Generate hash" page does: the first value counts.
    LikeThePage,
}

#[derive(Default)]
pub(crate) struct Arrangement<'c> {
    pub(crate) rows: Vec<Hashed<'c>>,
    pub(crate) skipped: Vec<(usize, SkipReason)>,
}

/// One hashed value: where it stands in the call, and the text that enters the hash.
pub(crate) struct Hashed<'c> {
    pub(crate) param: usize,
    pub(crate) name: &'c str,
    pub(crate) text: Cow<'c, str>,
}

pub(crate) fn arrange<'c>(
    call: &'c Call<'_>,
    order: Order<'_>,
    silence: Silence,
) -> Result<Arrangement<'c>, Error> {
    let chosen = Chosen::of(order, call.method());
    let mut places = Vec::with_capacity(call.params().len());
    let mut skipped = Vec::new();
    for (param, (name, value)) in call.params().enumerate() {
        check_name(name)?;
        match chosen.place(param, name) {
            Ok((rank, filter)) => places.push(Place {
                rank,
                param,
                name,
                value,
                filter,
            }),
            Err(reason) => skipped.push((param, reason)),
        }
    }
    // As given, every place has a rank of its own, so the names must be looked at as well.
    if silence == Silence::Refused || matches!(order, Order::AsGiven) {
        let as_given = places
            .iter()
            .filter(|_| matches!(order, Order::AsGiven))
            .map(|place| place.name);
        refuse_repeats(
            skipped
                .iter()
                .filter_map(|(param, _)| Some(call.param(*param)?.0))
                .chain(as_given)
                .collect(),
        )?;
    }
    places.sort_unstable_by_key(|place| (place.rank, place.param));

    let mut rows = Vec::with_capacity(places.len());
    for (index, place) in places.iter().enumerate() {
        let neighbour = match silence {
            Silence::LikeThePage => index.checked_sub(1),
            Silence::Refused | Silence::LikeTheServer => index.checked_add(1),
        };
        if neighbour
            .and_then(|at| places.get(at))
            .is_some_and(|other| other.rank == place.rank)
        {
            if silence == Silence::Refused {
                return Err(Error::RepeatedName(place.name.to_string()));
            }
            skipped.push((place.param, SkipReason::Repeated));
            continue;
        }
        match place.text(silence)? {
            Ok(text) => rows.push(Hashed {
                param: place.param,
                name: place.name,
                text,
            }),
            Err(reason) => skipped.push((place.param, reason)),
        }
    }
    Ok(Arrangement { rows, skipped })
}

/// A parameter that has its place in the hash.
struct Place<'c> {
    rank: usize,
    param: usize,
    name: &'c str,
    value: &'c str,
    filter: Filter,
}

impl<'c> Place<'c> {
    /// The text to hash, or why there is none. In the strict behaviour silence is an error, but for values that add
    /// nothing either way.
    fn text(&self, silence: Silence) -> Result<Result<Cow<'c, str>, SkipReason>, Error> {
        let strict = silence == Silence::Refused;
        let name = || self.name.to_string();
        match self.filter.pass(self.value) {
            Passed::As(text) if strict && text != self.value => {
                Err(Error::ValueWouldBeChanged(name()))
            }
            Passed::As(text) => Ok(Ok(text)),
            Passed::Dropped | Passed::NeverHashed if self.value.is_empty() => {
                Ok(Err(SkipReason::Empty))
            }
            Passed::Dropped if strict => Err(Error::ValueWouldBeDropped(name())),
            Passed::NeverHashed if strict => Err(Error::NeverHashed(name())),
            Passed::Dropped => Ok(Err(SkipReason::DroppedByFilter)),
            Passed::NeverHashed | Passed::NeverFilled => Ok(Err(SkipReason::NeverHashed)),
            Passed::Exempt => Ok(Err(SkipReason::ExemptValue)),
        }
    }
}

/// The names of one method.
enum Chosen<'a> {
    List {
        list: &'a List,
        raw: bool,
        excluded: Option<&'static str>,
    },
    Table {
        names: &'static [&'static str],
        quickstats: bool,
    },
    AsGiven,
}

impl<'a> Chosen<'a> {
    fn of(order: Order<'a>, method: &str) -> Self {
        let all = |list, raw| Self::List {
            list,
            raw,
            excluded: None,
        };
        match order {
            Order::AsGiven => Self::AsGiven,
            Order::Keys(keys) => all(&keys.0, true),
            Order::Documented(profile) => all(profile.list(), true),
            Order::Server(profile) => match profile.rule(method) {
                Rule::Keys(keys) => all(&keys.0, true),
                Rule::List { excluded } => Self::List {
                    list: profile.list(),
                    raw: false,
                    excluded,
                },
                Rule::Table { names } => Self::Table {
                    names,
                    quickstats: method == "quickstats_get",
                },
            },
        }
    }

    fn place(&self, param: usize, name: &str) -> Result<(usize, Filter), SkipReason> {
        let unlisted = match name {
            "u" | "p" => SkipReason::Authentication,
            "test" => SkipReason::TestSwitch,
            _ => SkipReason::NotListed,
        };
        match self {
            Self::AsGiven if name == "test" => Err(unlisted),
            Self::AsGiven => Ok((param, Filter::Any)),
            Self::Table { names, quickstats } => {
                let rank = names
                    .iter()
                    .position(|listed| *listed == name)
                    .ok_or(unlisted)?;
                // This method hashes its login, but not this one (observed).
                Ok((
                    rank,
                    if *quickstats {
                        Filter::AllBut("admin")
                    } else {
                        Filter::Any
                    },
                ))
            }
            Self::List {
                excluded: Some(excluded),
                ..
            } if *excluded == name => Err(SkipReason::ExcludedForMethod),
            Self::List { list, raw, .. } => {
                let (rank, filter) = list.find(name).ok_or(unlisted)?;
                Ok((rank, if *raw { Filter::Any } else { filter }))
            }
        }
    }
}

fn refuse_repeats(mut names: Vec<&str>) -> Result<(), Error> {
    names.sort_unstable();
    match names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b) {
        Some((name, _)) => Err(Error::RepeatedName(name.to_string())),
        None => Ok(()),
    }
}
