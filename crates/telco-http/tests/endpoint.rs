//! What the endpoint adds to a transport, on a transport that is a list of answers.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use telco_core::{Delivery, Error, ErrorKind, NotSent};
use telco_http::{BaseUrl, Bytes, Endpoint, ReadRetry, Settings, Transport, http};

#[derive(Debug, Default)]
struct Script {
    answers: Mutex<VecDeque<Result<u16, Error>>>,
    sent: Mutex<usize>,
    pauses: Mutex<Vec<Duration>>,
}

#[telco_core::async_trait]
impl Transport for Script {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        *self.sent.lock().unwrap() += 1;
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(200));
        answer.map(|status| {
            let mut response = http::Response::new(Bytes::new());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            response
        })
    }
    async fn pause(&self, time: Duration) {
        self.pauses.lock().unwrap().push(time);
    }
}

fn scripted(answers: impl IntoIterator<Item = Result<u16, Error>>) -> (Arc<Script>, Endpoint) {
    let script = Arc::new(Script {
        answers: Mutex::new(answers.into_iter().collect()),
        ..Script::default()
    });
    let base = BaseUrl::parse("https://api.example.com/v1").unwrap();
    let endpoint = Endpoint::new("example", base, Arc::clone(&script) as Arc<dyn Transport>);
    (script, endpoint)
}

fn request(uri: &str) -> http::Request<Bytes> {
    http::Request::get(uri).body(Bytes::new()).unwrap()
}

fn no_connection() -> Error {
    NotSent::new(ErrorKind::Connect, "refused").into()
}

fn lost() -> Error {
    Error::in_doubt(ErrorKind::Interrupted, "lost")
}

const HERE: &str = "https://api.example.com/v1/x";

#[tokio::test]
async fn nothing_goes_to_another_origin() {
    let (script, endpoint) = scripted([]);
    for foreign in [
        "https://evil.org/v1/x",
        "http://api.example.com/v1/x",
        "https://api.example.com:8443/v1/x",
    ] {
        let failure = endpoint
            .exchange("look", request(foreign))
            .await
            .unwrap_err();
        assert_eq!(failure.delivery(), Delivery::NotSent);
        assert!(!failure.to_string().contains("evil"));
    }
    assert_eq!(*script.sent.lock().unwrap(), 0);
    endpoint.exchange("look", request(HERE)).await.unwrap();
    assert_eq!(*script.sent.lock().unwrap(), 1);
}

#[tokio::test]
async fn failures_say_who_and_what() {
    let (_, endpoint) = scripted([Err(lost())]);
    let failure = endpoint.exchange("look", request(HERE)).await.unwrap_err();
    assert_eq!(failure.to_string(), "example look: lost");
}

#[tokio::test]
async fn setting_up_a_connection_is_repeated_twice_and_nothing_else_is() {
    let (script, endpoint) = scripted([Err(no_connection()), Err(no_connection())]);
    let spend = async |endpoint: &Endpoint, times| {
        let attempt = || endpoint.exchange("spend", request(HERE));
        endpoint.reconnecting(times, attempt).await
    };
    spend(&endpoint, 2).await.unwrap();
    assert_eq!(*script.sent.lock().unwrap(), 3);
    for (wait, most) in script.pauses.lock().unwrap().iter().zip([200, 600]) {
        let most = Duration::from_millis(most);
        assert!((most / 2..=most).contains(wait), "{wait:?}");
    }
    assert_eq!(script.pauses.lock().unwrap().len(), 2);

    let (script, endpoint) = scripted((0..9).map(|_| Err(no_connection())));
    let failure = spend(&endpoint, 2).await.unwrap_err();
    assert_eq!(failure.delivery(), Delivery::NotSent);
    assert_eq!(*script.sent.lock().unwrap(), 3);

    let (script, endpoint) = scripted([Err(no_connection())]);
    assert!(spend(&endpoint, 0).await.is_err());
    assert_eq!(*script.sent.lock().unwrap(), 1);

    let bad_input = NotSent::new(ErrorKind::InvalidInput, "no URL");
    let broke = Error::in_doubt(ErrorKind::Connect, "broke");
    for once in [lost(), broke, bad_input.into()] {
        let (script, endpoint) = scripted([Err(once)]);
        assert!(spend(&endpoint, 2).await.is_err());
        assert_eq!(*script.sent.lock().unwrap(), 1);
    }
}

/// A transport that waits for real.
#[derive(Debug)]
struct Patient;

#[telco_core::async_trait]
impl Transport for Patient {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        Err(no_connection())
    }
    async fn pause(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// Whose timer it is does not matter: the endpoint's pause, the transport's behind a pointer, and that of our own transport.
#[tokio::test]
async fn a_pause_lasts() {
    let long = Duration::from_millis(50);
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let over_ours = Endpoint::new("example", base, Arc::new(Patient));
    let shared: Arc<dyn Transport> = Arc::new(Patient);
    let boxed: Box<dyn Transport> = Box::new(Patient);
    let pauses = [
        Box::pin(over_ours.pause(long)) as Pin<Box<dyn Future<Output = ()>>>,
        Box::pin(shared.pause(long)),
        Box::pin(boxed.pause(long)),
    ];
    for pause in pauses {
        let short = tokio::time::sleep(Duration::from_millis(1));
        tokio::select! {
            biased;
            () = short => {}
            () = pause => panic!("it was over at once"),
        }
    }
}

#[tokio::test]
async fn a_transport_behind_a_pointer_is_the_transport() {
    let teapot = || Script {
        answers: Mutex::new([Ok(418)].into()),
        ..Script::default()
    };
    let shared: Arc<dyn Transport> = Arc::new(teapot());
    let boxed: Box<dyn Transport> = Box::new(teapot());
    let answer = Transport::exchange(&shared, request(HERE)).await.unwrap();
    assert_eq!(answer.status(), 418);
    let answer = Transport::exchange(&boxed, request(HERE)).await.unwrap();
    assert_eq!(answer.status(), 418);
}

#[test]
fn timeouts_are_for_connecting_and_for_the_whole() {
    let (short, long) = (Duration::from_secs(3), Duration::from_secs(33));
    let settings = Settings::default().with_timeouts(short, long);
    assert_eq!(settings.connect_timeout, Some(short));
    assert_eq!(settings.total_timeout, Some(long));
}

async fn read(endpoint: &Endpoint, policy: &ReadRetry) -> Result<(), Error> {
    endpoint
        .read(policy, async || {
            let answer = endpoint.exchange("look", request(HERE)).await?;
            match answer.status().as_u16() {
                200 => Ok(()),
                429 => Err(Error::answered(ErrorKind::RateLimited, "slow down")
                    .with_retry_after(Duration::from_secs(7))),
                503 => Err(Error::answered(ErrorKind::Unavailable, "down")),
                _ => Err(Error::answered(ErrorKind::Authentication, "no")),
            }
        })
        .await
}

#[tokio::test]
async fn a_read_is_repeated_while_its_failure_can_pass() {
    let (script, endpoint) = scripted([Err(lost()), Ok(503), Err(no_connection())]);
    read(&endpoint, &ReadRetry::default()).await.unwrap();
    assert_eq!(*script.sent.lock().unwrap(), 4);
    let pauses = script.pauses.lock().unwrap();
    for (pause, most) in pauses.iter().zip([500, 1_000, 2_000]) {
        let most = Duration::from_millis(most);
        assert!((most / 2..=most).contains(pause), "{pause:?}");
    }
}

#[tokio::test]
async fn a_read_gives_up_after_its_repeats_or_at_once() {
    let (script, endpoint) = scripted((0..9).map(|_| Ok(503)));
    let failure = read(&endpoint, &ReadRetry::default()).await.unwrap_err();
    assert!(failure.is_retryable(), "the caller may go on later");
    assert_eq!(*script.sent.lock().unwrap(), 4);

    let (script, endpoint) = scripted([Ok(401)]);
    assert!(read(&endpoint, &ReadRetry::default()).await.is_err());
    assert_eq!(*script.sent.lock().unwrap(), 1);
}

#[tokio::test]
async fn a_read_waits_as_long_as_it_is_asked_to_within_its_deadline() {
    let (script, endpoint) = scripted([Ok(429)]);
    read(&endpoint, &ReadRetry::default()).await.unwrap();
    assert_eq!(*script.pauses.lock().unwrap(), [Duration::from_secs(7)]);

    let (script, endpoint) = scripted([Ok(429)]);
    let short = ReadRetry::new([Duration::ZERO], Duration::from_secs(5));
    assert!(read(&endpoint, &short).await.is_err());
    assert_eq!(*script.sent.lock().unwrap(), 1);
}

#[cfg(not(feature = "reqwest"))]
#[test]
fn without_a_transport_compiled_in_connect_says_so() {
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let refusal = telco_http::connect(&base, &telco_http::Settings::default()).unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration);
}

#[cfg(all(
    feature = "rustls-no-provider",
    not(feature = "rustls"),
    not(feature = "native-tls")
))]
#[test]
fn without_a_crypto_provider_connect_says_so_instead_of_panicking() {
    let base = BaseUrl::parse("https://api.example.com").unwrap();
    let refusal = telco_http::connect(&base, &telco_http::Settings::default()).unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration);
    assert!(refusal.to_string().contains("crypto provider"));
}
