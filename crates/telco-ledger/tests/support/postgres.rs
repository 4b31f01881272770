//! A schema of its own for each test, on the server that `TELCO_TEST_POSTGRES` names.

use std::io::Write as _;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use telco_ledger::PostgresStore;
use telco_ledger::tokio_postgres::{Client, Config, NoTls};

pub(crate) struct Schema {
    server: String,
    pub(crate) name: String,
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Schema {
    pub(crate) async fn new() -> Option<Self> {
        static SAID: Once = Once::new();
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("TELCO_TEST_POSTGRES") else {
            // Past the test runner's capture.
            SAID.call_once(|| {
                let line: &[u8] = b"left out: the PostgreSQL store; TELCO_TEST_POSTGRES=postgres://user@host/database runs it\n";
                let _ = std::io::stderr().write_all(line);
            });
            return None;
        };
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("telco_test_{}_{n}", std::process::id());
        let schema = Self { server, name };
        let fresh = format!(
            "DROP SCHEMA IF EXISTS {0} CASCADE; CREATE SCHEMA {0}",
            schema.name
        );
        let client = connect(&schema.server.parse().unwrap()).await;
        client.batch_execute(&fresh).await.unwrap();
        Some(schema)
    }

    /// One that another process made.
    pub(crate) fn of(server: String, name: String) -> std::mem::ManuallyDrop<Self> {
        std::mem::ManuallyDrop::new(Self { server, name })
    }

    pub(crate) fn config(&self) -> Config {
        let mut config: Config = self.server.parse().unwrap();
        config.options(format!("-c search_path={}", self.name));
        config.application_name(&self.name);
        config
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::connect(self.config(), NoTls).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        connect(&self.config()).await
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let config: Config = self.server.parse().unwrap();
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        let clean = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let client = connect(&config).await;
                let _ = client.batch_execute("SET lock_timeout = '2s'").await;
                let _ = client.batch_execute(&drop).await;
            });
        });
        let _ = clean.join();
    }
}
