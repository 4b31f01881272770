//! Many calls: checked, split, placed.

use super::*;

fn many(n: usize) -> telco_core::CallBatch {
    batch(
        (0..n)
            .map(|i| call(&format!("c-{i}")).variable("Text", Secret::new("x".repeat(100))))
            .collect::<Vec<_>>(),
    )
}

/// docs/protocols/kairos.md, section 2: the bulk host answers with a request id, and none per call.
#[test]
fn calls_have_ids_of_their_own_but_in_bulk() {
    for (kind, ids) in [
        (Kind::RealTime, true),
        (Kind::EncryptedRealTime, true),
        (Kind::Bulk, false),
    ] {
        let kairos = builder(kind).build().unwrap();
        assert_eq!(kairos.call_capabilities().call_ids, ids, "{kind:?}");
    }
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
            let body = stored_body(part.frozen().bytes().expose()).len() + security_id;
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
