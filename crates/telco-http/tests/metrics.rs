//! Attempts and durations by provider, operation and outcome, and nothing else in a label.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use telco_core::{Error, ErrorKind, NotSent};
use telco_http::{BaseUrl, Bytes, Endpoint, Transport, describe_metrics, http};

/// Ends as told, or never.
#[derive(Debug)]
struct Ends(Option<Result<u16, Error>>);

#[telco_core::async_trait]
impl Transport for Ends {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        match self.0.clone() {
            Some(Ok(status)) => Ok(http::Response::builder()
                .status(status)
                .body(Bytes::new())
                .unwrap()),
            Some(Err(failure)) => Err(failure),
            None => std::future::pending().await,
        }
    }
    async fn pause(&self, _: Duration) {}
}

#[derive(Debug, Default)]
struct Cell(AtomicU64);

impl CounterFn for Cell {
    fn increment(&self, by: u64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::SeqCst);
    }
}

impl HistogramFn for Cell {
    fn record(&self, seconds: f64) {
        assert!((0.0..60.0).contains(&seconds));
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Every series, and how often it was added to.
#[derive(Default)]
struct Seen(Mutex<BTreeMap<String, Arc<Cell>>>, Mutex<Vec<String>>);

impl Seen {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<String> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.0.lock().unwrap().entry(name).or_default().clone()
    }
}

impl Recorder for Seen {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        let line = format!("{} {unit:?}", key.as_str());
        self.1.lock().unwrap().push(line);
    }
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, text: SharedString) {
        self.describe_counter(key, unit, text);
    }
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

#[test]
fn one_count_and_one_duration_for_each_attempt() {
    let seen = Seen::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let exchanges = async {
        let ends = [
            Some(Ok(200)),
            Some(Ok(500)),
            Some(Err(NotSent::new(ErrorKind::Connect, "no connection").into())),
            Some(Err(Error::in_doubt(ErrorKind::Timeout, "no answer"))),
            Some(Err(Error::answered(
                ErrorKind::UnreadableAnswer,
                "too long",
            ))),
            None,
        ];
        for end in ends {
            let base = BaseUrl::parse("https://api.example.com").unwrap();
            let endpoint = Endpoint::new("example", base, Arc::new(Ends(end)));
            let uri = endpoint.uri("/credit?msisdn=2348031234567").unwrap();
            let request = http::Request::get(uri).body(Bytes::new()).unwrap();
            let exchange = endpoint.exchange("credit", request);
            let _ = tokio::time::timeout(Duration::from_millis(20), exchange).await;
        }
    };
    metrics::with_local_recorder(&seen, || {
        describe_metrics();
        runtime.block_on(exchanges);
    });
    let series = seen.0.lock().unwrap();
    let counted: Vec<(&str, u64)> = series
        .iter()
        .map(|(name, cell)| (name.as_str(), cell.0.load(Ordering::SeqCst)))
        .collect();
    let mut expected = Vec::new();
    for metric in [
        "telco_http_attempt_duration_seconds",
        "telco_http_attempts_total",
    ] {
        for (outcome, count) in [
            ("abandoned", 1),
            ("answered", 2),
            ("maybe_sent", 1),
            ("not_sent", 1),
            ("unusable_answer", 1),
        ] {
            let labels = format!("provider=example,operation=credit,outcome={outcome}");
            expected.push((format!("{metric}{{{labels}}}"), count));
        }
    }
    let expected: Vec<(&str, u64)> = expected.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    assert_eq!(counted, expected);
    assert_eq!(
        *seen.1.lock().unwrap(),
        [
            "telco_http_attempts_total Some(Count)",
            "telco_http_attempt_duration_seconds Some(Seconds)"
        ]
    );
}
