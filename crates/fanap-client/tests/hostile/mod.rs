//! Whatever reads bytes from outside, as one function each: driven by `never_panics.rs` and by the fuzz targets.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::pin::pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanap_client::core::{
    Callback, CallbackParser as _, CallbackRequest, Clock, Error, Msisdn, Reference, async_trait,
};
use fanap_client::http::{Bytes, ReadRetry, Transport, http};
use fanap_client::{
    Application, Callbacks, Client, Imi, Notice, PrivateKey, ServiceKey, SubscriptionCheck, Token,
    parse_msisdn,
};

/// The published date, for ever: then one signature serves all requests.
#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(1_537_790_487_938)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// Answers everything with the same bytes, at once.
#[derive(Debug)]
struct Says(Mutex<(u16, Bytes)>);

#[async_trait]
impl Transport for Says {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        let (status, body) = self.0.lock().unwrap().clone();
        Ok(http::Response::builder().status(status).body(body).unwrap())
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

/// The three clients, made once: a key takes its time to load.
struct Clients {
    client: Client,
    imi: Imi,
    check: SubscriptionCheck,
    callbacks: Callbacks,
    says: Arc<Says>,
}

fn clients() -> &'static Clients {
    static CLIENTS: OnceLock<Clients> = OnceLock::new();
    CLIENTS.get_or_init(|| {
        let file: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/signing.json")).unwrap();
        let xml = file["keys"]["k1024"]["private_xml"].as_str().unwrap();
        let key = || PrivateKey::load(xml.as_bytes()).unwrap();
        let says = Arc::new(Says(Mutex::default()));
        let builder = || {
            let application = Application::new("your-app-id", "your.tenant.id").unwrap();
            Client::builder(application, key())
                .clock(Arc::new(Still))
                .transport(says.clone())
        };
        Clients {
            client: builder().build().unwrap(),
            imi: builder().build_imi().unwrap(),
            check: SubscriptionCheck::builder(1, key())
                .clock(Arc::new(Still))
                .transport(says.clone())
                .read_retry(ReadRetry::none())
                .build()
                .unwrap(),
            callbacks: Callbacks::default(),
            says,
        }
    })
}

/// Every call, answered with these bytes.
pub fn answer(bytes: &[u8]) {
    let Clients {
        client,
        imi,
        check,
        says,
        ..
    } = clients();
    let reference = Reference::new("order-1").unwrap();
    let service = ServiceKey::new("63b01900e9c447e4930ce8ab0969e6f3").unwrap();
    let number = Msisdn::parse("989120000000").unwrap();
    let phone = client.phone(&number).unwrap();
    let token = Token::parse("1234").unwrap();
    for status in [200, 400, 500] {
        *says.0.lock().unwrap() = (status, Bytes::copy_from_slice(bytes));
        at_once(async {
            let _ = client.start(&reference, &service, &phone).await.unwrap();
            let commit = client.commit(&reference, &service, &phone, "correlation", &token);
            let _ = commit.await.unwrap();
            let _ = imi.start(&reference, &service, &phone).await.unwrap();
            let commit = imi.commit(&reference, &service, "otp", &token);
            let _ = commit.await.unwrap();
            let _ = check.ask(&number).await;
        });
    }
}

/// A push. Only delivery reports are taken without the provider's signature.
pub fn push(bytes: &[u8]) {
    let header = |_: &str| None;
    let request = CallbackRequest::new(&header, bytes, UNIX_EPOCH);
    if let Ok(push) = clients().callbacks.parse(&request) {
        assert!(matches!(
            push,
            Callback::Unverified(Notice::Delivery(_)) | Callback::Verified(_)
        ));
    }
}

/// What a person typed: a number, a code; and a key file.
pub fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(number) = parse_msisdn(&text) {
        assert_eq!(
            parse_msisdn(&format!("+{}", number.expose())).unwrap(),
            number
        );
    }
    let _ = (Token::parse(&text), ServiceKey::new(text.as_ref()));
    let _ = Application::new(&text, &text);
    let _ = PrivateKey::load(bytes);
}
