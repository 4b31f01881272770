//! A worker in a process of its own, to be killed: the test program starts itself again for it.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use telco_ledger::{Ledger, Settings, SqliteStore, State, Store, Watch};
use tokio::task::JoinSet;

/// What the parent tells it, in the environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    pub(crate) url: String,
    /// A path, or a schema.
    pub(crate) place: String,
    pub(crate) job: String,
    /// `state before|after n`: dies at the n-th such moment.
    pub(crate) die: String,
    pub(crate) replay: bool,
    pub(crate) lease: Duration,
    /// Its complaints are expected.
    pub(crate) quiet: bool,
}

const NAMES: [&str; 6] = ["URL", "PLACE", "JOB", "DIE", "REPLAY", "LEASE"];

impl Orders {
    fn values(&self) -> [String; 6] {
        [
            self.url.clone(),
            self.place.clone(),
            self.job.clone(),
            self.die.clone(),
            self.replay.to_string(),
            self.lease.as_millis().to_string(),
        ]
    }

    /// `None`: nobody gave any, this is no worker.
    fn read() -> Option<Self> {
        let read = |name| std::env::var(format!("TELCO_WORKER_{name}")).ok();
        Some(Self {
            url: read("URL")?,
            place: read("PLACE")?,
            job: read("JOB")?,
            die: read("DIE")?,
            replay: read("REPLAY")? == "true",
            lease: Duration::from_millis(read("LEASE")?.parse().ok()?),
            quiet: false,
        })
    }

    /// Starts the test named `worker` of this very program.
    pub(crate) fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "worker", "--ignored", "--nocapture"]);
        for (name, value) in NAMES.iter().zip(self.values()) {
            command.env(format!("TELCO_WORKER_{name}"), value);
        }
        command.env("RUST_BACKTRACE", "0").stdout(Stdio::null());
        if self.quiet {
            command.stderr(Stdio::null());
        }
        command.spawn().unwrap()
    }
}

/// `kill -9`, from within: nothing runs after it, no destructor and no flush.
fn die() -> ! {
    signal(std::process::id(), "-KILL");
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

pub(crate) fn signal(process: u32, signal: &str) {
    let mut kill = Command::new("kill");
    let done = kill.args([signal, &process.to_string()]).status().unwrap();
    assert!(done.success());
}

fn deadly(order: &str) -> Option<Watch> {
    let mut words = order.split(' ');
    let state = State::from_name(words.next()?)?;
    let durable = words.next()? == "after";
    let left = AtomicU32::new(words.next()?.parse().ok()?);
    Some(Watch::new(move |moment| {
        if moment.state == state
            && moment.durable == durable
            && left.fetch_sub(1, Ordering::SeqCst) == 1
        {
            die();
        }
    }))
}

pub(crate) fn settings(orders: &Orders) -> Settings {
    let mut settings = super::settings();
    settings.lease = orders.lease;
    settings.replay = orders.replay;
    settings.watch = deadly(&orders.die);
    settings
}

/// Takes over what others left, works the job off, and settles it.
pub(crate) async fn work() {
    let Some(orders) = Orders::read() else {
        return;
    };
    let client = super::client_at(&orders.url).replay_within(Duration::from_secs(600));
    let store = store(&orders.place).await;
    let ledger = super::open(store, client.build().unwrap(), settings(&orders)).await;
    ledger.resume().await.unwrap();
    loop {
        // A database that was away for a moment is back the next time.
        let Ok(entries) = ledger.take(&orders.job, 16).await else {
            continue;
        };
        if entries.is_empty() {
            break;
        }
        let mut sends = JoinSet::new();
        for entry in entries {
            let ledger = ledger.clone();
            sends.spawn(async move { ledger.send(entry).await.map(drop) });
        }
        sends.join_all().await;
    }
    while ledger.settle().await.is_err() {}
}

async fn store(place: &str) -> Arc<dyn Store> {
    #[cfg(feature = "postgres")]
    if let Some(schema) = place.strip_prefix("schema ") {
        let server = std::env::var("TELCO_TEST_POSTGRES").unwrap();
        let schema = super::postgres::Schema::of(server, schema.to_owned());
        return Arc::new(schema.store().await);
    }
    Arc::new(SqliteStore::open(place).unwrap())
}

/// How many rows of the job are left to do.
pub(crate) async fn left(ledger: &Ledger, job: &str) -> u64 {
    let counts = ledger.count(Some(job)).await.unwrap();
    counts.of(State::Planned) + counts.of(State::Sending) + counts.of(State::Unknown)
}
