//! What an exchange leaves behind: one event, and with the feature `metrics` one count and one duration. Who, what, how it
//! ended, how long. Never a URL, header, body, number, reference or secret.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use telco_core::{Delivery, Error};

/// Whoever filters by it does not care in which file of ours it stands.
const TARGET: &str = "telco_http";

/// One exchange from its beginning. Dropped before its end, it says so: whoever gave up on a spending call has an unknown
/// outcome on their hands.
pub(crate) struct Watch {
    provider: &'static str,
    operation: &'static str,
    started: Instant,
    ended: bool,
}

impl Watch {
    pub(crate) fn begin(provider: &'static str, operation: &'static str) -> Self {
        Self {
            provider,
            operation,
            started: Instant::now(),
            ended: false,
        }
    }

    pub(crate) fn end(mut self, result: &Result<Response<Bytes>, Error>) {
        self.ended = true;
        let (provider, operation) = (self.provider, self.operation);
        let elapsed = self.started.elapsed();
        let elapsed_ms = millis(elapsed);
        match result {
            Ok(answer) => {
                let (outcome, status) = ("answered", answer.status().as_u16());
                tracing::debug!(target: TARGET, provider, operation, outcome, status, elapsed_ms);
                count(provider, operation, outcome, elapsed);
            }
            Err(failure) => {
                let outcome = match failure.delivery() {
                    Delivery::NotSent => "not_sent",
                    Delivery::MaybeSent => "maybe_sent",
                    Delivery::Answered => "unusable_answer",
                };
                let (kind, status) = (failure.kind().as_str(), failure.http_status());
                tracing::warn!(target: TARGET, provider, operation, outcome, kind, status, elapsed_ms);
                count(provider, operation, outcome, elapsed);
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.ended {
            let (provider, operation, outcome) = (self.provider, self.operation, "abandoned");
            let elapsed = self.started.elapsed();
            tracing::warn!(target: TARGET, provider, operation, outcome, elapsed_ms = millis(elapsed));
            count(provider, operation, outcome, elapsed);
        }
    }
}

fn millis(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(feature = "metrics")]
const ATTEMPTS: &str = "telco_http_attempts_total";
#[cfg(feature = "metrics")]
const DURATION: &str = "telco_http_attempt_duration_seconds";

/// Labels are static texts, so that no number and no reference can become one.
#[cfg(feature = "metrics")]
fn count(
    provider: &'static str,
    operation: &'static str,
    outcome: &'static str,
    elapsed: Duration,
) {
    let labels = [
        ("provider", provider),
        ("operation", operation),
        ("outcome", outcome),
    ];
    metrics::counter!(ATTEMPTS, &labels).increment(1);
    metrics::histogram!(DURATION, &labels).record(elapsed);
}

#[cfg(not(feature = "metrics"))]
fn count(_: &'static str, _: &'static str, _: &'static str, _: Duration) {}

/// Tells the installed recorder what the two metrics are, for exporters that show a help text. Once, after installing it.
#[cfg(feature = "metrics")]
pub fn describe_metrics() {
    metrics::describe_counter!(
        ATTEMPTS,
        metrics::Unit::Count,
        "Attempts to exchange a request, by provider, operation and outcome"
    );
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time from the beginning of an attempt to the end of its answer"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_whole_milliseconds() {
        assert_eq!(millis(Duration::from_micros(1_234_999)), 1_234);
        assert_eq!(millis(Duration::MAX), u64::MAX);
    }
}
