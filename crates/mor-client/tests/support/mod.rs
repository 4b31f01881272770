//! A client against canned answers, with a count of what was sent.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mor_client::{Builder, Credentials, MorClient};
use telco_core::{Error, Reference, Secret};
use telco_http::{Bytes, ReadRetry, Transport, http};

pub const SECRET: &str = "an-API-secret-that-never-travels";
pub const PASSWORD: &str = "a-login-password";

/// What one exchange ends in.
pub type Canned = Result<(u16, &'static str), Error>;

pub struct Server {
    answers: Mutex<Vec<Canned>>,
    pub seen: Mutex<Vec<http::Request<Bytes>>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

#[telco_core::async_trait]
impl Transport for Server {
    async fn exchange(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<http::Response<Bytes>, Error> {
        self.seen.lock().unwrap().push(request);
        let mut answers = self.answers.lock().unwrap();
        // The last one answers for ever.
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        };
        let (status, body) = answer?;
        let response = http::Response::builder().status(status);
        Ok(response.body(Bytes::from_static(body.as_bytes())).unwrap())
    }
    async fn pause(&self, _: Duration) {}
}

impl Server {
    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    pub fn forms(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|request| String::from_utf8(request.body().to_vec()).unwrap())
            .collect()
    }
}

pub fn builder() -> Builder {
    MorClient::builder(
        "https://mor.example.com",
        Credentials::new("admin", Secret::new(SECRET)),
    )
}

pub fn with(builder: Builder, answers: impl Into<Vec<Canned>>) -> (MorClient, Arc<Server>) {
    let server = Arc::new(Server {
        answers: Mutex::new(answers.into()),
        seen: Mutex::default(),
    });
    let transport: Arc<dyn Transport> = server.clone();
    let retry = ReadRetry::new([Duration::ZERO; 2], Duration::from_secs(60));
    (
        builder
            .transport(transport)
            .read_retry(retry)
            .build()
            .unwrap(),
        server,
    )
}

pub fn mor(answer: &'static str) -> (MorClient, Arc<Server>) {
    with(builder(), [Ok((200, answer))])
}

pub fn reference() -> Reference {
    Reference::new("order-4711").unwrap()
}
