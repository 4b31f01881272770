//! The sibling service that the vendor calls IMI (**documented** in its own page): the same headers and signed text, other paths
//! and fields. Built by [`Builder::build_imi`](crate::Builder::build_imi).

use serde::Serialize;
use telco_core::{ErrorKind, NotSent, Reference, Submission};
use telco_http::repeats_a_member;

use crate::judge::{Call, Reading};
use crate::wire::{Answer, Field, Members, Operation, post};
use crate::{Class, Client, ImiService, PROVIDER, Phone, ServiceKey, Signed, Token};

/// The IMI one-time-password calls. Commit **charges**. Most applications want them through [`service`](Self::service), which a
/// guard against double clicks takes.
///
/// ```
/// # use fanap_client::core::{Reference, Submission};
/// # use fanap_client::{Application, Client, PrivateKey, ServiceKey, Token, parse_msisdn};
/// # async fn demo(application: Application, key: PrivateKey, service: ServiceKey, reference: Reference) -> Result<(), Box<dyn std::error::Error>> {
/// let imi = Client::builder(application, key).build_imi()?;
/// let phone = imi.client().phone(&parse_msisdn("09120000000")?)?;
/// if let Submission::Accepted(started) = imi.start(&reference, &service, &phone).await? {
///     println!("keep {}", started.otp_id);
///     let pin = Token::parse("3007")?; // what the subscriber typed
///     match imi.commit(&reference, &service, &started.otp_id, &pin).await? {
///         Submission::Accepted(committed) => println!("charged: {}", committed.request_id),
///         Submission::Rejected(why) => println!("refused: {why}"),
///         Submission::Unknown(unknown) => println!("perhaps charged: {}", unknown.cause()),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Imi(Client);

/// A code is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImiStarted {
    /// Goes to commit, unchanged. One that came as an integer (its type is unknown) is kept, and goes out, as its
    /// digits.
    pub otp_id: String,
    /// The provider's id of the request.
    pub request_id: Option<String>,
}

/// The subscriber is subscribed, or has bought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ImiCommitted {
    /// The provider's id of the request.
    pub request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StartBody<'a> {
    date: &'a str,
    phone_number: &'a str,
    service_key: &'a str,
    signature: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CommitBody<'a> {
    date: &'a str,
    otp_id: &'a str,
    pin: &'a str,
    service_key: &'a str,
    signature: &'a str,
}

impl Imi {
    pub(crate) fn new(client: Client) -> Self {
        Self(client)
    }

    /// Identity, signer and settings.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// One service of the application, as the shared traits see it: [`OtpSender`](telco_core::OtpSender) and
    /// [`SubscriptionOtp`](telco_core::SubscriptionOtp).
    #[must_use]
    pub fn service(&self, key: ServiceKey) -> ImiService {
        ImiService::new(self.clone(), key)
    }

    /// Sends a code to this phone, once. A dropped future may have sent the message.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn start(
        &self,
        reference: &Reference,
        service: &ServiceKey,
        phone: &Phone,
    ) -> Result<Submission<ImiStarted>, NotSent> {
        let build = |signed: &Signed| {
            let body = StartBody {
                date: signed.date().as_str(),
                phone_number: phone.expose(),
                service_key: service.expose(),
                signature: signed.signature().expose(),
            };
            self.post("/api/otp/start", &body)
        };
        let take = |answer: &Members| {
            Some(ImiStarted {
                otp_id: answer.id("otpId")?,
                request_id: answer.id("requestId"),
            })
        };
        let read = |status, body: &[u8]| reading(Operation::Start, status, body, take);
        let call = Call::Imi(Operation::Start);
        self.0.spend(call, reference, build, read).await
    }

    /// Confirms a code, once: **this charges the subscriber**. A dropped future may have charged: run it where no disconnecting
    /// browser can drop it. Nothing here keeps two clicks from committing twice, and whether the provider does is unknown:
    /// [`service`](Self::service) with [`commit_once`](crate::otp::commit_once) does.
    ///
    /// An unknown commit is settled by the provider's push or its support. Not by
    /// [`SubscriptionCheck`](crate::SubscriptionCheck), which knows Pardis services only.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn commit(
        &self,
        reference: &Reference,
        service: &ServiceKey,
        otp_id: &str,
        pin: &Token,
    ) -> Result<Submission<ImiCommitted>, NotSent> {
        let call = Call::Imi(Operation::Commit);
        if otp_id.is_empty() || otp_id.chars().any(char::is_control) {
            let what = "the OtpId is empty or has control characters";
            let refusal = NotSent::new(ErrorKind::InvalidInput, what);
            return Err(refusal.at(PROVIDER, call.name()));
        }
        let build = |signed: &Signed| {
            let body = CommitBody {
                date: signed.date().as_str(),
                otp_id,
                pin: pin.expose(),
                service_key: service.expose(),
                signature: signed.signature().expose(),
            };
            self.post("/api/otp/commit", &body)
        };
        let take = |answer: &Members| {
            Some(ImiCommitted {
                request_id: answer.id("requestId")?,
            })
        };
        let read = |status, body: &[u8]| reading(Operation::Commit, status, body, take);
        self.0.spend(call, reference, build, read).await
    }

    fn post(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<telco_http::http::Request<telco_http::Bytes>, NotSent> {
        let inner = &self.0.inner;
        post(inner.endpoint.base(), path, &inner.application, body)
    }
}

/// No success flag is documented: the ids are the success. One that came all the same, and says otherwise, is believed as little as
/// they are.
fn reading<T>(
    operation: Operation,
    status: u16,
    body: &[u8],
    take: impl FnOnce(&Members) -> Option<T>,
) -> Reading<T> {
    let members = Members::read(body);
    let answer = members.as_ref().map(Answer::of);
    let value = members.as_ref().and_then(take);
    let error = answer.as_ref().and_then(|answer| answer.error.clone());
    let is_success = (200..300).contains(&status);
    let denied = answer.as_ref().is_some_and(Answer::denies_success);
    let class = match (&error, &value) {
        (None, Some(_)) if is_success && denied => Class::contradiction(operation),
        (None, Some(_)) if is_success => Class::Ok,
        (None, None) if is_success => Class::unintelligible(operation),
        _ => Class::of(operation, status, answer.as_ref()),
    };
    Reading {
        class,
        // An id or a word of success beside an error, or behind a failing status, contradicts it.
        good_news: value.is_some()
            || answer.as_ref().is_some_and(Answer::has_good_news)
            || repeats_a_member(body),
        error,
        response: match answer.map(|answer| answer.response) {
            Some(Field::Is(number)) => Some(number),
            _ => None,
        },
        value: value.filter(|_| class == Class::Ok),
    }
}
