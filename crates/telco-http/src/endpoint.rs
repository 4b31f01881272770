//! A provider's place on the net: where every client builds its requests and sends them.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response, Uri};
use telco_core::{Error, ErrorKind, NotSent};

use crate::observe::Watch;
use crate::retry::jittered;
use crate::{BaseUrl, ReadRetry, Transport, never_connected};

/// A provider's name, its base URL and the transport to it. Every request of a client passes through here: bound to the
/// origin, labelled, traced without anything private.
///
/// ```
/// use std::sync::Arc;
/// use telco_http::{BaseUrl, Bytes, Endpoint, Transport, http};
///
/// # async fn demo(transport: Arc<dyn Transport>) -> Result<(), telco_core::Error> {
/// # let base = BaseUrl::parse("https://api.example.com").unwrap();
/// let endpoint = Endpoint::new("example", base, transport);
/// let uri = endpoint.uri("/balance")?;
/// let answer = endpoint.exchange("balance", http::Request::get(uri).body(Bytes::new()).unwrap()).await?;
/// println!("{}", answer.status());
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    provider: &'static str,
    base: BaseUrl,
    transport: Arc<dyn Transport>,
}

impl Endpoint {
    /// `provider` goes into errors and traces.
    pub fn new(provider: &'static str, base: BaseUrl, transport: Arc<dyn Transport>) -> Self {
        Self {
            provider,
            base,
            transport,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// The absolute URI of a path and query, kept byte for byte.
    ///
    /// # Errors
    /// [`NotSent`] if it is none. The text is not repeated: it may hold a number.
    pub fn uri(&self, path_and_query: &str) -> Result<Uri, NotSent> {
        self.base.join(path_and_query).ok_or_else(|| {
            NotSent::new(
                ErrorKind::InvalidInput,
                "the request has a character that cannot stand in a URL",
            )
        })
    }

    /// Sends a request **once**.
    ///
    /// # Errors
    /// Labelled with provider and operation; [`Error::delivery`] says how far it came. End a spending call with
    /// [`Submission::after_failure`](telco_core::Submission::after_failure).
    pub async fn exchange(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Error> {
        let watch = Watch::begin(self.provider, operation);
        let result = match self.begun(request) {
            Ok(exchange) => exchange.await,
            Err(refusal) => Err(refusal.into()),
        };
        let result = result.map_err(|failure| failure.at(self.provider, operation));
        watch.end(&result);
        result
    }

    /// By value, so that the request stays in one future only. By the trait object itself: its `Arc` is a transport too, and
    /// would box that future once more.
    fn begun(&self, request: Request<Bytes>) -> Result<Exchange<'_>, NotSent> {
        if self.base.is_origin_of(request.uri()) {
            Ok((*self.transport).exchange(request))
        } else {
            // Whatever built it, its credentials belong to the configured origin only.
            Err(foreign_origin())
        }
    }

    /// Repeats **setting up the connection** this many times, with waits of about 0.2, 0.6 and 1.8 s, and then 2 s: only after failures
    /// that prove that no byte of the request left ([`never_connected`]). `attempt` builds a request and sends it once, each time
    /// anew. For protocols whose specification allows it, and no oftener than it does.
    ///
    /// ```
    /// # use telco_http::{Bytes, Endpoint, http};
    /// # async fn demo(endpoint: Endpoint) -> Result<(), telco_core::Error> {
    /// let uri = endpoint.uri("/pay")?;
    /// let request = || http::Request::post(uri.clone()).body(Bytes::new()).unwrap();
    /// let answer = endpoint.reconnecting(2, || endpoint.exchange("pay", request())).await?;
    /// println!("{}", answer.status());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The last failure to connect, or any other at once.
    pub async fn reconnecting<T, F>(
        &self,
        times: u32,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        // As in `read`.
        F: Future<Output = Result<T, Error>>,
    {
        let mut wait = Duration::from_millis(200);
        for _ in 0..times {
            match attempt().await {
                Err(failure) if never_connected(&failure) => {
                    self.transport.pause(jittered(wait)).await;
                }
                other => return other,
            }
            wait = wait.saturating_mul(3).min(Duration::from_secs(2));
        }
        attempt().await
    }

    /// Repeats a **read** by the policy while it fails in a way that can pass ([`Error::is_retryable`]). `attempt` builds a
    /// fresh request each time (a new nonce, a new date) and judges its answer. Never for a call that costs.
    ///
    /// # Errors
    /// The last failure, marked as one of a read.
    pub async fn read<T, F>(
        &self,
        policy: &ReadRetry,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, Error>
    where
        // `AsyncFnMut` would read better, but its future cannot be proven `Send` for every lifetime, as async traits need.
        F: Future<Output = Result<T, Error>>,
    {
        let started = Instant::now();
        let mut waits = policy.delays.iter();
        loop {
            let failure = match attempt().await {
                Ok(value) => return Ok(value),
                Err(failure) => failure.on_read(),
            };
            let Some(wait) = waits.next().filter(|_| failure.is_retryable()) else {
                return Err(failure);
            };
            let wait = jittered(*wait).max(failure.retry_after().unwrap_or_default());
            if started.elapsed().saturating_add(wait) > policy.deadline {
                return Err(failure);
            }
            self.transport.pause(wait).await;
        }
    }

    /// Waits, by the transport's timer.
    pub async fn pause(&self, time: Duration) {
        self.transport.pause(time).await;
    }
}

/// One attempt of a transport.
type Exchange<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send + 'a>>;

pub(crate) fn foreign_origin() -> NotSent {
    NotSent::new(
        ErrorKind::InvalidConfiguration,
        "refused to send a request to another host than the configured one",
    )
}
