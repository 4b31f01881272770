//! Is the provider there, is the line protected, do the clocks agree, does it know the account?

use std::time::{Duration, SystemTime};

use telco_core::{ErrorKind, NotSent};
use telco_http::{BaseUrl, Bytes, connect, http};
use toml::Table;

use super::{Report, fields};
use crate::config::Settings;
use crate::cowrie;
use crate::exit::{Done, Failure};

/// Signed dates and nonces made from the time are refused further apart than this, by some providers.
const MOST_SKEW: Duration = Duration::from_secs(30);

pub(super) async fn check(
    report: &mut Report,
    name: &str,
    settings: &Settings,
    known: &Table,
) -> Done {
    let base_url = match settings.of(name).text("base_url", None) {
        Ok(Some(url)) => url,
        // Everybody's own server: what the example says of it is no default.
        Ok(None) if name == "mor" => return Ok(()),
        Ok(None) if fields::is_optional(name, "base_url") => {
            let default = known.get("base_url").and_then(toml::Value::as_str);
            default.unwrap_or_default().to_owned()
        }
        // Told by the check of the fields.
        Ok(None) | Err(_) => return Ok(()),
    };
    let answer = ask(&base_url).await;
    let reached = answer.is_ok();
    let date = match answer {
        Ok((protection, date)) => {
            report.tell(name, Ok(format!("reachable, {protection}")))?;
            date
        }
        Err(failure) => {
            report.tell(name, Err(failure))?;
            None
        }
    };
    if let Some(date) = date {
        report.tell(name, clock(date, SystemTime::now()))?;
    }
    // Only Cowrie has a question about the account itself that costs nothing.
    if reached && name == "cowrie" {
        report.tell(name, account(settings).await)?;
    }
    Ok(())
}

/// A `HEAD` of the base URL, without credentials: no provider acts on that.
async fn ask(base_url: &str) -> Result<(&'static str, Option<SystemTime>), Failure> {
    let base = BaseUrl::parse(base_url).map_err(|e| {
        Failure::not_sent(format!("base_url: {e}"))
            .help("write it as https://host, or http://127.0.0.1:PORT")
    })?;
    let limits = telco_http::Settings::default()
        .with_timeouts(Duration::from_secs(5), Duration::from_secs(10));
    let uri = base
        .join("/")
        .ok_or_else(|| Failure::not_sent("base_url: no path can follow it"))?;
    let request = http::Request::head(uri)
        .body(Bytes::new())
        .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
    let answer = connect(&base, &limits)?.exchange(request).await;
    let answer = answer.map_err(|e| Failure::of_read(&e))?;
    let date = answer
        .headers()
        .get(http::header::DATE)
        .and_then(|value| httpdate::parse_http_date(value.to_str().ok()?).ok());
    let protection = if base.is_https() {
        "TLS holds"
    } else {
        "this machine, no TLS needed"
    };
    Ok((protection, date))
}

fn clock(theirs: SystemTime, ours: SystemTime) -> Result<String, Failure> {
    let (apart, which) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let seconds = apart.as_secs();
    if apart <= MOST_SKEW {
        return Ok(format!("the clocks agree ({seconds} s apart)"));
    }
    Err(Failure::not_sent(format!(
        "this machine's clock is {seconds} s {which} the provider's"
    ))
    .help("let the system set it from the network (NTP)"))
}

async fn account(settings: &Settings) -> Result<String, Failure> {
    let client = cowrie::Account::default().client(settings)?;
    let held = client.balance().await.map_err(|e| Failure::of_read(&e))?;
    Ok(format!(
        "the account is known, its balance is {}",
        held.balance
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_half_a_minute_apart() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (apart, fine) in [(0, true), (30, true), (31, false)] {
            let other = now + Duration::from_secs(apart);
            assert_eq!(clock(now, other).is_ok(), fine, "{apart} ahead");
            assert_eq!(clock(other, now).is_ok(), fine, "{apart} behind");
        }
    }
}
