//! Sent once, whatever becomes of the answer; repeated only where somebody asks for it.

use super::*;

fn impatient(server: &MockServer) -> Builder {
    let brief =
        Settings::default().with_timeouts(Duration::from_millis(300), Duration::from_millis(300));
    at(server, Kind::EncryptedRealTime).settings(brief)
}

#[tokio::test]
async fn after_a_timeout_nothing_is_sent_again_by_itself_and_a_replay_is_byte_identical() {
    let server = server(says(200, success()).set_delay(Duration::from_secs(5))).await;
    let guard = ReplayGuard::ByteIdentical {
        within: Duration::from_secs(600),
    };
    let kairos = impatient(&server).replay_guard(guard).build().unwrap();
    let prepared = kairos.prepare(&three()).unwrap().remove(0);
    let frozen = prepared.frozen().clone();
    let Submission::Unknown(unknown) = kairos.send(prepared).await.unwrap() else {
        panic!()
    };
    assert_eq!(unknown.cause().delivery(), Delivery::MaybeSent);
    assert_eq!(received(&server).await.len(), 1);

    // Sent before: neither accepted nor rejected.
    server.reset().await;
    let repeated = says(
        200,
        json!({"api-response-code": 201, "api-response-message": "Checksum Repeated"}),
    );
    Mock::given(method("POST"))
        .respond_with(repeated)
        .mount(&server)
        .await;
    let Submission::Unknown(unknown) = kairos.replay(&frozen, now()).await else {
        panic!()
    };
    assert_eq!(unknown.cause().kind(), ErrorKind::Conflict);
    assert!(unknown.cause().to_string().contains("already accepted"));
    let bodies: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies, [stored_body(frozen.bytes().expose())]);

    // A refusal of the copy says nothing about the first.
    server.reset().await;
    Mock::given(method("POST"))
        .respond_with(says(200, json!({"api-response-code": 212})))
        .mount(&server)
        .await;
    assert_eq!(
        kairos.replay(&frozen, now()).await.outcome(),
        Outcome::Unknown
    );
    // Taken now.
    server.reset().await;
    Mock::given(method("POST"))
        .respond_with(says(200, success()))
        .mount(&server)
        .await;
    assert_eq!(
        kairos.replay(&frozen, now()).await.outcome(),
        Outcome::Accepted
    );
    // Too late, or not allowed at all: nothing leaves.
    server.reset().await;
    assert_eq!(
        kairos
            .replay(&frozen, now() + Duration::from_secs(601))
            .await
            .outcome(),
        Outcome::Unknown
    );
    let cautious = impatient(&server).build().unwrap();
    assert_eq!(
        cautious.replay(&frozen, now()).await.outcome(),
        Outcome::Unknown
    );
    let stranger = impatient(&server)
        .account("other")
        .replay_guard(guard)
        .build()
        .unwrap();
    assert_eq!(
        stranger.replay(&frozen, now()).await.outcome(),
        Outcome::Unknown
    );
    assert!(received(&server).await.is_empty());
}

#[tokio::test]
async fn frozen_bytes_hold_no_credential_and_open_for_their_maker_only() {
    for kind in Kind::ALL {
        let kairos = builder(kind).build().unwrap();
        let prepared = kairos.prepare(&three()).unwrap().remove(0);
        let frozen = String::from_utf8(prepared.frozen().bytes().expose().to_vec()).unwrap();
        assert!(!frozen.contains(SECURITY_ID));
        let stranger = builder(kind).account("other").build().unwrap();
        assert_eq!(
            stranger.send(prepared).await.unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }
    // A plain body must not reach an encrypted endpoint, nor the other way round.
    for (made, sent) in [
        (Kind::RealTime, Kind::EncryptedRealTime),
        (Kind::EncryptedRealTime, Kind::RealTime),
    ] {
        let prepared = builder(made)
            .build()
            .unwrap()
            .prepare(&three())
            .unwrap()
            .remove(0);
        assert!(builder(sent).build().unwrap().send(prepared).await.is_err());
    }
}

#[derive(Debug, Default)]
struct Unreachable(std::sync::atomic::AtomicU32);

#[async_trait]
impl Transport for Unreachable {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Err(NotSent::new(ErrorKind::Connect, "refused").into())
    }
    async fn pause(&self, _: Duration) {}
}

#[tokio::test]
async fn connecting_is_tried_three_times_at_most() {
    assert!(builder(Kind::RealTime).reconnects(3).build().is_err());
    for (times, expected) in [(2, 3), (1, 2), (0, 1)] {
        let nowhere = std::sync::Arc::new(Unreachable::default());
        let kairos = builder(Kind::RealTime)
            .transport(nowhere.clone())
            .reconnects(times)
            .build()
            .unwrap();
        let prepared = kairos.prepare(&three()).unwrap().remove(0);
        assert_eq!(
            kairos.send(prepared).await.unwrap_err().kind(),
            ErrorKind::Connect
        );
        assert_eq!(
            nowhere.0.load(std::sync::atomic::Ordering::SeqCst),
            expected
        );
    }
}

#[test]
fn refresh_is_another_order_and_never_the_same_bytes() {
    for kind in [Kind::RealTime, Kind::EncryptedRealTime] {
        let kairos = builder(kind).build().unwrap();
        let prepared = kairos.prepare(&three()).unwrap().remove(0);
        let old = prepared.frozen();
        let later = now() + Duration::from_millis(1);
        let fresh = kairos.refresh(old, later).unwrap().remove(0);
        assert_ne!(fresh.frozen().bytes(), old.bytes());
        assert!(
            fresh
                .intent()
                .calls
                .iter()
                .all(|call| call.start_at == Some(later))
        );
        // The same millisecond would make the same JSON.
        assert!(
            kairos
                .refresh(old, now() + Duration::from_nanos(999))
                .is_err()
        );
        assert!(
            builder(kind)
                .account("other")
                .build()
                .unwrap()
                .refresh(old, later)
                .is_err()
        );
    }
}

#[tokio::test]
async fn a_key_pair_is_asked_for_once_whatever_happens() {
    let hide = |status, body: Value| says(status, body);
    for (answer, expected) in [
        (
            hide(200, json!({"api-response-code": 200, "public": "…"})),
            Outcome::Accepted,
        ),
        (
            hide(200, json!({"api-response-code": 301})),
            Outcome::Rejected,
        ),
        (
            hide(200, json!({"file": "Zb0RKJvh_public.key"})),
            Outcome::Unknown,
        ),
        (hide(503, json!({})), Outcome::Unknown),
        (
            hide(200, json!({})).set_delay(Duration::from_secs(5)),
            Outcome::Unknown,
        ),
    ] {
        let server = server(answer).await;
        let kairos = impatient(&server).build().unwrap();
        let outcome = kairos
            .generate_key_pair(&reference("rotation-1"))
            .await
            .unwrap();
        assert_eq!(outcome.outcome(), expected);
        let requests = received(&server).await;
        assert_eq!(requests.len(), 1);
        assert_eq!(
            requests[0].url.path(),
            "/kairos-apis/enc/outbound/generateKeyPair"
        );
        assert_eq!(requests[0].body, br#"{"flow-id":"Zb0RKJvh"}"#);
    }
    let server = server(says(200, json!({"api-response-code": 200}))).await;
    let kairos = at(&server, Kind::Dialer)
        .key_pair_member("flowID")
        .build()
        .unwrap();
    assert_eq!(
        kairos
            .generate_key_pair(&reference("r"))
            .await
            .unwrap()
            .outcome(),
        Outcome::Accepted
    );
    assert_eq!(received(&server).await[0].body, br#"{"flowID":"Zb0RKJvh"}"#);
}

/// Sends, and loses the answer.
#[derive(Debug)]
struct Lossy;

#[async_trait]
impl Transport for Lossy {
    async fn exchange(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Error> {
        Err(Error::in_doubt(ErrorKind::Interrupted, "reset"))
    }
    async fn pause(&self, _: Duration) {}
}

/// A reset says as little as an unreadable answer, and leaves the same to do.
#[tokio::test]
async fn whoever_hears_unknown_hears_what_to_do() {
    let lossy = builder(Kind::RealTime)
        .transport(std::sync::Arc::new(Lossy))
        .build()
        .unwrap();
    let unreadable = server(says(200, json!({}))).await;
    let unreadable = at(&unreadable, Kind::RealTime).build().unwrap();
    for kairos in [lossy, unreadable] {
        let prepared = kairos.prepare(&three()).unwrap().remove(0);
        let Submission::Unknown(unknown) = kairos.send(prepared).await.unwrap() else {
            panic!()
        };
        let help = unknown.cause().help().unwrap();
        assert!(help.contains("check the provider's reports"), "{help}");
        assert!(help.contains("never resend the batch"), "{help}");
        let pair = kairos.generate_key_pair(&reference("r")).await.unwrap();
        let Submission::Unknown(unknown) = pair else {
            panic!()
        };
        let help = unknown.cause().help().unwrap();
        assert!(help.contains("ask the provider which one holds"), "{help}");
    }
}

const GUARD: ReplayGuard = ReplayGuard::ByteIdentical {
    within: Duration::from_secs(600),
};

#[tokio::test]
async fn a_stored_request_goes_out_as_the_bytes_and_to_the_kind_it_was_made_for_or_not_at_all() {
    let server = server(says(200, success())).await;
    for kind in Kind::ALL {
        let maker = at(&server, kind).replay_guard(GUARD).build().unwrap();
        let frozen = maker.prepare(&three()).unwrap()[0].frozen().clone();

        // Another security id makes other bytes of a plain body. An envelope is the same under any.
        let flow = FlowId::new(FLOW).unwrap();
        let rotated = SecurityId::new(SECURITY_ID.replace('A', "B")).unwrap();
        let mut rotated = Kairos::builder(flow, rotated)
            .kind(kind)
            .base_url(server.uri())
            .replay_guard(GUARD);
        if kind.is_encrypted() {
            rotated = rotated.public_key(public_key());
        }
        let Submission::Unknown(refused) = rotated.build().unwrap().replay(&frozen, now()).await
        else {
            assert!(kind.is_encrypted());
            assert_eq!(received(&server).await.len(), 1);
            server.reset().await;
            Mock::given(method("POST"))
                .respond_with(says(200, success()))
                .mount(&server)
                .await;
            continue;
        };
        assert_eq!(refused.cause().kind(), ErrorKind::InvalidInput);
        assert!(refused.cause().to_string().contains("security id"));
        assert!(received(&server).await.is_empty(), "{kind:?}");
    }
    for made in Kind::ALL {
        let maker = at(&server, made).build().unwrap();
        let frozen = maker.prepare(&three()).unwrap()[0].frozen().clone();
        for other in Kind::ALL.into_iter().filter(|other| *other != made) {
            let client = at(&server, other).replay_guard(GUARD).build().unwrap();
            let Submission::Unknown(refused) = client.replay(&frozen, now()).await else {
                panic!("{made:?} went out as {other:?}")
            };
            assert_eq!(refused.cause().kind(), ErrorKind::InvalidInput);
            assert!(refused.cause().to_string().contains("kind of endpoint"));
        }
    }
    // Damaged in the store.
    let client = at(&server, Kind::RealTime)
        .replay_guard(GUARD)
        .build()
        .unwrap();
    let frozen = client.prepare(&three()).unwrap()[0].frozen().clone();
    let bytes = frozen.bytes().expose();
    let other_call = String::from_utf8(bytes.to_vec())
        .unwrap()
        .replace("c-1", "c-9");
    for damaged in [other_call.as_bytes(), b"", &bytes[1..], stored_body(bytes)] {
        let stored = telco_core::Frozen::restore(
            frozen.identity().clone(),
            frozen.intent().clone(),
            telco_core::SecretBytes::new(damaged),
            frozen.prepared_at(),
        );
        assert_eq!(
            client.replay(&stored, now()).await.outcome(),
            Outcome::Unknown
        );
    }
    assert!(received(&server).await.is_empty());
}

#[tokio::test]
async fn orders_are_replayed_and_refreshed_like_calls() {
    let server = server(says(
        200,
        json!({"api-response-code": 200, "call-details": [{"client-identifier": "c-1", "phonon-uuid": "u-1"}]}),
    ))
    .await;
    let kairos = at(&server, Kind::RealTime)
        .replay_guard(GUARD)
        .build()
        .unwrap();
    let number = ContactNumber::parse("9812345678", NumberPolicy::AsIs).unwrap();
    let order = Order::new(reference("c-1"), number);
    let prepared = kairos
        .prepare_orders(&reference("dues"), &[order])
        .unwrap()
        .remove(0);
    let frozen = prepared.frozen().clone();
    assert_eq!(
        kairos.create(prepared).await.unwrap().outcome(),
        Outcome::Accepted
    );
    let Submission::Accepted(again) = kairos.replay_orders(&frozen, now()).await else {
        panic!()
    };
    assert_eq!(again.code, Code::Success);
    let late = now() + Duration::from_secs(601);
    assert_eq!(
        kairos.replay_orders(&frozen, late).await.outcome(),
        Outcome::Unknown
    );
    let later = now() + Duration::from_millis(1);
    let new = kairos.refresh_orders(&frozen, later).unwrap().remove(0);
    assert_eq!(
        kairos.create(new).await.unwrap().outcome(),
        Outcome::Accepted
    );
    let bodies: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|request| request.body)
        .collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
    assert!(kairos.refresh_orders(&frozen, now()).is_err());
    let stranger = at(&server, Kind::RealTime)
        .account("other")
        .replay_guard(GUARD)
        .build()
        .unwrap();
    assert!(stranger.refresh_orders(&frozen, later).is_err());
    assert_eq!(
        stranger.replay_orders(&frozen, now()).await.outcome(),
        Outcome::Unknown
    );

    // A refusal of the copy says nothing about the first.
    server.reset().await;
    Mock::given(method("POST"))
        .respond_with(says(200, json!({"api-response-code": 212})))
        .mount(&server)
        .await;
    assert_eq!(
        kairos.replay_orders(&frozen, now()).await.outcome(),
        Outcome::Unknown
    );
}

#[tokio::test]
async fn a_new_key_pair_is_never_called_not_replaced_when_the_answer_says_accepted() {
    for (message, expected) in [
        (Some("Accepted"), Outcome::Accepted),
        (Some("Invalid Security ID"), Outcome::Rejected),
        (Some("Key pair queued"), Outcome::Unknown),
        (None, Outcome::Unknown),
    ] {
        let answer = json!({"api-response-code": 202, "api-response-message": message});
        let server = server(says(202, answer)).await;
        let kairos = at(&server, Kind::Dialer).build().unwrap();
        let outcome = kairos.generate_key_pair(&reference("r")).await.unwrap();
        assert_eq!(outcome.outcome(), expected, "{message:?}");
    }
}
