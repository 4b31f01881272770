//! Against the sandbox, an independent second reading of the protocol that keeps the truth about every call.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kairos_client::envelope::{Envelope, Members, PADDINGS, profile_named};
use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use kairos_client::{Code, FetchAttempt, Finding, Kairos, Kind, PostCallParser, PublicKey};
use serde_json::json;
use support::world::{World, scripted};
use support::{batch, reference};
use telco_conformance::{Harness, Told, Truth};
use telco_core::{
    Call, CallBatch, CallExt, CallTrigger, Callback, CallbackParser, CallbackRequest, ErrorKind,
    Frozen, OtpCode, OtpRequest, OtpSender, OtpVerifier, Outcome, ReplayGuard, SecretBytes,
    Submission, Verification,
};
use telco_sandbox::{FaultRule, Phase};

const ONCE: Truth = Truth {
    received: 1,
    delivered: 1,
};
const GUARD: ReplayGuard = ReplayGuard::ByteIdentical {
    within: Duration::from_secs(3600),
};

/// What each call of a batch was told, by its reference.
async fn place(kairos: &Kairos, batch: &CallBatch) -> Vec<(String, Told)> {
    let report = kairos.place(batch).await.unwrap();
    report
        .into_iter()
        .map(|(reference, answer)| (reference.to_string(), Told::of(&answer)))
        .collect()
}

/// Every phase, one request of two calls each: nothing leaves twice, and what was told is so.
async fn every_answer_is_true_after_a_fault_of_any_phase(kind: Kind) {
    let world = World::open().await;
    for phase in Phase::ALL {
        let kairos = world.kairos(kind);
        if phase == Phase::ResetReused {
            let warm = batch([world.call(&format!("warm-{phase:?}"))]);
            assert_eq!(place(&kairos, &warm).await[0].1, Told::Accepted);
        }
        world.fault(phase);
        let names = [format!("a-{phase:?}"), format!("b-{phase:?}")];
        let calls = batch(names.clone().map(|name| world.call(&name)));
        let rows = place(&kairos, &calls).await;
        assert_eq!(rows.len(), 2);
        for (name, told) in rows {
            let truth = world.truth_of(&name);
            let what = format!("{kind:?} {phase:?} {name}: told {told:?}, {truth:?}");
            assert!(truth.received <= 1 && truth.delivered <= 1, "{what}");
            assert_eq!(truth.delivered == 1, phase.acts(), "{what}");
            match phase {
                Phase::SlowAnswer | Phase::CloseIdle => {
                    assert_eq!(told, Told::Accepted, "{what}")
                }
                Phase::Refuse => {
                    assert!(matches!(told, Told::Unknown | Told::NotSent), "{what}")
                }
                _ => assert_eq!(told, Told::Unknown, "{what}"),
            }
        }
    }
    // After the connection that closed without notice, the next request is served.
    let after = batch([world.call("after")]);
    assert_eq!(
        place(&world.kairos(kind), &after).await[0].1,
        Told::Accepted
    );
    assert_eq!(world.sandbox.totals().doubled, 0);
}

#[tokio::test]
async fn faults_of_all_phases_sealed() {
    every_answer_is_true_after_a_fault_of_any_phase(Kind::EncryptedRealTime).await;
}

#[tokio::test]
async fn faults_of_all_phases_plain() {
    every_answer_is_true_after_a_fault_of_any_phase(Kind::RealTime).await;
}

#[tokio::test]
async fn faults_of_all_phases_on_the_bulk_host() {
    every_answer_is_true_after_a_fault_of_any_phase(Kind::Bulk).await;
}

#[tokio::test]
async fn a_port_that_is_closed_is_told_as_not_sent() {
    let world = World::open().await;
    world.sandbox.set_down("kairos", true).await;
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let calls = batch([world.call("down")]);
    assert_eq!(place(&kairos, &calls).await[0].1, Told::NotSent);
    assert_eq!(world.truth_of("down"), Truth::default());
    world.sandbox.set_down("kairos", false).await;
    assert_eq!(place(&kairos, &calls).await[0].1, Told::Accepted);
    assert_eq!(world.truth_of("down"), ONCE);
}

/// Sends one call whose answer is lost in this way, and hands over what can be sent again.
async fn lost(world: &World, kairos: &Kairos, name: &str, phase: Phase) -> Frozen<CallBatch> {
    let prepared = kairos
        .prepare(&batch([world.call(name)]))
        .unwrap()
        .remove(0);
    let frozen = prepared.frozen().clone();
    world.fault(phase);
    let told = kairos.send(prepared).await.unwrap();
    assert_eq!(told.outcome(), Outcome::Unknown, "{name}");
    frozen
}

/// Under both readings of the checksum rule, and plain as well as sealed.
#[tokio::test]
async fn an_identical_resend_after_a_lost_answer_is_recognised_as_already_accepted() {
    for (kind, over) in [
        (Kind::EncryptedRealTime, "decrypted"),
        (Kind::EncryptedRealTime, "body"),
        (Kind::EncryptedDialer, "body"),
        (Kind::RealTime, "decrypted"),
    ] {
        let world = World::open().await;
        world.configure(json!({ "checksum_over": over }));
        let kairos = world.builder(kind).replay_guard(GUARD).build().unwrap();
        for phase in [
            Phase::ActThenReset,
            Phase::ActThenError,
            Phase::Truncate,
            Phase::Garbage,
        ] {
            let name = format!("lost-{phase:?}");
            let frozen = lost(&world, &kairos, &name, phase).await;
            let Submission::Unknown(unknown) = kairos.replay(&frozen, support::now()).await else {
                panic!("{kind:?} {phase:?}")
            };
            assert_eq!(unknown.cause().kind(), ErrorKind::Conflict);
            assert_eq!(unknown.cause().provider_code(), Some("201"));
            assert!(unknown.cause().message().contains("already accepted"));
            let both = Truth {
                received: 2,
                delivered: 1,
            };
            assert_eq!(world.truth_of(&name), both, "{kind:?} {phase:?}");
        }
        // Of what was never read, the resend is the first copy.
        let frozen = lost(&world, &kairos, "unheard", Phase::ResetBefore).await;
        let again = kairos.replay(&frozen, support::now()).await;
        assert_eq!(again.outcome(), Outcome::Accepted);
        assert_eq!(world.truth_of("unheard").delivered, 1);
        assert_eq!(world.sandbox.totals().doubled, 0);
    }
}

/// What the checksum rule does not promise: a provider that forgets dials twice. That is why a replay is asked for, twice over.
#[tokio::test]
async fn no_replay_without_leave() {
    let world = World::open().await;
    let kairos = world.kairos(Kind::EncryptedRealTime);
    world.sandbox.faults().clear();
    let frozen = lost(&world, &kairos, "lost", Phase::ActThenReset).await;
    world.sandbox.faults().set([FaultRule::quirk("forgetful")]);
    let told = kairos.replay(&frozen, support::now()).await;
    assert_eq!(told.outcome(), Outcome::Unknown);
    assert_eq!(world.truth_of("lost"), ONCE);
}

#[tokio::test]
async fn of_three_calls_one_is_refused() {
    for shape in ["without-uuid", "omitted", "with-code"] {
        let world = World::open().await;
        world.configure(json!({ "partial_shape": shape }));
        let bad = Call::new(reference("bad"), scripted("9000001205"));
        let calls = batch([world.call("first"), bad, world.call("last")]);
        let rows = place(&world.kairos(Kind::EncryptedRealTime), &calls).await;
        let told = |name: &str| rows.iter().find(|row| row.0 == name).unwrap().1;
        assert_eq!(told("first"), Told::Accepted);
        // How the answer shows a failed call is not documented, so that nothing proves it was not placed.
        assert_eq!(told("bad"), Told::Unknown, "{shape}");
        assert_eq!(told("last"), Told::Accepted);
        assert_eq!([world.truth_of("first"), world.truth_of("last")], [ONCE; 2]);
        assert_eq!(world.truth_of("bad").delivered, 0);
    }
}

#[tokio::test]
async fn answers_that_do_not_name_every_call() {
    for (quirk, told) in [
        ("forget-one", [Told::Accepted, Told::Unknown]),
        ("no-identifiers", [Told::Accepted; 2]),
        ("no-details", [Told::Unknown; 2]),
        ("missing-code", [Told::Unknown; 2]),
        ("string-code", [Told::Accepted; 2]),
    ] {
        let world = World::open().await;
        world.sandbox.faults().set([FaultRule::quirk(quirk)]);
        let calls = batch([world.call("a"), world.call("b")]);
        let rows = place(&world.kairos(Kind::RealTime), &calls).await;
        assert_eq!([rows[0].1, rows[1].1], told, "{quirk}");
        assert_eq!([world.truth_of("a"), world.truth_of("b")], [ONCE; 2]);
    }
}

/// Every code that a whole request can get, from a number that asks for it: whoever is told "rejected" was not called.
#[tokio::test]
async fn every_code_dials_nobody_and_none_is_taken_for_an_acceptance() {
    let world = World::open().await;
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let unsure = [201, 206, 209, 213, 500, 777];
    for code in [
        201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 301, 302, 303, 304, 400,
        401, 402, 500, 777,
    ] {
        let name = format!("code-{code}");
        let call = Call::new(reference(&name), scripted(&format!("9000000{code}")));
        let told = place(&kairos, &batch([call])).await[0].1;
        let expected = if unsure.contains(&code) {
            Told::Unknown
        } else {
            Told::Rejected
        };
        assert_eq!(told, expected, "{code}");
    }
    assert_eq!(world.sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn who_may_not_call_is_told_so() {
    let world = World::open().await;
    // Each host has a list of its own.
    world.configure(json!({ "allowed_ips": ["10.0.0.1"], "bulk_allowed_ips": ["10.0.0.1"] }));
    for (kind, code, status) in [
        (Kind::EncryptedRealTime, Some("401"), 200),
        (Kind::Bulk, None, 403),
    ] {
        let prepared = world
            .kairos(kind)
            .prepare(&batch([world.call("unlisted")]))
            .unwrap()
            .remove(0);
        let Submission::Rejected(why) = world.kairos(kind).send(prepared).await.unwrap() else {
            panic!("{kind:?}")
        };
        assert_eq!(why.kind(), ErrorKind::Permission);
        assert_eq!(why.as_error().provider_code(), code);
        assert_eq!(why.as_error().http_status(), Some(status));
    }
    world.configure(json!({ "allowed_ips": [], "allowed_phones": ["919999999999"] }));
    let told = place(&world.kairos(Kind::RealTime), &batch([world.call("phone")])).await;
    assert_eq!(told[0].1, Told::Rejected);
    assert_eq!(world.sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn after_an_empty_balance_the_same_calls_go_out_as_a_new_order() {
    let world = World::open().await;
    world.configure(json!({ "balance": 0 }));
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let prepared = kairos
        .prepare(&batch([world.call("poor")]))
        .unwrap()
        .remove(0);
    let old = prepared.frozen().clone();
    let Submission::Rejected(why) = kairos.send(prepared).await.unwrap() else {
        panic!()
    };
    assert_eq!(why.kind(), ErrorKind::InsufficientBalance);
    world.configure(json!({ "balance": 9 }));
    let later = support::now() + Duration::from_secs(60);
    let new = kairos.refresh(&old, later).unwrap().remove(0);
    assert_ne!(new.frozen().bytes().expose(), old.bytes().expose());
    assert_eq!(kairos.send(new).await.unwrap().outcome(), Outcome::Accepted);
    assert_eq!(world.truth_of("poor").delivered, 1);
}

#[tokio::test]
async fn flows_belong_to_their_endpoints() {
    let world = World::open().await;
    for kind in Kind::ALL {
        let name = format!("right-{kind:?}");
        let told = place(&world.kairos(kind), &batch([world.call(&name)])).await[0].1;
        assert_eq!(
            (told, world.truth_of(&name)),
            (Told::Accepted, ONCE),
            "{kind:?}"
        );
    }
    // A multicast flow at the dialer's endpoint.
    let base = world.sandbox.base_url("kairos").unwrap();
    let astray = world
        .builder(Kind::RealTime)
        .create_url(format!("{base}/outbounddialer/create"))
        .build()
        .unwrap();
    assert_eq!(
        place(&astray, &batch([world.call("astray")])).await[0].1,
        Told::Rejected
    );
    assert_eq!(world.truth_of("astray").delivered, 0);
}

#[tokio::test]
async fn the_sandbox_opens_every_padding_and_other_profiles_too() {
    let world = World::open().await;
    let check = async |envelope: Envelope, name: &str| {
        let kairos = world
            .builder(Kind::EncryptedRealTime)
            .envelope(envelope)
            .build()
            .unwrap();
        let told = place(&kairos, &batch([world.call(name)])).await[0].1;
        assert_eq!(
            (told, world.truth_of(name)),
            (Told::Accepted, ONCE),
            "{name}"
        );
    };
    for (name, _, padding) in PADDINGS {
        world.configure(json!({ "profile": { "padding": name } }));
        check(Envelope::default().with_padding(padding), name).await;
    }
    let mut named = Members::default();
    named.iv = Some("iv".into());
    for (name, theirs, members) in [
        ("cbc-zero-iv", json!({ "iv": "zero" }), Members::default()),
        (
            "cbc-iv-is-key",
            json!({ "iv": "key-prefix" }),
            Members::default(),
        ),
        (
            "cbc-iv-prefix",
            json!({ "iv": "prefixed" }),
            Members::default(),
        ),
        ("cbc-iv-field", json!({ "iv": { "field": "iv" } }), named),
        (
            "sha1-of-b64key",
            json!({ "derivation": { "digest": ["sha1", 16] } }),
            Members::default(),
        ),
        (
            "sha256-of-b64key-raw-payload",
            json!({ "payload": "raw" }),
            Members::default(),
        ),
    ] {
        world.configure(json!({ "profile": theirs }));
        let profile = profile_named(name).unwrap().build().unwrap();
        check(Envelope::new(profile, members).unwrap(), name).await;
    }
}

#[tokio::test]
async fn the_probe_finds_every_padding_and_dials_nobody() {
    let world = World::open().await;
    let kairos = world.kairos(Kind::EncryptedRealTime);
    for (name, _, padding) in PADDINGS {
        world.configure(json!({ "profile": { "padding": name } }));
        let readings = kairos.probe().await.unwrap();
        let (last, before) = readings.split_last().unwrap();
        assert_eq!((last.finding, last.padding), (Finding::Right, padding));
        assert_eq!(last.code, Some(Code::EmptyCallList));
        assert!(
            before
                .iter()
                .all(|reading| reading.finding == Finding::ProbablyWrong)
        );
    }
    let totals = world.sandbox.totals();
    assert_eq!((totals.requested, totals.delivered), (0, 0));
}

#[tokio::test]
async fn a_new_key_pair_ends_the_old_key() {
    let world = World::open().await;
    let old = world.kairos(Kind::EncryptedRealTime);
    world.fault(Phase::ActThenReset);
    let told = old.generate_key_pair(&reference("pair-1")).await.unwrap();
    assert_eq!(
        told.outcome(),
        Outcome::Unknown,
        "and it was not sent again:"
    );
    assert_eq!(world.sandbox.ledger().totals_of("kairos").requests, 1);
    let told = place(&old, &batch([world.call("old-key")])).await[0].1;
    assert_eq!(
        (told, world.truth_of("old-key").delivered),
        (Told::Rejected, 0)
    );
    let new = world.kairos(Kind::EncryptedRealTime);
    let answer = new.generate_key_pair(&reference("pair-2")).await.unwrap();
    assert_eq!(answer.outcome(), Outcome::Accepted);
    let newest = world.kairos(Kind::EncryptedRealTime);
    assert_eq!(
        place(&newest, &batch([world.call("new-key")])).await[0].1,
        Told::Accepted
    );
}

#[tokio::test]
async fn what_became_of_a_call_is_pulled_and_pushed() {
    let world = World::open().await;
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let alternates =
        Call::new(reference("alternates"), scripted("9000002000")).or_to(world.number());
    let report = kairos.place(&batch([alternates])).await.unwrap();
    let Some((_, Ok(Submission::Accepted(receipt)))) = report.into_iter().next() else {
        panic!()
    };
    let id = receipt.call_id.unwrap();
    // A call is told of once it is over.
    let early = kairos.pull(std::slice::from_ref(&id), FetchAttempt::All);
    assert_eq!(early.await.unwrap(), []);
    world.sandbox.clock().advance(Duration::from_secs(2));
    let records = kairos
        .pull(&[id.clone(), "nobody".into()], FetchAttempt::All)
        .await
        .unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].phonon_uuid.as_deref(), Some(id.as_str()));
    assert_eq!(records[0].other["callDetails"].as_array().unwrap().len(), 2);
    let last = kairos
        .pull(std::slice::from_ref(&id), FetchAttempt::Last)
        .await
        .unwrap();
    assert_eq!(last[0].other["callDetails"].as_array().unwrap().len(), 1);
    let nothing = kairos.pull(&["nobody".into()], FetchAttempt::All).await;
    assert_eq!(nothing.unwrap(), []);

    let pushed = world.sandbox.callbacks().list(1).remove(0);
    let header = |_: &str| None;
    let request = CallbackRequest::new(&header, pushed.body.as_bytes(), SystemTime::UNIX_EPOCH);
    let Callback::Unverified(push) = PostCallParser::new().parse(&request).unwrap() else {
        panic!("nothing signs a push")
    };
    assert_eq!(push.phonon_uuid, Some(id));
    assert_eq!(push.calls.len(), 2);
    assert_eq!(
        (push.calls[0].duration, push.calls[1].duration),
        (None, Some(Duration::from_millis(1_200)))
    );
    assert!(push.calls.iter().all(|call| call.other.0.is_empty()));
}

fn codes() -> LocalOtp {
    let key = OtpKey::new("test", SecretBytes::new([7; 32])).unwrap();
    LocalOtp::new(key, Arc::new(MemoryOtpStore::default()))
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_still_lets_its_hearer_in() {
    let world = World::open().await;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("OTP", codes());
    let request = OtpRequest::new(world.number(), reference("login-1"));
    world.fault(Phase::ActThenReset);
    let Submission::Unknown(unknown) = voice.start(&request).await.unwrap() else {
        panic!()
    };
    let challenge = unknown.into_provisional().unwrap();
    let heard = OtpCode::new(world.code_at(&request.to).unwrap());
    let verification = voice.verify(&challenge.pending, &heard).await.unwrap();
    assert_eq!(verification, Verification::Valid(request.to.clone()));
    assert_eq!(world.truth_of("login-1"), ONCE);

    // A resend is another call, with a name of its own and another code.
    let Submission::Accepted(again) = voice.start(&request.clone().as_resend(1)).await.unwrap()
    else {
        panic!()
    };
    assert!(again.provider_id.is_some());
    assert_eq!(world.truth_of("login-1-1"), ONCE);
    let heard = OtpCode::new(world.code_at(&request.to).unwrap());
    let verification = voice.verify(&again.pending, &heard).await.unwrap();
    assert_eq!(verification, Verification::Valid(request.to));
    assert_eq!(world.sandbox.totals().doubled, 0);
}

#[tokio::test]
async fn a_spoken_code_is_known_by_the_requests_own_reference() {
    let world = World::open().await;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("OTP", codes());
    let request = OtpRequest::new(world.number(), reference("login-3"));
    world.fault(Phase::ActThenReset);
    let Submission::Unknown(unknown) = voice.start(&request.as_resend(2)).await.unwrap() else {
        panic!()
    };
    assert_eq!(unknown.reference(), &reference("login-3"));
    assert!(unknown.provisional().is_some());
    assert_eq!(world.truth_of("login-3-2"), ONCE);

    // Too long for a resend: told before anybody is called, not at the resend.
    let fits = reference(&"r".repeat(61));
    let long = reference(&"r".repeat(62));
    let request = OtpRequest::new(world.number(), fits);
    for resend in [0, 1, 12] {
        let again = request.clone().as_resend(resend);
        assert_eq!(
            voice.start(&again).await.unwrap().outcome(),
            Outcome::Accepted
        );
    }
    let before = world.sandbox.totals().delivered;
    let refused = voice
        .start(&OtpRequest::new(world.number(), long))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(world.sandbox.totals().delivered, before);
}

#[tokio::test]
async fn what_arrived_of_a_broken_answer_about_a_key_pair_is_kept() {
    let world = World::open().await;
    world.fault(Phase::Truncate);
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let outcome = kairos.generate_key_pair(&reference("rotation")).await;
    let Submission::Unknown(unknown) = outcome.unwrap() else {
        panic!()
    };
    assert!(!unknown.answer().unwrap().expose().is_empty());
}

#[tokio::test]
async fn a_refused_call_leaves_no_challenge() {
    let world = World::open().await;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("OTP", codes());
    let request = OtpRequest::new(scripted("9000000212"), reference("login-2"));
    let Submission::Rejected(why) = voice.start(&request).await.unwrap() else {
        panic!()
    };
    assert_eq!(why.kind(), ErrorKind::InsufficientBalance);
}

/// A key of another flow: the provider cannot open the envelope.
#[tokio::test]
async fn a_key_of_another_flow_reaches_nobody() {
    let world = World::open().await;
    let account = world.sandbox.credentials("kairos").unwrap();
    let other = account["dialer"]["public_key"].as_str().unwrap();
    let kairos = world
        .builder(Kind::EncryptedRealTime)
        .public_key(PublicKey::load(other.as_bytes()).unwrap())
        .build()
        .unwrap();
    let told = place(&kairos, &batch([world.call("other-key")])).await[0].1;
    assert_eq!(told, Told::Rejected);
    assert_eq!(world.truth_of("other-key"), Truth::default());
}
