//! Credentials and settings in, a client out; every check that needs no network.

use std::fmt;
use std::sync::Arc;

use telco_core::{
    CallCapabilities, Clock, ErrorKind, Identity, NotSent, OsRandomness, Randomness, ReplayGuard,
    SystemClock,
};
use telco_crypto::rsa::PublicKey;
use telco_http::{BaseUrl, Endpoint, ReadRetry, Settings, Transport, connect};

use crate::client::{Inner, Kairos, Target};
use crate::endpoint::{self, GENERATE_KEY_PAIR};
use crate::envelope::Envelope;
use crate::judge::PROVIDER;
use crate::order::Limits;
use crate::wire::ApiVersion;
use crate::{FlowId, Kind, PullVersion, SecurityId, UtcOffset};

/// A failure is told in the body too, so it is read as far as a success.
const BODY_CAP: usize = 4 * 1024 * 1024;
/// As the specification has it.
const MOST_RECONNECTS: u32 = 2;

/// Settings of a [`Kairos`] client. Only the flow's credentials are needed; for encrypted kinds its public key too.
///
/// ```
/// use kairos_client::{FlowId, Kairos, Kind, PublicKey, SecurityId};
/// # let file: serde_json::Value = serde_json::from_str(include_str!("../vectors/rsa.json")).unwrap();
/// # let public_key_pem = file["test_keys"]["4096"]["public_spki_pem"].as_str().unwrap();
///
/// # fn run(public_key_pem: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let security_id = "0123456789abcdef".repeat(4); // from a secret store
/// let kairos = Kairos::builder(FlowId::new("Zb0RKJvh")?, SecurityId::new(security_id)?)
///     .kind(Kind::EncryptedRealTime)
///     .public_key(PublicKey::load(public_key_pem.as_bytes())?)
///     .build()?;
/// # let _ = kairos;
/// # Ok(()) }
/// # run(public_key_pem).unwrap();
/// ```
pub struct Builder {
    flow: FlowId,
    security: SecurityId,
    account: Option<String>,
    kind: Kind,
    key: Option<PublicKey>,
    envelope: Envelope,
    base_url: Option<String>,
    create_url: Option<String>,
    key_pair_url: Option<String>,
    pull_url: Option<String>,
    key_pair_member: String,
    pull_version: PullVersion,
    pull_chunk: usize,
    read_retry: ReadRetry,
    reconnects: u32,
    replay: ReplayGuard,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    api_version: ApiVersion,
    limits: Limits,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident($value:ident: $type:ty) => $($field:ident).+ = $to:expr;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(mut self, $value: $type) -> Self {
            self.$($field).+ = $to;
            self
        }
    )*};
}

impl Builder {
    pub(crate) fn new(flow: FlowId, security: SecurityId) -> Self {
        Self {
            flow,
            security,
            account: None,
            kind: Kind::RealTime,
            key: None,
            envelope: Envelope::default(),
            base_url: None,
            create_url: None,
            key_pair_url: None,
            pull_url: None,
            key_pair_member: "flow-id".into(),
            pull_version: PullVersion::default(),
            pull_chunk: 200,
            read_retry: ReadRetry::default(),
            reconnects: MOST_RECONNECTS,
            replay: ReplayGuard::None,
            settings: Settings::default(),
            transport: None,
            api_version: ApiVersion::default(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandomness),
        }
    }

    setters! {
        /// What the flow is and whether requests are sealed. [`Kind::RealTime`] unless set.
        kind(kind: Kind) => kind = kind;
        /// The flow's public key: needed by the encrypted kinds, refused by the others.
        public_key(key: PublicKey) => key = Some(key);
        /// The shape of the envelope. The AES side of the default is proven; of the RSA side the padding is inferred:
        /// `Envelope::default().with_padding(..)` changes that, and [`Kairos::probe`] finds it.
        envelope(envelope: Envelope) => envelope = envelope;
        /// The account's name in the [`Identity`]; the flow id unless set. Keep it stable: what is stored opens only for it.
        account(account: impl Into<String>) => account = Some(account.into());
        /// Another host for all documented paths, such as `https://central.phonon.in/kairos-apis`. `http` to this machine only.
        base_url(url: impl Into<String>) => base_url = Some(url.into());
        /// The whole URL of create, past any base.
        create_url(url: impl Into<String>) => create_url = Some(url.into());
        /// The whole URL of generateKeyPair, past any base.
        key_pair_url(url: impl Into<String>) => key_pair_url = Some(url.into());
        /// The whole URL of Pull, which the provider gives on request. Without it [`Kairos::pull`] is refused.
        pull_url(url: impl Into<String>) => pull_url = Some(url.into());
        /// The name of generateKeyPair's one member: `flow-id` (inferred) unless set; an older server may want `flowID`.
        key_pair_member(name: impl Into<String>) => key_pair_member = name.into();
        /// Which form of Pull; 2 unless set.
        pull_version(version: PullVersion) => pull_version = version;
        /// Ids in one Pull; 200 unless set. Other pages say 100 and 500.
        pull_chunk(ids: usize) => pull_chunk = ids.max(1);
        /// How often Pull is repeated.
        read_retry(policy: ReadRetry) => read_retry = policy;
        /// How often, at most twice, a connection that never came about is tried again, as long as no byte of the request left. Twice
        /// unless set.
        reconnects(times: u32) => reconnects = times;
        /// Allows [`Kairos::replay`]. Off unless set: the provider refuses identical bytes, but for how long, and whether it
        /// compares an envelope as sealed or as opened, is unknown.
        replay_guard(guard: ReplayGuard) => replay = guard;
        /// Timeouts, body caps, extra root certificates. What is unset in them: 10 s to connect, 60 s in all, and 4 MiB of any answer,
        /// because the body is read first whatever the HTTP status.
        settings(settings: Settings) => settings = settings;
        /// A transport of your own: a proxy, a fixed address of departure, a fake.
        transport(transport: Arc<dyn Transport>) => transport = Some(transport);
        /// Which version of the flow runs; `1.0` unless set.
        api_version(version: ApiVersion) => api_version = version;
        /// The offset of start times and of "today"; `+05:30` unless set.
        offset(offset: UtcOffset) => limits.offset = offset;
        /// Calls in one request; 500 (documented) unless set.
        max_calls(calls: usize) => limits.calls = calls.max(1);
        /// Numbers in one call; 10 (inferred) unless set.
        max_numbers(numbers: usize) => limits.numbers = numbers;
        /// Bytes of a final body; 256,000 unless set, the smaller reading of the documented 256 KB.
        max_body(bytes: usize) => limits.body = bytes;
        /// Whether a start time may lie on a past day; what the provider does then is unknown. Off unless set.
        allow_past_days(allow: bool) => limits.past_days = allow;
        /// Time, for tests.
        clock(clock: Arc<dyn Clock>) => clock = clock;
        /// Randomness, for tests.
        randomness(random: Arc<dyn Randomness>) => random = random;
    }

    /// Checks the settings against each other.
    ///
    /// # Errors
    /// [`NotSent`] (kind `InvalidConfiguration`) for an encrypted kind without a key or a key without an encrypted kind, a key too
    /// short for the key string, a URL that cannot be used, too many reconnects, or a transport that is not there.
    pub fn build(self) -> Result<Kairos, NotSent> {
        if self.reconnects > MOST_RECONNECTS {
            return Err(refuse("a connection is tried again at most twice"));
        }
        let seal = match (self.kind.is_encrypted(), self.key) {
            (true, Some(key)) => Some((key, self.envelope)),
            (false, None) => None,
            (true, None) => return Err(refuse("an encrypted kind needs the flow's public key")),
            (false, Some(_)) => {
                return Err(refuse(
                    "a public key was given, but the kind sends in plain: choose an encrypted kind",
                ));
            }
        };
        if let Some((key, envelope)) = &seal {
            // What would fail at every request fails here, once.
            envelope
                .seal_own(&self.flow, "{}", key, &self.random)
                .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        }
        let base = self.base_url.as_deref();
        let (transport, settings) = (self.transport, self.settings.or(limits()));
        let target = |whole: Option<String>, base: &str, path: &str| {
            Target::new(
                &whole.unwrap_or_else(|| endpoint::join(base, path)),
                transport.as_ref(),
                &settings,
            )
        };
        let create = target(
            self.create_url,
            base.unwrap_or(self.kind.base_url()),
            self.kind.path(),
        )?;
        let key_pair = target(
            self.key_pair_url,
            base.unwrap_or(endpoint::CENTRAL),
            GENERATE_KEY_PAIR,
        )?;
        let pull = self
            .pull_url
            .map(|url| target(Some(url), "", ""))
            .transpose()?;
        let mut capabilities = CallCapabilities::new(self.limits.calls);
        capabilities.replay = self.replay;
        capabilities.call_ids = self.kind != Kind::Bulk;
        let account = self
            .account
            .unwrap_or_else(|| self.flow.as_str().to_owned());
        Ok(Kairos::from_inner(Inner {
            identity: Identity::new(PROVIDER, account),
            flow: self.flow,
            security: self.security,
            kind: self.kind,
            seal,
            create,
            key_pair,
            key_pair_member: self.key_pair_member,
            pull,
            pull_version: self.pull_version,
            pull_chunk: self.pull_chunk,
            read_retry: self.read_retry,
            reconnects: self.reconnects,
            api_version: self.api_version,
            limits: self.limits,
            capabilities,
            clock: self.clock,
            random: self.random,
        }))
    }
}

/// What the protocol needs where the user sets nothing.
fn limits() -> Settings {
    Settings::default().with_body_caps(BODY_CAP, BODY_CAP)
}

impl Target {
    fn new(
        url: &str,
        transport: Option<&Arc<dyn Transport>>,
        settings: &Settings,
    ) -> Result<Self, NotSent> {
        let (before, last) = url.rsplit_once('/').ok_or_else(|| refuse("not a URL"))?;
        let base =
            BaseUrl::parse(before).map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        let transport =
            transport.map_or_else(|| connect(&base, settings), |own| Ok(Arc::clone(own)))?;
        let endpoint = Endpoint::new(PROVIDER, base, transport);
        let uri = endpoint.uri(&format!("/{last}"))?;
        Ok(Self { endpoint, uri })
    }
}

fn refuse(why: &'static str) -> NotSent {
    NotSent::new(ErrorKind::InvalidConfiguration, why)
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("flow", &self.flow)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
