//! What the tests share: credentials that open nothing, and a server of raw sockets that answers by a script and writes down
//! every request head.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cowrie_client::http::{ReadRetry, Settings};
use cowrie_client::{Builder, Client, ClientKey, Credentials, Network, Nonce, Nonces};
use telco_core::{Amount, Currency, Msisdn, NoRandomness, Product, Reference, TopupIntent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The key of the published known answers: the bytes 00 to 1f.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
pub const NONCE: &str = "20151110202513869";
pub const XREF: &str = "7734c7da7687442";
pub const MSISDN: &str = "2348124661601";
pub const TIMEOUT: Duration = Duration::from_millis(500);

pub fn key() -> ClientKey {
    ClientKey::from_base64(KEY).unwrap()
}

pub fn credentials() -> Credentials {
    Credentials::client("me@client.com", key()).unwrap()
}

pub fn agent() -> Credentials {
    Credentials::agent("A-7", "T-1", key()).unwrap()
}

pub fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

pub fn number() -> Msisdn {
    Msisdn::parse(MSISDN).unwrap()
}

pub fn naira(n: i64) -> Amount {
    Amount::from_major(n, Currency::NGN).unwrap()
}

/// 100 naira of airtime on Airtel.
pub fn airtime(text: &str) -> TopupIntent {
    TopupIntent::new(
        reference(text),
        Product::airtime(number(), Network::Airtel, naira(100)),
    )
}

/// Short timeouts, and reads that are repeated once, at once.
pub fn hasty(builder: Builder, base_url: &str) -> Builder {
    builder
        .base_url(base_url)
        .settings(Settings::default().with_timeouts(TIMEOUT, TIMEOUT))
        .read_retry(ReadRetry::new([Duration::ZERO], Duration::from_secs(60)))
}

pub fn client(server: &Server) -> Client {
    hasty(Client::builder(credentials()), server.base_url())
        .build()
        .unwrap()
}

/// The same nonce for ever: for known answers only.
#[derive(Debug)]
pub struct Fixed;

impl Nonces for Fixed {
    fn next(&self) -> Result<Nonce, NoRandomness> {
        Ok(Nonce::new(NONCE).unwrap())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Answer {
        status: u16,
        headers: String,
        body: Vec<u8>,
    },
    /// These bytes, then the end of the connection.
    Raw(Vec<u8>),
    /// A 2xx or other head that announces this many octets, which then come.
    Flood(u16, usize),
    /// The connection closes without an answer.
    Close,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer {
            status,
            headers: String::new(),
            body: body.into(),
        }
    }

    pub fn header(self, line: &str) -> Self {
        match self {
            Self::Answer {
                status,
                headers,
                body,
            } => Self::Answer {
                status,
                headers: format!("{headers}{line}\r\n"),
                body,
            },
            other => other,
        }
    }
}

pub struct Server {
    base_url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers in this order; the last reply serves for ever.
    pub async fn start(replies: impl Into<VecDeque<Reply>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let replies = Arc::new(Mutex::new(replies.into()));
        let heads = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&heads), Arc::clone(&replies)));
            }
        });
        Self { base_url, seen }
    }

    pub async fn answering(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::start([Reply::new(status, body)]).await
    }

    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Every request head, byte for byte.
    pub fn heads(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn targets(&self) -> Vec<String> {
        let target = |head: &String| head.split(' ').nth(1).unwrap().to_owned();
        self.heads().iter().map(target).collect()
    }

    pub fn nonces(&self) -> Vec<String> {
        self.heads()
            .iter()
            .map(|head| header(head, "nonce").unwrap())
            .collect()
    }
}

/// One header of a request head; the name in any case.
pub fn header(head: &str, name: &str) -> Option<String> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.to_owned())
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<String>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let reply = {
            seen.lock().unwrap().push(String::from_utf8(head).unwrap());
            let mut replies = replies.lock().unwrap();
            if replies.len() > 1 {
                replies.pop_front().unwrap()
            } else {
                replies.front().unwrap().clone()
            }
        };
        match reply {
            Reply::Answer {
                status,
                headers,
                body,
            } => {
                // Neither of the two may have a body or its length.
                let length = match status {
                    204 | 304 => String::new(),
                    _ => format!("content-length: {}\r\n", body.len()),
                };
                let head = format!("HTTP/1.1 {status} X\r\n{length}{headers}\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                stream.write_all(&body).await.ok()?;
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).await.ok()?;
                stream.shutdown().await.ok()?;
                return None;
            }
            Reply::Flood(status, length) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                let chunk = vec![b' '; 64 * 1024];
                for _ in 0..length / chunk.len() {
                    stream.write_all(&chunk).await.ok()?;
                }
            }
            Reply::Close => return None,
        }
    }
}
