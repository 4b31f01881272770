//! Clients against canned answers, with a record of what was sent.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use citcall_client::core::{
    Clock, Error, ErrorKind, Msisdn, NotSent, Outcome, Reference, Secret, SecretBytes, Submission,
};
use citcall_client::http::{Bytes, Transport, http};
use citcall_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use citcall_client::{Builder, Cipher, Client, Credentials, parse_msisdn, v3};

pub const USER: &str = "demo";
pub const KEY: &str = "fe01ce2a7fbac8fafaed7c982a04e229";
/// The time inside the published request.
pub const AT: u64 = 1_519_012_727;

/// A clock that the test moves.
#[derive(Debug)]
pub struct Hand(AtomicU64);

impl Hand {
    pub fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }
    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

/// What one exchange ends in.
pub type Canned = Result<(u16, String), Error>;

/// A provider's end that answers in turn; the last answer stays.
#[derive(Debug)]
pub struct Server {
    answers: Mutex<Vec<Canned>>,
    seen: Mutex<Vec<http::Request<Bytes>>>,
    clock: Option<Arc<Hand>>,
    wait: Option<u64>,
}

#[citcall_client::core::async_trait]
impl Transport for Server {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Error> {
        self.seen.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        };
        let (status, body) = answer?;
        let mut response = http::Response::builder().status(status);
        if let Some(seconds) = self.wait {
            response = response.header("retry-after", seconds);
        }
        Ok(response.body(Bytes::from(body)).unwrap())
    }
    /// Waiting moves the clock by a second.
    async fn pause(&self, _: Duration) {
        if let Some(clock) = &self.clock {
            clock.advance(1);
        }
    }
}

impl Server {
    pub fn answering(answers: impl Into<Vec<Canned>>) -> Arc<Self> {
        Self::with_clock(answers, None)
    }
    pub fn with_clock(answers: impl Into<Vec<Canned>>, clock: Option<Arc<Hand>>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into()),
            seen: Mutex::default(),
            clock,
            wait: None,
        })
    }
    /// With `Retry-After`.
    pub fn busy(status: u16, body: impl Into<String>, seconds: u64) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(vec![Ok((status, body.into()))]),
            seen: Mutex::default(),
            clock: None,
            wait: Some(seconds),
        })
    }
    pub fn says(status: u16, body: impl Into<String>) -> Arc<Self> {
        Self::answering([Ok((status, body.into()))])
    }
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
    pub fn bodies(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|request| String::from_utf8(request.body().to_vec()).unwrap())
            .collect()
    }
    pub fn body(&self) -> String {
        self.bodies().pop().unwrap()
    }
    pub fn uris(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|request| request.uri().to_string())
            .collect()
    }
    pub fn last(&self) -> http::request::Parts {
        self.seen.lock().unwrap().pop().unwrap().into_parts().0
    }
    /// The sealed inner text of the last request.
    pub fn opened(&self) -> String {
        opened(&self.body())
    }
}

pub fn cipher() -> Cipher {
    Cipher::new(USER, &Secret::new(KEY))
        .unwrap()
        .with_window(None)
}

pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// `{"data": …}` as the provider seals it.
pub fn sealed(json: &str, seconds: u64) -> String {
    format!("{{\"data\":\"{}\"}}", cipher().seal(json, at(seconds)))
}

pub fn opened(body: &str) -> String {
    let data = body
        .strip_prefix("{\"data\":\"")
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    cipher().open(data, at(AT)).unwrap().text().to_owned()
}

pub fn builder(server: &Arc<Server>) -> Builder {
    let credentials = Credentials::new(USER, Secret::new(KEY)).unwrap();
    Client::builder(credentials)
        .account("acme")
        .transport(server.clone())
        .clock(Hand::at(AT))
}

pub fn client(server: &Arc<Server>) -> Client {
    builder(server).build().unwrap()
}

pub fn v3_builder(server: &Arc<Server>) -> v3::Builder {
    let credentials = Credentials::api_key(Secret::new(KEY)).unwrap();
    v3::Client::builder(credentials)
        .account("acme")
        .transport(server.clone())
        .clock(Hand::at(AT))
}

pub fn to() -> Msisdn {
    parse_msisdn("081234567890").unwrap()
}

pub fn reference() -> Reference {
    Reference::new("1234567890").unwrap()
}

pub fn local(clock: Arc<dyn Clock>) -> LocalOtp {
    let key = OtpKey::new("k1", SecretBytes::new([7; 32])).unwrap();
    let store = Arc::new(MemoryOtpStore::with_clock(clock.clone()));
    LocalOtp::new(key, store).with_sources(clock, Arc::new(citcall_client::core::OsRandomness))
}

/// A connection that never came about.
pub fn refused() -> Error {
    NotSent::new(ErrorKind::Connect, "refused").into()
}

pub fn lost() -> Error {
    Error::in_doubt(ErrorKind::Timeout, "no answer within the time limit")
}

pub fn outcome<T>(answer: &Result<Submission<T>, NotSent>) -> Option<Outcome> {
    answer.as_ref().ok().map(Submission::outcome)
}

/// The cause of an unknown outcome.
pub fn cause<T: std::fmt::Debug>(answer: Result<Submission<T>, NotSent>) -> Error {
    match answer {
        Ok(Submission::Unknown(unknown)) => unknown.cause().clone(),
        other => panic!("{other:?}"),
    }
}

pub fn accepted<T: std::fmt::Debug>(answer: Result<Submission<T>, NotSent>) -> T {
    match answer {
        Ok(Submission::Accepted(value)) => value,
        other => panic!("{other:?}"),
    }
}
