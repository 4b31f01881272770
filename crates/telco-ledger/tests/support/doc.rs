// What the examples in the documentation share: a sandbox, a ledger on a file, and a top-up. Included by them.

use std::error::Error;

use cowrie_client::{Client, ClientKey, Credentials};
use telco_core::{Amount, Currency, Msisdn, Product, Reference, TopupIntent};
use telco_ledger::{Ledger, SqliteStore};

pub fn intent(reference: &str) -> TopupIntent {
    let to = Msisdn::parse("2348031234567").unwrap();
    let hundred = Amount::from_major(100, Currency::NGN).unwrap();
    TopupIntent::new(
        Reference::new(reference).unwrap(),
        Product::airtime(to, None, hundred),
    )
}

/// Every answer to a credit is lost, whatever was done, if `lost` says so.
pub fn run(
    lost: Option<telco_sandbox::Phase>,
    example: impl AsyncFnOnce(Ledger) -> Result<(), Box<dyn Error>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let sandbox = telco_sandbox::Sandbox::start().await.unwrap();
        if let Some(phase) = lost {
            sandbox.faults().add(telco_sandbox::FaultRule::new(phase).operation("credit"));
        }
        let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let client = Client::builder(Credentials::client("sandbox@example.com", key).unwrap())
            .base_url(sandbox.base_url("cowrie").unwrap())
            .poll_after([std::time::Duration::from_millis(5)])
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("ledger.sqlite")).unwrap();
        let ledger = Ledger::open(store, client).await.unwrap();
        example(ledger).await.unwrap();
    });
}
