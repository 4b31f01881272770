//! How long a worker may be silent about a row before others look it up.

use std::time::Duration;

use crate::config::Settings;
use crate::cowrie;
use crate::exit::Failure;

/// The setting, if there is one. One that ends while a request may still be on the way would have its row looked up, and given
/// to a person, before its answer can have come.
pub(crate) fn lease(settings: &Settings) -> Result<Option<Duration>, Failure> {
    let Some(text) = settings.of("topup").text("lease", None)? else {
        return Ok(None);
    };
    let seconds = text.parse().map_err(|_| {
        Failure::not_sent("topup: lease is no number of seconds").help("write it as 120")
    })?;
    let (lease, request) = (Duration::from_secs(seconds), cowrie::timeout(settings)?);
    if lease > request {
        return Ok(Some(lease));
    }
    Err(Failure::not_sent(format!(
        "topup: a lease of {seconds} s is over before a request is, which may take {request:?}"
    ))
    .help("give it more seconds than that, such as 120, or shorten the timeout under [cowrie]"))
}
