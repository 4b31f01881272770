use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::data::order::{M2, MOR12, ORDER, X3, X5, X8};
use crate::keys::{Entry, List};
use crate::methods::{self, Since};
use crate::{Error, Filter, Keys, lookup};

/// One profile's list, made by the compiler.
macro_rules! list {
    ($profile:expr, $count:literal) => {{
        const ENTRIES: [Entry; $count] = entries($profile);
        const SLOTS: [u16; 512] = lookup::slots(&names(&ENTRIES));
        List::Static {
            entries: &ENTRIES,
            slots: &SLOTS,
        }
    }};
}

/// What one version of the server hashes: a list of names in order, a filter for each, and a table of methods that
/// have their own names.
///
/// All of it is data that can be replaced, so that a wrong entry is a one-line fix:
///
/// ```
/// use mor_hash::{Filter, Keys, Profile};
///
/// let mine = Profile::x8()
///     .with_method("device_update", Some(Keys::new(["device"])?)) // this method hashes `device` alone
///     .with_method("users_get", None)                             // this one follows the list after all
///     .with_filter("pgui", Filter::Any);                          // and this name is hashed here
/// let own = Profile::custom("x9", Profile::x8().names().chain(["s_uniqueid"]))?;
/// assert_eq!(own.names().count(), 210);
/// # Ok::<(), mor_hash::Error>(())
/// ```
///
/// Versions between two profiles lie between them: MOR 12 from September 2012 gains the names of X3 one by one, X4
/// takes `x5`, X6 and X7 `x5` or `x8` (inferred). What comes after X8 is unknown from the server's side: use `x8`
/// with [explicit keys](crate::Signer::with_keys).
#[derive(Clone)]
pub struct Profile {
    name: Cow<'static, str>,
    list: List,
    table: Option<Since>,
    own_methods: Vec<(String, Option<Keys>)>,
    excluded: Option<(&'static str, &'static str)>,
    age: Age,
}

impl Profile {
    /// MOR 12 as of mid-2012, the list of the vendor's page about hashes: 192 names (documented and observed).
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::mor12().name(), "mor12");
    /// ```
    pub const fn mor12() -> Self {
        Self::builtin("mor12", list!(MOR12, 192), Age::Early, None, None)
    }

    /// MOR X3, 2014: 199 names (observed).
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::x3().name(), "x3");
    /// ```
    pub const fn x3() -> Self {
        Self::builtin("x3", list!(X3, 199), Age::Early, None, None)
    }

    /// MOR X5, 2015: 206 names (observed).
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::x5().name(), "x5");
    /// ```
    pub const fn x5() -> Self {
        Self::builtin("x5", list!(X5, 206), Age::Late, None, NO_CARD_NUMBER)
    }

    /// MOR X8, 2018: 209 names and a table of 18 methods (observed). The default.
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::x8().name(), "x8");
    /// ```
    pub const fn x8() -> Self {
        Self::builtin(
            "x8",
            list!(X8, 209),
            Age::Late,
            Some(Since::X8),
            NO_CARD_NUMBER,
        )
    }

    /// M2, 2022, and the nearest known for M4: 192 names and a table of 5 methods (observed; for M4 inferred).
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::m2().name(), "m2");
    /// ```
    pub const fn m2() -> Self {
        Self::builtin("m2", list!(M2, 192), Age::Late, Some(Since::M2), None)
    }

    const fn builtin(
        name: &'static str,
        list: List,
        age: Age,
        table: Option<Since>,
        excluded: Option<(&'static str, &'static str)>,
    ) -> Self {
        Self {
            name: Cow::Borrowed(name),
            list,
            age,
            table,
            own_methods: Vec::new(),
            excluded,
        }
    }

    /// The five, oldest first.
    ///
    /// ```
    /// let all = mor_hash::Profile::all();
    /// assert!(all.iter().map(|profile| profile.name()).eq(["mor12", "x3", "x5", "x8", "m2"]));
    /// ```
    pub const fn all() -> [Self; 5] {
        [
            Self::mor12(),
            Self::x3(),
            Self::x5(),
            Self::x8(),
            Self::m2(),
        ]
    }

    /// `mor12`, `x3`, `x5`, `x8` or `m2`.
    ///
    /// ```
    /// use mor_hash::Profile;
    /// assert!(Profile::by_name("x8").is_some() && Profile::by_name("x9").is_none());
    /// ```
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|profile| profile.name == name)
    }

    /// A profile of your own: these names in this order, with the filters that such names have in the built-in
    /// profiles, no method table, and the manners of a late server (secret without outer blanks, modern names).
    ///
    /// ```
    /// let profile = mor_hash::Profile::custom("ours", ["user_id", "balance"])?;
    /// assert!(profile.names().eq(["user_id", "balance"]));
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name that is empty, reserved, has brackets, or occurs twice.
    pub fn custom<N: Into<String>>(
        name: impl Into<String>,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Self, Error> {
        let entries = names.into_iter().map(|name| {
            let name = name.into();
            let filter = Filter::of(&name);
            (name, filter)
        });
        Ok(Self {
            name: Cow::Owned(name.into()),
            list: List::owned(entries.collect())?,
            table: None,
            ..Self::x8()
        })
    }

    /// Another filter for a listed name. A name that is not listed stays unlisted.
    ///
    /// ```
    /// use mor_hash::{Call, Filter, Profile, Secret, Signer};
    ///
    /// let call = Call::new("").with("user_id", "007"); // the server would make it 7, so a strict signer refuses
    /// assert!(Signer::new(Secret::new("secret"), Profile::x8()).hash(&call).is_err());
    /// let raw = Profile::x8().with_filter("user_id", Filter::Any);
    /// assert!(Signer::new(Secret::new("secret"), raw).hash(&call).is_ok());
    /// ```
    #[must_use]
    pub fn with_filter(self, name: &str, filter: Filter) -> Self {
        self.with_filters(|listed, old| if listed == name { filter } else { old })
    }

    fn with_filters(mut self, change: impl Fn(&str, Filter) -> Filter) -> Self {
        let entries = self
            .list
            .iter()
            .map(|(name, filter)| (name.to_string(), change(name, filter)));
        // Names that were a list before are one again.
        if let Ok(list) = List::owned(entries.collect()) {
            self.list = list;
        }
        self
    }

    /// Names of its own for one method (`Some`), or the list for it (`None`), whatever the table says.
    ///
    /// ```
    /// use mor_hash::{Call, Keys, Profile, Secret, Signer};
    ///
    /// let call = Call::new("did_make_free").with("dids_id", "6511");
    /// let keys = Keys::new(["dids_id"])?;
    /// let profile = Profile::x8().with_method("did_make_free", Some(keys.clone()));
    /// let named = Signer::new(Secret::new("secret"), Profile::x8()).with_keys(keys);
    /// assert_eq!(Signer::new(Secret::new("secret"), profile).hash(&call)?, named.hash(&call)?);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    #[must_use]
    pub fn with_method(mut self, method: &str, keys: Option<Keys>) -> Self {
        self.own_methods
            .insert(0, (methods::modern(method).to_string(), keys));
        self
    }

    /// The list for every method.
    ///
    /// ```
    /// let profile = mor_hash::Profile::x8().without_method_table();
    /// assert!(profile.names().eq(mor_hash::Profile::x8().names())); // the list stays
    /// ```
    #[must_use]
    pub fn without_method_table(self) -> Self {
        Self {
            table: None,
            own_methods: Vec::new(),
            ..self
        }
    }

    /// What the profile is called.
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::custom("ours", ["user_id"])?.name(), "ours");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The list, in hash order.
    ///
    /// ```
    /// assert_eq!(mor_hash::Profile::mor12().names().next(), Some("user_id"));
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|(name, _)| name)
    }

    /// The name of a method in the address, for this server: the legacy name for `mor12` and `x3` where there is
    /// one, the modern name for the others (inferred).
    ///
    /// ```
    /// use mor_hash::Profile;
    /// assert_eq!(Profile::mor12().method_in_address("user_details_get"), "user_details");
    /// assert_eq!(Profile::x8().method_in_address("user_details"), "user_details_get");
    /// ```
    pub fn method_in_address<'m>(&self, method: &'m str) -> &'m str {
        match (self.age, methods::find(method)) {
            (Age::Early, Some(found)) => found.legacy_name.unwrap_or(method),
            (Age::Late, Some(found)) => found.name,
            (_, None) => method,
        }
    }

    /// Observed: X5, X8 and M2 store the key without outer blanks.
    pub(crate) const fn strips_secret(&self) -> bool {
        matches!(self.age, Age::Late)
    }

    /// Observed: MOR 12 and X3 hash the values alone where no key is set.
    pub(crate) const fn accepts_empty_secret(&self) -> bool {
        matches!(self.age, Age::Early)
    }

    pub(crate) const fn list(&self) -> &List {
        &self.list
    }

    /// The same profile with the server's quirks taken out (or, where it has none, put in): for diagnosis.
    pub(crate) fn with_quirks_turned(&self) -> Self {
        let excluded = if self.excluded.is_some() {
            None
        } else {
            NO_CARD_NUMBER
        };
        let turned = Self {
            excluded,
            ..self.clone()
        };
        turned.with_filters(|name, filter| match (filter, Filter::of(name)) {
            (Filter::NeverHashed | Filter::NeverFilled, _) => Filter::Any,
            (Filter::Any, Filter::NeverHashed) => Filter::NeverHashed,
            _ => filter,
        })
    }

    /// The rule for one method, by either of its names.
    pub(crate) fn rule<'a>(&'a self, method: &str) -> Rule<'a> {
        if self.table.is_none() && self.own_methods.is_empty() && self.excluded.is_none() {
            return Rule::List { excluded: None };
        }
        let known = methods::find(method);
        let modern = known.map_or(method, |known| known.name);
        if let Some((_, own)) = self.own_methods.iter().find(|(name, _)| name == modern) {
            return own
                .as_ref()
                .map_or(Rule::List { excluded: None }, Rule::Keys);
        }
        let table = self
            .table
            .zip(known)
            .and_then(|(since, known)| methods::table(since, known));
        match table {
            Some(names) => Rule::Table { names },
            None => Rule::List {
                excluded: self
                    .excluded
                    .filter(|(excluding, _)| *excluding == modern)
                    .map(|(_, name)| name),
            },
        }
    }
}

/// The default, [`Profile::x8`].
impl Default for Profile {
    fn default() -> Self {
        Self::x8()
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("name", &self.name)
            .field("names", &self.list.len())
            .finish_non_exhaustive()
    }
}

/// What chooses the names of one method.
pub(crate) enum Rule<'a> {
    List { excluded: Option<&'static str> },
    Table { names: &'static [&'static str] },
    Keys(&'a Keys),
}

/// The manners that changed between X3 and X5.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Age {
    Early,
    Late,
}

/// `number` is left out for this one method (X5 and X8 observed; M2 unknown, so not there).
const NO_CARD_NUMBER: Option<(&str, &str)> = Some(("card_from_group_sell", "number"));

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler: a wrong index does not build"
)]
const fn entries<const N: usize>(profile: u8) -> [Entry; N] {
    let mut entries = [Entry {
        name: "",
        filter: Filter::Any,
    }; N];
    let (mut from, mut to) = (0, 0);
    while from < ORDER.len() {
        let (name, profiles) = ORDER[from];
        if profiles & profile != 0 {
            // M2 hashes what the others only document (observed).
            let filter = match Filter::of(name) {
                Filter::NeverHashed if profile == M2 => Filter::Any,
                filter => filter,
            };
            entries[to] = Entry { name, filter };
            to += 1;
        }
        from += 1;
    }
    assert!(
        to == N,
        "the table and the documented size of a profile differ"
    );
    entries
}

#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler: a wrong index does not build"
)]
const fn names<const N: usize>(entries: &[Entry; N]) -> [&'static str; N] {
    let mut names = [""; N];
    let mut i = 0;
    while i < N {
        names[i] = entries[i].name;
        i += 1;
    }
    names
}
