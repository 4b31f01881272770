//! Citcall's room, driven by a plain client that follows docs/protocols/citcall.md.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use support::{Listener, Reply, near_miss, send};
use telco_sandbox::rooms::Citcall;
use telco_sandbox::{Arrival, CallbackFault, FaultRule, Phase, Sandbox, What};

/// A user of the provider: its own small reading of part A, apart from the room's.
struct User {
    sandbox: Sandbox,
    base: String,
    user_id: String,
    api_key: String,
}

impl User {
    async fn new() -> User {
        let sandbox = Sandbox::builder()
            .room(Citcall::new(0))
            .start()
            .await
            .unwrap();
        let credentials = sandbox.credentials("citcall").unwrap();
        User {
            base: sandbox.base_url("citcall").unwrap(),
            user_id: credentials["user_id"].as_str().unwrap().to_owned(),
            api_key: credentials["api_key"].as_str().unwrap().to_owned(),
            sandbox,
        }
    }

    fn now(&self) -> u64 {
        self.sandbox.clock().now_ms() / 1_000
    }

    fn key(&self, i: usize) -> u8 {
        let at = |key: &[u8]| key[(i + key.len() - 1) % key.len()];
        (at(self.user_id.as_bytes()) + at(self.api_key.as_bytes())) % 128
    }

    fn seal(&self, text: &str, at: u64) -> String {
        let time: String = at.to_string().chars().rev().collect();
        let bytes = format!("{time}.{text}");
        let sealed = bytes
            .bytes()
            .enumerate()
            .map(|(i, b)| (b + self.key(i)) % 128);
        URL_SAFE_NO_PAD.encode(sealed.collect::<Vec<u8>>())
    }

    fn open(&self, data: &Value) -> (u64, Value) {
        let bytes = URL_SAFE_NO_PAD.decode(data.as_str().unwrap()).unwrap();
        let plain: Vec<u8> = bytes
            .iter()
            .enumerate()
            .map(|(i, b)| (128 + b - self.key(i)) % 128)
            .collect();
        let plain = String::from_utf8(plain).unwrap();
        let (time, text) = plain.split_once('.').unwrap();
        let time: String = time.chars().rev().collect();
        (time.parse().unwrap(), serde_json::from_str(text).unwrap())
    }

    fn legacy(&self) -> String {
        STANDARD.encode(format!("{}:{}", self.user_id, self.api_key))
    }

    async fn post(&self, path: &str, authorization: &str, body: &Value) -> std::io::Result<Reply> {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", authorization),
        ];
        send(
            "POST",
            &format!("{}{path}", self.base),
            &headers,
            &body.to_string(),
        )
        .await
    }

    async fn v2(&self, inner: &Value) -> std::io::Result<Reply> {
        let data = self.seal(&inner.to_string(), self.now());
        self.post("/v2/asynccall", &self.legacy(), &json!({ "data": data }))
            .await
    }

    async fn v3(&self, operation: &str, body: &Value) -> Value {
        let authorization = format!("Apikey {}", self.api_key);
        self.post(&format!("/v3/{operation}"), &authorization, body)
            .await
            .unwrap()
            .json()
    }

    fn caller(&self, number: &str) -> String {
        match &self.sandbox.handset(number)[0].arrival {
            Arrival::MissedCall { from } => from.clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn call(msisdn: &str, id: &str) -> Value {
    json!({ "msisdn": msisdn, "gateway": 1, "clientUniqueId": id })
}

#[tokio::test]
async fn an_encrypted_call_rings_and_the_handset_shows_the_code() {
    let user = User::new().await;
    let outer = user
        .v2(&call("081234567890", "order-42"))
        .await
        .unwrap()
        .json();
    let (at, inner) = user.open(&outer["data"]);
    assert!(at.abs_diff(user.now()) <= 1);
    assert_eq!(inner["rc"], "00");
    assert_eq!(inner["msisdn"], "+6281234567890");
    assert_eq!(inner["gateway"], 1);
    assert_eq!(inner["clientUniqueId"], "order-42");
    assert_eq!(inner["trxid"].as_str().unwrap().len(), 26);
    assert_eq!(user.caller("+62 812-3456-7890"), inner["token"]);
    let operation = user.sandbox.operation("citcall", "order-42").unwrap();
    assert_eq!((operation.delivered, operation.kind), (1, "asynccall"));
    assert_eq!(operation.number.as_deref(), Some("6281234567890"));
    assert!(user.sandbox.handset("6281200000000").is_empty());
}

#[tokio::test]
async fn every_result_code_has_its_number_and_rings_nobody() {
    let user = User::new().await;
    for rc in 1..=99 {
        let number = format!("0811000000{rc:02}");
        let answer = user
            .v2(&call(&number, &format!("rc-{rc}")))
            .await
            .unwrap()
            .json();
        assert_eq!(answer["rc"], format!("{rc:02}"));
        let operation = user
            .sandbox
            .operation("citcall", &format!("rc-{rc}"))
            .unwrap();
        assert_eq!((operation.delivered, operation.refused), (0, 1));
        assert!(
            user.sandbox
                .handset(&format!("62811000000{rc:02}"))
                .is_empty()
        );
        assert_eq!(
            user.v3(
                "motp",
                &json!({ "msisdn": format!("62811000000{rc:02}"), "retry": 0 })
            )
            .await["rc"],
            format!("{rc:02}")
        );
    }
}

#[tokio::test]
async fn a_repeat_rings_again_and_is_counted_and_a_new_gateway_is_a_new_call() {
    let user = User::new().await;
    for _ in 0..2 {
        user.v2(&call("081234567890", "twice")).await.unwrap();
    }
    assert_eq!(
        user.sandbox
            .operation("citcall", "twice")
            .unwrap()
            .delivered,
        2
    );
    assert_eq!(user.sandbox.totals().doubled, 1);
    user.v2(&call("081234567891", "resent")).await.unwrap();
    user.v2(&json!({ "msisdn": "081234567891", "gateway": 2, "clientUniqueId": "resent" }))
        .await
        .unwrap();
    assert_eq!(
        user.sandbox
            .operation("citcall", "resent")
            .unwrap()
            .delivered,
        1
    );
    assert_eq!(
        user.sandbox
            .operation("citcall", "resent#2")
            .unwrap()
            .delivered,
        1
    );
    assert_eq!(user.sandbox.totals().doubled, 1);
}

#[tokio::test]
async fn faults_before_and_after_the_call() {
    let user = User::new().await;
    let faults = user.sandbox.faults();
    faults.add(FaultRule::new(Phase::ResetBefore).reference("before"));
    faults.add(FaultRule::new(Phase::ActThenReset).reference("after"));
    assert!(user.v2(&call("081234567890", "before")).await.is_err());
    assert!(user.v2(&call("081234567891", "after")).await.is_err());
    assert_eq!(
        user.sandbox
            .operation("citcall", "before")
            .unwrap()
            .delivered,
        0
    );
    assert_eq!(
        user.sandbox
            .operation("citcall", "after")
            .unwrap()
            .delivered,
        1
    );
    assert!(user.sandbox.handset("6281234567890").is_empty());
    assert_eq!(user.sandbox.handset("6281234567891").len(), 1);
}

#[tokio::test]
async fn answers_as_set_and_misbehaves_as_told() {
    let user = User::new().await;
    user.sandbox
        .configure(
            "citcall",
            &json!({ "seal_answers": false, "v2_trxid": false, "caller_shown": "international" }),
        )
        .unwrap();
    let plain = user.v2(&call("081234567890", "a")).await.unwrap().json();
    assert_eq!(plain["rc"], "00");
    assert!(plain.get("trxid").is_none());
    let token = plain["token"].as_str().unwrap();
    assert_eq!(user.caller("6281234567890"), format!("+62{}", &token[1..]));
    assert!(
        user.v2(&call("081200000002", "no-token"))
            .await
            .unwrap()
            .json()["token"]
            .is_null()
    );
    assert_eq!(
        user.v2(&call("081200000001", "no-ring"))
            .await
            .unwrap()
            .json()["rc"],
        "00"
    );
    assert_eq!(
        user.sandbox
            .operation("citcall", "no-ring")
            .unwrap()
            .delivered,
        0
    );
    user.sandbox
        .configure("citcall", &json!({ "seal_answers": true }))
        .unwrap();
    for quirk in [
        "stale-answer",
        "foreign-key",
        "wrong-echo",
        "sealed-failure",
    ] {
        user.sandbox.faults().set([FaultRule::quirk(quirk)]);
        let number = if quirk == "sealed-failure" {
            "081100000014"
        } else {
            "081234567890"
        };
        let outer = user.v2(&call(number, quirk)).await.unwrap().json();
        match quirk {
            "stale-answer" => assert!(user.now() - user.open(&outer["data"]).0 >= 3_600),
            "wrong-echo" => assert_eq!(user.open(&outer["data"]).1["msisdn"], "+6281299999999"),
            "sealed-failure" => assert_eq!(user.open(&outer["data"]).1["rc"], "14"),
            _ => assert!(outer["data"].is_string()),
        }
    }
    assert!(
        user.sandbox
            .configure("citcall", &json!({ "no_such": 1 }))
            .is_err()
    );
}

#[tokio::test]
async fn the_balance_runs_out() {
    let user = User::new().await;
    user.sandbox
        .configure("citcall", &json!({ "balance": 400 }))
        .unwrap();
    let mut codes = Vec::new();
    for n in 0..3 {
        let answer = user
            .v3("motp", &json!({ "msisdn": "6281234567890", "retry": n }))
            .await;
        codes.push(answer["rc"].clone());
    }
    assert_eq!(codes, ["00", "00", "14"]);
    assert_eq!(user.sandbox.totals().delivered, 2);
}

#[tokio::test]
async fn v3_verifies_codes_itself() {
    let user = User::new().await;
    let motp = json!({ "msisdn": "6281234567890", "retry": 0, "valid_time": 60, "limit_try": 2 });
    let verify = |trxid: &Value, token: &str| json!({ "msisdn": "6281234567890", "trxid": trxid, "token": token });
    let started = user.v3("motp", &motp).await;
    let (trxid, token) = (&started["trxid"], started["token"].as_str().unwrap());
    let code = &token[token.len() - 4..];
    let wrong = if code == "0000" { "0001" } else { "0000" };
    assert_eq!(
        user.v3("verify", &verify(&json!("unknown"), code)).await["rc"],
        "78"
    );
    assert_eq!(user.v3("verify", &verify(trxid, wrong)).await["rc"], "79");
    let right = user.v3("verify", &verify(trxid, code)).await;
    assert_eq!(
        (&right["rc"], &right["token"], &right["token_verify"]),
        (&json!("00"), &Value::Null, &json!(code))
    );
    assert_eq!(
        user.v3("verify", &verify(trxid, code)).await["rc"],
        "78",
        "used"
    );

    let second = user.v3("motp", &motp).await;
    for expected in ["79", "79", "81"] {
        assert_eq!(
            user.v3("verify", &verify(&second["trxid"], wrong_for(&second)))
                .await["rc"],
            expected
        );
    }
    let third = user.v3("motp", &motp).await;
    user.sandbox.clock().advance(Duration::from_secs(61));
    let token = third["token"].as_str().unwrap();
    assert_eq!(
        user.v3(
            "verify",
            &verify(&third["trxid"], &token[token.len() - 4..])
        )
        .await["rc"],
        "80"
    );

    let fourth = user.v3("motp", &motp).await;
    assert_eq!(
        user.v3(
            "verify",
            &verify(&fourth["trxid"], fourth["token"].as_str().unwrap())
        )
        .await["rc"],
        "79"
    );
    assert!(near_miss(&user.sandbox, "citcall").contains("last four digits are compared"));
    user.sandbox
        .configure("citcall", &json!({ "verify_accepts": "both" }))
        .unwrap();
    assert_eq!(
        user.v3(
            "verify",
            &verify(&fourth["trxid"], fourth["token"].as_str().unwrap())
        )
        .await["rc"],
        "00"
    );
}

fn wrong_for(started: &Value) -> &'static str {
    if started["token"].as_str().unwrap().ends_with("0000") {
        "0001"
    } else {
        "0000"
    }
}

#[tokio::test]
async fn v3_sends_messages_and_puts_the_code_in() {
    let user = User::new().await;
    let sms = json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": "Hello" });
    let sent = user.v3("sms", &sms).await;
    assert_eq!(
        (&sent["rc"], &sent["sms_count"], &sent["price"]),
        (&json!("00"), &json!("1"), &json!("350"))
    );
    let otp = json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": "Your number is XXXXX.",
        "token": "40213", "valid_time": 60, "limit_try": 3 });
    let sent = user.v3("smsotp", &otp).await;
    let Arrival::Message { from, text } = user.sandbox.handset("6281234567890").remove(0).arrival
    else {
        panic!()
    };
    assert_eq!(
        (from.as_str(), text.as_str()),
        ("CITCALL", "Your number is 40213.")
    );
    let verify = json!({ "msisdn": "6281234567890", "trxid": sent["trxid"], "token": "40213" });
    assert_eq!(user.v3("verify", &verify).await["rc"], "00");
    assert_eq!(
        user.v3(
            "sms",
            &json!({ "senderid": "citcall", "msisdn": "6281234567890", "text": "x" })
        )
        .await["rc"],
        "44"
    );
    assert_eq!(
        user.v3(
            "sms",
            &json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": " " })
        )
        .await["rc"],
        "43"
    );
    assert_eq!(
        user.v3(
            "smsotp",
            &json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": "no place" })
        )
        .await["rc"],
        "00"
    );
    assert!(near_miss(&user.sandbox, "citcall").contains("unknown"));
}

#[tokio::test]
async fn callbacks_come_sealed_or_plain_early_late_twice_and_out_of_order() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .callbacks()
        .listen("citcall", Some(&listener.url))
        .unwrap();
    user.sandbox
        .configure("citcall", &json!({ "callback_after_ms": 20 }))
        .unwrap();
    user.v2(&call("081234567890", "sealed")).await.unwrap();
    let (_, sealed) = user.open(&listener.next().await["data"]);
    assert_eq!(
        (
            &sealed["clientUniqueId"],
            &sealed["call_status"],
            &sealed["result"]
        ),
        (&json!("sealed"), &json!("ANSWERED"), &json!("Success"))
    );
    assert_eq!(sealed["trx_id"].as_str().unwrap().len(), 26);

    user.sandbox
        .configure("citcall", &json!({ "seal_callbacks": false }))
        .unwrap();
    user.v2(&call("081200000001", "plain")).await.unwrap();
    let plain = listener.next().await;
    assert_eq!(
        (&plain["clientUniqueId"], &plain["result"]),
        (&json!("plain"), &json!("Failed"))
    );

    let faults = user.sandbox.faults();
    faults.add(FaultRule::callback(CallbackFault::Twice).reference("twice"));
    faults.add(FaultRule::callback(CallbackFault::Lost).reference("lost"));
    faults.add(
        FaultRule::callback(CallbackFault::Reordered)
            .reference("first")
            .delay(Duration::from_secs(5)),
    );
    faults.add(
        FaultRule::callback(CallbackFault::Late)
            .reference("late")
            .delay(Duration::from_secs(3_600)),
    );
    faults.add(FaultRule::callback(CallbackFault::Early).reference("early"));
    user.v2(&call("081234567890", "twice")).await.unwrap();
    assert_eq!(listener.next().await, listener.next().await);
    user.v2(&call("081234567890", "lost")).await.unwrap();
    user.v2(&call("081234567890", "late")).await.unwrap();
    assert!(listener.is_quiet().await);
    user.v2(&call("081234567890", "first")).await.unwrap();
    user.v2(&call("081234567890", "second")).await.unwrap();
    assert_eq!(listener.next().await["clientUniqueId"], "second");
    assert_eq!(listener.next().await["clientUniqueId"], "first");
    user.sandbox.clock().advance(Duration::from_secs(3_601));
    assert_eq!(listener.next().await["clientUniqueId"], "late");
    user.sandbox
        .configure("citcall", &json!({ "callback_after_ms": 3_600_000 }))
        .unwrap();
    user.v2(&call("081234567890", "early")).await.unwrap();
    assert_eq!(listener.next().await["clientUniqueId"], "early");
    user.sandbox
        .trigger("citcall", &json!({ "reference": "twice" }))
        .unwrap();
    assert_eq!(listener.next().await["clientUniqueId"], "twice");
    assert!(
        user.sandbox
            .trigger("citcall", &json!({ "reference": "no such" }))
            .is_err()
    );
}

#[tokio::test]
async fn a_long_reference_is_found_by_all_of_it() {
    let user = User::new().await;
    let long = "x".repeat(100_000);
    let otp = json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": format!("XXXXX {long}"),
        "token": "40213", "valid_time": 60, "limit_try": 3, "clientUniqueId": long });
    let sent = user.v3("smsotp", &otp).await;
    assert_eq!(sent["rc"], "00");
    let verify = json!({ "msisdn": "6281234567890", "trxid": sent["trxid"], "token": "40213" });
    assert_eq!(user.v3("verify", &verify).await["rc"], "00");
    let story = user.sandbox.operation("citcall", &long).unwrap().story;
    let verified = What::Note("verified".to_owned());
    assert!(story.iter().any(|line| line.what == verified), "{story:?}");

    let received = user.sandbox.handset("6281234567890").remove(0);
    assert!(received.reference.len() <= 256);
    let Arrival::Message { text, .. } = received.arrival else {
        panic!()
    };
    assert!(text.starts_with("40213 x") && text.ends_with("… (100006 bytes)"));

    // A code that nobody could type.
    let mut endless = otp.clone();
    endless["token"] = json!("1".repeat(65));
    assert_eq!(user.v3("smsotp", &endless).await["rc"], "97");
}

#[tokio::test]
async fn v3_callbacks_go_to_the_url_of_the_request() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .configure("citcall", &json!({ "callback_after_ms": 0 }))
        .unwrap();
    let started = user
        .v3(
            "motp",
            &json!({ "msisdn": "6281234567890", "gateway": 5, "callback_url": listener.url }),
        )
        .await;
    let told = listener.next().await;
    assert_eq!(
        (&told["trxid"], &told["rc"], &told["price"]),
        (&started["trxid"], &json!(0), &json!("179"))
    );
    let sms = json!({ "senderid": "CITCALL", "msisdn": "6281234567890", "text": "x", "callback_url": listener.url });
    let sent = user.v3("sms", &sms).await;
    let report = listener.next().await;
    assert_eq!(report["trxid"], sent["trxid"]);
    assert!(report.get("rc").is_none() && report["description"].is_string());
}

#[tokio::test]
async fn a_url_of_the_request_names_this_machine_unless_it_is_set() {
    let user = User::new().await;
    user.sandbox
        .configure("citcall", &json!({ "callback_after_ms": 0 }))
        .unwrap();
    let mut listener = Listener::start().await;
    // An address that is not this machine's by name, and still leads here.
    let elsewhere = listener.url.replace("127.0.0.1", "0.0.0.0");
    let motp = json!({ "msisdn": "6281234567890", "gateway": 5, "callback_url": elsewhere });
    assert_eq!(user.v3("motp", &motp).await["rc"], "00");
    assert!(listener.is_quiet().await);
    let pushed = user.sandbox.callbacks().list(1).remove(0);
    assert!(pushed.fate.contains("another machine"), "{}", pushed.fate);
    user.sandbox
        .configure("citcall", &json!({ "callback_anywhere": true }))
        .unwrap();
    let again = user.v3("motp", &motp).await;
    assert_eq!(listener.next().await["trxid"], again["trxid"]);
}

#[tokio::test]
async fn refusals_explain_themselves() {
    let user = User::new().await;
    // A time whose digits are a number of the same length backwards, too.
    let at = UNIX_EPOCH + Duration::from_secs(1_771_234_567);
    user.sandbox.clock().set(at);
    user.sandbox.clock().freeze();
    let good = json!({ "data": user.seal(&call("081234567890", "x").to_string(), user.now()) });
    let legacy = user.legacy();
    let sealed = |inner: Value| json!({ "data": user.seal(&inner.to_string(), user.now()) });
    let old =
        json!({ "data": user.seal(&call("081234567890", "x").to_string(), user.now() - 660) });
    let forward = {
        let reversed: u64 = user
            .now()
            .to_string()
            .chars()
            .rev()
            .collect::<String>()
            .parse()
            .unwrap();
        json!({ "data": user.seal(&call("081234567890", "x").to_string(), reversed) })
    };
    let swapped = STANDARD.encode(format!("{}:{}", user.api_key, user.user_id));
    let apikey = format!("Apikey {}", user.api_key);
    for (authorization, body, rc, expected) in [
        (&legacy, old, "97", "11 minutes behind; 480 s are allowed"),
        (&legacy, forward, "97", "backwards"),
        (
            &legacy,
            call("081234567890", "x"),
            "97",
            "came in the clear",
        ),
        (&legacy, json!({ "data": 5 }), "97", "not a string"),
        (&legacy, json!({}), "88", "no `data`"),
        (&legacy, json!([]), "97", "not a JSON object"),
        (&legacy, json!({ "data": "!" }), "97", "not base64"),
        (&legacy, sealed(json!([1])), "97", "holds no JSON object"),
        (
            &legacy,
            sealed(json!({ "gateway": 1 })),
            "88",
            "`msisdn` is missing",
        ),
        (
            &legacy,
            sealed(json!({ "msisdn": 81234567890_u64, "gateway": 1 })),
            "97",
            "not a string",
        ),
        (
            &legacy,
            sealed(json!({ "msisdn": "081234567890", "gateway": "1" })),
            "97",
            "is an integer",
        ),
        (
            &legacy,
            sealed(json!({ "msisdn": "081234567890", "gateway": 5 })),
            "07",
            "from 1 to 4",
        ),
        (
            &legacy,
            sealed(json!({ "msisdn": "81234567890", "gateway": 1 })),
            "42",
            "a bare `8…`",
        ),
        (
            &legacy,
            sealed(json!({ "msisdn": "081234567890", "gateway": 1, "clientUniqueId": null })),
            "97",
            "leave it out",
        ),
        (&swapped, good.clone(), "77", "swapped"),
        (
            &apikey,
            good.clone(),
            "98",
            "form `apikey` is not taken by v2",
        ),
        (&"Bearer x".to_owned(), good.clone(), "98", "no scheme"),
    ] {
        let answer = user
            .post("/v2/asynccall", authorization, &body)
            .await
            .unwrap()
            .json();
        let why = near_miss(&user.sandbox, "citcall");
        assert_eq!(answer["rc"], rc, "{why}");
        assert!(why.contains(expected), "{expected}: {why}");
        assert!(!why.contains(&user.api_key), "the key stays secret: {why}");
    }
    for (body, rc, expected) in [
        (
            json!({ "msisdn": "+6281234567890", "retry": 0 }),
            "42",
            "nothing before it",
        ),
        (json!({ "msisdn": "6281234567890" }), "88", "`retry`"),
        (
            json!({ "msisdn": "6281234567890", "retry": 5 }),
            "07",
            "from 0 to 4",
        ),
        (
            json!({ "msisdn": "6281234567890", "retry": 1, "gateway": 1 }),
            "07",
            "two names",
        ),
        (
            json!({ "msisdn": "6281234567890", "retry": 1, "valid_time": 60 }),
            "88",
            "together",
        ),
        (
            json!({ "msisdn": "6281234567890", "retry": 1, "valid_time": 60, "limit_try": 21 }),
            "88",
            "from 1 to 20",
        ),
        (
            json!({ "msisdn": "6281234567890", "retry": 1, "callback_url": "x" }),
            "88",
            "absolute URL",
        ),
    ] {
        assert_eq!(user.v3("motp", &body).await["rc"], rc);
        let why = near_miss(&user.sandbox, "citcall");
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let get = send("GET", &format!("{}/v2/asynccall", user.base), &[], "")
        .await
        .unwrap();
    assert_eq!(get.json()["rc"], "99");
    user.sandbox
        .configure("citcall", &json!({ "allowed_ips": ["104.199.196.122"] }))
        .unwrap();
    assert_eq!(
        user.post("/v2/asynccall", &legacy, &good)
            .await
            .unwrap()
            .json()["rc"],
        "98"
    );
    assert!(near_miss(&user.sandbox, "citcall").contains("127.0.0.1 is not on"));
    assert_eq!(user.sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn what_is_not_modelled_is_refused_loudly() {
    let user = User::new().await;
    for (path, expected) in [
        ("/v3/call", "withdrawn"),
        ("/v2/balance", "not modelled"),
        ("/", "not modelled"),
    ] {
        let reply = user.post(path, &user.legacy(), &json!({})).await.unwrap();
        assert_eq!(reply.status, 404);
        assert!(near_miss(&user.sandbox, "citcall").contains(expected));
    }
}

#[tokio::test]
async fn odd_bodies_never_kill_the_room() {
    let user = User::new().await;
    let authorization = format!("Apikey {}", user.api_key);
    let headers = [("Authorization", authorization.as_str())];
    for path in [
        "/v2/asynccall",
        "/v3/motp",
        "/v3/verify",
        "/v3/sms",
        "/v3/smsotp",
    ] {
        for body in [
            "",
            "null",
            "\"x\"",
            "{",
            "[[[[",
            "{\"data\":{\"a\":1}}",
            "{\"msisdn\":[]}",
            "{\"msisdn\":\"\u{0660}\",\"retry\":1e99}",
        ] {
            let reply = send("POST", &format!("{}{path}", user.base), &headers, body)
                .await
                .unwrap();
            assert!(reply.json()["rc"].is_string(), "{path} {body}");
        }
    }
    assert_eq!(user.sandbox.totals().delivered, 0);
}
