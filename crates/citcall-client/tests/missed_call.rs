//! Codes checked on our side: forms, limits, storage, two workers, callbacks.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use citcall_client::core::{
    Callback, CallbackParser, CallbackRequest, Error, ErrorKind, NoRandomness, OtpCapabilities,
    OtpChallenge, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Provider, Randomness,
    SecretBytes, Submission, Verification,
};
use citcall_client::otp::{Admission, LocalOtp, MemoryOtpStore, OtpKey, ResendPolicy};
use citcall_client::{CallCallbacks, Callbacks, MissedCall, parse_msisdn};
use support::*;

fn answer(token: &str) -> String {
    format!("{{\"rc\":\"00\",\"trxid\":\"t-1\",\"token\":{token}}}")
}

fn request() -> OtpRequest {
    OtpRequest::new(to(), reference())
}

fn calls(server: &Arc<Server>, clock: &Arc<Hand>) -> MissedCall {
    let client = builder(server).clock(clock.clone()).build().unwrap();
    client.missed_call(local(clock.clone()))
}

async fn started(token: &str) -> (MissedCall, OtpChallenge, Arc<Hand>) {
    let (server, clock) = (Server::says(200, answer(token)), Hand::at(AT));
    let calls = calls(&server, &clock);
    let challenge = accepted(calls.start(&request()).await);
    (calls, challenge, clock)
}

async fn check(calls: &MissedCall, pending: &PendingOtp, typed: &str) -> Verification {
    calls.verify(pending, &OtpCode::new(typed)).await.unwrap()
}

#[tokio::test]
async fn the_last_four_digits_or_the_whole_number_in_any_spelling() {
    for typed in [
        "8955",
        " 89-55 ",
        "8.9.5.5",
        "02150808955",
        "622150808955",
        "+622150808955",
        "+62 21 5080 8955",
        "00622150808955",
        "(021) 508-0-8955",
    ] {
        for token in ["\"02150808955\"", "\"+622150808955\"", "622150808955"] {
            let (calls, challenge, _) = started(token).await;
            assert_eq!(
                check(&calls, &challenge.pending, typed).await,
                Verification::Valid(to()),
                "{typed} against {token}"
            );
        }
    }
}

#[tokio::test]
async fn every_four_digits_can_be_the_code() {
    for code in ["0000", "0003", "9999"] {
        let (calls, challenge, _) = started(&format!("\"0215080{code}\"")).await;
        let right = check(&calls, &challenge.pending, code).await;
        assert_eq!(right, Verification::Valid(to()), "{code}");
    }
}

#[tokio::test]
async fn wrong_codes_count_and_nonsense_does_not() {
    let (calls, challenge, _) = started("\"02150808955\"").await;
    let pending = &challenge.pending;
    for nonsense in ["", "895", "89555", "hello", "٨٩٥٥", "1234567890123456"] {
        assert_eq!(
            check(&calls, pending, nonsense).await,
            Verification::Malformed
        );
    }
    for (typed, left) in [("8956", 4), ("02150808956", 3), ("+622150708955", 2)] {
        let wrong = Verification::Invalid {
            attempts_left: Some(left),
        };
        assert_eq!(check(&calls, pending, typed).await, wrong, "{typed}");
    }
    assert_eq!(
        check(&calls, pending, "8955").await,
        Verification::Valid(to())
    );
    assert_eq!(
        check(&calls, pending, "8955").await,
        Verification::AlreadyUsed
    );
    assert_eq!(
        check(&calls, pending, "8955").await,
        Verification::TooManyAttempts
    );
}

#[tokio::test]
async fn after_five_attempts_it_is_locked_and_after_five_minutes_expired() {
    let (calls, challenge, clock) = started("\"02150808955\"").await;
    for _ in 0..5 {
        let wrong = check(&calls, &challenge.pending, "0000").await;
        assert!(matches!(wrong, Verification::Invalid { .. }));
    }
    assert_eq!(
        check(&calls, &challenge.pending, "8955").await,
        Verification::TooManyAttempts
    );
    let (calls, challenge, later) = started("\"02150808955\"").await;
    later.advance(299);
    assert!(matches!(
        check(&calls, &challenge.pending, "0000").await,
        Verification::Invalid { .. }
    ));
    later.advance(1);
    assert_eq!(
        check(&calls, &challenge.pending, "8955").await,
        Verification::Expired
    );
    drop(clock);
}

#[tokio::test]
async fn what_is_stored_survives_a_restart_and_holds_no_code() {
    let (calls, challenge, _) = started("\"02150808955\"").await;
    assert_eq!(challenge.hint.as_deref(), Some("0215080xxxx"));
    assert_eq!(challenge.provider_id.as_deref(), Some("t-1"));
    let stored = challenge.pending.to_storage();
    // Four digits occur in a digest by chance; the whole number does not.
    for secret in ["02150808955", "622150808955", "2150808955", KEY] {
        assert!(!stored.contains(secret), "{secret}");
    }
    // Another process with the same key and store.
    let restored = PendingOtp::from_storage(&stored).unwrap();
    assert_eq!(
        check(&calls, &restored, "8955").await,
        Verification::Valid(to())
    );
    // Moved to another number it opens nothing.
    let moved = stored.replace("6281234567890", "6281234567891");
    let moved = PendingOtp::from_storage(&moved).unwrap();
    assert!(matches!(
        check(&calls, &moved, "8955").await,
        Verification::Invalid { .. }
    ));
}

#[tokio::test]
async fn without_a_usable_token_nothing_can_be_checked() {
    for token in ["null", "\"8955\"", "\"\"", "\"none\""] {
        let (calls, challenge, _) = started(token).await;
        assert!(!challenge.verifiable, "{token}");
        assert_eq!(challenge.hint, None);
        assert_eq!(
            check(&calls, &challenge.pending, "8955").await,
            Verification::NotFound
        );
    }
}

#[tokio::test]
async fn a_resend_takes_the_next_gateway_and_voids_the_old_code() {
    let (clock, server) = (
        Hand::at(AT),
        Server::answering([
            Ok((200, answer("\"02150801111\""))),
            Ok((200, answer("\"02150802222\""))),
            Err(lost()),
        ]),
    );
    let calls = calls(&server, &clock);
    let first = accepted(calls.start(&request()).await);
    let second = accepted(calls.resend(&first.pending, 1).await);
    assert_eq!(
        check(&calls, &first.pending, "1111").await,
        Verification::AlreadyUsed
    );
    // A resend that nobody knows about leaves the code that is known.
    assert!(matches!(
        calls.resend(&second.pending, 2).await,
        Ok(Submission::Unknown(_))
    ));
    assert_eq!(
        check(&calls, &second.pending, "2222").await,
        Verification::Valid(to())
    );
    let gateways: Vec<String> = server.bodies().iter().map(|body| opened(body)).collect();
    for (n, text) in gateways.iter().enumerate() {
        assert!(text.contains(&format!("\"gateway\":{}", n + 1)), "{text}");
        assert!(text.contains("\"clientUniqueId\":\"1234567890\""));
    }
}

#[tokio::test]
async fn two_workers_on_one_store_let_one_right_code_in_once() {
    let (server, clock) = (Server::says(200, answer("\"02150808955\"")), Hand::at(AT));
    let store = Arc::new(MemoryOtpStore::with_clock(clock.clone()));
    let worker = || {
        let key = OtpKey::new("k1", SecretBytes::new([7; 32])).unwrap();
        let codes = LocalOtp::new(key, store.clone())
            .with_sources(clock.clone(), Arc::new(citcall_client::core::OsRandomness));
        let client = builder(&server).clock(clock.clone()).build().unwrap();
        client.missed_call(codes)
    };
    let (one, other) = (worker(), worker());
    for round in 0..50 {
        let challenge = accepted(one.start(&request()).await);
        let both = [one.clone(), other.clone()].map(|worker| {
            let pending = challenge.pending.clone();
            tokio::spawn(async move { check(&worker, &pending, "8955").await })
        });
        let mut valid = 0;
        for worker in both {
            if let Verification::Valid(_) = worker.await.unwrap() {
                valid += 1;
            }
        }
        assert_eq!(valid, 1, "round {round}");
    }
    let challenge = accepted(one.start(&request()).await);
    let guesses = (0..20).map(|n| {
        let (worker, pending) = (
            if n % 2 == 0 { &one } else { &other }.clone(),
            challenge.pending.clone(),
        );
        tokio::spawn(async move { check(&worker, &pending, "0000").await })
    });
    let mut counted = 0;
    for guess in guesses.collect::<Vec<_>>() {
        if let Verification::Invalid { .. } = guess.await.unwrap() {
            counted += 1;
        }
    }
    assert_eq!(counted, 5, "never more attempts than allowed");
}

#[tokio::test]
async fn starts_are_limited_per_number_whatever_its_spelling() {
    let clock = Hand::at(AT);
    let (codes, server) = (local(clock.clone()), Server::says(200, answer("null")));
    let policy = ResendPolicy::of(calls(&server, &clock).otp_capabilities());
    let mut admitted = Vec::new();
    for typed in [
        "081234567890",
        "+6281234567890",
        "0062 812-3456-7890",
        "+081234567890",
        "6281234567890",
    ] {
        let to = parse_msisdn(typed).unwrap();
        let now = clock_now(&clock);
        let store = codes.store().clone();
        admitted.push(policy.admit(&*store, codes.key(), &to, now).await.unwrap());
        assert_eq!(
            policy.admit(&*store, codes.key(), &to, now).await.unwrap(),
            if admitted.len() > 4 {
                Admission::Stop
            } else {
                Admission::Wait
            }
        );
        clock.advance(10);
    }
    assert_eq!(
        admitted,
        [
            Admission::Start { resend: 0 },
            Admission::Start { resend: 1 },
            Admission::Start { resend: 2 },
            Admission::Start { resend: 3 },
            Admission::Stop,
        ]
    );
}

fn clock_now(clock: &Arc<Hand>) -> std::time::SystemTime {
    use citcall_client::core::Clock as _;
    clock.now()
}

#[test]
fn capabilities_follow_the_provider() {
    let (server, clock) = (Server::says(200, "{}"), Hand::at(AT));
    let calls = calls(&server, &clock);
    let capabilities: &OtpCapabilities = calls.otp_capabilities();
    assert_eq!(capabilities.max_resends, 3);
    assert_eq!(capabilities.resend_cooldown, Duration::from_secs(10));
    assert!(capabilities.reaches(&to()));
    assert!(!capabilities.reaches(&parse_msisdn("+14155550123").unwrap()));
    assert_eq!(calls.identity().to_string(), "citcall/acme");
}

#[tokio::test]
async fn a_call_whose_record_cannot_be_made_is_unknown_not_unsent() {
    #[derive(Debug)]
    struct Dry;
    impl Randomness for Dry {
        fn fill(&self, _: &mut [u8]) -> Result<(), NoRandomness> {
            Err(NoRandomness::new())
        }
    }
    let (server, clock) = (Server::says(200, answer("\"02150808955\"")), Hand::at(AT));
    let codes = local(clock.clone()).with_sources(clock, Arc::new(Dry));
    let answer = client(&server).missed_call(codes).start(&request()).await;
    assert_eq!(cause(answer).kind(), ErrorKind::Other);
    assert_eq!(server.count(), 1);
}

#[tokio::test]
async fn a_callback_is_compared_with_the_pending_code_and_uses_nothing_up() {
    let (calls, challenge, _) = started("\"02150808955\"").await;
    let parser: CallCallbacks = Callbacks::default().of_calls();
    let event = |token: &str| {
        let body = format!("{{\"rc\":0,\"trxid\":\"t-1\",\"token\":{token}}}");
        let request = CallbackRequest::new(&|_| None, body.as_bytes(), at(AT));
        match parser.parse(&request).unwrap() {
            Callback::Unverified(event) => event,
            Callback::Verified(_) => panic!("nothing is signed"),
        }
    };
    let fits = |token: &str| {
        calls
            .callback_fits(&challenge.pending, &event(token))
            .unwrap()
    };
    assert_eq!(fits("\"02150808955\""), Some(true));
    assert_eq!(fits("\"+622150808955\""), Some(true));
    assert_eq!(fits("\"02150808956\""), Some(false));
    assert_eq!((fits("null"), fits("\"1\"")), (None, None));
    assert!(event("null").is_about(Some("t-1"), &reference()));
    assert!(!event("null").is_about(Some("t-2"), &reference()));
    // Ten guesses by callback, and the user may still type.
    assert_eq!(
        check(&calls, &challenge.pending, "8955").await,
        Verification::Valid(to())
    );
    let foreign: Result<_, Error> = {
        let server = Server::says(200, "{}");
        let other = builder(&server).account("other").build().unwrap();
        other
            .missed_call(local(Hand::at(AT)))
            .callback_fits(&challenge.pending, &event("\"02150808955\""))
    };
    assert!(foreign.is_err());
}
