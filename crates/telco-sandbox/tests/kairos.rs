//! Kairos' room, driven by a plain client that follows docs/protocols/kairos.md.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::cipher::{AES_128, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rsa::{
    OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use support::spend::{at_once, date};
use support::{Listener, Reply, near_miss, send};
use telco_sandbox::rooms::Kairos;
use telco_sandbox::{Arrival, FaultRule, Phase, Sandbox, What};

struct User {
    sandbox: Sandbox,
    base: String,
    flow: Value,
}

impl User {
    async fn new() -> User {
        let sandbox = Sandbox::builder()
            .room(Kairos::new(0))
            .start()
            .await
            .unwrap();
        User {
            base: sandbox.base_url("kairos").unwrap(),
            flow: sandbox.credentials("kairos").unwrap(),
            sandbox,
        }
    }

    fn order(&self, calls: &Value) -> Value {
        json!({
            "api-version": "1.0",
            "security-id": self.flow["security_id"],
            "flow-id": self.flow["flow_id"],
            "calls": calls,
        })
    }

    async fn post(&self, path: &str, body: &str) -> std::io::Result<Reply> {
        let headers = [("Content-Type", "application/json")];
        send("POST", &format!("{}{path}", self.base), &headers, body).await
    }

    async fn create(&self, calls: &Value) -> Value {
        self.post("/outbound/create", &self.order(calls).to_string())
            .await
            .unwrap()
            .json()
    }

    fn delivered(&self, identifier: &str) -> u64 {
        self.sandbox
            .operation("kairos", identifier)
            .map_or(0, |operation| operation.delivered)
    }
}

fn public_der(flow: &Value) -> Vec<u8> {
    let pem = flow["public_key"].as_str().unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(body).unwrap()
}

/// Section 5 and 6: key string, K64, AES-128-ECB over the base64 text, K64 under RSA.
fn seal(flow: &Value, json: &Value, oaep: bool) -> Value {
    let k64 = STANDARD.encode("abcdefghijklmnop");
    let key = &digest(&SHA256, k64.as_bytes()).as_ref()[..16].to_vec();
    let mut text = STANDARD.encode(json.to_string()).into_bytes();
    let key = UnboundCipherKey::new(&AES_128, key).unwrap();
    PaddedBlockEncryptingKey::ecb_pkcs7(key)
        .unwrap()
        .encrypt(&mut text)
        .unwrap();
    let rsa = PublicEncryptingKey::from_der(&public_der(flow)).unwrap();
    let mut out = vec![0; rsa.key_size_bytes()];
    let wrapped = if oaep {
        let rsa = OaepPublicEncryptingKey::new(rsa).unwrap();
        rsa.encrypt(&OAEP_SHA256_MGF1SHA256, k64.as_bytes(), &mut out, None)
            .unwrap()
            .to_vec()
    } else {
        let rsa = Pkcs1PublicEncryptingKey::new(rsa).unwrap();
        rsa.encrypt(k64.as_bytes(), &mut out).unwrap().to_vec()
    };
    json!({
        "requestEncryptedValue": STANDARD.encode(text),
        "requestDigitalSignatureValue": STANDARD.encode(wrapped),
        "flow-id": flow["flow_id"],
    })
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn call(identifier: &str, number: &str) -> Value {
    json!({
        "client-identifier": identifier,
        "start-time": at_once(now_ms()),
        "contact-numbers": [number],
        "keys": [{ "name": "$flow.key.OTP", "value": "4711" }],
    })
}

#[tokio::test]
async fn a_sealed_batch_dials_each_call_once() {
    let user = User::new().await;
    let calls = json!([
        call("a", "8000000001"),
        call("b", "918000000002"),
        call("c", "+918000000003")
    ]);
    let sealed = seal(&user.flow, &user.order(&calls), false).to_string();
    let answer = user
        .post("/enc/outbound/create", &sealed)
        .await
        .unwrap()
        .json();
    assert_eq!(
        (
            &answer["api-response-code"],
            &answer["api-response-message"]
        ),
        (&json!(200), &json!("Success"))
    );
    assert_eq!(answer["request-id"].as_str().unwrap().len(), 36);
    let details = answer["call-details"].as_array().unwrap();
    assert_eq!(details.len(), 3);
    for (detail, identifier) in details.iter().zip(["a", "b", "c"]) {
        assert_eq!(detail["client-identifier"], identifier);
        assert_eq!(detail["phonon-uuid"].as_str().unwrap().len(), 36);
        assert_eq!(user.delivered(identifier), 1);
    }
    for number in ["918000000001", "918000000002", "918000000003"] {
        let Arrival::Call { variables, .. } = &user.sandbox.handset(number)[0].arrival else {
            panic!()
        };
        assert_eq!(variables["$flow.key.OTP"], "4711");
    }
}

#[tokio::test]
async fn an_identical_resend_was_accepted_already_and_a_changed_one_dials_again() {
    let user = User::new().await;
    let mut order = user.order(&json!([call("once", "8000000001")]));
    // Good on every day that this test moves to.
    order["calls"][0]["start-time"] = json!("2099-01-23T08:02:53.311+05:30");
    for code in [200, 201] {
        let answer = user
            .post("/outbound/create", &order.to_string())
            .await
            .unwrap()
            .json();
        assert_eq!(answer["api-response-code"], code);
    }
    // Another envelope around the same JSON is the same request, as the default reads the rule.
    let (one, two) = (
        seal(&user.flow, &order, false),
        seal(&user.flow, &order, false),
    );
    assert_ne!(one, two);
    assert_eq!(
        user.post("/enc/outbound/create", &one.to_string())
            .await
            .unwrap()
            .json()["api-response-code"],
        201
    );
    assert_eq!(user.delivered("once"), 1);
    user.sandbox
        .configure("kairos", &json!({ "checksum_over": "body" }))
        .unwrap();
    assert_eq!(
        user.post("/enc/outbound/create", &two.to_string())
            .await
            .unwrap()
            .json()["api-response-code"],
        200
    );
    assert_eq!(
        (user.delivered("once"), user.sandbox.totals().doubled),
        (2, 1)
    );
    user.sandbox.clock().advance(Duration::from_secs(86_401));
    assert_eq!(
        user.post("/enc/outbound/create", &two.to_string())
            .await
            .unwrap()
            .json()["api-response-code"],
        200
    );
}

#[tokio::test]
async fn a_lost_answer_is_told_by_the_identical_resend() {
    let user = User::new().await;
    user.sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .reference("lost")
            .times(1),
    );
    user.sandbox.faults().add(
        FaultRule::new(Phase::ResetBefore)
            .reference("unheard")
            .times(1),
    );
    for (identifier, resend) in [("lost", 201), ("unheard", 200)] {
        let order = user
            .order(&json!([call(identifier, "8000000001")]))
            .to_string();
        assert!(user.post("/outbound/create", &order).await.is_err());
        assert_eq!(
            user.post("/outbound/create", &order).await.unwrap().json()["api-response-code"],
            resend
        );
        assert_eq!(user.delivered(identifier), 1);
    }
}

#[tokio::test]
async fn every_code_has_its_number_and_dials_nobody() {
    let user = User::new().await;
    for code in [
        201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212, 213, 301, 302, 303, 304, 400,
        401, 402, 500, 777,
    ] {
        let identifier = format!("code-{code}");
        let answer = user
            .create(&json!([call(&identifier, &format!("9000000{code}"))]))
            .await;
        assert_eq!(answer["api-response-code"], code);
        assert!(answer.get("call-details").is_none() && answer.get("request-id").is_none());
        assert_eq!(user.delivered(&identifier), 0);
    }
    assert_eq!(user.sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn some_calls_fail_alone() {
    let user = User::new().await;
    for (n, shape) in ["without-uuid", "omitted", "with-code"].iter().enumerate() {
        user.sandbox
            .configure("kairos", &json!({ "partial_shape": shape }))
            .unwrap();
        let (good, bad) = (format!("good-{n}"), format!("bad-{n}"));
        let answer = user
            .create(&json!([
                call(&good, "8000000001"),
                call(&bad, "9000001205")
            ]))
            .await;
        assert_eq!(answer["api-response-code"], 209);
        assert_eq!((user.delivered(&good), user.delivered(&bad)), (1, 0));
        let details = answer["call-details"].as_array().unwrap();
        assert!(details[0]["phonon-uuid"].is_string());
        match *shape {
            "omitted" => assert_eq!(details.len(), 1),
            "with-code" => assert_eq!(details[1]["api-response-code"], 205),
            _ => assert_eq!(details[1], json!({ "client-identifier": bad })),
        }
    }
    let answer = user
        .create(&json!([call("x", "12"), call("y", "12345")]))
        .await;
    assert_eq!(answer["api-response-code"], 205, "all failed with one code");
}

#[tokio::test]
async fn both_hosts_answer_202_in_their_own_way() {
    let user = User::new().await;
    let origin = user.base.strip_suffix("/kairos-apis").unwrap();
    let bulk = format!("{origin}{}", user.flow["bulk_path"].as_str().unwrap());
    let order = user.order(&json!([call("bulk", "8000000001")])).to_string();
    let json = [("Content-Type", "application/json")];
    let reply = send("POST", &bulk, &json, &order).await.unwrap();
    assert_eq!(reply.status, 202);
    let answer = reply.json();
    assert_eq!(
        (
            &answer["api-response-code"],
            &answer["api-response-message"]
        ),
        (&json!(202), &json!("Accepted"))
    );
    assert!(answer["call-details"].is_null() && answer["request-id"].is_string());
    assert_eq!(user.delivered("bulk"), 1);
    let mut wrong = user.order(&json!([call("wrong", "8000000001")]));
    wrong["security-id"] = json!("0".repeat(64));
    for url in [format!("{}/outbound/create", user.base), bulk.clone()] {
        let answer = send("POST", &url, &json, &wrong.to_string())
            .await
            .unwrap()
            .json();
        assert_eq!(
            (
                &answer["api-response-code"],
                &answer["api-response-message"]
            ),
            (&json!(202), &json!("Invalid Security ID"))
        );
    }
    user.sandbox
        .configure("kairos", &json!({ "allowed_ips": ["10.0.0.1"] }))
        .unwrap();
    let reply = user.post("/outbound/create", &order).await.unwrap();
    assert_eq!(reply.json()["api-response-code"], 401);
    // The account's list is not used at the bulk host, which has its own: the same bytes get as far as the checksum.
    let reply = send("POST", &bulk, &json, &order).await.unwrap();
    assert_eq!(reply.json()["api-response-code"], 201);
    user.sandbox
        .configure("kairos", &json!({ "bulk_allowed_ips": ["10.0.0.1"] }))
        .unwrap();
    let reply = send("POST", &bulk, &json, &order).await.unwrap();
    assert_eq!(reply.status, 403);
    assert_eq!(user.sandbox.operation("kairos", "bulk").unwrap().refused, 3);
}

#[tokio::test]
async fn flows_belong_to_their_endpoints() {
    let user = User::new().await;
    let dialer = user.flow["dialer"].clone();
    let mut order = user.order(&json!([call("d", "8000000001")]));
    order["flow-id"] = dialer["flow_id"].clone();
    order["security-id"] = dialer["security_id"].clone();
    let sealed = seal(&dialer, &order, false).to_string();
    let wrong = user
        .post("/enc/outbound/create", &sealed)
        .await
        .unwrap()
        .json();
    assert_eq!(wrong["api-response-code"], 301);
    assert!(near_miss(&user.sandbox, "kairos").contains("this is a dialer flow"));
    let right = user
        .post("/enc/outbounddialer/create", &sealed)
        .await
        .unwrap()
        .json();
    assert_eq!(right["api-response-code"], 200);
    assert_eq!(user.delivered("d"), 1);
}

#[tokio::test]
async fn the_balance_runs_out_for_whole_requests() {
    let user = User::new().await;
    user.sandbox
        .configure("kairos", &json!({ "balance": 2 }))
        .unwrap();
    let three = json!([
        call("a", "8000000001"),
        call("b", "8000000002"),
        call("c", "8000000003")
    ]);
    assert_eq!(user.create(&three).await["api-response-code"], 212);
    assert_eq!(user.sandbox.totals().delivered, 0);
    user.sandbox
        .configure("kairos", &json!({ "balance": 3 }))
        .unwrap();
    assert_eq!(
        user.create(&three).await["api-response-code"],
        201,
        "a byte must change"
    );
    assert_eq!(
        user.create(&json!([
            call("a2", "8000000001"),
            call("b", "8000000002"),
            call("c", "8000000003")
        ]))
        .await["api-response-code"],
        200
    );
    assert_eq!(
        user.create(&json!([call("d", "8000000001")])).await["api-response-code"],
        212
    );
}

#[tokio::test]
async fn alternates_are_tried_in_turn_and_the_push_tells() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .callbacks()
        .listen("kairos", Some(&listener.url))
        .unwrap();
    user.sandbox
        .configure("kairos", &json!({ "push_after_ms": 0 }))
        .unwrap();
    let mut alternates = call("alt", "9000002000");
    alternates["contact-numbers"] = json!(["9000002000", "8000000001", "8000000002"]);
    let answer = user.create(&json!([alternates])).await;
    let uuid = answer["call-details"][0]["phonon-uuid"].clone();
    let push = listener.next().await;
    assert_eq!(push["body"]["phonon-uuid"], uuid);
    let details = push["body"]["callDetails"].as_array().unwrap();
    assert_eq!(details.len(), 2);
    assert!(details[0].get("duration").is_none());
    // "Fields appear only when there is data."
    assert!(details.iter().all(|detail| {
        let members = detail.as_object().unwrap();
        members.values().all(|value| value != &json!([]))
    }));
    assert_eq!(
        (&details[1]["calleeNumber"], &details[1]["duration"]),
        (&json!("8000000001"), &json!("1200"))
    );
    assert_eq!(user.sandbox.handset("918000000001").len(), 1);
    assert!(
        user.sandbox.handset("918000000002").is_empty()
            && user.sandbox.handset("919000002000").is_empty()
    );
    user.sandbox
        .configure("kairos", &json!({ "push_wrapped": false }))
        .unwrap();
    user.sandbox
        .trigger("kairos", &json!({ "reference": "alt", "event": "sms" }))
        .unwrap();
    let push = listener.next().await;
    assert_eq!(
        (
            &push["phonon-uuid"],
            &push["smsDetails"][0]["deliveryStatus"]
        ),
        (&uuid, &json!("SENT_TO_QUEUE"))
    );
    assert!(
        user.sandbox
            .trigger("kairos", &json!({ "event": "fax" }))
            .is_err()
    );

    let pull =
        |attempt: &str| json!({ "phonon-uuids": [uuid], "fetch-attempt": attempt }).to_string();
    let all = user.post("/pull", &pull("ALL")).await.unwrap().json();
    assert_eq!(all["data"][0]["callDetails"].as_array().unwrap().len(), 2);
    let last = user.post("/pull", &pull("LAST")).await.unwrap().json();
    assert_eq!(
        (
            &last["api-response-code"],
            last["data"][0]["callDetails"].as_array().unwrap().len()
        ),
        (&json!(200), 1)
    );
    let none = user
        .post(
            "/pull",
            r#"{"phonon-uuids":["no such"],"fetch-attempt":"ALL"}"#,
        )
        .await
        .unwrap()
        .json();
    assert_eq!(
        (&none["api-response-code"], &none["data"]),
        (&json!(213), &json!([]))
    );
    let many = json!({ "phonon-uuids": vec!["x"; 201], "fetch-attempt": "ALL" }).to_string();
    assert_eq!(
        user.post("/pull", &many).await.unwrap().json()["api-response-code"],
        303
    );
    // Version 2 has both, version 1 neither.
    for half in ["flow-id", "security-id"] {
        let half =
            json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL", half: user.flow["flow_id"] });
        let answer = user.post("/pull", &half.to_string()).await.unwrap().json();
        assert_eq!(answer["api-response-code"], 210);
    }
    let foreign = json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL", "flow-id": user.flow["flow_id"], "security-id": "x" });
    assert_eq!(
        user.post("/pull", &foreign.to_string())
            .await
            .unwrap()
            .json()["api-response-code"],
        202
    );
}

#[tokio::test]
async fn a_new_key_pair_voids_the_old_one() {
    let user = User::new().await;
    let sealed = |id: &str| {
        seal(
            &user.flow,
            &user.order(&json!([call(id, "8000000001")])),
            false,
        )
        .to_string()
    };
    let body = json!({ "flow-id": user.flow["flow_id"] }).to_string();
    let made = user
        .post("/enc/outbound/generateKeyPair", &body)
        .await
        .unwrap()
        .json();
    assert_eq!(made["api-response-code"], 200);
    let refused = user
        .post("/enc/outbound/create", &sealed("old"))
        .await
        .unwrap()
        .json();
    assert_eq!(refused["api-response-code"], 400);
    assert!(near_miss(&user.sandbox, "kairos").contains("generateKeyPair has replaced"));
    user.sandbox
        .configure("kairos", &json!({ "old_keys_stay": true }))
        .unwrap();
    assert_eq!(
        user.post("/enc/outbound/create", &sealed("old"))
            .await
            .unwrap()
            .json()["api-response-code"],
        200
    );
    let oldest = sealed("oldest");
    let renewed = user.sandbox.credentials("kairos").unwrap();
    assert_ne!(renewed["public_key"], user.flow["public_key"]);
    let sealed = seal(
        &renewed,
        &user.order(&json!([call("new", "8000000001")])),
        false,
    )
    .to_string();
    assert_eq!(
        user.post("/enc/outbound/create", &sealed)
            .await
            .unwrap()
            .json()["api-response-code"],
        200
    );
    let unknown = user
        .post("/enc/outbound/generateKeyPair", r#"{"flow-id":"nosuchid"}"#)
        .await
        .unwrap()
        .json();
    assert_eq!(unknown["api-response-code"], 301);

    // Only so many old ones are kept.
    for _ in 0..3 {
        let made = user.post("/enc/outbound/generateKeyPair", &body).await;
        assert_eq!(made.unwrap().json()["api-response-code"], 200);
    }
    let refused = user.post("/enc/outbound/create", &oldest).await;
    assert_eq!(refused.unwrap().json()["api-response-code"], 400);
}

#[tokio::test]
async fn profiles_can_be_changed_and_a_wrong_one_is_named() {
    let user = User::new().await;
    let order = |id: &str| user.order(&json!([call(id, "8000000001")]));
    let oaep = seal(&user.flow, &order("oaep"), true).to_string();
    let refused = user
        .post("/enc/outbound/create", &oaep)
        .await
        .unwrap()
        .json();
    assert_eq!(refused["api-response-code"], 400);
    assert!(
        near_miss(&user.sandbox, "kairos")
            .contains("padding is oaep_sha256, profile says pkcs1v15")
    );
    assert!(user.sandbox.operation("kairos", "oaep").is_none());
    user.sandbox
        .configure(
            "kairos",
            &json!({ "profile": { "padding": "oaep_sha256" } }),
        )
        .unwrap();
    assert_eq!(
        user.post("/enc/outbound/create", &oaep)
            .await
            .unwrap()
            .json()["api-response-code"],
        200
    );
    let wrong = user
        .sandbox
        .configure("kairos", &json!({ "profile": { "padding": "none" } }));
    assert!(wrong.unwrap_err().contains("oaep_sha512_java"));
}

#[tokio::test]
async fn refusals_explain_themselves() {
    let user = User::new().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut order = user.order(&json!([call("n", "8000000001")]));
        change(&mut order);
        order
    };
    let in_call = |name: &'static str, value: Value| {
        with(&move |order: &mut Value| order["calls"][0][name] = value.clone())
    };
    let yesterday = "2020-01-01T00:00:00+05:30";
    for (order, code, expected) in [
        (with(&|o| o["api-version"] = json!("2.0")), 203, "\"1.0\""),
        (
            with(&|o| o["security-id"] = json!("x")),
            202,
            "not the one of this flow",
        ),
        (
            with(&|o| o["security-id"] = user.flow["dialer"]["security_id"].clone()),
            202,
            "other flow",
        ),
        (with(&|o| o["flow-id"] = json!("nosuchid")), 301, "no flow"),
        (
            with(&|o| o["flow-id"] = json!(user.flow["flow_id"].as_str().unwrap().to_lowercase())),
            301,
            "no flow",
        ),
        (with(&|o| o["calls"] = json!([])), 302, "empty"),
        (with(&|o| o["calls"] = json!({})), 210, "not an array"),
        (
            with(&|o| o["calls"] = json!(vec![call("n", "8000000001"); 501])),
            303,
            "501 calls",
        ),
        (
            with(&|o| o["calls"] = json!([call("n", "8000000001"), call("n", "8000000002")])),
            210,
            "came before",
        ),
        (in_call("client-identifier", json!("")), 210, "missing"),
        (
            in_call("start-time", json!("2099-01-23T08:02:53.31+05:30")),
            210,
            "three digits",
        ),
        (
            in_call("start-time", json!("2099-01-23T08:02:53.311Z+05:30")),
            210,
            "both `Z` and an offset",
        ),
        (in_call("start-time", json!(yesterday)), 210, "before today"),
        (
            in_call("contact-numbers", json!("8000000001")),
            210,
            "array, also for one",
        ),
        (
            in_call("contact-numbers", json!([])),
            210,
            "missing or empty",
        ),
        (
            in_call("contact-numbers", json!(vec!["8000000001"; 11])),
            210,
            "11 alternates",
        ),
        (
            in_call("contact-numbers", json!(["80000-00001"])),
            205,
            "other than digits",
        ),
        (in_call("keys", json!({ "a": "b" })), 210, "no array"),
        (
            in_call("keys", json!([{ "key": "$flow.key.OTP", "value": "1" }])),
            210,
            "`name` and `value`",
        ),
        (
            in_call("keys", json!([{ "name": "$flow.key.OTP", "value": 1 }])),
            210,
            "not a string",
        ),
    ] {
        let answer = user
            .post("/outbound/create", &order.to_string())
            .await
            .unwrap()
            .json();
        let why = near_miss(&user.sandbox, "kairos");
        assert_eq!(answer["api-response-code"], code, "{why}");
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let sealed = seal(
        &user.flow,
        &user.order(&json!([call("e", "8000000001")])),
        false,
    );
    let plain = user.order(&json!([call("e", "8000000001")]));
    let mut foreign = sealed.clone();
    foreign["flow-id"] = json!("nosuchid");
    let mut other = user.order(&json!([call("e", "8000000001")]));
    other["flow-id"] = user.flow["dialer"]["flow_id"].clone();
    let mut cut = sealed.clone();
    cut["requestDigitalSignatureValue"] = json!("QUJD");
    for (path, body, code, expected) in [
        (
            "/outbound/create",
            sealed.clone(),
            400,
            "belongs under /enc/",
        ),
        ("/enc/outbound/create", plain, 400, "belongs in an envelope"),
        ("/enc/outbound/create", foreign, 301, "no flow"),
        (
            "/enc/outbound/create",
            seal(&user.flow, &other, false),
            301,
            "not the one inside",
        ),
        ("/enc/outbound/create", cut, 400, "not as long as"),
        ("/enc/outbound/create", json!({}), 400, "has no `flow-id`"),
        ("/outbound/create", json!([]), 400, "no JSON object"),
    ] {
        let answer = user.post(path, &body.to_string()).await.unwrap().json();
        let why = near_miss(&user.sandbox, "kairos");
        assert_eq!(answer["api-response-code"], code, "{why}");
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let padded = user.order(&json!([call("big", "8000000001")])).to_string() + &" ".repeat(256_000);
    assert_eq!(
        user.post("/outbound/create", &padded).await.unwrap().status,
        413
    );
    user.sandbox
        .configure("kairos", &json!({ "rate_per_minute": 1 }))
        .unwrap();
    user.sandbox.clock().freeze();
    let mut statuses = Vec::new();
    for n in 0..2 {
        let order = user
            .order(&json!([call(&format!("r{n}"), "9000000500")]))
            .to_string();
        statuses.push(user.post("/outbound/create", &order).await.unwrap().status);
    }
    assert_eq!(statuses[1], 429);
    assert_eq!(user.sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn the_phone_list_and_the_rooms_own_misbehaviour() {
    let user = User::new().await;
    user.sandbox
        .configure("kairos", &json!({ "allowed_phones": ["8000000001"] }))
        .unwrap();
    assert_eq!(
        user.create(&json!([call("p", "8000000002")])).await["api-response-code"],
        402
    );
    for (quirk, id) in [
        ("string-code", "s"),
        ("missing-code", "m"),
        ("no-details", "n"),
        ("forget-one", "f"),
        ("no-identifiers", "i"),
    ] {
        user.sandbox.faults().set([FaultRule::quirk(quirk)]);
        let answer = user.create(&json!([call(id, "8000000001")])).await;
        match quirk {
            "string-code" => assert_eq!(answer["api-response-code"], "200"),
            "missing-code" => assert!(answer.get("api-response-code").is_none()),
            "no-details" => assert!(answer.get("call-details").is_none()),
            "forget-one" => assert_eq!(answer["call-details"], json!([])),
            _ => assert!(answer["call-details"][0].get("client-identifier").is_none()),
        }
        assert_eq!(user.delivered(id), 1);
    }
    user.sandbox.faults().set([FaultRule::quirk("forgetful")]);
    for _ in 0..2 {
        user.create(&json!([call("twice", "8000000001")])).await;
    }
    assert_eq!(user.delivered("twice"), 2);
}

#[tokio::test]
async fn what_is_not_modelled_is_refused_loudly_and_odd_bodies_kill_nothing() {
    let user = User::new().await;
    let origin = user.base.strip_suffix("/kairos-apis").unwrap();
    let reply = send("POST", &format!("{origin}/outbound/create"), &[], "{}")
        .await
        .unwrap();
    assert_eq!(reply.status, 404);
    assert!(near_miss(&user.sandbox, "kairos").contains("the prefix is missing"));
    assert_eq!(
        user.post("/outbound/cancel", "{}").await.unwrap().status,
        404
    );
    assert!(near_miss(&user.sandbox, "kairos").contains("no such operation"));
    let get = send("GET", &format!("{}/outbound/create", user.base), &[], "")
        .await
        .unwrap();
    assert_eq!(get.status, 404);
    for path in [
        "/outbound/create",
        "/enc/outbound/create",
        "/enc/outbound/generateKeyPair",
        "/pull",
    ] {
        for body in [
            "",
            "null",
            "{",
            "[[[",
            "{\"calls\":[null,1,[]]}",
            "{\"phonon-uuids\":{}}",
            "{\"flow-id\":[]}",
            "{\"api-version\":\"1.0\",\"flow-id\":\"\",\"security-id\":\"\",\"calls\":\"\"}",
        ] {
            let code = user.post(path, body).await.unwrap().json()["api-response-code"]
                .as_u64()
                .unwrap();
            assert!(code >= 210, "{path} {body}");
        }
    }
}

#[tokio::test]
async fn a_call_for_later_rings_when_its_time_has_come() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .callbacks()
        .listen("kairos", Some(&listener.url))
        .unwrap();
    user.sandbox
        .configure("kairos", &json!({ "push_after_ms": 0 }))
        .unwrap();
    let mut later = call("later", "8000000001");
    let in_an_hour = user.sandbox.clock().now_ms() + 3_600_000;
    later["start-time"] = json!(date(in_an_hour));
    let answer = user.create(&json!([later])).await;
    assert_eq!(answer["api-response-code"], 200);
    let uuid = &answer["call-details"][0]["phonon-uuid"];
    let pull = json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL" }).to_string();

    // Taken, and not dialled yet: the story says so.
    assert_eq!(user.delivered("later"), 1);
    let story = user.sandbox.operation("kairos", "later").unwrap().story;
    let india = date(in_an_hour + 19_800_000).replace('Z', "+05:30");
    let note = What::Note(format!("to be dialled at {india}"));
    assert!(story.iter().any(|line| line.what == note), "{story:?}");
    assert!(user.sandbox.handset("918000000001").is_empty());
    let nothing = user.post("/pull", &pull).await.unwrap().json();
    assert_eq!(nothing["api-response-code"], 213);
    let wanted = json!({ "reference": "later" });
    assert!(user.sandbox.trigger("kairos", &wanted).is_err());

    user.sandbox.clock().advance(Duration::from_secs(3_600));
    let rung = user.sandbox.handset("918000000001");
    assert_eq!((rung.len(), rung[0].at_ms), (1, in_an_hour));
    let pushed = listener.next().await;
    assert_eq!(&pushed["body"]["phonon-uuid"], uuid);
    let found = user.post("/pull", &pull).await.unwrap().json();
    assert_eq!(found["api-response-code"], 200);
    assert!(user.sandbox.trigger("kairos", &wanted).is_ok());
}

#[tokio::test]
async fn nothing_is_told_of_a_call_before_it_is_over() {
    let user = User::new().await;
    let clock = user.sandbox.clock();
    clock.freeze();
    let begin = clock.now_ms();
    let mut alternates = call("long", "9000002000");
    alternates["contact-numbers"] = json!(["9000002000", "8000000001"]);
    let answer = user.create(&json!([alternates])).await;
    let uuid = &answer["call-details"][0]["phonon-uuid"];
    let pull = json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL" }).to_string();
    let wanted = json!({ "reference": "long" });

    // Two numbers ring for 300 ms each, and the second talks for 1,200 ms.
    clock.advance(Duration::from_millis(1_799));
    let nothing = user.post("/pull", &pull).await.unwrap().json();
    assert_eq!(nothing["api-response-code"], 213);
    assert!(user.sandbox.trigger("kairos", &wanted).is_err());

    clock.advance(Duration::from_millis(1));
    let found = user.post("/pull", &pull).await.unwrap().json();
    let details = found["data"][0]["callDetails"].as_array().unwrap();
    let india = date(clock.now_ms() + 19_800_000).replace('Z', "+05:30");
    let ends: Vec<&str> = details
        .iter()
        .map(|detail| detail["endTime"].as_str().unwrap())
        .collect();
    assert!(ends.iter().all(|end| *end <= &*india), "{ends:?} {india}");
    assert_eq!((ends.len(), ends[1]), (2, &*india));

    let pushed = user.sandbox.callbacks().list(1).remove(0);
    assert_eq!(pushed.due_ms, begin + 2_300);
    assert!(pushed.body.contains(&india), "{}", pushed.body);
    assert!(user.sandbox.trigger("kairos", &wanted).is_ok());

    // With another length of the call, it is known at once.
    let short = json!({ "ring_ms": 0, "talk_ms": 0 });
    user.sandbox.configure("kairos", &short).unwrap();
    let answer = user.create(&json!([call("short", "8000000001")])).await;
    let uuid = &answer["call-details"][0]["phonon-uuid"];
    let pull = json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL" }).to_string();
    let found = user.post("/pull", &pull).await.unwrap().json();
    assert_eq!(found["data"][0]["callDetails"][0]["duration"], "0");
}

#[tokio::test]
async fn a_long_identifier_is_kept_short_and_found_by_all_of_it() {
    let user = User::new().await;
    let short = json!({ "ring_ms": 0, "talk_ms": 0, "push_after_ms": 0 });
    user.sandbox.configure("kairos", &short).unwrap();
    let long = "x".repeat(100_000);
    let mut order = call(&long, "8000000001");
    order["keys"][0]["value"] = json!(long);
    let answer = user.create(&json!([order])).await;
    assert_eq!(answer["call-details"][0]["client-identifier"], long);

    let rung = user.sandbox.handset("918000000001").remove(0);
    let size = serde_json::to_string(&rung).unwrap().len();
    assert!(size < 8_192, "{size}");
    let wanted = json!({ "reference": long });
    user.sandbox.trigger("kairos", &wanted).unwrap();
    let pushed = user.sandbox.callbacks().list(1).remove(0);
    assert!(pushed.reference.unwrap().len() <= 256);
    let uuid = &answer["call-details"][0]["phonon-uuid"];
    let pull = json!({ "phonon-uuids": [uuid], "fetch-attempt": "ALL" }).to_string();
    let found = user.post("/pull", &pull).await.unwrap();
    assert!(found.body.len() < 2_000, "{}", found.text());
    for _ in 0..500 {
        let story = user.sandbox.operation("kairos", &long).unwrap().story;
        if story
            .iter()
            .any(|line| matches!(line.what, What::Callback(_)))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the story does not know of the push");
}

#[tokio::test]
async fn what_is_turned_away_at_the_door_is_refused_in_the_books() {
    let user = User::new().await;
    // All within one minute.
    user.sandbox.clock().freeze();
    let url = format!("{}/outbound/create", user.base);
    for (identifier, change, kind, status) in [
        ("kind", json!({}), "text/plain", 415),
        (
            "size",
            json!({ "body_limit": 100 }),
            "application/json",
            413,
        ),
        (
            "rate",
            json!({ "body_limit": 256_000, "rate_per_minute": 1 }),
            "application/json",
            429,
        ),
    ] {
        user.sandbox.configure("kairos", &change).unwrap();
        let order = user.order(&json!([call(identifier, "8000000001")]));
        let headers = [("Content-Type", kind)];
        let reply = send("POST", &url, &headers, &order.to_string()).await;
        assert_eq!(reply.unwrap().status, status);
        let operation = user.sandbox.operation("kairos", identifier).unwrap();
        assert_eq!((operation.refused, operation.delivered), (1, 0));
    }
    let lenient = json!({ "content_type_required": false, "rate_per_minute": 0 });
    user.sandbox.configure("kairos", &lenient).unwrap();
    let order = user.order(&json!([call("kind too", "8000000001")]));
    let reply = send("POST", &url, &[], &order.to_string()).await.unwrap();
    assert_eq!(reply.json()["api-response-code"], 200);
}

#[tokio::test]
async fn a_variable_without_its_prefix_is_remarked_on() {
    let user = User::new().await;
    let mut bare = call("bare", "8000000001");
    bare["keys"][0]["name"] = json!("OTP");
    let answer = user.create(&json!([bare])).await;
    assert_eq!(answer["api-response-code"], 200);
    assert!(near_miss(&user.sandbox, "kairos").contains("no flow reads the variable `OTP`"));
    user.create(&json!([call("dressed", "8000000001")])).await;
    assert_eq!(near_miss(&user.sandbox, "kairos"), "");
}

#[tokio::test]
async fn each_host_counts_its_own_requests_and_every_endpoint_takes_json_alone() {
    let user = User::new().await;
    user.sandbox.clock().freeze();
    let origin = user.base.strip_suffix("/kairos-apis").unwrap();
    let bulk = format!("{origin}{}", user.flow["bulk_path"].as_str().unwrap());
    let limits = json!({ "rate_per_minute": 1, "bulk_rate_per_minute": 2 });
    user.sandbox.configure("kairos", &limits).unwrap();
    let json = [("Content-Type", "application/json")];
    let mut statuses = Vec::new();
    for n in 0..3 {
        let order = user.order(&json!([call(&format!("b{n}"), "8000000001")]));
        let reply = send("POST", &bulk, &json, &order.to_string()).await;
        statuses.push(reply.unwrap().status);
    }
    assert_eq!(statuses, [202, 202, 429]);
    let answer = user.create(&json!([call("real", "8000000001")])).await;
    assert_eq!(answer["api-response-code"], 200);

    for path in ["/pull", "/enc/outbound/generateKeyPair"] {
        let url = format!("{}{path}", user.base);
        let text = [("Content-Type", "text/plain")];
        let reply = send("POST", &url, &text, "{}").await.unwrap();
        assert_eq!(reply.status, 415, "{path}");
    }
}
