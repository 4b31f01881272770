//! The client: one method per call of the API.

use std::num::NonZeroU32;
use std::sync::Arc;

use telco_core::{
    Amount, Clock, Error, ErrorKind, Identity, Msisdn, NotSent, Operator, Product, Reference,
    Secret, Submission, TopupCapabilities, TopupExt as _, TopupIntent, TopupReceipt, TopupRecord,
};
use telco_http::http::{HeaderMap, Response};
use telco_http::{Bytes, Endpoint, ReadRetry, after_failure, retry_after};

use crate::wire::{self, Checked, Operation, RecordStatus, UnsignedRequest};
use crate::{
    Builder, Code, Credentials, Encoding, Network, Nonces, PROVIDER, PrefixTable, Query, Signer,
    codes,
};

/// One account at Cowrie. Cheap to clone; clones share connections.
///
/// The calls that move money (`credit`, `data`, `allocate_single`, `allocate`, `redeem`) are sent **once** and answer with a
/// [`Submission`]. For a durable record of each, use the client as a [`TopupProvider`](telco_core::TopupProvider) of
/// telco-ledger.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) identity: Identity,
    pub(crate) capabilities: TopupCapabilities,
    pub(crate) credentials: Credentials,
    pub(crate) endpoint: Endpoint,
    pub(crate) nonces: Arc<dyn Nonces>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) prefixes: PrefixTable,
    pub(crate) own_networks: Vec<Operator>,
    pub(crate) amounts: Vec<(Network, Amount, Amount)>,
    pub(crate) max_pins: Option<NonZeroU32>,
    pub(crate) encoding: Encoding,
    pub(crate) channel: Option<String>,
    pub(crate) pin_type: String,
    pub(crate) pin_label: String,
    pub(crate) read_retry: ReadRetry,
    pub(crate) diagnose_check: bool,
    pub(crate) extra_headers: HeaderMap,
}

/// What the account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// In naira and kobo.
    pub balance: Amount,
    /// The discount in hundredths of a percent: 425 is 4.25 %. That it is a percentage is observed in one official binding.
    pub discount_hundredths: Option<i64>,
}

/// What Check says.
#[derive(Clone, PartialEq, Eq)]
#[must_use]
pub enum CheckAnswer {
    /// On record.
    Found {
        /// The record, as far as it told.
        record: TopupRecord,
        /// Its state in Cowrie's words.
        status: RecordStatus,
        /// A date and time of unknown format, which older servers send.
        stamp: Option<String>,
        /// Whether it is the one that was asked for: its `xref` or its `id` is the text that you gave. `Some(false)`: both are others,
        /// so **take nothing from it**, and do not send again either. `None`: only an id came, which you did not ask by; compare
        /// network, number and amount of the record with your own.
        ours: Option<bool>,
    },
    /// Nothing on record. **Never proof of failure**: records become visible late.
    NotFound,
}

/// The provider's free text may hold anything, so it is not shown.
impl std::fmt::Debug for CheckAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Found {
                record,
                status,
                ours,
                ..
            } => f
                .debug_struct("Found")
                .field("record", record)
                .field("status", status)
                .field("ours", ours)
                .finish_non_exhaustive(),
            Self::NotFound => f.write_str("NotFound"),
        }
    }
}

/// A redeemed PIN.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Redeemed {
    /// The caller's id.
    pub reference: Reference,
    /// The provider's free text, such as `Topup complete`.
    pub message: String,
}

/// The provider's free text may hold anything, so it is not shown.
impl std::fmt::Debug for Redeemed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redeemed")
            .field("reference", &self.reference)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Starts with the credentials of a client or an agent.
    pub fn builder(credentials: Credentials) -> Builder {
        Builder::new(credentials)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The same account with another label (`message`) on the PINs it buys.
    ///
    /// ```
    /// use cowrie_client::{Client, ClientKey, Credentials};
    ///
    /// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
    /// # fn main() -> Result<(), cowrie_client::core::Error> {
    /// let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    /// let client = Client::builder(Credentials::client("me@client.com", key)?).build()?;
    /// assert!(client.with_pin_label("HappyNewYear").is_ok());
    /// assert!(client.with_pin_label("Happy New Year").is_err(), "its signature would be a guess");
    /// # Ok(()) }
    /// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if the label has a character that the client's [`Encoding`] refuses.
    pub fn with_pin_label(&self, label: &str) -> Result<Self, NotSent> {
        let mut inner = Inner::clone(&self.inner);
        Query::new(inner.encoding).with("message", label)?;
        label.clone_into(&mut inner.pin_label);
        Ok(Self::new(inner))
    }

    /// Signs with this account's key, and explains signatures.
    #[must_use]
    pub fn signer(&self) -> Signer {
        Signer::from(&self.inner.credentials)
    }

    /// Balance and discount. Repeated a few times if it fails in a way that can pass. A successful answer also proves that the
    /// key is right.
    ///
    /// ```
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// let account = client.balance().await?;
    /// assert!(account.balance.is_positive());
    /// assert_eq!(account.discount_hundredths, Some(400)); // 4 %
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The read failed.
    pub async fn balance(&self) -> Result<Account, Error> {
        self.balance_with(&self.inner.read_retry).await
    }

    async fn balance_with(&self, policy: &ReadRetry) -> Result<Account, Error> {
        let query = Query::new(Encoding::Strict);
        self.read(policy, Operation::Balance, &query, |status, body| {
            if status != 200 {
                return Err(codes::read_failure(Operation::Balance, status, body));
            }
            wire::read_account(body).ok_or_else(|| {
                unreadable(
                    Operation::Balance,
                    "the answer has no balance that can be read",
                )
            })
        })
        .await
    }

    /// Buys airtime: whole naira, on this network.
    ///
    /// ```
    /// use cowrie_client::core::{Amount, Currency, Reference, Submission};
    /// use cowrie_client::{Network, parse_msisdn};
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// let to = parse_msisdn("08031234567")?;
    /// let amount = Amount::from_major(100, Currency::NGN).ok_or("too much")?;
    /// match client.credit(&Reference::generate()?, Network::Mtn, &to, amount).await? {
    ///     Submission::Accepted(receipt) => assert!(receipt.provider_id.is_some()),
    ///     Submission::Rejected(why) => panic!("the provider says that it did not act: {why}"),
    ///     Submission::Unknown(unknown) => panic!("look {} up", unknown.reference()),
    /// }
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn credit(
        &self,
        reference: &Reference,
        network: Network,
        to: &Msisdn,
        amount: Amount,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let product = Product::airtime(to.clone(), network, amount);
        self.submit(&TopupIntent::new(reference.clone(), product))
            .await
    }

    /// Buys a data plan: its code (as documented since 2025), and its price. Without a code the plan is found by its price,
    /// as documented in 2018; whether such plans are still sold is unknown.
    ///
    /// ```
    /// use cowrie_client::core::{Amount, Currency, Reference, Submission};
    /// use cowrie_client::{Network, parse_msisdn};
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// let to = parse_msisdn("08121234567")?;
    /// let price = Amount::from_major(350, Currency::NGN).ok_or("too much")?;
    /// let answer = client.data(&Reference::generate()?, Network::Airtel, &to, Some("500mb1d"), price).await?;
    /// assert!(matches!(answer, Submission::Accepted(_)));
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn data(
        &self,
        reference: &Reference,
        network: Network,
        to: &Msisdn,
        bundle: Option<&str>,
        price: Amount,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let product = Product::data(to.clone(), network, bundle.map(str::to_owned), price);
        self.submit(&TopupIntent::new(reference.clone(), product))
            .await
    }

    /// Buys one recharge PIN. There is no lookup: an unknown outcome can be settled by the provider's staff only.
    ///
    /// ```
    /// use cowrie_client::core::{Amount, Currency, Reference, Submission};
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// let value = Amount::from_major(200, Currency::NGN).ok_or("too much")?;
    /// let Submission::Accepted(order) = client.allocate_single(&Reference::generate()?, value).await? else {
    ///     panic!("ask the provider: PINs cannot be looked up");
    /// };
    /// assert_eq!(order.pins[0].code.expose().len(), 12);
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn allocate_single(
        &self,
        reference: &Reference,
        face_value: Amount,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        self.allocate(reference, face_value, NonZeroU32::MIN).await
    }

    /// Buys recharge PINs of one face value. There is no lookup: an unknown outcome can be settled by the provider's staff only.
    ///
    /// ```
    /// use std::num::NonZeroU32;
    ///
    /// use cowrie_client::core::{Amount, Currency, Reference, Submission};
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// let value = Amount::from_major(200, Currency::NGN).ok_or("too much")?;
    /// let five = NonZeroU32::new(5).ok_or("none")?;
    /// let Submission::Accepted(order) = client.allocate(&Reference::generate()?, value, five).await? else {
    ///     panic!("ask the provider: PINs cannot be looked up");
    /// };
    /// assert_eq!(order.pins.len(), 5);
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn allocate(
        &self,
        reference: &Reference,
        face_value: Amount,
        count: NonZeroU32,
    ) -> Result<Submission<TopupReceipt>, NotSent> {
        let product = Product::pins(face_value, count);
        self.submit(&TopupIntent::new(reference.clone(), product))
            .await
    }

    /// Spends a PIN on a number. The PIN is digits; it is stored nowhere, so there is nothing to replay. After an unknown
    /// outcome try [`check`](Self::check); whether it sees redeemed PINs is unknown.
    ///
    /// ```
    /// use cowrie_client::core::{Reference, Submission};
    /// # use cowrie_client::core::{Amount, Currency};
    /// use cowrie_client::{Network, parse_msisdn};
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// # let value = Amount::from_major(200, Currency::NGN).ok_or("too much")?;
    /// # let Submission::Accepted(order) = client.allocate_single(&Reference::generate()?, value).await? else { panic!() };
    /// # let pin = &order.pins[0].code;
    /// let to = parse_msisdn("08031234567")?;
    /// let Submission::Accepted(redeemed) = client.redeem(&Reference::generate()?, Network::Mtn, &to, pin).await? else {
    ///     panic!("check it");
    /// };
    /// assert_eq!(redeemed.message, "Topup complete");
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn redeem(
        &self,
        reference: &Reference,
        network: Network,
        to: &Msisdn,
        pin: &Secret,
    ) -> Result<Submission<Redeemed>, NotSent> {
        let request = self.redemption(reference, &network, to, pin)?;
        self.spend(reference, &request, |body| {
            wire::read_redeemed(reference, body)
        })
        .await
    }

    /// Asks what became of a top-up, by its reference (documented) or the provider's id (inferred). Records become visible
    /// late: ask again after 2, 5, 10, 20 and 40 s before giving up.
    ///
    /// ```
    /// use cowrie_client::CheckAnswer;
    /// # let with_client = include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/doc.rs"));
    /// # with_client(async |client: cowrie_client::Client| {
    /// match client.check("order-4711").await? {
    ///     CheckAnswer::Found { ours: Some(false), .. } => println!("another top-up's record: ask the provider's staff"),
    ///     CheckAnswer::Found { status, record, .. } => println!("{status:?}: {record:?}"), // compare number and amount with yours
    ///     CheckAnswer::NotFound => println!("not on record yet, which proves nothing"),
    /// }
    /// # Ok(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// It could not be told: ask again if [`is_retryable`](Error::is_retryable).
    pub async fn check(&self, reference: &str) -> Result<CheckAnswer, Error> {
        const OPERATION: Operation = Operation::Check;
        if reference.is_empty() {
            let refusal = NotSent::new(ErrorKind::InvalidInput, "the reference is empty");
            return Err(refusal.at(PROVIDER, OPERATION.name()).into());
        }
        let query = Query::new(Encoding::Strict).with("reference", reference)?;
        let policy = &self.inner.read_retry;
        let answer = self
            .read(policy, OPERATION, &query, |status, body| {
                match Code::from(status) {
                    Code::Ok => Ok(Some(wire::read_check(body))),
                    Code::WrongRecipient => Ok(Some(Checked::NotFound)),
                    Code::SignatureOrParameter => Ok(None),
                    _ => Err(codes::read_failure(OPERATION, status, body)),
                }
            })
            .await?;
        match answer {
            Some(Checked::Found { fields, status }) => {
                let (record, ours) = wire::record_of(&fields, &status, reference);
                let stamp = fields.text("stamp");
                Ok(CheckAnswer::Found {
                    record,
                    status,
                    stamp,
                    ours,
                })
            }
            Some(Checked::NotFound) => Ok(CheckAnswer::NotFound),
            Some(Checked::Undetermined) => Err(unreadable(
                OPERATION,
                "the answer says neither that it is on record nor that it is not",
            )),
            None => self.bad_key_or_not_found().await,
        }
    }

    /// A Check answered with 400 means a wrong signature or an unknown reference. One balance call with the same key decides.
    async fn bad_key_or_not_found(&self) -> Result<CheckAnswer, Error> {
        let refused = |kind, what| {
            Error::answered(kind, what)
                .at(PROVIDER, Operation::Check.name())
                .with_provider_code("400")
                .with_http_status(400)
                .on_read()
        };
        if self.inner.diagnose_check {
            match self.balance_with(&ReadRetry::none()).await {
                Ok(_) => return Ok(CheckAnswer::NotFound),
                Err(failure) if failure.http_status() == Some(400) => {
                    return Err(
                        refused(ErrorKind::Authentication, "the signature was refused")
                            .with_help("check the client id and the client key"),
                    );
                }
                Err(_) => {}
            }
        }
        Err(refused(
            ErrorKind::UnreadableAnswer,
            "refused: the signature is wrong, or the reference is unknown",
        ))
    }

    /// One spending request, once.
    pub(crate) async fn spend<T>(
        &self,
        reference: &Reference,
        request: &UnsignedRequest,
        read: impl FnOnce(&[u8]) -> Submission<T>,
    ) -> Result<Submission<T>, NotSent> {
        let operation = request.operation();
        let wire = self.signed(request)?;
        match self.inner.endpoint.exchange(operation.name(), wire).await {
            Ok(answer) => {
                let (status, body) = (answer.status().as_u16(), answer.body());
                let wait = retry_after(answer.headers(), self.inner.clock.now());
                match codes::judge(operation, reference, status, wait, body) {
                    Submission::Accepted(()) => Ok(read(body)),
                    Submission::Rejected(rejection) => Ok(Submission::Rejected(rejection)),
                    Submission::Unknown(unknown) => {
                        Ok(Submission::Unknown(unknown.without_provisional()))
                    }
                }
            }
            Err(failure) => after_failure(reference, failure, Some(operation.when_unknown())),
        }
    }

    /// One read, repeated by the policy; every transmission has a nonce of its own.
    async fn read<T>(
        &self,
        policy: &ReadRetry,
        operation: Operation,
        query: &Query,
        judge: impl Fn(u16, &[u8]) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        let inner = &*self.inner;
        let judge = &judge;
        let attempt = || async move {
            let answer = self.transmit(operation, query).await?;
            judge(answer.status().as_u16(), answer.body()).map_err(|failure| {
                match retry_after(answer.headers(), inner.clock.now()) {
                    Some(wait) => failure.with_retry_after(wait),
                    None => failure,
                }
            })
        };
        inner.endpoint.read(policy, attempt).await
    }

    async fn transmit(
        &self,
        operation: Operation,
        query: &Query,
    ) -> Result<Response<Bytes>, Error> {
        let nonce = self.nonce(operation)?;
        let request = self.signed(&UnsignedRequest::new(operation, nonce, query.clone()))?;
        self.inner
            .endpoint
            .exchange(operation.name(), request)
            .await
    }

    pub(crate) fn nonce(&self, operation: Operation) -> Result<crate::Nonce, NotSent> {
        let unavailable = NotSent::because(ErrorKind::Unavailable);
        let nonce = self.inner.nonces.next().map_err(unavailable);
        nonce.map_err(|failure| failure.at(PROVIDER, operation.name()))
    }

    fn signed(
        &self,
        request: &UnsignedRequest,
    ) -> Result<telco_http::http::Request<Bytes>, NotSent> {
        let inner = &*self.inner;
        let mut wire = request
            .signed(&inner.credentials, inner.endpoint.base())
            .map_err(|refusal| refusal.at(PROVIDER, request.operation().name()))?;
        for (name, value) in &inner.extra_headers {
            wire.headers_mut().append(name.clone(), value.clone());
        }
        Ok(wire)
    }
}

fn unreadable(operation: Operation, what: &'static str) -> Error {
    Error::answered(ErrorKind::UnreadableAnswer, what)
        .at(PROVIDER, operation.name())
        .with_http_status(200)
        .on_read()
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("identity", &self.inner.identity)
            .field("base_url", self.inner.endpoint.base())
            .finish_non_exhaustive()
    }
}
