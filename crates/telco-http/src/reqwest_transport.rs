//! [`Transport`] by reqwest. The only place that names it.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use telco_core::{Error, ErrorKind, NotSent, SecretBytes};

use crate::answer::PartialBody;
use crate::endpoint::foreign_origin;
use crate::{BaseUrl, Settings, Transport};

/// Idle connections kept per host; more requests at a time than this make connections of their own.
const IDLE_CONNECTIONS: usize = 128;

/// One pooled HTTP/1.1 client for one origin.
#[derive(Debug)]
pub(crate) struct ReqwestTransport {
    client: reqwest::Client,
    base: BaseUrl,
    /// The same as reqwest's type, so that no request needs its host parsed again.
    origin: reqwest::Url,
    success_body_cap: usize,
    error_body_cap: usize,
}

impl ReqwestTransport {
    pub(crate) fn new(base: &BaseUrl, settings: &Settings) -> Result<Self, NotSent> {
        let misconfigured =
            |what: &'static str| move |_| NotSent::new(ErrorKind::InvalidConfiguration, what);
        let mut builder = reqwest::Client::builder()
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            // reqwest would by default send again what a server refused at protocol level. `never` alone would still keep a copy
            // of every request.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .referer(false)
            .no_proxy()
            .https_only(base.is_https())
            .connect_timeout(settings.connect_timeout())
            .timeout(settings.total_timeout())
            .pool_idle_timeout(settings.idle_timeout())
            .pool_max_idle_per_host(if settings.idle_timeout().is_zero() {
                0
            } else {
                IDLE_CONNECTIONS
            });
        if !settings.user_agent().is_empty() {
            builder = builder.user_agent(settings.user_agent());
        }
        builder = tls(builder, base, settings)?;
        let origin = base
            .to_string()
            .parse()
            .map_err(|_| NotSent::new(ErrorKind::InvalidConfiguration, "not a base URL"))?;
        let client = builder.build().map_err(misconfigured(
            "the HTTP client cannot be built: check the system's certificates and the user agent",
        ))?;
        Ok(Self {
            client,
            base: base.clone(),
            origin,
            success_body_cap: settings.success_body_cap(),
            error_body_cap: settings.error_body_cap(),
        })
    }

    /// The same request in reqwest's type. Apart from `exchange`, whose future would otherwise carry every step of it to the end.
    fn translated(&self, request: Request<Bytes>) -> Result<reqwest::Request, NotSent> {
        if !self.base.is_origin_of(request.uri()) {
            return Err(foreign_origin());
        }
        let (parts, body) = request.into_parts();
        let mut url = self.origin.clone();
        url.set_path(parts.uri.path());
        url.set_query(parts.uri.query());
        // A signature may cover the target. If the URL type changed it, nothing is sent.
        if url.path() != parts.uri.path() || url.query() != parts.uri.query() {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "the request's path or query would change on the way to the wire",
            ));
        }
        let mut request = reqwest::Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.version_mut() = parts.version;
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// Reads the body up to the cap for its status: a longer success is a failure, anything else is cut.
    async fn body(&self, answer: &mut reqwest::Response) -> Result<Bytes, Error> {
        let status = answer.status();
        let cap = if status.is_success() {
            self.success_body_cap
        } else {
            self.error_body_cap
        };
        let mut body = BytesMut::new();
        loop {
            match answer.chunk().await {
                Ok(None) => return Ok(body.freeze()),
                Ok(Some(chunk)) => {
                    let room = cap - body.len();
                    body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                    if chunk.len() > room {
                        if status.is_success() {
                            let long = Error::answered(
                                ErrorKind::UnreadableAnswer,
                                "the answer is longer than the limit",
                            );
                            return Err(keep(long, status, &body));
                        }
                        return Ok(body.freeze());
                    }
                }
                Err(failure) => {
                    let broken = if failure.is_timeout() {
                        Error::in_doubt(
                            ErrorKind::Timeout,
                            "the answer did not end within the time limit",
                        )
                    } else {
                        Error::in_doubt(
                            ErrorKind::Interrupted,
                            "the connection broke in the middle of the answer",
                        )
                    };
                    return Err(keep(broken, status, &body));
                }
            }
        }
    }
}

/// What arrived may be the only copy of something paid for.
fn keep(failure: Error, status: StatusCode, body: &[u8]) -> Error {
    let failure = failure.with_http_status(status.as_u16());
    if body.is_empty() {
        failure
    } else {
        failure.with_source(PartialBody(SecretBytes::new(body)))
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let request = self.translated(request)?;
        let mut answer = self
            .client
            .execute(request)
            .await
            .map_err(|failure| classify(&failure))?;
        let body = self.body(&mut answer).await?;
        let mut response = Response::new(body);
        *response.status_mut() = answer.status();
        *response.version_mut() = answer.version();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }

    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Was it sent? Only a failure to obtain a connection proves that it was not. reqwest's own text is dropped: it has the URL.
fn classify(failure: &reqwest::Error) -> Error {
    if failure.is_connect() {
        let (what, help) = why_no_connection(failure);
        return NotSent::new(ErrorKind::Connect, what)
            .with_help(help)
            .into();
    }
    if failure.is_timeout() {
        return Error::in_doubt(ErrorKind::Timeout, "no answer within the time limit");
    }
    Error::in_doubt(
        ErrorKind::Interrupted,
        "the connection broke before an answer came",
    )
}

fn why_no_connection(failure: &reqwest::Error) -> (&'static str, &'static str) {
    const NETWORK: &str = "check the base URL, the firewall and whether the provider is up";
    if failure.is_dns() {
        return (
            "no connection: the host name does not resolve",
            "check the base URL and the DNS of this machine",
        );
    }
    if failure.is_timeout() {
        return ("no connection within the time limit", NETWORK);
    }
    match io_kind(failure) {
        Some(io::ErrorKind::ConnectionRefused) => ("no connection: the host refuses it", NETWORK),
        // How rustls reports a handshake that failed.
        Some(io::ErrorKind::InvalidData) => (
            "no connection: TLS failed",
            "check the host name, the certificates of this machine and its clock",
        ),
        _ => ("no connection", NETWORK),
    }
}

/// The innermost I/O error's kind. An `io::Error` that wraps another leaves it out of its `source()`.
fn io_kind(failure: &reqwest::Error) -> Option<io::ErrorKind> {
    let mut cause = failure.source();
    let mut kind = None;
    while let Some(error) = cause {
        let mut io = error.downcast_ref::<io::Error>();
        while let Some(error) = io {
            kind = Some(error.kind());
            io = error.get_ref().and_then(|inner| inner.downcast_ref());
        }
        cause = error.source();
    }
    kind
}

/// rustls where there is a crypto provider for it, else the system's library.
fn tls(
    builder: reqwest::ClientBuilder,
    base: &BaseUrl,
    settings: &Settings,
) -> Result<reqwest::ClientBuilder, NotSent> {
    let builder = backend(builder)?;
    #[cfg(any(
        feature = "rustls",
        feature = "rustls-no-provider",
        feature = "native-tls"
    ))]
    {
        if !base.is_https() {
            // Without TLS to do, a machine without certificates is no obstacle.
            return Ok(builder.tls_certs_only([]));
        }
        if settings.extra_roots_pem.is_empty() {
            return Ok(builder);
        }
        let unreadable = |_| {
            NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the extra root certificates are not PEM",
            )
        };
        let roots =
            reqwest::Certificate::from_pem_bundle(&settings.extra_roots_pem).map_err(unreadable)?;
        if roots.is_empty() {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the extra root certificates hold no certificate",
            ));
        }
        Ok(builder.tls_certs_merge(roots))
    }
    #[cfg(not(any(
        feature = "rustls",
        feature = "rustls-no-provider",
        feature = "native-tls"
    )))]
    {
        let _ = settings;
        if base.is_https() {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "no TLS was compiled in: enable the feature `rustls` or `native-tls`",
            ));
        }
        Ok(builder)
    }
}

#[cfg(feature = "rustls")]
fn backend(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, NotSent> {
    Ok(builder.tls_backend_rustls())
}

#[cfg(all(not(feature = "rustls"), feature = "rustls-no-provider"))]
fn backend(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, NotSent> {
    if rustls::crypto::CryptoProvider::get_default().is_some() {
        return Ok(builder.tls_backend_rustls());
    }
    // reqwest would panic.
    #[cfg(feature = "native-tls")]
    return Ok(builder.tls_backend_native());
    #[cfg(not(feature = "native-tls"))]
    Err(NotSent::new(
        ErrorKind::InvalidConfiguration,
        "no rustls crypto provider is installed: install one as the process default before building a client, or enable the feature `rustls`",
    ))
}

#[cfg(all(
    not(feature = "rustls"),
    not(feature = "rustls-no-provider"),
    feature = "native-tls"
))]
fn backend(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, NotSent> {
    Ok(builder.tls_backend_native())
}

#[cfg(not(any(
    feature = "rustls",
    feature = "rustls-no-provider",
    feature = "native-tls"
)))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "the same signature in every feature set"
)]
fn backend(builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, NotSent> {
    Ok(builder)
}
