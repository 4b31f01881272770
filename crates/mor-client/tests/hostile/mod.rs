//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use mor_client::methods::{Callback, CallsQuery, PaymentOrder, PaymentsQuery, Sms, UserRef};
use mor_client::wire::Document;
use mor_client::{Credentials, Decimal, MorClient};
use telco_core::{Amount, Currency, Error, Reference, Secret};
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

/// Every typed call, answered with these bytes. A document that can be read can be walked.
pub fn answer(bytes: &[u8]) {
    if let Ok(document) = Document::parse(bytes) {
        let _ = format!("{document:?}");
        assert!(document.all("error").len() >= usize::from(document.find("error").is_some()));
    }
    for status in [200, 500] {
        let transport = Arc::new(Says(status, Bytes::copy_from_slice(bytes)));
        let mor = MorClient::builder(
            "https://mor.example.com",
            Credentials::new("admin", Secret::new("secret")),
        )
        .transport(transport)
        .read_retry(ReadRetry::none())
        .build()
        .unwrap();
        let reference = Reference::new("order-1").unwrap();
        let euro = Amount::from_minor(1, Currency::new(*b"EUR", 2).unwrap());
        let later = UNIX_EPOCH + Duration::from_secs(1);
        at_once(async {
            let _ = mor.user_balance("bob").await;
            let _ = mor.user_details(&UserRef::Id(2)).await;
            let _ = mor.devices(2).await;
            let _ = mor.system_version().await;
            let _ = mor
                .payments(&PaymentsQuery::between(UNIX_EPOCH, later))
                .await;
            let _ = mor
                .user_calls(&CallsQuery::between(UNIX_EPOCH, later))
                .await;
            let one = Decimal::parse("1").unwrap();
            let _ = mor.add_to_balance(&reference, 2, &one).await.unwrap();
            let order = PaymentOrder::new(reference.clone(), 2, euro);
            let _ = mor.create_payment(&order).await.unwrap();
            let sms = Sms::new(reference.clone(), "a", "1", Secret::new("text"));
            let _ = mor.send_sms(&sms).await.unwrap();
            let call = Callback::new(reference.clone(), 5, "1");
            let _ = mor.init_callback(&call).await.unwrap();
            let call = mor_client::mor_hash::Call::new("device_delete").with("device", "5");
            let _ = mor.write(&reference, &call).await.unwrap();
        });
    }
}

/// What a user may have typed for an amount.
pub fn decimal(bytes: &[u8]) {
    if let Ok(decimal) = Decimal::parse(&String::from_utf8_lossy(bytes)) {
        let _ = decimal.is_zero();
    }
}
