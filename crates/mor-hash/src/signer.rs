use alloc::string::{String, ToString};
use core::fmt;

use sha1::{Digest, Sha1};

use crate::arrange::{Fate, Order, Silence, arrange};
use crate::call::check_method;
use crate::explain::Rows;
use crate::{Call, Error, Explanation, Keys, Profile, RequestHash, Secret, form};

/// What to do where the server's reading and the documentation part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The server's hash, and an error where the server would drop or change a value in silence.
    #[default]
    Strict,
    /// The server's hash, silent drops and quirks included.
    Server,
    /// The plain reading of the documentation: the profile's list in order, raw values, no filter, no method table.
    /// For diagnosis.
    Doc,
}

/// Computes, verifies and explains hashes for one server and one secret.
///
/// ```
/// use mor_hash::{Call, Mode, Profile, Secret, Signer};
///
/// let signer = Signer::new(Secret::new("secret"), Profile::x8());
/// let call = Call::new("user_details_get").with("user_id", "007");
/// assert!(signer.hash(&call).is_err()); // the server would hash "7"
/// let hash = signer.with_mode(Mode::Server).hash(&call)?;
/// assert_eq!(hash.to_hex(), "c1b046000bef3cde3ab96dc8f51d516878a29432");
/// # Ok::<(), mor_hash::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signer {
    secret: Secret,
    profile: Profile,
    mode: Mode,
    keys: Option<KeyChoice>,
    allow_empty_secret: bool,
    allow_outer_blanks: bool,
    accept_upper_case: bool,
    keep_method_name: bool,
}

#[derive(Debug, Clone)]
enum KeyChoice {
    Named(Keys),
    AsGiven,
}

impl Signer {
    /// A strict signer. The secret is checked when it is used.
    ///
    /// ```
    /// use mor_hash::{Call, Error, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new(""), Profile::x8());
    /// assert_eq!(signer.hash(&Call::new("")).unwrap_err(), Error::EmptySecret);
    /// ```
    pub const fn new(secret: Secret, profile: Profile) -> Self {
        Self {
            secret,
            profile,
            mode: Mode::Strict,
            keys: None,
            allow_empty_secret: false,
            allow_outer_blanks: false,
            accept_upper_case: false,
            keep_method_name: false,
        }
    }

    /// Another behaviour than [`Mode::Strict`].
    ///
    /// ```
    /// # use mor_hash::{Call, Mode, Profile, Secret, Signer};
    /// let call = Call::new("").with("user_id", "007"); // the server hashes 7
    /// let signer = Signer::new(Secret::new("secret"), Profile::x8()).with_mode(Mode::Server);
    /// assert_eq!(signer.hash(&call)?, signer.hash(&Call::new("").with("user_id", "7"))?);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    #[must_use]
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Hashes these names in this order, whatever the profile says: always wins.
    ///
    /// ```
    /// # use mor_hash::{Call, Keys, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("secret"), Profile::x8()).with_keys(Keys::new(["dids_id"])?);
    /// let call = Call::new("did_make_free").with("dids_id", "6511");
    /// assert_eq!(signer.hash(&call)?, signer.hash(&call.clone().with("note", "not in the list"))?);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    #[must_use]
    pub fn with_keys(mut self, keys: Keys) -> Self {
        self.keys = Some(KeyChoice::Named(keys));
        self
    }

    /// Hashes all parameters but `test` in the order given: for method pages that list exactly what they hash.
    /// A repeated name is refused in every mode.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("secret"), Profile::x8()).with_keys_as_given();
    /// let one = signer.hash(&Call::new("").with("a", "1").with("b", "2"))?;
    /// let other = signer.hash(&Call::new("").with("b", "2").with("a", "1"))?;
    /// assert_ne!(one, other);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    #[must_use]
    pub fn with_keys_as_given(mut self) -> Self {
        self.keys = Some(KeyChoice::AsGiven);
        self
    }

    /// Hashes without a secret, for a `mor12` or `x3` server that has none set; others refuse all the same.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let call = Call::new("").with("user_id", "2");
    /// assert!(Signer::new(Secret::new(""), Profile::mor12()).allow_empty_secret().hash(&call).is_ok());
    /// assert!(Signer::new(Secret::new(""), Profile::x8()).allow_empty_secret().hash(&call).is_err());
    /// ```
    #[must_use]
    pub const fn allow_empty_secret(mut self) -> Self {
        self.allow_empty_secret = true;
        self
    }

    /// Takes a secret with outer blanks as it is.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let (call, signer) = (Call::new("").with("user_id", "2"), Signer::new(Secret::new(" key"), Profile::x8()));
    /// assert!(signer.hash(&call).is_err());
    /// assert!(signer.allow_outer_blanks().hash(&call).is_ok());
    /// ```
    #[must_use]
    pub const fn allow_outer_blanks(mut self) -> Self {
        self.allow_outer_blanks = true;
        self
    }

    /// Lets [`Signer::verify`] accept upper-case hexadecimal characters, which the server never does.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let call = Call::new("user_details").with("user_id", "123");
    /// let hash = "F7C3BC1D808E04732ADF679965CCC34CA7AE3441";
    /// assert!(signer.verify(&call, hash).is_err());
    /// assert!(signer.accept_upper_case().verify(&call, hash).is_ok());
    /// ```
    #[must_use]
    pub const fn accept_upper_case(mut self) -> Self {
        self.accept_upper_case = true;
        self
    }

    /// Sends the method's name as given instead of as this server knows it ([`Profile::method_in_address`]).
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let call = Call::new("user_details_get").with("user_id", "123");
    /// assert_eq!(signer.request(&call)?.method(), "user_details");
    /// assert_eq!(signer.keep_method_name().request(&call)?.method(), "user_details_get");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    #[must_use]
    pub const fn keep_method_name(mut self) -> Self {
        self.keep_method_name = true;
        self
    }

    /// The profile it works for.
    ///
    /// ```
    /// # use mor_hash::{Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// assert_eq!(signer.profile().name(), "mor12");
    /// ```
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The hash of a call. The order of the parameters does not matter (but for [`Signer::with_keys_as_given`]).
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let hash = signer.hash(&Call::new("user_details").with("u", "admin").with("user_id", "123"))?;
    /// assert_eq!(hash.to_hex(), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// Any but [`Error::HashMismatch`]: see [`Error`]. With an error there is no hash.
    pub fn hash(&self, call: &Call<'_>) -> Result<RequestHash, Error> {
        let mut sha1 = Sha1::new();
        self.arrange(call, |fate| hash_text(&mut sha1, &fate))?;
        Ok(self.finish(sha1))
    }

    /// Whether a hash belongs to a call, in constant time. `Ok` is a match.
    ///
    /// ```
    /// # use mor_hash::{Call, Error, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let call = Call::new("user_details").with("user_id", "123");
    /// signer.verify(&call, "f7c3bc1d808e04732adf679965ccc34ca7ae3441")?;
    /// assert_eq!(signer.verify(&call.with("balance", "5"), "f7c3bc1d808e04732adf679965ccc34ca7ae3441"), Err(Error::HashMismatch));
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::MalformedHash`] unless it is 40 lower-case hexadecimal characters, [`Error::HashMismatch`], and what
    /// [`Signer::hash`] refuses.
    pub fn verify(&self, call: &Call<'_>, hash: &str) -> Result<(), Error> {
        let presented = if self.accept_upper_case {
            RequestHash::from_hex(&hash.to_ascii_lowercase())?
        } else {
            RequestHash::from_hex(hash)?
        };
        if self.hash(call)? == presented {
            Ok(())
        } else {
            Err(Error::HashMismatch)
        }
    }

    /// The rows behind a hash, with the secret, passwords, PINs, texts and numbers masked, see [`Explanation`].
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let explanation = signer.explain(&Call::new("user_details").with("u", "admin").with("user_id", "123"))?;
    /// assert!(!explanation.to_string().contains("456789")); // the secret is masked
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Signer::hash`].
    pub fn explain(&self, call: &Call<'_>) -> Result<Explanation, Error> {
        let (mut sha1, mut rows) = (Sha1::new(), Rows::default());
        self.arrange(call, |fate| {
            hash_text(&mut sha1, &fate);
            rows.push(&fate);
        })?;
        Ok(rows.finish(self.finish(sha1)))
    }

    /// The finished request: `u`, `p`, the other parameters in the caller's order, `test`, and the hash last.
    ///
    /// # Errors
    /// As [`Signer::hash`], and [`Error::BadMethodName`].
    ///
    /// ```
    /// use mor_hash::{Call, Profile, Secret, Signer};
    ///
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let request = signer.request(&Call::new("user_details_get").with("user_id", "123").with("u", "admin"))?;
    /// assert_eq!(request.path("/billing/api"), "/billing/api/user_details");
    /// assert_eq!(request.form(), "u=admin&user_id=123&hash=f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn request(&self, call: &Call<'_>) -> Result<SignedRequest, Error> {
        let method = if self.keep_method_name {
            call.method()
        } else {
            self.profile.method_in_address(call.method())
        };
        check_method(method)?;
        let hash = self.hash(call)?;
        let place = |name: &str| match name {
            "u" => 0,
            "p" => 1,
            "test" => 3,
            _ => 2,
        };
        let mut form = String::new();
        for wanted in 0..=3 {
            for (name, value) in call.params().filter(|(name, _)| place(name) == wanted) {
                form::push_pair(&mut form, name, value);
            }
        }
        form::push_pair(&mut form, "hash", &hash.to_hex());
        Ok(SignedRequest {
            method: method.to_string(),
            form,
        })
    }

    fn arrange<'c>(&self, call: &'c Call<'_>, each: impl FnMut(Fate<'c>)) -> Result<(), Error> {
        self.check_secret()?;
        let order = match (&self.keys, self.mode) {
            (Some(KeyChoice::Named(keys)), _) => Order::Keys(keys),
            (Some(KeyChoice::AsGiven), _) => Order::AsGiven,
            (None, Mode::Doc) => Order::Documented(&self.profile),
            (None, Mode::Strict | Mode::Server) => Order::Server(&self.profile),
        };
        let silence = match self.mode {
            Mode::Strict | Mode::Doc => Silence::Refused,
            Mode::Server => Silence::LikeTheServer,
        };
        arrange(call, order, silence, each)
    }

    fn check_secret(&self) -> Result<(), Error> {
        let text = self.secret.text();
        if text.is_empty() && !(self.allow_empty_secret && self.profile.accepts_empty_secret()) {
            return Err(Error::EmptySecret);
        }
        if self.profile.strips_secret() && !self.allow_outer_blanks && text != stripped(text) {
            return Err(Error::SecretHasOuterBlanks);
        }
        Ok(())
    }

    fn finish(&self, sha1: Sha1) -> RequestHash {
        RequestHash::new(sha1.chain_update(self.secret.text()).finalize().into())
    }
}

/// Values and secret go in piece by piece: no buffer of ours ever holds the secret.
fn hash_text(sha1: &mut Sha1, fate: &Fate<'_>) {
    if let Ok(text) = &fate.text {
        sha1.update(text.as_bytes());
    }
}

/// Blanks and NUL, which the server's language strips at both ends (inferred for Unicode blanks).
pub(crate) fn stripped(secret: &str) -> &str {
    secret.trim_matches(|c: char| c.is_whitespace() || c == '\0')
}

/// A finished request: the same text is the body of a POST or the query of a GET.
///
/// It never holds the secret; `Debug` shows the method alone, because the text holds the hash, and may hold numbers
/// and passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedRequest {
    method: String,
    form: String,
}

impl SignedRequest {
    /// The method as it stands in the address.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let request = signer.request(&Call::new("user_details_get").with("user_id", "123"))?;
    /// assert_eq!(request.method(), "user_details");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The encoded parameters, the hash last. Body of a POST with `application/x-www-form-urlencoded`, or query of a
    /// GET where the server allows it.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let request = signer.request(&Call::new("user_details_get").with("user_id", "123"))?;
    /// assert_eq!(request.form(), "user_id=123&hash=f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn form(&self) -> &str {
        &self.form
    }

    /// The method below a base path or base address, such as `/billing/api` (very old servers: `/mor/api`).
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let request = signer.request(&Call::new("user_details_get").with("user_id", "123"))?;
    /// assert_eq!(request.path("https://mor.example/billing/api/"), "https://mor.example/billing/api/user_details");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn path(&self, base: &str) -> String {
        let mut path = base.trim_end_matches('/').to_string();
        path.push('/');
        path.push_str(&self.method);
        path
    }

    /// The complete address of a GET: [`SignedRequest::path`], `?`, [`SignedRequest::form`]. Addresses end up in
    /// logs, so prefer POST.
    ///
    /// ```
    /// # use mor_hash::{Call, Profile, Secret, Signer};
    /// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
    /// let request = signer.request(&Call::new("user_details_get").with("user_id", "123"))?;
    /// assert_eq!(request.uri("/billing/api"), "/billing/api/user_details?user_id=123&hash=f7c3bc1d808e04732adf679965ccc34ca7ae3441");
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn uri(&self, base: &str) -> String {
        let mut uri = self.path(base);
        uri.push('?');
        uri.push_str(&self.form);
        uri
    }
}

impl fmt::Debug for SignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedRequest")
            .field("method", &self.method)
            .finish_non_exhaustive()
    }
}
