//! v2: the octets that go out, and what each answer means.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use citcall_client::additive::DecryptError;
use citcall_client::core::{
    Delivery, Error, ErrorKind, Msisdn, NotSent, Outcome, Secret, Submission,
};
use citcall_client::wire::{Envelope, WireError};
use citcall_client::{
    AcceptedCall, AsyncCall, Authorization, Cipher, Class, Code, Credentials, Gateway, NumberForm,
    Numbers, parse_msisdn,
};
use support::*;

type Answer = Result<Submission<AcceptedCall>, NotSent>;

fn call() -> AsyncCall {
    AsyncCall::new(&to(), Gateway::FIRST).client_unique_id("1234567890")
}

async fn answered(status: u16, body: impl Into<String>) -> Answer {
    let server = Server::says(status, body);
    let answer = client(&server).async_call(&reference(), &call()).await;
    assert_eq!(server.count(), 1, "one call is one transmission");
    answer
}

async fn unknown_because(body: impl Into<String>) -> WireError {
    let cause = cause(answered(200, body).await);
    assert_eq!(cause.delivery(), Delivery::Answered);
    assert!(!cause.is_retryable());
    let source = std::error::Error::source(&cause).unwrap();
    *source.downcast_ref::<WireError>().unwrap()
}

#[tokio::test]
async fn method_address_and_headers() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = builder(&server)
        .extra_header("X-Own", Secret::new("1"))
        .build()
        .unwrap();
    accepted(client.async_call(&reference(), &call()).await);
    let sent = server.last();
    assert_eq!(sent.method, "POST");
    assert_eq!(sent.uri, "https://gateway.citcall.com/v2/asynccall");
    assert_eq!(
        sent.headers["authorization"],
        "ZGVtbzpmZTAxY2UyYTdmYmFjOGZhZmFlZDdjOTgyYTA0ZTIyOQ=="
    );
    assert_eq!(sent.headers["content-type"], "application/json");
    assert_eq!(sent.headers["accept"], "application/json");
    assert_eq!(sent.headers["x-own"], "1");
    assert!(sent.headers["authorization"].is_sensitive());
}

#[tokio::test]
async fn base_path_authorization_and_cipher_id_can_be_set() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = builder(&server)
        .base_url("https://example.com/proxy/")
        .path("/v2/other")
        .authorization(Authorization::ApiKey)
        .cipher_client_id("another")
        .send_client_id(true)
        .build()
        .unwrap();
    accepted(client.async_call(&reference(), &call()).await);
    let body = server.body();
    assert!(body.ends_with("\",\"client_id\":\"another\"}"), "{body}");
    let data = body.split('"').nth(3).unwrap();
    let other = citcall_client::Cipher::new("another", &Secret::new(KEY)).unwrap();
    assert!(other.open(data, at(AT)).is_ok());
    let sent = server.last();
    assert_eq!(sent.uri, "https://example.com/proxy/v2/other");
    assert_eq!(
        sent.headers["authorization"],
        format!("Apikey {KEY}").as_str()
    );
}

#[tokio::test]
async fn inner_json_in_the_order_of_the_sample() {
    let abroad = parse_msisdn("+14155550123").unwrap();
    for (call, form, expected) in [
        (
            AsyncCall::new(&to(), Gateway::new(2).unwrap()).client_unique_id("order-42"),
            NumberForm::National,
            r#"{"msisdn":"081234567890","gateway":2,"clientUniqueId":"order-42"}"#,
        ),
        (
            AsyncCall::new(&to(), Gateway::raw(9)),
            NumberForm::Digits,
            r#"{"msisdn":"6281234567890","gateway":9}"#,
        ),
        (
            AsyncCall::new(&abroad, Gateway::FIRST),
            NumberForm::National,
            r#"{"msisdn":"+14155550123","gateway":1}"#,
        ),
        (
            AsyncCall::new(&to(), Gateway::FIRST).raw_msisdn("0812 x"),
            NumberForm::National,
            r#"{"msisdn":"0812 x","gateway":1}"#,
        ),
        (
            AsyncCall::new(&to(), Gateway::FIRST).unchecked_client_unique_id("a\"\n/é😀"),
            NumberForm::National,
            "{\"msisdn\":\"081234567890\",\"gateway\":1,\"clientUniqueId\":\"a\\\"\\n/\\u00e9\\ud83d\\ude00\"}",
        ),
    ] {
        let server = Server::says(200, r#"{"rc":0}"#);
        let client = builder(&server).number_form(form).build().unwrap();
        accepted(client.async_call(&reference(), &call).await);
        assert_eq!(server.opened(), expected);
    }
}

#[tokio::test]
async fn bad_input_is_not_sent() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    let short = citcall_client::core::Msisdn::parse("6281234567").unwrap();
    let long = "x".repeat(65);
    for (bad, kind) in [
        (
            AsyncCall::new(&short, Gateway::FIRST),
            ErrorKind::InvalidRecipient,
        ),
        (call().client_unique_id(""), ErrorKind::InvalidInput),
        (
            call().client_unique_id(long.as_str()),
            ErrorKind::InvalidInput,
        ),
        (call().client_unique_id("a b"), ErrorKind::InvalidInput),
        (call().client_unique_id("a\u{1}"), ErrorKind::InvalidInput),
        (call().client_unique_id("é"), ErrorKind::InvalidInput),
    ] {
        let refusal = client.async_call(&reference(), &bad).await.unwrap_err();
        assert_eq!(refusal.kind(), kind);
        assert_eq!(refusal.as_error().operation(), Some("asynccall"));
    }
    assert_eq!(server.count(), 0);
    for number in [0, 5, -1] {
        assert!(Gateway::new(number).is_err());
    }
    // The limits can be lifted, knowingly.
    accepted(
        client
            .async_call(&reference(), &call().unchecked_client_unique_id(long))
            .await,
    );
}

#[test]
fn what_cannot_be_set_up_is_refused_at_construction() {
    let server = Server::says(200, "{}");
    for bad in [
        "http://gateway.citcall.com",
        "http://104.199.196.122",
        "https://u:p@gateway.citcall.com",
        "gateway.citcall.com",
        "",
    ] {
        assert!(builder(&server).base_url(bad).build().is_err(), "{bad}");
        assert!(
            builder(&server).second_base_url(bad).build().is_err(),
            "{bad}"
        );
    }
    assert!(
        builder(&server)
            .base_url("http://127.0.0.1:1")
            .build()
            .is_ok()
    );
    for name in [
        "authorization",
        "Content-Type",
        "Accept",
        "host",
        "Transfer-Encoding",
        "b d",
    ] {
        assert!(
            builder(&server)
                .extra_header(name, Secret::new("x"))
                .build()
                .is_err()
        );
    }
    assert!(
        builder(&server)
            .extra_header("x", Secret::new("a\r\nb: c"))
            .build()
            .is_err()
    );
    assert!(builder(&server).cipher_client_id("").build().is_err());
    let basic = builder(&server).authorization(Authorization::Basic).build();
    assert_eq!(basic.unwrap_err().kind(), ErrorKind::InvalidConfiguration);
    let no_key = Credentials::password("u", Secret::new("p")).unwrap();
    assert!(citcall_client::Client::builder(no_key).build().is_err());
}

#[tokio::test]
async fn the_four_envelopes() {
    let success = r#"{"rc":"00","info":"success","msisdn":"+6281234567890","token":"02150808955","gateway":1,"clientUniqueId":"1234567890"}"#;
    for (body, encrypted) in [
        (sealed(success, AT), true),
        (success.to_owned(), false),
        (format!("\u{feff} \r\n{success}\t "), false),
        (sealed(success, AT).replace('}', ",\"rc\":14}"), true),
    ] {
        let call = accepted(answered(200, body).await);
        assert_eq!(call.encrypted, encrypted);
        assert_eq!(call.token.unwrap().hint().as_deref(), Some("0215080xxxx"));
    }
    let failure = r#"{"rc":"14","info":"too little"}"#;
    for (status, body) in [
        (200, failure.to_owned()),
        (200, sealed(failure, AT)),
        (500, failure.to_owned()),
        (401, sealed(failure, AT)),
        (200, failure.replace('}', ",\"data\":5}")),
    ] {
        let Ok(Submission::Rejected(rejection)) = answered(status, body).await else {
            panic!()
        };
        assert_eq!(rejection.kind(), ErrorKind::InsufficientBalance);
        assert_eq!(rejection.as_error().provider_code(), Some("14"));
        assert_eq!(rejection.as_error().http_status(), Some(status));
        assert_eq!(rejection.as_error().body_excerpt(), Some("too little"));
    }
    // The body is judged, whatever the status is.
    assert_eq!(
        outcome(&answered(500, r#"{"rc":0}"#).await),
        Some(Outcome::Accepted)
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_unknown_and_kept() {
    for body in [
        "", "[]", "\"x\"", "null", "5", "<html>", "{\"rc\":", "\u{0}",
    ] {
        assert_eq!(
            unknown_because(body).await,
            WireError::NotAnObject,
            "{body}"
        );
    }
    // Of two results nobody knows which counts.
    let twice = [
        r#"{"rc":0,"rc":14}"#,
        r#"{"rc":14,"rc":0}"#,
        r#"{"rc":"14","\u0072c":"00"}"#,
        r#"{"token":"1","rc":0,"token":"2"}"#,
    ];
    for body in twice {
        assert_eq!(
            unknown_because(body).await,
            WireError::NotAnObject,
            "{body}"
        );
        assert_eq!(
            unknown_because(sealed(body, AT)).await,
            WireError::Json,
            "{body}"
        );
    }
    for body in ["{}", r#"{"data":5}"#, r#"{"data":null}"#, r#"{"info":"x"}"#] {
        assert_eq!(unknown_because(body).await, WireError::NoResult, "{body}");
    }
    for rc in ["\"0O\"", "\"\"", "-1", "1.5", "true", "null", "\" 0\""] {
        let body = format!("{{\"rc\":{rc}}}");
        assert_eq!(
            unknown_because(body).await,
            WireError::MalformedResult,
            "{rc}"
        );
    }
    for inner in ["[]", "5", "\"x\"", "null", "no json", ""] {
        assert_eq!(
            unknown_because(sealed(inner, AT)).await,
            WireError::Json,
            "{inner}"
        );
    }
    assert_eq!(unknown_because(sealed("{}", AT)).await, WireError::NoResult);
    for (data, why) in [
        ("", DecryptError::MissingTimestamp),
        ("%%%", DecryptError::Base64),
        (
            "X3wBT1F3A1AFTHlK8ig_DQFH",
            DecryptError::Corrupt { index: 12 },
        ),
    ] {
        let body = format!("{{\"data\":\"{data}\"}}");
        assert_eq!(
            unknown_because(body).await,
            WireError::Decrypt(why),
            "{data}"
        );
    }
    let Ok(Submission::Unknown(unknown)) = answered(502, "<h1>Bad Gateway</h1>").await else {
        panic!()
    };
    assert_eq!(unknown.answer().unwrap().expose(), b"<h1>Bad Gateway</h1>");
    assert_eq!(unknown.cause().http_status(), Some(502));
    assert_eq!(unknown.cause().body_excerpt(), Some("<h1>Bad Gateway</h1>"));
}

#[tokio::test]
async fn an_answer_under_another_key_or_of_another_time_is_unknown() {
    let other = citcall_client::Cipher::new(USER, &Secret::new("0".repeat(32))).unwrap();
    let foreign = format!("{{\"data\":\"{}\"}}", other.seal(r#"{"rc":0}"#, at(AT)));
    let why = unknown_because(foreign).await;
    assert!(matches!(
        why,
        WireError::Decrypt(DecryptError::BadTimestamp | DecryptError::MissingTimestamp)
    ));
    for (seconds, fresh) in [
        (AT - 481, false),
        (AT - 480, true),
        (AT + 480, true),
        (AT + 481, false),
    ] {
        let answer = answered(200, sealed(r#"{"rc":"00"}"#, seconds)).await;
        if fresh {
            assert_eq!(outcome(&answer), Some(Outcome::Accepted));
        } else {
            assert_eq!(cause(answer).kind(), ErrorKind::ClockSkew);
        }
    }
    let server = Server::says(200, sealed(r#"{"rc":0}"#, 5));
    let careless = builder(&server).window(None).build().unwrap();
    accepted(careless.async_call(&reference(), &call()).await);
}

#[tokio::test]
async fn every_result_code_ends_as_its_class_says() {
    for rc in 0..=120_u32 {
        for raw in [format!("\"{rc:02}\""), rc.to_string()] {
            let answer = answered(200, format!("{{\"rc\":{raw},\"info\":\"i\"}}")).await;
            let expected = match Code::from(rc).class() {
                Class::Ok => Outcome::Accepted,
                Class::UnknownOutcome | Class::Verify => Outcome::Unknown,
                _ => Outcome::Rejected,
            };
            assert_eq!(outcome(&answer), Some(expected), "{rc}");
            match answer.unwrap() {
                Submission::Rejected(rejection) => {
                    let kind = match Code::from(rc).class() {
                        Class::Balance => vec![ErrorKind::InsufficientBalance],
                        Class::Transient => vec![ErrorKind::Unavailable],
                        Class::Auth => vec![ErrorKind::Authentication, ErrorKind::Permission],
                        _ => vec![ErrorKind::InvalidInput, ErrorKind::InvalidRecipient],
                    };
                    assert!(kind.contains(&rejection.kind()), "{rc}");
                    assert!(!rejection.as_error().is_retryable());
                    let help = rejection.as_error().help().unwrap();
                    assert!(help.contains("That nothing was done is inferred"), "{help}");
                    assert!(
                        !help.contains("did not ring"),
                        "a guess told as a fact: {help}"
                    );
                    let third_parties = [7, 42, 43, 44, 76, 97].contains(&rc);
                    assert_eq!(help.contains("third parties"), third_parties, "{rc}");
                }
                Submission::Unknown(unknown) => {
                    let as_it_came = raw.trim_matches('"');
                    assert_eq!(unknown.cause().provider_code(), Some(as_it_came));
                    assert!(!unknown.cause().is_retryable());
                }
                Submission::Accepted(_) => {}
            }
        }
    }
}

/// Whoever reads it as a refusal rings again.
/// Nothing repeats it by itself, whatever its class: whoever may call again is told how.
#[tokio::test]
async fn a_service_that_is_down_is_a_matter_of_the_next_gateway() {
    for rc in [34, 66] {
        let Ok(Submission::Rejected(why)) = answered(200, format!("{{\"rc\":{rc}}}")).await else {
            panic!("{rc}")
        };
        assert!(!why.as_error().is_retryable());
        let help = why.as_error().help().unwrap();
        assert!(help.contains("through the next gateway"), "{help}");
    }
}

#[tokio::test]
async fn a_refusal_with_a_token_is_unknown_and_kept() {
    for with in [
        r#""token":"02150808955""#,
        r#""token":622150808955"#,
        r#""token":"02150808955","trxid":"t-1""#,
    ] {
        for rc in [14, 34, 42, 96] {
            let body = format!("{{\"rc\":{rc},\"info\":\"i\",{with}}}");
            for body in [body.clone(), sealed(&body, AT)] {
                let Ok(Submission::Unknown(unknown)) = answered(200, body.as_str()).await else {
                    panic!("{body}")
                };
                let cause = unknown.cause();
                assert_eq!(cause.provider_code(), Some(rc.to_string().as_str()));
                assert!(cause.help().unwrap().contains("it may have rung"));
                assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
            }
        }
    }
    let nothing = r#"{"rc":14,"token":null,"trxid":"t-1","msisdn":"+6281234567890","gateway":1}"#;
    assert_eq!(
        outcome(&answered(200, nothing).await),
        Some(Outcome::Rejected)
    );
}

#[tokio::test]
async fn how_long_to_wait_is_kept() {
    let seven = Some(std::time::Duration::from_secs(7));
    let ask = async |status, body: &str| {
        let server = Server::busy(status, body, 7);
        client(&server).async_call(&reference(), &call()).await
    };
    let Ok(Submission::Rejected(why)) = ask(503, r#"{"rc":34}"#).await else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), seven);
    for body in ["<html>", r#"{"rc":6}"#] {
        assert_eq!(cause(ask(429, body).await).retry_after(), seven, "{body}");
    }
}

#[tokio::test]
async fn optional_fields_in_either_type() {
    let body = r#"{"rc":0,"trx_id":"20200101000000000000000001","token":622150808955,"gateway":"1","price":179,"other":{"x":1}}"#;
    let call = accepted(answered(200, body).await);
    assert_eq!(call.trxid.as_deref(), Some("20200101000000000000000001"));
    assert_eq!(call.token.as_ref().unwrap().expose(), "622150808955");
    assert_eq!(
        (call.gateway, call.price.as_deref()),
        (Some(1), Some("179"))
    );
    assert_eq!(call.json.unwrap().expose(), body);
    let both = accepted(answered(200, r#"{"rc":0,"trx_id":"b","trxid":"a"}"#).await);
    assert_eq!(both.trxid.as_deref(), Some("a"));
    for token in ["null", "\"\"", "\"123\"", "\"none\"", "true", "{}"] {
        let call = accepted(answered(200, format!("{{\"rc\":0,\"token\":{token}}}")).await);
        assert!(
            !call.token.is_some_and(|token| token.is_usable()),
            "{token}"
        );
    }
}

#[tokio::test]
async fn a_foreign_echo_is_unknown_and_gives_no_token() {
    for (echo, what) in [
        (r#""msisdn":"+6281299999999""#, "msisdn"),
        (r#""msisdn":"what""#, "msisdn"),
        (r#""gateway":2"#, "gateway"),
        (r#""gateway":"one""#, "gateway"),
        (r#""clientUniqueId":"other""#, "clientUniqueId"),
    ] {
        let body = format!("{{\"rc\":0,\"token\":\"02150808955\",{echo}}}");
        assert_eq!(
            unknown_because(body.clone()).await,
            WireError::EchoMismatch(what)
        );
        let server = Server::says(200, body);
        let trusting = builder(&server).check_echoes(false).build().unwrap();
        accepted(trusting.async_call(&reference(), &call()).await);
    }
    for same in [
        r#""msisdn":"081234567890""#,
        r#""msisdn":"6281234567890""#,
        r#""msisdn":"+62 812-3456-7890""#,
        r#""msisdn":null,"gateway":null"#,
        r#""gateway":"1","clientUniqueId":"1234567890""#,
    ] {
        accepted(answered(200, format!("{{\"rc\":0,{same}}}")).await);
    }
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_never_sent_again() {
    for failure in [
        lost(),
        citcall_client::core::Error::in_doubt(ErrorKind::Interrupted, "reset"),
        citcall_client::core::Error::answered(ErrorKind::UnreadableAnswer, "too long"),
    ] {
        let server = Server::answering([Err(failure)]);
        let client = builder(&server)
            .second_base_url("https://example.com")
            .build()
            .unwrap();
        let answer = client.async_call(&reference(), &call()).await;
        assert_eq!(outcome(&answer), Some(Outcome::Unknown));
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn only_a_connection_that_never_came_about_is_tried_again() {
    let clock = Hand::at(AT);
    let fine = Ok((200, r#"{"rc":0}"#.to_owned()));
    let server = Server::with_clock(
        [Err(refused()), Err(refused()), fine.clone()],
        Some(clock.clone()),
    );
    let client = builder(&server).clock(clock).build().unwrap();
    accepted(client.async_call(&reference(), &call()).await);
    let bodies = server.bodies();
    assert_eq!(bodies.len(), 3);
    // Encrypted anew, as of the second in which it was sent.
    let times: Vec<u64> = bodies
        .iter()
        .map(|body| {
            let data = body.split('"').nth(3).unwrap();
            cipher().open(data, at(AT)).unwrap().sent_at
        })
        .collect();
    assert_eq!(times, [AT, AT + 1, AT + 2]);

    let server = Server::answering([Err(refused())]);
    let refusal = support::client(&server)
        .async_call(&reference(), &call())
        .await
        .unwrap_err();
    assert_eq!(refusal.kind(), ErrorKind::Connect);
    assert!(refusal.as_error().is_retryable());
    assert_eq!(server.count(), 3, "twice more, then it is told");

    let server = Server::answering([Err(refused())]);
    let once = builder(&server).reconnects(0).build().unwrap();
    assert!(once.async_call(&reference(), &call()).await.is_err());
    assert_eq!(server.count(), 1);

    let server = Server::answering([Err(refused()), Err(refused()), Err(refused()), fine]);
    let two_hosts = builder(&server)
        .second_base_url("https://second.example.com")
        .build()
        .unwrap();
    accepted(two_hosts.async_call(&reference(), &call()).await);
    let uris = server.uris();
    assert_eq!(uris.len(), 4);
    assert!(
        uris[..3]
            .iter()
            .all(|uri| uri.starts_with("https://gateway."))
    );
    assert_eq!(uris[3], "https://second.example.com/v2/asynccall");
}

/// Each of these may have rung. The advice is for the person who has to find out.
#[tokio::test]
async fn an_answer_that_cannot_be_used_says_what_to_check() {
    let other_keys = Cipher::new(USER, &Secret::new("another-key")).unwrap();
    let foreign = other_keys.with_window(None).seal(r#"{"rc":0}"#, at(AT));
    for (body, advice) in [
        (sealed(r#"{"rc":"00"}"#, 5), "check this machine's clock"),
        (format!(r#"{{"data":"{foreign}"}}"#), "check the API key"),
        (
            r#"{"rc":0,"msisdn":"+6281111111111"}"#.to_owned(),
            "another phone",
        ),
        (r#"{"rc":"0O"}"#.to_owned(), "do not send it again"),
        ("rc=00".to_owned(), "do not send it again"),
    ] {
        let cause = cause(answered(200, body.as_str()).await);
        let help = cause.help().unwrap();
        assert!(
            help.contains("it may have rung") && help.contains(advice),
            "{body}: {help}"
        );
    }
}

#[test]
fn the_code_is_kept_as_it_was_written() {
    let raw = |body: &str| {
        let envelope = Envelope::open(body.as_bytes(), None, at(AT)).unwrap();
        envelope.raw_code().map(str::to_owned)
    };
    assert_eq!(raw(r#"{"rc":"00"}"#).as_deref(), Some("00"));
    assert_eq!(raw(r#"{"rc":6}"#).as_deref(), Some("6"));
    assert_eq!(raw(r#"{"info":"x"}"#), None);
}

/// A second call rings again. Only the proof that no connection came about lets a request go out once more; whatever else a
/// transport says of its failure does not.
#[tokio::test]
async fn no_other_failure_lets_a_request_go_out_again() {
    for failure in [
        Error::in_doubt(ErrorKind::Connect, "broke"),
        Error::in_doubt(ErrorKind::Timeout, "no answer"),
        NotSent::new(ErrorKind::InvalidInput, "no").into(),
    ] {
        let server = Server::answering([Err(failure)]);
        let two_hosts = builder(&server)
            .second_base_url("https://second.example.com")
            .build()
            .unwrap();
        let _ = two_hosts.async_call(&reference(), &call()).await;
        assert_eq!(server.count(), 1);
    }
}

#[tokio::test]
async fn own_rules_for_numbers() {
    let server = Server::says(200, r#"{"rc":0,"msisdn":"81234567890"}"#);
    let client = builder(&server)
        .numbers(Numbers::default().bare_numbers_are_of("62"))
        .build()
        .unwrap();
    // The echo is read by the same rules.
    accepted(client.async_call(&reference(), &call()).await);
}

/// The answer to a call of this number that echoes it so.
async fn echoed(call: &AsyncCall, echo: &str) -> Answer {
    let server = Server::says(200, format!("{{\"rc\":0,\"msisdn\":\"{echo}\"}}"));
    client(&server).async_call(&reference(), call).await
}

#[tokio::test]
async fn a_raw_number_is_compared_whatever_its_length() {
    // Ten digits: no rule of ours lets it pass, which is what `raw_msisdn` is for.
    let to = Msisdn::parse("6281234567").unwrap();
    let call = AsyncCall::new(&to, Gateway::FIRST).raw_msisdn("081234567");
    for echo in ["+6281234567", "6281234567", "081234567", "+62 812-34567"] {
        let accepted = accepted(echoed(&call, echo).await);
        assert_eq!(accepted.msisdn.as_ref(), Some(&to), "{echo}");
    }
    for echo in ["+6281234568", "081234568", "81234567", "", "?"] {
        let answer = echoed(&call, echo).await;
        assert_eq!(outcome(&answer), Some(Outcome::Unknown), "{echo}");
    }
}

/// `8…` is ambiguous when a person types it. The provider writes digits only, and Japan, China and Vietnam begin with an 8.
#[tokio::test]
async fn an_echo_that_begins_with_an_8_is_the_number_that_was_called() {
    for digits in ["81312345678", "8613912345678", "84912345678"] {
        let to = Msisdn::parse(digits).unwrap();
        let call = AsyncCall::new(&to, Gateway::FIRST);
        for echo in [
            digits.to_owned(),
            format!("+{digits}"),
            format!("00{digits}"),
        ] {
            let accepted = accepted(echoed(&call, &echo).await);
            assert_eq!(accepted.msisdn.as_ref(), Some(&to), "{echo}");
        }
        let other = format!("{}9", &digits[..digits.len() - 1]);
        let answer = echoed(&call, &other).await;
        assert_eq!(outcome(&answer), Some(Outcome::Unknown), "{other}");
    }
    // An Indonesian number without its 62 stays what it was: not ours, as far as anybody can tell.
    let answer = echoed(&call(), "81234567890").await;
    assert_eq!(outcome(&answer), Some(Outcome::Unknown));
}

#[test]
fn slips_in_paths_and_reconnects_are_told_at_construction() {
    let server = Server::says(200, "{}");
    for path in ["v2/asynccall", "", "/v2/a b", "https://example.com/v2"] {
        let refusal = builder(&server).path(path).build().unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration, "{path}");
        let refusal = v3_builder(&server).motp_path(path).build().unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration, "{path}");
    }
    let refusal = builder(&server).path("v2/asynccall").build().unwrap_err();
    assert!(refusal.to_string().contains("must begin with /"));
    for times in [0, 2] {
        assert!(builder(&server).reconnects(times).build().is_ok());
    }
    for times in [3, u32::MAX] {
        let refusal = builder(&server).reconnects(times).build().unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration);
        assert!(v3_builder(&server).reconnects(times).build().is_err());
    }
}

/// The key seals, the password authorizes.
#[tokio::test]
async fn v2_with_basic_authorization() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let credentials = Credentials::new(USER, Secret::new(KEY))
        .unwrap()
        .with_password(Secret::new("openSesame"))
        .unwrap();
    let client = citcall_client::Client::builder(credentials)
        .authorization(Authorization::Basic)
        .transport(server.clone())
        .clock(Hand::at(AT))
        .build()
        .unwrap();
    accepted(client.async_call(&reference(), &call()).await);
    assert!(server.opened().contains("\"gateway\":1"));
    assert_eq!(
        server.last().headers["authorization"],
        "Basic ZGVtbzpvcGVuU2VzYW1l"
    );
    let bad = Credentials::new(USER, Secret::new(KEY)).unwrap();
    assert!(bad.with_password(Secret::new("line\n")).is_err());
}

#[tokio::test]
async fn a_result_code_is_shown_as_it_came_unless_it_is_blown_up() {
    for (raw, shown) in [
        (r#""006""#, "006"),
        ("6", "6"),
        (r#""06""#, "06"),
        (r#""00000000000000000000000006""#, "06"),
    ] {
        let cause = cause(answered(200, format!("{{\"rc\":{raw}}}")).await);
        assert_eq!(cause.provider_code(), Some(shown), "{raw}");
    }
}
