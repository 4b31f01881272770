//! A sixth, made-up provider: its client, its server with the truth, and the harness between the two. It passes the suite.
//!
//! `cargo run -p telco-conformance --example sixth_provider`
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub
)]

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use telco_conformance::{Harness, Limits, Phase, Truth, topup};
use telco_core::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub const KEY: &str = "airwave-key-000111";
pub const PATIENCE: Duration = Duration::from_millis(300);

// ---- the client -------------------------------------------------------------------------------------------------------

#[derive(Debug)]
pub struct Airwave {
    identity: Identity,
    capabilities: TopupCapabilities,
    server: SocketAddr,
    key: Secret,
}

impl Airwave {
    pub fn new(server: SocketAddr) -> Self {
        let airtime = ProductRules::new(ProductKind::Airtime).lookup(LookupSupport::FindsOnly, []);
        let capabilities = TopupCapabilities::new(Currency::NGN, [airtime]);
        Self {
            identity: Identity::new("airwave", "demo"),
            capabilities,
            server,
            key: Secret::new(KEY),
        }
    }
}

/// One attempt. Only a connection that never came about proves that nothing left.
pub async fn exchange(
    server: SocketAddr,
    target: &str,
    key: &Secret,
) -> Result<(u16, String), Error> {
    let mut stream = TcpStream::connect(server)
        .await
        .map_err(|_| Error::from(NotSent::new(ErrorKind::Connect, "no connection")))?;
    let talk = async {
        let request = format!("GET {target} HTTP/1.1\r\nx-key: {}\r\n\r\n", key.expose());
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map(|_| answer)
    };
    let answer = match timeout(PATIENCE, talk).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            return Err(Error::in_doubt(
                ErrorKind::Interrupted,
                "the connection broke",
            ));
        }
        Err(_) => return Err(Error::in_doubt(ErrorKind::Timeout, "no answer in time")),
    };
    let parsed = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))?
            .parse()
            .ok()?;
        (body.len() == length).then(|| (status, body.to_owned()))
    });
    parsed.ok_or_else(|| Error::answered(ErrorKind::UnreadableAnswer, "the answer cannot be read"))
}

impl Provider for Airwave {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl TopupProvider for Airwave {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.capabilities
    }

    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        if !intent.product.price().is_some_and(Amount::is_positive)
            || intent.product.kind() != ProductKind::Airtime
        {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "airtime of a positive amount only",
            ));
        }
        // Frozen is what is not deterministic: the nonce. The key is not in it.
        let nonce = Reference::generate().map_err(NotSent::because(ErrorKind::Other))?;
        let bytes = SecretBytes::new(nonce.as_str());
        Ok(PreparedTopup::new(
            &self.identity,
            intent.clone(),
            bytes,
            SystemTime::now(),
        ))
    }

    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        let (intent, nonce) = (prepared.intent(), prepared.bytes_for(&self.identity)?);
        let reference = &intent.reference;
        let target = format!(
            "/topup?ref={reference}&to={}&amount={}&nonce={}",
            intent.product.recipient().map_or("", Msisdn::expose),
            intent.product.price().map_or(0, Amount::minor),
            String::from_utf8_lossy(nonce.expose()),
        );
        let (status, body) = match exchange(self.server, &target, &self.key).await {
            Ok(answer) => answer,
            Err(failure) => return Submission::after_failure(reference, failure),
        };
        // The table of the made-up protocol: 200 with "done <ref>", 402, 409. All else says nothing.
        let unknown = |kind, message: &'static str| {
            Submission::unknown(
                reference,
                Error::answered(kind, message).with_http_status(status),
            )
        };
        Ok(match (status, body) {
            (200, body) if body == format!("done {reference}") => {
                Submission::Accepted(TopupReceipt::new(reference.clone()))
            }
            (402, _) => Submission::Rejected(Rejection::new(
                ErrorKind::InsufficientBalance,
                "too little money",
            )),
            (409, _) => unknown(ErrorKind::Conflict, "the nonce was used"),
            _ => unknown(ErrorKind::UnreadableAnswer, "no known answer"),
        })
    }

    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
        let target = format!("/find?ref={}", intent.reference);
        let (status, body) = exchange(self.server, &target, &self.key)
            .await
            .map_err(Error::on_read)?;
        Ok(match (status, body.parse()) {
            (200, Ok(minor)) => {
                let mut record = TopupRecord::new(RecordState::Completed);
                record.amount = Some(Amount::from_minor(minor, Currency::NGN));
                record.compare(intent)
            }
            _ => Lookup::NotFound,
        })
    }

    async fn balance(&self) -> Result<Balance, Error> {
        Ok(Balance::new(Amount::from_minor(0, Currency::NGN)))
    }
}

// ---- the server, which knows the truth --------------------------------------------------------------------------------

#[derive(Debug, Default)]
struct Books {
    armed: HashMap<String, Phase>,
    truth: HashMap<String, Truth>,
    amounts: HashMap<String, String>,
    nonces: HashSet<String>,
}

#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    /// Where redirects point to.
    pub elsewhere: SocketAddr,
    books: Mutex<Books>,
    strayed: AtomicU64,
    reused: AtomicU64,
}

impl Server {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            elsewhere: other.local_addr().unwrap(),
            books: Mutex::default(),
            strayed: AtomicU64::new(0),
            reused: AtomicU64::new(0),
        });
        let (main, stray) = (server.clone(), server.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = main.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        tokio::spawn(async move {
            while other.accept().await.is_ok() {
                stray.strayed.fetch_add(1, Ordering::SeqCst);
            }
        });
        server
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.ok()?;
        let request = String::from_utf8_lossy(request.get(..length)?).into_owned();
        let (path, query) = request.split(' ').nth(1)?.split_once('?')?;
        let fields: HashMap<&str, &str> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let reference = (*fields.get("ref")?).to_owned();
        if path == "/find" {
            let amount = self.books.lock().unwrap().amounts.get(&reference).cloned();
            return answer(&mut stream, 200, &amount.unwrap_or_else(|| "none".into())).await;
        }
        let (phase, fresh) = {
            let mut books = self.books.lock().unwrap();
            books.truth.entry(reference.clone()).or_default().received += 1;
            (
                books.armed.remove(&reference),
                books.nonces.insert((*fields.get("nonce")?).to_owned()),
            )
        };
        if !fresh {
            self.reused.fetch_add(1, Ordering::SeqCst);
            return answer(&mut stream, 409, "nonce used").await;
        }
        if phase.is_none_or(Phase::acts) {
            let mut books = self.books.lock().unwrap();
            books.truth.entry(reference.clone()).or_default().delivered += 1;
            books
                .amounts
                .insert(reference.clone(), (*fields.get("amount")?).to_owned());
        }
        let done = format!("done {reference}");
        match phase {
            None => answer(&mut stream, 200, &done).await,
            Some(Phase::Stall) => {
                tokio::time::sleep(PATIENCE * 20).await;
                None
            }
            Some(Phase::ActThen500) => answer(&mut stream, 500, "oops").await,
            Some(Phase::Truncate) => stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndone")
                .await
                .ok(),
            Some(Phase::Garbage) => answer(&mut stream, 200, "<html>").await,
            Some(Phase::SlowAnswer) => {
                tokio::time::sleep(PATIENCE / 3).await;
                answer(&mut stream, 200, &done).await
            }
            Some(Phase::Redirect) => answer(&mut stream, 302, "go elsewhere").await,
            Some(Phase::Decline) => answer(&mut stream, 402, "no money").await,
            // The resets: the connection is dropped without an answer.
            Some(_) => None,
        }
    }
}

async fn answer(stream: &mut TcpStream, status: u16, body: &str) -> Option<()> {
    let text = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(text.as_bytes()).await.ok()
}

impl Harness for Server {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        // This server cannot refuse one connection of many, and its client pools none.
        let can = !matches!(phase, Phase::Refuse | Phase::ClosePooled);
        if can {
            self.books
                .lock()
                .unwrap()
                .armed
                .insert(reference.to_string(), phase);
        }
        can
    }
    fn truth(&self, reference: &Reference) -> Truth {
        self.books
            .lock()
            .unwrap()
            .truth
            .get(reference.as_str())
            .copied()
            .unwrap_or_default()
    }
    fn strayed(&self) -> u64 {
        self.strayed.load(Ordering::SeqCst)
    }
    fn nonces_reused(&self) -> u64 {
        self.reused.load(Ordering::SeqCst)
    }
}

/// A top-up that the server delivers.
pub fn intent(reference: Reference) -> TopupIntent {
    let to = Msisdn::parse("2348031234567").unwrap();
    TopupIntent::new(
        reference,
        Product::airtime(to, None, Amount::from_minor(10_000, Currency::NGN)),
    )
}

#[tokio::main]
async fn main() {
    let server = Server::start().await;
    let client = Airwave::new(server.address);
    let report = topup(&client, &*server, Limits::for_timeout(PATIENCE), &intent).await;
    println!("{report}");
    report.assert_passed();
}
