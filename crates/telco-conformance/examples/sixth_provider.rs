//! A sixth, made-up provider: its client, its server with the truth, and the harness between the two. It passes the suites.
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
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use telco_conformance::{Harness, Limits, Phase, Spend, Told, Truth, limits, topup};
use telco_core::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

pub const KEY: &str = "airwave-key-000111";
pub const PATIENCE: Duration = Duration::from_millis(300);
/// No answer of this protocol is longer.
const LONGEST_ANSWER: u64 = 4_096;
const POOR: ErrorKind = ErrorKind::InsufficientBalance;

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
        Self {
            identity: Identity::new("airwave", "demo"),
            capabilities: TopupCapabilities::new(Currency::NGN, [airtime]),
            server,
            key: Secret::new(KEY),
        }
    }
}

/// One attempt. Only a connection that never came about proves that nothing left.
pub async fn exchange(to: SocketAddr, target: &str, key: &Secret) -> Result<(u16, String), Error> {
    let no_connection = |_| Error::from(NotSent::new(ErrorKind::Connect, "no connection"));
    let mut stream = TcpStream::connect(to).await.map_err(no_connection)?;
    let talk = async {
        let request = format!("GET {target} HTTP/1.1\r\nx-key: {}\r\n\r\n", key.expose());
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        let mut capped = stream.take(LONGEST_ANSWER);
        capped.read_to_string(&mut answer).await.map(|_| answer)
    };
    let answer = timeout(PATIENCE, talk)
        .await
        .map_err(|_| Error::in_doubt(ErrorKind::Timeout, "no answer in time"))?
        .map_err(|_| Error::in_doubt(ErrorKind::Interrupted, "the connection broke"))?;
    let parsed = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let mut lines = head.lines();
        let length = lines.find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() == length.parse().ok()?).then(|| (status, body.to_owned()))
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
        let positive = intent.product.price().is_some_and(Amount::is_positive);
        if !positive || intent.product.kind() != ProductKind::Airtime {
            let message = "airtime of a positive amount only";
            return Err(NotSent::new(ErrorKind::InvalidInput, message));
        }
        // Frozen is what is not deterministic: the nonce. The key is not in it.
        let nonce = Reference::generate().map_err(NotSent::because(ErrorKind::Other))?;
        let (intent, bytes) = (intent.clone(), SecretBytes::new(nonce.as_str()));
        let now = SystemTime::now();
        Ok(PreparedTopup::new(&self.identity, intent, bytes, now))
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
            let cause = Error::answered(kind, message).with_http_status(status);
            Submission::unknown(reference, cause)
        };
        Ok(match (status, body) {
            (200, body) if body == format!("done {reference}") => {
                Submission::Accepted(TopupReceipt::new(reference.clone()))
            }
            (402, _) => Submission::Rejected(Rejection::new(POOR, "too little money")),
            (409, _) => unknown(ErrorKind::Conflict, "the nonce was used"),
            _ => unknown(ErrorKind::UnreadableAnswer, "no known answer"),
        })
    }

    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
        let target = format!("/find?ref={}", intent.reference);
        let answer = exchange(self.server, &target, &self.key).await;
        let (status, body) = answer.map_err(Error::on_read)?;
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
    strayed: u64,
    reused: u64,
}

#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    /// Where redirects point to.
    pub elsewhere: SocketAddr,
    books: Mutex<Books>,
}

impl Server {
    pub async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            elsewhere: other.local_addr().unwrap(),
            books: Mutex::default(),
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
                stray.books().strayed += 1;
            }
        });
        server
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    async fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.ok()?;
        let request = String::from_utf8_lossy(request.get(..length)?).into_owned();
        let (path, query) = request.split(' ').nth(1)?.split_once('?')?;
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let fields: HashMap<&str, &str> = pairs.collect();
        let reference = (*fields.get("ref")?).to_owned();
        if path == "/find" {
            let amount = self.books().amounts.get(&reference).cloned();
            return answer(&mut stream, 200, &amount.unwrap_or_else(|| "none".into())).await;
        }
        let nonce = (*fields.get("nonce")?).to_owned();
        let (phase, fresh) = {
            let mut books = self.books();
            books.truth.entry(reference.clone()).or_default().received += 1;
            (books.armed.remove(&reference), books.nonces.insert(nonce))
        };
        if !fresh {
            self.books().reused += 1;
            return answer(&mut stream, 409, "nonce used").await;
        }
        if phase.is_none_or(Phase::acts) {
            let (mut books, amount) = (self.books(), (*fields.get("amount")?).to_owned());
            books.truth.entry(reference.clone()).or_default().delivered += 1;
            books.amounts.insert(reference.clone(), amount);
        }
        let done = format!("done {reference}");
        match phase {
            None => answer(&mut stream, 200, &done).await,
            Some(Phase::Stall) => {
                sleep(PATIENCE * 20).await;
                None
            }
            Some(Phase::ActThen500) => answer(&mut stream, 500, "oops").await,
            Some(Phase::Truncate) => {
                let half = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\ndone";
                stream.write_all(half).await.ok()
            }
            Some(Phase::Garbage) => answer(&mut stream, 200, "<html>").await,
            Some(Phase::Flood) => answer(&mut stream, 200, &" ".repeat(64 << 20)).await,
            Some(Phase::Drip) => loop {
                stream.write_all(b"H").await.ok()?;
                sleep(PATIENCE / 9).await;
            },
            Some(Phase::SlowAnswer) => {
                sleep(PATIENCE / 3).await;
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
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.ok()
}

impl Harness for Server {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        // This server cannot refuse one connection of many, and its client pools none.
        let can = !matches!(phase, Phase::Refuse | Phase::ClosePooled);
        can.then(|| self.books().armed.insert(reference.to_string(), phase));
        can
    }
    fn truth(&self, reference: &Reference) -> Truth {
        let truth = self.books().truth.get(reference.as_str()).copied();
        truth.unwrap_or_default()
    }
    fn strayed(&self) -> Option<u64> {
        Some(self.books().strayed)
    }
    fn nonces_reused(&self) -> Option<u64> {
        Some(self.books().reused)
    }
}

/// A top-up that the server delivers.
pub fn intent(reference: Reference) -> TopupIntent {
    let to = Msisdn::parse("2348031234567").unwrap();
    let price = Amount::from_minor(10_000, Currency::NGN);
    TopupIntent::new(reference, Product::airtime(to, None, price))
}

/// Both suites for top-ups.
#[tokio::main]
async fn main() {
    let server = Server::start().await;
    let client = Arc::new(Airwave::new(server.address));
    let patience = Limits::for_timeout(PATIENCE);
    let report = topup(&*client, &*server, patience, &intent).await;
    println!("{report}");
    report.assert_passed();
    let spend: Spend = Arc::new(move |reference| {
        let client = client.clone();
        Box::pin(async move { Told::of(&client.submit(&intent(reference)).await) })
    });
    let report = limits(&spend, &*server, patience).await;
    println!("{report}");
    report.assert_passed();
}
