//! How long a worker may be silent about a row before others look it up.

use std::time::Duration;

use crate::config::Settings;
use crate::cowrie;
use crate::exit::Failure;

/// Besides the request itself: to write down what came of it.
const MARGIN: Duration = Duration::from_secs(30);

/// The setting, or what holds without one. A lease that ends while a request may still be on the way would have its row looked
/// up, and given to a person, before its answer can have come.
pub(crate) fn lease(settings: &Settings) -> Result<Duration, Failure> {
    let lease = match settings.of("topup").text("lease", None)? {
        Some(text) => Duration::from_secs(text.parse().map_err(|_| {
            Failure::not_sent("topup: lease is no number of seconds").help("write it as 120")
        })?),
        None => telco_ledger::Settings::default().lease,
    };
    let least = cowrie::timeout(settings)?.saturating_add(MARGIN);
    if lease >= least {
        return Ok(lease);
    }
    let (given, least) = (lease.as_secs(), least.as_secs());
    Err(Failure::not_sent(format!(
        "topup: a lease of {given} s is too short: a request may take all but 30 s of {least} s"
    ))
    .help(format!(
        "set lease under [topup] to {least} or more, or shorten the timeout under [cowrie]"
    )))
}
