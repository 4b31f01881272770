//! A server of raw sockets that plays a script on each connection and writes down what it saw.
#![allow(dead_code, unreachable_pub)]

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use telco_core::Error;
use telco_http::{BaseUrl, Bytes, Endpoint, Settings, connect, http};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[derive(Default)]
struct Seen {
    heads: Mutex<Vec<String>>,
    connections: AtomicUsize,
    octets: AtomicUsize,
}

pub struct Server {
    base: String,
    seen: Arc<Seen>,
}

pub struct Connection {
    stream: TcpStream,
    number: usize,
    seen: Arc<Seen>,
}

impl Server {
    pub async fn start<F>(script: impl Fn(Connection) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Seen::default());
        let of_server = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let number = of_server.connections.fetch_add(1, Ordering::SeqCst);
                let seen = Arc::clone(&of_server);
                tokio::spawn(script(Connection {
                    stream,
                    number,
                    seen,
                }));
            }
        });
        Self { base, seen }
    }

    /// A loopback address where nobody listens.
    pub async fn refusing() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn heads(&self) -> Vec<String> {
        self.seen.heads.lock().unwrap().clone()
    }

    pub fn targets(&self) -> Vec<String> {
        let target = |head: &String| head.split(' ').nth(1).unwrap().to_owned();
        self.heads().iter().map(target).collect()
    }

    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    pub fn octets(&self) -> usize {
        self.seen.octets.load(Ordering::SeqCst)
    }
}

impl Connection {
    pub fn number(&self) -> usize {
        self.number
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    pub fn count_octets(&self, more: usize) {
        self.seen.octets.fetch_add(more, Ordering::SeqCst);
    }

    /// Reads one request head; `None` when the other side has closed.
    pub async fn request(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        self.seen.heads.lock().unwrap().push(head.clone());
        Some(head)
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Closes with RST instead of FIN.
    pub fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }
}

pub fn endpoint_with(base: &str, settings: Settings) -> Endpoint {
    let base = BaseUrl::parse(base).unwrap();
    let transport = connect(&base, &settings).unwrap();
    Endpoint::new("example", base, transport)
}

/// Gives up soon.
pub fn endpoint(server: &Server) -> Endpoint {
    let settings =
        Settings::default().with_timeouts(Duration::from_secs(2), Duration::from_millis(400));
    endpoint_with(server.base(), settings)
}

pub async fn get(endpoint: &Endpoint, target: &str) -> Result<http::Response<Bytes>, Error> {
    let request = http::Request::get(endpoint.uri(target)?).body(Bytes::new());
    endpoint.exchange("look", request.unwrap()).await
}
