//! What an answer says about the calls.

use super::*;

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

/// The rows of the specification's table of codes (section 9), copied by hand.
const CODES: [(i64, &str, Class); 22] = {
    use Class::{Duplicate, Empty, Partial, Refused, Success, Uncertain};
    use ErrorKind::{Authentication, Permission, Unavailable};
    use ErrorKind::{InsufficientBalance, InvalidConfiguration, InvalidInput, InvalidRecipient};
    [
        (200, "SUCCESS", Success),
        (201, "CHECKSUM_REPEATED", Duplicate),
        (202, "INVALID_SECURITY_ID", Refused(Authentication)),
        (203, "INVALID_API_VERSION", Refused(InvalidInput)),
        (204, "INVALID_GATEWAY_ID", Refused(InvalidConfiguration)),
        // "Input"; the number is what is wrong with it.
        (205, "INVALID_CONTACT_NUMBER", Refused(InvalidRecipient)),
        (206, "FAILURE_FROM_GATEWAY", Uncertain),
        (207, "DID_NOT_MAPPED", Refused(InvalidConfiguration)),
        (208, "NO_MASK_AVAILABLE", Refused(Unavailable)),
        (209, "PARTIAL_SUCCESS", Partial),
        (210, "INVALID_MANDATORY_PARAMETERS", Refused(InvalidInput)),
        // "Account".
        (211, "VALIDITY_EXPIRED", Refused(Permission)),
        (212, "INSUFFICIENT_BALANCE", Refused(InsufficientBalance)),
        (213, "NO_DATA_AVAILABLE", Empty),
        // "Auth / config".
        (301, "INVALID_FLOW_ID", Refused(InvalidConfiguration)),
        (302, "EMPTY_CALL_LIST", Refused(InvalidInput)),
        (303, "MAX_DATA_LIST_SIZE_EXCEEDED", Refused(InvalidInput)),
        (304, "INVALID_FLOW_VERSION", Refused(InvalidConfiguration)),
        (400, "INVALID_FORMAT", Refused(InvalidInput)),
        // "Auth (network)" and "auth / account".
        (401, "IP_NOT_WHITELISTED", Refused(Permission)),
        (402, "PHONE_NOT_WHITELISTED", Refused(Permission)),
        (500, "FAILURE", Uncertain),
    ]
};

#[test]
fn every_code_has_the_name_and_the_class_of_the_specification() {
    for (number, name, class) in CODES {
        let code = Code::from_number(number);
        assert_eq!(
            (code.number(), code.name(), code.class()),
            (number, name, class)
        );
        assert_ne!(code, Code::Other(number));
    }
    assert_eq!(Code::all().count(), CODES.len());
    let unlisted = Code::from_number(214);
    assert_eq!(
        (unlisted, unlisted.class()),
        (Code::Other(214), Class::Uncertain)
    );
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
                    let help = why.as_error().help().unwrap();
                    let basis = help.strip_prefix(code.help()).unwrap();
                    assert!(
                        basis.starts_with(". That nothing was done is inferred"),
                        "{help}"
                    );
                    let by_name = [204, 207, 208, 304, 402].contains(&code.number());
                    assert_eq!(basis.ends_with("the name of the code alone"), by_name);
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
    // The bulk host names no ids per call, but it names the request.
    for bare in [
        json!({"api-response-code": 200}),
        json!({"api-response-code": 200, "request-id": "", "call-details": null}),
    ] {
        let outcome = told(Kind::Bulk, says(200, bare)).await;
        assert_eq!(outcome.outcome(), Outcome::Unknown);
    }
}

/// 205 may be about one call of many (documented): whoever reads it as a refusal of all calls somebody twice.
#[tokio::test]
async fn a_refusal_that_names_calls_is_no_refusal() {
    let details = json!([
        {"client-identifier": "c-1", "phonon-uuid": "u-1"},
        {"client-identifier": "c-2", "reason": "Invalid Contact Number"},
    ]);
    for code in [205, 202, 212] {
        for kind in [Kind::RealTime, Kind::Bulk] {
            let body = json!({"api-response-code": code, "api-response-message": "Invalid Security ID",
                "request-id": "r", "call-details": details});
            let Submission::Unknown(unknown) = told(kind, says(200, body.clone())).await else {
                panic!("{code} {kind:?}")
            };
            assert_eq!(
                unknown.cause().provider_code(),
                Some(code.to_string().as_str())
            );
            assert!(unknown.cause().help().unwrap().contains("never resend"));
            let kept: Value = serde_json::from_slice(unknown.answer().unwrap().expose()).unwrap();
            assert_eq!(kept, body);
        }
    }
    // Entries without an id take nothing back.
    let body = json!({"api-response-code": 205, "call-details": [{"client-identifier": "c-1"}]});
    let outcome = told(Kind::RealTime, says(200, body)).await;
    assert_eq!(outcome.outcome(), Outcome::Rejected);
}

/// Whoever takes the status for a refusal of calls that the body names calls somebody twice.
#[tokio::test]
async fn a_status_of_refusal_beside_ids_is_no_refusal() {
    let details = r#""call-details":[{"client-identifier":"c-1","phonon-uuid":"u-1"}]"#;
    for status in [401, 403, 413] {
        for body in [
            format!("\u{feff}{{\"api-response-code\":205,{details}}}"),
            format!("{{\"api-response-code\":200.0,{details}}}"),
            format!("{{{details}}}"),
            format!("{{\"api-response-code\":200,{details}"),
            r#"{"request-id":"r-1"}"#.to_owned(),
        ] {
            for kind in [Kind::RealTime, Kind::Bulk] {
                let answer = ResponseTemplate::new(status).set_body_string(body.clone());
                let Submission::Unknown(unknown) = told(kind, answer).await else {
                    panic!("{status} {body}")
                };
                assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
            }
        }
    }
    // A mark before the body hides no code, whatever the status.
    let marked = |body: Value| format!("\u{feff}{body}");
    for (body, expected) in [
        (success(), Outcome::Accepted),
        (json!({"api-response-code": 401}), Outcome::Rejected),
    ] {
        let answer = ResponseTemplate::new(403).set_body_string(marked(body));
        assert_eq!(told(Kind::RealTime, answer).await.outcome(), expected);
    }
}

#[tokio::test]
async fn a_refusal_keeps_how_long_to_wait_and_what_it_rests_on() {
    let busy = says(200, json!({"api-response-code": 208})).insert_header("retry-after", "7");
    let Submission::Rejected(why) = told(Kind::RealTime, busy).await else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), Some(Duration::from_secs(7)));
    let closed = ResponseTemplate::new(403).insert_header("retry-after", "8");
    let Submission::Rejected(why) = told(Kind::RealTime, closed).await else {
        panic!()
    };
    assert_eq!(why.as_error().retry_after(), Some(Duration::from_secs(8)));
    assert!(why.as_error().help().unwrap().contains("inferred"));
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

/// Of two codes nobody knows which counts, and of two ids under one name one is lost.
#[tokio::test]
async fn a_member_that_comes_twice_decides_nothing() {
    for body in [
        r#"{"api-response-code":200,"request-id":"r","api-response-code":212}"#,
        r#"{"api-response-code":212,"request-id":"r","api-response-code":200}"#,
        r#"{"api-response-code":205,"call-details":[{"phonon-uuid":"u-1","phonon-uuid":null}]}"#,
        r#"{"api-response-code":205,"call-details":[{"phonon-uuid":"u-1"}],"call-details":null}"#,
    ] {
        for status in [200, 202, 400, 401, 403, 413] {
            for kind in [Kind::RealTime, Kind::Bulk] {
                let answer = ResponseTemplate::new(status).set_body_string(body);
                let Submission::Unknown(unknown) = told(kind, answer).await else {
                    panic!("{status} {body}")
                };
                assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
            }
        }
    }
}

#[tokio::test]
async fn an_unconfirmed_call_keeps_what_the_answer_says_of_it() {
    let body = json!({"api-response-code": 209, "api-response-message": "Partial Success", "request-id": "r", "call-details": [
        {"client-identifier": "c-1", "phonon-uuid": "u-1"},
        {"client-identifier": "c-2", "reason": "Invalid Contact Number"},
    ]});
    let Submission::Accepted(receipt) = told(Kind::RealTime, says(200, body)).await else {
        panic!()
    };
    let mut unconfirmed = receipt.calls.into_iter().skip(1).map(|(_, outcome)| {
        let Submission::Unknown(unknown) = outcome else {
            panic!()
        };
        assert_eq!(unknown.cause().provider_code(), Some("209"));
        assert_eq!(unknown.cause().body_excerpt(), Some("Partial Success"));
        unknown
            .answer()
            .map(|answer| serde_json::from_slice::<Value>(answer.expose()).unwrap())
    });
    let own = json!({"client-identifier": "c-2", "reason": "Invalid Contact Number"});
    assert_eq!(unconfirmed.next(), Some(Some(own)));
    assert_eq!(unconfirmed.next(), Some(None));
}

/// The code comes first whatever the HTTP status, and however much stands before it.
#[tokio::test]
async fn a_long_failure_is_read_to_its_code() {
    let long = format!(
        r#"{{"trace":"{}","api-response-code":212,"api-response-message":"Insufficient Balance"}}"#,
        "x".repeat(100_000)
    );
    let answer = ResponseTemplate::new(500).set_body_string(long);
    let server = server(answer).await;
    // Also where the user sets something else.
    for settings in [
        Settings::default(),
        Settings::default().with_timeouts(Duration::from_secs(9), Duration::from_secs(30)),
    ] {
        let kairos = at(&server, Kind::RealTime)
            .settings(settings)
            .build()
            .unwrap();
        let prepared = kairos.prepare(&three()).unwrap().remove(0);
        let Submission::Rejected(why) = kairos.send(prepared).await.unwrap() else {
            panic!()
        };
        assert_eq!(why.kind(), ErrorKind::InsufficientBalance);
    }
}
