//! Exact bytes on the wire, one transmission whatever happens, and every answer told as it is.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanap_client::core::{
    Clock, Delivery, Error, ErrorKind, NotSent, OtpCode, OtpRequest, OtpSender as _, Outcome,
    PendingOtp, Provider as _, Secret, Submission, SubscriptionOtp as _,
};
use fanap_client::http::Settings;
use fanap_client::otp::{CommitOutcome, MemoryOtpStore, commit_once};
use fanap_client::{Client, Committed, Phone, ServiceKey, Started, Token, verify};
use serde_json::Value;
use support::*;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn start(client: &Client) -> Result<Submission<Started>, NotSent> {
    let phone = client.phone(&number()).unwrap();
    client
        .start(&reference("r-1"), &service_key(), &phone)
        .await
}

async fn commit(client: &Client) -> Result<Submission<Committed>, NotSent> {
    let phone = client.phone(&number()).unwrap();
    let token = Token::parse("3007").unwrap();
    client
        .commit(
            &reference("r-1"),
            &service_key(),
            &phone,
            CORRELATION,
            &token,
        )
        .await
}

/// Both calls, as what they have in common.
async fn both(client: &Client) -> [Result<Submission<()>, NotSent>; 2] {
    let started = start(client).await.map(|answer| answer.map(drop));
    let committed = commit(client).await.map(|answer| answer.map(drop));
    [started, committed]
}

fn cause(answer: Result<Submission<()>, NotSent>) -> Error {
    match answer {
        Ok(Submission::Unknown(unknown)) => unknown.cause().clone(),
        other => panic!("{other:?}"),
    }
}

async fn server(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(answer)
        .mount(&server)
        .await;
    server
}

fn at(url: &str) -> Client {
    builder()
        .base_url(url)
        .timeouts(Duration::from_secs(2), Duration::from_secs(2))
        .build()
        .unwrap()
}

fn json(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.as_bytes(), "application/json")
}

#[tokio::test]
async fn start_and_commit_reach_a_server_that_checks_the_signature() {
    let server = MockServer::start().await;
    for (operation, answer) in [("start", STARTED), ("commit", COMMITTED)] {
        Mock::given(method("POST"))
            .and(path(format!("/gateway/api/Subscription/grant/{operation}")))
            .respond_with(json(200, answer))
            .mount(&server)
            .await;
    }
    let client = builder()
        .base_url(format!("{}/gateway/", server.uri()))
        .extra_header("X-Gateway", Secret::new("token-of-the-gateway"))
        .build()
        .unwrap();
    let Submission::Accepted(started) = start(&client).await.unwrap() else {
        panic!()
    };
    assert_eq!(started.correlation_id, CORRELATION);
    assert_eq!(commit(&client).await.unwrap().outcome(), Outcome::Accepted);

    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests.len(), 2);
    for request in requests {
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json; charset=utf-8");
        assert_eq!(header("x-gateway"), "token-of-the-gateway");
        assert!(!request.headers.contains_key("authorization"));
        assert_eq!(header("content-length"), request.body.len().to_string());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let signed = [
            header("appid"),
            header("tenantid"),
            text(&body, "Date").to_owned(),
        ];
        let signer = client.signer();
        assert!(verify(
            signer.public_key(),
            signer.hash(),
            &signed.join("#"),
            text(&body, "Signature")
        ));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_proves_nothing() {
    let elsewhere = server(json(200, STARTED)).await;
    let answer = ResponseTemplate::new(302).insert_header("location", elsewhere.uri());
    let server = server(answer).await;
    for answer in both(&at(&server.uri())).await {
        assert_eq!(cause(answer).http_status(), Some(302));
    }
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_above_the_cap_is_unknown() {
    for status in [200, 400] {
        let server = server(json(status, &" ".repeat(1024 * 1024 + 1))).await;
        for answer in both(&at(&server.uri())).await {
            assert_ne!(cause(answer).delivery(), Delivery::NotSent);
        }
        assert_eq!(server.received_requests().await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_slow_answer_past_the_timeout_is_unknown() {
    let server = server(json(200, COMMITTED).set_delay(Duration::from_secs(5))).await;
    let client = builder()
        .base_url(server.uri())
        .timeouts(Duration::from_secs(1), Duration::from_millis(150))
        .build()
        .unwrap();
    let [started, committed] = both(&client).await;
    let (started, committed) = (cause(started), cause(committed));
    assert_eq!(
        (started.kind(), committed.kind()),
        (ErrorKind::Timeout, ErrorKind::Timeout)
    );
    assert!(
        started
            .help()
            .unwrap()
            .contains("if none arrives, start again")
    );
    assert!(committed.help().unwrap().contains("do not commit again"));
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    for answer in both(&at(&url)).await {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Connect);
    }
}

#[tokio::test]
async fn a_pooled_connection_that_dies_never_leads_to_a_second_copy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = at(&format!("http://{}", listener.local_addr().unwrap()));
    let copies = tokio::spawn(async move {
        let mut commits = 0;
        let quiet = Duration::from_millis(500);
        while let Ok(Ok((mut stream, _))) = tokio::time::timeout(quiet, listener.accept()).await {
            // One answer, and the connection stays open; then the next request on it is read and the connection closed.
            while let Some(request) = whole_request(&mut stream).await {
                if request.contains("/grant/commit") {
                    commits += 1;
                    break;
                }
                let length = STARTED.len();
                let answer =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{STARTED}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
        commits
    });
    assert_eq!(start(&client).await.unwrap().outcome(), Outcome::Accepted);
    assert_eq!(commit(&client).await.unwrap().outcome(), Outcome::Unknown);
    assert_eq!(copies.await.unwrap(), 1);
}

#[tokio::test]
async fn a_chunked_answer_is_read_and_a_cut_one_is_unknown() {
    for (ending, expected) in [("0\r\n\r\n", Outcome::Accepted), ("", Outcome::Unknown)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = at(&format!("http://{}", listener.local_addr().unwrap()));
        let serve = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            whole_request(&mut stream).await.unwrap();
            let (one, two) = COMMITTED.split_at(9);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nServer: Kestrel\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n{ending}",
                one.len(),
                two.len(),
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let answer = commit(&client).await.unwrap();
        assert_eq!(answer.outcome(), expected);
        if let Submission::Unknown(unknown) = answer {
            assert_eq!(unknown.answer().unwrap().expose(), COMMITTED.as_bytes());
        }
        serve.await.unwrap();
    }
}

#[tokio::test]
async fn every_answer_of_the_vectors_is_one_transmission_and_told_as_the_table_says() {
    let vectors = read(include_str!("../vectors/responses.json"));
    for vector in vectors["vectors"].as_array().unwrap() {
        let (id, class) = (text(vector, "id"), text(&vector["expect"], "class"));
        let is_start = vector["operation"] == "start";
        let body = match vector["body"].as_str() {
            Some(body) => body.as_bytes().to_vec(),
            None => telco_crypto::encoding::decode_base64(text(vector, "body_base64")).unwrap(),
        };
        let status = u16::try_from(vector["status"].as_u64().unwrap()).unwrap();
        let told = Told::with([Ok((status, body.clone()))]);
        let transport: Arc<dyn fanap_client::http::Transport> = told.clone();
        let client = builder()
            .transport(transport)
            .reconnects(2)
            .build()
            .unwrap();
        let answer = if is_start {
            start(&client).await.map(|answer| answer.map(drop))
        } else {
            commit(&client).await.map(|answer| answer.map(drop))
        };
        assert_eq!(told.seen.lock().unwrap().len(), 1, "{id}");
        let answer = answer.unwrap();
        let expected = match class {
            "ok" => Outcome::Accepted,
            "protocol" | "transient" | "unknown-outcome" => Outcome::Unknown,
            "conflict" if !is_start => Outcome::Unknown,
            // Not the provider's word about anything; and a refusal that holds good news is none to build on.
            _ if status == 302 || body_has_good_news(vector) => Outcome::Unknown,
            _ => Outcome::Rejected,
        };
        assert_eq!(answer.outcome(), expected, "{id}: {class}");
        let error = match answer {
            Submission::Accepted(()) => continue,
            Submission::Rejected(rejection) => {
                let says = if is_start {
                    "no message was sent"
                } else {
                    "nothing was charged"
                };
                assert!(rejection.to_string().contains(says), "{id}: {rejection}");
                rejection.as_error().clone()
            }
            Submission::Unknown(unknown) => {
                let says = if is_start {
                    "may have been sent"
                } else {
                    "may have been charged"
                };
                assert!(
                    unknown.cause().to_string().contains(says),
                    "{id}: {}",
                    unknown.cause()
                );
                let kept = unknown.answer().map(|answer| answer.expose().to_vec());
                assert_eq!(kept.unwrap_or_default(), body, "{id}");
                unknown.cause().clone()
            }
        };
        assert!(!error.is_retryable(), "{id}");
        assert_eq!(error.http_status(), Some(status), "{id}");
        assert_eq!(error.provider(), Some("fanap"));
        assert!(error.help().is_some(), "{id}");
    }
}

/// It says that it was done, or that nothing went wrong, beside the refusal.
fn body_has_good_news(vector: &Value) -> bool {
    let expect = &vector["expect"];
    expect["success"] == true || expect["response"] == 0
}

#[tokio::test]
async fn a_refusal_that_says_done_is_unknown() {
    for (status, body) in [
        (400, COMMITTED),
        (429, r#"{"response":0}"#),
        (200, r#"{"response":0,"error":{"code":0,"message":""}}"#),
        (200, r#"{"code":99,"ghasedakResult":{"code":200}}"#),
    ] {
        let told = Told::with([says(status, body), says(status, body)]);
        for answer in both(&client(&told)).await {
            assert_eq!(
                answer.unwrap().outcome(),
                Outcome::Unknown,
                "{status} {body}"
            );
        }
    }
    // A zero that stands beside a plain refusal is no news.
    let plain = r#"{"response":0,"success":false,"error":{"code":1013}}"#;
    let answer = commit(&client(&Told::with([says(200, plain)])))
        .await
        .unwrap();
    assert_eq!(answer.outcome(), Outcome::Rejected);
}

/// What a person reads first. In doubt it warns of the second charge, or of the second message, before anything else.
/// Of two results nobody knows which counts. Two spellings of a name are no repeat (section 6.1 of the protocol).
#[tokio::test]
async fn a_member_that_comes_twice_decides_nothing() {
    for body in [
        r#"{"response":5,"response":0,"success":false}"#,
        r#"{"response":0,"response":5,"success":false}"#,
        r#"{"response":5,"success":true,"success":false}"#,
        r#"{"error":{"code":101,"code":0},"success":false}"#,
    ] {
        for status in [200, 400, 401, 409] {
            let client = client(&Told::with([says(status, body), says(status, body)]));
            for answer in both(&client).await {
                let Ok(Submission::Unknown(unknown)) = answer else {
                    panic!("{status} {body}")
                };
                assert_eq!(unknown.answer().unwrap().expose(), body.as_bytes());
            }
        }
    }
    let spelt_twice = r#"{"response":5,"Response":0,"success":false}"#;
    let told = Told::with([says(200, spelt_twice)]);
    let answer = commit(&client(&told)).await.unwrap();
    assert_eq!(answer.outcome(), Outcome::Rejected);
}

#[tokio::test]
async fn help_says_what_to_do_next() {
    let again = "do not commit again";
    for (status, body, kind, commit_help, start_help) in [
        (500, "", ErrorKind::Unavailable, again, "start again"),
        (408, "", ErrorKind::Timeout, again, "start again"),
        (200, "", ErrorKind::UnreadableAnswer, again, "start again"),
        (
            302,
            "",
            ErrorKind::InvalidConfiguration,
            again,
            "start again",
        ),
        (
            404,
            "",
            ErrorKind::InvalidConfiguration,
            "check the base URL",
            "check the base URL",
        ),
        (
            429,
            "",
            ErrorKind::RateLimited,
            "wait before the next try",
            "wait before the next try",
        ),
        (
            401,
            "",
            ErrorKind::Authentication,
            "check that the key is the private one",
            "check that the key is the private one",
        ),
        (
            400,
            r#"{"error":{"code":1013}}"#,
            ErrorKind::WrongCode,
            "type the code again",
            "type the code again",
        ),
        (
            400,
            r#"{"error":{"code":1009}}"#,
            ErrorKind::Expired,
            "start anew",
            "start anew",
        ),
        (
            400,
            "",
            ErrorKind::InvalidInput,
            "check the number",
            "check the number",
        ),
        (
            200,
            r#"{"response":5,"success":false}"#,
            ErrorKind::Other,
            "the caller's choice",
            "the caller's choice",
        ),
    ] {
        let told = Told::with([says(status, body), says(status, body)]);
        let [started, committed] = both(&client(&told)).await;
        for (answer, help) in [(started, start_help), (committed, commit_help)] {
            let error = match answer.unwrap() {
                Submission::Rejected(rejection) => rejection.as_error().clone(),
                Submission::Unknown(unknown) => unknown.cause().clone(),
                Submission::Accepted(()) => panic!("{status} {body}"),
            };
            let said = error.help().unwrap();
            assert!(said.contains(help), "{status} {body}: {said}");
        }
        let told = Told::with([says(status, body)]);
        let error = match commit(&client(&told)).await.unwrap() {
            Submission::Rejected(rejection) => rejection.as_error().clone(),
            Submission::Unknown(unknown) => unknown.cause().clone(),
            Submission::Accepted(_) => panic!("{status} {body}"),
        };
        assert_eq!(error.kind(), kind, "{status} {body}");
    }
}

#[test]
fn a_service_has_the_resends_that_it_is_given() {
    let service = client(&Told::with([])).service(service_key());
    let patient = service
        .otp_capabilities()
        .clone()
        .resends(7, Duration::from_secs(180));
    let service = service.capabilities(patient.clone());
    assert_eq!(*service.otp_capabilities(), patient);
    assert_eq!(service.otp_capabilities().max_resends, 7);
}

/// The number in `response` names a refusal; a long one could be anything. The provider's words are kept for a person.
#[tokio::test]
async fn a_refusal_keeps_the_providers_number_and_words() {
    for (body, code, words) in [
        (r#"{"response":-7,"success":false}"#, Some("-7"), "success"),
        (
            r#"{"response":999999,"success":false}"#,
            Some("999999"),
            "success",
        ),
        (r#"{"response":1000000,"success":false}"#, None, "success"),
        (r#"{"response":0,"success":false}"#, None, "success"),
        (
            r#"{"success":false,"error":{"code":1001,"message":"no such tenant"}}"#,
            Some("1001"),
            "no such tenant",
        ),
    ] {
        let told = Told::with([says(200, body)]);
        let error = match commit(&client(&told)).await.unwrap() {
            Submission::Rejected(rejection) => rejection.as_error().clone(),
            Submission::Unknown(unknown) => unknown.cause().clone(),
            Submission::Accepted(_) => panic!("{body}"),
        };
        assert_eq!(error.provider_code(), code, "{body}");
        let excerpt = error.body_excerpt().unwrap();
        assert!(excerpt.contains(words), "{body}: {excerpt}");
    }
}

/// Booleans come as text too. What is neither is no answer to whether it was done.
#[tokio::test]
async fn a_success_told_as_text_is_read_and_any_other_text_is_not() {
    for (body, outcome) in [
        (r#"{"response":0,"success":"True"}"#, Outcome::Accepted),
        (r#"{"response":5,"success":"FALSE"}"#, Outcome::Rejected),
        (r#"{"response":5,"success":"no"}"#, Outcome::Unknown),
        (r#"{"response":0,"success":"no"}"#, Outcome::Unknown),
        (r#"{"response":5,"success":0}"#, Outcome::Unknown),
    ] {
        let told = Told::with([says(200, body)]);
        let answer = commit(&client(&told)).await.unwrap();
        assert_eq!(answer.outcome(), outcome, "{body}");
    }
}

#[tokio::test]
async fn a_failure_names_the_call() {
    let told = Told::with([says(401, ""), says(401, "")]);
    let client = client(&told);
    let Submission::Rejected(at_start) = start(&client).await.unwrap() else {
        panic!()
    };
    let Submission::Rejected(at_commit) = commit(&client).await.unwrap() else {
        panic!()
    };
    assert_eq!(at_start.as_error().operation(), Some("start"));
    assert_eq!(at_commit.as_error().operation(), Some("commit"));
}

#[test]
fn a_code_is_digits_or_by_leave_any_visible_text() {
    for raw in ["30a7", "OTP 3007"] {
        assert!(Token::parse(raw).is_err());
        assert_eq!(Token::raw(raw).unwrap().expose(), raw);
    }
    for never in ["", "\n", "30\u{0}07"] {
        assert!(Token::raw(never).is_err(), "{never:?}");
    }
    let refused = Token::parse("30a7").unwrap_err().to_string();
    assert!(refused.contains("four digits"), "{refused}");
}

#[tokio::test]
async fn a_code_of_zero_is_no_error() {
    for (body, outcome) in [
        (
            r#"{"response":0,"success":true,"code":0}"#,
            Outcome::Accepted,
        ),
        (
            r#"{"response":0,"success":true,"code":"0"}"#,
            Outcome::Accepted,
        ),
        (
            r#"{"response":0,"success":true,"code":1013}"#,
            Outcome::Unknown,
        ),
    ] {
        let told = Told::with([says(200, body)]);
        let answer = commit(&client(&told)).await.unwrap();
        assert_eq!(answer.outcome(), outcome, "{body}");
    }
}

#[tokio::test]
async fn errors_name_code_wait_and_skew() {
    let told = Told::with([
        says(
            429,
            r#"{"success":false,"error":{"code":9999,"message":"GH-419 retries exceeded"}}"#,
        ),
        says(
            400,
            r#"{"success":false,"error":{"code":1011,"message":"RequestDateTimeIsOutOfRange"}}"#,
        ),
        says(200, r#"{"response":-7,"success":false}"#),
        says(400, r#"{"success":false,"error":{"code":1015}}"#),
    ]);
    *told.headers.lock().unwrap() = vec![
        ("retry-after", "30".to_owned()),
        ("date", "Mon, 24 Sep 2018 12:11:27 GMT".to_owned()),
    ];
    let client = client(&told);
    let mut errors = Vec::new();
    for _ in 0..4 {
        let Submission::Rejected(rejection) = commit(&client).await.unwrap() else {
            panic!()
        };
        errors.push(rejection.as_error().clone());
    }
    let [rate, clock, operator, phone] = errors.as_slice() else {
        panic!()
    };
    assert_eq!(rate.kind(), ErrorKind::RateLimited);
    assert_eq!(rate.operation(), Some("commit"));
    assert_eq!(rate.provider_code(), Some("9999"));
    assert!(rate.message().contains("(retries exceeded)"), "{rate}");
    assert_eq!(rate.retry_after(), Some(Duration::from_secs(30)));
    assert_eq!(clock.kind(), ErrorKind::ClockSkew);
    let help = clock.help().unwrap();
    assert!(
        help.contains("599 s behind the provider's") && help.contains("public.xml"),
        "{help}"
    );
    assert_eq!(
        (operator.kind(), operator.provider_code()),
        (ErrorKind::Other, Some("-7"))
    );
    assert_eq!(phone.kind(), ErrorKind::InvalidRecipient);
}

fn refused_connection() -> Error {
    NotSent::new(ErrorKind::Connect, "no connection: the host refuses it").into()
}

#[tokio::test]
async fn reconnects_are_opt_in_bounded_and_freshly_dated() {
    let told = Told::with([Err(refused_connection())]);
    assert_eq!(
        commit(&client(&told)).await.unwrap_err().kind(),
        ErrorKind::Connect
    );
    assert_eq!(told.seen.lock().unwrap().len(), 1);

    let hands = Ticking::new();
    let told = Told::with([
        Err(refused_connection()),
        Err(refused_connection()),
        says(200, COMMITTED),
        Err(refused_connection()),
        Err(refused_connection()),
        Err(refused_connection()),
    ]);
    let client = builder()
        .transport(told.clone())
        .clock(hands)
        .reuse_window(Duration::from_secs(1))
        .reconnects(2)
        .build()
        .unwrap();
    assert_eq!(commit(&client).await.unwrap().outcome(), Outcome::Accepted);
    let mut dates = told.dates();
    dates.dedup();
    assert_eq!(dates.len(), 3, "a fresh date each time");
    assert!(commit(&client).await.is_err());
    assert_eq!(
        (told.dates().len(), told.pauses.lock().unwrap().len()),
        (6, 4)
    );

    // What may have left is never sent again, whatever a transport calls its failure; nor is what failed otherwise.
    for (failure, sent) in [
        (Error::in_doubt(ErrorKind::Interrupted, "broke"), true),
        (Error::in_doubt(ErrorKind::Connect, "broke"), true),
        (NotSent::new(ErrorKind::InvalidInput, "no").into(), false),
    ] {
        let told = Told::with([Err(failure)]);
        let client = builder()
            .transport(told.clone())
            .reconnects(2)
            .build()
            .unwrap();
        match commit(&client).await {
            Ok(answer) => assert_eq!((answer.outcome(), sent), (Outcome::Unknown, true)),
            Err(_) => assert!(!sent),
        }
        assert_eq!(told.seen.lock().unwrap().len(), 1);
    }
    let told = Told::with([]);
    assert!(builder().transport(told).reconnects(3).build().is_err());
}

/// Every look at it is a millisecond later.
#[derive(Debug)]
struct Ticking(std::sync::atomic::AtomicU64);

impl Ticking {
    fn new() -> Arc<Self> {
        Arc::new(Self(NOW.into()))
    }
}

impl Clock for Ticking {
    fn now(&self) -> SystemTime {
        let ms = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        UNIX_EPOCH + Duration::from_millis(ms)
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(std::sync::atomic::Ordering::SeqCst) - NOW)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_on_an_empty_slot_carry_one_date() {
    for (window, expected) in [(1_000, 1), (0, 64)] {
        let told = Told::with((0..64).map(|_| says(200, STARTED)));
        let client = builder()
            .transport(told.clone())
            .clock(Ticking::new())
            .reuse_window(Duration::from_millis(window))
            .build()
            .unwrap();
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { start(&client).await.unwrap().outcome() })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap(), Outcome::Accepted);
        }
        let distinct = |field: &str| {
            let mut values: Vec<String> = told
                .bodies()
                .iter()
                .map(|body| text(body, field).to_owned())
                .collect();
            values.sort();
            values.dedup();
            values.len()
        };
        assert_eq!(
            (distinct("Date"), distinct("Signature")),
            (expected, expected)
        );
    }
}

/// The pool's only thread is busy, so what needs it does not get done.
#[cfg(feature = "tokio")]
#[test]
fn signing_is_work_for_the_blocking_pool_unless_told_otherwise() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (release, released) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || released.recv());
        for in_place in [true, false] {
            let told = Told::with([says(200, STARTED)]);
            let builder = builder().transport(told.clone());
            let client = builder.sign_in_place(in_place).build().unwrap();
            let patience = Duration::from_millis(100);
            let answered = tokio::time::timeout(patience, start(&client)).await.is_ok();
            assert_eq!(answered, in_place);
            assert_eq!(told.seen.lock().unwrap().len(), usize::from(in_place));
        }
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
    });
}

#[tokio::test]
async fn a_refused_signature_or_date_empties_the_slot() {
    let clock = r#"{"success":false,"error":{"code":1010}}"#;
    for (status, body, distinct) in [
        (401, "", 2),
        (400, clock, 2),
        (400, "", 1),
        (200, STARTED, 1),
    ] {
        let told = Told::with([says(status, body), says(200, STARTED)]);
        let client = builder()
            .transport(told.clone())
            .clock(Ticking::new())
            .reuse_window(Duration::from_secs(1))
            .build()
            .unwrap();
        let _ = start(&client).await.unwrap();
        let _ = start(&client).await.unwrap();
        let mut dates = told.dates();
        dates.dedup();
        assert_eq!(dates.len(), distinct, "{status} {body}");
    }
}

#[tokio::test]
async fn a_call_can_ask_for_a_fresh_date() {
    let told = Told::with([says(200, STARTED), says(200, COMMITTED), says(200, STARTED)]);
    let client = builder()
        .transport(told.clone())
        .clock(Ticking::new())
        .reuse_window(Duration::from_secs(1))
        .build()
        .unwrap();
    let _ = start(&client).await.unwrap();
    let _ = commit(&client.fresh()).await.unwrap();
    let _ = start(&client).await.unwrap();
    let dates = told.dates();
    assert_ne!(dates[0], dates[1]);
    assert_eq!(dates[0], dates[2]);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |builder: fanap_client::Builder| {
        let refusal = builder.transport(Told::with([])).build().unwrap_err();
        assert_eq!(refusal.kind(), ErrorKind::InvalidConfiguration);
    };
    for name in [
        "AppId",
        "TENANTID",
        "Content-Type",
        "host",
        "content-length",
        "Transfer-Encoding",
        "a b",
        "",
    ] {
        refused(builder().extra_header(name, Secret::new("x")));
    }
    refused(builder().extra_header("x-ok", Secret::new("line\nbreak")));
    refused(builder().reuse_window(Duration::from_millis(1001)));
    refused(builder().base_url("https://sscp.sdp.fanap.plus?a=b"));
    refused(builder().base_url("http://sscp.sdp.fanap.plus"));
}

fn request(text: &str) -> OtpRequest {
    OtpRequest::new(number(), reference(text))
}

async fn pending(service: &fanap_client::Service) -> PendingOtp {
    match service.start(&request("r-2")).await.unwrap() {
        Submission::Accepted(challenge) => {
            assert_eq!(challenge.provider_id.as_deref(), Some(CORRELATION));
            assert!(challenge.verifiable);
            challenge.pending
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pending_code_survives_storage_and_commits_to_the_same_number() {
    for format in [
        fanap_client::PhoneFormat::ZeroPrefixed,
        fanap_client::PhoneFormat::National,
    ] {
        let told = Told::with([says(200, STARTED), says(200, COMMITTED)]);
        let starts = builder()
            .transport(told.clone())
            .phone_format(format)
            .build()
            .unwrap();
        let stored = pending(&starts.service(service_key())).await.to_storage();

        // Another process, in which somebody changed the form of numbers since.
        let commits = builder().transport(told.clone()).build().unwrap();
        let service = commits.service(service_key());
        let restored = PendingOtp::from_storage(&stored).unwrap();
        let answer = service
            .commit(&restored, &OtpCode::new(" ۰۴۲۳ "))
            .await
            .unwrap();
        let Submission::Accepted(subscription) = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(subscription.to, number());
        assert_eq!(subscription.reference, reference("r-2"));
        let bodies = told.bodies();
        assert_eq!(bodies[0]["PhoneNumber"], bodies[1]["PhoneNumber"]);
        assert_eq!(bodies[1]["Token"], "0423");
        assert_eq!(bodies[1]["CorrelationId"], CORRELATION);
        assert_eq!(bodies[1]["ServiceKey"], SERVICE);
    }
}

#[tokio::test]
async fn a_pending_code_opens_for_nobody_else_and_not_for_ever() {
    let told = Told::with([says(200, STARTED), says(200, STARTED)]);
    let hands = Hands::at(NOW);
    let client = builder()
        .transport(told.clone())
        .clock(hands.clone())
        .build()
        .unwrap();
    let service = client
        .service(service_key())
        .valid_for(Duration::from_secs(300));
    let pending = pending(&service).await;
    let code = OtpCode::new("3007");
    let refused = |answer: Result<Submission<_>, NotSent>| {
        answer
            .map(|_: Submission<fanap_client::core::Subscription>| ())
            .unwrap_err()
    };

    let other_service = client.service(ServiceKey::new("another-service").unwrap());
    assert_ne!(other_service.identity(), service.identity());
    assert_eq!(
        refused(other_service.commit(&pending, &code).await).kind(),
        ErrorKind::InvalidInput
    );

    let other_account = builder()
        .account("b")
        .transport(told.clone())
        .build()
        .unwrap();
    let foreign = other_account.service(service_key());
    assert_eq!(
        refused(foreign.commit(&pending, &code).await).kind(),
        ErrorKind::InvalidInput
    );

    for damaged in ["", "1", "2 a b c", "1 63b01900e9c4 09120000000 id"] {
        let damaged = PendingOtp::new(
            service.identity(),
            &request("r-3"),
            SystemTime::now(),
            None,
            damaged.into(),
        );
        assert_eq!(
            refused(service.commit(&damaged, &code).await).kind(),
            ErrorKind::InvalidInput
        );
    }
    for nonsense in ["", "30a7", "123", "123456789"] {
        let typed = OtpCode::new(nonsense);
        assert_eq!(
            refused(service.commit(&pending, &typed).await).kind(),
            ErrorKind::InvalidInput
        );
    }
    hands.advance(300_000);
    assert_eq!(
        refused(service.commit(&pending, &code).await).kind(),
        ErrorKind::Expired
    );
    assert_eq!(
        told.seen.lock().unwrap().len(),
        1,
        "nothing but the start was sent"
    );

    // Who sets no time has no end: how long a code lives is unknown.
    let endless = client.service(service_key());
    let pending = self::pending(&endless).await;
    assert_eq!(pending.expires_at(), None);
}

#[tokio::test]
async fn numbers_of_other_countries_are_not_sent() {
    let told = Told::with([]);
    let service = client(&told).service(service_key());
    let abroad = fanap_client::core::Msisdn::parse("2348031234567").unwrap();
    assert!(!service.otp_capabilities().reaches(&abroad));
    let refused = service
        .start(&OtpRequest::new(abroad, reference("r-4")))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidRecipient);
}

#[tokio::test]
async fn of_two_clicks_one_commits() {
    let told = Told::with([says(200, STARTED), says(200, COMMITTED)]);
    let service = client(&told).service(service_key());
    let pending = pending(&service).await;
    let store = MemoryOtpStore::default();
    let forget_at = SystemTime::now() + Duration::from_secs(86_400);
    let code = OtpCode::new("3007");
    let click = || commit_once(&store, &service, &pending, &code, forget_at);
    let (one, two) = tokio::join!(click(), click());
    let done = [one.unwrap(), two.unwrap()];
    let accepted = done
        .iter()
        .filter(|outcome| matches!(outcome, CommitOutcome::Done(Submission::Accepted(_))));
    assert_eq!(accepted.count(), 1, "{done:?}");
    assert!(
        done.iter()
            .any(|outcome| matches!(outcome, CommitOutcome::AlreadyClaimed))
    );
    assert_eq!(told.seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn any_form_of_a_number_can_be_sent_raw() {
    let told = Told::with([says(200, STARTED)]);
    let client = client(&told);
    let phone = Phone::raw("0098912000000").unwrap();
    let _ = client
        .start(&reference("r-5"), &service_key(), &phone)
        .await
        .unwrap();
    assert_eq!(told.bodies()[0]["PhoneNumber"], "0098912000000");
}

#[tokio::test]
async fn settings_of_the_transport_can_be_replaced() {
    let server = server(json(200, STARTED)).await;
    let settings = Settings::default().with_user_agent("acme/1");
    let client = builder()
        .base_url(server.uri())
        .settings(settings)
        .sign_in_place(true)
        .build()
        .unwrap();
    assert_eq!(start(&client).await.unwrap().outcome(), Outcome::Accepted);
    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].headers["user-agent"], "acme/1");
}
