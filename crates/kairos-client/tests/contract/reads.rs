//! Pull, and the probe.

use super::*;

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
        (ResponseTemplate::new(429), 3, ErrorKind::RateLimited),
        (ResponseTemplate::new(401), 1, ErrorKind::Permission),
        (ResponseTemplate::new(403), 1, ErrorKind::Permission),
        (
            ResponseTemplate::new(302),
            1,
            ErrorKind::InvalidConfiguration,
        ),
        (
            ResponseTemplate::new(404),
            1,
            ErrorKind::InvalidConfiguration,
        ),
        (ResponseTemplate::new(204), 3, ErrorKind::UnreadableAnswer),
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

#[tokio::test]
async fn pull_is_repeated_after_a_5xx_whatever_its_body_says() {
    for code in [500, 303] {
        let server = server(says(503, json!({"api-response-code": code}))).await;
        let failure = pulling(&server)
            .build()
            .unwrap()
            .pull(&["u-1".to_owned()], FetchAttempt::All)
            .await
            .unwrap_err();
        assert_eq!(failure.kind(), ErrorKind::Unavailable);
        assert_eq!(failure.provider_code(), Some(code.to_string().as_str()));
        assert_eq!(received(&server).await.len(), 3);
    }
}
