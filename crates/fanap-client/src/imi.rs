//! The sibling service for other operators (**documented** in the vendor's IMI page): the same headers and signed text, other
//! paths and fields. Built by [`Builder::build_imi`](crate::Builder::build_imi).

use serde::Serialize;
use telco_core::{ErrorKind, NotSent, Reference, Submission};

use crate::judge::Reading;
use crate::wire::{Answer, FamilyError, Field, Members, Operation, post};
use crate::{Class, Client, Phone, ServiceKey, Signed, Token};

/// The IMI one-time-password calls. Commit **charges**.
///
/// ```
/// # use fanap_client::core::{Reference, Submission};
/// # use fanap_client::{Application, Client, PrivateKey, ServiceKey, Token, parse_msisdn};
/// # async fn demo(application: Application, key: PrivateKey, service: ServiceKey, reference: Reference) -> Result<(), Box<dyn std::error::Error>> {
/// let imi = Client::builder(application, key).build_imi()?;
/// let phone = imi.client().phone(&parse_msisdn("09350000000")?)?;
/// if let Submission::Accepted(started) = imi.start(&reference, &service, &phone).await? {
///     println!("keep {}", started.otp_id);
///     let pin = Token::parse("3007")?; // what the subscriber typed
///     match imi.commit(&reference, &service, &started.otp_id, &pin).await? {
///         Submission::Accepted(committed) => println!("charged: {}", committed.request_id),
///         Submission::Rejected(why) => println!("not charged: {why}"),
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
    /// Goes to commit, unchanged.
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

    /// Sends a code to this phone, once.
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
                otp_id: answer.text("otpId")?,
                request_id: answer.text("requestId"),
            })
        };
        let read = |status, body: &[u8]| reading(Operation::Start, status, body, take);
        self.0
            .spend("imi_start", Operation::Start, reference, build, read)
            .await
    }

    /// Confirms a code, once: **this charges the subscriber**.
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
        if otp_id.is_empty() || otp_id.chars().any(char::is_control) {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "the OtpId is empty or has control characters",
            ));
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
                request_id: answer.text("requestId")?,
            })
        };
        let read = |status, body: &[u8]| reading(Operation::Commit, status, body, take);
        self.0
            .spend("imi_commit", Operation::Commit, reference, build, read)
            .await
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

/// There is no success flag: the ids are the success.
fn reading<T>(
    operation: Operation,
    status: u16,
    body: &[u8],
    take: impl FnOnce(&Members) -> Option<T>,
) -> Reading<T> {
    let members = Members::read(body);
    let error = members.as_ref().and_then(FamilyError::in_answer);
    let value = members.as_ref().and_then(take);
    let is_success = (200..300).contains(&status);
    let class = match (&error, &value) {
        (None, Some(_)) if is_success => Class::Ok,
        (error, _) => {
            let answer = Answer {
                response: Field::Absent,
                success: Field::Absent,
                correlation_id: None,
                error: error.clone(),
            };
            Class::of(operation, status, Some(&answer))
        }
    };
    Reading {
        class,
        // An id beside an error, or behind a failing status, contradicts it.
        good_news: value.is_some(),
        error,
        response: None,
        value: value.filter(|_| class == Class::Ok),
    }
}
