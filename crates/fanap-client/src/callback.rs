//! What the provider pushes to your URL (**documented** for the family; no complete signed push is public, so the signed text is
//! not proven). One of the things that can settle an unknown commit.

use serde_json::Value;
use telco_core::{Callback, CallbackError, CallbackParser, CallbackRequest, Secret};
use telco_crypto::digest::Algorithm;
use telco_crypto::encoding::decode_base64;
use telco_crypto::rsa::{LoadOptions, PublicKey};
use telco_http::repeats_a_member;

use crate::wire::{Members, truth};

/// A push is a few hundred octets.
const MAX_BYTES: usize = 1024 * 1024;

/// The messaging key that the vendor publishes. It has 1024 bits, which is weak, and is what the pushes are signed with.
const PROVIDER_KEY: &str = include_str!("provider_key.xml");

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A subscriber, or the operator in their name, did something. Signed.
    Message(Message),
    /// What became of a message that was sent. Not signed: a hint.
    Delivery(DeliveryReport),
}

/// What a subscriber did, or the operator in their name. A subscription through a code arrives with actor `Cp` and message type
/// `Subscription`.
///
/// The signature covers all but `actor` and `user_phone_number`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The provider's id of the message. Pushes may come twice: drop the second of the same.
    pub muid: String,
    /// The service.
    pub sid: String,
    /// When the provider received it, as it wrote it.
    pub receive_time: String,
    /// The kind of channel.
    pub channel_type: String,
    /// The channel.
    pub channel: String,
    /// `Sms`, `Cp`, `Tajmi`, `Ussd`, `Operator` or `Hamrahman`.
    pub actor: Option<String>,
    /// Such as `Subscription`.
    pub message_type: String,
    /// What the subscriber wrote.
    pub content: Secret,
    /// The provider's name for the subscriber.
    pub account_id: Secret,
    /// The subscriber's number, if it is told.
    pub user_phone_number: Option<Secret>,
}

impl Message {
    /// A subscription through a code: what a commit leads to. That it came through a code rests on [`actor`](Self::actor), which the
    /// signature does **not** cover; that it is a subscription rests on [`message_type`](Self::message_type), which it does.
    #[must_use]
    pub fn is_subscription_by_code(&self) -> bool {
        self.message_type == "Subscription" && self.actor.as_deref() == Some("Cp")
    }
}

/// What became of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The provider's id of the message.
    pub muid: Option<String>,
    /// The provider's name for the subscriber.
    pub account_id: Option<Secret>,
    /// As the provider says it.
    pub status: String,
    /// The service.
    pub sid: Option<String>,
    /// The application.
    pub app_id: Option<String>,
    /// The kind of channel.
    pub channel_type: Option<String>,
    /// More about the status.
    pub detail_code: Option<String>,
    /// The same in words.
    pub detail_description: Option<Secret>,
    /// Whatever was given with the message.
    pub tags: Option<Secret>,
    /// It will not change any more.
    pub permanent: Option<bool>,
}

/// Reads and verifies pushes. A message whose signature is missing or wrong is refused; a delivery report carries none, so it is
/// always [`Callback::Unverified`].
///
/// ```
/// use std::time::SystemTime;
/// use fanap_client::core::{Callback, CallbackError, CallbackParser, CallbackRequest};
/// use fanap_client::{Callbacks, Notice};
///
/// let callbacks = Callbacks::default();
/// let header = |_: &str| None;
/// let report = br#"[{"Muid":"m-1","Status":"Delivered","Permanent":"True"}]"#;
/// let push = callbacks.parse(&CallbackRequest::new(&header, report, SystemTime::now()))?;
/// assert!(matches!(push, Callback::Unverified(Notice::Delivery(_))));
///
/// let forged = br#"[{"Muid":"m-2","MessageType":"Subscription","Actor":"Cp","Content":"","Signature":"AAAA"}]"#;
/// let refused = callbacks.parse(&CallbackRequest::new(&header, forged, SystemTime::now()));
/// assert_eq!(refused, Err(CallbackError::BadSignature));
/// # Ok::<(), CallbackError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Callbacks {
    key: PublicKey,
}

impl Default for Callbacks {
    /// With the key that the vendor publishes.
    #[expect(
        clippy::expect_used,
        reason = "a constant of this crate, which its tests load"
    )]
    fn default() -> Self {
        let weak = LoadOptions::new().allow_weak();
        let key = PublicKey::load_with(PROVIDER_KEY.as_bytes(), &weak);
        Self::new(key.expect("the published key loads"))
    }
}

impl Callbacks {
    /// With another key.
    #[must_use]
    pub fn new(key: PublicKey) -> Self {
        Self { key }
    }

    fn message(&self, members: &Members) -> Result<Message, CallbackError> {
        /// In the order in which they are signed.
        const SIGNED: [&str; 8] = [
            "receiveTime",
            "sid",
            "channelType",
            "channel",
            "muid",
            "content",
            "messageType",
            "accountId",
        ];
        let values = SIGNED.map(|name| members.get(name).map(literal).unwrap_or_default());
        // One text, one meaning: with a comma in one of these, the same signature would cover other values as well.
        let splits = |(name, value): (&&str, &String)| *name != "content" && value.contains(',');
        if SIGNED.iter().zip(&values).any(splits) {
            return Err(CallbackError::Malformed(
                "a signed field other than Content has a comma in it",
            ));
        }
        let signature = members
            .text("signature")
            .and_then(|text| decode_base64(&text).ok());
        let text = Secret::new(values.join(","));
        let holds = signature.is_some_and(|signature| {
            self.key
                .verify(Algorithm::Sha1, text.expose().as_bytes(), &signature)
        });
        if !holds {
            return Err(CallbackError::BadSignature);
        }
        let [
            receive_time,
            sid,
            channel_type,
            channel,
            muid,
            content,
            message_type,
            account_id,
        ] = values;
        if muid.is_empty() {
            return Err(CallbackError::Malformed("a message has no Muid"));
        }
        Ok(Message {
            muid,
            sid,
            receive_time,
            channel_type,
            channel,
            actor: members.text("actor"),
            message_type,
            content: Secret::new(content),
            account_id: Secret::new(account_id),
            user_phone_number: shown(members, "userPhoneNumber").map(Secret::new),
        })
    }
}

impl CallbackParser for Callbacks {
    type Event = Notice;

    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<Notice>, CallbackError> {
        if request.body.len() > MAX_BYTES {
            return Err(CallbackError::TooLarge);
        }
        let body = request
            .body
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(request.body);
        if repeats_a_member(body) {
            return Err(CallbackError::Malformed("it names a member twice"));
        }
        let notices: Vec<Members> = serde_json::from_slice(body)
            .map_err(|_| CallbackError::Malformed("not a JSON array of objects"))?;
        let [members] = notices.as_slice() else {
            return Err(CallbackError::Malformed("not exactly one notice"));
        };
        // Whatever claims to be a message is held to its signature.
        let claims_message = ["messageType", "content", "signature"]
            .iter()
            .any(|name| members.get(name).is_some());
        if claims_message {
            return Ok(Callback::Verified(Notice::Message(self.message(members)?)));
        }
        delivery(members)
            .map(|report| Callback::Unverified(Notice::Delivery(report)))
            .ok_or(CallbackError::Malformed(
                "neither a message nor a delivery report",
            ))
    }
}

fn delivery(members: &Members) -> Option<DeliveryReport> {
    let secret = |name| shown(members, name).map(Secret::new);
    Some(DeliveryReport {
        status: shown(members, "status")?,
        muid: shown(members, "muid"),
        account_id: secret("accountId"),
        sid: shown(members, "sid"),
        app_id: shown(members, "appId"),
        channel_type: shown(members, "channelType"),
        detail_code: shown(members, "detailCode"),
        detail_description: secret("detailDescription"),
        tags: secret("tags"),
        permanent: truth(members.get("permanent")).get(),
    })
}

/// A text as it is, anything else as JSON writes it.
fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn shown(members: &Members, name: &str) -> Option<String> {
    members
        .get(name)
        .map(literal)
        .filter(|text| !text.is_empty())
}
