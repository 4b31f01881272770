//! The sibling services: IMI codes, the subscription check, and what the provider pushes.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fanap_client::core::{
    Callback, CallbackError, CallbackParser as _, CallbackRequest, Error, ErrorKind, Msisdn,
    OtpCode, OtpRequest, OtpSender as _, Outcome, Submission, SubscriptionOtp as _,
};
use fanap_client::http::{ReadRetry, Transport};
use fanap_client::{
    Callbacks, Notice, Phone, PhoneFormat, ServiceKey, Signer, SubscriptionCheck, Token, verify,
};
use serde_json::{Value, json};
use support::*;
use telco_conformance::{CallbackSample, Expect, callbacks};

#[tokio::test]
async fn imi_has_its_own_paths_and_fields() {
    let told = Told::with([
        says(200, r#"{"OtpId":"o-1","RequestId":"q-1"}"#),
        says(200, r#"{"RequestId":"q-2"}"#),
    ]);
    let imi = builder().transport(told.clone()).build_imi().unwrap();
    let phone = Phone::new(&number(), PhoneFormat::ZeroPrefixed).unwrap();
    let service = service_key();
    let started = imi
        .start(&reference("r-1"), &service, &phone)
        .await
        .unwrap();
    let Submission::Accepted(started) = started else {
        panic!("{started:?}")
    };
    assert_eq!(
        (started.otp_id.as_str(), started.request_id.as_deref()),
        ("o-1", Some("q-1"))
    );
    let pin = Token::parse("0423").unwrap();
    let committed = imi
        .commit(&reference("r-1"), &service, &started.otp_id, &pin)
        .await
        .unwrap();
    let Submission::Accepted(committed) = committed else {
        panic!("{committed:?}")
    };
    assert_eq!(committed.request_id, "q-2");

    let seen = told.seen.lock().unwrap();
    let urls: Vec<String> = seen
        .iter()
        .map(|request| request.uri().to_string())
        .collect();
    assert_eq!(
        urls,
        [
            "https://icp.sdp.fanap.plus/api/otp/start",
            "https://icp.sdp.fanap.plus/api/otp/commit"
        ]
    );
    let signature = imi
        .client()
        .signed()
        .unwrap()
        .signature()
        .expose()
        .to_owned();
    let bodies: Vec<Value> = seen
        .iter()
        .map(|request| serde_json::from_slice(request.body()).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            json!({"Date": "2018-09-24T12:01:27.938Z", "PhoneNumber": "09120000000", "ServiceKey": SERVICE, "Signature": signature}),
            json!({"Date": "2018-09-24T12:01:27.938Z", "OtpId": "o-1", "Pin": "0423", "ServiceKey": SERVICE, "Signature": signature}),
        ]
    );
    assert_eq!(seen[0].headers()["appid"], APP);
    assert_eq!(
        seen[0].headers()["content-type"],
        "application/json; charset=utf-8"
    );
}

#[tokio::test]
async fn imi_answers_are_judged_without_a_success_flag() {
    for (status, body, expected) in [
        (200, "{}", Outcome::Unknown),
        (200, "<html>", Outcome::Unknown),
        (500, r#"{"RequestId":"q"}"#, Outcome::Unknown),
        (400, r#"{"RequestId":"q"}"#, Outcome::Unknown),
        (302, "", Outcome::Unknown),
        (200, r#"{"error":{"code":1013}}"#, Outcome::Rejected),
        (400, r#"{"error":{"code":1016}}"#, Outcome::Unknown),
        (
            200,
            r#"{"RequestId":"q","error":{"code":1013}}"#,
            Outcome::Unknown,
        ),
        (401, "", Outcome::Rejected),
    ] {
        let imi = builder()
            .transport(Told::with([says(status, body)]))
            .build_imi()
            .unwrap();
        let pin = Token::parse("3007").unwrap();
        let answer = imi
            .commit(&reference("r-1"), &service_key(), "o-1", &pin)
            .await
            .unwrap();
        assert_eq!(answer.outcome(), expected, "{status} {body}");
    }
    let imi = builder().transport(Told::with([])).build_imi().unwrap();
    let pin = Token::parse("3007").unwrap();
    assert!(
        imi.commit(&reference("r-1"), &service_key(), "", &pin)
            .await
            .is_err()
    );
}

/// No document gives the type of the ids: a started code must not be lost, nor a charge be unknown, for want of quotes.
#[tokio::test]
async fn imi_ids_are_read_as_integers_too() {
    let answers = [
        says(200, r#"{"OtpId":18446744073709551615,"RequestId":-7}"#),
        says(200, r#"{"RequestId":42}"#),
    ];
    let told = Told::with(answers);
    let imi = builder().transport(told.clone()).build_imi().unwrap();
    let phone = Phone::new(&number(), PhoneFormat::ZeroPrefixed).unwrap();
    let started = imi.start(&reference("r-1"), &service_key(), &phone).await;
    let Submission::Accepted(started) = started.unwrap() else {
        panic!()
    };
    assert_eq!(started.otp_id, "18446744073709551615");
    assert_eq!(started.request_id.as_deref(), Some("-7"));
    let pin = Token::parse("3007").unwrap();
    let (key, own) = (service_key(), reference("r-1"));
    let committed = imi.commit(&own, &key, &started.otp_id, &pin);
    let Submission::Accepted(committed) = committed.await.unwrap() else {
        panic!()
    };
    assert_eq!(committed.request_id, "42");
    for odd in ["1.5", "true", "null", "[1]", "\"\""] {
        let told = Told::with([says(200, &format!("{{\"RequestId\":{odd}}}"))]);
        let imi = builder().transport(told).build_imi().unwrap();
        let answer = imi.commit(&own, &key, "o", &pin).await.unwrap();
        assert_eq!(answer.outcome(), Outcome::Unknown, "{odd}");
    }
}

fn check(told: &Arc<Told>) -> SubscriptionCheck {
    let transport: Arc<dyn Transport> = told.clone();
    SubscriptionCheck::builder(11035, key())
        .clock(Hands::at(NOW))
        .transport(transport)
        .build()
        .unwrap()
}

#[tokio::test]
async fn the_subscription_check_signs_product_and_date() {
    let told = Told::with([says(
        200,
        r#"{"success":true,"result":{"refId":"s-1","isSubscribed":true}}"#,
    )]);
    let state = check(&told).ask(&number()).await.unwrap();
    assert_eq!(
        (state.is_subscribed, state.ref_id.as_deref()),
        (true, Some("s-1"))
    );
    let seen = told.seen.lock().unwrap();
    let request = &seen[0];
    assert_eq!(request.method(), "GET");
    assert_eq!(
        request.uri(),
        "https://api.sdp.fanap.plus/api/subscription/verification/9120000000/product/11035"
    );
    assert_eq!(request.headers()["sdp-productid"], "11035");
    let date = request.headers()["sdp-date"].to_str().unwrap();
    let signature = request.headers()["sdp-signature"].to_str().unwrap();
    let signer = Signer::new(key());
    assert!(verify(
        signer.public_key(),
        signer.hash(),
        &format!("11035#{date}"),
        signature
    ));
}

#[tokio::test]
async fn the_subscription_check_repeats_what_can_pass_and_invents_no_answer() {
    let no = r#"{"success":true,"result":{"isSubscribed":false}}"#;
    let told = Told::with([says(503, ""), says(200, no)]);
    assert!(!check(&told).ask(&number()).await.unwrap().is_subscribed);
    assert_eq!(told.seen.lock().unwrap().len(), 2);
    for (status, body, kind) in [
        (401, "", ErrorKind::Authentication),
        (400, "", ErrorKind::InvalidInput),
        (
            400,
            r#"{"error":{"code":1001}}"#,
            ErrorKind::InvalidConfiguration,
        ),
        (302, "", ErrorKind::InvalidConfiguration),
        (
            200,
            r#"{"success":false,"result":{"isSubscribed":true}}"#,
            ErrorKind::UnreadableAnswer,
        ),
        (
            200,
            r#"{"success":true,"result":{}}"#,
            ErrorKind::UnreadableAnswer,
        ),
        (200, "<html>", ErrorKind::UnreadableAnswer),
    ] {
        let told = Told::with([says(status, body)]);
        let transport: Arc<dyn Transport> = told.clone();
        let check = SubscriptionCheck::builder(1, key())
            .transport(transport)
            .read_retry(ReadRetry::none())
            .build()
            .unwrap();
        assert_eq!(
            check.ask(&number()).await.unwrap_err().kind(),
            kind,
            "{status} {body}"
        );
    }
}

/// Values are signed, names are not: without a content there is an empty one.
const NO_CONTENT: &str = r#""Content":"#;

/// A push as the documents describe it, signed with a test key in place of the provider's.
fn push(signer: &Signer, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut message = json!({
        "Muid": "m-1", "Sid": "s-1", "ReceiveTime": "2019-01-26T11:00:42.364Z", "ChannelType": "Imi", "Channel": "98405020",
        "Actor": "Cp", "MessageType": "Subscription", "Content": "", "AccountId": "a-1", "UserPhoneNumber": "989120000000",
    });
    let signed = "2019-01-26T11:00:42.364Z,s-1,Imi,98405020,m-1,,Subscription,a-1";
    message["Signature"] = signer.sign_text(signed).unwrap().expose().into();
    change(&mut message);
    json!([message]).to_string().into_bytes()
}

#[test]
fn pushes_are_verified_or_refused() {
    let signer = Signer::new(key());
    let parser = Callbacks::new(signer.public_key().clone());
    let sample = |name, body: Vec<u8>, expect| CallbackSample::new(name, body, expect);
    let with =
        |field: &'static str, value: Value| push(&signer, move |message| message[field] = value);
    let delivery = json!([{"Muid": "m-1", "Status": "Delivered", "Permanent": "True"}]);
    let two = String::from_utf8(push(&signer, |_| {}))
        .unwrap()
        .replace("}]", "},{}]");
    let report = callbacks(
        &parser,
        &[
            sample("a signed message", push(&signer, |_| {}), Expect::Verified)
                .unsigned(r#""Actor":"Cp""#)
                .unsigned(r#""UserPhoneNumber":"989120000000""#)
                .unsigned(NO_CONTENT),
            sample(
                "another number, which nobody signs",
                with("UserPhoneNumber", json!("98935")),
                Expect::Verified,
            )
            .unsigned(r#""Actor":"Cp""#)
            .unsigned(r#""UserPhoneNumber":"98935""#)
            .unsigned(NO_CONTENT),
            sample(
                "another content",
                with("Content", json!("1")),
                Expect::Refused,
            ),
            sample("another Muid", with("Muid", json!("m-2")), Expect::Refused),
            sample(
                "another type",
                with("MessageType", json!("Unsubscription")),
                Expect::Refused,
            ),
            sample(
                "no signature",
                with("Signature", Value::Null),
                Expect::Refused,
            ),
            sample(
                "an empty signature",
                with("Signature", json!("")),
                Expect::Refused,
            ),
            sample(
                "a signature that is no text",
                with("Signature", json!(7)),
                Expect::Refused,
            ),
            sample("two notices", two.into_bytes(), Expect::Refused),
            sample(
                "a delivery report",
                delivery.to_string().into_bytes(),
                Expect::Unverified,
            ),
            sample("no notice at all", b"[{}]".to_vec(), Expect::Refused),
        ],
        SystemTime::now(),
    );
    println!("{report}");
    report.assert_passed();
    let header = |_: &str| None;
    let body = push(&signer, |_| {});
    let request = CallbackRequest::new(&header, &body, SystemTime::now());
    let Ok(Callback::Verified(Notice::Message(message))) = parser.parse(&request) else {
        panic!()
    };
    assert!(message.is_subscription_by_code());
    assert_eq!(
        (message.muid.as_str(), message.content.expose()),
        ("m-1", "")
    );
    assert!(!format!("{message:?}").contains("9120000000"));
    // Other ways in, and other messages, are not what a commit leads to.
    let mut by_sms = message.clone();
    by_sms.actor = Some("Sms".into());
    let mut of_nobody = message.clone();
    of_nobody.actor = None;
    let mut text = message.clone();
    text.message_type = "Text".into();
    for other in [by_sms, of_nobody, text] {
        assert!(!other.is_subscription_by_code());
    }
    // A megabyte is read, blanks and all; what is longer is not.
    let padded = |length: usize| [&body[..], &vec![b' '; length - body.len()]].concat();
    let bodies = [1 << 20, (1 << 20) + 1, (1 << 20) + 2].map(padded);
    let read = bodies
        .each_ref()
        .map(|body| parser.parse(&CallbackRequest::new(&header, body, SystemTime::now())));
    let [whole, longer, longest] = read;
    assert!(whole.is_ok());
    assert_eq!(longer, Err(CallbackError::TooLarge));
    assert_eq!(longest, Err(CallbackError::TooLarge));
    // Under the provider's own key, ours proves nothing.
    assert_eq!(
        Callbacks::default().parse(&request),
        Err(CallbackError::BadSignature)
    );
}

/// The signature is over values joined by commas: with a comma in one of them it would cover a second reading of the same text.
#[test]
fn a_push_that_could_be_split_in_two_ways_is_refused() {
    let signer = Signer::new(key());
    let parser = Callbacks::new(signer.public_key().clone());
    let parse =
        |body: &[u8]| parser.parse(&CallbackRequest::new(&|_| None, body, SystemTime::now()));
    let signed = "2019-01-26T11:00:42.364Z,s-1,Imi,98405020,m-1,a,Subscription,a-1";
    let resigned = |message: &mut Value| {
        message["Signature"] = signer.sign_text(signed).unwrap().expose().into();
    };
    let genuine = push(&signer, |message| {
        message["Content"] = json!("a");
        resigned(message);
    });
    assert!(matches!(parse(&genuine), Ok(Callback::Verified(_))));
    // The same text under the same signature, split elsewhere.
    for moved in [
        json!({"Sid": "s-1,Imi", "ChannelType": "98405020", "Channel": "m-1", "Muid": "a", "Content": "Subscription",
            "MessageType": "a-1", "AccountId": null}),
        json!({"Muid": "m-1,a", "Content": "Subscription", "MessageType": "a-1", "AccountId": ""}),
        json!({"AccountId": "Subscription,a-1", "MessageType": "a", "Content": "m-1", "Muid": "98405020", "Channel": "Imi",
            "ChannelType": "s-1", "Sid": "2019-01-26T11:00:42.364Z", "ReceiveTime": ""}),
    ] {
        let body = push(&signer, |message| {
            for (name, value) in moved.as_object().unwrap() {
                message[name] = value.clone();
            }
            // As whoever signs would have signed just these values.
            let value = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
            let values = [
                "ReceiveTime",
                "Sid",
                "ChannelType",
                "Channel",
                "Muid",
                "Content",
                "MessageType",
                "AccountId",
            ];
            let text = values.map(value).join(",");
            message["Signature"] = signer.sign_text(&text).unwrap().expose().into();
        });
        assert!(
            matches!(parse(&body), Err(CallbackError::Malformed(_))),
            "{moved}"
        );
    }
    // What a subscriber writes may have commas: all that stands around it has none.
    let chatty = push(&signer, |message| {
        message["Content"] = json!("one, two,three");
        let text = signed.replace(",a,Sub", ",one, two,three,Sub");
        message["Signature"] = signer.sign_text(&text).unwrap().expose().into();
    });
    let Ok(Callback::Verified(Notice::Message(message))) = parse(&chatty) else {
        panic!("a comma in the content was refused")
    };
    assert_eq!(message.content.expose(), "one, two,three");
}

#[tokio::test]
async fn an_imi_answer_that_denies_its_own_success_is_unknown() {
    let imi = |status, body: &str| {
        let told = Told::with([says(status, body)]);
        builder().transport(told).build_imi().unwrap()
    };
    let pin = Token::parse("3007").unwrap();
    let phone = Phone::new(&number(), PhoneFormat::ZeroPrefixed).unwrap();
    for (status, said, expected) in [
        (200, r#""success":false"#, Outcome::Unknown),
        (200, r#""Success":"False""#, Outcome::Unknown),
        (200, r#""success":"perhaps""#, Outcome::Unknown),
        (200, r#""response":5"#, Outcome::Unknown),
        (200, r#""response":"x""#, Outcome::Unknown),
        (200, r#""success":true,"response":5"#, Outcome::Unknown),
        (200, r#""success":true"#, Outcome::Accepted),
        (200, r#""response":"0","success":true"#, Outcome::Accepted),
        (200, r#""success":null"#, Outcome::Accepted),
    ] {
        let body = format!(r#"{{"OtpId":"o","RequestId":"q",{said}}}"#);
        let answer = imi(status, &body)
            .commit(&reference("r-1"), &service_key(), "o-1", &pin)
            .await
            .unwrap();
        assert_eq!(answer.outcome(), expected, "commit: {said}");
        let answer = imi(status, &body)
            .start(&reference("r-1"), &service_key(), &phone)
            .await
            .unwrap();
        assert_eq!(answer.outcome(), expected, "start: {said}");
    }
    // The number in `response` is told, and an answer without an id is no refusal, whatever else it says.
    let body = r#"{"OtpId":"o","RequestId":"q","response":5}"#;
    let answer = imi(200, body)
        .commit(&reference("r-1"), &service_key(), "o-1", &pin)
        .await;
    let Submission::Unknown(unknown) = answer.unwrap() else {
        panic!()
    };
    assert_eq!(unknown.cause().provider_code(), Some("5"));
    for body in [r#"{"success":false}"#, r#"{"response":5}"#, "{}"] {
        let answer = imi(200, body)
            .commit(&reference("r-1"), &service_key(), "o-1", &pin)
            .await
            .unwrap();
        assert_eq!(answer.outcome(), Outcome::Unknown, "{body}");
    }
    // A refusal in which something speaks for success, or may, is none to build on.
    for body in [
        r#"{"success":true}"#,
        r#"{"response":0}"#,
        r#"{"response":5,"response":0}"#,
        r#"{"response":0,"response":5}"#,
    ] {
        let answer = imi(400, body)
            .commit(&reference("r-1"), &service_key(), "o-1", &pin)
            .await
            .unwrap();
        assert_eq!(answer.outcome(), Outcome::Unknown, "{body}");
    }
}

/// The subscription check always says no about an IMI charge: whoever asked it would charge again.
#[tokio::test]
async fn an_unknown_imi_commit_is_not_sent_to_the_subscription_check() {
    let pin = Token::parse("3007").unwrap();
    for told in [
        says(500, ""),
        says(200, "<html>"),
        says(409, ""),
        says(401, r#"{"RequestId":"q"}"#),
    ] {
        let imi = builder().transport(Told::with([told])).build_imi().unwrap();
        let answer = imi
            .commit(&reference("r-1"), &service_key(), "o-1", &pin)
            .await
            .unwrap();
        let Submission::Unknown(unknown) = answer else {
            panic!("{answer:?}")
        };
        let help = unknown.cause().help().unwrap();
        assert!(help.contains("do not commit again"), "{help}");
        assert!(!help.contains("subscribed"), "{help}");
    }
    // The commonest unknown of all has no answer, and the same advice.
    let imi = |failure| {
        let told = Told::with([Err(failure)]);
        builder().transport(told).build_imi().unwrap()
    };
    let phone = Phone::new(&number(), PhoneFormat::ZeroPrefixed).unwrap();
    let reset = || Error::in_doubt(ErrorKind::Interrupted, "reset");
    let committed = imi(reset())
        .commit(&reference("r-1"), &service_key(), "o-1", &pin)
        .await;
    let Submission::Unknown(unknown) = committed.unwrap() else {
        panic!()
    };
    let help = unknown.cause().help().unwrap();
    assert!(help.contains("do not commit again"), "{help}");
    assert!(!help.contains("subscribed"), "{help}");
    let started = imi(reset())
        .start(&reference("r-1"), &service_key(), &phone)
        .await;
    let Submission::Unknown(unknown) = started.unwrap() else {
        panic!()
    };
    let help = unknown.cause().help().unwrap();
    assert!(help.contains("if none arrives, start again"), "{help}");
    let answer = client(&Told::with([says(500, "")]))
        .commit(&reference("r-1"), &service_key(), &phone, CORRELATION, &pin)
        .await
        .unwrap();
    let Submission::Unknown(unknown) = answer else {
        panic!("{answer:?}")
    };
    let help = unknown.cause().help().unwrap();
    assert!(help.contains("not subscribed proves nothing"), "{help}");
}

#[tokio::test]
async fn refusals_say_whose_and_which_call_they_are_of() {
    let told = Told::with([]);
    let imi = builder().transport(told.clone()).build_imi().unwrap();
    let client = client(&told);
    let (service, other) = (client.service(service_key()), imi.service(service_key()));
    let abroad = OtpRequest::new(Msisdn::parse("14155550123").unwrap(), reference("r-1"));
    let phone = Phone::new(&number(), PhoneFormat::ZeroPrefixed).unwrap();
    let pin = Token::parse("3007").unwrap();
    let (r, key) = (reference("r-1"), service_key());
    let refusals = [
        (service.start(&abroad).await.unwrap_err(), "start"),
        (other.start(&abroad).await.unwrap_err(), "imi_start"),
        (
            client.commit(&r, &key, &phone, "", &pin).await.unwrap_err(),
            "commit",
        ),
        (
            imi.commit(&r, &key, "", &pin).await.unwrap_err(),
            "imi_commit",
        ),
    ];
    for (refusal, operation) in refusals {
        let error = refusal.as_error();
        assert_eq!(
            (error.provider(), error.operation()),
            (Some("fanap"), Some(operation))
        );
    }
    assert!(told.seen.lock().unwrap().is_empty());
}

/// The message is on its way by then: an end that no clock can tell must not panic.
#[tokio::test]
async fn a_code_that_is_good_for_ever_is_started_and_committed() {
    let told = Told::with([says(200, STARTED), says(200, COMMITTED)]);
    let service = client(&told)
        .service(service_key())
        .valid_for(Duration::MAX);
    let request = OtpRequest::new(number(), reference("r-1"));
    let Submission::Accepted(challenge) = service.start(&request).await.unwrap() else {
        panic!("not started")
    };
    assert_eq!(challenge.pending.expires_at(), None);
    let answer = service
        .commit(&challenge.pending, &OtpCode::new("3007"))
        .await;
    assert_eq!(answer.unwrap().outcome(), Outcome::Accepted);
}

#[tokio::test]
async fn an_imi_code_ends_and_opens_for_its_own_service_only() {
    let told = Told::with([says(200, r#"{"OtpId":"o 1","RequestId":"q-1"}"#)]);
    let clock = Hands::at(NOW);
    let imi = builder().clock(clock.clone()).transport(told.clone());
    let imi = imi.build_imi().unwrap();
    let service = imi
        .service(service_key())
        .valid_for(Duration::from_secs(300));
    let request = OtpRequest::new(number(), reference("r-1"));
    let Submission::Accepted(challenge) = service.start(&request).await.unwrap() else {
        panic!("not started")
    };
    assert_eq!(challenge.provider_id.as_deref(), Some("o 1"));
    let typed = OtpCode::new("3007");
    let stranger = imi.service(ServiceKey::new("another").unwrap());
    assert!(stranger.commit(&challenge.pending, &typed).await.is_err());
    let nonsense = service.commit(&challenge.pending, &OtpCode::new("?")).await;
    assert_eq!(nonsense.unwrap_err().kind(), ErrorKind::InvalidInput);
    clock.advance(300_000);
    let late = service.commit(&challenge.pending, &typed).await;
    assert_eq!(late.unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!(
        told.seen.lock().unwrap().len(),
        1,
        "nothing but the start was sent"
    );
    clock.set(NOW, 0);
    told.answers
        .lock()
        .unwrap()
        .push_back(says(200, r#"{"RequestId":"q-2"}"#));
    let done = service.commit(&challenge.pending, &typed).await.unwrap();
    let Submission::Accepted(done) = done else {
        panic!("{done:?}")
    };
    assert_eq!(done.provider_id.as_deref(), Some("q-2"));
    assert_eq!(told.bodies()[1]["OtpId"], "o 1");
}
