//! Which reading of the rules, and which secret, gives a hash that is already known.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use sha1::{Digest, Sha1};

use crate::arrange::{Order, Silence, arrange};
use crate::call::check_name;
use crate::methods::{self, HashRule};
use crate::profile::Rule;
use crate::signer::stripped;
use crate::{Call, Error, Keys, Mode, Profile, RequestHash, Secret};

/// How far [`diagnose`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most hashes to compute. Default 100,000; the ordinary readings need a few dozen for each secret.
    pub max_hashes: usize,
    /// As a last resort every ordered subset of at most seven parameters (13,700 hashes for each secret). Off by
    /// default: among so many, read the answer with care.
    pub ordered_subsets: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_hashes: 100_000,
            ordered_subsets: false,
        }
    }
}

impl Limits {
    /// Another bound for the number of hashes.
    ///
    /// ```
    /// use mor_hash::Limits;
    /// assert_eq!(Limits::default().with_max_hashes(500).max_hashes, 500);
    /// ```
    #[must_use]
    pub const fn with_max_hashes(mut self, max_hashes: usize) -> Self {
        self.max_hashes = max_hashes;
        self
    }

    /// With the last resort.
    ///
    /// ```
    /// use mor_hash::Limits;
    /// assert!(Limits::default().with_ordered_subsets().ordered_subsets);
    /// ```
    #[must_use]
    pub const fn with_ordered_subsets(mut self) -> Self {
        self.ordered_subsets = true;
        self
    }
}

/// What [`diagnose`] found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Diagnosis {
    /// Every reading that gives the hash, the likeliest first. Empty: none of those tried.
    pub matches: Vec<Match>,
    /// How many hashes were computed.
    pub hashes: usize,
    /// False if the limit ended the search.
    pub complete: bool,
}

/// One reading that gives the hash.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match {
    /// The reading.
    pub reading: Reading,
    /// The hashed names in order: with [`Keys`] these give the same hash again (raw values).
    pub names: Vec<String>,
    /// Which of the secrets, from 0.
    pub secret: usize,
    /// The secret as it was used.
    pub secret_form: SecretForm,
}

/// A secret, as it was used for a [`Match`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretForm {
    /// As given.
    AsGiven,
    /// Without its outer blanks.
    Stripped,
    /// No secret at all.
    Empty,
}

/// One reading of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// A profile in one of the modes of a [`Signer`](crate::Signer).
    Profile {
        /// The profile's name.
        profile: String,
        /// The mode.
        mode: Mode,
    },
    /// A profile's list for a method that its table answers for.
    WithoutMethodTable {
        /// The profile's name.
        profile: String,
    },
    /// A profile with the server's quirks taken out (or put in, where it has none).
    QuirksTurned {
        /// The profile's name.
        profile: String,
    },
    /// A key list of a method page or of a third-party client.
    KeyList,
    /// All parameters in the order given.
    AsGiven {
        /// With `u` and `p`, or without.
        with_login: bool,
    },
    /// The chosen profile with values of these names in front.
    Prefixed {
        /// The names put in front.
        by: &'static [&'static str],
    },
    /// The first value of a repeated name instead of the last, as the "Generate hash" page does.
    FirstOfRepeated,
    /// Some parameters in some order.
    OrderedSubset,
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile {
                profile,
                mode: Mode::Strict,
            } => write!(f, "profile {profile}, mode strict"),
            Self::Profile {
                profile,
                mode: Mode::Server,
            } => write!(f, "profile {profile}, mode server"),
            Self::Profile {
                profile,
                mode: Mode::Doc,
            } => write!(f, "profile {profile}, mode doc"),
            Self::WithoutMethodTable { profile } => {
                write!(f, "profile {profile} without its method table")
            }
            Self::QuirksTurned { profile } => {
                write!(f, "profile {profile} with its quirks the other way round")
            }
            Self::KeyList => f.write_str("a key list known for this method"),
            Self::AsGiven { with_login: true } => f.write_str("all parameters in the order given"),
            Self::AsGiven { with_login: false } => {
                f.write_str("all parameters but u and p in the order given")
            }
            Self::Prefixed { by } => {
                write!(f, "the chosen profile with {} in front", by.join(" and "))
            }
            Self::FirstOfRepeated => f.write_str("the first value of a repeated name"),
            Self::OrderedSubset => f.write_str("some parameters in some order"),
        }
    }
}

/// Finds out why a hash differs: tries readings and secrets until they give it, the likeliest first, and reports all
/// that do. The order is that of docs/protocols/mor.md, section 9.
///
/// ```
/// use mor_hash::{Call, Limits, Mode, Profile, Reading, Secret, diagnose};
///
/// let call = Call::new("voucher_use").with("user_id", "2").with("voucher_number", "007");
/// // SHA-1("2" + "secret"): what MOR X5 hashes, which has no method table.
/// let hash = "38282ca5e65e63746498ef5b39a2fe71c6448df4";
/// let found = diagnose(&call, hash, &[Secret::new("secret")], &Profile::x8(), Limits::default())?;
/// let first = &found.matches[0];
/// assert_eq!(first.reading, Reading::Profile { profile: "mor12".into(), mode: Mode::Strict });
/// assert_eq!(first.names, ["user_id"]);
/// # Ok::<(), mor_hash::Error>(())
/// ```
///
/// # Errors
/// [`Error::MalformedHash`], and what no reading takes: an empty, reserved or bracketed name.
pub fn diagnose(
    call: &Call<'_>,
    hash: &str,
    secrets: &[Secret],
    chosen: &Profile,
    limits: Limits,
) -> Result<Diagnosis, Error> {
    let wanted = RequestHash::from_hex(hash)?;
    for (name, _) in call.params() {
        check_name(name)?;
    }
    let mut search = Search {
        wanted,
        limits,
        found: Diagnosis {
            matches: Vec::new(),
            hashes: 0,
            complete: true,
        },
    };
    let attempts = attempts(call, chosen);
    let forms = secret_forms(secrets);
    for form in &forms {
        for attempt in &attempts {
            search.try_one(
                &attempt.reading,
                attempt
                    .values
                    .iter()
                    .map(|(name, text)| (*name, text.as_ref())),
                form,
            );
        }
    }
    let params: Vec<(&str, &str)> = call.params().filter(|(name, _)| *name != "test").collect();
    if limits.ordered_subsets && search.found.matches.is_empty() && params.len() <= 7 {
        for form in &forms {
            search.ordered_subsets(&params, &mut Vec::new(), form);
        }
    }
    Ok(search.found)
}

struct Search {
    wanted: RequestHash,
    limits: Limits,
    found: Diagnosis,
}

impl Search {
    fn try_one<'v>(
        &mut self,
        reading: &Reading,
        values: impl Iterator<Item = (&'v str, &'v str)> + Clone,
        form: &SecretAs<'_>,
    ) {
        if self.found.hashes >= self.limits.max_hashes {
            self.found.complete = false;
            return;
        }
        self.found.hashes = self.found.hashes.saturating_add(1);
        if digest(values.clone().map(|(_, text)| text), form.text) == self.wanted {
            self.found.matches.push(Match {
                reading: reading.clone(),
                names: values.map(|(name, _)| name.to_string()).collect(),
                secret: form.secret,
                secret_form: form.form,
            });
        }
    }

    fn ordered_subsets<'v>(
        &mut self,
        params: &[(&'v str, &'v str)],
        taken: &mut Vec<usize>,
        form: &SecretAs<'_>,
    ) {
        if !self.found.complete {
            return;
        }
        let values = taken.iter().filter_map(|at| params.get(*at)).copied();
        self.try_one(&Reading::OrderedSubset, values, form);
        for next in 0..params.len() {
            if !taken.contains(&next) {
                taken.push(next);
                self.ordered_subsets(params, taken, form);
                taken.pop();
            }
        }
    }
}

/// One secret in one spelling.
struct SecretAs<'s> {
    secret: usize,
    text: &'s str,
    form: SecretForm,
}

/// All as given, then those that a server would store in another form, then none.
fn secret_forms(secrets: &[Secret]) -> Vec<SecretAs<'_>> {
    let as_given = |(secret, key)| SecretAs {
        secret,
        text: Secret::text(key),
        form: SecretForm::AsGiven,
    };
    let mut forms: Vec<SecretAs<'_>> = secrets.iter().enumerate().map(as_given).collect();
    for (secret, key) in secrets.iter().enumerate() {
        let text = stripped(key.text());
        if text != key.text() {
            forms.push(SecretAs {
                secret,
                text,
                form: SecretForm::Stripped,
            });
        }
    }
    forms.push(SecretAs {
        secret: 0,
        text: "",
        form: SecretForm::Empty,
    });
    forms
}

/// One reading, and the names and texts it hashes.
struct Attempt<'c> {
    reading: Reading,
    values: Vec<(&'c str, Cow<'c, str>)>,
}

fn attempts<'c>(call: &'c Call<'_>, chosen: &Profile) -> Vec<Attempt<'c>> {
    let others = Profile::all()
        .into_iter()
        .filter(|profile| profile.name() != chosen.name());
    let profiles: Vec<Profile> = core::iter::once(chosen.clone()).chain(others).collect();
    let mut readings = Readings {
        call,
        attempts: Vec::new(),
    };
    for profile in &profiles {
        let named = |mode| Reading::Profile {
            profile: profile.name().to_string(),
            mode,
        };
        // Where strict has an answer, it is the server's.
        if !readings.arranged(
            named(Mode::Strict),
            Order::Server(profile),
            Silence::Refused,
        ) {
            readings.arranged(
                named(Mode::Server),
                Order::Server(profile),
                Silence::LikeTheServer,
            );
        }
    }
    for profile in &profiles {
        if matches!(
            profile.rule(call.method()),
            Rule::Table { .. } | Rule::Keys(_)
        ) {
            let reading = Reading::WithoutMethodTable {
                profile: profile.name().to_string(),
            };
            let without = profile.clone().without_method_table();
            readings.new_one(reading, Order::Server(&without), Silence::LikeTheServer);
        }
    }
    for profile in &profiles {
        let turned = profile.with_quirks_turned();
        let reading = Reading::QuirksTurned {
            profile: profile.name().to_string(),
        };
        readings.new_one(reading, Order::Server(&turned), Silence::LikeTheServer);
    }
    for profile in &profiles {
        let reading = Reading::Profile {
            profile: profile.name().to_string(),
            mode: Mode::Doc,
        };
        readings.new_one(reading, Order::Documented(profile), Silence::LikeTheServer);
    }
    for keys in key_lists(call.method()) {
        readings.new_one(Reading::KeyList, Order::Keys(&keys), Silence::LikeTheServer);
    }
    for with_login in [false, true] {
        let left_out = |name: &str| name == "test" || (!with_login && matches!(name, "u" | "p"));
        let values = call
            .params()
            .filter(|(name, _)| !left_out(name))
            .map(|(name, text)| (name, text.into()));
        readings.add(Reading::AsGiven { with_login }, values.collect());
    }
    for by in [&["u"][..], &["username"], &["u", "username"]] {
        readings.prefixed(by, chosen);
    }
    readings.new_one(
        Reading::FirstOfRepeated,
        Order::Server(chosen),
        Silence::LikeThePage,
    );
    readings.attempts
}

/// The lists known for a method besides what the profiles hash.
fn key_lists(method: &str) -> impl Iterator<Item = Keys> {
    let modern = methods::modern(method);
    methods::all()
        .iter()
        .filter(move |known| known.name == modern)
        .flat_map(|known| {
            let explicit = known.hashed.filter(|_| known.rule == HashRule::Explicit);
            [explicit, known.claimed_alternative]
                .into_iter()
                .flatten()
                .filter_map(|names| Keys::new(names.iter().copied()).ok())
        })
}

struct Readings<'c, 'a> {
    call: &'c Call<'a>,
    attempts: Vec<Attempt<'c>>,
}

impl<'c> Readings<'c, '_> {
    /// Adds a reading even if another one hashes the same: the user learns which profiles fit.
    fn arranged(&mut self, reading: Reading, order: Order<'_>, silence: Silence) -> bool {
        match values(self.call, order, silence) {
            Ok(values) => {
                self.attempts.push(Attempt { reading, values });
                true
            }
            Err(_) => false,
        }
    }

    /// Adds a reading if it hashes something that no earlier one does.
    fn new_one(&mut self, reading: Reading, order: Order<'_>, silence: Silence) {
        if let Ok(values) = values(self.call, order, silence) {
            self.add(reading, values);
        }
    }

    fn prefixed(&mut self, by: &'static [&'static str], chosen: &Profile) {
        let Ok(values) = values(self.call, Order::Server(chosen), Silence::LikeTheServer) else {
            return;
        };
        let front = by
            .iter()
            .filter_map(|name| Some((*name, Cow::Borrowed(self.call.first(name)?))));
        let rest = values.into_iter().filter(|(name, _)| !by.contains(name));
        let values = front.chain(rest).collect();
        self.add(Reading::Prefixed { by }, values);
    }

    fn add(&mut self, reading: Reading, values: Vec<(&'c str, Cow<'c, str>)>) {
        let texts = |values: &[(&str, Cow<'_, str>)]| {
            values
                .iter()
                .map(|(_, text)| text.as_ref())
                .collect::<String>()
        };
        let new = texts(&values);
        if self
            .attempts
            .iter()
            .all(|earlier| texts(&earlier.values) != new)
        {
            self.attempts.push(Attempt { reading, values });
        }
    }
}

fn values<'c>(
    call: &'c Call<'_>,
    order: Order<'_>,
    silence: Silence,
) -> Result<Vec<(&'c str, Cow<'c, str>)>, Error> {
    let mut values = Vec::new();
    arrange(call, order, silence, |fate| {
        if let Ok(text) = fate.text {
            values.push((fate.name, text));
        }
    })?;
    Ok(values)
}

fn digest<'v>(values: impl Iterator<Item = &'v str>, secret: &str) -> RequestHash {
    let sha1 = values.fold(Sha1::new(), |sha1, value| sha1.chain_update(value));
    RequestHash::new(sha1.chain_update(secret).finalize().into())
}
