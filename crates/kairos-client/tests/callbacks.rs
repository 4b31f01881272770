//! What the provider pushes after a call: every documented member, and what is only like one.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, SystemTime};

use kairos_client::core::{Callback, CallbackError, CallbackParser, CallbackRequest, Secret};
use kairos_client::{PostCall, PostCallParser};
use serde_json::{Value, json};

fn parse(body: &[u8]) -> Result<PostCall, CallbackError> {
    let header = |_: &str| None;
    let request = CallbackRequest::new(&header, body, SystemTime::UNIX_EPOCH);
    match PostCallParser::new().parse(&request)? {
        Callback::Unverified(push) => Ok(push),
        Callback::Verified(_) => panic!("nothing signs a push"),
    }
}

fn read(body: &Value) -> PostCall {
    parse(body.to_string().as_bytes()).unwrap()
}

fn shown(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::expose)
}

/// Every member that the documentation shows, with one more in each place.
fn full() -> Value {
    json!({
        "phonon-uuid": "u-1",
        "campaign": "c",
        "callDetails": [{
            "cdrId": "cdr-1",
            "startTime": "2026-03-11 09:00:00.000",
            "connectTime": "2026-03-11 09:00:05.000",
            "endTime": "2026-03-11 09:00:30.467",
            "calleeNumber": "919812345678",
            "didNumber": "918047000000",
            "hangupCause": "16",
            "duration": "25467",
            "dtmfPressesd": [{ "key": "1", "eventTime": "2026-03-11 09:00:10.000", "label": "Menu", "extra": 1 }],
            "incoming": false,
            "calleeType": "VISITOR",
            "remoteHangup": true,
            "is_ringing": "true",
            "ringingStartTime": "2026-03-11 09:00:02.000",
            "foreignCallIds": ["f-1", "f-2"],
            "region": "MH",
        }],
        "smsDetails": [{
            "id": "s-1", "text": "Hello", "to": "919812345678", "from": "PHONON", "sendTime": "t",
            "deliveryStatus": "SENT_TO_QUEUE", "parts": 1,
        }],
        "emailDetails": [{ "id": "e-1", "subject": "Due", "content": "Please", "from": "a@example.org", "cc": [] }],
    })
}

#[test]
fn every_documented_member_is_read_and_every_other_is_kept() {
    for body in [full(), json!({ "body": full() })] {
        let push = read(&body);
        assert_eq!(push.phonon_uuid.as_deref(), Some("u-1"));
        assert_eq!(push.other.0["campaign"], "c");
        let call = &push.calls[0];
        assert_eq!(call.cdr_id.as_deref(), Some("cdr-1"));
        assert_eq!(call.start_time.as_deref(), Some("2026-03-11 09:00:00.000"));
        assert_eq!(
            call.connect_time.as_deref(),
            Some("2026-03-11 09:00:05.000")
        );
        assert_eq!(call.end_time.as_deref(), Some("2026-03-11 09:00:30.467"));
        assert_eq!(
            call.ringing_start_time.as_deref(),
            Some("2026-03-11 09:00:02.000")
        );
        assert_eq!(shown(call.callee_number.as_ref()), Some("919812345678"));
        assert_eq!(shown(call.did_number.as_ref()), Some("918047000000"));
        assert_eq!(call.hangup_cause.as_deref(), Some("16"));
        // Milliseconds: end less connect.
        assert_eq!(call.duration, Some(Duration::from_millis(25_467)));
        assert_eq!(shown(call.dtmf[0].key.as_ref()), Some("1"));
        assert_eq!(call.dtmf[0].label.as_deref(), Some("Menu"));
        assert_eq!(call.dtmf[0].other.0["extra"], 1);
        assert_eq!(
            (call.incoming, call.remote_hangup, call.is_ringing),
            (Some(false), Some(true), Some(true))
        );
        assert_eq!(call.callee_type.as_deref(), Some("VISITOR"));
        assert_eq!(call.foreign_call_ids, ["f-1", "f-2"]);
        assert_eq!(call.other.0.len(), 1);
        assert_eq!(call.other.0["region"], "MH");
        let sms = &push.sms[0];
        assert_eq!(
            (shown(sms.text.as_ref()), shown(sms.to.as_ref())),
            (Some("Hello"), Some("919812345678"))
        );
        assert_eq!(sms.delivery_status.as_deref(), Some("SENT_TO_QUEUE"));
        assert_eq!(
            (
                shown(sms.from.as_ref()),
                sms.send_time.as_deref(),
                sms.other.0.len()
            ),
            (Some("PHONON"), Some("t"), 1)
        );
        let email = &push.emails[0];
        assert_eq!(
            (shown(email.subject.as_ref()), shown(email.content.as_ref())),
            (Some("Due"), Some("Please"))
        );
        assert_eq!(
            (shown(email.from.as_ref()), email.other.0.len()),
            (Some("a@example.org"), 1)
        );
        let told = format!("{push:?}");
        assert!(
            !told.contains("a@example.org") && !told.contains("\"PHONON\""),
            "{told}"
        );
    }
}

#[test]
fn the_least_and_the_odd() {
    let least = read(&json!({ "phonon-uuid": "u-1" }));
    assert_eq!(
        (least.calls.len(), least.sms.len(), least.emails.len()),
        (0, 0, 0)
    );
    // Numbers for texts, texts for numbers and truths; what is neither stays where it is.
    let odd = read(&json!({ "phonon-uuid": 7, "callDetails": [
        { "hangupCause": 16, "duration": 25467, "incoming": "FALSE", "is_ringing": true, "calleeNumber": 919812345678_u64 },
        { "duration": "soon", "incoming": "perhaps", "cdrId": [1], "dtmfPressesd": "1" },
        "no call",
    ] }));
    assert_eq!(odd.phonon_uuid.as_deref(), Some("7"));
    assert_eq!(odd.calls.len(), 2);
    assert_eq!(odd.calls[0].hangup_cause.as_deref(), Some("16"));
    assert_eq!(odd.calls[0].duration, Some(Duration::from_millis(25_467)));
    assert_eq!(
        (odd.calls[0].incoming, odd.calls[0].is_ringing),
        (Some(false), Some(true))
    );
    assert_eq!(
        shown(odd.calls[0].callee_number.as_ref()),
        Some("919812345678")
    );
    assert_eq!(odd.calls[1].other.0.len(), 4, "{:?}", odd.calls[1].other);
}

#[test]
fn junk_is_refused() {
    for junk in [
        &b""[..],
        b"null",
        b"[]",
        b"7",
        b"\"phonon-uuid\"",
        b"{}",
        b"{\"body\":{}}",
        b"{\"body\":7}",
        b"{\"hello\":1}",
        b"{\"phonon-uuid\":",
        b"\xff\xfe",
        b"phonon-uuid=u-1",
    ] {
        let refused = parse(junk);
        assert!(
            matches!(refused, Err(CallbackError::Malformed(_))),
            "{junk:?}: {refused:?}"
        );
    }
    let deep = format!(
        "{{\"phonon-uuid\":{}1{}}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert!(parse(deep.as_bytes()).is_err());
    // A megabyte is read, one byte more is not.
    let around = json!({ "phonon-uuid": "" }).to_string().len();
    let largest = json!({ "phonon-uuid": "u".repeat((1 << 20) - around) }).to_string();
    assert_eq!(largest.len(), 1 << 20);
    assert!(parse(largest.as_bytes()).is_ok());
    assert_eq!(
        parse(format!("{largest} ").as_bytes()),
        Err(CallbackError::TooLarge)
    );
    let huge = json!({ "phonon-uuid": "u".repeat(2 << 20) }).to_string();
    assert_eq!(parse(huge.as_bytes()), Err(CallbackError::TooLarge));
    let whole = full().to_string();
    for length in 0..whole.len() {
        assert!(parse(&whole.as_bytes()[..length]).is_err());
    }
}

#[test]
fn nothing_that_came_is_lost() {
    let push = read(
        &json!({ "account": "a-1", "phonon-uuid": "outer", "body": { "phonon-uuid": "inner", "callDetails": [
        { "dtmfPressesd": [{ "key": "1" }, 7], "foreignCallIds": ["f-1", { "id": 2 }] },
        "no call",
    ] } }),
    );
    // What the body says goes first.
    assert_eq!(push.phonon_uuid.as_deref(), Some("inner"));
    assert_eq!(push.other.0["account"], "a-1");
    assert_eq!(push.other.0["callDetails"], json!(["no call"]));
    assert_eq!(push.calls[0].dtmf.len(), 1);
    assert_eq!(push.calls[0].other.0["dtmfPressesd"], json!([7]));
    assert_eq!(push.calls[0].foreign_call_ids, ["f-1"]);
    assert_eq!(
        push.calls[0].other.0["foreignCallIds"],
        json!([{ "id": 2 }])
    );
    let beside = read(&json!({ "phonon-uuid": "u-1", "body": 7 }));
    assert_eq!(beside.other.0["body"], 7);
}

#[test]
fn the_scheme_of_basic_credentials_has_no_case() {
    let parser = PostCallParser::requiring_basic("phonon", &Secret::new("pass"));
    let taken = |given: &'static str| {
        let header = |name: &str| (name == "authorization").then_some(given.as_bytes());
        let push = br#"{"phonon-uuid":"u-1"}"#;
        let request = CallbackRequest::new(&header, push, SystemTime::UNIX_EPOCH);
        parser.parse(&request).is_ok()
    };
    // base64 of "phonon:pass".
    for good in ["cGhvbm9uOnBhc3M=", "cGhvbm9uOnBhc3M= "] {
        for scheme in ["Basic ", "basic ", "BASIC  "] {
            let given: &'static str = format!("{scheme}{good}").leak();
            assert!(taken(given), "{given}");
        }
    }
    for bad in [
        "",
        "Basic",
        "Basic ",
        "cGhvbm9uOnBhc3M=",
        "Bearer cGhvbm9uOnBhc3M=",
        "Basic cghvbm9uOnBhc3M=",
        "BasiccGhvbm9uOnBhc3M=",
    ] {
        assert!(!taken(bad), "{bad}");
    }
}
