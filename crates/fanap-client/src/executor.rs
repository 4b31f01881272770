//! Where signing runs: two milliseconds are too long for a thread that drives many connections.

use telco_core::NotSent;

/// On Tokio's pool for blocking work, unless that is not worth it or there is no Tokio here.
#[cfg(feature = "tokio")]
pub(crate) async fn run<T: Send + 'static>(
    in_place: bool,
    work: impl FnOnce() -> Result<T, NotSent> + Send + 'static,
) -> Result<T, NotSent> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) if !in_place => runtime.spawn_blocking(work).await.unwrap_or_else(|_| {
            Err(NotSent::new(
                telco_core::ErrorKind::Other,
                "signing was interrupted",
            ))
        }),
        _ => work(),
    }
}

/// Without a transport of ours there is no executor that we know.
#[cfg(not(feature = "tokio"))]
#[expect(
    clippy::unused_async,
    reason = "the same signature in every feature set"
)]
pub(crate) async fn run<T>(
    _in_place: bool,
    work: impl FnOnce() -> Result<T, NotSent>,
) -> Result<T, NotSent> {
    work()
}
