//! The v2 client: one operation, `asynccall`.

use std::fmt;
use std::sync::Arc;

use telco_core::{
    Clock, ErrorKind, Identity, Msisdn, NotSent, OtpCapabilities, Reference, Secret, Submission,
};
use telco_http::after_failure;
use telco_otp::LocalOtp;
use zeroize::Zeroizing;

use crate::judge::Answered;
use crate::line::Line;
use crate::operation::Operation;
use crate::wire::{Envelope, Object, WireError};
use crate::{
    Builder, Cipher, Credentials, Gateway, MissedCall, NumberForm, Numbers, PROVIDER, Token,
};

const OPERATION: Operation = Operation::AsyncCall;

/// One account at Citcall's v2, whose messages are encrypted. Cheap to clone; clones share connections.
///
/// Every call that is accepted rings a person and costs money. It is sent **once** and answers with a [`Submission`].
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) identity: Identity,
    pub(crate) capabilities: OtpCapabilities,
    pub(crate) line: Line,
    pub(crate) path: String,
    pub(crate) cipher: Cipher,
    pub(crate) sent_client_id: Option<String>,
    pub(crate) number_form: NumberForm,
    pub(crate) first_gateway: Gateway,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) numbers: Numbers,
    pub(crate) check_echoes: bool,
}

/// A missed call to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AsyncCall {
    to: Msisdn,
    raw_msisdn: Option<Secret>,
    gateway: Gateway,
    client_unique_id: Option<String>,
    checked: bool,
}

impl AsyncCall {
    /// Rings this number through this gateway.
    pub fn new(to: &Msisdn, gateway: Gateway) -> Self {
        Self {
            to: to.clone(),
            raw_msisdn: None,
            gateway,
            client_unique_id: None,
            checked: true,
        }
    }

    /// Your own id, which comes back: 1 to 64 visible ASCII characters. It is **not** documented to make a repeat safe.
    pub fn client_unique_id(mut self, id: impl Into<String>) -> Self {
        self.client_unique_id = Some(id.into());
        self
    }

    /// Sends the id whatever its length and characters; the real limit is unknown. What is beyond ASCII is escaped.
    pub fn unchecked_client_unique_id(mut self, id: impl Into<String>) -> Self {
        self.checked = false;
        self.client_unique_id(id)
    }

    /// Writes the number on the wire exactly so, whatever its length. The answer is still compared with the number given to
    /// [`new`](Self::new), in any spelling.
    pub fn raw_msisdn(mut self, text: impl Into<String>) -> Self {
        self.raw_msisdn = Some(Secret::new(text));
        self
    }

    fn check(&self, numbers: &Numbers) -> Result<(), NotSent> {
        if self.raw_msisdn.is_none() {
            numbers
                .check(&self.to)
                .map_err(NotSent::because(ErrorKind::InvalidRecipient))?;
        }
        let well_formed =
            |id: &String| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
        if self.checked && !self.client_unique_id.as_ref().is_none_or(well_formed) {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "clientUniqueId is 1 to 64 visible ASCII characters",
            ));
        }
        Ok(())
    }

    /// The inner JSON, its members in the order of the provider's sample.
    ///
    /// ```
    /// use citcall_client::{AsyncCall, Gateway, NumberForm, parse_msisdn};
    ///
    /// let call = AsyncCall::new(&parse_msisdn("081234567890")?, Gateway::new(2)?).client_unique_id("order-42");
    /// assert_eq!(
    ///     call.to_json(NumberForm::National).expose(),
    ///     r#"{"msisdn":"081234567890","gateway":2,"clientUniqueId":"order-42"}"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn to_json(&self, form: NumberForm) -> Secret {
        Secret::new(self.json(form).as_str())
    }

    fn json(&self, form: NumberForm) -> Zeroizing<String> {
        let written = Zeroizing::new(form.write(&self.to));
        let msisdn = match &self.raw_msisdn {
            Some(raw) => raw.expose(),
            None => &written,
        };
        Object::new()
            .text("msisdn", msisdn)
            .number("gateway", self.gateway.number())
            .maybe_text("clientUniqueId", self.client_unique_id.as_deref())
            .finish()
    }
}

/// Accepted **for calling**: not yet rung, and nothing said about the end of the call, which comes by callback. `Debug` leaves out
/// what may quote the code.
#[derive(Clone)]
#[non_exhaustive]
pub struct AcceptedCall {
    /// The number that rings. `None` if none came.
    pub token: Option<Token>,
    /// The provider's id of the call. The v2 document names it, its sample lacks it.
    pub trxid: Option<String>,
    /// The called number, as it was echoed.
    pub msisdn: Option<Msisdn>,
    /// The gateway, as it was echoed.
    pub gateway: Option<i64>,
    /// Your own id, as it was echoed.
    pub client_unique_id: Option<String>,
    /// The price, in the provider's text (observed by third parties).
    pub price: Option<String>,
    /// The provider's words.
    pub info: Option<String>,
    /// It came encrypted.
    pub encrypted: bool,
    /// The whole answer as JSON, with whatever this crate does not know. It holds the code.
    pub json: Option<Secret>,
}

impl AcceptedCall {
    /// Reads an accepted answer and compares what it echoes.
    pub(crate) fn read(
        envelope: &Envelope,
        numbers: &Numbers,
        echoes: Option<&Echoes<'_>>,
    ) -> Result<Self, WireError> {
        let fields = &envelope.fields;
        let msisdn = fields.text("msisdn");
        // Where echoes are compared, below, it is the number that was called, however it is written.
        let number = msisdn.as_deref().and_then(|text| match echoes {
            Some(sent) => Some(sent.msisdn.clone()),
            None => numbers.parse(text).ok(),
        });
        let gateway = fields.integer("gateway");
        if let Some(sent) = echoes {
            let differs = |name: &str, same: bool| fields.text(name).is_some() && !same;
            let same = |text: &str| numbers.is_echo(text, sent.msisdn);
            if msisdn.as_deref().is_some_and(|text| !same(text)) {
                return Err(WireError::EchoMismatch("msisdn"));
            }
            if let Some(sent) = sent.gateway
                && differs("gateway", gateway == Some(sent))
            {
                return Err(WireError::EchoMismatch("gateway"));
            }
            envelope.echoes_id(sent.client_unique_id)?;
        }
        Ok(Self {
            token: fields.text("token").map(Token::new),
            trxid: fields.trxid(),
            msisdn: number,
            gateway,
            client_unique_id: fields.text("clientUniqueId"),
            price: fields.text("price"),
            info: envelope.info(),
            encrypted: envelope.encrypted,
            json: fields.json().cloned(),
        })
    }
}

impl fmt::Debug for AcceptedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcceptedCall")
            .field("trxid", &self.trxid)
            .field("msisdn", &self.msisdn)
            .field("gateway", &self.gateway)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// What an answer must say again, if it says it at all.
pub(crate) struct Echoes<'a> {
    pub(crate) msisdn: &'a Msisdn,
    pub(crate) gateway: Option<i64>,
    pub(crate) client_unique_id: Option<&'a str>,
}

impl Client {
    /// Starts with the account's user id and API key.
    pub fn builder(credentials: Credentials) -> Builder {
        Builder::new(credentials)
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Missed calls as one-time codes, checked on our side: see [`MissedCall`].
    pub fn missed_call(&self, codes: LocalOtp) -> MissedCall {
        MissedCall::new(self.clone(), codes)
    }

    /// Has one phone rung. `reference` is yours, to find the operation again; it is not sent (see
    /// [`AsyncCall::client_unique_id`]). A dropped future may have rung: run it where no disconnecting browser can drop it.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    ///
    /// ```
    /// use citcall_client::core::{NotSent, Reference, Submission};
    /// use citcall_client::{AsyncCall, Client, Gateway};
    ///
    /// async fn ring(client: &Client, reference: &Reference, call: &AsyncCall) -> Result<(), NotSent> {
    ///     match client.async_call(reference, call).await? {
    ///         Submission::Accepted(call) => println!("ringing from {:?}", call.token.and_then(|t| t.hint())),
    ///         Submission::Rejected(why) => println!("refused: {why}"),
    ///         Submission::Unknown(unknown) => println!("it may have rung: {}", unknown.cause()),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn async_call(
        &self,
        reference: &Reference,
        call: &AsyncCall,
    ) -> Result<Submission<AcceptedCall>, NotSent> {
        let inner = &*self.inner;
        call.check(&inner.numbers)
            .map_err(|refusal| refusal.at(PROVIDER, OPERATION.name()))?;
        let exchange = inner
            .line
            .exchange(OPERATION, &inner.path, || inner.sealed(call));
        let answer = match exchange.await {
            Ok(answer) => answer,
            Err(failure) => return after_failure(reference, failure, Some(OPERATION.perhaps())),
        };
        let now = inner.clock.now();
        let answered = Answered::new(OPERATION, &answer, now);
        let echoes = Echoes {
            msisdn: &call.to,
            gateway: Some(call.gateway.number()),
            client_unique_id: call.client_unique_id.as_deref(),
        };
        let envelope = Envelope::read(answer.body(), Some(&inner.cipher), now);
        Ok(answered.judge(reference, envelope, |envelope| {
            let echoes = inner.check_echoes.then_some(&echoes);
            AcceptedCall::read(&envelope, &inner.numbers, echoes)
        }))
    }
}

impl Inner {
    /// The outer body, sealed as of now.
    fn sealed(&self, call: &AsyncCall) -> Zeroizing<String> {
        let data = self
            .cipher
            .seal(&call.json(self.number_form), self.clock.now());
        Object::new()
            .text("data", &data)
            .maybe_text("client_id", self.sent_client_id.as_deref())
            .finish()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("identity", &self.inner.identity)
            .field("base_url", self.inner.line.base())
            .finish_non_exhaustive()
    }
}
