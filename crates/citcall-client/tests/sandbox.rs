//! The client against the sandbox: an independent second implementation of the provider's side, with its own cipher.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sandbox.rs"]
mod support;

use std::time::{Duration, SystemTime};

use citcall_client::core::{
    Callback, CallbackParser as _, CallbackRequest, ErrorKind, NotSent, OtpChallenge, OtpCode,
    OtpRequest, OtpSender as _, OtpVerifier as _, Outcome, Reference, Submission, Verification,
};
use citcall_client::v3::{CallbackUrl, Counter, Limits, Motp, Sms, SmsOtp};
use citcall_client::{
    AsyncCall, Authorization, Callbacks, Cipher, Client, Credentials, Gateway, Push, parse_msisdn,
};
use serde_json::json;
use support::*;
use telco_sandbox::{CallbackFault, FaultRule, Phase, Sandbox, Told};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

fn new_request() -> OtpRequest {
    OtpRequest::new(phone(), Reference::generate().unwrap())
}

fn challenge(answer: Result<Submission<OtpChallenge>, NotSent>) -> OtpChallenge {
    match answer {
        Ok(Submission::Accepted(challenge)) => challenge,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_missed_call_is_read_from_the_handset_and_verified() {
    for shown in ["national", "bare", "international"] {
        let sandbox = Sandbox::start().await.unwrap();
        let change = json!({ "caller_shown": shown });
        sandbox.configure(NAME, &change).unwrap();
        let calls = builder(&sandbox).build().unwrap().missed_call(codes());
        let started = challenge(calls.start(&new_request()).await);
        let caller = caller(&sandbox, &phone()).unwrap();
        let wrong = calls
            .verify(&started.pending, &OtpCode::new("x"))
            .await
            .unwrap();
        assert_eq!(wrong, Verification::Malformed);
        let typed = if shown == "bare" {
            caller[caller.len() - 4..].to_owned()
        } else {
            caller
        };
        let verified = calls
            .verify(&started.pending, &OtpCode::new(typed))
            .await
            .unwrap();
        assert_eq!(verified, Verification::Valid(phone()), "{shown}");
    }
}

#[tokio::test]
async fn each_documented_refusal_is_told_with_its_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = builder(&sandbox).build().unwrap();
    for (rc, kind) in [
        (7, ErrorKind::InvalidInput),
        (14, ErrorKind::InsufficientBalance),
        (34, ErrorKind::Unavailable),
        (42, ErrorKind::InvalidRecipient),
        (44, ErrorKind::Permission),
        (66, ErrorKind::Unavailable),
        (76, ErrorKind::Authentication),
        (77, ErrorKind::Authentication),
        (88, ErrorKind::InvalidInput),
        (96, ErrorKind::Authentication),
        (97, ErrorKind::InvalidInput),
        (98, ErrorKind::Authentication),
        (99, ErrorKind::InvalidInput),
    ] {
        let to = parse_msisdn(&format!("0811000000{rc:02}")).unwrap();
        let reference = Reference::generate().unwrap();
        let call = AsyncCall::new(&to, Gateway::FIRST).client_unique_id(reference.as_str());
        match client.async_call(&reference, &call).await.unwrap() {
            Submission::Rejected(why) => assert_eq!(why.kind(), kind, "{rc}"),
            other => panic!("{rc}: {other:?}"),
        }
    }
    for rc in [6, 50, 78, 81] {
        let to = parse_msisdn(&format!("0811000000{rc:02}")).unwrap();
        let reference = Reference::generate().unwrap();
        let answer = client
            .async_call(&reference, &AsyncCall::new(&to, Gateway::FIRST))
            .await
            .unwrap();
        assert_eq!(answer.outcome(), Outcome::Unknown, "{rc}");
    }
}

#[tokio::test]
async fn wrong_credentials_and_addresses() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url(NAME).unwrap();
    let user = credential(&sandbox, "user_id");
    let key = citcall_client::core::Secret::new("0".repeat(32));
    for credentials in [
        Credentials::new("somebody", key.clone()).unwrap(),
        Credentials::new(user, key).unwrap(),
    ] {
        let client = Client::builder(credentials).base_url(&url).build().unwrap();
        let reference = Reference::generate().unwrap();
        let call = AsyncCall::new(&phone(), Gateway::FIRST);
        match client.async_call(&reference, &call).await.unwrap() {
            Submission::Rejected(why) => assert!(matches!(
                why.kind(),
                ErrorKind::Authentication | ErrorKind::InvalidInput
            )),
            other => panic!("{other:?}"),
        }
    }
    sandbox
        .configure(NAME, &json!({ "allowed_ips": ["192.0.2.1"] }))
        .unwrap();
    let calls = builder(&sandbox).build().unwrap().missed_call(codes());
    match calls.start(&new_request()).await.unwrap() {
        Submission::Rejected(why) => {
            assert_eq!(why.as_error().provider_code(), Some("98"));
            assert!(why.as_error().help().unwrap().contains("public address"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn the_providers_moods() {
    let sandbox = Sandbox::start().await.unwrap();
    let calls = builder(&sandbox).build().unwrap().missed_call(codes());
    for (quirk, accepted) in [
        ("integer-rc", true),
        ("trx_id", true),
        ("no-trxid", true),
        ("stale-answer", false),
        ("foreign-key", false),
        ("wrong-echo", false),
        ("redirect", false),
    ] {
        let request = new_request();
        let rule = FaultRule::quirk(quirk).reference(request.reference.as_str());
        sandbox.faults().set([rule]);
        let answer = calls.start(&request).await.unwrap();
        let expected = if accepted {
            Outcome::Accepted
        } else {
            Outcome::Unknown
        };
        assert_eq!(answer.outcome(), expected, "{quirk}");
        if let Submission::Unknown(unknown) = answer {
            assert!(unknown.provisional().is_none(), "no token of {quirk}");
        }
        let rang = sandbox.operation(NAME, request.reference.as_str()).unwrap();
        assert_eq!(rang.requests, 1, "{quirk}");
    }
    sandbox.faults().set([FaultRule::quirk("sealed-failure")]);
    sandbox.configure(NAME, &json!({ "balance": 0 })).unwrap();
    let answer = calls.start(&new_request()).await.unwrap();
    assert_eq!(answer.outcome(), Outcome::Rejected);
}

#[tokio::test]
async fn a_call_without_a_token_cannot_be_verified_and_one_that_never_rings_is_told_by_callback() {
    let sandbox = Sandbox::start().await.unwrap();
    let calls = builder(&sandbox).build().unwrap().missed_call(codes());
    let to = parse_msisdn("081200000002").unwrap();
    let request = OtpRequest::new(to, Reference::generate().unwrap());
    assert!(!challenge(calls.start(&request).await).verifiable);

    let mut pushed = Listener::start(&sandbox).await;
    sandbox
        .configure(NAME, &json!({ "callback_after_ms": 0 }))
        .unwrap();
    let to = parse_msisdn("081200000001").unwrap();
    let request = OtpRequest::new(to, Reference::generate().unwrap());
    let started = challenge(calls.start(&request).await);
    let Push::Call(ended) = read(&sandbox, &pushed.next().await) else {
        panic!()
    };
    assert!(!ended.succeeded());
    assert!(ended.is_about(started.provider_id.as_deref(), &request.reference));
    assert!(ended.encrypted);
}

/// A receiver as the application would have one.
struct Listener(TcpListener);

impl Listener {
    async fn start(sandbox: &Sandbox) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        sandbox.callbacks().listen(NAME, Some(&url)).unwrap();
        Self(listener)
    }

    /// The body of the next push, answered with 200.
    async fn next(&mut self) -> Vec<u8> {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let mut data = Vec::new();
        loop {
            let mut part = [0; 4096];
            let length = stream.read(&mut part).await.unwrap();
            data.extend_from_slice(&part[..length]);
            let text = String::from_utf8_lossy(&data).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let promised = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                })
                .unwrap_or(0);
            if body.len() >= promised {
                let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(ok).await.unwrap();
                return body.as_bytes().to_vec();
            }
        }
    }
}

fn read(sandbox: &Sandbox, body: &[u8]) -> Push {
    let key = citcall_client::core::Secret::new(credential(sandbox, "api_key"));
    let cipher = Cipher::new(&credential(sandbox, "user_id"), &key).unwrap();
    let parser = Callbacks::default().with_cipher(cipher);
    let request = CallbackRequest::new(&|_| None, body, SystemTime::now());
    match parser.parse(&request).unwrap() {
        Callback::Unverified(push) => push,
        Callback::Verified(_) => panic!("nothing is signed"),
    }
}

#[tokio::test]
async fn pushes_early_late_twice_and_out_of_order() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure(NAME, &json!({ "callback_after_ms": 20 }))
        .unwrap();
    let mut pushed = Listener::start(&sandbox).await;
    let calls = builder(&sandbox).build().unwrap().missed_call(codes());
    for (fault, starts, pushes) in [
        (None, 1, 1),
        (Some(CallbackFault::Early), 1, 1),
        (Some(CallbackFault::Late), 1, 1),
        (Some(CallbackFault::Twice), 1, 2),
        (Some(CallbackFault::Reordered), 2, 2),
    ] {
        sandbox.faults().clear();
        if let Some(fault) = fault {
            // Long enough for the second start to overtake the first, however busy the machine is.
            let most = match fault {
                CallbackFault::Reordered => Duration::from_secs(5),
                _ => Duration::from_millis(100),
            };
            let rule = FaultRule::callback(fault).delay(most);
            sandbox.faults().set([rule.times(1)]);
        }
        let receive = async {
            let mut bodies = Vec::new();
            for _ in 0..pushes {
                bodies.push(pushed.next().await);
            }
            bodies
        };
        let call = async {
            let mut started = Vec::new();
            for _ in 0..starts {
                let request = new_request();
                let challenge = challenge(calls.start(&request).await);
                let code = caller(&sandbox, &phone()).unwrap();
                started.push((request, challenge, code));
            }
            started
        };
        let (bodies, started) = tokio::join!(receive, call);
        for body in bodies {
            let Push::Call(ended) = read(&sandbox, &body) else {
                panic!()
            };
            let about: Vec<bool> = started
                .iter()
                .map(|(request, challenge, _)| {
                    ended.is_about(challenge.provider_id.as_deref(), &request.reference)
                })
                .collect();
            assert_eq!(about.iter().filter(|about| **about).count(), 1, "{fault:?}");
            for ((_, challenge, _), about) in started.iter().zip(about) {
                let fits = calls.callback_fits(&challenge.pending, &ended).unwrap();
                assert_eq!(fits, Some(about), "{fault:?}");
            }
        }
        // A push verifies nobody and uses nothing up: the code is still good.
        for (_, challenge, code) in started {
            let verified = calls
                .verify(&challenge.pending, &OtpCode::new(code))
                .await
                .unwrap();
            assert_eq!(verified, Verification::Valid(phone()), "{fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_sends_under_faults_from_all_phases_are_all_told_the_truth() {
    const SENDS: usize = 5_000;
    const AT_A_TIME: usize = 64;
    let sandbox = std::sync::Arc::new(Sandbox::builder().seed(7).start().await.unwrap());
    sandbox
        .configure(NAME, &json!({ "callbacks": false }))
        .unwrap();
    sandbox.faults().set([FaultRule::any_of(Phase::ALL)
        .provider(NAME)
        .delay(Duration::from_millis(5))
        .chance(0.3)]);
    let client = builder(&sandbox)
        .settings(settings(true))
        .reconnects(2)
        .build()
        .unwrap();
    let calls = client.missed_call(codes());
    let mut tasks = tokio::task::JoinSet::new();
    let mut told = Vec::with_capacity(SENDS);
    for _ in 0..SENDS {
        if tasks.len() >= AT_A_TIME {
            told.push(tasks.join_next().await.unwrap().unwrap());
        }
        let calls = calls.clone();
        tasks.spawn(async move {
            let request = new_request();
            let answer = calls.start(&request).await;
            let told = match answer.as_ref().map(Submission::outcome) {
                Ok(Outcome::Accepted) => Told::Accepted,
                Ok(Outcome::Rejected) => Told::Rejected,
                Ok(Outcome::Unknown) => Told::Unknown,
                Err(_) => Told::NotSent,
            };
            (request.reference, told)
        });
    }
    while let Some(answer) = tasks.join_next().await {
        told.push(answer.unwrap());
    }
    let mut counts = std::collections::HashMap::new();
    for (reference, told) in &told {
        sandbox.told(NAME, reference.as_str(), *told);
        let operation = sandbox.operation(NAME, reference.as_str());
        let (requests, delivered) = operation.map_or((0, 0), |o| (o.requests, o.delivered));
        let honest = requests <= 1
            && match told {
                Told::Accepted => delivered == 1,
                Told::Rejected => delivered == 0,
                Told::NotSent => requests == 0,
                Told::Unknown => delivered <= 1,
            };
        assert!(honest, "{told:?}: {requests} requests, {delivered} calls");
        *counts.entry(format!("{told:?}")).or_insert(0) += 1;
    }
    let totals = sandbox.totals();
    assert_eq!((totals.doubled, totals.lost), (0, 0), "{counts:?}");
    assert_eq!(told.len(), SENDS);
    assert!(
        counts["Accepted"] > SENDS / 2 && counts["Unknown"] > 500,
        "{counts:?}"
    );
}

#[tokio::test]
async fn v3_verifies_remotely_with_each_result() {
    let sandbox = Sandbox::start().await.unwrap();
    for (form, counter) in [
        (Authorization::ApiKey, Counter::Retry),
        (Authorization::ApiKey, Counter::Gateway),
    ] {
        let client = v3_builder(&sandbox)
            .authorization(form)
            .counter(counter)
            .build()
            .unwrap();
        let calls = client.missed_call(Duration::from_secs(300), 2).unwrap();
        let started = challenge(calls.start(&new_request()).await);
        let code = caller(&sandbox, &phone()).unwrap();
        let code = OtpCode::new(&code[code.len() - 4..]);
        let wrong = OtpCode::new(if code.expose() == "0000" {
            "0001"
        } else {
            "0000"
        });
        let check = async |code: &OtpCode| calls.verify(&started.pending, code).await.unwrap();
        assert_eq!(check(&OtpCode::new("123")).await, Verification::Malformed);
        let invalid = Verification::Invalid {
            attempts_left: None,
        };
        assert_eq!(check(&wrong).await, invalid);
        assert_eq!(check(&code).await, Verification::Valid(phone()));
        assert_eq!(check(&code).await, Verification::NotFound, "used");

        let started = challenge(calls.start(&new_request()).await);
        let check = async |code: &OtpCode| calls.verify(&started.pending, code).await.unwrap();
        // Five digits are neither form of this code: they cost no attempt.
        for _ in 0..3 {
            assert_eq!(check(&OtpCode::new("99999")).await, Verification::Malformed);
        }
        let right = caller(&sandbox, &phone()).unwrap();
        let wrong = if right.ends_with("9999") {
            "9998"
        } else {
            "9999"
        };
        for _ in 0..2 {
            assert!(matches!(
                check(&OtpCode::new(wrong)).await,
                Verification::Invalid { .. }
            ));
        }
        assert_eq!(check(&code).await, Verification::TooManyAttempts);

        let started = challenge(calls.start(&new_request()).await);
        sandbox.clock().advance(Duration::from_secs(301));
        let expired = calls.verify(&started.pending, &code).await.unwrap();
        assert_eq!(expired, Verification::Expired);
    }
}

#[tokio::test]
async fn v3_takes_basic_authorization_and_refuses_the_old_form() {
    let sandbox = Sandbox::start().await.unwrap();
    let basic = Credentials::password(
        credential(&sandbox, "user_id"),
        citcall_client::core::Secret::new(credential(&sandbox, "password")),
    );
    let url = sandbox.base_url(NAME).unwrap();
    let client = citcall_client::v3::Client::builder(basic.unwrap())
        .base_url(url)
        .authorization(Authorization::Basic)
        .build()
        .unwrap();
    let answer = client
        .motp(&Reference::generate().unwrap(), &Motp::new(&phone()))
        .await
        .unwrap();
    assert_eq!(answer.outcome(), Outcome::Accepted);
    let old = v3_builder(&sandbox)
        .authorization(Authorization::LegacyBase64)
        .build()
        .unwrap();
    let answer = old
        .motp(&Reference::generate().unwrap(), &Motp::new(&phone()))
        .await
        .unwrap();
    assert_eq!(answer.outcome(), Outcome::Rejected);
    sandbox
        .configure(NAME, &json!({ "v3_schemes": ["legacy"] }))
        .unwrap();
    let answer = old
        .motp(&Reference::generate().unwrap(), &Motp::new(&phone()))
        .await
        .unwrap();
    assert_eq!(answer.outcome(), Outcome::Accepted);
}

#[tokio::test]
async fn messages_and_their_reports() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure(NAME, &json!({ "callback_after_ms": 0 }))
        .unwrap();
    let client = v3_builder(&sandbox).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/2f6c0f", listener.local_addr().unwrap());
    let reference = Reference::generate().unwrap();
    // `citcall` goes out in capitals, which is how the sandbox has it open.
    let message = Sms::new(&phone(), "citcall", "Your parcel is here: ☕ 😀")
        .callback_url(CallbackUrl::allowing_http(url).unwrap());
    let mut pushed = Listener(listener);
    let (body, answer) = tokio::join!(pushed.next(), client.sms(&reference, &message));
    let Submission::Accepted(sent) = answer.unwrap() else {
        panic!()
    };
    assert_eq!(
        (sent.sms_count, sent.currency.as_deref()),
        (Some(1), Some("IDR"))
    );
    let Push::Sms(report) = read(&sandbox, &body) else {
        panic!()
    };
    assert_eq!(Some(report.trxid), sent.trxid);
    assert_eq!(report.result, "Success");
    let arrived = &sandbox.handset(phone().expose())[0].arrival;
    assert!(format!("{arrived:?}").contains("☕ 😀"));

    let refused = client
        .sms(&reference, &Sms::new(&phone(), "OTHER", "hello"))
        .await
        .unwrap();
    match refused {
        Submission::Rejected(why) => assert_eq!(why.kind(), ErrorKind::Permission),
        other => panic!("{other:?}"),
    }

    let code = SmsOtp::new(Sms::new(&phone(), "CITCALL", "XXXXX it is"))
        .token(citcall_client::core::Secret::new("0042"))
        .limits(Limits::new(Duration::from_secs(60), 3).unwrap());
    let reference = Reference::generate().unwrap();
    let Submission::Accepted(sent) = client.sms_otp(&reference, &code).await.unwrap() else {
        panic!()
    };
    let trxid = sent.trxid.unwrap();
    let verified = client
        .verify(&phone(), &trxid, &OtpCode::new("0042"))
        .await
        .unwrap();
    assert_eq!(verified, Verification::Valid(phone()));
}
