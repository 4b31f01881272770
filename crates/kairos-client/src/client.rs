//! The client: one flow of one account.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use telco_core::{
    CallCapabilities, Clock, ErrorKind, Identity, NotSent, Prepared, Provider, Randomness,
    Reference, SecretBytes, Submission,
};
use telco_crypto::rsa::PublicKey;
use telco_http::{Bytes, Endpoint, ReadRetry, after_failure};

use crate::envelope::Envelope;
use crate::judge::{self, Created};
use crate::order::Limits;
use crate::wire::ApiVersion;
use crate::{Builder, FlowId, Kind, Order, PullVersion, SecurityId};

/// A client for one flow. Cheap to clone.
///
/// Place calls through [`CallTrigger`](telco_core::CallTrigger) and [`CallExt`](telco_core::CallExt); send spoken codes with
/// [`voice_otp`](Self::voice_otp). What only this provider can do is here.
///
/// ```
#[doc = against_the_sandbox!()]
/// use kairos_client::core::{Call, CallBatch, CallExt, Msisdn, Reference, Secret, Submission};
///
/// let call = Call::new(Reference::new("due-17")?, Msisdn::parse("919812345678")?).variable("Amount", Secret::new("1200"));
/// let batch = CallBatch::new(Reference::new("dues-2026-03")?, [call]);
/// for (reference, outcome) in kairos.place(&batch).await? {
///     match outcome {
///         Ok(Submission::Accepted(receipt)) => println!("{reference}: {:?}", receipt.call_id),
///         Ok(Submission::Rejected(why)) => println!("{reference}: not called, {why}"),
///         Ok(Submission::Unknown(unknown)) => println!("{reference}: perhaps called, {}", unknown.cause()),
///         Err(not_sent) => println!("{reference}: not sent, {not_sent}"),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Kairos(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) identity: Identity,
    pub(crate) flow: FlowId,
    pub(crate) security: SecurityId,
    pub(crate) kind: Kind,
    /// Present if, and only if, the kind is encrypted.
    pub(crate) seal: Option<(PublicKey, Envelope)>,
    pub(crate) create: Target,
    pub(crate) key_pair: Target,
    pub(crate) key_pair_member: String,
    pub(crate) pull: Option<Target>,
    pub(crate) pull_version: PullVersion,
    pub(crate) pull_chunk: usize,
    pub(crate) read_retry: ReadRetry,
    pub(crate) reconnects: u32,
    pub(crate) api_version: ApiVersion,
    pub(crate) limits: Limits,
    pub(crate) capabilities: CallCapabilities,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Randomness>,
}

/// One URL, and the way there.
pub(crate) struct Target {
    pub(crate) endpoint: Endpoint,
    pub(crate) uri: Uri,
}

impl Target {
    pub(crate) fn post(&self, body: Bytes) -> Request<Bytes> {
        let mut request = Request::new(body);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.uri.clone();
        let json = http::HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        request
    }
}

/// Calls in the provider's own terms under one reference: what a [`PreparedOrders`] is for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Orders {
    /// The caller's id of the batch.
    pub reference: Reference,
    /// The calls of this request.
    pub orders: Vec<Order>,
}

/// One request of orders, ready to be sent, once.
pub type PreparedOrders = Prepared<Orders>;

impl Kairos {
    /// For the flow with this id and this secret, which belong together.
    #[must_use]
    pub fn builder(flow: FlowId, security: SecurityId) -> Builder {
        Builder::new(flow, security)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// As [`CallTrigger::prepare`](telco_core::CallTrigger::prepare), for calls in the provider's own terms: numbers as typed, start
    /// times as text, raw variable names. Checks all, splits by count and by final size. No I/O.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use kairos_client::core::Reference;
    /// use kairos_client::{ContactNumber, NumberPolicy, Order};
    ///
    /// let typed = ContactNumber::parse("98123 45678", NumberPolicy::India)?;
    /// let order = Order::new(Reference::new("due-17")?, typed);
    /// let prepared = kairos.prepare_orders(&Reference::new("dues")?, &[order])?;
    /// assert_eq!(prepared.len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if any order cannot be sent; its source is an [`InvalidOrder`](crate::InvalidOrder).
    pub fn prepare_orders(
        &self,
        reference: &Reference,
        orders: &[Order],
    ) -> Result<Vec<PreparedOrders>, NotSent> {
        let now = self.0.clock.now();
        let request = |(range, bytes): (std::ops::Range<usize>, SecretBytes)| {
            let orders = orders.get(range).unwrap_or_default().to_vec();
            Prepared::new(
                &self.0.identity,
                Orders {
                    reference: reference.clone(),
                    orders,
                },
                bytes,
                now,
            )
        };
        Ok(self.freeze(orders, now)?.into_iter().map(request).collect())
    }

    /// Sends one request of orders, once, and returns everything that the provider said.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use kairos_client::core::{Reference, Submission};
    /// use kairos_client::{Code, ContactNumber, NumberPolicy, Order};
    ///
    /// let typed = ContactNumber::parse("919812345678", NumberPolicy::AsIs)?;
    /// let order = Order::new(Reference::new("due-17")?, typed);
    /// for prepared in kairos.prepare_orders(&Reference::new("dues")?, &[order])? {
    ///     let Submission::Accepted(created) = kairos.create(prepared).await? else { panic!("not accepted") };
    ///     assert_eq!(created.code, Code::Success);
    ///     assert!(created.request_id.is_some() && created.calls.len() == 1);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn create(&self, prepared: PreparedOrders) -> Result<Submission<Created>, NotSent> {
        let bytes = prepared.bytes_for(&self.0.identity)?;
        self.create_bytes(prepared.intent(), bytes).await
    }

    pub(crate) async fn create_bytes(
        &self,
        Orders { reference, orders }: &Orders,
        bytes: &SecretBytes,
    ) -> Result<Submission<Created>, NotSent> {
        let calls = orders.iter().map(|order| order.reference.clone()).collect();
        self.transmit(reference, calls, bytes).await
    }

    /// The one place where calls leave. Connecting may be tried again, sending never.
    pub(crate) async fn transmit(
        &self,
        batch: &Reference,
        calls: Vec<Reference>,
        frozen: &SecretBytes,
    ) -> Result<Submission<Created>, NotSent> {
        let (kind, target) = (self.0.kind, &self.0.create);
        let endpoint = &target.endpoint;
        let request = target.post(self.thaw(frozen)?);
        let attempt = || endpoint.exchange(kind.operation(), request.clone());
        match endpoint.reconnecting(self.0.reconnects, attempt).await {
            Ok(answer) => Ok(judge::created(kind, batch, calls, &answer, self.now())),
            Err(failure) => after_failure(batch, failure, Some(judge::CALLS_UNKNOWN)),
        }
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }

    pub(crate) fn unsupported(what: &'static str) -> NotSent {
        NotSent::new(ErrorKind::Unsupported, what).at(judge::PROVIDER, "settings")
    }
}

impl Provider for Kairos {
    fn identity(&self) -> &Identity {
        &self.0.identity
    }
}

impl fmt::Debug for Kairos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kairos")
            .field("identity", &self.0.identity)
            .field("flow", &self.0.flow)
            .field("kind", &self.0.kind)
            .field("host", self.0.create.endpoint.base())
            .finish_non_exhaustive()
    }
}
