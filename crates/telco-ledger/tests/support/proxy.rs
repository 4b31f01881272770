//! Stands between a store and its PostgreSQL server, and loses commits.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use telco_ledger::tokio_postgres::Config;
use telco_ledger::tokio_postgres::config::Host;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// When the connection breaks around a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lose {
    /// Before it arrives: nothing is written.
    Request,
    /// While the server works on it: nobody knows.
    Both,
    /// After the server has answered: it is written.
    Answer,
}

/// PostgreSQL 15 Documentation, 55.7: a simple query is `Q`, its length and its text, which ends with a zero octet.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

pub(crate) struct Proxy {
    address: SocketAddr,
    pub(crate) lost: Arc<AtomicU64>,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Proxy {
    /// `plan` says what becomes of the n-th commit, of all connections together.
    pub(crate) async fn to(server: Config, plan: fn(u64) -> Option<Lose>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (commits, lost) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counted = Arc::clone(&lost);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                client.set_nodelay(true).unwrap();
                let server = connect(&server).await;
                tokio::spawn(carry(
                    client,
                    server,
                    plan,
                    Arc::clone(&commits),
                    Arc::clone(&counted),
                ));
            }
        });
        Self { address, lost }
    }

    /// The same database, by way of this.
    pub(crate) fn config(&self, of: &Config) -> Config {
        let mut config = Config::new();
        config
            .host(self.address.ip().to_string())
            .port(self.address.port());
        if let Some(user) = of.get_user() {
            config.user(user);
        }
        if let Some(password) = of.get_password() {
            config.password(password);
        }
        if let Some(name) = of.get_dbname() {
            config.dbname(name);
        }
        config.options(of.get_options().unwrap());
        config
    }
}

async fn connect(server: &Config) -> Box<dyn Stream> {
    let port = server.get_ports().first().copied().unwrap_or(5432);
    match &server.get_hosts()[0] {
        Host::Tcp(name) => Box::new(TcpStream::connect((name.as_str(), port)).await.unwrap()),
        Host::Unix(folder) => {
            let socket = folder.join(format!(".s.PGSQL.{port}"));
            Box::new(UnixStream::connect(socket).await.unwrap())
        }
    }
}

/// Both ways, until one of them ends or a commit is lost; then both connections break.
async fn carry(
    mut client: TcpStream,
    mut server: Box<dyn Stream>,
    plan: fn(u64) -> Option<Lose>,
    commits: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
) {
    let (mut asked, mut told) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Some(bytes) = read.ok().filter(|n| *n > 0).map(|n| &asked[..n]) else { return };
                let commit = bytes.windows(COMMIT.len()).position(|window| window == COMMIT);
                let lose = commit.and_then(|_| plan(commits.fetch_add(1, Ordering::SeqCst)));
                lost.fetch_add(u64::from(lose.is_some()), Ordering::SeqCst);
                let until = match (lose, commit) {
                    (Some(Lose::Request), Some(commit)) => commit,
                    _ => bytes.len(),
                };
                server.write_all(&bytes[..until]).await.unwrap();
                if lose == Some(Lose::Answer) {
                    while !told.windows(6).any(|window| window == b"COMMIT") {
                        assert!(server.read(&mut told).await.unwrap() > 0);
                    }
                }
                if lose.is_some() {
                    return;
                }
            }
            read = server.read(&mut told) => {
                let Some(n) = read.ok().filter(|n| *n > 0) else { return };
                if client.write_all(&told[..n]).await.is_err() {
                    return;
                }
                told[..n].fill(0);
            }
        }
    }
}
