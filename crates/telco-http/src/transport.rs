//! The one thing every client sends through.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use telco_core::{Error, NotSent};

use crate::{BaseUrl, Settings};

/// Sends one finished request **once** and returns the whole answer, whatever its status.
///
/// An implementation of your own must hold what the clients rely on:
///
/// - one call is at most one transmission: no retry, no redirect, no cookie, no cache;
/// - [`NotSent`] (as an [`Error`]) only when provably no byte of the request left: DNS, connecting, TLS before a connection
///   existed. Everything later is [`Error::in_doubt`] or [`Error::answered`];
/// - the target is sent byte for byte as it stands in the request's URI, since a signature may cover it;
/// - no URL, header or body in an error or a log;
/// - the size of an answer is limited.
///
/// ```
/// use std::time::Duration;
/// use telco_core::Error;
/// use telco_http::{Bytes, Transport, http};
///
/// /// Answers without a network: enough to test a client.
/// #[derive(Debug)]
/// struct Canned(&'static str);
///
/// #[telco_core::async_trait]
/// impl Transport for Canned {
///     async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
///         Ok(http::Response::new(Bytes::from_static(self.0.as_bytes())))
///     }
///     async fn pause(&self, _: Duration) {}
/// }
/// ```
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// One attempt. Any status is an answer; only a missing or unusable answer is an error.
    ///
    /// # Errors
    /// [`Error::delivery`] says how far the request came.
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error>;

    /// Waits. Whoever owns the sockets owns the timer, so that the clients need no runtime of their own.
    async fn pause(&self, time: Duration);
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        (**self).exchange(request).await
    }
    async fn pause(&self, time: Duration) {
        (**self).pause(time).await;
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        (**self).exchange(request).await
    }
    async fn pause(&self, time: Duration) {
        (**self).pause(time).await;
    }
}

/// The transport that was compiled in, bound to one origin. Opens no connection yet.
///
/// Needs a Tokio runtime when it is used, not here.
///
/// # Errors
/// [`NotSent`] if no transport was compiled in, if `rustls-no-provider` finds no crypto provider installed, or if the
/// system's certificates cannot be loaded.
///
/// ```
/// use telco_http::{BaseUrl, Settings, connect};
///
/// let base = BaseUrl::parse("http://127.0.0.1:8080")?;
/// let transport = connect(&base, &Settings::default());
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// assert!(transport.is_ok());
/// # Ok::<(), telco_http::InvalidBaseUrl>(())
/// ```
pub fn connect(base: &BaseUrl, settings: &Settings) -> Result<Arc<dyn Transport>, NotSent> {
    #[cfg(feature = "reqwest")]
    {
        let transport = crate::reqwest_transport::ReqwestTransport::new(base, settings)?;
        Ok(Arc::new(transport))
    }
    #[cfg(not(feature = "reqwest"))]
    {
        let _ = (base, settings);
        Err(NotSent::new(
            telco_core::ErrorKind::InvalidConfiguration,
            "no HTTP transport was compiled in: enable the feature `rustls` or `native-tls`, or pass a transport of your own",
        ))
    }
}
