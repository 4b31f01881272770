//! v3: the octets that go out, and what each answer means.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use citcall_client::Authorization;
use citcall_client::core::{
    Error, ErrorKind, Msisdn, OtpCode, OtpRequest, OtpSender as _, OtpVerifier as _, Outcome,
    Provider as _, Secret, Submission, Verification,
};
use citcall_client::v3::{CallbackUrl, Counter, Limits, Motp, Sms, SmsOtp};
use citcall_client::wire::WireError;
use citcall_client::{Class, Code, Credentials, v3};
use support::*;

fn limits() -> Limits {
    Limits::new(Duration::from_secs(300), 5).unwrap()
}

fn client(server: &std::sync::Arc<Server>) -> v3::Client {
    v3_builder(server).build().unwrap()
}

#[tokio::test]
async fn paths_headers_and_names() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let key = client(&server);
    accepted(key.motp(&reference(), &Motp::new(&to())).await);
    let sent = server.last();
    assert_eq!(sent.uri, "https://pub.citcall.com/v3/motp");
    assert_eq!(sent.method, "POST");
    assert_eq!(
        sent.headers["authorization"],
        format!("Apikey {KEY}").as_str()
    );
    assert_eq!(sent.headers["content-type"], "application/json");

    let basic = Credentials::password("Aladdin", Secret::new("openSesame")).unwrap();
    let basic = v3::Client::builder(basic)
        .transport(server.clone())
        .authorization(Authorization::Basic)
        .motp_path("/v3/asynccall")
        .base_url("https://gateway.citcall.com")
        .build()
        .unwrap();
    accepted(basic.motp(&reference(), &Motp::new(&to())).await);
    let sent = server.last();
    assert_eq!(sent.uri, "https://gateway.citcall.com/v3/asynccall");
    assert_eq!(
        sent.headers["authorization"],
        "Basic QWxhZGRpbjpvcGVuU2VzYW1l"
    );

    let old = Credentials::new("Aladdin", Secret::new("openSesame")).unwrap();
    let old = v3::Client::builder(old)
        .transport(server.clone())
        .authorization(Authorization::LegacyBase64)
        .build()
        .unwrap();
    let sms = Sms::new(&to(), "Acme", "hello");
    accepted(old.sms(&reference(), &sms).await);
    let sent = server.last();
    assert_eq!(sent.uri, "https://pub.citcall.com/v3/sms");
    assert_eq!(sent.headers["authorization"], "QWxhZGRpbjpvcGVuU2VzYW1l");
    accepted(old.sms_otp(&reference(), &SmsOtp::new(sms)).await);
    assert_eq!(server.last().uri, "https://pub.citcall.com/v3/smsotp");
    let verified = old.verify(&to(), "t", &OtpCode::new("1234")).await;
    assert_eq!(verified.unwrap(), Verification::Valid(to()));
    assert_eq!(server.last().uri, "https://pub.citcall.com/v3/verify");
}

#[tokio::test]
async fn a_missed_call_in_octets() {
    let url = CallbackUrl::new("https://example.com/hook/1").unwrap();
    for (call, counter, expected) in [
        (
            Motp::new(&to()),
            Counter::Retry,
            r#"{"msisdn":"6281234567890","retry":0}"#,
        ),
        (
            Motp::new(&to()).attempt(5),
            Counter::Gateway,
            r#"{"msisdn":"6281234567890","gateway":5}"#,
        ),
        (
            Motp::new(&to())
                .attempt(4)
                .limits(limits())
                .callback_url(url)
                .extra("note", "é"),
            Counter::Retry,
            r#"{"msisdn":"6281234567890","retry":4,"valid_time":300,"limit_try":5,"callback_url":"https://example.com/hook/1","note":"é"}"#,
        ),
        (
            Motp::new(&to()).raw_msisdn("62 812"),
            Counter::Retry,
            r#"{"msisdn":"62 812","retry":0}"#,
        ),
    ] {
        let server = Server::says(200, r#"{"rc":0}"#);
        let client = v3_builder(&server).counter(counter).build().unwrap();
        accepted(client.motp(&reference(), &call).await);
        assert_eq!(server.body(), expected);
    }
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = v3_builder(&server).send_reference(true).build().unwrap();
    accepted(client.motp(&reference(), &Motp::new(&to())).await);
    assert_eq!(
        server.body(),
        r#"{"msisdn":"6281234567890","retry":0,"clientUniqueId":"1234567890"}"#
    );
}

/// An answer about another request is none to this one.
#[tokio::test]
async fn the_reference_that_was_sent_must_come_back_if_any_does() {
    let ask = async |client: &v3::Client| {
        let sms = Sms::new(&to(), "Acme", "hello");
        let code = SmsOtp::new(Sms::new(&to(), "Acme", "XXXXX"));
        [
            outcome(&client.motp(&reference(), &Motp::new(&to())).await),
            outcome(&client.sms(&reference(), &sms).await),
            outcome(&client.sms_otp(&reference(), &code).await),
        ]
    };
    let other = Server::says(200, r#"{"rc":0,"clientUniqueId":"other"}"#);
    let sending = v3_builder(&other).send_reference(true);
    let strict = sending.clone().build().unwrap();
    assert_eq!(ask(&strict).await, [Some(Outcome::Unknown); 3]);
    let sms = Sms::new(&to(), "Acme", "hello");
    let Ok(Submission::Unknown(unknown)) = strict.sms(&reference(), &sms).await else {
        panic!()
    };
    let help = unknown.cause().help().unwrap();
    assert!(help.contains("may have gone to another number"), "{help}");
    let trusting = sending.check_echoes(false).build().unwrap();
    assert_eq!(ask(&trusting).await, [Some(Outcome::Accepted); 3]);
    // What was not sent says nothing.
    assert_eq!(ask(&client(&other)).await, [Some(Outcome::Accepted); 3]);
    let same = Server::says(200, r#"{"rc":0,"clientUniqueId":"1234567890"}"#);
    let client = v3_builder(&same).send_reference(true).build().unwrap();
    assert_eq!(ask(&client).await, [Some(Outcome::Accepted); 3]);
}

/// v2 has gateways 1 to 4; v3 has `retry` 0 to 4 or `gateway` 0 to 5; a message has neither.
#[tokio::test]
async fn the_advice_about_a_gateway_is_that_of_the_operation() {
    let server = Server::says(200, r#"{"rc":7}"#);
    let client = client(&server);
    let help = |answer: Submission<_>| match answer {
        Submission::Rejected(why) => why.as_error().help().unwrap().to_owned(),
        other => panic!("{other:?}"),
    };
    let call = client.motp(&reference(), &Motp::new(&to())).await.unwrap();
    assert!(help(call.map(drop)).starts_with("take `retry` 0 to 4, or `gateway` 0 to 5"));
    let sms = Sms::new(&to(), "Acme", "hello");
    let sent = client.sms(&reference(), &sms).await.unwrap();
    assert!(help(sent.map(drop)).starts_with("no gateway was sent"));
}

/// Whether a server gives one to what it refuses is unknown, and the code decides.
#[tokio::test]
async fn a_transaction_id_beside_a_refusal_changes_nothing() {
    let server = Server::says(200, r#"{"rc":43,"trxid":"t-1"}"#);
    let sms = Sms::new(&to(), "Acme", "hello");
    let answer = client(&server).sms(&reference(), &sms).await;
    assert_eq!(outcome(&answer), Some(Outcome::Rejected));
    let busy = Server::busy(200, r#"{"rc":66}"#, 9);
    let Ok(Submission::Rejected(why)) = client(&busy).sms(&reference(), &sms).await else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), Some(Duration::from_secs(9)));
}

#[tokio::test]
async fn messages_in_octets() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    let sms = Sms::new(&to(), "CitCall", "line\n\"two\" é");
    accepted(client.sms(&reference(), &sms).await);
    assert_eq!(
        server.body(),
        r#"{"senderid":"CITCALL","msisdn":"6281234567890","text":"line\n\"two\" é"}"#
    );
    let other = Sms::new(&to(), "Citcall2", "hello");
    accepted(client.sms(&reference(), &other).await);
    assert!(server.body().contains(r#""senderid":"Citcall2""#));
    let code = SmsOtp::new(Sms::new(&to(), "Acme", "code XXXXX"))
        .token(Secret::new("00421"))
        .limits(limits());
    assert!(code.shows_the_code());
    accepted(client.sms_otp(&reference(), &code).await);
    assert_eq!(
        server.body(),
        r#"{"senderid":"Acme","msisdn":"6281234567890","text":"code XXXXX","token":"00421","valid_time":300,"limit_try":5}"#,
        "the placeholder is the server's to replace"
    );
    // Without placeholder and code its effect is unknown: it can be seen beforehand, and is sent.
    let silent = SmsOtp::new(Sms::new(&to(), "Acme", "hello"));
    assert!(!silent.shows_the_code());
    accepted(client.sms_otp(&reference(), &silent).await);
}

#[tokio::test]
async fn bad_input_is_not_sent() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    for attempt in [-1, 5] {
        let call = Motp::new(&to()).attempt(attempt);
        let refusal = client.motp(&reference(), &call).await.unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::InvalidInput);
    }
    let short = Msisdn::parse("6281234567").unwrap();
    let refusal = client.motp(&reference(), &Motp::new(&short)).await;
    assert_eq!(refusal.unwrap_err().kind(), ErrorKind::InvalidRecipient);
    let sms = Sms::new(&short, "Acme", "hello");
    assert!(client.sms(&reference(), &sms).await.is_err());
    for (sender, text) in [("", "hello"), ("Acme", "")] {
        let sms = Sms::new(&to(), sender, text);
        assert!(client.sms(&reference(), &sms).await.is_err());
        assert!(
            client
                .sms_otp(&reference(), &SmsOtp::new(sms))
                .await
                .is_err()
        );
    }
    for token in ["", "12a", "１２３４", "-123"] {
        let code = SmsOtp::new(Sms::new(&to(), "Acme", "XXXXX")).token(Secret::new(token));
        assert!(
            client.sms_otp(&reference(), &code).await.is_err(),
            "{token}"
        );
    }
    for (seconds, tries) in [(0, 5), (300, 0), (300, 21)] {
        let valid = Duration::from_secs(seconds);
        assert!(Limits::new(valid, tries).is_err());
        assert!(client.missed_call(valid, tries).is_err());
        assert!(client.sms_code("Acme", "XXXXX", valid, tries).is_err());
    }
    assert!(
        client
            .sms_code("Acme", "no place", Duration::from_secs(9), 1)
            .is_err()
    );
    for url in [
        "",
        "/path",
        "example.com/x",
        "ftp://example.com",
        "https://",
        "http://example.com/x",
    ] {
        assert!(CallbackUrl::new(url).is_err(), "{url}");
    }
    assert!(CallbackUrl::allowing_http("http://example.com/x").is_ok());
    assert!(CallbackUrl::allowing_http("ftp://example.com/x").is_err());
    assert_eq!(server.count(), 0);
}

#[tokio::test]
async fn words_of_codes_in_plain_messages() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let strict = client(&server);
    for text in [
        "your OTP",
        "Kode anda",
        "barCODE",
        "PassWord",
        "kata Sandi: x",
        "one time password",
    ] {
        let sms = Sms::new(&to(), "Acme", text);
        let refusal = strict.sms(&reference(), &sms).await.unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::Policy, "{text}");
        let lenient = v3_builder(&server).check_words(false).build().unwrap();
        accepted(lenient.sms(&reference(), &sms).await);
        accepted(strict.sms_otp(&reference(), &SmsOtp::new(sms)).await);
    }
    accepted(
        strict
            .sms(&reference(), &Sms::new(&to(), "Acme", "kata, sandi"))
            .await,
    );
}

#[tokio::test]
async fn what_a_call_is_answered() {
    let body = r#"{"rc":0,"trxid":"20200101000000000000000001","msisdn":"+6281234567890","token":"02150123456","gateway":3}"#;
    let call = accepted(
        client(&Server::says(200, body))
            .motp(&reference(), &Motp::new(&to()))
            .await,
    );
    assert_eq!(call.trxid.as_deref(), Some("20200101000000000000000001"));
    assert_eq!(call.token.unwrap().hint().as_deref(), Some("0215012xxxx"));
    // `retry` and the gateway that was taken are two things; the same name twice is one.
    let by_gateway = v3_builder(&Server::says(200, body))
        .counter(Counter::Gateway)
        .build()
        .unwrap();
    let answer = by_gateway.motp(&reference(), &Motp::new(&to())).await;
    assert_eq!(outcome(&answer), Some(Outcome::Unknown));
    for (body, expected) in [
        (r#"{"rc":14}"#, Outcome::Rejected),
        (r#"{"rc":"6"}"#, Outcome::Unknown),
        (r#"{"rc":0,"msisdn":"+6281299999999"}"#, Outcome::Unknown),
        ("<html>", Outcome::Unknown),
        (r#"{"data":"X3wB"}"#, Outcome::Unknown),
        // Without keys it is somebody's own field.
        (r#"{"rc":"00","data":"x"}"#, Outcome::Accepted),
    ] {
        let server = Server::says(200, body);
        let answer = client(&server).motp(&reference(), &Motp::new(&to())).await;
        assert_eq!(outcome(&answer), Some(expected), "{body}");
        let sms = Sms::new(&to(), "Acme", "hello");
        let answer = client(&server).sms(&reference(), &sms).await;
        assert_eq!(outcome(&answer), Some(expected), "{body}");
        assert_eq!(server.count(), 2);
    }
    let server = Server::says(200, sealed(r#"{"rc":"00"}"#, AT));
    let with_keys = v3_builder(&server).cipher(cipher()).build().unwrap();
    let call = accepted(with_keys.motp(&reference(), &Motp::new(&to())).await);
    assert!(call.encrypted);
}

#[tokio::test]
async fn a_message_is_read_with_either_type_and_with_nothing() {
    let full = r#"{"rc":"00","info":"ok","sms_count":"2","senderid":"Acme","msisdn":"6281234567890","text":"hello","trxid":"t","currency":"IDR","price":350}"#;
    let sms = Sms::new(&to(), "Acme", "hello");
    let sent = accepted(
        client(&Server::says(200, full))
            .sms(&reference(), &sms)
            .await,
    );
    assert_eq!(sent.sms_count, Some(2));
    assert_eq!(sent.price.as_deref(), Some("350"));
    assert_eq!(sent.trxid.as_deref(), Some("t"));
    let bare = accepted(
        client(&Server::says(200, r#"{"rc":0}"#))
            .sms(&reference(), &sms)
            .await,
    );
    assert_eq!((bare.trxid, bare.price, bare.sms_count), (None, None, None));
}

async fn verified(body: &str) -> Result<Verification, Error> {
    let server = Server::says(200, body);
    let answer = client(&server)
        .verify(&to(), "t-1", &OtpCode::new(" 89-55 "))
        .await;
    assert_eq!(server.count(), 1);
    assert_eq!(
        server.body(),
        r#"{"msisdn":"6281234567890","trxid":"t-1","token":"8955"}"#
    );
    answer
}

#[tokio::test]
async fn verify_and_each_of_its_results() {
    let success = r#"{"rc":"00","info":"ok","trxid":"t-1","trxid_verify":"t-2","msisdn":"+6281234567890","token":null,"token_verify":"8955"}"#;
    for (body, expected) in [
        (success, Verification::Valid(to())),
        (r#"{"rc":0}"#, Verification::Valid(to())),
        (r#"{"rc":78}"#, Verification::NotFound),
        (
            r#"{"rc":"79"}"#,
            Verification::Invalid {
                attempts_left: None,
            },
        ),
        (r#"{"rc":80}"#, Verification::Expired),
        (r#"{"rc":"81"}"#, Verification::TooManyAttempts),
    ] {
        assert_eq!(verified(body).await.unwrap(), expected, "{body}");
    }
    for (body, kind) in [
        (r#"{"rc":96}"#, ErrorKind::Authentication),
        (r#"{"rc":34}"#, ErrorKind::Unavailable),
        (r#"{"rc":6}"#, ErrorKind::Other),
        (r#"{"rc":123}"#, ErrorKind::Other),
        (r#"{"rc":"0O"}"#, ErrorKind::UnreadableAnswer),
        ("<html>", ErrorKind::UnreadableAnswer),
    ] {
        let failure = verified(body).await.unwrap_err();
        assert_eq!(failure.kind(), kind, "{body}");
        assert!(!failure.is_retryable(), "an attempt may have been counted");
    }
    // "Valid" about somebody or something else lets nobody in.
    for echo in [
        r#""msisdn":"+6281299999999""#,
        r#""trxid":"t-2""#,
        r#""msisdn":"?""#,
    ] {
        let body = format!("{{\"rc\":0,{echo}}}");
        let failure = verified(&body).await.unwrap_err();
        let why = std::error::Error::source(&failure).unwrap();
        assert!(matches!(
            why.downcast_ref::<WireError>(),
            Some(WireError::EchoMismatch(_))
        ));
        assert!(failure.help().unwrap().contains("let nobody in"));
    }
}

#[tokio::test]
async fn what_cannot_be_a_code_is_not_asked_about() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    for typed in ["", "123", "12a4", "hello", "١٢٣٤", "+12"] {
        let answer = client.verify(&to(), "t", &OtpCode::new(typed)).await;
        assert_eq!(answer.unwrap(), Verification::Malformed, "{typed}");
    }
    let answer = client.verify(&to(), "", &OtpCode::new("1234")).await;
    assert_eq!(answer.unwrap(), Verification::NotFound);
    assert_eq!(server.count(), 0);
    // A bug of the official SDK refuses these.
    for typed in ["0000", "0003"] {
        let answer = client.verify(&to(), "t", &OtpCode::new(typed)).await;
        assert_eq!(answer.unwrap(), Verification::Valid(to()));
    }
}

#[tokio::test]
async fn a_lost_answer_is_never_asked_for_again() {
    let server = Server::answering([Err(lost())]);
    let client = client(&server);
    let sms = Sms::new(&to(), "Acme", "hello");
    let code = SmsOtp::new(Sms::new(&to(), "Acme", "XXXXX"));
    let ends = [
        outcome(&client.motp(&reference(), &Motp::new(&to())).await),
        outcome(&client.sms(&reference(), &sms).await),
        outcome(&client.sms_otp(&reference(), &code).await),
    ];
    assert_eq!(ends, [Some(Outcome::Unknown); 3]);
    let failure = client.verify(&to(), "t", &OtpCode::new("1234")).await;
    let failure = failure.unwrap_err();
    assert!(!failure.is_retryable());
    assert!(helped(&failure).contains("an attempt may have been counted"));
    assert_eq!(server.count(), 4);
}

#[tokio::test]
async fn every_result_code_ends_as_its_class_says() {
    for rc in 0..=120_u32 {
        let server = Server::says(200, format!("{{\"rc\":{rc}}}"));
        let client = client(&server);
        let expected = match Code::from(rc).class() {
            Class::Ok => Outcome::Accepted,
            Class::UnknownOutcome | Class::Verify => Outcome::Unknown,
            _ => Outcome::Rejected,
        };
        let call = client.motp(&reference(), &Motp::new(&to())).await;
        let sms = Sms::new(&to(), "Acme", "hello");
        let sms = client.sms(&reference(), &sms).await;
        assert_eq!([outcome(&call), outcome(&sms)], [Some(expected); 2], "{rc}");
    }
}

#[tokio::test]
async fn the_adapters_keep_their_identities_and_their_routes_apart() {
    let body = r#"{"rc":0,"trxid":"t-1","token":"02150808955"}"#;
    let server = Server::says(200, body);
    let client = client(&server);
    let calls = client.missed_call(Duration::from_secs(300), 5).unwrap();
    let codes = client
        .sms_code("Acme", "XXXXX", Duration::from_secs(300), 5)
        .unwrap();
    let v2 = support::client(&server).missed_call(local(Hand::at(AT)));
    let identities = [calls.identity(), codes.identity(), v2.identity()];
    assert_eq!(
        identities.map(ToString::to_string),
        [
            "citcall/acme+v3-call",
            "citcall/acme+v3-sms",
            "citcall/acme"
        ]
    );
    let request = OtpRequest::new(to(), reference());
    let started = accepted(calls.start(&request.clone().as_resend(6)).await);
    assert!(server.body().contains("\"retry\":1"));
    assert_eq!(started.hint.as_deref(), Some("0215080xxxx"));
    assert!(started.verifiable);
    let expires = started.pending.expires_at().unwrap();
    assert_eq!(expires, at(AT + 300));
    assert!(!started.pending.to_storage().contains("8955"));
    assert!(
        codes
            .verify(&started.pending, &OtpCode::new("8955"))
            .await
            .is_err()
    );

    let server = Server::says(200, r#"{"rc":0,"token":"02150808955"}"#);
    let nameless = support::v3_builder(&server).build().unwrap();
    let nameless = nameless.missed_call(Duration::from_secs(9), 1).unwrap();
    let started = accepted(nameless.start(&request).await);
    assert!(!started.verifiable, "without an id nothing can be verified");
    let answer = nameless
        .verify(&started.pending, &OtpCode::new("8955"))
        .await;
    assert_eq!(answer.unwrap(), Verification::NotFound);
    assert!(matches!(
        codes.start(&request).await,
        Ok(Submission::Accepted(_))
    ));
}

fn helped(failure: &Error) -> String {
    failure.help().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn errors_speak_of_what_was_asked_for() {
    for rc in [6, 34, 66, 79, 123] {
        let server = Server::says(200, format!("{{\"rc\":{rc}}}"));
        let client = client(&server);
        let told = |answer: Submission<v3::SentSms>| match answer {
            Submission::Rejected(why) => helped(why.as_error()),
            Submission::Unknown(unknown) => helped(unknown.cause()),
            Submission::Accepted(_) => panic!("{rc}"),
        };
        let sms = Sms::new(&to(), "Acme", "XXXXX");
        for help in [
            told(client.sms(&reference(), &sms).await.unwrap()),
            told(
                client
                    .sms_otp(&reference(), &SmsOtp::new(sms.clone()))
                    .await
                    .unwrap(),
            ),
        ] {
            assert!(help.contains("message"), "{rc}: {help}");
            assert!(
                !help.contains("rung") && !help.contains("ring"),
                "{rc}: {help}"
            );
        }
        if rc != 79 {
            let failure = client.verify(&to(), "t", &OtpCode::new("1234")).await;
            let help = helped(&failure.unwrap_err());
            assert!(help.contains("the code"), "{rc}: {help}");
            assert!(
                !help.contains("rung") && !help.contains("ring"),
                "{rc}: {help}"
            );
        }
    }
    for body in ["<html>", r#"{"rc":0,"msisdn":"+6281299999999"}"#] {
        let client = client(&Server::says(200, body));
        let sms = Sms::new(&to(), "Acme", "hello");
        let help = helped(&cause(client.sms(&reference(), &sms).await));
        assert!(help.contains("message") && !help.contains("rung"), "{help}");
        let failure = client.verify(&to(), "t", &OtpCode::new("1234")).await;
        let help = helped(&failure.unwrap_err());
        assert!(help.contains("code") && !help.contains("rung"), "{help}");
        let help = helped(&cause(client.motp(&reference(), &Motp::new(&to())).await));
        assert!(help.contains("rung"), "{help}");
    }
}

#[tokio::test]
async fn a_number_outside_the_rules_that_was_rung_raw_can_be_verified() {
    let short = Msisdn::parse("6281234567").unwrap();
    let body = r#"{"rc":0,"trxid":"t-1","msisdn":"+6281234567"}"#;
    let server = Server::says(200, body);
    let client = client(&server);
    let call = Motp::new(&short).raw_msisdn("6281234567").limits(limits());
    let rung = accepted(client.motp(&reference(), &call).await);
    assert_eq!(rung.msisdn.as_ref(), Some(&short));
    let answer = client.verify(&short, "t-1", &OtpCode::new("8955")).await;
    assert_eq!(answer.unwrap(), Verification::Valid(short));
    assert_eq!(
        server.body(),
        r#"{"msisdn":"6281234567","trxid":"t-1","token":"8955"}"#
    );
}

#[tokio::test]
async fn echoes_in_bare_digits_are_the_number_also_where_they_begin_with_an_8() {
    let japan = Msisdn::parse("81312345678").unwrap();
    let server = Server::says(200, r#"{"rc":0,"trxid":"t-1","msisdn":"81312345678"}"#);
    let ours = client(&server);
    accepted(ours.motp(&reference(), &Motp::new(&japan)).await);
    let sms = Sms::new(&japan, "Acme", "hello");
    accepted(ours.sms(&reference(), &sms).await);
    let answer = ours.verify(&japan, "t-1", &OtpCode::new("8955")).await;
    assert_eq!(answer.unwrap(), Verification::Valid(japan.clone()));
    let other = client(&Server::says(200, r#"{"rc":0,"msisdn":"81312345679"}"#));
    let answer = other.sms(&reference(), &sms).await;
    assert_eq!(outcome(&answer), Some(Outcome::Unknown));
    assert!(
        other
            .verify(&japan, "t", &OtpCode::new("8955"))
            .await
            .is_err()
    );
}

/// The provider counts attempts, so only what can be the code goes to it, in the one form that it is known to compare.
#[tokio::test]
async fn a_missed_call_is_checked_by_its_last_four_digits_or_not_asked_about() {
    let server = Server::says(200, r#"{"rc":0,"trxid":"t-1","token":"02150808955"}"#);
    let calls = client(&server)
        .missed_call(Duration::from_secs(300), 5)
        .unwrap();
    let started = accepted(calls.start(&OtpRequest::new(to(), reference())).await);
    let check = async |typed: &str| calls.verify(&started.pending, &OtpCode::new(typed)).await;
    for typed in [
        "",
        "895",
        "89555",
        "895512",
        "hello",
        "12345678901234567",
        "+8955",
    ] {
        assert_eq!(
            check(typed).await.unwrap(),
            Verification::Malformed,
            "{typed}"
        );
    }
    assert_eq!(server.count(), 1, "the call, and nothing else");
    for typed in [
        "8955",
        " 89-55 ",
        "02150808955",
        "+62 21 5080 8955",
        "00622150808955",
    ] {
        assert_eq!(
            check(typed).await.unwrap(),
            Verification::Valid(to()),
            "{typed}"
        );
        assert!(server.body().ends_with(r#""token":"8955"}"#), "{typed}");
    }
    // Also what is no code is refused for somebody else's record.
    let v2 = support::client(&server).missed_call(local(Hand::at(AT)));
    let foreign = accepted(v2.start(&OtpRequest::new(to(), reference())).await);
    for typed in ["8955", "hello"] {
        let refusal = calls.verify(&foreign.pending, &OtpCode::new(typed)).await;
        let refusal = refusal.unwrap_err();
        assert_eq!(
            (refusal.provider(), refusal.operation()),
            (Some("citcall"), Some("verify"))
        );
    }
    let refusal = v2.resend(&started.pending, 1).await.unwrap_err();
    let refusal = refusal.as_error();
    assert_eq!(
        (refusal.provider(), refusal.operation()),
        (Some("citcall"), Some("asynccall"))
    );
}

#[tokio::test]
async fn what_is_longer_than_any_code_is_not_asked_about() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    for digits in [21, 10_000] {
        let typed = OtpCode::new("1".repeat(digits));
        let answer = client.verify(&to(), "t", &typed).await;
        assert_eq!(answer.unwrap(), Verification::Malformed, "{digits}");
    }
    assert_eq!(server.count(), 0);
    let longest = OtpCode::new("1".repeat(20));
    assert!(client.verify(&to(), "t", &longest).await.is_ok());
}

/// What the provider makes of such a text is unknown: it is sent, and its sender is told.
#[tokio::test]
async fn a_message_in_which_nobody_finds_a_code_carries_a_warning() {
    let server = Server::says(200, r#"{"rc":0}"#);
    let client = client(&server);
    let code = |text: &str| SmsOtp::new(Sms::new(&to(), "Acme", text));
    for (message, warnings) in [
        (code("hello"), 1),
        (code("hello").token(Secret::new("4711")), 1),
        (code("hello XXXXX"), 0),
        (code("hello 4711").token(Secret::new("4711")), 0),
    ] {
        let sent = accepted(client.sms_otp(&reference(), &message).await);
        assert_eq!(sent.warnings.len(), warnings, "{:?}", sent.warnings);
        assert!(!sent.warnings.concat().contains("hello"));
    }
    let plain = Sms::new(&to(), "Acme", "hello");
    assert!(
        accepted(client.sms(&reference(), &plain).await)
            .warnings
            .is_empty()
    );
}
