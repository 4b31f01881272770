//! The Cowrie room, by a plain client that follows docs/protocols/cowrie.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use serde_json::{Value, json};
use support::spend::{cowrie, credit, credit_query, hex};
use support::{Client, base64, near_miss, request, unbase64};
use telco_sandbox::{FaultRule, Phase, Sandbox};

const CREDIT: &str = "/airtime/Credit";

async fn status(sandbox: &Sandbox, path: &str, query: &str, nonce: &str) -> u16 {
    cowrie(sandbox, path, query, nonce).await.unwrap().status
}

#[tokio::test]
async fn every_call_has_its_documented_answer() {
    let sandbox = Sandbox::builder().seed(1).start().await.unwrap();
    sandbox.configure("cowrie", &json!({ "balance": 100_000, "balance_in_answers": false, "check_sees": ["credit", "data"] })).unwrap();
    let body = |reply: support::Reply| (reply.status, reply.text());
    let balance = cowrie(&sandbox, "/airtime/Balance", "", "1").await.unwrap();
    assert_eq!(
        body(balance),
        (200, r#"{"balance":100000,"discount":4}"#.to_owned())
    );

    let (status, text) = body(
        cowrie(
            &sandbox,
            CREDIT,
            "net=AIR&msisdn=2348124661601&amount=100&xref=77",
            "2",
        )
        .await
        .unwrap(),
    );
    let id = serde_json::from_str::<Value>(&text).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        id.len() == 20
            && id
                .bytes()
                .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    );
    assert_eq!(
        (status, text),
        (
            200,
            format!(r#"{{"id":"{id}","xref":"77","message":"OK"}}"#)
        )
    );

    let found = format!(
        r#"{{"id":"{id}","net":"AIR","msisdn":"2348124661601","amount":100,"xref":"77","status":"OK"}}"#
    );
    for (nonce, reference) in [("3", "77"), ("4", id.as_str())] {
        let check = cowrie(
            &sandbox,
            "/airtime/Check",
            &format!("reference={reference}"),
            nonce,
        )
        .await
        .unwrap();
        assert_eq!(body(check), (200, found.clone()));
    }

    let data = cowrie(
        &sandbox,
        "/data/Credit",
        "net=air&msisdn=2348124661601&amount=350&xref=78&bundle=500mb1d",
        "5",
    )
    .await
    .unwrap()
    .json();
    assert_eq!(
        (&data["net"], &data["amount"], &data["xref"]),
        (&json!("AIR"), &json!(350), &json!("78"))
    );
    assert!(data.get("message").is_none());

    // 4 % off: 96 + 336 naira.
    assert_eq!(
        cowrie(&sandbox, "/airtime/Balance", "", "6")
            .await
            .unwrap()
            .json()["balance"],
        json!(99_568)
    );

    let pin = cowrie(
        &sandbox,
        "/pin/AllocateSingle",
        "unit=110&type=AIRTIME&message=HappyNewYear&xref=p1",
        "7",
    )
    .await
    .unwrap();
    let code = pin.json()["pin"].as_str().unwrap().to_owned();
    let serial = pin.json()["serial"].as_str().unwrap().to_owned();
    assert_eq!(
        pin.text(),
        format!(
            r#"{{"serial":"{serial}","pin":"{code}","unit":110,"fee":0,"type":"AIRTIME","xref":"p1","message":"HappyNewYear"}}"#
        )
    );

    // Two official clients send `count` first.
    let batch = cowrie(
        &sandbox,
        "/pin/Allocate",
        "count=3&unit=210&type=AIRTIME&message=&xref=p2",
        "8",
    )
    .await
    .unwrap()
    .json();
    let pins: std::collections::BTreeSet<_> = batch
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["pin"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(pins.len(), 3);

    let redeem = format!("net=AIR&msisdn=2348124661601&pin={code}&xref=r1");
    assert_eq!(
        cowrie(&sandbox, "/pin/Redeem", &redeem, "9")
            .await
            .unwrap()
            .text(),
        r#"{"message":"Topup complete"}"#
    );
    let again = redeem.replace("xref=r1", "xref=r2");
    assert_eq!(
        cowrie(&sandbox, "/pin/Redeem", &again, "10")
            .await
            .unwrap()
            .status,
        400
    );
    assert!(near_miss(&sandbox, "cowrie").contains("PIN already used"));

    assert_eq!(
        cowrie(&sandbox, "/terminal/Balance", "", "11")
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        cowrie(&sandbox, "/terminal/Credit", &credit_query("t1"), "12")
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        cowrie(&sandbox, "/terminal/data/Credit", &credit_query("t2"), "13")
            .await
            .unwrap()
            .status,
        200
    );
    let check = cowrie(&sandbox, "/terminal/Check", "reference=t1", "14")
        .await
        .unwrap()
        .json();
    assert_eq!(check["status"], json!("OK"));

    let totals = sandbox.totals();
    assert_eq!(
        (totals.delivered, totals.doubled, totals.refused),
        (7, 0, 1)
    );
    assert_eq!(sandbox.operation("cowrie", "p2").unwrap().kind, "pin-batch");
}

#[tokio::test]
async fn every_documented_refusal() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure(
            "cowrie",
            &json!({ "ported": { "2348031111111": "GLO" }, "max_amount": 5_000 }),
        )
        .unwrap();
    for (n, (query, wanted)) in [
        ("net=MTN&msisdn=2348031234567&amount=100", 400),
        ("net=XXX&msisdn=2348031234567&amount=100&xref=x1", 400),
        ("net=MTN&msisdn=2348031234567&amount=1,000&xref=x2", 400),
        ("net=MTN&msisdn=2348031234567&amount=0&xref=x3", 400),
        ("net=MTN&msisdn=2348031234567&amount=-5&xref=x4", 400),
        ("net=MTN&msisdn=2348031234567&amount=5001&xref=x5", 400),
        ("net=MTN&msisdn=08031234567&amount=100&xref=x6", 404),
        ("net=MTN&msisdn=2348031111111&amount=100&xref=x7", 404),
        ("net=GLO&msisdn=2348031111111&amount=100&xref=x8", 200),
        ("net=MTN&msisdn=2348000000404&amount=100&xref=x9", 404),
        ("net=MTN&msisdn=2348000000402&amount=100&xref=x10", 402),
        ("net=MTN&msisdn=2348000000500&amount=100&xref=x11", 500),
        ("net=AIR&msisdn=2348000000001&amount=100&xref=x12", 404),
        ("net=MTN&msisdn=2348000000001&amount=100&xref=x13", 200),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(
            status(&sandbox, CREDIT, query, &n.to_string()).await,
            wanted,
            "{query}"
        );
    }
    sandbox
        .configure("cowrie", &json!({ "balance": 95 }))
        .unwrap();
    assert_eq!(
        status(&sandbox, CREDIT, &credit_query("poor"), "p1").await,
        402
    );
    assert!(near_miss(&sandbox, "cowrie").contains("the account holds 95 naira"));
    assert_eq!(sandbox.operation("cowrie", "poor").unwrap().delivered, 0);
    sandbox
        .configure("cowrie", &json!({ "balance": 96 }))
        .unwrap();
    assert_eq!(
        status(&sandbox, CREDIT, &credit_query("poor"), "p2").await,
        200
    );
    assert_eq!(sandbox.totals().delivered, 3);
}

#[tokio::test]
async fn a_used_nonce_is_409_until_it_is_forgotten() {
    let sandbox = Sandbox::start().await.unwrap();
    assert_eq!(
        status(&sandbox, CREDIT, &credit_query("a"), "one").await,
        200
    );
    assert_eq!(
        status(&sandbox, CREDIT, &credit_query("a"), "one").await,
        409
    );
    assert!(near_miss(&sandbox, "cowrie").contains("nonce was used before"));
    assert_eq!(status(&sandbox, "/airtime/Balance", "", "one").await, 409);
    // Another account has its own nonces.
    assert_eq!(status(&sandbox, "/terminal/Balance", "", "one").await, 200);
    sandbox.clock().advance(Duration::from_secs(86_401));
    assert_eq!(status(&sandbox, "/airtime/Balance", "", "one").await, 200);
    assert_eq!(sandbox.operation("cowrie", "a").unwrap().delivered, 1);
}

#[tokio::test]
async fn a_repeated_reference_does_what_the_setting_says() {
    let sandbox = Sandbox::start().await.unwrap();
    for (setting, wanted, delivered) in [
        ("apply", 200, 2),
        ("conflict", 409, 1),
        ("refuse", 400, 1),
        ("same-answer", 200, 1),
    ] {
        sandbox.reset();
        sandbox
            .configure("cowrie", &json!({ "repeated_xref": setting }))
            .unwrap();
        let first = cowrie(&sandbox, CREDIT, &credit_query("a"), "one")
            .await
            .unwrap()
            .text();
        let second = cowrie(&sandbox, CREDIT, &credit_query("a"), "two")
            .await
            .unwrap();
        assert_eq!(second.status, wanted, "{setting}");
        assert_eq!(
            sandbox.operation("cowrie", "a").unwrap().delivered,
            delivered,
            "{setting}"
        );
        assert_eq!(
            setting == "same-answer",
            first == second.text(),
            "{setting}"
        );
    }
}

#[tokio::test]
async fn the_first_answer_is_kept_only_where_a_repeat_can_ask_for_it() {
    let sandbox = Sandbox::start().await.unwrap();
    let batch = "unit=100&count=3&type=AIRTIME&message=m&xref=b";
    let set = |setting: &str| {
        let change = json!({ "repeated_xref": setting });
        sandbox.configure("cowrie", &change).unwrap();
    };
    let allocate = async |nonce: &str| {
        let reply = cowrie(&sandbox, "/pin/Allocate", batch, nonce).await;
        reply.unwrap()
    };
    assert_eq!(allocate("one").await.status, 200);
    // It was not kept, and is not done again either.
    set("same-answer");
    assert_eq!(allocate("two").await.status, 409);
    set("apply");
    allocate("three").await;
    set("same-answer");
    assert_eq!(allocate("four").await.status, 409);
    assert_eq!(sandbox.operation("cowrie", "b").unwrap().delivered, 2);
}

#[tokio::test]
async fn check_sees_late_and_says_nothing_in_every_form() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.clock().freeze();
    sandbox
        .configure("cowrie", &json!({ "check_delay_ms": 5_000 }))
        .unwrap();
    sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .operation("credit")
            .reference("slow")
            .lookup_delay(Duration::from_secs(60)),
    );
    credit(&sandbox, "a").await.unwrap();
    credit(&sandbox, "slow").await.unwrap_err();
    let check = async |xref: &str, nonce: &str| {
        cowrie(
            &sandbox,
            "/airtime/Check",
            &format!("reference={xref}"),
            nonce,
        )
        .await
        .unwrap()
    };
    for (n, (form, wanted, body)) in [
        ("empty", 200, ""),
        ("null", 200, "null"),
        ("object", 200, "{}"),
        ("array", 200, "[]"),
    ]
    .into_iter()
    .enumerate()
    {
        sandbox
            .configure("cowrie", &json!({ "not_found": form }))
            .unwrap();
        let reply = check("a", &n.to_string()).await;
        assert_eq!((reply.status, reply.text().as_str()), (wanted, body));
    }
    for (form, wanted) in [("status404", 404), ("status400", 400)] {
        sandbox
            .configure("cowrie", &json!({ "not_found": form }))
            .unwrap();
        assert_eq!(check("a", form).await.status, wanted);
    }
    sandbox
        .configure("cowrie", &json!({ "not_found": "null" }))
        .unwrap();
    sandbox.clock().advance(Duration::from_secs(5));
    assert_eq!(check("a", "5s").await.json()["xref"], json!("a"));
    assert_eq!(check("slow", "5s-slow").await.text(), "null");
    sandbox.clock().advance(Duration::from_secs(60));
    assert_eq!(check("slow", "65s").await.json()["status"], json!("OK"));
    let story = serde_json::to_value(sandbox.operation("cowrie", "slow").unwrap()).unwrap();
    assert_eq!(
        story["story"].as_array().unwrap().last().unwrap()["text"],
        json!("found")
    );

    // The documents speak of airtime only, so data stays unseen unless set otherwise.
    cowrie(&sandbox, "/data/Credit", &credit_query("d"), "d")
        .await
        .unwrap();
    assert_eq!(check("d", "d1").await.text(), "null");
    sandbox
        .configure(
            "cowrie",
            &json!({ "check_sees": ["data"], "check_delay_ms": 0, "check_style": "stamp" }),
        )
        .unwrap();
    sandbox.clock().advance(Duration::from_secs(5));
    assert!(check("d", "d2").await.json()["stamp"].is_string());
}

#[tokio::test]
async fn quirks_misshape_answers_and_plant_statuses() {
    let sandbox = Sandbox::start().await.unwrap();
    let quirks: Vec<(String, u16)> = {
        let all = support::admin(&sandbox, "GET", "fidelity", "").await.json();
        let rows = all["cowrie"]["quirks"].as_array().unwrap().clone();
        rows.iter()
            .map(|row| {
                let meaning = row["meaning"].as_str().unwrap();
                let planted = meaning
                    .get(..3)
                    .and_then(|s| s.parse().ok())
                    .filter(|_| meaning.contains("nothing done"));
                (
                    row["name"].as_str().unwrap().to_owned(),
                    planted.unwrap_or(200),
                )
            })
            .collect()
    };
    assert_eq!(quirks.len(), 25);
    for (quirk, wanted) in quirks {
        sandbox.reset();
        sandbox.faults().add(FaultRule::quirk(&quirk));
        let reply = credit(&sandbox, "a").await.unwrap();
        assert_eq!(reply.status, wanted, "{quirk}");
        assert_eq!(
            sandbox.totals().delivered,
            u64::from(wanted == 200),
            "{quirk}"
        );
    }
    sandbox.reset();
    sandbox.faults().add(FaultRule::quirk("unquoted-keys"));
    assert!(
        credit(&sandbox, "b")
            .await
            .unwrap()
            .text()
            .starts_with("{id:\"")
    );
    sandbox
        .faults()
        .set([FaultRule::quirk("pin-count-mismatch")]);
    let batch = cowrie(
        &sandbox,
        "/pin/Allocate",
        "unit=210&count=3&type=AIRTIME&message=m&xref=p",
        "p",
    )
    .await
    .unwrap();
    assert_eq!(batch.json().as_array().unwrap().len(), 2);
}

/// Every signature that the vendor's clients make is accepted for the query that they send, and a broken one is not.
#[tokio::test]
async fn signatures_of_the_official_clients() {
    let vectors: Value =
        serde_json::from_str(include_str!("../vectors/cowrie/signing.json")).unwrap();
    let vectors = vectors["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 61);
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let mut tried = 0;
    for vector in vectors
        .iter()
        .filter(|v| v["client_key_b64"] == key && v["nonce"] != "")
    {
        let sandbox = Sandbox::start().await.unwrap();
        let base = sandbox.base_url("cowrie").unwrap();
        let query = vector["query"].as_str().unwrap();
        // Mode `raw` signs decoded text and sends it percent-encoded.
        let sent: String = match vector["mode"].as_str().unwrap() {
            "raw" => {
                let encode = |text: &str| -> String {
                    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
                    text.bytes()
                        .map(|b| {
                            if keep(b) {
                                char::from(b).to_string()
                            } else {
                                format!("%{b:02X}")
                            }
                        })
                        .collect()
                };
                let pairs = vector["params"].as_array().unwrap().iter();
                pairs
                    .map(|p| {
                        format!(
                            "{}={}",
                            p[0].as_str().unwrap(),
                            encode(p[1].as_str().unwrap())
                        )
                    })
                    .collect::<Vec<_>>()
                    .join("&")
            }
            _ => query.to_owned(),
        };
        let target = if vector["has_query"] == true {
            format!("/pin/Unknown?{sent}")
        } else {
            "/airtime/Balance".to_owned()
        };
        let target = match query {
            q if q.starts_with("reference") => target.replace("/pin/Unknown", "/airtime/Check"),
            q if q.contains("pin=") => target.replace("/pin/Unknown", "/pin/Redeem"),
            q if q.contains("count=") => target.replace("/pin/Unknown", "/pin/Allocate"),
            q if q.contains("unit=") => target.replace("/pin/Unknown", "/pin/AllocateSingle"),
            _ => target.replace("/pin/Unknown", CREDIT),
        };
        let (nonce, signature) = (
            vector["nonce"].as_str().unwrap(),
            vector["signature_b64"].as_str().unwrap(),
        );
        let send = async |signature: &str| {
            let headers = [
                ("clientid", "sandbox@example.com"),
                ("signature", signature),
                ("nonce", nonce),
            ];
            let bytes = request("GET", &base, &target, &headers, "");
            Client::connect(&base)
                .await
                .unwrap()
                .send(&bytes)
                .await
                .unwrap()
                .text()
        };
        let wrong = format!("A{}", &signature[1..]);
        let refused = send(&wrong).await;
        assert!(
            signature.starts_with('A') || refused.contains("Invalid signature"),
            "{}: {refused}",
            vector["name"]
        );
        assert!(
            !send(signature).await.contains("Invalid signature"),
            "{}: {}",
            vector["name"],
            near_miss(&sandbox, "cowrie")
        );
        tried += 1;
    }
    assert!(tried >= 50, "{tried}");
}

/// Each really wrong signature, and the words that explain it.
#[tokio::test]
async fn a_wrong_signature_says_what_was_signed() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let key = support::text(&sandbox.credentials("cowrie").unwrap(), "client_key");
    let hmac = |key: &[u8], text: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
    };
    let raw = unbase64(&key);
    let signed = |text: &str| base64(hmac(&raw, text));
    let query = "net=MTN&msisdn=2348031234567&amount=100&xref=a";
    let right = format!("n?{query}");
    let hash = |text: &[u8]| base64(digest(&SHA256, text));
    let (spaced, colon) = ("xref=a%20b", "xref=a:b");
    // A signature in which both alphabets differ.
    let nonces = (0..200).map(|n| format!("n{n}"));
    let (url_nonce, url_safe) = nonces
        .map(|nonce| (nonce.clone(), signed(&format!("{nonce}?{query}"))))
        .find(|(_, signature)| signature.contains('+') && signature.contains('/'))
        .unwrap();
    let url_safe = url_safe.replace('+', "-").replace('/', "_");
    let (as_sent, decoded, either) = ("as-sent", "decoded", "either");
    for (verify, nonce, query, signature, why) in [
        (either, "n", "", signed("n?"), "the `?` were left out"),
        (
            either,
            "n",
            query,
            signed(&format!("n{query}")),
            "a `?` stood between nonce and query",
        ),
        (
            either,
            "n",
            query,
            signed(query),
            "the nonce stood before the query",
        ),
        (either, "n", query, signed("n"), "the query were signed too"),
        (
            either,
            "n",
            query,
            signed(&format!("n{CREDIT}?{query}")),
            "the path were left out",
        ),
        (
            either,
            "n",
            query,
            signed("n?amount=100&msisdn=2348031234567&net=MTN&xref=a"),
            "in the order in which they are sent",
        ),
        (
            as_sent,
            "n",
            spaced,
            signed("n?xref=a b"),
            "verified the decoded query",
        ),
        (
            decoded,
            "n",
            spaced,
            signed("n?xref=a%20b"),
            "verified the query as sent",
        ),
        (
            either,
            "n",
            query,
            signed(&format!("{right}\n")),
            "without a line feed",
        ),
        (
            either,
            "n",
            "xref=~",
            signed("n?xref=%7E"),
            "`~` were signed as it is sent",
        ),
        (
            either,
            "n",
            colon,
            signed("n?xref=a%3Ab"),
            "the one that you signed",
        ),
        (
            either,
            "n",
            query,
            signed(&right).replace('=', ""),
            "the base64 were padded",
        ),
        (either, &url_nonce, query, url_safe, "the standard alphabet"),
        (
            either,
            "n",
            query,
            hex(hmac(&raw, &right)),
            "not hexadecimal",
        ),
        (
            either,
            "n",
            query,
            hex(hmac(&raw, &right)).to_uppercase(),
            "not hexadecimal",
        ),
        (
            either,
            "n",
            query,
            base64(hmac(key.as_bytes(), &right)),
            "decoded from base64 before use",
        ),
        (
            either,
            "n",
            query,
            hash(&[right.as_bytes(), &raw].concat()),
            "not a plain SHA-256",
        ),
        (
            either,
            "n",
            query,
            hash(&[&raw, right.as_bytes()].concat()),
            "not a plain SHA-256",
        ),
        (
            either,
            "n",
            query,
            "short".to_owned(),
            "it had 44 characters",
        ),
        (
            either,
            "n",
            query,
            signed("unheard of"),
            "I signed exactly `n?net=MTN",
        ),
    ] {
        sandbox
            .configure("cowrie", &json!({ "verify": verify }))
            .unwrap();
        let headers = [
            ("ClientId", "sandbox@example.com"),
            ("Signature", &*signature),
            ("Nonce", nonce),
        ];
        let target = if query.is_empty() {
            "/airtime/Balance".to_owned()
        } else {
            format!("{CREDIT}?{query}")
        };
        let reply = support::call("GET", &base, &target, &headers, "")
            .await
            .unwrap();
        assert!(
            reply.text().contains("Invalid signature"),
            "{why}: {}",
            reply.text()
        );
        let explained = near_miss(&sandbox, "cowrie");
        assert!(explained.contains("signature does not match; I signed exactly `"));
        assert!(explained.contains(why), "{why}: {explained}");
    }
    assert_eq!(sandbox.totals().delivered, 0);
}
