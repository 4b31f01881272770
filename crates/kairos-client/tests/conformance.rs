//! The shared suites: calls, codes, pushes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::sync::Arc;

use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use kairos_client::{Kind, PostCallParser};
use support::world::{World, limits};
use telco_conformance::{
    CallbackSample, Expect, Spend, Told, callbacks, calls, limits as at_its_limits, otp_local,
    otp_sender,
};
use telco_core::{
    Call, CallBatch, CallExt as _, CodeOrigin, OtpCapabilities, OtpChannel, OtpCheck,
    OtpSender as _, Secret, SecretBytes,
};

fn codes() -> LocalOtp {
    let key = OtpKey::new("test", SecretBytes::new([7; 32])).unwrap();
    LocalOtp::new(key, Arc::new(MemoryOtpStore::default()))
}

async fn passes_as_a_caller(kind: Kind) {
    let world = World::open().await;
    let dress = |call: telco_core::Call| call.variable("OTP", Secret::new("482113"));
    let report = calls(
        &world.kairos(kind),
        &world,
        limits(),
        &|| world.number(),
        &dress,
    )
    .await;
    report.assert_passed();
    assert_eq!(world.sandbox.totals().doubled, 0);
}

#[tokio::test]
async fn calls_encrypted() {
    passes_as_a_caller(Kind::EncryptedRealTime).await;
}

#[tokio::test]
async fn calls_plain() {
    passes_as_a_caller(Kind::RealTime).await;
}

#[tokio::test]
async fn calls_bulk() {
    passes_as_a_caller(Kind::Bulk).await;
}

/// A call's reference is its client-identifier, which the sandbox's books are kept by.
async fn passes_at_its_limits(kind: Kind) {
    let world = Arc::new(World::open().await);
    let (kairos, dialled) = (world.kairos(kind), Arc::clone(&world));
    let spend: Spend = Arc::new(move |reference| {
        let (kairos, number) = (kairos.clone(), dialled.number());
        Box::pin(async move {
            let batch = CallBatch::new(reference.clone(), vec![Call::new(reference, number)]);
            match kairos.place(&batch).await {
                Ok(rows) => Told::of(&rows.into_iter().next().unwrap().1),
                Err(_) => Told::NotSent,
            }
        })
    });
    let report = at_its_limits(&spend, &*world, limits()).await;
    report.assert_passed();
    // Nothing here redirects, and the protocol has no nonce.
    assert_eq!(report.skipped().count(), 2, "{report}");
    assert_eq!(world.sandbox.totals().doubled, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn encrypted_calls_at_the_limits() {
    passes_at_its_limits(Kind::EncryptedRealTime).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_calls_at_the_limits() {
    passes_at_its_limits(Kind::Bulk).await;
}

#[tokio::test]
async fn codes_are_sent_honestly() {
    let world = World::open().await;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("OTP", codes());
    let report = otp_sender(&voice, &world, limits(), &world.number()).await;
    report.assert_passed();
    assert_eq!(world.sandbox.totals().doubled, 0);
}

#[tokio::test]
async fn spoken_codes_reach_whom_they_are_set_to_reach() {
    let world = World::open().await;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("OTP", codes());
    assert!(voice.otp_capabilities().reaches(&world.number()));
    let elsewhere = OtpCapabilities::new(OtpChannel::Voice, CodeOrigin::Client, OtpCheck::Local)
        .only_calling_codes(&["62"]);
    let voice = voice.with_capabilities(elsewhere.clone());
    assert_eq!(*voice.otp_capabilities(), elsewhere);
    assert!(!voice.otp_capabilities().reaches(&world.number()));
}

#[tokio::test]
async fn codes_are_checked_here() {
    let world = World::open().await;
    let codes = codes();
    let attempts = codes.max_attempts;
    let voice = world
        .kairos(Kind::EncryptedRealTime)
        .voice_otp("$flow.key.OTP", codes);
    let report = otp_local(&voice, &world, limits(), &world.number(), attempts).await;
    report.assert_passed();
}

#[test]
fn pushes() {
    let call = r#"{"phonon-uuid":"u-1","callDetails":[{"hangupCause":"16","duration":"25467"}]}"#;
    let wrapped = format!(r#"{{"body":{call}}}"#);
    let samples = [
        CallbackSample::new("in its body", wrapped.as_str(), Expect::Unverified),
        CallbackSample::new("without one", call, Expect::Unverified),
        CallbackSample::new("the least", r#"{"phonon-uuid":"u-1"}"#, Expect::Unverified),
        CallbackSample::new("none of its members", r#"{"hello":1}"#, Expect::Refused),
        CallbackSample::new("a text", r#""phonon-uuid""#, Expect::Refused),
    ];
    callbacks(&PostCallParser::new(), &samples, support::now()).assert_passed();

    // Basic credentials prove that the sender knows them, and no more.
    let basic = PostCallParser::requiring_basic("phonon", &Secret::new("pushpass"));
    let samples = [
        CallbackSample::new("with the credentials", call, Expect::Unverified)
            .header("authorization", "Basic cGhvbm9uOnB1c2hwYXNz"),
        CallbackSample::new("with others", call, Expect::Refused)
            .header("authorization", "Basic cGhvbm9uOnB1c2hwYXN6"),
        CallbackSample::new("without any", call, Expect::Refused),
    ];
    callbacks(&basic, &samples, support::now()).assert_passed();
}
