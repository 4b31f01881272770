//! Every phase does what its name says: what the client sees, beside what the ledger says really happened.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::Duration;

use support::spend::{PROVIDERS, cowrie, cowrie_request, credit, credit_query, spend};
use support::{Client, STALL, admin};
use telco_sandbox::{FaultRule, Phase, Sandbox, Told, What};
use tokio::time::timeout;

/// (what the client saw, times delivered) of one request that costs under one rule.
async fn under(provider: &str, rule: FaultRule) -> (String, u64) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(rule.provider(provider));
    let bytes = spend(&sandbox, provider, "r1");
    let exchange = async {
        let mut client = Client::connect(&sandbox.base_url(provider).unwrap()).await?;
        client.send(&bytes).await
    };
    let seen = match timeout(STALL, exchange).await {
        Err(_) => "stall".to_owned(),
        Ok(Ok(reply)) if reply.text().starts_with("<html><body>") => {
            format!("{} garbage", reply.status)
        }
        Ok(Ok(reply)) => reply.status.to_string(),
        Ok(Err(e)) => e.kind().to_string(),
    };
    (seen, sandbox.totals().delivered)
}

#[tokio::test]
async fn each_phase_of_each_provider_shows_and_does_what_it_says() {
    let reset = ErrorKind::ConnectionReset.to_string();
    let eof = ErrorKind::UnexpectedEof.to_string();
    for (phase, seen, delivered) in [
        (Phase::Refuse, &*reset, 0),
        (Phase::Stall, "stall", 0),
        (Phase::ResetBefore, &reset, 0),
        (Phase::ErrorBefore, "500", 0),
        (Phase::Redirect, "302", 0),
        (Phase::ResetReused, "200", 1),
        (Phase::ActThenReset, &reset, 1),
        (Phase::ActThenStall, "stall", 1),
        (Phase::ActThenError, "500", 1),
        (Phase::Truncate, &eof, 1),
        (Phase::Garbage, "200 garbage", 1),
        (Phase::Drip, "stall", 1),
        (Phase::SlowAnswer, "stall", 1),
        (Phase::CloseIdle, "200", 1),
    ] {
        for provider in PROVIDERS {
            assert_eq!(
                under(provider, FaultRule::new(phase)).await,
                (seen.to_owned(), delivered),
                "{provider} {phase:?}"
            );
        }
    }
    for provider in PROVIDERS {
        // Whether 64 MiB are read within the patience of this client depends on the machine.
        assert_eq!(under(provider, FaultRule::new(Phase::Flood)).await.1, 1);
        let slow = FaultRule::new(Phase::SlowAnswer).delay(Duration::from_millis(50));
        assert_eq!(under(provider, slow).await, ("200".to_owned(), 1));
    }
}

#[tokio::test]
async fn a_flood_is_as_long_as_it_says_and_a_drip_arrives_in_the_end() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .faults()
        .add(FaultRule::new(Phase::Flood).reference("flood"));
    sandbox.faults().add(
        FaultRule::new(Phase::Drip)
            .reference("drip")
            .delay(Duration::ZERO),
    );
    let flood = credit(&sandbox, "flood").await.unwrap();
    assert_eq!((flood.status, flood.body.len()), (200, 64 << 20));
    let drip = credit(&sandbox, "drip").await.unwrap();
    assert_eq!(drip.status, 200);
    drip.json();
}

#[tokio::test]
async fn a_redirect_names_its_target() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .faults()
        .add(FaultRule::redirect("http://127.0.0.1:1/trap"));
    let reply = credit(&sandbox, "r1").await.unwrap();
    assert!(reply.head.contains("Location: http://127.0.0.1:1/trap\r\n"));
}

#[tokio::test]
async fn rules_that_could_never_take_effect_are_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    for (rule, why) in [
        (
            r#"{"provider":"cowri","phases":["stall"]}"#,
            "there are: cowrie",
        ),
        (r#"{"provider":"cowrie"}"#, "names `phases`"),
        (r#"{"provider":"mor","quirk":"unquoted-keys"}"#, "no quirk"),
        (
            r#"{"phases":["stall"],"when":{"chance":1.5}}"#,
            "from 0 to 1",
        ),
        (
            r#"{"phases":["stall"],"when":{"nth":[0]}}"#,
            "counts from 1",
        ),
        (
            r#"{"phases":["act-then-reset"],"callback":"lost"}"#,
            "not both",
        ),
        (r#"{"quirk":"redirect","callback":"lost"}"#, "not both"),
        (
            r#"{"phases":["refuse"],"operation":"credit"}"#,
            "meets a connection",
        ),
        (
            r#"{"phases":["refuse","stall"],"number":"1"}"#,
            "meets a connection",
        ),
        (
            r#"{"phases":["refuse"],"reference":"r"}"#,
            "meets a connection",
        ),
        (
            r#"{"provider":"cowrie","operation":"credits","phases":["stall"]}"#,
            "no operation `credits` here; there are: balance, credit",
        ),
        (
            r#"{"provider":"mor","operation":"credit","phases":["stall"]}"#,
            "no operation `credit`",
        ),
        (
            r#"{"operation":"pay","phases":["stall"]}"#,
            "no operation `pay`",
        ),
        (
            r#"{"phases":["explode"]}"#,
            "the body is not what is wanted",
        ),
        (r#"{"phase":"stall"}"#, "the body is not what is wanted"),
    ] {
        let reply = admin(&sandbox, "POST", "faults", rule).await;
        assert_eq!(reply.status, 400, "{rule}");
        assert!(reply.text().contains(why), "{}", reply.text());
    }
    assert!(sandbox.faults().list().is_empty());
    let script = r#"[{"provider":"cowrie","operation":"credit","phases":["act-then-reset"],"when":{"nth":[3]}}]"#;
    assert_eq!(admin(&sandbox, "PUT", "faults", script).await.status, 200);
    let mut answered = Vec::new();
    for n in 1..=4 {
        answered.push(credit(&sandbox, &n.to_string()).await.is_ok());
    }
    assert_eq!(answered, [true, true, false, true]);
    assert_eq!(sandbox.totals().delivered, 4);
}

/// What was done stays invisible to lookups for as long as a rule says, by the sandbox's clock.
#[tokio::test]
async fn lookups_can_be_late() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .faults()
        .add(FaultRule::late_lookup(Duration::from_secs(60)).operation("credit"));
    credit(&sandbox, "r1").await.unwrap();
    let found = async |nonce| {
        let reply = cowrie(&sandbox, "/airtime/Check", "reference=r1", nonce).await;
        reply.unwrap().text().contains("r1")
    };
    assert!(!found("c1").await);
    sandbox.clock().advance(Duration::from_secs(61));
    assert!(found("c2").await);
}

#[tokio::test]
async fn a_pooled_connection_dies_under_its_second_request_and_nothing_is_done() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(FaultRule::new(Phase::ResetReused));
    let mut pooled = Client::connect(&sandbox.base_url("cowrie").unwrap())
        .await
        .unwrap();
    let first = cowrie_request(&sandbox, "/airtime/Credit", &credit_query("a"), "na");
    assert_eq!(pooled.send(&first).await.unwrap().status, 200);
    let second = cowrie_request(&sandbox, "/airtime/Credit", &credit_query("b"), "nb");
    assert!(pooled.send(&second).await.is_err());
    assert_eq!(sandbox.operation("cowrie", "b").unwrap().delivered, 0);
    assert_eq!(sandbox.operation("cowrie", "b").unwrap().requests, 1);
}

#[tokio::test]
async fn an_idle_connection_closes_between_requests() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(FaultRule::new(Phase::CloseIdle));
    let mut pooled = Client::connect(&sandbox.base_url("cowrie").unwrap())
        .await
        .unwrap();
    let first = cowrie_request(&sandbox, "/airtime/Credit", &credit_query("a"), "na");
    let reply = pooled.send(&first).await.unwrap();
    assert!(
        reply.status == 200
            && !reply
                .head
                .to_ascii_lowercase()
                .contains("connection: close")
    );
    assert!(pooled.send(&first).await.is_err());
    assert_eq!(sandbox.operation("cowrie", "a").unwrap().requests, 1);
}

#[tokio::test]
async fn a_provider_that_is_down_refuses_and_comes_back_on_the_same_port() {
    let sandbox = Sandbox::start().await.unwrap();
    let before = sandbox.base_url("cowrie");
    sandbox.set_down("cowrie", true).await;
    assert_eq!(
        credit(&sandbox, "r1").await.unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    sandbox.set_down("cowrie", false).await;
    assert_eq!(credit(&sandbox, "r1").await.unwrap().status, 200);
    assert_eq!(sandbox.base_url("cowrie"), before);
    assert_eq!(sandbox.totals().requests, 1);
}

#[tokio::test]
async fn rules_know_whom_they_concern_and_when() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(
        FaultRule::new(Phase::ErrorBefore)
            .provider("cowrie")
            .operation("credit")
            .nth(3),
    );
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ErrorBefore).reference("mine"));
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ErrorBefore).number("2348039999999"));
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ErrorBefore).provider("another"));
    sandbox.faults().add(
        FaultRule::new(Phase::ErrorBefore)
            .operation("data")
            .times(1),
    );
    let mut seen = Vec::new();
    for xref in ["a", "b", "c", "d", "mine"] {
        seen.push(credit(&sandbox, xref).await.unwrap().status);
    }
    for (n, query) in [
        "msisdn=2348039999999&amount=100&xref=e",
        "msisdn=2348031234567&amount=100&xref=f",
    ]
    .iter()
    .enumerate()
    {
        let query = format!("net=MTN&{query}");
        seen.push(
            cowrie(&sandbox, "/airtime/Credit", &query, &format!("x{n}"))
                .await
                .unwrap()
                .status,
        );
    }
    for xref in ["g", "h"] {
        seen.push(
            cowrie(&sandbox, "/data/Credit", &credit_query(xref), xref)
                .await
                .unwrap()
                .status,
        );
    }
    assert_eq!(seen, [200, 200, 500, 200, 500, 500, 200, 500, 200]);
}

/// What each reference meets is a function of the seed, not of the order of requests.
#[tokio::test]
async fn chance_does_not_depend_on_order() {
    async fn fates(seed: u64, backwards: bool) -> BTreeMap<String, u16> {
        let sandbox = Sandbox::builder().seed(seed).start().await.unwrap();
        sandbox
            .faults()
            .add(FaultRule::any_of([Phase::ErrorBefore, Phase::Garbage]).chance(0.5));
        let mut refs: Vec<_> = (0..40).map(|n| format!("ref{n}")).collect();
        if backwards {
            refs.reverse();
        }
        let mut fates = BTreeMap::new();
        for xref in refs {
            let reply = credit(&sandbox, &xref).await.unwrap();
            let garbled = serde_json::from_slice::<serde_json::Value>(&reply.body).is_err();
            fates.insert(xref, if garbled { 1 } else { reply.status });
        }
        fates
    }
    let one = fates(7, false).await;
    assert_eq!(one, fates(7, true).await);
    assert_ne!(one, fates(8, false).await);
    let count = |wanted| one.values().filter(|v| **v == wanted).count();
    assert!(count(1) > 3 && count(500) > 3 && count(200) > 10, "{one:?}");
}

#[tokio::test]
async fn the_story_tells_what_was_told_beside_what_happened() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .faults()
        .add(FaultRule::new(Phase::ActThenReset).reference("r1"));
    assert!(credit(&sandbox, "r1").await.is_err());
    sandbox.told("cowrie", "r1", Told::Unknown);
    assert_eq!(sandbox.totals().undecided, 1);
    sandbox.told("cowrie", "r1", Told::Accepted);
    sandbox.told("cowrie", "never-sent", Told::Accepted);
    let totals = sandbox.totals();
    assert_eq!(
        (
            totals.undecided,
            totals.lost,
            totals.delivered,
            totals.doubled
        ),
        (0, 1, 1, 0)
    );
    // "No" to somebody who was served is as wrong as "yes" to somebody who was not.
    for no in [Told::Rejected, Told::NotSent] {
        sandbox.told("cowrie", "r1", no);
        assert_eq!(sandbox.totals().denied, 1);
        assert!(sandbox.operation("cowrie", "r1").unwrap().is_denied());
    }
    sandbox.told("cowrie", "r1", Told::Accepted);
    assert_eq!(sandbox.totals().denied, 0);
    sandbox.told("cowrie", "not yet", Told::NotSent);
    assert_eq!(sandbox.totals().denied, 0);

    // Sent again by hand: another nonce, the same reference, and the customer has it twice.
    sandbox.faults().clear();
    assert_eq!(
        cowrie(&sandbox, "/airtime/Credit", &credit_query("r1"), "other")
            .await
            .unwrap()
            .status,
        200
    );
    let op = sandbox.operation("cowrie", "r1").unwrap();
    assert!(op.is_doubled() && op.requests == 2 && op.number.as_deref() == Some("2348031234567"));
    let story: Vec<_> = op.story.iter().map(|h| h.what.clone()).collect();
    let answered = |text: &str| What::Answered(text.to_owned());
    assert_eq!(
        story,
        [
            What::Requested,
            What::Delivered,
            answered("connection reset"),
            What::Told(Told::Unknown),
            What::Told(Told::Accepted),
            What::Told(Told::Rejected),
            What::Told(Told::NotSent),
            What::Told(Told::Accepted),
            What::Requested,
            What::Delivered,
            answered("200"),
        ]
    );
    assert_eq!(sandbox.totals().doubled, 1);
}

#[tokio::test]
async fn several_sandboxes_do_not_know_each_other_and_drop_closes_the_ports() {
    let (one, two) = (
        Sandbox::start().await.unwrap(),
        Sandbox::start().await.unwrap(),
    );
    credit(&one, "r1").await.unwrap();
    assert_eq!((one.totals().delivered, two.totals().delivered), (1, 0));
    let base = one.base_url("cowrie").unwrap();
    drop(one);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        Client::connect(&base).await.err().unwrap().kind(),
        ErrorKind::ConnectionRefused
    );
    credit(&two, "r1").await.unwrap();
}

#[tokio::test]
async fn a_connection_uses_up_no_rule_that_is_about_requests() {
    let sandbox = Sandbox::start().await.unwrap();
    let late = FaultRule::late_lookup(Duration::from_secs(60));
    sandbox
        .faults()
        .add(FaultRule::quirk("refuse-402").times(1));
    sandbox.faults().add(FaultRule::quirk("refuse-418").nth(2));
    sandbox.faults().add(late.times(1));
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(
            Client::connect(&sandbox.base_url("cowrie").unwrap())
                .await
                .unwrap(),
        );
    }
    let mut statuses = Vec::new();
    for n in 0..4 {
        statuses.push(credit(&sandbox, &n.to_string()).await.unwrap().status);
    }
    assert_eq!(statuses, [402, 418, 200, 200]);
    // The late lookup went with the first credit, which was refused: the third is found at once.
    let check = cowrie(&sandbox, "/airtime/Check", "reference=2", "c")
        .await
        .unwrap();
    assert!(check.text().contains("xref"), "{}", check.text());
}

#[tokio::test]
async fn times_counts_what_took_effect() {
    // Of a refused connection and a lost answer one comes, once, whatever is drawn.
    let mut met = [0, 0];
    for seed in 0..16 {
        let sandbox = Sandbox::builder().seed(seed).start().await.unwrap();
        let either = [Phase::Refuse, Phase::ActThenReset];
        sandbox.faults().add(FaultRule::any_of(either).times(1));
        let first = credit(&sandbox, "first").await;
        assert!(first.is_err(), "{seed}");
        let acted = sandbox.operation("cowrie", "first").is_some();
        met[usize::from(acted)] += 1;
        assert_eq!(
            credit(&sandbox, "second").await.unwrap().status,
            200,
            "{seed}"
        );
    }
    assert!(met[0] > 2 && met[1] > 2, "{met:?}");
    // The second of two rules waits for a request of its own.
    let sandbox = Sandbox::start().await.unwrap();
    for _ in 0..2 {
        sandbox
            .faults()
            .add(FaultRule::new(Phase::ErrorBefore).times(1));
    }
    let mut statuses = Vec::new();
    for n in 0..3 {
        statuses.push(credit(&sandbox, &n.to_string()).await.unwrap().status);
    }
    assert_eq!(statuses, [500, 500, 200]);
}
