//! The Cowrie sandbox and its client: what the ledger is tried against.
#![allow(dead_code, unused_imports, unused_macros)]

pub(crate) mod fake;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "postgres")]
pub(crate) mod proxy;
pub(crate) mod truth;
pub(crate) mod worker;

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

/// A sandbox, a client, and a place for a ledger.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) folder: TempDir,
    #[cfg(feature = "postgres")]
    pub(crate) schema: Option<postgres::Schema>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self {
            sandbox: Sandbox::builder().seed(7).start().await.unwrap(),
            folder: tempfile::tempdir().unwrap(),
            #[cfg(feature = "postgres")]
            schema: None,
        }
    }

    /// `None` without a server: it was said that this is left out.
    #[cfg(feature = "postgres")]
    pub(crate) async fn postgres() -> Option<Self> {
        let schema = postgres::Schema::new().await?;
        Some(Self {
            schema: Some(schema),
            ..Self::sqlite().await
        })
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

    pub(crate) async fn store(&self) -> Arc<dyn Store> {
        #[cfg(feature = "postgres")]
        if let Some(schema) = &self.schema {
            return Arc::new(schema.store().await);
        }
        Arc::new(SqliteStore::open(self.path()).unwrap())
    }

    pub(crate) async fn ledger(&self) -> Ledger {
        self.ledger_with(settings()).await
    }

    pub(crate) async fn ledger_with(&self, settings: Settings) -> Ledger {
        open(self.store().await, self.client(), settings).await
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
    store: Arc<dyn Store>,
    provider: impl TopupProvider,
    settings: Settings,
) -> Ledger {
    Ledger::open_with(store, Arc::new(provider), settings)
        .await
        .unwrap()
}

/// The same test on both stores: `name::sqlite` and `name::postgres`.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test]
            async fn sqlite() {
                super::$name(crate::support::World::sqlite().await).await;
            }

            #[cfg(feature = "postgres")]
            #[tokio::test]
            async fn postgres() {
                if let Some(world) = crate::support::World::postgres().await {
                    super::$name(world).await;
                }
            }
        }
    )*};
}
pub(crate) use on_both_stores;
