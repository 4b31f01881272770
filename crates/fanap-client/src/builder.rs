//! Settings of a client, checked without a network.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::{Clock, ErrorKind, Identity, NotSent, Secret, SystemClock};
use telco_crypto::rsa::PrivateKey;
use telco_http::http::header::CONTENT_TYPE;
use telco_http::{BaseUrl, Endpoint, Settings, Transport, connect, extra_headers};

use crate::client::Inner;
use crate::signatures::Signatures;
use crate::wire::{APP_ID, TENANT_ID};
use crate::{Application, Client, Hash, Imi, PROVIDER, PhoneFormat, Signer};

/// Makes a [`Client`]. Everything has a default but the application and its key.
///
/// ```
/// use fanap_client::{Application, Client, PrivateKey};
///
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file: serde_json::Value = serde_json::from_str(include_str!("../vectors/signing.json"))?;
/// # let private_xml = file["keys"]["k2048"]["private_xml"].as_str().unwrap().as_bytes();
/// let client = Client::builder(Application::new("your-app-id", "your.tenant.id")?, PrivateKey::load(private_xml)?)
///     .account("shop")
///     .build()?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
/// # fn main() {}
/// ```
#[derive(Clone)]
#[must_use]
pub struct Builder {
    application: Application,
    key: PrivateKey,
    hash: Hash,
    base_url: Option<String>,
    account: Option<String>,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    phone_format: PhoneFormat,
    reuse_window: Duration,
    sign_in_place: Option<bool>,
    reconnects: u32,
    extra_headers: Vec<(String, Secret)>,
}

const BASE_URL: &str = "https://sscp.sdp.fanap.plus";
const IMI_BASE_URL: &str = "https://icp.sdp.fanap.plus";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The vendor's own samples took 10 to 17 s, once perhaps 60 s.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(90);
const BODY_CAP: usize = 1024 * 1024;
const LONGEST_WINDOW: Duration = Duration::from_secs(1);
const MOST_RECONNECTS: u32 = 2;

impl Builder {
    pub(crate) fn new(application: Application, key: PrivateKey) -> Self {
        Self {
            application,
            key,
            hash: Hash::default(),
            base_url: None,
            account: None,
            settings: Settings::default(),
            transport: None,
            clock: Arc::new(SystemClock::default()),
            phone_format: PhoneFormat::default(),
            reuse_window: Duration::ZERO,
            sign_in_place: None,
            reconnects: 0,
            extra_headers: Vec::new(),
        }
    }

    /// Another server: a gateway of your own, or a loopback address. A path is kept. Default: `https://sscp.sdp.fanap.plus`.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// What this application is called in identities, and so in stored pending codes: never change it while some are open.
    /// Default: a name derived from the ids, the same every time.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Timeouts, body caps, extra root certificates. What is unset in them stays as it was: 10 s to connect, 90 s in all, bodies
    /// of 1 MiB, unless set before.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings.or(self.settings);
        self
    }

    /// Longest times for connecting and for a whole call. Default: 10 s and 90 s.
    pub fn timeouts(mut self, connect: Duration, total: Duration) -> Self {
        self.settings = self.settings.with_timeouts(connect, total);
        self
    }

    /// A transport of your own; [`settings`](Self::settings) are then yours to keep as well.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Where time comes from: it dates every request. Default: the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The form in which numbers are sent. Default: `09120000000`.
    pub fn phone_format(mut self, format: PhoneFormat) -> Self {
        self.phone_format = format;
        self
    }

    /// What is hashed before it is signed. Default: SHA-1, see [`Hash`](enum@Hash).
    pub fn hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// For how long after a signature was made its date and signature are sent again, at most 1 s. Saves the RSA operation where
    /// requests are many. Default: zero, for nobody knows whether the provider refuses a repeated date.
    pub fn reuse_window(mut self, window: Duration) -> Self {
        self.reuse_window = window;
        self
    }

    /// Whether to sign on the thread that runs the call, instead of Tokio's pool for blocking work. Default: only where that takes
    /// a fraction of a millisecond, which is with the feature `openssl` and a key of at most 2048 bits.
    pub fn sign_in_place(mut self, in_place: bool) -> Self {
        self.sign_in_place = Some(in_place);
        self
    }

    /// How often, at most twice, a call tries again to *connect*, with a fresh date. Only after failures that prove that no byte
    /// of the request left. Default: never.
    pub fn reconnects(mut self, times: u32) -> Self {
        self.reconnects = times;
        self
    }

    /// One more header on every request, for a gateway of your own: its value may be a token. It is not signed.
    pub fn extra_header(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.extra_headers.push((name.into(), value));
        self
    }

    /// Checks everything. Opens no connection.
    ///
    /// # Errors
    /// [`NotSent`] (kind `InvalidConfiguration`): what is wrong with which setting.
    pub fn build(self) -> Result<Client, NotSent> {
        self.build_at(BASE_URL)
    }

    /// The same for the sibling service that the vendor calls IMI, whose default host is `https://icp.sdp.fanap.plus`.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_imi(self) -> Result<Imi, NotSent> {
        self.build_at(IMI_BASE_URL).map(Imi::new)
    }

    /// The user's, and what the protocol needs where the user sets nothing.
    fn limits(&self) -> Settings {
        let protocol = Settings::default()
            .with_timeouts(CONNECT_TIMEOUT, TOTAL_TIMEOUT)
            .with_body_caps(BODY_CAP, BODY_CAP);
        self.settings.clone().or(protocol)
    }

    fn build_at(self, default_url: &str) -> Result<Client, NotSent> {
        let base = BaseUrl::parse(self.base_url.as_deref().unwrap_or(default_url))
            .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        if self.reuse_window > LONGEST_WINDOW {
            return Err(refuse("the reuse window is longer than 1 s"));
        }
        if self.reconnects > MOST_RECONNECTS {
            return Err(refuse("a call reconnects at most twice"));
        }
        let extra_headers = extra_headers(&self.extra_headers, &[TENANT_ID, APP_ID, CONTENT_TYPE])?;
        self.application.headers()?;
        let quick = cfg!(feature = "openssl") && self.key.bits() <= 2048;
        let settings = self.limits();
        let account = self.account.unwrap_or_else(|| self.application.account());
        let transport = match self.transport {
            Some(transport) => transport,
            None => connect(&base, &settings)?,
        };
        let signer = Signer::new(self.key).with_hash(self.hash);
        Ok(Client {
            signatures: Arc::new(Signatures::new(
                signer,
                self.application.clone(),
                self.reuse_window,
            )),
            inner: Arc::new(Inner {
                identity: Identity::new(PROVIDER, account),
                application: self.application,
                endpoint: Endpoint::new(PROVIDER, base, transport),
                clock: self.clock,
                phone_format: self.phone_format,
                extra_headers,
                reconnects: self.reconnects,
                cut_at: settings.error_body_cap.unwrap_or(BODY_CAP),
                sign_in_place: self.sign_in_place.unwrap_or(quick),
            }),
        })
    }
}

impl fmt::Debug for Builder {
    /// A base URL may have been given credentials, and a header may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("application", &self.application)
            .field("account", &self.account)
            .field("hash", &self.hash)
            .field("reuse_window", &self.reuse_window)
            .finish_non_exhaustive()
    }
}

fn refuse(what: &'static str) -> NotSent {
    NotSent::new(ErrorKind::InvalidConfiguration, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_leaves_unset_is_the_protocols_in_any_order_of_calls() {
        let file = include_str!("../vectors/signing.json");
        let file: serde_json::Value = serde_json::from_str(file).unwrap();
        let xml = file["keys"]["k1024"]["private_xml"].as_str().unwrap();
        let key = PrivateKey::load(xml.as_bytes()).unwrap();
        let builder = || Builder::new(Application::new("app", "tenant").unwrap(), key.clone());
        let seconds = |n| Some(Duration::from_secs(n));

        let roots = Settings::default().with_extra_roots_pem("pem");
        let limits = builder().settings(roots.clone()).limits();
        assert_eq!(limits.total_timeout, seconds(90));
        assert_eq!(limits.connect_timeout, seconds(10));
        assert_eq!(limits.error_body_cap, Some(1024 * 1024));
        assert_eq!(limits.extra_roots_pem, b"pem");

        let brief =
            |builder: Builder| builder.timeouts(Duration::from_secs(3), Duration::from_secs(7));
        let before = brief(builder()).settings(roots.clone()).limits();
        let after = brief(builder().settings(roots)).limits();
        assert_eq!(before, after);
        assert_eq!(before.total_timeout, seconds(7));
        assert_eq!(before.success_body_cap, Some(1024 * 1024));
    }
}
