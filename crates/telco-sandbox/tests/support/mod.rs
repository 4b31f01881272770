//! The plainest HTTP client and listener there can be: what they send and see is exactly what the test says.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

pub mod noise;
pub mod spend;

use std::io;
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use telco_sandbox::{Query, Sandbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a test waits for an answer before it calls it a stall.
pub const STALL: Duration = Duration::from_millis(300);

#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }
}

pub fn authority(base: &str) -> &str {
    base.trim_start_matches("http://")
        .split('/')
        .next()
        .unwrap()
}

pub struct Client(pub TcpStream);

impl Client {
    pub async fn connect(base: &str) -> io::Result<Self> {
        TcpStream::connect(authority(base)).await.map(Self)
    }

    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<Reply> {
        self.0.write_all(bytes).await?;
        self.receive().await
    }

    pub async fn receive(&mut self) -> io::Result<Reply> {
        let mut data = Vec::new();
        let end = loop {
            if let Some(at) = data.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(&mut data).await?;
        };
        let head = String::from_utf8_lossy(&data[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|l| {
                l.to_ascii_lowercase()
                    .strip_prefix("content-length:")
                    .map(|v| v.trim().parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        while data.len() < end + length {
            self.more(&mut data).await?;
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Ok(Reply {
            status,
            body: data[end..end + length].to_vec(),
            head,
        })
    }

    async fn more(&mut self, data: &mut Vec<u8>) -> io::Result<()> {
        let mut chunk = [0; 4096];
        let n = match timeout(STALL * 10, self.0.read(&mut chunk)).await {
            Ok(read) => read?,
            Err(_) => return Err(io::ErrorKind::TimedOut.into()),
        };
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        data.extend_from_slice(&chunk[..n]);
        Ok(())
    }
}

/// Bytes of a request.
pub fn request(
    method: &str,
    base: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<u8> {
    let prefix = base
        .trim_start_matches("http://")
        .split_once('/')
        .map_or(String::new(), |(_, p)| format!("/{p}"));
    let target = match format!("{prefix}{target}") {
        empty if empty.is_empty() => "/".to_owned(),
        target => target,
    };
    let mut out = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\n",
        authority(base)
    );
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        out.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    out.push_str("\r\n");
    out.push_str(body);
    out.into_bytes()
}

pub async fn call(
    method: &str,
    base: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    Client::connect(base)
        .await?
        .send(&request(method, base, target, headers, body))
        .await
}

/// [`call`] with the whole URL in one.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    call(method, url, "", headers, body).await
}

/// The admin API.
pub async fn admin(sandbox: &Sandbox, method: &str, path: &str, body: &str) -> Reply {
    let base = sandbox.console_url();
    let base = base.trim_end_matches('/');
    call(method, base, &format!("/_sandbox/{path}"), &[], body)
        .await
        .unwrap()
}

pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn unbase64(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// Receives callbacks and answers.
pub struct Listener {
    pub url: String,
    inbox: mpsc::UnboundedReceiver<(String, String)>,
}

impl Listener {
    /// One that answers 200.
    pub async fn start() -> Listener {
        Self::answering(Vec::new()).await
    }

    /// One that answers with these statuses, then with 200.
    pub async fn answering(statuses: Vec<u16>) -> Listener {
        let mut statuses = statuses.into_iter();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/callback", listener.local_addr().unwrap());
        let (out, inbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = Vec::new();
                let mut buffer = [0; 4096];
                let message = loop {
                    let n = stream.read(&mut buffer).await.unwrap();
                    bytes.extend_from_slice(&buffer[..n]);
                    let text = String::from_utf8_lossy(&bytes).into_owned();
                    if let Some((head, body)) = text.split_once("\r\n\r\n") {
                        let length = head.lines().find_map(|line| {
                            line.to_lowercase()
                                .strip_prefix("content-length: ")?
                                .parse()
                                .ok()
                        });
                        if n == 0 || body.len() >= length.unwrap_or(0) {
                            break (head.to_owned(), body.to_owned());
                        }
                    } else if n == 0 {
                        break (text, String::new());
                    }
                };
                out.send(message).unwrap();
                let status = statuses.next().unwrap_or(200);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Listener { url, inbox }
    }

    /// The body of the next callback.
    pub async fn next(&mut self) -> Value {
        let (_, body) = tokio::time::timeout(Duration::from_secs(5), self.inbox.recv())
            .await
            .expect("no callback came")
            .unwrap();
        serde_json::from_str(&body).unwrap()
    }

    /// Nothing comes within a moment.
    pub async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(150), self.inbox.recv())
            .await
            .is_err()
    }
}

/// What the sandbox had to say about the last request of a provider.
pub fn near_miss(sandbox: &Sandbox, provider: &str) -> String {
    let query = Query {
        provider: Some(provider.to_owned()),
        limit: 1,
        ..Query::default()
    };
    sandbox.history().search(&query)[0].near_misses.join("; ")
}

pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}
