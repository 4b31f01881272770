use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use crate::{Error, form};

/// One call of the API before it is signed: the method and its parameters, decoded, in the order they are sent.
///
/// `u` (login), `p` (password) and `test` are parameters like any other here; the hash is not one, it is added last.
///
/// ```
/// let call = mor_hash::Call::new("user_balance_update").with("u", "admin").with("user_id", "2").with("balance", "5");
/// assert_eq!(format!("{call:?}"), r#"Call { method: "user_balance_update", parameters: ["u", "user_id", "balance"] }"#);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Call<'a> {
    method: Cow<'a, str>,
    params: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Call<'a> {
    /// A call of one method, by its modern or its legacy name. The name decides which names are hashed (`x8`, `m2`);
    /// with an unknown or empty name the profile's list decides.
    ///
    /// ```
    /// let call = mor_hash::Call::new("user_details_get");
    /// assert_eq!((call.method(), call.params().len()), ("user_details_get", 0));
    /// ```
    pub fn new(method: impl Into<Cow<'a, str>>) -> Self {
        Self {
            method: method.into(),
            params: Vec::new(),
        }
    }

    /// One more parameter, after those that are there.
    ///
    /// ```
    /// let call = mor_hash::Call::new("user_details_get").with("u", "admin").with("user_id", "2");
    /// assert_eq!(call.params().last(), Some(("user_id", "2")));
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }

    /// The method's name as it was given.
    ///
    /// ```
    /// assert_eq!(mor_hash::Call::new("did_make_free").method(), "did_make_free");
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Name and value of every parameter, in order.
    ///
    /// ```
    /// let call: mor_hash::Call<'_> = [("u", "admin"), ("user_id", "2")].into_iter().collect();
    /// assert!(call.params().eq([("u", "admin"), ("user_id", "2")]));
    /// ```
    pub fn params(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.params
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    pub(crate) fn param(&self, index: usize) -> Option<(&str, &str)> {
        self.params
            .get(index)
            .map(|(name, value)| (name.as_ref(), value.as_ref()))
    }

    /// The first value sent under a name.
    pub(crate) fn first(&self, wanted: &str) -> Option<&str> {
        self.params()
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value)
    }
}

impl<'a, N, V> FromIterator<(N, V)> for Call<'a>
where
    N: Into<Cow<'a, str>>,
    V: Into<Cow<'a, str>>,
{
    /// Parameters of a call whose method does not matter.
    fn from_iter<I: IntoIterator<Item = (N, V)>>(params: I) -> Self {
        let mut call = Self::default();
        call.extend(params);
        call
    }
}

impl<'a, N, V> Extend<(N, V)> for Call<'a>
where
    N: Into<Cow<'a, str>>,
    V: Into<Cow<'a, str>>,
{
    fn extend<I: IntoIterator<Item = (N, V)>>(&mut self, params: I) {
        self.params.extend(
            params
                .into_iter()
                .map(|(name, value)| (name.into(), value.into())),
        );
    }
}

/// Names only: values are numbers, passwords and PINs.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.params().map(|(name, _)| name).collect();
        f.debug_struct("Call")
            .field("method", &self.method)
            .field("parameters", &names)
            .finish()
    }
}

/// A finished request that was pasted or received: the call, and the hash that came with it.
///
/// ```
/// use mor_hash::{Profile, ReceivedCall, Secret, Signer};
///
/// let received = ReceivedCall::from_uri(
///     "https://mor.example/billing/api/user_details?u=admin&user_id=123&hash=f7c3bc1d808e04732adf679965ccc34ca7ae3441",
/// )?;
/// let signer = Signer::new(Secret::new("456789"), Profile::mor12());
/// signer.verify(received.call(), received.hash().unwrap_or_default())?;
/// # Ok::<(), mor_hash::Error>(())
/// ```
#[derive(Clone)]
pub struct ReceivedCall {
    call: Call<'static>,
    hash: Option<String>,
}

impl ReceivedCall {
    /// Reads a complete address as one pastes it into the server's "Generate hash" page: the method is the last
    /// segment of the path, the parameters are the query.
    ///
    /// ```
    /// use mor_hash::{Error, ReceivedCall};
    /// let received = ReceivedCall::from_uri("https://mor.example/billing/api/user_details?u=admin&user_id=1%32")?;
    /// assert_eq!(received.call().params().last(), Some(("user_id", "12")));
    /// assert_eq!(ReceivedCall::from_uri("https://mor.example/").unwrap_err(), Error::NotARequestUri);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotARequestUri`] without `?` or method, [`Error::BadPercentEncoding`], [`Error::NotUtf8`], and
    /// [`Error::RepeatedName`] for a second `hash`.
    pub fn from_uri(uri: &str) -> Result<Self, Error> {
        let uri = uri.split_once('#').map_or(uri, |(before, _)| before);
        let (path, query) = uri.split_once('?').ok_or(Error::NotARequestUri)?;
        let method = path.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        check_method(method).map_err(|_| Error::NotARequestUri)?;
        Self::from_form(method, query.as_bytes())
    }

    /// Reads the form body (or the query) of a request for one method.
    ///
    /// ```
    /// let received = mor_hash::ReceivedCall::from_form("user_details", b"u=admin&user_id=2&hash=abc")?;
    /// assert_eq!((received.call().params().len(), received.hash()), (2, Some("abc")));
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ReceivedCall::from_uri`].
    pub fn from_form(method: &str, form: &[u8]) -> Result<Self, Error> {
        let mut call = Call::new(method.to_string());
        let mut hash = None;
        for pair in form::decode(form) {
            let (name, value) = pair?;
            if name != "hash" {
                call.params.push((Cow::Owned(name), Cow::Owned(value)));
            } else if hash.replace(value).is_some() {
                return Err(Error::RepeatedName(name));
            }
        }
        Ok(Self { call, hash })
    }

    /// The call without its hash.
    ///
    /// ```
    /// let received = mor_hash::ReceivedCall::from_form("user_details", b"u=admin&hash=abc")?;
    /// assert!(received.call().params().eq([("u", "admin")]));
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub const fn call(&self) -> &Call<'static> {
        &self.call
    }

    /// The hash as it came; not checked for form.
    ///
    /// ```
    /// assert_eq!(mor_hash::ReceivedCall::from_form("user_details", b"u=admin")?.hash(), None);
    /// # Ok::<(), mor_hash::Error>(())
    /// ```
    pub fn hash(&self) -> Option<&str> {
        self.hash.as_deref()
    }
}

/// The hash of a request stays hidden.
impl fmt::Debug for ReceivedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedCall")
            .field("call", &self.call)
            .field("hash", &self.hash.as_ref().map(|_| "***"))
            .finish()
    }
}

/// What no behaviour hashes: docs/protocols/mor.md, section 3.5.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    match name {
        "" => Err(Error::EmptyName),
        "hash" | "action" | "controller" => Err(Error::ReservedName(name.to_string())),
        _ if name.bytes().any(|b| matches!(b, b'[' | b']')) => {
            Err(Error::BracketInName(name.to_string()))
        }
        _ => Ok(()),
    }
}

pub(crate) fn check_method(method: &str) -> Result<(), Error> {
    if !method.is_empty()
        && method
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_')
    {
        Ok(())
    } else {
        Err(Error::BadMethodName)
    }
}
