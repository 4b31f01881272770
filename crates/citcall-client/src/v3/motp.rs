//! A missed call as v3 wants it.

use std::fmt;
use std::time::Duration;

use telco_core::{ErrorKind, Msisdn, NotSent, Secret};
use telco_http::http::Uri;

use crate::wire::Object;

/// What the attempt counter is called, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Counter {
    /// `retry`, 0 to 4, first 0 (observed, since 2020).
    #[default]
    Retry,
    /// `gateway`, 0 to 5: what older servers want (observed).
    Gateway,
}

impl Counter {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Gateway => "gateway",
        }
    }

    const fn most(self) -> i64 {
        match self {
            Self::Retry => 4,
            Self::Gateway => 5,
        }
    }

    /// The value of the n-th resend: it wraps behind the greatest.
    ///
    /// ```
    /// use citcall_client::v3::Counter;
    ///
    /// assert_eq!([0, 4, 5].map(|n| Counter::Retry.value(n)), [0, 4, 0]);
    /// ```
    #[must_use]
    pub const fn value(self, resend: u32) -> i64 {
        resend as i64 % (self.most() + 1)
    }

    /// The name and value on the wire.
    pub(super) fn check(self, value: i64) -> Result<(), NotSent> {
        if (0..=self.most()).contains(&value) {
            return Ok(());
        }
        let what = format!("{} is a number from 0 to {}", self.name(), self.most());
        Err(NotSent::new(ErrorKind::InvalidInput, what))
    }
}

/// How long and how often a code can be verified: both go out, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    seconds: i64,
    tries: u32,
}

impl Limits {
    /// Whole seconds, at least 1; 1 to 20 attempts (observed: comments in official examples).
    ///
    /// # Errors
    /// [`NotSent`] outside that.
    ///
    /// ```
    /// use citcall_client::v3::Limits;
    /// use std::time::Duration;
    ///
    /// assert!(Limits::new(Duration::from_secs(300), 5).is_ok());
    /// assert!(Limits::new(Duration::from_millis(999), 5).is_err());
    /// assert!(Limits::new(Duration::from_secs(300), 21).is_err());
    /// ```
    pub fn new(valid_for: Duration, tries: u32) -> Result<Self, NotSent> {
        let refuse = |what: &'static str| NotSent::new(ErrorKind::InvalidInput, what);
        let seconds = i64::try_from(valid_for.as_secs())
            .ok()
            .filter(|seconds| *seconds > 0)
            .ok_or_else(|| refuse("valid_time is at least one second"))?;
        if !(1..=20).contains(&tries) {
            return Err(refuse("limit_try is a number from 1 to 20"));
        }
        Ok(Self { seconds, tries })
    }

    /// How long.
    #[must_use]
    pub const fn valid_for(self) -> Duration {
        Duration::from_secs(self.seconds.unsigned_abs())
    }

    pub(super) fn write(limits: Option<Self>, object: Object) -> Object {
        match limits {
            Some(limits) => object
                .number("valid_time", limits.seconds)
                .number("limit_try", i64::from(limits.tries)),
            None => object,
        }
    }
}

/// Where the provider pushes to. Its path is the only secret that protects it, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackUrl(Secret);

impl CallbackUrl {
    /// An absolute `https` URL.
    ///
    /// # Errors
    /// [`NotSent`] for anything else.
    ///
    /// ```
    /// use citcall_client::v3::CallbackUrl;
    ///
    /// assert!(CallbackUrl::new("https://example.com/hooks/2f6c0f").is_ok());
    /// assert!(CallbackUrl::new("http://example.com/hooks").is_err());
    /// ```
    pub fn new(url: impl Into<String>) -> Result<Self, NotSent> {
        Self::with_scheme(url.into(), &["https"])
    }

    /// `http` is allowed too: whoever listens on the way can read codes and forge pushes.
    ///
    /// # Errors
    /// [`NotSent`] for anything else.
    pub fn allowing_http(url: impl Into<String>) -> Result<Self, NotSent> {
        Self::with_scheme(url.into(), &["https", "http"])
    }

    fn with_scheme(url: String, schemes: &[&str]) -> Result<Self, NotSent> {
        let parsed = url.parse::<Uri>().ok();
        let fits = parsed.is_some_and(|uri| {
            uri.scheme_str()
                .is_some_and(|scheme| schemes.contains(&scheme))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        if fits {
            Ok(Self(Secret::new(url)))
        } else {
            Err(NotSent::new(
                ErrorKind::InvalidInput,
                "callback_url is not an absolute https URL",
            ))
        }
    }

    pub(super) fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for CallbackUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackUrl(***)")
    }
}

/// A missed call to be made. `retry` 0 and nothing else, unless it says so.
///
/// ```
/// use citcall_client::{parse_msisdn, v3::{Limits, Motp}};
/// use std::time::Duration;
///
/// let call = Motp::new(&parse_msisdn("081234567890")?)
///     .attempt(1)
///     .limits(Limits::new(Duration::from_secs(300), 5)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Motp {
    pub(super) to: Msisdn,
    pub(super) raw_msisdn: Option<Secret>,
    pub(super) attempt: i64,
    pub(super) limits: Option<Limits>,
    pub(super) callback_url: Option<CallbackUrl>,
    pub(super) extra: Extra,
}

impl Motp {
    /// Rings this number.
    pub fn new(to: &Msisdn) -> Self {
        Self {
            to: to.clone(),
            raw_msisdn: None,
            attempt: 0,
            limits: None,
            callback_url: None,
            extra: Extra::default(),
        }
    }

    /// The attempt counter's value: see [`Counter`].
    pub fn attempt(mut self, attempt: i64) -> Self {
        self.attempt = attempt;
        self
    }

    /// Lets the provider verify the code, within these limits. Without them [`Client::verify`](super::Client::verify) finds nothing.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Where to report the end of this call. Default: the account's setting.
    pub fn callback_url(mut self, url: CallbackUrl) -> Self {
        self.callback_url = Some(url);
        self
    }

    /// Writes the number on the wire exactly so.
    pub fn raw_msisdn(mut self, text: impl Into<String>) -> Self {
        self.raw_msisdn = Some(Secret::new(text));
        self
    }

    /// One more text field.
    pub fn extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push(name, value);
        self
    }

    pub(super) fn object(&self, counter: Counter) -> Object {
        let msisdn = self
            .raw_msisdn
            .as_ref()
            .map_or(self.to.expose(), Secret::expose);
        let object = Object::new()
            .text("msisdn", msisdn)
            .number(counter.name(), self.attempt);
        let object = Limits::write(self.limits, object).maybe_text(
            "callback_url",
            self.callback_url.as_ref().map(CallbackUrl::expose),
        );
        self.extra.write(object)
    }
}

/// Fields of the caller's own. `Debug` shows their names only.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Extra(Vec<(String, String)>);

impl Extra {
    pub(super) fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    pub(super) fn write(&self, object: Object) -> Object {
        let fields = self.0.iter();
        fields.fold(object, |object, (name, value)| object.text(name, value))
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}
