//! 30 % faults from all phases, lookups that see late and fail themselves: what the caller is told is true, and unresolved are
//! exactly the rows that nobody can decide. `TELCO_DEEP=1`: 20,000 top-ups.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{World, airtime, open, settings};
use telco_core::Submission;
use telco_ledger::Filter;
use telco_sandbox::{FaultRule, Phase};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

support::on_both_stores!(unresolved_are_exactly_the_undecidable);

/// What the caller of one submit was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Accepted,
    Rejected,
    Unknown,
    NotSent,
}

async fn unresolved_are_exactly_the_undecidable(world: World) {
    let top_ups: u64 = if std::env::var_os("TELCO_DEEP").is_some() {
        20_000
    } else {
        2_000
    };
    let faults = world.sandbox.faults();
    let late = FaultRule::any_of(Phase::ALL)
        .operation("credit")
        .chance(0.3);
    let late = late.delay(Duration::from_millis(400));
    faults.add(late.lookup_delay(Duration::from_millis(60)));
    let lookups = [
        Phase::ErrorBefore,
        Phase::ResetBefore,
        Phase::Garbage,
        Phase::Truncate,
        Phase::CloseIdle,
    ];
    faults.add(FaultRule::any_of(lookups).operation("check").chance(0.3));
    world
        .sandbox
        .configure("cowrie", &serde_json::json!({ "balance": 100_000_000 }))
        .unwrap();
    let client = support::client_at(&world.url())
        .poll_after([20, 40, 80, 160].map(Duration::from_millis))
        .build()
        .unwrap();
    let mut settings = settings();
    settings.lookups_at_a_time = 32;
    let ledger = open(world.store().await, client, settings).await;

    let (at_once, mut tasks) = (Arc::new(Semaphore::new(64)), JoinSet::new());
    for n in 0..top_ups {
        let (ledger, at_once) = (ledger.clone(), Arc::clone(&at_once));
        tasks.spawn(async move {
            let _turn = at_once.acquire().await.unwrap();
            let heard = match ledger.submit(&airtime(&format!("f{n}"), n, 100)).await {
                Ok(Submission::Accepted(_)) => Heard::Accepted,
                Ok(Submission::Rejected(_)) => Heard::Rejected,
                Ok(Submission::Unknown(_)) => Heard::Unknown,
                Err(_) => Heard::NotSent,
            };
            (n, heard)
        });
    }
    let heard = tasks.join_all().await;
    for (n, heard) in &heard {
        let (requests, delivered) = world.truth(&support::reference(format!("f{n}")));
        match heard {
            Heard::Accepted => assert_eq!(delivered, 1, "f{n}"),
            Heard::Rejected => assert_eq!(delivered, 0, "f{n}"),
            Heard::NotSent => assert_eq!((requests, delivered), (0, 0), "f{n}"),
            Heard::Unknown => {}
        }
    }
    let unknown = heard.iter().filter(|(_, heard)| *heard == Heard::Unknown);
    let undecidable = unknown.clone().filter(|(n, _)| {
        let (_, delivered) = world.truth(&support::reference(format!("f{n}")));
        delivered == 0
    });
    let (unknown, undecidable) = (unknown.clone().count(), undecidable.count());
    assert!(unknown as u64 > top_ups / 10, "{unknown} of {top_ups}");

    let settled = ledger.settle().await.unwrap();
    assert_eq!(settled.unresolved, undecidable as u64);
    assert_eq!(settled.delivered, (unknown - undecidable) as u64);
    let judged = support::truth::judge(&world, &ledger, 1).await;
    assert_eq!(judged.rows, top_ups);
    assert_eq!(judged.unresolved, undecidable as u64);
    let open = ledger.list(Filter::default().open()).await.unwrap();
    assert_eq!(open.len().min(1_000), undecidable.min(1_000));
}
