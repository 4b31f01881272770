//! Secrets and numbers appear nowhere but in the ledger itself, and credentials not even there.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::num::NonZeroU32;

use support::{World, airtime, naira, number, reference};
use telco_conformance::{Canaries, Log, redaction};
use telco_core::{Product, Submission, TopupIntent};
use telco_ledger::Filter;
use telco_sandbox::{FaultRule, Phase};

#[tokio::test]
async fn nothing_is_shown_that_must_not_be() {
    let log = Log::install().unwrap();
    let world = World::sqlite().await;
    let mut settings = support::settings();
    settings.replay = true;
    let lost = FaultRule::new(Phase::ActThenReset)
        .reference("lost")
        .operation("credit");
    world.sandbox.faults().add(lost);
    let ledger = world.ledger_with(settings).await;
    let _ = ledger.submit(&airtime("a", 7_654_321, 100)).await.unwrap();
    let unknown = ledger
        .submit(&airtime("lost", 7_654_321, 100))
        .await
        .unwrap();
    let two = NonZeroU32::new(2).unwrap();
    let pins = TopupIntent::new(reference("pins"), Product::pins(naira(100), two));
    let bought = ledger.submit(&pins).await.unwrap();
    let Submission::Accepted(receipt) = &bought else {
        panic!()
    };
    let pin = receipt.pins[0].code.expose().to_owned();
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let canaries = Canaries::new()
        .secret("the PIN", &pin)
        .secret("the key", key)
        .number("the number", &number(7_654_321));
    let rows = ledger.list(Filter::default()).await.unwrap();
    let history = ledger.history(&reference("lost")).await.unwrap();
    let other = ledger
        .submit(&airtime("a", 7_654_321, 101))
        .await
        .unwrap_err();
    canaries
        .search_error("a refusal", other.as_error())
        .unwrap();
    let report = redaction(
        &canaries,
        &[
            ("the ledger", &ledger),
            ("rows", &rows),
            ("history", &history),
            ("an unknown answer", &unknown),
            ("PINs", &bought),
        ],
        &log.text(),
        &["cowrie", "23480*****321"],
    );
    report.assert_passed();

    // The PIN is durable; the credential is nowhere.
    drop(ledger);
    let file = std::fs::read(world.path()).unwrap();
    let holds = |text: &str| file.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds(&pin));
    assert!(!holds(key) && !holds(&key[..20]));
}

/// A frozen request is kept only while a replay may need it.
#[tokio::test]
async fn a_frozen_request_goes_when_nothing_can_need_it() {
    let world = World::sqlite().await;
    let mut settings = support::settings();
    settings.replay = true;
    let client =
        support::client_at(&world.url()).replay_within(std::time::Duration::from_secs(600));
    let ledger = support::open(world.store().await, client.build().unwrap(), settings).await;
    let lost = FaultRule::new(Phase::ActThenReset)
        .reference("lost")
        .operation("credit");
    world.sandbox.faults().add(lost);
    let _ = ledger.submit(&airtime("a", 1, 100)).await.unwrap();
    let _ = ledger.submit(&airtime("lost", 2, 100)).await.unwrap();
    let frozen = || {
        let file = rusqlite::Connection::open(world.path()).unwrap();
        let sql = "SELECT group_concat(reference) FROM telco_topup WHERE frozen IS NOT NULL";
        file.query_row(sql, [], |row| row.get::<_, Option<String>>(0))
            .unwrap()
    };
    assert_eq!(frozen().as_deref(), Some("lost"));
    assert_eq!(ledger.settle().await.unwrap().delivered, 1);
    assert_eq!(frozen(), None);
}
