//! The Cowrie sandbox and its client: what the ledger is tried against.
#![allow(dead_code)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cowrie_client::{Client, ClientKey, Credentials};
use telco_core::{Amount, Currency, Msisdn, Product, Reference, TopupIntent, TopupProvider};
use telco_ledger::{Guards, Ledger, Settings, SqliteStore, Store};
use telco_sandbox::Sandbox;
use tempfile::TempDir;

pub(crate) fn naira(n: i64) -> Amount {
    Amount::from_major(n, Currency::NGN).unwrap()
}

pub(crate) fn reference(text: impl AsRef<str>) -> Reference {
    Reference::new(text).unwrap()
}

/// The n-th customer's.
pub(crate) fn number(n: u64) -> Msisdn {
    Msisdn::parse(&format!("234803{n:07}")).unwrap()
}

pub(crate) fn airtime(name: &str, n: u64, amount: i64) -> TopupIntent {
    TopupIntent::new(
        reference(name),
        Product::airtime(number(n), None, naira(amount)),
    )
}

pub(crate) fn client_at(base_url: &str) -> cowrie_client::Builder {
    let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
    let brief = cowrie_client::http::Settings::default()
        .with_timeouts(Duration::from_secs(2), Duration::from_millis(800));
    Client::builder(Credentials::client("sandbox@example.com", key).unwrap())
        .account("shop")
        .base_url(base_url)
        .settings(brief)
        .read_retry(cowrie_client::http::ReadRetry::none())
        .poll_after([20, 50, 100].map(Duration::from_millis))
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.guards = Guards::none();
    settings
}

/// A sandbox, a client, a file.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self {
            sandbox: Sandbox::builder().seed(7).start().await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.sandbox.base_url("cowrie").unwrap()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub(crate) fn client(&self) -> Client {
        client_at(&self.url()).build().unwrap()
    }

    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::open(self.path()).unwrap()
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.ledger_with(settings()).await
    }

    pub(crate) async fn ledger_with(&self, settings: Settings) -> Ledger {
        open(self.store(), self.client(), settings).await
    }

    /// How often a reference arrived, and how often it was delivered.
    pub(crate) fn truth(&self, reference: &Reference) -> (u64, u64) {
        let operation = self
            .sandbox
            .ledger()
            .operation("cowrie", reference.as_str());
        operation.map_or((0, 0), |operation| {
            (operation.requests, operation.delivered)
        })
    }
}

pub(crate) async fn open(
    store: impl Store,
    provider: impl TopupProvider,
    settings: Settings,
) -> Ledger {
    Ledger::open_with(Arc::new(store), Arc::new(provider), settings)
        .await
        .unwrap()
}
