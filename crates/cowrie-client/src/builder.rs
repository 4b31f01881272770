//! Settings of a client, checked without a network.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use telco_core::{
    Amount, Clock, Currency, ErrorKind, Identity, LookupSupport, NotSent, Operator, ProductKind,
    ProductRules, ReplayGuard, Secret, SystemClock, TopupCapabilities,
};
use telco_http::{BaseUrl, Endpoint, ReadRetry, Settings, Transport, connect, extra_headers};

use crate::client::Inner;
use crate::credentials::Caller;
use crate::wire::OWN_HEADERS;
use crate::{
    Client, Credentials, Encoding, Network, Nonces, PROVIDER, PrefixTable, Query, RandomNonces,
};

/// Makes a [`Client`]. Everything has a default but the credentials.
///
/// ```
/// use cowrie_client::{Client, ClientKey, Credentials};
///
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// # fn main() -> Result<(), cowrie_client::core::NotSent> {
/// let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let client = Client::builder(Credentials::client("me@client.com", key)?)
///     .account("shop")
///     .build()?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
/// # fn main() {}
/// ```
#[derive(Clone)]
#[must_use]
pub struct Builder {
    credentials: Credentials,
    base_url: String,
    account: Option<String>,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    nonces: Arc<dyn Nonces>,
    clock: Arc<dyn Clock>,
    prefixes: PrefixTable,
    own_networks: Vec<Operator>,
    amounts: Vec<(Network, Amount, Amount)>,
    max_pins: Option<NonZeroU32>,
    encoding: Encoding,
    channel: Option<String>,
    pin_type: String,
    pin_label: String,
    poll_after: Vec<Duration>,
    replay: ReplayGuard,
    read_retry: ReadRetry,
    diagnose_check: bool,
    extra_headers: Vec<(String, Secret)>,
}

const BASE_URL: &str = "https://api.cowriesys.com";

impl fmt::Debug for Builder {
    /// A base URL may have been given credentials, and a header may be one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("credentials", &self.credentials)
            .field("account", &self.account)
            .field("replay", &self.replay)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            base_url: BASE_URL.to_owned(),
            account: None,
            settings: Settings::default(),
            transport: None,
            nonces: Arc::new(RandomNonces::default()),
            clock: Arc::new(SystemClock::default()),
            prefixes: PrefixTable::default(),
            own_networks: Vec::new(),
            amounts: Vec::new(),
            max_pins: None,
            encoding: Encoding::Strict,
            channel: None,
            pin_type: "AIRTIME".to_owned(),
            pin_label: String::new(),
            poll_after: [2, 5, 10, 20, 40].map(Duration::from_secs).into(),
            replay: ReplayGuard::None,
            read_retry: ReadRetry::default(),
            diagnose_check: true,
            extra_headers: Vec::new(),
        }
    }

    /// Another server: the older bindings use port 2443; tests use a loopback address. Default: `https://api.cowriesys.com`.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// What this account is called in identities, and so in stored rows: never change it while rows are open. Default: a name
    /// derived from the ids, the same every time.
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Timeouts, body caps, extra root certificates. What is unset in them: 10 s to connect, 60 s in all, 4 MiB of a success and
    /// 8 KiB of an error.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// A transport of your own; [`settings`](Self::settings) are then yours to keep as well.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Where nonces come from. Default: [`RandomNonces`].
    pub fn nonces(mut self, nonces: Arc<dyn Nonces>) -> Self {
        self.nonces = nonces;
        self
    }

    /// Where time comes from: it dates prepared requests. Default: the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Which network is assumed when an intent names none. Default: [`PrefixTable::default`].
    pub fn prefixes(mut self, prefixes: PrefixTable) -> Self {
        self.prefixes = prefixes;
        self
    }

    /// Allows a network code that Cowrie gave you and this crate does not know; any other is refused before anything is sent.
    pub fn also_network(mut self, code: impl AsRef<str>) -> Self {
        self.own_networks.push(Operator::new(code));
        self
    }

    /// Least and greatest amount of airtime and data on a network, in naira; a second call for the same network replaces the first.
    /// Cowrie has a minimum but publishes no figure, so there is no default.
    pub fn amounts_between(mut self, network: Network, least: Amount, greatest: Amount) -> Self {
        self.amounts.retain(|(of, ..)| of.code() != network.code());
        self.amounts.push((network, least, greatest));
        self
    }

    /// Most PINs of one order. Cowrie publishes no figure, so there is no default.
    pub fn max_pins(mut self, most: NonZeroU32) -> Self {
        self.max_pins = Some(most);
        self
    }

    /// How a `message` outside `A-Z a-z 0-9 . _ -` is sent. Default: it is refused.
    pub fn encoding(mut self, encoding: Encoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// The `channel` that the documentation's template has and no sample sends. Default: not sent.
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }

    /// The `type` of PINs. Default: `AIRTIME`, the only one ever seen.
    pub fn pin_type(mut self, pin_type: impl Into<String>) -> Self {
        self.pin_type = pin_type.into();
        self
    }

    /// The label (`message`) of PINs; see also [`Client::with_pin_label`]. Default: empty.
    pub fn pin_label(mut self, label: impl Into<String>) -> Self {
        self.pin_label = label.into();
        self
    }

    /// When to look an unknown top-up up, each wait from the one before. Default: 2, 5, 10, 20, 40 s.
    pub fn poll_after(mut self, waits: impl Into<Vec<Duration>>) -> Self {
        self.poll_after = waits.into();
        self
    }

    /// Allows the byte-identical replay of a request within this time (10 minutes are suggested) of its making. The server
    /// documents that it refuses a used nonce (409); how long it remembers one is unknown. Default: no replay.
    pub fn replay_within(mut self, within: Duration) -> Self {
        self.replay = ReplayGuard::ByteIdentical { within };
        self
    }

    /// How failed reads are repeated. Default: three times, after 0.5, 1 and 2 s.
    pub fn read_retry(mut self, policy: ReadRetry) -> Self {
        self.read_retry = policy;
        self
    }

    /// Whether a Check that is answered with 400 asks for the balance to tell a wrong key from an unknown reference.
    /// Default: yes.
    pub fn diagnose_check(mut self, diagnose: bool) -> Self {
        self.diagnose_check = diagnose;
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
    /// What is wrong with which setting.
    pub fn build(self) -> Result<Client, NotSent> {
        let misconfigured = |what: String| NotSent::new(ErrorKind::InvalidConfiguration, what);
        let base = BaseUrl::parse(&self.base_url).map_err(|e| misconfigured(e.to_string()))?;
        let extra_headers = extra_headers(&self.extra_headers, &OWN_HEADERS)?;
        let strict = |name, value: &str| Query::new(Encoding::Strict).with(name, value).map(drop);
        if self.pin_type.is_empty() || self.channel.as_ref().is_some_and(String::is_empty) {
            return Err(misconfigured(
                "PIN type and channel must not be empty".to_owned(),
            ));
        }
        strict("type", &self.pin_type)?;
        strict("channel", self.channel.as_deref().unwrap_or_default())?;
        for (network, least, greatest) in &self.amounts {
            let naira = [least, greatest].map(|amount| amount.currency() == Currency::NGN);
            if naira != [true; 2] || least.minor() > greatest.minor() {
                let code = network.code();
                return Err(misconfigured(format!(
                    "the limits of {code} must be naira (NGN), the least first"
                )));
            }
        }
        for code in &self.own_networks {
            strict("net", code.as_str())?;
        }
        Query::new(self.encoding).with("message", &self.pin_label)?;

        let account = self.account.unwrap_or_else(|| self.credentials.account());
        let sells_pins = matches!(self.credentials.caller, Caller::Client { .. });
        let transport = match self.transport {
            Some(transport) => transport,
            None => connect(&base, &self.settings)?,
        };
        Ok(Client::new(Inner {
            identity: Identity::new(PROVIDER, account),
            capabilities: capabilities(self.replay, &self.poll_after, sells_pins),
            credentials: self.credentials,
            endpoint: Endpoint::new(PROVIDER, base, transport),
            nonces: self.nonces,
            clock: self.clock,
            prefixes: self.prefixes,
            own_networks: self.own_networks,
            amounts: self.amounts,
            max_pins: self.max_pins,
            encoding: self.encoding,
            channel: self.channel,
            pin_type: self.pin_type,
            pin_label: self.pin_label,
            read_retry: self.read_retry,
            diagnose_check: self.diagnose_check,
            extra_headers,
        }))
    }
}

/// What Check finds proves that it happened; what it does not find proves nothing. PINs cannot be asked for at all.
fn capabilities(replay: ReplayGuard, poll_after: &[Duration], pins: bool) -> TopupCapabilities {
    let checked = |kind| {
        ProductRules::new(kind)
            .lookup(LookupSupport::FindsOnly, poll_after)
            .replay(replay)
    };
    let mut products = vec![checked(ProductKind::Airtime), checked(ProductKind::Data)];
    if pins {
        products.push(ProductRules::new(ProductKind::Pins).replay(replay));
    }
    TopupCapabilities::new(Currency::NGN, products)
}
