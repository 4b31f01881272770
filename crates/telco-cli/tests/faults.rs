//! Top-ups by the thousand through a provider of which almost every third request goes wrong, in every phase there is: what the
//! client told is held against what the provider really did.
//!
//! `TELCO_DEEP=1` runs ten times as many.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cowrie_client::http::{ReadRetry, Settings};
use cowrie_client::{Client, ClientKey, Credentials, Network};
use serde_json::json;
use telco_core::{
    Amount, Currency, Lookup, LookupSupport, Msisdn, Product, ProductKind, RecordState, Reference,
    Submission, TopupExt as _, TopupIntent, TopupProvider as _,
};
use telco_sandbox::{FaultRule, Phase, Query, Sandbox, Told};
use tokio::task::JoinSet;

const SEED: u64 = 20_151_110;
const AT_A_TIME: usize = 64;
/// The provider's schedule of lookups, 2, 5, 10, 20 and 40 s, at a thousandth of the time.
const SCALED: [Duration; 5] = [
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(20),
    Duration::from_millis(40),
];

/// How one top-up ended for its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    /// The answer said so.
    Accepted,
    /// The answer was lost; the provider's books said so.
    Settled,
    Rejected,
    NotSent,
    /// Nobody can tell: reported as such.
    Undecided,
}

impl Ended {
    fn told(self) -> Told {
        match self {
            Self::Accepted | Self::Settled => Told::Accepted,
            Self::Rejected => Told::Rejected,
            Self::NotSent => Told::NotSent,
            Self::Undecided => Told::Unknown,
        }
    }
}

fn client(sandbox: &Sandbox) -> Client {
    let about = sandbox.credentials("cowrie").unwrap();
    let text = |name: &str| about.get(name).and_then(|v| v.as_str()).unwrap();
    let key = ClientKey::from_base64(text("client_key")).unwrap();
    let credentials = Credentials::client(text("client_id"), key).unwrap();
    let patience = Duration::from_millis(400);
    Client::builder(credentials)
        .base_url(sandbox.base_url("cowrie").unwrap())
        .settings(Settings::default().with_timeouts(patience, patience))
        .read_retry(ReadRetry::new(
            [Duration::from_millis(1); 3],
            Duration::from_secs(60),
        ))
        .poll_after(SCALED)
        .build()
        .unwrap()
}

/// Mostly airtime; now and then data, which Check is not known to see, and PINs, which nothing can look up.
fn intent(n: u32) -> TopupIntent {
    let number = match n % 50 {
        // A number that is on no network.
        49 => "2348000000404".to_owned(),
        _ => format!("234803{n:07}"),
    };
    let to = Msisdn::parse(&number).unwrap();
    let naira = |n| Amount::from_major(n, Currency::NGN).unwrap();
    let product = match n % 20 {
        17 | 18 => Product::data(to, Network::Mtn, Some("500mb1d".into()), naira(350)),
        16 => Product::pins(naira(100), NonZeroU32::MIN),
        _ => Product::airtime(to, Network::Mtn, naira(100)),
    };
    TopupIntent::new(Reference::new(format!("topup-{n}")).unwrap(), product)
}

/// Sends it once, and settles an unknown outcome as far as the provider's rules allow.
async fn carry_out(client: &Client, intent: &TopupIntent) -> Ended {
    match client.submit(intent).await {
        Err(_) => return Ended::NotSent,
        Ok(Submission::Accepted(_)) => return Ended::Accepted,
        Ok(Submission::Rejected(_)) => return Ended::Rejected,
        Ok(Submission::Unknown(_)) => {}
    }
    let rules = client
        .topup_capabilities()
        .rules(intent.product.kind())
        .unwrap();
    if rules.lookup == LookupSupport::None {
        return Ended::Undecided;
    }
    for wait in &rules.poll_after {
        tokio::time::sleep(*wait).await;
        match client.lookup(intent).await {
            Ok(Lookup::Found(record)) if record.state == RecordState::Completed => {
                return Ended::Settled;
            }
            Ok(Lookup::Mismatch(_)) => panic!("{} is somebody else's", intent.reference),
            Ok(Lookup::Found(_) | Lookup::NotFound) | Err(_) => {}
        }
    }
    Ended::Undecided
}

/// The client's word against the ledger of the provider.
fn is_true(sandbox: &Sandbox, intent: &TopupIntent, ended: Ended) {
    let reference = intent.reference.as_str();
    let (requests, delivered) = sandbox
        .operation("cowrie", reference)
        .map_or((0, 0), |truth| (truth.requests, truth.delivered));
    assert!(requests <= 1, "{reference} was sent {requests} times");
    match ended {
        Ended::Accepted | Ended::Settled => assert_eq!(delivered, 1, "{reference}: {ended:?}"),
        Ended::Rejected => assert_eq!((requests, delivered), (1, 0), "{reference}"),
        Ended::NotSent => assert_eq!((requests, delivered), (0, 0), "{reference}"),
        // What was done and can be found has been found.
        Ended::Undecided if intent.product.kind() == ProductKind::Airtime => {
            assert_eq!(delivered, 0, "{reference} was delivered and not found");
        }
        Ended::Undecided => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_true_and_nothing_is_done_twice() {
    let deep = std::env::var_os("TELCO_DEEP").is_some();
    let all: u32 = if deep { 100_000 } else { 10_000 };
    let sandbox = Arc::new(Sandbox::builder().seed(SEED).start().await.unwrap());
    sandbox
        .configure("cowrie", &json!({ "balance": 1_000_000_000 }))
        .unwrap();
    // Connections, spending calls and lookups alike.
    let faults = || {
        FaultRule::any_of(Phase::ALL)
            .provider("cowrie")
            .delay(Duration::from_millis(15))
            .chance(0.3)
    };
    let late = FaultRule::late_lookup(Duration::from_millis(12)).chance(0.3);
    sandbox.faults().set([faults(), late]);

    let client = client(&sandbox);
    let mut running = JoinSet::new();
    let mut ends: BTreeMap<(&str, Ended), u32> = BTreeMap::new();
    let mut met = BTreeSet::new();
    for n in 0..all {
        if running.len() == AT_A_TIME {
            note(
                &sandbox,
                &mut ends,
                running.join_next().await.unwrap().unwrap(),
            );
        }
        // Before the ring of the history forgets it.
        if n % 2_000 == 0 {
            met.extend(phases_met(&sandbox));
        }
        let client = client.clone();
        running.spawn(async move {
            let intent = intent(n);
            let ended = carry_out(&client, &intent).await;
            (intent, ended)
        });
    }
    while let Some(done) = running.join_next().await {
        note(&sandbox, &mut ends, done.unwrap());
    }
    met.extend(phases_met(&sandbox));

    let totals = sandbox.totals();
    for ((kind, ended), count) in &ends {
        println!("{kind:<8} {:<10} {count}", format!("{ended:?}"));
    }
    println!(
        "requested {} · delivered {} · doubled {} · lost {} · undecided {}",
        totals.requested, totals.delivered, totals.doubled, totals.lost, totals.undecided
    );
    assert_eq!(ends.values().sum::<u32>(), all);
    assert_eq!((totals.doubled, totals.lost), (0, 0));
    let undecided: u64 = ends
        .iter()
        .filter(|((_, ended), _)| *ended == Ended::Undecided)
        .map(|(_, count)| u64::from(*count))
        .sum();
    assert_eq!(totals.undecided, undecided);
    // The run was worth its name: every phase that has a request occurred, and each kind of end.
    let everything: BTreeSet<String> = Phase::ALL
        .iter()
        .filter(|phase| **phase != Phase::Refuse)
        .map(|phase| format!("{phase:?}"))
        .collect();
    assert_eq!(met, everything);
    let count = |kind, ended| ends.get(&(kind, ended)).copied().unwrap_or(0);
    let one_in = |share: u32| all / share;
    assert!(count("Airtime", Ended::Settled) > one_in(20));
    assert!(count("Airtime", Ended::Undecided) > one_in(50));
    assert!(count("Airtime", Ended::Rejected) > 0);
    assert!(count("Data", Ended::Undecided) > 0 && count("Pins", Ended::Undecided) > 0);
    // Lookups do not see data by default, and PINs they never see.
    assert_eq!(
        count("Data", Ended::Settled) + count("Pins", Ended::Settled),
        0
    );
}

fn note(
    sandbox: &Sandbox,
    ends: &mut BTreeMap<(&'static str, Ended), u32>,
    (intent, ended): (TopupIntent, Ended),
) {
    is_true(sandbox, &intent, ended);
    sandbox.told("cowrie", intent.reference.as_str(), ended.told());
    let kind = match intent.product.kind() {
        ProductKind::Airtime => "Airtime",
        ProductKind::Data => "Data",
        _ => "Pins",
    };
    *ends.entry((kind, ended)).or_default() += 1;
}

/// The faults of spending calls that the history still holds.
fn phases_met(sandbox: &Sandbox) -> BTreeSet<String> {
    let all = Query {
        limit: usize::MAX,
        ..Query::default()
    };
    sandbox
        .history()
        .search(&all)
        .iter()
        .filter(|exchange| !matches!(exchange.operation, "check" | "balance"))
        .filter_map(|exchange| exchange.fault)
        .map(|phase| format!("{phase:?}"))
        .collect()
}

/// A port that is really closed is the one fault that proves that nothing left.
#[tokio::test]
async fn while_the_provider_is_down_nothing_is_sent() {
    let sandbox = Sandbox::builder().seed(SEED).start().await.unwrap();
    let client = client(&sandbox);
    sandbox.set_down("cowrie", true).await;
    for n in 0..50 {
        let ended = carry_out(&client, &intent(n)).await;
        assert_eq!(ended, Ended::NotSent);
        is_true(&sandbox, &intent(n), ended);
    }
    sandbox.set_down("cowrie", false).await;
    // The same references again: they were proven not to have been sent.
    for n in 0..50 {
        let ended = carry_out(&client, &intent(n)).await;
        assert!(
            matches!(ended, Ended::Accepted | Ended::Rejected),
            "{ended:?}"
        );
        is_true(&sandbox, &intent(n), ended);
    }
    assert_eq!(sandbox.totals().doubled, 0);
}
