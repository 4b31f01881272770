//! The client: one method per call of the API.

use std::fmt;
use std::mem;
use std::sync::Arc;

use telco_core::{Clock, Error, ErrorKind, Identity, Msisdn, NotSent, Reference, Submission};
use telco_crypto::rsa::PrivateKey;
use telco_http::http::{HeaderMap, Request, Response};
use telco_http::{Bytes, Endpoint, after_failure};

use crate::executor;
use crate::judge::{Call, Reading, View};
use crate::signatures::{Signatures, Slip};
use crate::wire::{Commit, Operation, Start};
use crate::{Application, Builder, Phone, PhoneFormat, Service, ServiceKey, Signed, Signer, Token};

/// One application at the provider. Cheap to clone; clones share connections and signatures.
///
/// [`start`](Self::start) and [`commit`](Self::commit) are sent **once** and answer with a [`Submission`]. Most applications want
/// them through [`service`](Self::service), which keeps number, correlation id and service together between the two.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
    pub(crate) signatures: Arc<Signatures>,
}

pub(crate) struct Inner {
    pub(crate) identity: Identity,
    pub(crate) application: Application,
    pub(crate) endpoint: Endpoint,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) phone_format: PhoneFormat,
    pub(crate) extra_headers: HeaderMap,
    pub(crate) reconnects: u32,
    pub(crate) cut_at: usize,
    /// Signing is quick enough for the executor's own threads.
    pub(crate) sign_in_place: bool,
}

/// A code is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Started {
    /// The provider's id of it: goes to commit, unchanged.
    pub correlation_id: String,
}

/// The subscriber is subscribed, or has bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Committed;

impl Client {
    /// Starts with the application's ids and its private key.
    pub fn builder(application: Application, key: PrivateKey) -> Builder {
        Builder::new(application, key)
    }

    /// One service of the application, as the shared traits see it: [`OtpSender`](telco_core::OtpSender) and
    /// [`SubscriptionOtp`](telco_core::SubscriptionOtp).
    #[must_use]
    pub fn service(&self, key: ServiceKey) -> Service {
        Service::new(self.clone(), key)
    }

    /// The same client without the reuse window: every request carries the date of its own millisecond. For commits, if
    /// starts use a window and you want no extra risk.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            signatures: Arc::new(self.signatures.without_window()),
        }
    }

    /// Provider and application.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// Signs with this application's key, and explains signatures.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        self.signatures.signer()
    }

    /// A number in the form in which this client sends numbers.
    ///
    /// # Errors
    /// [`NotSent`] unless it is an Iranian mobile number.
    pub fn phone(&self, number: &Msisdn) -> Result<Phone, NotSent> {
        Phone::new(number, self.inner.phone_format)
            .map_err(NotSent::because(ErrorKind::InvalidRecipient))
    }

    /// Sends a code to this phone, once. `reference` is the caller's own id of the operation; it does not travel. A dropped future
    /// may have sent the message.
    ///
    /// ```
    /// # use fanap_client::core::{NotSent, Reference, Submission};
    /// # use fanap_client::{Client, ServiceKey, parse_msisdn};
    /// # async fn demo(client: Client, service: ServiceKey, reference: Reference) -> Result<(), Box<dyn std::error::Error>> {
    /// let phone = client.phone(&parse_msisdn("09120000000")?)?;
    /// match client.start(&reference, &service, &phone).await? {
    ///     Submission::Accepted(started) => println!("keep {}", started.correlation_id),
    ///     Submission::Rejected(why) => println!("refused: {why}"),
    ///     Submission::Unknown(unknown) => println!("perhaps: {}", unknown.cause()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn start(
        &self,
        reference: &Reference,
        service: &ServiceKey,
        phone: &Phone,
    ) -> Result<Submission<Started>, NotSent> {
        let start = Start::new(service, phone);
        let build = |signed: &Signed| {
            start.request(self.inner.endpoint.base(), &self.inner.application, signed)
        };
        let read = |status, body: &[u8]| {
            Reading::of(Operation::Start, status, body, |answer| {
                Some(Started {
                    correlation_id: answer.correlation_id?,
                })
            })
        };
        let call = Call::Subscription(Operation::Start);
        self.spend(call, reference, build, read).await
    }

    /// Confirms a code, once: **this charges the subscriber**. `phone` in the form in which start sent it, `correlation_id` as
    /// start answered it. A dropped future may have charged: run it where no disconnecting browser can drop it.
    ///
    /// ```
    /// # use fanap_client::core::{Reference, Submission};
    /// # use fanap_client::{Client, Phone, ServiceKey, Token};
    /// # async fn demo(client: Client, service: ServiceKey, phone: Phone, reference: Reference, stored: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let token = Token::parse("۰۴۲۳")?;
    /// match client.commit(&reference, &service, &phone, stored, &token).await? {
    ///     Submission::Accepted(_) => println!("subscribed"),
    ///     Submission::Rejected(why) => println!("refused: {why}"),
    ///     Submission::Unknown(unknown) => println!("perhaps charged, never commit again: {}", unknown.cause()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn commit(
        &self,
        reference: &Reference,
        service: &ServiceKey,
        phone: &Phone,
        correlation_id: &str,
        token: &Token,
    ) -> Result<Submission<Committed>, NotSent> {
        let call = Call::Subscription(Operation::Commit);
        let commit = Commit::new(service, phone, correlation_id, token)
            .map_err(|refusal| refusal.at(crate::PROVIDER, call.name()))?;
        let build = |signed: &Signed| {
            commit.request(self.inner.endpoint.base(), &self.inner.application, signed)
        };
        let read =
            |status, body: &[u8]| Reading::of(Operation::Commit, status, body, |_| Some(Committed));
        self.spend(call, reference, build, read).await
    }

    /// Date and signature for a request that is built now. Signs in place; within the same millisecond, or the reuse window,
    /// it gives the last ones again.
    ///
    /// ```
    /// # use fanap_client::{Client, SignRequest, verify};
    /// # fn demo(client: Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let signed = client.fresh().signed()?;
    /// let covered = SignRequest::new("your-app-id", "your.tenant.id", signed.date().as_str());
    /// let signer = client.signer();
    /// assert!(verify(signer.public_key(), signer.hash(), &covered.text(), signed.signature().expose()));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if the clock is far off or the machine fails to sign.
    pub fn signed(&self) -> Result<Signed, NotSent> {
        let slip = self.signatures.slip(&self.inner.clock, false)?;
        self.signatures.sign(&slip)
    }

    /// One request, transmitted once. What provably was not sent may be tried again if that was asked for, with a fresh date.
    pub(crate) async fn spend<T>(
        &self,
        call: Call,
        reference: &Reference,
        build: impl Fn(&Signed) -> Result<Request<Bytes>, NotSent> + Sync,
        read: impl FnOnce(u16, &[u8]) -> Reading<T>,
    ) -> Result<Submission<T>, NotSent> {
        let inner = &*self.inner;
        let labelled = |refusal: NotSent| refusal.at(crate::PROVIDER, call.name());
        let mut again = false;
        let attempt = || {
            let again = mem::replace(&mut again, true);
            let build = &build;
            async move {
                let slip = self
                    .signatures
                    .slip(&inner.clock, again)
                    .map_err(labelled)?;
                let signed = self.sign(&slip).await.map_err(labelled)?;
                let request = self.with_extra_headers(build(&signed).map_err(labelled)?);
                let answer = inner.endpoint.exchange(call.name(), request).await?;
                Ok::<_, Error>((slip, answer))
            }
        };
        match inner.endpoint.reconnecting(inner.reconnects, attempt).await {
            Ok((slip, answer)) => Ok(self.judge(call, reference, &slip, &answer, read)),
            Err(failure) => after_failure(reference, failure, Some(call.when_unknown())),
        }
    }

    fn judge<T>(
        &self,
        call: Call,
        reference: &Reference,
        slip: &Arc<Slip>,
        answer: &Response<Bytes>,
        read: impl FnOnce(u16, &[u8]) -> Reading<T>,
    ) -> Submission<T> {
        let reading = read(answer.status().as_u16(), answer.body());
        if matches!(reading.class, crate::Class::Auth | crate::Class::Clock) {
            self.signatures.forget(slip);
        }
        let view = View {
            call,
            answer,
            now: self.inner.clock.now(),
            cut_at: self.inner.cut_at,
        };
        view.outcome(reference, reading)
    }

    async fn sign(&self, slip: &Arc<Slip>) -> Result<Signed, NotSent> {
        let in_place = self.inner.sign_in_place || slip.is_signed();
        let (signatures, slip) = (Arc::clone(&self.signatures), Arc::clone(slip));
        executor::run(in_place, move || signatures.sign(&slip)).await
    }

    fn with_extra_headers(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        for (name, value) in &self.inner.extra_headers {
            request.headers_mut().append(name.clone(), value.clone());
        }
        request
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("identity", &self.inner.identity)
            .field("base_url", self.inner.endpoint.base())
            .finish_non_exhaustive()
    }
}
