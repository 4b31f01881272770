//! Calls from programs without an async runtime.

use std::fmt;

use telco_core::{ErrorKind, NotSent};
use tokio::runtime::{Builder, Handle, Runtime};

/// Runs the calls of any client from a program without an async runtime, and returns what they return.
///
/// A thread of its own looks after connections and timers, also between calls. Make one and keep it; all threads may use
/// it at once. A client that was used here must be used here only, since its connections live here.
///
/// ```
/// use telco_core::{Error, ErrorKind};
/// use telco_http::{BaseUrl, Blocking, Bytes, Endpoint, Settings, connect, http};
///
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let blocking = Blocking::new()?;
/// let base = BaseUrl::parse("http://127.0.0.1:9")?; // nobody listens there
/// let endpoint = Endpoint::new("example", base.clone(), connect(&base, &Settings::default())?);
///
/// let request = http::Request::get(endpoint.uri("/balance")?).body(Bytes::new())?;
/// let failure = blocking.run(endpoint.exchange("balance", request)).unwrap_err();
/// assert_eq!(failure.kind(), ErrorKind::Connect);
/// # Ok(()) }
/// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
/// # fn main() {}
/// ```
pub struct Blocking(Option<Runtime>);

impl Blocking {
    /// Starts the thread.
    ///
    /// # Errors
    /// [`NotSent`] if the system gives none.
    pub fn new() -> Result<Self, NotSent> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("telco-http")
            .enable_all()
            .build()
            .map_err(NotSent::because(ErrorKind::Other))?;
        Ok(Self(Some(runtime)))
    }

    /// Waits for a call to end. What costs is sent once here as anywhere, and its three outcomes come back as they are.
    ///
    /// # Errors
    /// Those of the call; and [`NotSent`] inside an async runtime, where blocking would stop others: await the call there. Threads
    /// of Tokio's `spawn_blocking` count as inside too, though they may block: `Handle::block_on` is what runs a call on one.
    pub fn run<T, E: From<NotSent>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let refused = |why| NotSent::new(ErrorKind::InvalidConfiguration, why).into();
        if Handle::try_current().is_ok() {
            return Err(refused(
                "a blocking call inside an async runtime: await the call instead",
            ));
        }
        match &self.0 {
            Some(runtime) => runtime.block_on(call),
            None => Err(refused("the thread has ended")),
        }
    }
}

impl Drop for Blocking {
    /// Does not wait, so that it may also be dropped inside an async runtime.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Blocking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking")
    }
}
