//! What a provider pushes to you.

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

/// One pushed request, free of any web framework.
///
/// ```
/// use std::time::SystemTime;
/// use telco_core::CallbackRequest;
///
/// let header = |name: &str| (name.eq_ignore_ascii_case("content-type")).then_some(&b"application/json"[..]);
/// let request = CallbackRequest::new(&header, br#"{"rc":0}"#, SystemTime::now());
/// assert_eq!(request.header("Content-Type"), Some(&b"application/json"[..]));
/// ```
#[non_exhaustive]
pub struct CallbackRequest<'a> {
    /// The body as it came.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: SystemTime,
    /// Who sent it, if the caller can tell for sure (not from a header that anybody can write).
    pub peer: Option<IpAddr>,
    header: &'a (dyn Fn(&str) -> Option<&'a [u8]> + 'a),
}

impl<'a> CallbackRequest<'a> {
    /// `header` looks one up by name: `|name| headers.get(name).map(|v| v.as_bytes())`.
    pub fn new(
        header: &'a (dyn Fn(&str) -> Option<&'a [u8]> + 'a),
        body: &'a [u8],
        received_at: SystemTime,
    ) -> Self {
        Self {
            body,
            received_at,
            peer: None,
            header,
        }
    }

    /// The address of the connection's other end.
    #[must_use]
    pub fn from_peer(self, peer: IpAddr) -> Self {
        Self {
            peer: Some(peer),
            ..self
        }
    }

    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        (self.header)(name)
    }
}

impl fmt::Debug for CallbackRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackRequest")
            .field("bytes", &self.body.len())
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

/// A parsed push. Closed for ever. A provider that signs nothing can never yield `Verified`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an unverified push is anybody's word"]
pub enum Callback<E> {
    /// The provider's signature holds.
    Verified(E),
    /// Nothing proves who sent it: use it as a hint to ask, never as proof.
    Unverified(E),
}

/// Why a push was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// It cannot be read.
    #[error("unreadable callback: {0}")]
    Malformed(&'static str),
    /// It carries a signature that does not hold.
    #[error("the callback's signature does not hold: answer 401 and do not act on it")]
    BadSignature,
    /// It is larger than any real one.
    #[error("the callback's body is too large")]
    TooLarge,
}

/// Reads what one provider pushes. Pure: no I/O, no web framework.
pub trait CallbackParser: fmt::Debug + Send + Sync + 'static {
    /// What it tells.
    type Event;

    /// Reads one push.
    ///
    /// # Errors
    /// [`CallbackError`] if it is unreadable, too large, or signed wrongly.
    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<Self::Event>, CallbackError>;
}
