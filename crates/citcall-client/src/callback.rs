//! What Citcall pushes: how a call ended, what became of a message. Nothing of it is signed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::SystemTime;

use telco_core::{
    Callback, CallbackError, CallbackParser, CallbackRequest, Msisdn, Reference, Secret,
};

use crate::wire::{BODY_CAP, Envelope, WireError};
use crate::{Cipher, Code, Numbers, Token};

/// The address that an official sample names as the sender of callbacks. Observed, and perhaps out of date: ask Citcall.
pub const OBSERVED_SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(104, 199, 196, 122));

/// How a call ended. It **never** says that the user typed the code, and marks nobody verified. `Debug` leaves out
/// what anybody may have written into it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallEnded {
    /// The result code.
    pub code: Code,
    /// The provider's id of the call.
    pub trxid: Option<String>,
    /// Your own id of it.
    pub client_unique_id: Option<String>,
    /// Who was called.
    pub msisdn: Option<Msisdn>,
    /// The number that rang: it holds the code.
    pub token: Option<Token>,
    /// Known value: `voice`.
    pub via: Option<String>,
    /// Known value: `200`; looks like a SIP status (inferred).
    pub dial_code: Option<String>,
    /// Known value: `OK`.
    pub dial_status: Option<String>,
    /// Known value: `ANSWERED`.
    pub call_status: Option<String>,
    /// Known value: `Success`. The others are unknown, so all of them stay text.
    pub result: Option<String>,
    /// The price, in the provider's text (observed by third parties).
    pub price: Option<String>,
    /// It came encrypted. That proves nothing.
    pub encrypted: bool,
    /// The whole push as JSON. It holds the code.
    pub json: Option<Secret>,
}

impl CallEnded {
    /// By the values known, the call came about: rc 0, and no `result` other than `Success`.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        let said_so = |result: &String| result.eq_ignore_ascii_case("success");
        self.code == Code::Ok && self.result.as_ref().is_none_or(said_so)
    }

    /// It names this call, by the provider's id or by the reference that went out as `clientUniqueId`, and no other. One of the
    /// checks that an unsigned push still allows.
    #[must_use]
    pub fn is_about(&self, trxid: Option<&str>, reference: &Reference) -> bool {
        let agrees = |pushed: &Option<String>, ours: Option<&str>| match (pushed, ours) {
            (Some(pushed), Some(ours)) => Some(pushed == ours),
            _ => None,
        };
        let ids = [
            agrees(&self.trxid, trxid),
            agrees(&self.client_unique_id, Some(reference.as_str())),
        ];
        ids.contains(&Some(true)) && !ids.contains(&Some(false))
    }
}

impl fmt::Debug for CallEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallEnded")
            .field("code", &self.code)
            .field("trxid", &self.trxid)
            .field("msisdn", &self.msisdn)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// What became of a message (v3; shape observed by third parties).
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SmsReport {
    /// The provider's id of the message.
    pub trxid: String,
    /// The result, in the provider's words.
    pub result: String,
    /// More words.
    pub description: Option<String>,
    /// When, in a format that is unknown.
    pub reported_date: Option<String>,
    /// The whole push as JSON.
    pub json: Option<Secret>,
}

impl fmt::Debug for SmsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsReport")
            .field("trxid", &self.trxid)
            .finish_non_exhaustive()
    }
}

/// Either kind of push.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Push {
    /// How a call ended.
    Call(CallEnded),
    /// What became of a message.
    Sms(SmsReport),
}

/// Reads pushes of both versions, plain or encrypted, and always answers [`Callback::Unverified`].
///
/// Answer 200 at once, also to a duplicate, and 400 to what cannot be read. Since nothing is signed: register a URL that nobody can
/// guess; take only what names a call of yours ([`CallEnded::is_about`]) and, where it has a token, the right one
/// ([`MissedCall::callback_fits`](crate::MissedCall::callback_fits)).
///
/// ```
/// use citcall_client::core::{Callback, CallbackParser, CallbackRequest};
/// use citcall_client::{Callbacks, Push};
/// use std::time::SystemTime;
///
/// let body = br#"{"rc":0,"trxid":"20200101000000000000000001","msisdn":"+6281234567890","result":"Success"}"#;
/// let request = CallbackRequest::new(&|_| None, body, SystemTime::now());
/// let Callback::Unverified(Push::Call(call)) = Callbacks::default().parse(&request)? else { panic!() };
/// assert!(call.succeeded());
/// # Ok::<(), citcall_client::core::CallbackError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct Callbacks {
    cipher: Option<Cipher>,
    numbers: Numbers,
    /// None: any.
    senders: Option<Vec<IpAddr>>,
}

impl Callbacks {
    /// Opens encrypted pushes too. Whether v2 encrypts them is unknown. The cipher's window is that for callbacks.
    pub fn with_cipher(self, cipher: Cipher) -> Self {
        Self {
            cipher: Some(cipher),
            ..self
        }
    }

    /// The rules for the numbers in them.
    pub fn with_numbers(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    /// Takes pushes from these addresses only (see [`OBSERVED_SENDER`]); then every request needs
    /// [`from_peer`](CallbackRequest::from_peer). An IPv4 address is the same in its form for IPv6 sockets (`::ffff:192.0.2.1`). An
    /// empty list lets nothing in. Default: from any.
    pub fn only_from(self, senders: impl Into<Vec<IpAddr>>) -> Self {
        let senders: Vec<IpAddr> = senders.into();
        Self {
            senders: Some(senders.iter().map(IpAddr::to_canonical).collect()),
            ..self
        }
    }

    /// For a URL that only calls are reported to.
    pub fn of_calls(self) -> CallCallbacks {
        CallCallbacks(self)
    }

    /// For a URL that only messages are reported to.
    pub fn of_messages(self) -> SmsCallbacks {
        SmsCallbacks(self)
    }

    fn open(&self, request: &CallbackRequest<'_>) -> Result<Envelope, CallbackError> {
        let is_listed = |senders: &Vec<IpAddr>| {
            let peer = request.peer.map(|peer| peer.to_canonical());
            peer.is_some_and(|peer| senders.contains(&peer))
        };
        if !self.senders.as_ref().is_none_or(is_listed) {
            return Err(CallbackError::Malformed(
                "it comes from an address that is not on the list",
            ));
        }
        if request.body.len() > BODY_CAP {
            return Err(CallbackError::TooLarge);
        }
        open(request.body, self.cipher.as_ref(), request.received_at)
    }

    fn call(&self, envelope: &Envelope) -> Result<CallEnded, CallbackError> {
        if !envelope.has_code() {
            return Err(CallbackError::Malformed("a call's report has no rc"));
        }
        let fields = &envelope.fields;
        let number = fields.text("msisdn");
        Ok(CallEnded {
            code: envelope.code(),
            trxid: fields.trxid(),
            client_unique_id: fields.text("clientUniqueId"),
            msisdn: number.and_then(|text| self.numbers.parse(&text).ok()),
            token: fields.text("token").map(Token::new),
            via: fields.text("via"),
            dial_code: fields.text("dial_code"),
            dial_status: fields.text("dial_status"),
            call_status: fields.text("call_status"),
            result: fields.text("result"),
            price: fields.text("price"),
            encrypted: envelope.encrypted,
            json: fields.json().cloned(),
        })
    }
}

fn open(body: &[u8], cipher: Option<&Cipher>, at: SystemTime) -> Result<Envelope, CallbackError> {
    Envelope::open(body, cipher, at).map_err(|why| {
        CallbackError::Malformed(match why {
            WireError::NoKeys => "it is encrypted, and no keys were given",
            WireError::Decrypt(_) => "its data does not open under these keys and this clock",
            WireError::MalformedResult => "its rc is no number",
            _ => "it is no JSON object",
        })
    })
}

fn message(envelope: &Envelope) -> Result<SmsReport, CallbackError> {
    let fields = &envelope.fields;
    let (Some(trxid), Some(result)) = (fields.trxid(), fields.text("result")) else {
        return Err(CallbackError::Malformed(
            "a message's report has no trxid or no result",
        ));
    };
    Ok(SmsReport {
        trxid,
        result,
        description: fields.text("description"),
        reported_date: fields.text("reportedDate"),
        json: fields.json().cloned(),
    })
}

impl CallbackParser for Callbacks {
    type Event = Push;

    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<Push>, CallbackError> {
        let envelope = self.open(request)?;
        let has = |name| envelope.fields.has(name);
        // A message's report carries no rc (C.3), and perhaps nothing but its id and its result.
        let is_bare = !envelope.has_code()
            && !["via", "token", "dial_code", "dial_status"]
                .into_iter()
                .any(has);
        let of_message =
            !has("call_status") && (has("description") || has("reportedDate") || is_bare);
        let push = if of_message {
            Push::Sms(message(&envelope)?)
        } else {
            Push::Call(self.call(&envelope)?)
        };
        Ok(Callback::Unverified(push))
    }
}

/// Reads every push as one about a call.
#[derive(Debug, Clone)]
pub struct CallCallbacks(Callbacks);

impl CallbackParser for CallCallbacks {
    type Event = CallEnded;

    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<CallEnded>, CallbackError> {
        let envelope = self.0.open(request)?;
        self.0.call(&envelope).map(Callback::Unverified)
    }
}

/// Reads every push as one about a message.
#[derive(Debug, Clone)]
pub struct SmsCallbacks(Callbacks);

impl CallbackParser for SmsCallbacks {
    type Event = SmsReport;

    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<SmsReport>, CallbackError> {
        message(&self.0.open(request)?).map(Callback::Unverified)
    }
}
