use std::fmt;

use telco_core::{ErrorKind, NotSent, SecretBytes};
use telco_http::http::header::{CACHE_CONTROL, HeaderName};
use telco_http::http::{HeaderValue, Method, Request};
use telco_http::{BaseUrl, Bytes};

use crate::credentials::Caller;
use crate::signing::signature;
use crate::{Credentials, Encoding, Nonce, PROVIDER, Query};

/// The calls of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// What the account holds.
    Balance,
    /// Airtime.
    Credit,
    /// A data plan.
    Data,
    /// What became of a top-up.
    Check,
    /// One PIN.
    AllocateSingle,
    /// Many PINs. Documented later than the rest.
    Allocate,
    /// Spends a PIN on a number. Documented later than the rest; no official binding has it.
    Redeem,
}

impl Operation {
    pub(crate) const ALL: [Self; 7] = [
        Self::Balance,
        Self::Credit,
        Self::Data,
        Self::Check,
        Self::AllocateSingle,
        Self::Allocate,
        Self::Redeem,
    ];

    /// For errors and traces: `credit`, `allocate_single`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Balance => "balance",
            Self::Credit => "credit",
            Self::Data => "data",
            Self::Check => "check",
            Self::AllocateSingle => "allocate_single",
            Self::Allocate => "allocate",
            Self::Redeem => "redeem",
        }
    }

    /// It moves money, GET or not.
    #[must_use]
    pub const fn costs(self) -> bool {
        !matches!(self, Self::Balance | Self::Check)
    }

    /// Whether a Check may find it afterwards. There is no query at all for allocated PINs; for Data and Redeem it is unknown
    /// whether Check sees them, so asking can only help.
    #[must_use]
    pub const fn can_be_checked(self) -> bool {
        matches!(self, Self::Credit | Self::Data | Self::Redeem)
    }

    /// What to do when nobody knows what became of it, whether an answer came or none.
    pub(crate) const fn when_unknown(self) -> &'static str {
        match self {
            Self::AllocateSingle | Self::Allocate => {
                "PINs may have been bought: read them from the answer if one was kept, and ask the provider; there is no lookup"
            }
            Self::Redeem => {
                "the PIN may be spent: look the operation up (whether that shows redeemed PINs is unknown), or ask the provider; do \
                 not redeem it again"
            }
            Self::Balance | Self::Credit | Self::Data | Self::Check => {
                "it may have been carried out: look the operation up; do not send it again"
            }
        }
    }

    /// Case-exact. The terminal family has no PIN calls: [`NotSent`] for those.
    pub(crate) fn path(self, caller: &Caller) -> Result<&'static str, NotSent> {
        Ok(match (self, caller) {
            (Self::Balance, Caller::Client { .. }) => "/airtime/Balance",
            (Self::Credit, Caller::Client { .. }) => "/airtime/Credit",
            (Self::Data, Caller::Client { .. }) => "/data/Credit",
            (Self::Check, Caller::Client { .. }) => "/airtime/Check",
            (Self::AllocateSingle, Caller::Client { .. }) => "/pin/AllocateSingle",
            (Self::Allocate, Caller::Client { .. }) => "/pin/Allocate",
            (Self::Redeem, Caller::Client { .. }) => "/pin/Redeem",
            (Self::Balance, Caller::Agent { .. }) => "/terminal/Balance",
            (Self::Credit, Caller::Agent { .. }) => "/terminal/Credit",
            (Self::Data, Caller::Agent { .. }) => "/terminal/data/Credit",
            (Self::Check, Caller::Agent { .. }) => "/terminal/Check",
            (_, Caller::Agent { .. }) => {
                let none = "the terminal family has no PIN calls: use a client's credentials";
                return Err(NotSent::unsupported(none).at(PROVIDER, self.name()));
            }
        })
    }
}

/// A whole request but for who sends it: everything that is not deterministic, and no credential. Signing it with the same
/// credentials gives the same bytes every time.
///
/// ```
/// use cowrie_client::http::BaseUrl;
/// use cowrie_client::wire::{Operation, UnsignedRequest};
/// use cowrie_client::{ClientKey, Credentials, Encoding, Nonce, Query};
///
/// let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let credentials = Credentials::client("me@client.com", key)?;
/// let query = Query::new(Encoding::Strict).with("reference", "7734c7da7687442")?;
/// let check = UnsignedRequest::new(Operation::Check, Nonce::new("20151110202513869")?, query);
///
/// let base = BaseUrl::parse("https://api.cowriesys.com").unwrap();
/// let request = check.signed(&credentials, &base)?;
/// assert_eq!(request.uri(), "https://api.cowriesys.com/airtime/Check?reference=7734c7da7687442");
/// assert_eq!(request.headers()["signature"], "TgP4Kf1aIn7XqseaIe7E5ScEEj0b55bPu7RkweMRNHI=");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UnsignedRequest {
    operation: Operation,
    nonce: Nonce,
    query: Query,
}

/// A stored request cannot be read: it is of another version, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidFrozen;

impl fmt::Display for InvalidFrozen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stored request is damaged or of another version of cowrie-client")
    }
}

impl std::error::Error for InvalidFrozen {}

/// Sent in lower case; names of headers have no case. Constants, so that none is read again for every request.
const CLIENT_ID: HeaderName = HeaderName::from_static("clientid");
const AGENT_ID: HeaderName = HeaderName::from_static("agentid");
const TERMINAL_ID: HeaderName = HeaderName::from_static("terminalid");
const SIGNATURE: HeaderName = HeaderName::from_static("signature");
const NONCE: HeaderName = HeaderName::from_static("nonce");

/// Never those of anybody else.
pub(crate) const OWN_HEADERS: [HeaderName; 5] =
    [CLIENT_ID, AGENT_ID, TERMINAL_ID, SIGNATURE, NONCE];

/// First line of the stored form.
const VERSION: &str = "cowrie-1";

impl UnsignedRequest {
    /// From its parts.
    #[must_use]
    pub fn new(operation: Operation, nonce: Nonce, query: Query) -> Self {
        Self {
            operation,
            nonce,
            query,
        }
    }

    /// Which call.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Its query.
    #[must_use]
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The storable form: nonce and query, but neither key nor signature nor the caller's id. One line each: version,
    /// operation, encoding, nonce, query as sent; then, where it differs, the text that is signed.
    #[must_use]
    pub fn freeze(&self) -> SecretBytes {
        let mut text = [
            VERSION,
            self.operation.name(),
            self.query.encoding().as_str(),
            self.nonce.as_str(),
            self.query.sent(),
        ]
        .join("\n");
        if let Some(plain) = self.query.plain() {
            text.push('\n');
            text.push_str(plain);
        }
        SecretBytes::new(text)
    }

    /// Reads what [`freeze`](Self::freeze) wrote.
    ///
    /// # Errors
    /// [`InvalidFrozen`].
    pub fn thaw(frozen: &SecretBytes) -> Result<Self, InvalidFrozen> {
        let text = std::str::from_utf8(frozen.expose()).map_err(|_| InvalidFrozen)?;
        // The signed text comes last, because alone of all it may have line breaks in it.
        let mut lines = text.splitn(6, '\n');
        let mut line = || lines.next().ok_or(InvalidFrozen);
        if line()? != VERSION {
            return Err(InvalidFrozen);
        }
        let (operation, encoding, nonce, sent) = (line()?, line()?, line()?, line()?);
        let plain = lines.next();
        let operation = Operation::ALL.into_iter().find(|o| o.name() == operation);
        let encoding = Encoding::ALL.into_iter().find(|e| e.as_str() == encoding);
        match (operation, encoding, Nonce::new(nonce)) {
            (Some(operation), Some(encoding), Ok(nonce)) => Ok(Self {
                operation,
                nonce,
                query: Query::restore(encoding, sent, plain),
            }),
            _ => Err(InvalidFrozen),
        }
    }

    /// The finished request: GET, no body, signed.
    ///
    /// # Errors
    /// [`NotSent`] if the caller's family has no such call, or the query cannot stand in a URL.
    pub fn signed(
        &self,
        credentials: &Credentials,
        base: &BaseUrl,
    ) -> Result<Request<Bytes>, NotSent> {
        const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
        let path = self.operation.path(&credentials.caller)?;
        let unfit = || NotSent::new(ErrorKind::InvalidInput, "the request cannot stand in a URL");
        let uri = if self.query.sent().is_empty() {
            base.join(path)
        } else {
            base.join(&[path, "?", self.query.sent()].concat())
        };
        let signature = signature(&credentials.key, self.nonce.as_str(), self.query.signed());

        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri.ok_or_else(unfit)?;
        let headers = request.headers_mut();
        // Ours, what the transport adds (`accept`, `user-agent`, `host`), and one for a gateway: the table never grows.
        headers.reserve(9);
        match &credentials.caller {
            Caller::Client { client_id } => {
                headers.insert(CLIENT_ID, client_id.clone());
            }
            Caller::Agent {
                agent_id,
                terminal_id,
            } => {
                headers.insert(AGENT_ID, agent_id.clone());
                headers.insert(TERMINAL_ID, terminal_id.clone());
            }
        }
        for (name, value) in [
            (SIGNATURE, signature.expose()),
            (NONCE, self.nonce.as_str()),
        ] {
            let mut value = HeaderValue::from_str(value).map_err(|_| unfit())?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        headers.insert(CACHE_CONTROL, NO_STORE);
        Ok(request)
    }
}

impl fmt::Debug for UnsignedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsignedRequest")
            .field("operation", &self.operation)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}
