//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use kairos_client::{
    ContactNumber, FetchAttempt, FlowId, Kairos, NumberPolicy, PostCallParser, PublicKey,
    SecurityId, StartTime,
};
use telco_core::{
    Call, CallBatch, CallTrigger as _, Callback, CallbackParser as _, CallbackRequest, Error,
    Msisdn, Reference, Secret,
};
use telco_http::{Bytes, ReadRetry, Transport, http};

/// Answers everything with the same bytes, at once.
#[derive(Debug)]
struct Says(u16, Bytes);

#[telco_core::async_trait]
impl Transport for Says {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let answer = http::Response::builder().status(self.0);
        Ok(answer.body(self.1.clone()).unwrap())
    }
    async fn pause(&self, _: Duration) {}
}

/// The answer of a future that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return value;
        }
    }
}

/// Every call of a plain flow, answered with these bytes.
pub fn answer(bytes: &[u8]) {
    for status in [200, 400] {
        let kairos = Kairos::builder(
            FlowId::new("Zb0RKJvh").unwrap(),
            SecurityId::new("A1b2C3d4E5f6a7B8c9D0e1F2A3b4C5d6E7f8a9B0c1D2e3F4A5b6C7d8E9f0a1B2")
                .unwrap(),
        )
        .pull_url("https://kairos.example.com/pull")
        .transport(Arc::new(Says(status, Bytes::copy_from_slice(bytes))))
        .read_retry(ReadRetry::none())
        .build()
        .unwrap();
        let reference = |text| Reference::new(text).unwrap();
        let to = Msisdn::parse("919812345678").unwrap();
        let calls = ["c-1", "c-2"].map(|name| Call::new(reference(name), to.clone()));
        let batch = CallBatch::new(reference("batch-1"), calls);
        at_once(async {
            for prepared in kairos.prepare(&batch).unwrap() {
                let _ = kairos.send(prepared).await.unwrap();
            }
            let _ = kairos.pull(&["u-1".to_owned()], FetchAttempt::All).await;
            let _ = kairos.generate_key_pair(&reference("keys")).await.unwrap();
        });
    }
}

/// A push: never taken for more than unverified.
pub fn push(bytes: &[u8]) {
    let header = |_: &str| Some(bytes);
    let request = CallbackRequest::new(&header, bytes, UNIX_EPOCH);
    if let Ok(callback) = PostCallParser::new().parse(&request) {
        assert!(matches!(callback, Callback::Unverified(_)));
    }
    let guarded = PostCallParser::requiring_basic("user", &Secret::new("password"));
    assert!(guarded.parse(&request).is_err());
}

/// What a person typed, and a public key file.
pub fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for policy in [
        NumberPolicy::AsIs,
        NumberPolicy::DigitsOnly,
        NumberPolicy::India,
    ] {
        let _ = ContactNumber::parse(&text, policy);
    }
    let _ = StartTime::parse(&text);
    let _ = (FlowId::new(text.as_ref()), SecurityId::new(text.as_ref()));
    let _ = PublicKey::load(bytes);
}
