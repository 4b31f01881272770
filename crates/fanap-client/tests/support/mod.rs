//! What the tests share: throw-away keys, a clock that stands still, servers that answer as told.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod sandbox;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanap_client::core::{Clock, Error, Msisdn, Reference, async_trait};
use fanap_client::http::{Bytes, Transport, http};
use fanap_client::{Application, Builder, Client, PrivateKey, ServiceKey};
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

pub const APP: &str = "your-app-id";
pub const TENANT: &str = "your.tenant.id";
pub const SERVICE: &str = "63b01900e9c447e4930ce8ab0969e6f3";
pub const NUMBER: &str = "989120000000";
pub const CORRELATION: &str = "973358ae413e4379881476cbd3486aa0";
/// 2018-09-24T12:01:27.938Z
pub const NOW: u64 = 1_537_790_487_938;

pub fn read(file: &str) -> Value {
    serde_json::from_str(file).unwrap()
}

pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {value}"))
}

pub fn key_form(id: &str, form: &str) -> String {
    text(
        &read(include_str!("../../vectors/signing.json"))["keys"][id],
        form,
    )
    .to_owned()
}

pub fn key() -> PrivateKey {
    PrivateKey::load(key_form("k2048", "private_xml").as_bytes()).unwrap()
}

pub fn application() -> Application {
    Application::new(APP, TENANT).unwrap()
}

pub fn service_key() -> ServiceKey {
    ServiceKey::new(SERVICE).unwrap()
}

pub fn number() -> Msisdn {
    Msisdn::parse(NUMBER).unwrap()
}

pub fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

/// Wall clock and the one that never steps, both set by hand.
#[derive(Debug)]
pub struct Hands(pub Mutex<(u64, u64)>);

impl Hands {
    pub fn at(unix_ms: u64) -> Arc<Self> {
        Arc::new(Self(Mutex::new((unix_ms, 0))))
    }
    pub fn set(&self, unix_ms: u64, monotonic_ms: u64) {
        *self.0.lock().unwrap() = (unix_ms, monotonic_ms);
    }
    pub fn advance(&self, ms: u64) {
        let mut hands = self.0.lock().unwrap();
        hands.0 += ms;
        hands.1 += ms;
    }
}

impl Clock for Hands {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.lock().unwrap().0)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.lock().unwrap().1)
    }
}

type Answer = Result<(u16, Vec<u8>), Error>;

/// A transport that keeps every request and answers what it was told to, in order.
#[derive(Debug, Default)]
pub struct Told {
    pub answers: Mutex<VecDeque<Answer>>,
    pub headers: Mutex<Vec<(&'static str, String)>>,
    pub seen: Mutex<Vec<http::Request<Bytes>>>,
    pub pauses: Mutex<Vec<Duration>>,
}

impl Told {
    pub fn with(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    pub fn bodies(&self) -> Vec<Value> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|request| serde_json::from_slice(request.body()).unwrap())
            .collect()
    }

    pub fn dates(&self) -> Vec<String> {
        let date = |body: &Value| body["Date"].as_str().unwrap().to_owned();
        self.bodies().iter().map(date).collect()
    }
}

pub fn says(status: u16, body: &str) -> Answer {
    Ok((status, body.as_bytes().to_vec()))
}

pub const STARTED: &str =
    r#"{"response":0,"correlationId":"973358ae413e4379881476cbd3486aa0","success":true}"#;
pub const COMMITTED: &str = r#"{"response":0,"success":true}"#;

#[async_trait]
impl Transport for Told {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Error> {
        self.seen.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        let (status, body) = answer.expect("an answer for each request")?;
        let mut response = http::Response::builder().status(status);
        for (name, value) in &*self.headers.lock().unwrap() {
            response = response.header(*name, value);
        }
        Ok(response.body(Bytes::from(body)).unwrap())
    }
    async fn pause(&self, time: Duration) {
        self.pauses.lock().unwrap().push(time);
    }
}

pub fn builder() -> Builder {
    Client::builder(application(), key()).clock(Hands::at(NOW))
}

pub fn client(told: &Arc<Told>) -> Client {
    let transport: Arc<dyn Transport> = told.clone();
    builder().transport(transport).build().unwrap()
}

/// The head and body of one request.
pub async fn whole_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => request.extend_from_slice(&part[..length]),
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")
                        .map(str::to_owned)
                })
                .and_then(|length| length.parse().ok());
            if length == Some(body.len()) {
                return Some(text);
            }
        }
    }
}
