//! Exact bytes on the wire, and every answer read as the specification reads it.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use kairos_client::envelope::Envelope;
use kairos_client::{
    Builder, Class, Code, ContactNumber, FetchAttempt, Finding, InvalidOrder, Kairos, Kind,
    NumberPolicy, Order, PullVersion, StartTime,
};
use serde_json::{Value, json};
use support::*;
use telco_core::{
    BatchReceipt, CallExt, CallTrigger, Delivery, Error, ErrorKind, NotSent, Outcome, ReplayGuard,
    Secret, Submission, async_trait,
};
use telco_http::{Bytes, ReadRetry, Settings, Transport, http};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn says(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(body)
}

fn at(server: &MockServer, kind: Kind) -> Builder {
    builder(kind).base_url(format!("{}/kairos-apis", server.uri()))
}

async fn received(server: &MockServer) -> Vec<wiremock::Request> {
    server.received_requests().await.unwrap()
}

/// Sends three calls to a server that answers so.
async fn told(kind: Kind, answer: ResponseTemplate) -> Submission<BatchReceipt> {
    let server = server(answer).await;
    let kairos = at(&server, kind).build().unwrap();
    let prepared = kairos.prepare(&three()).unwrap().remove(0);
    let outcome = kairos.send(prepared).await.unwrap();
    assert_eq!(
        received(&server).await.len(),
        1,
        "one send is one transmission"
    );
    outcome
}

fn rows(receipt: BatchReceipt) -> Vec<(String, Outcome, Option<String>)> {
    let row =
        |(reference, outcome): (telco_core::Reference, Submission<telco_core::CallReceipt>)| {
            let label = outcome.outcome();
            (
                reference.to_string(),
                label,
                outcome
                    .unknown_as_error()
                    .ok()
                    .and_then(|receipt| receipt.call_id),
            )
        };
    receipt.calls.into_iter().map(row).collect()
}

fn success() -> Value {
    json!({"api-response-code": 200, "api-response-message": "Success", "request-id": "r-1", "call-details": [
        {"client-identifier": "c-1", "phonon-uuid": "u-1"},
        {"client-identifier": "c-2", "phonon-uuid": "u-2"},
        {"client-identifier": "c-3", "phonon-uuid": "u-3"},
    ]})
}

const PLAIN: &str = r#"{"api-version":"1.0","security-id":"A1b2C3d4E5f6a7B8c9D0e1F2A3b4C5d6E7f8a9B0c1D2e3F4A5b6C7d8E9f0a1B2","flow-id":"Zb0RKJvh","calls":[{"client-identifier":"c-1","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[]},{"client-identifier":"c-2","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[{"name":"$flow.key.OTP","value":"482113"}]},{"client-identifier":"c-3","start-time":"2026-03-11T00:30:00.123+05:30","contact-numbers":["919812345678"],"keys":[]}]}"#;

#[tokio::test]
async fn every_kind_goes_to_its_url_with_the_documented_bytes() {
    for kind in Kind::ALL {
        for slash in ["", "/"] {
            let server = server(says(200, success())).await;
            let kairos = builder(kind)
                .base_url(format!("{}/kairos-apis{slash}", server.uri()))
                .build()
                .unwrap();
            let prepared = kairos.prepare(&three()).unwrap().remove(0);
            assert_eq!(
                kairos.send(prepared).await.unwrap().outcome(),
                Outcome::Accepted
            );
            let request = received(&server).await.remove(0);
            assert_eq!(request.url.path(), format!("/kairos-apis/{}", kind.path()));
            assert_eq!(request.headers["content-type"], "application/json");
            assert!(!request.headers.contains_key("authorization"));
            if kind.is_encrypted() {
                let members: Vec<String> =
                    serde_json::from_slice::<serde_json::Map<String, Value>>(&request.body)
                        .unwrap()
                        .into_iter()
                        .map(|(name, _)| name)
                        .collect();
                assert_eq!(members.len(), 3);
                assert!(request.body.starts_with(br#"{"requestEncryptedValue":""#));
                assert!(request.body.ends_with(br#","flow-id":"Zb0RKJvh"}"#));
                assert_eq!(open(&Envelope::default(), &request.body), PLAIN);
            } else {
                assert_eq!(String::from_utf8(request.body).unwrap(), PLAIN);
            }
        }
    }
}

#[tokio::test]
async fn whole_urls_can_be_given() {
    let server = server(says(200, success())).await;
    let kairos = builder(Kind::RealTime)
        .create_url(format!("{}/other/place", server.uri()))
        .build()
        .unwrap();
    let prepared = kairos.prepare(&three()).unwrap().remove(0);
    assert_eq!(
        kairos.send(prepared).await.unwrap().outcome(),
        Outcome::Accepted
    );
    assert_eq!(received(&server).await[0].url.path(), "/other/place");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |builder: Builder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfiguration, "{error}");
    };
    refused(builder(Kind::RealTime).base_url("http://central.phonon.io/kairos-apis"));
    refused(builder(Kind::RealTime).base_url("central.phonon.io"));
    refused(builder(Kind::RealTime).public_key(public_key()));
    refused(builder(Kind::Bulk).public_key(public_key()));
    refused(builder(Kind::RealTime).kind(Kind::EncryptedDialer));
    refused(builder(Kind::RealTime).pull_url("not a url"));
    // A key string that does not fit the RSA key: known before the first request.
    let profile = telco_crypto::envelope::Profile::builder()
        .key_text_length(200)
        .build()
        .unwrap();
    refused(
        builder(Kind::EncryptedRealTime)
            .envelope(Envelope::new(profile, Default::default()).unwrap()),
    );
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = server(says(200, success())).await;
    let moved = ResponseTemplate::new(307).insert_header("location", elsewhere.uri().as_str());
    assert_eq!(
        told(Kind::RealTime, moved).await.outcome(),
        Outcome::Unknown
    );
    assert!(received(&elsewhere).await.is_empty());
}

#[tokio::test]
async fn all_calls_confirmed() {
    let Submission::Accepted(receipt) = told(Kind::EncryptedRealTime, says(200, success())).await
    else {
        panic!()
    };
    assert_eq!(receipt.request_id.as_deref(), Some("r-1"));
    let row = |n: u32| (format!("c-{n}"), Outcome::Accepted, Some(format!("u-{n}")));
    assert_eq!(rows(receipt), [row(1), row(2), row(3)]);
}

#[tokio::test]
async fn every_code_means_what_the_table_says() {
    for code in Code::all().chain([Code::Other(999), Code::Other(-1)]) {
        // The HTTP status must not matter where the body has a code.
        for status in [200, 400, 503] {
            let body =
                json!({"api-response-code": code.number(), "api-response-message": code.name()});
            let outcome = told(Kind::Dialer, says(status, body)).await;
            match code.class() {
                Class::Refused(kind) => {
                    let Submission::Rejected(why) = outcome else {
                        panic!("{code:?} {status}")
                    };
                    assert_eq!(why.kind(), kind);
                    assert_eq!(
                        why.as_error().provider_code(),
                        Some(code.number().to_string().as_str())
                    );
                    assert_eq!(why.as_error().help(), Some(code.help()));
                    assert!(why.to_string().contains(code.name()));
                }
                Class::Partial => {
                    let Submission::Accepted(receipt) = outcome else {
                        panic!("{code:?}")
                    };
                    assert!(
                        rows(receipt)
                            .iter()
                            .all(|(_, label, _)| *label == Outcome::Unknown)
                    );
                }
                class => {
                    let Submission::Unknown(unknown) = outcome else {
                        panic!("{code:?} {status}")
                    };
                    assert!(!unknown.cause().is_retryable());
                    assert_eq!(
                        class == Class::Duplicate,
                        unknown.cause().kind() == ErrorKind::Conflict
                    );
                    assert!(unknown.answer().is_some(), "the whole answer is kept");
                }
            }
        }
    }
    let numeric_text = json!({"api-response-code": "212"});
    assert_eq!(
        told(Kind::RealTime, says(200, numeric_text))
            .await
            .outcome(),
        Outcome::Rejected
    );
}

#[tokio::test]
async fn code_202_line_by_line() {
    use Outcome::{Accepted, Rejected, Unknown};
    type Line = (
        Kind,
        u16,
        Option<&'static str>,
        Option<&'static str>,
        Outcome,
    );
    let table: [Line; 14] = [
        (Kind::RealTime, 200, Some("Accepted"), Some("r"), Accepted),
        (Kind::Bulk, 200, Some(" aCCepted "), None, Accepted),
        (
            Kind::RealTime,
            202,
            Some("Invalid Security ID"),
            Some("r"),
            Rejected,
        ),
        (
            Kind::Bulk,
            202,
            Some("invalid security id"),
            Some("r"),
            Rejected,
        ),
        (Kind::Bulk, 202, Some("Queued"), None, Accepted),
        (Kind::Bulk, 202, None, None, Accepted),
        (Kind::Bulk, 200, Some("Queued"), Some("r"), Accepted),
        (Kind::Bulk, 200, None, Some("r"), Accepted),
        (Kind::Bulk, 200, Some("Queued"), None, Unknown),
        (Kind::Bulk, 200, None, None, Unknown),
        (Kind::RealTime, 202, Some("Queued"), Some("r"), Rejected),
        (Kind::Dialer, 202, None, Some("r"), Rejected),
        (Kind::EncryptedRealTime, 202, None, None, Rejected),
        (
            Kind::EncryptedDialer,
            200,
            Some("Not Accepted"),
            None,
            Rejected,
        ),
    ];
    for (kind, status, message, request_id, expected) in table {
        let body = json!({"api-response-code": 202, "api-response-message": message, "request-id": request_id, "call-details": null});
        let outcome = told(kind, says(status, body)).await;
        assert_eq!(
            outcome.outcome(),
            expected,
            "{kind:?} {status} {message:?} {request_id:?}"
        );
        if let Submission::Accepted(receipt) = outcome {
            assert_eq!(receipt.request_id.as_deref(), request_id);
            let all: Vec<_> = rows(receipt)
                .into_iter()
                .map(|(_, label, id)| (label, id))
                .collect();
            assert_eq!(all, vec![(Accepted, None); 3], "no ids per call");
        }
    }
}

#[tokio::test]
async fn a_success_that_names_no_call_is_unknown() {
    let with = |details: Value| json!({"api-response-code": 200, "request-id": "r", "call-details": details});
    let unusable = [
        json!({"api-response-code": 200, "request-id": "r"}),
        with(Value::Null),
        with(json!([])),
        with(json!("x")),
        with(json!([{"client-identifier": "c-1"}])),
        with(json!([{"client-identifier": "somebody else's", "phonon-uuid": "u"}])),
    ];
    for body in unusable {
        for kind in [Kind::RealTime, Kind::Dialer, Kind::EncryptedRealTime] {
            assert_eq!(
                told(kind, says(200, body.clone())).await.outcome(),
                Outcome::Unknown,
                "{body}"
            );
        }
    }
    let Submission::Accepted(bulk) = told(Kind::Bulk, says(200, with(Value::Null))).await else {
        panic!()
    };
    assert_eq!(bulk.calls.len(), 3);
}

#[tokio::test]
async fn a_partial_success_leaves_the_unconfirmed_unknown() {
    let body = json!({"api-response-code": 209, "api-response-message": "Partial Success", "request-id": "r", "call-details": [
        {"client-identifier": "c-3", "phonon-uuid": "u-3"},
        {"client-identifier": "c-1", "phonon-uuid": "", "reason": "Invalid Contact Number"},
        {"client-identifier": "foreign", "phonon-uuid": "u-9"},
    ]});
    let Submission::Accepted(receipt) = told(Kind::EncryptedRealTime, says(200, body)).await else {
        panic!()
    };
    let expected = [
        ("c-1".to_owned(), Outcome::Unknown, None),
        ("c-2".to_owned(), Outcome::Unknown, None),
        ("c-3".to_owned(), Outcome::Accepted, Some("u-3".to_owned())),
    ];
    assert_eq!(rows(receipt), expected);
}

#[tokio::test]
async fn by_position_only_without_identifiers_and_of_equal_length() {
    let answer = |details: Value| {
        says(
            200,
            json!({"api-response-code": 200, "request-id": "r", "call-details": details}),
        )
    };
    let bare = json!([{"phonon-uuid": "u-1"}, {"phonon-uuid": "u-2"}, {"phonon-uuid": "u-3"}]);
    let Submission::Accepted(receipt) = told(Kind::RealTime, answer(bare)).await else {
        panic!()
    };
    let ids: Vec<_> = rows(receipt)
        .into_iter()
        .map(|(_, _, id)| id.unwrap())
        .collect();
    assert_eq!(ids, ["u-1", "u-2", "u-3"]);
    let short = json!([{"phonon-uuid": "u-1"}, {"phonon-uuid": "u-2"}]);
    assert_eq!(
        told(Kind::RealTime, answer(short)).await.outcome(),
        Outcome::Unknown
    );
    let mixed = json!([{"phonon-uuid": "u-1"}, {"client-identifier": "c-2", "phonon-uuid": "u-2"}, {"phonon-uuid": "u-3"}]);
    let Submission::Accepted(receipt) = told(Kind::RealTime, answer(mixed)).await else {
        panic!()
    };
    let labels: Vec<_> = rows(receipt)
        .into_iter()
        .map(|(_, label, _)| label)
        .collect();
    assert_eq!(
        labels,
        [Outcome::Unknown, Outcome::Accepted, Outcome::Unknown]
    );
}

#[tokio::test]
async fn without_a_code_only_the_table_decides() {
    for body in [
        "",
        "<html>no</html>",
        "[]",
        r#"{"api-response-code":null}"#,
        r#"{"api-response-code":2"#,
    ] {
        for status in [
            200, 202, 204, 302, 400, 401, 403, 404, 408, 409, 413, 429, 500, 502, 503, 504,
        ] {
            for kind in [Kind::RealTime, Kind::Bulk] {
                let body = if status == 204 { "" } else { body };
                let outcome = told(kind, ResponseTemplate::new(status).set_body_string(body)).await;
                let expected = if matches!(status, 401 | 403 | 413) {
                    Outcome::Rejected
                } else {
                    Outcome::Unknown
                };
                assert_eq!(outcome.outcome(), expected, "{status} {body:?}");
            }
        }
    }
    let busy = ResponseTemplate::new(429).insert_header("retry-after", "7");
    let Submission::Unknown(unknown) = told(Kind::RealTime, busy).await else {
        panic!()
    };
    assert_eq!(
        (unknown.cause().kind(), unknown.cause().retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(7)))
    );
}

fn impatient(server: &MockServer) -> Builder {
    let brief =
        Settings::default().with_timeouts(Duration::from_millis(300), Duration::from_millis(300));
    at(server, Kind::EncryptedRealTime).http(brief)
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

    // Taken before: neither accepted nor rejected.
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
    assert_eq!(bodies, [frozen.bytes().expose()]);

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
    for (reconnect, expected) in [(true, 3), (false, 1)] {
        let nowhere = std::sync::Arc::new(Unreachable::default());
        let kairos = builder(Kind::RealTime)
            .transport(nowhere.clone())
            .reconnect(reconnect)
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

fn many(n: usize) -> telco_core::CallBatch {
    batch(
        (0..n)
            .map(|i| call(&format!("c-{i}")).variable("Text", Secret::new("x".repeat(100))))
            .collect::<Vec<_>>(),
    )
}

#[test]
fn batches_are_split_by_count_and_by_final_size() {
    for kind in [Kind::RealTime, Kind::EncryptedRealTime] {
        let parts = |kairos: &Kairos, n: usize| -> Vec<usize> {
            kairos
                .prepare(&many(n))
                .unwrap()
                .iter()
                .map(|part| part.intent().calls.len())
                .collect()
        };
        let kairos = builder(kind).build().unwrap();
        assert_eq!(parts(&kairos, 1), [1]);
        assert_eq!(parts(&kairos, 500), [500]);
        assert_eq!(parts(&kairos, 501), [500, 1]);

        let small = builder(kind).max_body(20_000).build().unwrap();
        let prepared = small.prepare(&many(300)).unwrap();
        assert!(prepared.len() > 2);
        let calls: Vec<_> = prepared
            .iter()
            .flat_map(|part| &part.intent().calls)
            .map(|c| c.reference.clone())
            .collect();
        assert_eq!(
            calls,
            many(300)
                .calls
                .into_iter()
                .map(|c| c.reference)
                .collect::<Vec<_>>(),
            "in order, nothing lost"
        );
        for (i, part) in prepared.iter().enumerate() {
            let security_id = if kind.is_encrypted() {
                0
            } else {
                SECURITY_ID.len()
            };
            let body = part.frozen().bytes().expose().len() + security_id;
            assert!(body <= 20_000, "{body}");
            assert!(
                body > 19_000 || i == prepared.len() - 1,
                "filled as far as it goes: {body}"
            );
        }

        let tiny = builder(kind).max_body(300).build().unwrap();
        let refused = tiny.prepare(&many(3)).unwrap_err();
        let source = std::error::Error::source(&refused).unwrap();
        assert!(
            matches!(
                source.downcast_ref(),
                Some(InvalidOrder::TooLarge { position: 0, .. })
            ),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn place_stops_at_the_first_request_that_is_not_accepted() {
    let server = MockServer::start().await;
    let first = json!({"api-response-code": 200, "request-id": "r", "call-details": [
        {"client-identifier": "c-0", "phonon-uuid": "u-0"}, {"client-identifier": "c-1", "phonon-uuid": "u-1"}]});
    Mock::given(method("POST"))
        .respond_with(says(200, first))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(says(500, json!({})))
        .mount(&server)
        .await;
    let kairos = at(&server, Kind::EncryptedRealTime)
        .max_calls(2)
        .build()
        .unwrap();
    let report: Vec<_> = kairos
        .place(&many(7))
        .await
        .unwrap()
        .into_iter()
        .map(|(_, row)| row.map_or("not sent", |outcome| outcome.outcome().as_str()))
        .collect();
    assert_eq!(
        report,
        [
            "accepted", "accepted", "unknown", "unknown", "not sent", "not sent", "not sent"
        ]
    );
    assert_eq!(received(&server).await.len(), 2);
}

#[test]
fn bad_input_is_refused_with_its_own_error() {
    let kairos = builder(Kind::EncryptedRealTime).build().unwrap();
    let why = |orders: &[Order]| {
        let refused = kairos.prepare_orders(&reference("b"), orders).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        *std::error::Error::source(&refused)
            .unwrap()
            .downcast_ref::<InvalidOrder>()
            .unwrap()
    };
    let typed = |text: &str| ContactNumber::parse(text, NumberPolicy::AsIs).unwrap();
    let order = |name: &str| Order::new(reference(name), typed("9812345678"));
    let alternates =
        |n: usize| (1..n).fold(order("a"), |order, _| order.or_to(typed("9812345679")));
    let starting = |text: &str| order("a").starting(StartTime::parse(text).unwrap());

    assert_eq!(why(&[]), InvalidOrder::Empty);
    assert_eq!(
        why(&[order("a"), order("b"), order("a")]),
        InvalidOrder::SameReference { position: 2 }
    );
    let mut nobody = order("a");
    nobody.numbers.clear();
    assert_eq!(why(&[nobody]), InvalidOrder::NoNumber { position: 0 });
    assert!(
        kairos
            .prepare_orders(&reference("b"), &[alternates(10)])
            .is_ok()
    );
    assert_eq!(
        why(&[order("b"), alternates(11)]),
        InvalidOrder::TooManyNumbers {
            position: 1,
            numbers: 11,
            limit: 10
        }
    );
    assert_eq!(
        why(&[order("a").variable("", Secret::new("x"))]),
        InvalidOrder::UnnamedVariable { position: 0 }
    );
    assert_eq!(
        why(&[order("a").raw_variable("", Secret::new("x"))]),
        InvalidOrder::UnnamedVariable { position: 0 }
    );
    // It is half past midnight on the 11th in India.
    assert_eq!(
        why(&[starting("2026-03-10T23:59:59+05:30")]),
        InvalidOrder::PastDay { position: 0 }
    );
    for fine in [
        "2026-03-11T00:00:00+05:30",
        "2026-03-10T18:30:00Z",
        "2026-03-12T00:00:00.000+05:30",
    ] {
        assert!(
            kairos
                .prepare_orders(&reference("b"), &[starting(fine)])
                .is_ok(),
            "{fine}"
        );
    }
    let lenient = builder(Kind::RealTime)
        .allow_past_days(true)
        .max_numbers(11)
        .build()
        .unwrap();
    assert!(
        lenient
            .prepare_orders(&reference("b"), &[starting("2020-01-01T00:00:00Z")])
            .is_ok()
    );
    assert!(
        lenient
            .prepare_orders(&reference("b"), &[alternates(11)])
            .is_ok()
    );
}

#[tokio::test]
async fn orders_in_the_providers_own_terms() {
    let server = server(says(200, success())).await;
    let kairos = at(&server, Kind::RealTime)
        .api_version(kairos_client::wire::ApiVersion::Test)
        .build()
        .unwrap();
    let number = |text: &str| ContactNumber::parse(text, NumberPolicy::AsIs).unwrap();
    let order = Order::new(reference("c-1"), number("9812345678"))
        .or_to(number("+919812345679"))
        .starting(StartTime::parse("2026-03-11T09:00:00Z").unwrap())
        .variable("Name", Secret::new("Åsa \"A\""))
        .variable("$flow.key.Full", Secret::new("2"))
        .raw_variable("bare", Secret::new("3"));
    let prepared = kairos
        .prepare_orders(&reference("b"), &[order])
        .unwrap()
        .remove(0);
    let Submission::Accepted(created) = kairos.create(prepared).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        (created.code, created.request_id.as_deref()),
        (Code::Success, Some("r-1"))
    );
    assert!(created.answer.expose().starts_with(b"{"));
    let body = String::from_utf8(received(&server).await.remove(0).body).unwrap();
    assert!(body.starts_with(r#"{"api-version":"TEST","security-id":"A1b2"#));
    assert!(body.ends_with(concat!(
        r#""calls":[{"client-identifier":"c-1","start-time":"2026-03-11T09:00:00Z","contact-numbers":["9812345678","+919812345679"],"#,
        r#""keys":[{"name":"$flow.key.Name","value":"Åsa \"A\""},{"name":"$flow.key.Full","value":"2"},{"name":"bare","value":"3"}]}]}"#
    )));
}

fn pulling(server: &MockServer) -> Builder {
    let quick = ReadRetry::new([Duration::from_millis(1); 2], Duration::from_secs(5));
    at(server, Kind::RealTime)
        .pull_url(format!("{}/pull/here", server.uri()))
        .read_retry(quick)
}

#[tokio::test]
async fn pull_asks_in_chunks_and_keeps_every_member() {
    let data = json!({"api-response-code": 200, "data": [{"request-id": "r", "phonon-uuid": "u-1", "status": "ok"}, 7]});
    let server = server(says(200, data)).await;
    let ids: Vec<String> = (0..450).map(|n| format!("u-{n}")).collect();
    let records = pulling(&server)
        .build()
        .unwrap()
        .pull(&ids, FetchAttempt::Last)
        .await
        .unwrap();
    assert_eq!(records.len(), 3);
    assert_eq!(
        (
            records[0].phonon_uuid.as_deref(),
            &records[0].other["status"]
        ),
        (Some("u-1"), &json!("ok"))
    );
    let requests = received(&server).await;
    let sizes: Vec<_> = requests
        .iter()
        .map(|r| {
            r.body_json::<Value>().unwrap()["phonon-uuids"]
                .as_array()
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(sizes, [200, 200, 50]);
    assert_eq!(requests[0].url.path(), "/pull/here");

    server.reset().await;
    Mock::given(path("/pull/here"))
        .respond_with(says(200, json!({"api-response-code": 213, "data": []})))
        .mount(&server)
        .await;
    let one = ["u-1".to_owned()];
    let v2 = pulling(&server).build().unwrap();
    assert!(v2.pull(&one, FetchAttempt::All).await.unwrap().is_empty());
    let v1 = pulling(&server)
        .pull_version(PullVersion::V1)
        .build()
        .unwrap();
    assert!(v1.pull(&one, FetchAttempt::All).await.unwrap().is_empty());
    let bodies: Vec<_> = received(&server)
        .await
        .into_iter()
        .map(|r| String::from_utf8(r.body).unwrap())
        .collect();
    let v1_body = r#"{"phonon-uuids":["u-1"],"fetch-attempt":"ALL""#;
    assert_eq!(
        bodies[0],
        format!(r#"{v1_body},"security-id":"{SECURITY_ID}","flow-id":"Zb0RKJvh"}}"#)
    );
    assert_eq!(bodies[1], format!("{v1_body}}}"));
}

#[tokio::test]
async fn pull_is_a_read_and_may_be_repeated() {
    let one = ["u-1".to_owned()];
    for (answer, requests, kind) in [
        (ResponseTemplate::new(503), 3, ErrorKind::Unavailable),
        (
            says(200, json!({"api-response-code": 303})),
            1,
            ErrorKind::InvalidInput,
        ),
        (
            says(200, json!({"api-response-code": 401})),
            1,
            ErrorKind::Permission,
        ),
        (
            says(200, json!({"api-response-code": 200})),
            3,
            ErrorKind::UnreadableAnswer,
        ),
    ] {
        let server = server(answer).await;
        let error = pulling(&server)
            .build()
            .unwrap()
            .pull(&one, FetchAttempt::All)
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), received(&server).await.len()),
            (kind, requests),
            "{error}"
        );
    }
    let unconfigured = builder(Kind::RealTime).build().unwrap();
    assert_eq!(
        unconfigured
            .pull(&one, FetchAttempt::All)
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Unsupported
    );
}

#[tokio::test]
async fn the_probe_cannot_dial_and_finds_the_padding() {
    let server = MockServer::start().await;
    let code = |n: u16| says(200, json!({"api-response-code": n}));
    Mock::given(method("POST"))
        .respond_with(code(400))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(code(500))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(code(302))
        .mount(&server)
        .await;
    let kairos = at(&server, Kind::EncryptedRealTime).build().unwrap();
    let readings = kairos.probe().await.unwrap();
    let found: Vec<_> = readings.iter().map(|r| (r.name, r.finding)).collect();
    assert_eq!(
        found,
        [
            ("pkcs1v15", Finding::ProbablyWrong),
            ("oaep_sha1", Finding::ProbablyWrong),
            ("oaep_sha256_java", Finding::Right),
        ]
    );
    let mut seen = std::collections::HashSet::new();
    for (reading, request) in readings.iter().zip(received(&server).await) {
        let inside = open(
            &Envelope::default().with_padding(reading.padding),
            &request.body,
        );
        let parsed: Value = serde_json::from_str(&inside).unwrap();
        assert_eq!(parsed["calls"], json!([]), "nobody to call");
        assert_eq!(parsed["security-id"], SECURITY_ID);
        assert!(seen.insert(inside), "white space differs");
    }
    let learnt = |answer: ResponseTemplate| async {
        let server = crate::server(answer).await;
        at(&server, Kind::EncryptedDialer)
            .build()
            .unwrap()
            .probe()
            .await
            .unwrap()[0]
            .finding
    };
    for right in [202, 203, 301] {
        assert_eq!(learnt(code(right)).await, Finding::Right);
    }
    assert_eq!(learnt(code(401)).await, Finding::Nothing);
    assert_eq!(learnt(ResponseTemplate::new(403)).await, Finding::Nothing);
    assert!(
        builder(Kind::RealTime)
            .build()
            .unwrap()
            .probe()
            .await
            .is_err()
    );
}
