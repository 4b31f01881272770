//! Whether a number is subscribed (**documented** for the service delivery platform, Pardis services only). A read, which costs
//! nothing: it can show that an unknown commit subscribed somebody, and never that it charged nobody.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;
use telco_core::{Clock, Error, ErrorKind, Msisdn, NotSent, Secret, SystemClock};
use telco_crypto::rsa::PrivateKey;
use telco_http::http::{HeaderValue, Request, Response};
use telco_http::{BaseUrl, Bytes, Endpoint, ReadRetry, Settings, Transport, connect, retry_after};

use crate::codes::Meaning;
use crate::executor;
use crate::wire::{FamilyError, Field, Members, Operation, truth};
use crate::{Class, Date, Hash, PROVIDER, Phone, PhoneFormat, Signer};

const BASE_URL: &str = "https://api.sdp.fanap.plus";
const OPERATION: &str = "verification";

/// Asks the service delivery platform about subscriptions to one product. It knows **Pardis services only**: nothing that an
/// [`Imi`](crate::Imi) commit did.
///
/// After an unknown commit, a number that was not subscribed before and now is settles it: the commit acted. A number that is not
/// subscribed proves nothing: a purchase leaves no subscription, and how soon one shows up here is unknown. That is settled by the
/// provider's push ([`Callbacks`](crate::Callbacks)) or its support.
///
/// ```
/// # use fanap_client::{PrivateKey, SubscriptionCheck, parse_msisdn};
/// # async fn demo(key: PrivateKey) -> Result<(), Box<dyn std::error::Error>> {
/// let check = SubscriptionCheck::builder(11035, key).build()?;
/// let state = check.ask(&parse_msisdn("09120000000")?).await?;
/// println!("subscribed: {}", state.is_subscribed);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct SubscriptionCheck {
    product_id: u64,
    signer: Signer,
    endpoint: Endpoint,
    clock: Arc<dyn Clock>,
    phone_format: PhoneFormat,
    read_retry: ReadRetry,
}

/// What the platform says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionState {
    /// Whether the number is subscribed now. True does not say since when: compare with what you knew before the commit. False is no
    /// proof that nothing was charged.
    pub is_subscribed: bool,
    /// The provider's id of the subscription.
    pub ref_id: Option<String>,
}

/// Makes a [`SubscriptionCheck`].
#[derive(Clone)]
#[must_use]
pub struct SubscriptionCheckBuilder {
    product_id: u64,
    key: PrivateKey,
    hash: Hash,
    base_url: String,
    settings: Settings,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
    phone_format: PhoneFormat,
    read_retry: ReadRetry,
}

impl SubscriptionCheckBuilder {
    /// Another server. Default: `https://api.sdp.fanap.plus`.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = base_url.into();
        self
    }

    /// Timeouts, body caps, extra root certificates.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// A transport of your own.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Where time comes from. Default: the system's clock.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The form of the number in the path. Default: `9120000000`, as in the samples of the platform.
    pub fn phone_format(mut self, format: PhoneFormat) -> Self {
        self.phone_format = format;
        self
    }

    /// What is hashed before it is signed. Default: SHA-1.
    pub fn hash(mut self, hash: Hash) -> Self {
        self.hash = hash;
        self
    }

    /// How failed reads are repeated, each with a fresh date. Default: three times, after 0.5, 1 and 2 s.
    pub fn read_retry(mut self, policy: ReadRetry) -> Self {
        self.read_retry = policy;
        self
    }

    /// Checks everything. Opens no connection.
    ///
    /// # Errors
    /// [`NotSent`] (kind `InvalidConfiguration`).
    pub fn build(self) -> Result<SubscriptionCheck, NotSent> {
        let base = BaseUrl::parse(&self.base_url)
            .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => connect(&base, &self.settings)?,
        };
        Ok(SubscriptionCheck {
            product_id: self.product_id,
            signer: Signer::new(self.key).with_hash(self.hash),
            endpoint: Endpoint::new(PROVIDER, base, transport),
            clock: self.clock,
            phone_format: self.phone_format,
            read_retry: self.read_retry,
        })
    }
}

impl fmt::Debug for SubscriptionCheckBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionCheckBuilder")
            .field("product_id", &self.product_id)
            .finish_non_exhaustive()
    }
}

impl SubscriptionCheck {
    /// For this product, signed with the application's key.
    pub fn builder(product_id: u64, key: PrivateKey) -> SubscriptionCheckBuilder {
        SubscriptionCheckBuilder {
            product_id,
            key,
            hash: Hash::default(),
            base_url: BASE_URL.to_owned(),
            settings: Settings::default(),
            transport: None,
            clock: Arc::new(SystemClock::default()),
            phone_format: PhoneFormat::National,
            read_retry: ReadRetry::default(),
        }
    }

    /// Asks about one number. Repeated a few times if it fails in a way that can pass.
    ///
    /// # Errors
    /// The read failed, which says nothing about the subscription.
    pub async fn ask(&self, number: &Msisdn) -> Result<SubscriptionState, Error> {
        let phone = Phone::new(number, self.phone_format)
            .map_err(NotSent::because(ErrorKind::InvalidRecipient))
            .map_err(|refusal| refusal.at(PROVIDER, OPERATION))?;
        let phone = &phone;
        let attempt = || async move {
            let date = Date::of(self.clock.now())?;
            let (signer, text) = (self.signer.clone(), self.signed_text(&date));
            let signature = executor::run(false, move || signer.sign_text(&text)).await?;
            let request = self.request(phone, &date, &signature)?;
            let answer = self.endpoint.exchange(OPERATION, request).await?;
            read(&answer, self.clock.now())
        };
        self.endpoint.read(&self.read_retry, attempt).await
    }

    /// `ProductId#Date` (**documented**): other parts than the subscription API signs.
    fn signed_text(&self, date: &Date) -> String {
        format!("{}#{}", self.product_id, date.as_str())
    }

    fn request(
        &self,
        phone: &Phone,
        date: &Date,
        signature: &Secret,
    ) -> Result<Request<Bytes>, NotSent> {
        let uri = self.endpoint.uri(&format!(
            "/api/subscription/verification/{}/product/{}",
            phone.expose(),
            self.product_id
        ))?;
        let cannot = |_| NotSent::new(ErrorKind::Other, "the request cannot be put together");
        let mut value = HeaderValue::from_str(signature.expose())
            .map_err(NotSent::because(ErrorKind::Other))?;
        value.set_sensitive(true);
        Request::get(uri)
            .header("sdp-date", date.as_str())
            .header("sdp-productid", self.product_id)
            .header("sdp-signature", value)
            .body(Bytes::new())
            .map_err(cannot)
    }
}

fn read(answer: &Response<Bytes>, now: SystemTime) -> Result<SubscriptionState, Error> {
    let status = answer.status().as_u16();
    let members = Members::read(answer.body());
    let error = members.as_ref().and_then(FamilyError::in_answer);
    if let (true, None, Some(members)) = (answer.status().is_success(), &error, &members)
        && truth(members.get("success")) == Field::Is(true)
        && let Some(Value::Object(result)) = members.get("result")
    {
        let result = Members::of(result);
        if let Field::Is(is_subscribed) = truth(result.get("isSubscribed")) {
            return Ok(SubscriptionState {
                is_subscribed,
                ref_id: result.text("refId"),
            });
        }
    }
    let by_code = error.as_ref().and_then(|error| error.code.meaning());
    let class = match by_code.map(|meaning: Meaning| meaning.class(Operation::Start)) {
        Some(class) => class,
        None if answer.status().is_success() => Class::Protocol,
        None => Class::of_status(Operation::Start, status),
    };
    let mut failure = Error::answered(class.kind(), "the platform did not tell")
        .at(PROVIDER, OPERATION)
        .with_http_status(status)
        .with_body_excerpt(&String::from_utf8_lossy(answer.body()))
        .with_help("check the product id, and that the key's public.xml is registered for it");
    if let Some(code) = error.and_then(|error| error.code.shown()) {
        failure = failure.with_provider_code(code);
    }
    if let Some(wait) = retry_after(answer.headers(), now) {
        failure = failure.with_retry_after(wait);
    }
    Err(failure)
}
