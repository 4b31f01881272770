//! The suites that every sender and verifier of codes, and every reader of pushes, must pass.
#![allow(clippy::unwrap_used)]

#[path = "support/sandbox.rs"]
mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use citcall_client::core::{Msisdn, OtpRequest, OtpSender as _, OtpVerifier, Reference, Secret};
use citcall_client::{Callbacks, Cipher, Push};
use serde_json::json;
use support::*;
use telco_conformance::{
    CallbackSample, Expect, Harness, Limits, Phase, Spend, Told, Truth, callbacks, limits,
    otp_local, otp_remote, otp_sender, otp_verify,
};
use telco_sandbox::{FaultRule, Phase as Fault, Query, Sandbox, What};

async fn room(pooled: bool, last: usize) -> Room {
    Room {
        sandbox: Sandbox::start().await.unwrap(),
        pooled,
        last,
    }
}

async fn sends_honestly(sender: &dyn OtpVerifier, room: &Room) {
    let limits = Limits::for_timeout(TIMEOUT);
    let report = otp_sender(sender, room, limits, &phone()).await;
    report.assert_passed();
    // Either the connection is new or it is pooled: only one of two phases can be left out. Nobody listens where the room's
    // redirect points to, and the protocol has no nonce.
    assert_eq!(report.skipped().count(), 3, "{report}");
    assert_eq!(room.sandbox.totals().doubled, 0);
}

/// The room as the provider's side of checks, which the ledger does not count as operations of their own.
#[derive(Debug)]
struct Checks<'a>(&'a Room);

impl Checks<'_> {
    /// Who may call.
    fn allowed(&self, addresses: &[&str]) {
        let change = json!({ "allowed_ips": addresses });
        self.0.sandbox.configure(NAME, &change).unwrap();
    }
}

impl Harness for Checks<'_> {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        match phase {
            Phase::Redirect => {
                let rule = FaultRule::new(Fault::Redirect).reference(reference.as_str());
                self.0.sandbox.faults().set([rule]);
            }
            Phase::Decline => self.allowed(&["203.0.113.1"]),
            _ => return self.0.arm(reference, phase),
        }
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        let sandbox = &self.0.sandbox;
        sandbox.faults().clear();
        self.allowed(&[]);
        let of_it = Query {
            search: Some(reference.to_string()),
            ..Query::default()
        };
        let requests = sandbox.history().search(&of_it).into_iter();
        let checks = requests.filter(|request| request.operation == "verify");
        let story = sandbox.operation(NAME, reference.as_str()).unwrap().story;
        let verified = What::Note("verified".to_owned());
        let let_in = story.iter().filter(|line| line.what == verified);
        Truth {
            received: checks.count().try_into().unwrap(),
            delivered: let_in.count().try_into().unwrap(),
        }
    }

    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        self.0.code_at(phone)
    }
}

async fn checks_honestly(verifier: &dyn OtpVerifier, room: &Room) {
    let limits = Limits::for_timeout(TIMEOUT);
    let report = otp_remote(verifier, room, limits, &phone()).await;
    report.assert_passed();
    let checks = Checks(room);
    let truth = |reference: &Reference| checks.truth(reference);
    let report = otp_verify(verifier, &checks, limits, &phone(), &truth).await;
    report.assert_passed();
    // As above: one phase, the redirect's host, the nonce.
    assert_eq!(report.skipped().count(), 3, "{report}");
}

#[tokio::test]
async fn missed_calls_of_v2_checked_here() {
    for pooled in [false, true] {
        // The whole number, as a handset shows it, or its last four digits.
        for last in [usize::MAX, 4] {
            let room = room(pooled, last).await;
            let client = builder(&room.sandbox).settings(settings(pooled));
            let calls = client.build().unwrap().missed_call(codes());
            sends_honestly(&calls, &room).await;
            let limits = Limits::for_timeout(TIMEOUT);
            let report = otp_local(&calls, &room, limits, &phone(), 5).await;
            report.assert_passed();
        }
    }
}

#[tokio::test]
async fn missed_calls_of_v3_checked_there() {
    for pooled in [false, true] {
        let room = room(pooled, 4).await;
        let client = v3_builder(&room.sandbox).settings(settings(pooled));
        let client = client.build().unwrap();
        let calls = client.missed_call(Duration::from_secs(300), 5).unwrap();
        sends_honestly(&calls, &room).await;
        checks_honestly(&calls, &room).await;
    }
}

#[tokio::test]
async fn messages_of_v3_checked_there() {
    for pooled in [false, true] {
        let room = room(pooled, 5).await;
        let client = v3_builder(&room.sandbox).settings(settings(pooled));
        let client = client.build().unwrap();
        let codes = client
            .sms_code("citcall", "Use XXXXX", Duration::from_secs(300), 5)
            .unwrap();
        sends_honestly(&codes, &room).await;
        checks_honestly(&codes, &room).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_calls_at_the_limits() {
    let room = room(true, 4).await;
    // Time for an answer without end to reach its cap, and for one in drops to be given up.
    let patient = Duration::from_secs(2);
    let client = builder(&room.sandbox).settings(settings(true).with_timeouts(patient, patient));
    let calls = client.build().unwrap().missed_call(codes());
    let spend: Spend = Arc::new(move |reference| {
        let calls = calls.clone();
        Box::pin(async move { Told::of(&calls.start(&OtpRequest::new(phone(), reference)).await) })
    });
    let report = limits(&spend, &room, Limits::for_timeout(patient)).await;
    report.assert_passed();
    assert_eq!(report.skipped().count(), 2, "{report}");
}

const CALL: &str = r#"{"rc":0,"trxid":"20200101000000000000000001","msisdn":"+6281234567890","via":"voice","token":"02150123456","dial_code":"200","dial_status":"OK","call_status":"ANSWERED","price":"179","result":"Success"}"#;

#[test]
fn pushes_plain_and_encrypted() {
    let now = SystemTime::now();
    let cipher = Cipher::new("demo", &Secret::new("fe01ce2a7fbac8fafaed7c982a04e229")).unwrap();
    let sealed = format!("{{\"data\":\"{}\"}}", cipher.seal(CALL, now));
    let old = now - Duration::from_secs(600);
    let stale = format!("{{\"data\":\"{}\"}}", cipher.seal(CALL, old));
    let samples = [
        CallbackSample::new("a call", CALL, Expect::Unverified),
        CallbackSample::new("an encrypted call", sealed.clone(), Expect::Unverified),
        CallbackSample::new(
            "a message",
            r#"{"trxid":"1","result":"Success","description":"d","reportedDate":"?"}"#,
            Expect::Unverified,
        ),
        CallbackSample::new("too old", stale, Expect::Refused),
        CallbackSample::new("no rc", r#"{"trxid":"1"}"#, Expect::Refused),
        CallbackSample::new("a strange rc", r#"{"rc":"0O"}"#, Expect::Refused),
        CallbackSample::new("no JSON", "rc=0&trxid=1", Expect::Refused),
    ];
    let parser = Callbacks::default().with_cipher(cipher);
    callbacks::<Push>(&parser, &samples, now).assert_passed();
    let only_calls = parser.of_calls();
    let message = CallbackSample::new(
        "a message",
        r#"{"trxid":"1","result":"x"}"#,
        Expect::Refused,
    );
    callbacks(&only_calls, &[message], now).assert_passed();
    // Without keys an encrypted push cannot be read.
    let sealed = [CallbackSample::new("sealed", sealed, Expect::Refused)];
    callbacks::<Push>(&Callbacks::default(), &sealed, now).assert_passed();
}
