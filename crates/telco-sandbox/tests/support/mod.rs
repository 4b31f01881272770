//! A plain HTTP client that hides nothing: bytes in, bytes out, one connection per call unless one is kept.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use std::io;
use std::time::Duration;

use base64::Engine as _;
use serde_json::Value;
use telco_sandbox::Sandbox;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a test waits for an answer before it calls it a stall.
pub const STALL: Duration = Duration::from_millis(300);

#[derive(Debug)]
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
    let mut out = format!(
        "{method} {prefix}{target} HTTP/1.1\r\nHost: {}\r\n",
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

/// A Cowrie signature, straight from the specification.
pub fn cowrie_sign(key: &str, target: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &unbase64(key));
    base64(aws_lc_rs::hmac::sign(&key, target.as_bytes()))
}

pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// The bytes of a signed Cowrie request.
pub fn cowrie_request(sandbox: &Sandbox, path: &str, query: &str, nonce: &str) -> Vec<u8> {
    let credentials = sandbox.credentials("cowrie").unwrap();
    let (target, signed) = match query {
        "" => (path.to_owned(), nonce.to_owned()),
        query => (format!("{path}?{query}"), format!("{nonce}?{query}")),
    };
    let terminal = path.starts_with("/terminal/");
    let (id, key) = if terminal {
        ("agent_id", "agent_key")
    } else {
        ("client_id", "client_key")
    };
    let (id, signature) = (
        text(&credentials, id),
        cowrie_sign(&text(&credentials, key), &signed),
    );
    let terminal_id = text(&credentials, "terminal_id");
    let mut headers = vec![("Signature", signature.as_str()), ("Nonce", nonce)];
    headers.push(if terminal {
        ("AgentId", &id)
    } else {
        ("ClientId", &id)
    });
    if terminal {
        headers.push(("TerminalId", &terminal_id));
    }
    request(
        "GET",
        &sandbox.base_url("cowrie").unwrap(),
        &target,
        &headers,
        "",
    )
}

pub async fn cowrie(sandbox: &Sandbox, path: &str, query: &str, nonce: &str) -> io::Result<Reply> {
    let bytes = cowrie_request(sandbox, path, query, nonce);
    Client::connect(&sandbox.base_url("cowrie").unwrap())
        .await?
        .send(&bytes)
        .await
}

/// A credit of 100 naira under this reference, with the reference as nonce.
pub async fn credit(sandbox: &Sandbox, xref: &str) -> io::Result<Reply> {
    cowrie(
        sandbox,
        "/airtime/Credit",
        &credit_query(xref),
        &format!("n{xref}"),
    )
    .await
}

pub fn credit_query(xref: &str) -> String {
    format!("net=MTN&msisdn=2348031234567&amount=100&xref={xref}")
}
