use serde::Serialize;
use telco_core::{ErrorKind, NotSent};
use telco_http::http::header::{CONTENT_TYPE, HeaderName};
use telco_http::http::{HeaderValue, Request};
use telco_http::{BaseUrl, Bytes};

use super::Operation;
use crate::{Application, Phone, ServiceKey, Signed, Token};

/// `POST …/grant/start`: sends a code to this phone.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use fanap_client::http::BaseUrl;
/// use fanap_client::wire::Start;
/// use fanap_client::{Application, Date, Phone, PhoneFormat, PrivateKey, ServiceKey, Signer, parse_msisdn};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/signing.json"))?;
/// # let key = PrivateKey::load(file["keys"]["k2048"]["private_xml"].as_str().unwrap().as_bytes())?;
/// let application = Application::new("your-app-id", "your.tenant.id")?;
/// let date = Date::of(UNIX_EPOCH + Duration::from_millis(1_537_774_892_443))?;
/// let signed = Signer::new(key).sign_date(&application, date)?;
///
/// let service = ServiceKey::new("63b01900e9c447e4930ce8ab0969e6f3")?;
/// let phone = Phone::new(&parse_msisdn("09120000000")?, PhoneFormat::default())?;
/// let base = BaseUrl::parse("https://sscp.sdp.fanap.plus")?;
/// let request = Start::new(&service, &phone).request(&base, &application, &signed)?;
/// assert_eq!(request.uri().path(), "/api/Subscription/grant/start");
/// assert!(request.body().starts_with(br#"{"Date":"2018-09-24T07:41:32.443Z","PhoneNumber":"09120000000","#));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    service: &'a ServiceKey,
    phone: &'a Phone,
}

/// `POST …/grant/commit`: confirms the code, which **charges** the subscriber.
///
/// ```
/// use fanap_client::http::BaseUrl;
/// use fanap_client::wire::Commit;
/// # use fanap_client::{Application, Phone, ServiceKey, Signed, Token};
///
/// # fn demo(application: Application, service: ServiceKey, phone: Phone, signed: Signed) -> Result<(), Box<dyn std::error::Error>> {
/// let token = Token::parse("3007")?;
/// let commit = Commit::new(&service, &phone, "973358ae413e4379881476cbd3486aa0", &token)?;
/// let base = BaseUrl::parse("https://sscp.sdp.fanap.plus")?;
/// let request = commit.request(&base, &application, &signed)?;
/// assert_eq!(request.uri().path(), "/api/Subscription/grant/commit");
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Commit<'a> {
    service: &'a ServiceKey,
    phone: &'a Phone,
    correlation_id: &'a str,
    token: &'a Token,
}

/// In the documented order, though the order does not matter: the body is not signed.
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
    service_key: &'a str,
    phone_number: &'a str,
    correlation_id: &'a str,
    token: &'a str,
    date: &'a str,
    signature: &'a str,
}

impl<'a> Start<'a> {
    /// For this service.
    #[must_use]
    pub const fn new(service: &'a ServiceKey, phone: &'a Phone) -> Self {
        Self { service, phone }
    }

    /// The whole request.
    ///
    /// # Errors
    /// [`NotSent`] if it cannot be put together.
    pub fn request(
        &self,
        base: &BaseUrl,
        application: &Application,
        signed: &Signed,
    ) -> Result<Request<Bytes>, NotSent> {
        let body = StartBody {
            date: signed.date().as_str(),
            phone_number: self.phone.expose(),
            service_key: self.service.expose(),
            signature: signed.signature().expose(),
        };
        post(base, Operation::Start.path(), application, &body)
    }
}

impl<'a> Commit<'a> {
    /// With the phone in the form in which start sent it, and the correlation id of its answer, verbatim.
    ///
    /// # Errors
    /// [`NotSent`] if the correlation id is empty or has control characters.
    pub fn new(
        service: &'a ServiceKey,
        phone: &'a Phone,
        correlation_id: &'a str,
        token: &'a Token,
    ) -> Result<Self, NotSent> {
        if correlation_id.is_empty() || correlation_id.chars().any(char::is_control) {
            let what = "the correlation id is empty or has control characters: pass the one of start's answer unchanged";
            return Err(NotSent::new(ErrorKind::InvalidInput, what));
        }
        Ok(Self {
            service,
            phone,
            correlation_id,
            token,
        })
    }

    /// The whole request.
    ///
    /// # Errors
    /// [`NotSent`] if it cannot be put together.
    pub fn request(
        &self,
        base: &BaseUrl,
        application: &Application,
        signed: &Signed,
    ) -> Result<Request<Bytes>, NotSent> {
        let body = CommitBody {
            service_key: self.service.expose(),
            phone_number: self.phone.expose(),
            correlation_id: self.correlation_id,
            token: self.token.expose(),
            date: signed.date().as_str(),
            signature: signed.signature().expose(),
        };
        post(base, Operation::Commit.path(), application, &body)
    }
}

pub(crate) const TENANT_ID: HeaderName = HeaderName::from_static("tenantid");
pub(crate) const APP_ID: HeaderName = HeaderName::from_static("appid");

/// JSON with the charset, which HTTP libraries' own JSON helpers leave out.
pub(crate) fn post(
    base: &BaseUrl,
    path: &str,
    application: &Application,
    body: &impl Serialize,
) -> Result<Request<Bytes>, NotSent> {
    let cannot = |_| NotSent::new(ErrorKind::Other, "the request cannot be put together");
    let uri = base
        .join(path)
        .ok_or_else(|| NotSent::new(ErrorKind::InvalidConfiguration, "the base URL is unusable"))?;
    let body = serde_json::to_vec(body)
        .map_err(|_| NotSent::new(ErrorKind::Other, "the request cannot be written as JSON"))?;
    let [tenant_id, app_id] = application.headers()?;
    Request::post(uri)
        .header(
            CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        )
        .header(TENANT_ID, tenant_id)
        .header(APP_ID, app_id)
        .body(Bytes::from(body))
        .map_err(cannot)
}
