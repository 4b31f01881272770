//! How long a worker may be silent about a row before others look it up.

use std::time::Duration;

use crate::config::Settings;
use crate::cowrie;
use crate::exit::Failure;

/// How much longer than a request, in seconds at least, and as a part of the request: a quarter of the lease may go by
/// before the request leaves, and what came of it must be written down.
const MARGIN: (u64, u64) = (30, 3);

/// The setting, or what holds without one. A lease that ends while a request may still be on the way would have its row
/// looked up, and given to a person, before its answer can have come.
pub(crate) fn lease(settings: &Settings) -> Result<Duration, Failure> {
    let lease = match settings.of("topup").text("lease", None)? {
        Some(text) => Duration::from_secs(text.parse().map_err(|_| {
            Failure::not_sent("topup: lease is no number of seconds").help("write it as 120")
        })?),
        None => telco_ledger::Settings::default().lease,
    };
    let request = cowrie::timeout(settings)?.as_secs();
    let (at_least, part) = MARGIN;
    let least = request.saturating_add(request.div_ceil(part).max(at_least));
    if lease.as_secs() >= least {
        return Ok(lease);
    }
    Err(Failure::not_sent(format!(
        "topup: a lease of {} s is too short for requests that may take {request} s",
        lease.as_secs()
    ))
    .help(format!(
        "set lease under [topup] to {least} or more, or shorten the timeout under [cowrie]"
    )))
}
