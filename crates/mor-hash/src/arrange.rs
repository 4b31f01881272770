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

/// What becomes of one parameter.
pub(crate) struct Fate<'c> {
    pub(crate) param: usize,
    pub(crate) name: &'c str,
    pub(crate) value: &'c str,
    /// The text that enters the hash, or why none does.
    pub(crate) text: Result<Cow<'c, str>, SkipReason>,
}

/// Hands every parameter to `each`: the hashed ones among them come in hash order.
pub(crate) fn arrange<'c>(
    call: &'c Call<'_>,
    order: Order<'_>,
    silence: Silence,
    mut each: impl FnMut(Fate<'c>),
) -> Result<(), Error> {
    let chosen = Chosen::of(order, call.method());
    // Rank and parameter.
    let mut places = Vec::with_capacity(call.params().len());
    // Names that no rank tells apart.
    let mut unranked = Vec::new();
    for (param, (name, value)) in call.params().enumerate() {
        match chosen.rank(param, name) {
            Ok(rank) => {
                if matches!(chosen, Chosen::AsGiven) {
                    check_name(name)?;
                    unranked.push(name);
                }
                places.push((rank, param));
            }
            Err(reason) => {
                check_name(name)?;
                unranked.push(name);
                each(Fate {
                    param,
                    name,
                    value,
                    text: Err(reason),
                });
            }
        }
    }
    if silence == Silence::Refused || matches!(chosen, Chosen::AsGiven) {
        refuse_repeats(unranked)?;
    }
    places.sort_unstable();
    for (index, (rank, param)) in places.iter().copied().enumerate() {
        let Some((name, value)) = call.param(param) else {
            continue;
        };
        let rival = match silence {
            Silence::LikeThePage => index.wrapping_sub(1),
            Silence::Refused | Silence::LikeTheServer => index.wrapping_add(1),
        };
        let repeated = places.get(rival).is_some_and(|(other, _)| *other == rank);
        if repeated && silence == Silence::Refused {
            return Err(Error::RepeatedName(name.to_string()));
        }
        let text = match chosen.filter(rank) {
            _ if repeated => Err(SkipReason::Repeated),
            filter => filtered(name, value, filter, silence)?,
        };
        each(Fate {
            param,
            name,
            value,
            text,
        });
    }
    Ok(())
}

/// The text to hash, or why there is none. In the strict behaviour silence is an error, but for values that add
/// nothing either way.
fn filtered<'c>(
    name: &str,
    value: &'c str,
    filter: Filter,
    silence: Silence,
) -> Result<Result<Cow<'c, str>, SkipReason>, Error> {
    let strict = silence == Silence::Refused;
    match filter.pass(value) {
        Passed::As(text) if strict && text.len() != value.len() => {
            Err(Error::ValueWouldBeChanged(name.to_string()))
        }
        Passed::As(text) => Ok(Ok(text)),
        Passed::Dropped | Passed::NeverHashed if value.is_empty() => Ok(Err(SkipReason::Empty)),
        Passed::Dropped if strict => Err(Error::ValueWouldBeDropped(name.to_string())),
        Passed::NeverHashed if strict => Err(Error::NeverHashed(name.to_string())),
        Passed::Dropped => Ok(Err(SkipReason::DroppedByFilter)),
        Passed::NeverHashed | Passed::NeverFilled => Ok(Err(SkipReason::NeverHashed)),
        Passed::Exempt => Ok(Err(SkipReason::ExemptValue)),
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

    /// Where in the hash a parameter stands.
    #[inline]
    fn rank(&self, param: usize, name: &str) -> Result<usize, SkipReason> {
        match self {
            Self::AsGiven if name == "test" => None,
            Self::AsGiven => Some(param),
            Self::Table { names, .. } => names.iter().position(|listed| *listed == name),
            Self::List {
                excluded: Some(excluded),
                ..
            } if *excluded == name => {
                return Err(SkipReason::ExcludedForMethod);
            }
            Self::List { list, .. } => list.find(name),
        }
        .ok_or(match name {
            "u" | "p" => SkipReason::Authentication,
            "test" => SkipReason::TestSwitch,
            _ => SkipReason::NotListed,
        })
    }

    #[inline]
    fn filter(&self, rank: usize) -> Filter {
        match self {
            Self::List {
                list, raw: false, ..
            } => list.get(rank).map_or(Filter::Any, |(_, filter)| filter),
            // This method hashes its login, but not this one (observed).
            Self::Table {
                quickstats: true, ..
            } => Filter::AllBut("admin"),
            Self::List { .. } | Self::Table { .. } | Self::AsGiven => Filter::Any,
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
