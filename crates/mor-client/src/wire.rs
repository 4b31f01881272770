//! Requests and answers as they are on the wire, without a network: what the client sends is built here, what it gets
//! is read here.

mod answer;
mod xml;

pub use answer::{Answer, Refusal};
pub use xml::{Document, Element, UnreadableDocument};

use mor_hash::SignedRequest;
use telco_core::NotSent;
use telco_http::{Bytes, Endpoint, http};

/// How a request is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Carrier {
    /// A form in the body of a POST.
    #[default]
    Post,
    /// The same form as the query of a GET: only where the server's "Allow GET API" is on. Addresses end up in logs.
    Get,
}

/// The finished request. All parameters go in one place: the server lets the query override the body (observed).
///
/// # Errors
/// [`NotSent`] if the address cannot be built.
pub fn request(
    endpoint: &Endpoint,
    signed: &SignedRequest,
    carrier: Carrier,
) -> Result<http::Request<Bytes>, NotSent> {
    let built = match carrier {
        Carrier::Post => http::Request::post(endpoint.uri(&signed.path(""))?)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::copy_from_slice(signed.form().as_bytes())),
        Carrier::Get => http::Request::get(endpoint.uri(&signed.uri(""))?).body(Bytes::new()),
    };
    built.map_err(NotSent::because(telco_core::ErrorKind::InvalidInput))
}

/// The text of an SMS as the typed call sends it. `sms_send` unescapes its message a second time (observed, X8), so
/// `%` and `+` are escaped once more before hashing and encoding.
///
/// ```
/// assert_eq!(mor_client::wire::escaped_sms("50% + 1"), "50%25 %2B 1");
/// ```
#[must_use]
pub fn escaped_sms(text: &str) -> String {
    text.replace('%', "%25").replace('+', "%2B")
}
