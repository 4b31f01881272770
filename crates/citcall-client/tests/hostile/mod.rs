//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use citcall_client::core::{
    Callback, CallbackParser as _, CallbackRequest, Clock, Error, Msisdn, OtpCode, Reference,
    Secret,
};
use citcall_client::http::{Bytes, Transport, http};
use citcall_client::v3::{self, Motp, Sms};
use citcall_client::{
    AsyncCall, Callbacks, Cipher, Client, Credentials, Gateway, parse_msisdn, typed_code,
};

const KEY: &str = "fe01ce2a7fbac8fafaed7c982a04e229";

/// The time inside the published request, for ever.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_519_012_727)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Answers everything with the same bytes, at once.
#[derive(Debug)]
struct Says(u16, Bytes);

#[citcall_client::core::async_trait]
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

fn credentials() -> Credentials {
    Credentials::new("demo", Secret::new(KEY)).unwrap()
}

fn cipher() -> Cipher {
    Cipher::new("demo", &Secret::new(KEY)).unwrap()
}

fn to() -> Msisdn {
    Msisdn::parse("6281234567890").unwrap()
}

/// Every call of both versions, answered with these bytes.
pub fn answer(bytes: &[u8]) {
    for status in [200, 400] {
        let says = || Arc::new(Says(status, Bytes::copy_from_slice(bytes)));
        let v2 = Client::builder(credentials()).clock(Arc::new(Still));
        let v2 = v2.transport(says()).build().unwrap();
        let v3 = v3::Client::builder(credentials()).clock(Arc::new(Still));
        let v3 = v3.transport(says()).build().unwrap();
        let reference = Reference::new("order-1").unwrap();
        let sms = Sms::new(&to(), "Acme", "hello");
        at_once(async {
            let call = AsyncCall::new(&to(), Gateway::FIRST);
            let _ = v2.async_call(&reference, &call).await.unwrap();
            let _ = v3.motp(&reference, &Motp::new(&to())).await.unwrap();
            let _ = v3.sms(&reference, &sms).await.unwrap();
            let _ = v3.verify(&to(), "trx-1", &OtpCode::new("1234")).await;
        });
    }
}

/// A push, with and without a cipher: never taken for more than unverified.
pub fn push(bytes: &[u8]) {
    let request = CallbackRequest::new(&|_| None, bytes, Still.now());
    let open = Callbacks::default();
    for callbacks in [open.clone(), open.with_cipher(cipher())] {
        if let Ok(push) = callbacks.parse(&request) {
            assert!(matches!(push, Callback::Unverified(_)));
        }
        let _ = callbacks.clone().of_calls().parse(&request);
        let _ = callbacks.of_messages().parse(&request);
    }
}

/// A text under the cipher as the server's, and one that decrypts to these bytes.
pub fn sealed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = cipher().open(&text, Still.now());
    // DEL and what is not ASCII goes out escaped, as JSON.
    if text.bytes().all(|byte| byte < 0x7f) {
        let sealed = cipher().seal(&text, Still.now());
        let opened = cipher().open(&sealed, Still.now()).unwrap();
        assert_eq!(opened.text(), text);
        answer(format!("{{\"data\":\"{sealed}\"}}").as_bytes());
    }
}

/// What a person typed: a number, a code.
pub fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(number) = parse_msisdn(&text) {
        assert_eq!(
            parse_msisdn(&format!("+{}", number.expose())).unwrap(),
            number
        );
    }
    let _ = typed_code(&OtpCode::new(text));
}
