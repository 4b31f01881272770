//! A claim that is made once, however often it is asked for.

use std::time::SystemTime;

use telco_core::{Error, ErrorKind, NotSent, OsRandomness, Randomness as _};

use crate::OtpStore;

/// True for one caller. Where the answer gets lost, the store is asked once more and knows the claim again: otherwise whoever
/// made it would be locked out until `forget_at`, by themselves.
pub(crate) async fn claim(
    store: &dyn OtpStore,
    key: &str,
    forget_at: SystemTime,
) -> Result<bool, Error> {
    let mut random = [0; 8];
    OsRandomness
        .fill(&mut random)
        .map_err(|e| NotSent::new(ErrorKind::Other, e.to_string()))?;
    // Never a small number, such as a counter has.
    let owner = u64::from_ne_bytes(random) | (1 << 62);
    match store.claim_as(key, owner, forget_at).await {
        Ok(claimed) => Ok(claimed),
        Err(_) => store.claim_as(key, owner, forget_at).await,
    }
}
