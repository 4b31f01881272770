//! The client against the sandbox: an independent second implementation of the provider's side.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use cowrie_client::{Builder, CheckAnswer, Client, ClientKey, Credentials, Encoding, Network};
use serde_json::json;
use support::{airtime, hasty, naira, number, reference};
use telco_core::{
    ErrorKind, Lookup, Outcome, Product, RecordState, Submission, TopupExt as _, TopupIntent,
    TopupProvider as _, TopupReceipt,
};
use telco_sandbox::{FaultRule, Phase, Sandbox};

fn client_of(sandbox: &Sandbox) -> Builder {
    let about = sandbox.credentials("cowrie").unwrap();
    let key = ClientKey::from_base64(about["client_key"].as_str().unwrap()).unwrap();
    let credentials = Credentials::client(about["client_id"].as_str().unwrap(), key).unwrap();
    hasty(
        Client::builder(credentials),
        &sandbox.base_url("cowrie").unwrap(),
    )
}

fn agent_of(sandbox: &Sandbox) -> Client {
    let about = sandbox.credentials("cowrie").unwrap();
    let text = |name: &str| about[name].as_str().unwrap();
    let key = ClientKey::from_base64(text("agent_key")).unwrap();
    let credentials = Credentials::agent(text("agent_id"), text("terminal_id"), key).unwrap();
    hasty(
        Client::builder(credentials),
        &sandbox.base_url("cowrie").unwrap(),
    )
    .build()
    .unwrap()
}

fn receipt(answer: Submission<TopupReceipt>) -> TopupReceipt {
    match answer {
        Submission::Accepted(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_day_at_the_shop() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure(
            "cowrie",
            &json!({ "balance": 10_000, "check_sees": ["credit", "data", "redeem"] }),
        )
        .unwrap();
    let client = client_of(&sandbox).build().unwrap();
    let held = client.balance().await.unwrap();
    assert_eq!(
        (held.balance, held.discount_hundredths),
        (naira(10_000), Some(400))
    );

    let r = reference;
    let sold = receipt(
        client
            .credit(&r("a"), Network::Airtel, &number(), naira(100))
            .await
            .unwrap(),
    );
    // 4 % off.
    assert_eq!(
        (sold.cost, sold.balance),
        (Some(naira(96)), Some(naira(9_904)))
    );
    let sold = receipt(
        client
            .data(
                &r("d"),
                Network::Airtel,
                &number(),
                Some("500mb1d"),
                naira(350),
            )
            .await
            .unwrap(),
    );
    assert!(sold.provider_id.is_some());

    let pin = receipt(client.allocate_single(&r("p"), naira(200)).await.unwrap());
    assert_eq!(pin.pins[0].face_value, Some(naira(200)));
    let five = NonZeroU32::new(5).unwrap();
    let batch = receipt(client.allocate(&r("b"), naira(100), five).await.unwrap());
    assert_eq!((batch.pins.len(), batch.warnings.len()), (5, 0));

    let spend = async |name| {
        client
            .redeem(&r(name), Network::Airtel, &number(), &pin.pins[0].code)
            .await
            .unwrap()
    };
    let Submission::Accepted(redeemed) = spend("r").await else {
        panic!()
    };
    assert_eq!(redeemed.message, "Topup complete");
    assert_eq!(spend("r2").await.outcome(), Outcome::Rejected);

    for (name, state) in [
        ("a", true),
        ("d", true),
        ("r", true),
        ("b", false),
        ("nothing", false),
    ] {
        let found = matches!(client.check(name).await.unwrap(), CheckAnswer::Found { .. });
        assert_eq!(found, state, "{name}");
    }
    let totals = sandbox.totals();
    assert_eq!(
        (totals.delivered, totals.doubled, totals.refused),
        (5, 0, 1)
    );
}

#[tokio::test]
async fn an_agent_at_a_terminal() {
    let sandbox = Sandbox::start().await.unwrap();
    let agent = agent_of(&sandbox);
    assert!(agent.balance().await.unwrap().balance.is_positive());
    receipt(agent.submit(&airtime("t")).await.unwrap());
    let found = agent.lookup(&airtime("t")).await.unwrap();
    assert!(matches!(found, Lookup::Found(record) if record.state == RecordState::Completed));
}

#[tokio::test]
async fn labels_in_both_opt_in_encodings_come_back_as_they_were() {
    for (encoding, verify) in [
        (Encoding::AsSent, "as-sent"),
        (Encoding::Decoded, "decoded"),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox
            .configure("cowrie", &json!({ "verify": verify }))
            .unwrap();
        let client = client_of(&sandbox).encoding(encoding).build().unwrap();
        for (n, label) in [
            "Happy New Year",
            "100% ~ a+b&c=d #1",
            "Ọdún ₦100",
            "two\nlines",
        ]
        .into_iter()
        .enumerate()
        {
            let labelled = client.with_pin_label(label).unwrap();
            let answer = labelled
                .allocate_single(&reference(&n.to_string()), naira(100))
                .await
                .unwrap();
            let raw = receipt(answer).answer.unwrap();
            let body: serde_json::Value = serde_json::from_slice(raw.expose()).unwrap();
            assert_eq!(body["message"], label, "{verify}");
        }
        // The other way of signing is refused by a server that verifies this one.
        let other = match encoding {
            Encoding::AsSent => Encoding::Decoded,
            _ => Encoding::AsSent,
        };
        let other = client_of(&sandbox).encoding(other).build().unwrap();
        let labelled = other.with_pin_label("Happy New Year").unwrap();
        let told = labelled.allocate_single(&reference("x"), naira(100)).await;
        assert_eq!(told.unwrap().outcome(), Outcome::Rejected);
    }
}

/// Every misbehaviour that the sandbox knows of a Cowrie server: what the caller is told.
#[tokio::test]
async fn every_quirk() {
    use Outcome::{Accepted, Rejected, Unknown};
    for (quirk, told, kind) in [
        ("unquoted-keys", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("plain-text", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("empty-body", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("null-body", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("object-body", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("array-body", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("foreign-echo", Unknown, Some(ErrorKind::UnreadableAnswer)),
        ("message-not-ok", Accepted, None),
        ("refuse-400", Rejected, Some(ErrorKind::InvalidInput)),
        ("refuse-401", Rejected, Some(ErrorKind::Authentication)),
        ("refuse-402", Rejected, Some(ErrorKind::InsufficientBalance)),
        ("refuse-403", Rejected, Some(ErrorKind::Authentication)),
        ("refuse-404", Rejected, Some(ErrorKind::InvalidRecipient)),
        ("refuse-408", Unknown, Some(ErrorKind::Timeout)),
        ("refuse-409", Unknown, Some(ErrorKind::Conflict)),
        ("refuse-418", Rejected, Some(ErrorKind::Other)),
        ("refuse-429", Rejected, Some(ErrorKind::RateLimited)),
        ("refuse-502", Unknown, Some(ErrorKind::Unavailable)),
        ("refuse-503", Unknown, Some(ErrorKind::Unavailable)),
        ("redirect", Unknown, Some(ErrorKind::UnreadableAnswer)),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox
            .faults()
            .add(FaultRule::quirk(quirk).operation("credit"));
        let client = client_of(&sandbox).build().unwrap();
        let answer = client.submit(&airtime("q")).await.unwrap();
        assert_eq!(answer.outcome(), told, "{quirk}");
        match answer {
            Submission::Accepted(receipt) => assert_eq!(receipt.warnings.len(), 1, "{quirk}"),
            Submission::Rejected(why) => assert_eq!(Some(why.kind()), kind, "{quirk}"),
            Submission::Unknown(unknown) => {
                assert_eq!(Some(unknown.cause().kind()), kind, "{quirk}");
            }
        }
        // What a lookup finds is what the sandbox did.
        let truth = sandbox.operation("cowrie", "q").unwrap();
        assert_eq!(truth.requests, 1);
        let found = matches!(client.lookup(&airtime("q")).await, Ok(Lookup::Found(_)));
        assert_eq!(found, truth.delivered == 1, "{quirk}");
    }
}

#[tokio::test]
async fn a_batch_one_short_delivers_every_pin_that_came() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(FaultRule::quirk("pin-count-mismatch"));
    let client = client_of(&sandbox).build().unwrap();
    let three = NonZeroU32::new(3).unwrap();
    let batch = receipt(
        client
            .allocate(&reference("p"), naira(100), three)
            .await
            .unwrap(),
    );
    assert_eq!((batch.pins.len(), batch.warnings.len()), (2, 1));
}

#[tokio::test]
async fn check_in_every_form_of_not_found_then_found_late() {
    for form in ["empty", "null", "object", "array", "status404", "status400"] {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.clock().freeze();
        sandbox
            .configure(
                "cowrie",
                &json!({ "not_found": form, "check_delay_ms": 5_000 }),
            )
            .unwrap();
        sandbox
            .faults()
            .add(FaultRule::new(Phase::ActThenReset).operation("credit"));
        let client = client_of(&sandbox).build().unwrap();
        let told = client.submit(&airtime("late")).await.unwrap();
        assert_eq!(told.outcome(), Outcome::Unknown);
        assert_eq!(
            client.lookup(&airtime("late")).await.unwrap(),
            Lookup::NotFound,
            "{form}"
        );
        sandbox.clock().advance(Duration::from_secs(5));
        let found = client.lookup(&airtime("late")).await.unwrap();
        assert!(matches!(found, Lookup::Found(record) if record.state == RecordState::Completed));
        let totals = sandbox.totals();
        assert_eq!((totals.delivered, totals.doubled), (1, 0));
    }
}

#[tokio::test]
async fn check_of_another_amount_is_a_mismatch_and_of_another_status_is_pending() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client_of(&sandbox).build().unwrap();
    receipt(client.submit(&airtime("m")).await.unwrap());
    sandbox.faults().set([FaultRule::quirk("check-mismatch")]);
    let mismatch = client.lookup(&airtime("m")).await.unwrap();
    assert!(matches!(mismatch, Lookup::Mismatch(_)));
    sandbox.faults().set([FaultRule::quirk("status-pending")]);
    let pending = client.lookup(&airtime("m")).await.unwrap();
    assert!(matches!(pending, Lookup::Found(record) if record.state == RecordState::Pending));
    sandbox.faults().clear();
    sandbox
        .configure("cowrie", &json!({ "check_style": "stamp" }))
        .unwrap();
    let unstated = client.lookup(&airtime("m")).await.unwrap();
    assert!(matches!(unstated, Lookup::Found(record) if record.state == RecordState::Unstated));
}

#[tokio::test]
async fn a_check_refused_with_400_is_told_from_a_wrong_key() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(FaultRule::quirk("check-400"));
    let right = client_of(&sandbox).build().unwrap();
    assert_eq!(right.check("x").await.unwrap(), CheckAnswer::NotFound);
    let wrong = Credentials::client(
        "sandbox@example.com",
        ClientKey::from_base64("AAAA").unwrap(),
    );
    let wrong = hasty(
        Client::builder(wrong.unwrap()),
        &sandbox.base_url("cowrie").unwrap(),
    )
    .build()
    .unwrap();
    let failed = wrong.check("x").await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Authentication);
    assert_eq!(
        wrong.submit(&airtime("w")).await.unwrap().outcome(),
        Outcome::Rejected
    );
    assert_eq!(sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn a_ported_number_is_refused_on_its_old_network_only() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure("cowrie", &json!({ "ported": { "2348124661601": "GLO" } }))
        .unwrap();
    let client = client_of(&sandbox).build().unwrap();
    let on = |name: &str, network| {
        TopupIntent::new(
            reference(name),
            Product::airtime(number(), network, naira(100)),
        )
    };
    let told = client.submit(&on("old", Network::Airtel)).await.unwrap();
    assert_eq!(told.outcome(), Outcome::Rejected);
    receipt(client.submit(&on("new", Network::Glo)).await.unwrap());
    assert_eq!(sandbox.totals().requests, 2, "no other network was tried");
}

#[tokio::test]
async fn a_replay_after_the_first_copy_acted_is_a_conflict_and_the_lookup_settles_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client_of(&sandbox)
        .replay_within(Duration::from_secs(600))
        .build()
        .unwrap();
    for (name, phase, replayed) in [
        ("acted", Phase::ActThenReset, Outcome::Unknown),
        ("lost", Phase::ResetBefore, Outcome::Accepted),
    ] {
        sandbox.faults().set([FaultRule::new(phase)
            .reference(name)
            .operation("credit")
            .times(1)]);
        let prepared = client.prepare(&airtime(name)).unwrap();
        let frozen = prepared.frozen().clone();
        let told = client.send(prepared).await.unwrap();
        assert_eq!(told.outcome(), Outcome::Unknown);
        let again = client.replay(&frozen, frozen.prepared_at()).await;
        assert_eq!(again.outcome(), replayed, "{name}");
        match again {
            Submission::Accepted(receipt) => assert!(receipt.replayed),
            Submission::Unknown(unknown) => {
                assert_eq!(unknown.cause().kind(), ErrorKind::Conflict);
            }
            Submission::Rejected(_) => panic!(),
        }
        let found = client.lookup(&airtime(name)).await.unwrap();
        assert!(matches!(found, Lookup::Found(_)));
        assert_eq!(sandbox.operation("cowrie", name).unwrap().delivered, 1);
    }
    assert_eq!(sandbox.totals().doubled, 0);
}

/// A server that has forgotten the nonce carries a second copy out: why replay is opt-in and bounded.
#[tokio::test]
async fn a_refused_replay_says_nothing_about_the_first_copy() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client_of(&sandbox)
        .replay_within(Duration::from_secs(600))
        .build()
        .unwrap();
    for (n, refusal) in [
        "refuse-400",
        "refuse-402",
        "refuse-404",
        "refuse-503",
        "plain-text",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("r{n}");
        sandbox.faults().set([FaultRule::new(Phase::ActThenReset)
            .reference(&name)
            .operation("credit")
            .times(1)]);
        let prepared = client.prepare(&airtime(&name)).unwrap();
        let frozen = prepared.frozen().clone();
        let _ = client.send(prepared).await.unwrap();
        sandbox.faults().set([FaultRule::quirk(refusal)]);
        let again = client.replay(&frozen, frozen.prepared_at()).await;
        assert_eq!(again.outcome(), Outcome::Unknown, "{refusal}");
        assert_eq!(sandbox.operation("cowrie", &name).unwrap().delivered, 1);
    }
}

#[tokio::test]
async fn a_provider_that_is_down_is_not_sent() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client_of(&sandbox).build().unwrap();
    sandbox.set_down("cowrie", true).await;
    let refused = client.submit(&airtime("down")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Connect);
    sandbox.set_down("cowrie", false).await;
    receipt(client.submit(&airtime("down")).await.unwrap());
    assert_eq!(sandbox.totals().requests, 1);
}
