//! From credentials and settings to a client; every check that needs no network.

use std::fmt;
use std::sync::Arc;

use mor_hash::{Profile, Signer};
use telco_core::{Clock, ErrorKind, Identity, NotSent, SystemClock};
use telco_http::{BaseUrl, Endpoint, InvalidBaseUrl, ReadRetry, Settings, Transport};

use crate::client::Inner;
use crate::wire::Carrier;
use crate::{Credentials, MorClient};

/// Settings of a [`MorClient`].
///
/// ```
/// use mor_client::{Credentials, MorClient, mor_hash::Profile};
/// use mor_client::core::Secret;
///
/// let credentials = Credentials::new("admin", Secret::new("an API secret key"));
/// let mor = MorClient::builder("https://mor.example.com", credentials).profile(Profile::x5()).build()?;
/// # Ok::<(), mor_client::core::NotSent>(())
/// ```
#[must_use]
pub struct Builder {
    base_url: String,
    credentials: Credentials,
    account: Option<String>,
    profile: Profile,
    secret_as_given: bool,
    carrier: Carrier,
    escape_sms: bool,
    own_texts: Vec<(String, ErrorKind)>,
    success_texts: Vec<String>,
    retry: ReadRetry,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

impl Builder {
    pub(crate) fn new(base_url: String, credentials: Credentials) -> Self {
        Self {
            base_url,
            credentials,
            account: None,
            profile: Profile::x8(),
            secret_as_given: false,
            carrier: Carrier::Post,
            escape_sms: true,
            own_texts: Vec::new(),
            success_texts: Vec::new(),
            retry: ReadRetry::default(),
            settings: Settings::default(),
            transport: None,
            clock: Arc::new(SystemClock::default()),
        }
    }

    /// The server's version, or your own lists. Default [`Profile::x8`].
    pub fn profile(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// What this account is called in identities, and so in stored codes: never change it while codes are pending. Default: a name
    /// derived from the login, the same every time. Choose one of your own if the login may change, or if two servers have the same.
    pub fn account(self, account: impl Into<String>) -> Self {
        Self {
            account: Some(account.into()),
            ..self
        }
    }

    /// Takes a secret with blanks at its ends as it is. From X5 on servers store it without, so it is refused.
    pub fn secret_as_given(self) -> Self {
        Self {
            secret_as_given: true,
            ..self
        }
    }

    /// Sends GET instead of POST. Works only where "Allow GET API" is on, and puts every parameter into access logs.
    pub fn use_get(self) -> Self {
        Self {
            carrier: Carrier::Get,
            ..self
        }
    }

    /// Sends the text of an SMS as it is. By default `%` and `+` are escaped once more, because X8 unescapes the text a
    /// second time (observed; after X8 unknown).
    pub fn sms_text_as_given(self) -> Self {
        Self {
            escape_sms: false,
            ..self
        }
    }

    /// An error text of your installation, such as a translated one, that says that the server **did not act**. Unknown
    /// texts make the outcome of a spending call unknown.
    pub fn error_text(mut self, text: impl Into<String>, kind: ErrorKind) -> Self {
        self.own_texts.push((text.into(), kind));
        self
    }

    /// A `status` of your installation, such as a translated one, that says that the server **acted**. For
    /// [`MorClient::write`], which takes any status that it does not know for an unknown outcome.
    ///
    /// ```
    /// use mor_client::{Credentials, MorClient};
    /// use mor_client::core::Secret;
    ///
    /// let credentials = Credentials::new("admin", Secret::new("a key"));
    /// let mor = MorClient::builder("https://mor.example.com", credentials);
    /// let mor = mor.success_text("Vartotojas atnaujintas").build()?;
    /// # Ok::<(), mor_client::core::NotSent>(())
    /// ```
    pub fn success_text(mut self, text: impl Into<String>) -> Self {
        self.success_texts.push(text.into());
        self
    }

    /// How often a failed read is repeated. Nothing else ever is.
    pub fn read_retry(self, retry: ReadRetry) -> Self {
        Self { retry, ..self }
    }

    /// Timeouts, body caps, extra root certificates. What is unset in them: 10 s to connect, 60 s in all, 4 MiB of a success and
    /// 8 KiB of an error.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mor_client::core::Secret;
    /// use mor_client::http::{ReadRetry, Settings};
    /// use mor_client::{Credentials, MorClient};
    ///
    /// let brief = Settings::default().with_timeouts(Duration::from_secs(3), Duration::from_secs(9));
    /// let mor = MorClient::builder("https://mor.example.com", Credentials::new("admin", Secret::new("a key")))
    ///     .settings(brief)
    ///     .read_retry(ReadRetry::none())
    ///     .build()?;
    /// # Ok::<(), mor_client::core::NotSent>(())
    /// ```
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings, ..self }
    }

    /// A transport of your own.
    pub fn transport(self, transport: Arc<dyn Transport>) -> Self {
        Self {
            transport: Some(transport),
            ..self
        }
    }

    /// Where time comes from: a `Retry-After` that is a date is counted from it. Default: the system's clock.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// # Errors
    /// [`NotSent`] for a base URL that is not https (or http to this machine), an empty login, a secret that this
    /// server version cannot have, or a transport that cannot be built.
    pub fn build(self) -> Result<MorClient, NotSent> {
        let wrong = |what: &'static str| {
            NotSent::new(ErrorKind::InvalidConfiguration, what).at("mor", "configuration")
        };
        let base =
            api(&self.base_url).map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        if self.credentials.login.is_empty() {
            return Err(wrong("the login is empty"));
        }
        let secret = mor_hash::Secret::new(self.credentials.secret.expose());
        let mut signer = Signer::new(secret, self.profile);
        if self.secret_as_given {
            signer = signer.allow_outer_blanks();
        }
        // Finds out now whether the secret is usable at all.
        signer
            .hash(&mor_hash::Call::default())
            .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => telco_http::connect(&base, &self.settings)?,
        };
        let account = self.account.unwrap_or_else(|| self.credentials.account());
        Ok(MorClient::from(Inner {
            endpoint: Endpoint::new("mor", base, transport),
            identity: Identity::new("mor", account),
            credentials: self.credentials,
            signer,
            carrier: self.carrier,
            escape_sms: self.escape_sms,
            own_texts: self.own_texts,
            success_texts: self.success_texts,
            retry: self.retry,
            clock: self.clock,
        }))
    }
}

/// `/billing/api`, unless the address already has a path (very old installations: `/mor/api`).
fn api(base_url: &str) -> Result<BaseUrl, InvalidBaseUrl> {
    let base = BaseUrl::parse(base_url)?;
    if base.join("/").is_none_or(|root| root.path() == "/") {
        BaseUrl::parse(&format!("{base}/billing/api"))
    } else {
        Ok(base)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("credentials", &self.credentials)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}
