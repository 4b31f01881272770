//! FanapPlus' room, used as docs/protocols/fanap.md says, by a client that shares nothing with it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use num_bigint::BigUint;
use serde_json::{Value, json};
use support::spend::{date, rsa_number, rsa_sign};
use support::{Listener, Reply, near_miss, send, unbase64};
use telco_sandbox::rooms::Fanap;
use telco_sandbox::{Arrival, FaultRule, Operation, Phase, Sandbox};

/// A customer of the provider, with section 3.1 in a few lines of its own.
struct User {
    sandbox: Sandbox,
    base: String,
    credentials: Value,
}

/// What a test changes about a request.
struct Sent<'a> {
    headers: Vec<(&'a str, String)>,
    body: Value,
}

impl User {
    async fn new() -> User {
        let sandbox = Sandbox::builder()
            .room(Fanap::new(0))
            .start()
            .await
            .unwrap();
        User {
            base: sandbox.base_url("fanap").unwrap(),
            credentials: sandbox.credentials("fanap").unwrap(),
            sandbox,
        }
    }

    fn is(&self, name: &str) -> String {
        self.credentials[name].as_str().unwrap().to_owned()
    }

    fn date(&self) -> String {
        date(self.sandbox.clock().now_ms())
    }

    fn sign(&self, text: &str) -> String {
        rsa_sign(&self.is("private_key_xml"), text, &SHA1_FOR_LEGACY_USE_ONLY)
    }

    fn set(&self, change: Value) {
        self.sandbox.configure("fanap", &change).unwrap();
    }

    /// A sound request, which a test may then spoil.
    fn sound(&self, date: &str, fields: Value) -> Sent<'static> {
        let (app_id, tenant_id) = (self.is("app_id"), self.is("tenant_id"));
        let signature = self.sign(&format!("{app_id}#{tenant_id}#{date}"));
        let mut body =
            json!({ "Date": date, "ServiceKey": self.is("service_key"), "Signature": signature });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let headers = vec![
            ("Content-Type", "application/json; charset=utf-8".to_owned()),
            ("TenantId", tenant_id),
            ("AppId", app_id),
        ];
        Sent { headers, body }
    }

    async fn send(&self, operation: &str, sent: &Sent<'_>) -> std::io::Result<Reply> {
        let headers: Vec<(&str, &str)> =
            sent.headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let url = format!("{}/api/Subscription/grant/{operation}", self.base);
        send("POST", &url, &headers, &sent.body.to_string()).await
    }

    async fn start(&self, phone: &str) -> Value {
        let sent = self.sound(&self.date(), json!({ "PhoneNumber": phone }));
        self.send("start", &sent).await.unwrap().json()
    }

    fn commit_of(&self, phone: &str, id: &str, token: &str) -> Sent<'static> {
        let fields = json!({ "PhoneNumber": phone, "CorrelationId": id, "Token": token });
        self.sound(&self.date(), fields)
    }

    async fn commit(&self, phone: &str, id: &str, token: &str) -> Value {
        let sent = self.commit_of(phone, id, token);
        self.send("commit", &sent).await.unwrap().json()
    }

    /// Starts for a phone and reads the message there.
    async fn arrived(&self, phone: &str) -> (String, String) {
        let answer = self.start(phone).await;
        assert_eq!(answer["success"], true, "{answer}");
        let id = answer["correlationId"].as_str().unwrap().to_owned();
        (id, self.code(phone))
    }

    fn code(&self, phone: &str) -> String {
        let national = &phone[phone.len() - 10..];
        match &self.sandbox.handset(&format!("98{national}"))[0].arrival {
            Arrival::Message { text, .. } => text.chars().filter(char::is_ascii_digit).collect(),
            other => panic!("{other:?}"),
        }
    }

    fn operation(&self, reference: &str) -> Operation {
        self.sandbox.operation("fanap", reference).unwrap()
    }

    async fn verification(&self, phone: &str) -> Reply {
        let date = self.date();
        let signature = self.sign(&format!("11035#{date}"));
        let headers = [
            ("SDP-Date", date.as_str()),
            ("SDP-ProductId", "11035"),
            ("SDP-Signature", &signature),
        ];
        let url = format!(
            "{}/api/subscription/verification/{phone}/product/11035",
            self.base
        );
        send("GET", &url, &headers, "").await.unwrap()
    }
}

const PHONE: &str = "09121234567";

#[tokio::test]
async fn a_code_arrives_and_its_commit_charges_once() {
    assert_eq!(date(1_537_790_487_938), "2018-09-24T12:01:27.938Z");
    let user = User::new().await;
    let (id, code) = user.arrived(PHONE).await;
    assert_eq!((id.len(), code.len()), (32, 4));
    let start = user.operation(&format!("start-{id}"));
    assert_eq!((start.kind, start.delivered), ("start", 1));
    assert_eq!(start.number.as_deref(), Some("989121234567"));

    assert_eq!(
        user.verification(PHONE).await.json()["result"]["isSubscribed"],
        false
    );
    let answer = user.commit(PHONE, &id, &code).await;
    assert_eq!(answer, json!({ "response": 0, "success": true }));
    assert_eq!(user.operation(&id).delivered, 1);
    assert_eq!(
        user.verification(PHONE).await.json()["result"]["isSubscribed"],
        true
    );

    let again = user.commit(PHONE, &id, &code).await;
    assert_eq!(again["error"]["code"], 1016);
    assert_eq!(user.operation(&id).delivered, 1);
    assert_eq!(user.sandbox.totals().doubled, 0);
}

#[tokio::test]
async fn what_a_second_commit_gets_is_a_setting_and_a_second_charge_is_counted() {
    let user = User::new().await;
    user.set(json!({ "repeated_commit": "same-answer" }));
    let (id, code) = user.arrived(PHONE).await;
    for _ in 0..2 {
        assert_eq!(user.commit(PHONE, &id, &code).await["success"], true);
    }
    assert_eq!(user.operation(&id).delivered, 1);
    user.set(json!({ "repeated_commit": "charges-again" }));
    assert_eq!(user.commit(PHONE, &id, &code).await["success"], true);
    assert_eq!(user.sandbox.totals().doubled, 1);
    user.set(json!({ "repeated_commit": "already-used" }));
    user.sandbox.faults().add(FaultRule::quirk("forgetful"));
    assert_eq!(user.commit(PHONE, &id, &code).await["success"], true);
    assert_eq!(user.operation(&id).delivered, 3);
    user.sandbox.faults().clear();
    user.set(json!({ "refuse_subscribed": true }));
    let (id, code) = user.arrived(PHONE).await;
    let answer = user.commit(PHONE, &id, &code).await;
    assert_eq!(answer["error"]["message"], "GH-411 is registered");
}

#[tokio::test]
async fn wrong_old_and_foreign_codes_charge_nobody() {
    let user = User::new().await;
    let (id, code) = user.arrived(PHONE).await;
    let wrong = if code == "0000" { "1111" } else { "0000" };
    for (phone, id, token, expected) in [
        (PHONE, id.as_str(), wrong, 1013),
        (PHONE, "00000000000000000000000000000000", &code, 1014),
        ("09121234568", &id, &code, 1014),
    ] {
        assert_eq!(
            user.commit(phone, id, token).await["error"]["code"],
            expected
        );
    }
    for _ in 0..4 {
        user.commit(PHONE, &id, wrong).await;
    }
    let answer = user.commit(PHONE, &id, &code).await;
    assert_eq!(answer["error"]["message"], "GH-419 retries exceeded");

    let (id, code) = user.arrived(PHONE).await;
    user.sandbox.clock().advance(Duration::from_secs(301));
    assert_eq!(user.commit(PHONE, &id, &code).await["error"]["code"], 1009);
    assert_eq!(user.operation(&id).delivered, 0);

    user.set(json!({ "one_phone_form": true, "code_digits": 6 }));
    let (id, code) = user.arrived(PHONE).await;
    assert_eq!(code.len(), 6);
    assert_eq!(
        user.commit("9121234567", &id, &code).await["error"]["code"],
        1015
    );
    user.set(json!({ "one_phone_form": false }));
    assert_eq!(
        user.commit("+989121234567", &id, &code).await["success"],
        true
    );
}

/// Each really wrong request, the answer, and the words that explain it.
#[tokio::test]
async fn wrong_requests_are_refused_and_explained() {
    let user = User::new().await;
    user.sandbox.clock().freeze();
    let now = user.sandbox.clock().now_ms();
    let sound = |date: &str| user.sound(date, json!({ "PhoneNumber": PHONE }));
    let dated = |ms: u64| sound(&date(ms));
    let spoilt = |spoil: &dyn Fn(&mut Sent<'_>)| {
        let mut sent = sound(&date(now));
        spoil(&mut sent);
        sent
    };
    let header = |name: &'static str, value: String| {
        spoilt(&|sent| {
            for header in &mut sent.headers {
                if header.0 == name {
                    header.1.clone_from(&value);
                }
            }
        })
    };
    let field = |name: &str, value: Value| spoilt(&|sent| sent.body[name] = value.clone());
    let signed = |text: &str| field("Signature", json!(user.sign(text)));
    let (app, tenant, today) = (user.is("app_id"), user.is("tenant_id"), date(now));
    let swapped = spoilt(&|sent| {
        (sent.headers[1].1, sent.headers[2].1) = (app.clone(), tenant.clone());
    });
    let missing = |name: &'static str| spoilt(&|sent| sent.headers.retain(|(n, _)| *n != name));
    let mut misspelt = spoilt(&|sent| {
        sent.body.as_object_mut().unwrap().remove("PhoneNumber");
    });
    misspelt.body["phoneNumber"] = json!(PHONE);
    for (sent, expected, why) in [
        (
            dated(now - 660_000),
            json!(1011),
            "Date is 11 minutes behind",
        ),
        (dated(now + 660_000), json!(1011), "11 minutes ahead"),
        (dated(now + 12_600_000), json!(1011), "Tehran's local time"),
        (
            sound(&today.replace('Z', "+03:30")),
            json!(1010),
            "has an offset",
        ),
        (
            sound(&format!("{}Z", &today[..19])),
            json!(1010),
            "has no fraction",
        ),
        (
            sound(&today.replace('Z', "000Z")),
            json!(1010),
            "has 6 fraction digits",
        ),
        (sound(&today[..23]), json!(1010), "does not end in `Z`"),
        (
            sound(&today.replace('T', " ")),
            json!(1010),
            "no date and time",
        ),
        (
            signed(&format!("{tenant}#{app}#{today}")),
            json!(1004),
            "order were TenantId#AppId#Date",
        ),
        (
            signed(&format!("{app}#{tenant}#{today}\n")),
            json!(1004),
            "line feed",
        ),
        (field("Signature", json!("!")), json!(1004), "not base64"),
        (
            field("Signature", Value::Null),
            json!(1012),
            "`Signature` is missing",
        ),
        (swapped, json!(1002), "interchanged"),
        (
            header("AppId", "other".into()),
            json!(1002),
            "`AppId` is not the one",
        ),
        (missing("TenantId"), json!(1019), "`TenantId` is missing"),
        (
            field("ServiceKey", json!("other")),
            json!(1006),
            "`ServiceKey` is not",
        ),
        (
            field("PhoneNumber", json!("02112345678")),
            json!(1015),
            "no Iranian mobile",
        ),
        (
            field("PhoneNumber", json!("0912 123 4567")),
            json!(1015),
            "without separators",
        ),
        (
            field("PhoneNumber", json!(9_121_234_567_u64)),
            Value::Null,
            "is not a string",
        ),
        (
            misspelt,
            Value::Null,
            "`phoneNumber` is spelt `PhoneNumber`",
        ),
        (
            header("Content-Type", "text/plain".into()),
            json!("415"),
            "`Content-Type` is",
        ),
    ] {
        let reply = user.send("start", &sent).await.unwrap();
        match &expected {
            Value::String(status) => assert_eq!(reply.status.to_string(), *status),
            Value::Null => assert!(reply.status == 400 && reply.json()["PhoneNumber"].is_array()),
            code => assert_eq!(reply.json()["error"]["code"], *code, "{why}"),
        }
        let explained = near_miss(&user.sandbox, "fanap");
        assert!(explained.contains(why), "{why}: {explained}");
    }
    assert_eq!(user.sandbox.totals().delivered, 0);
    let token = user.commit_of(PHONE, "x", "y");
    let number = Sent {
        body: {
            let mut body = token.body.clone();
            body["Token"] = json!(42);
            body
        },
        ..token
    };
    assert_eq!(user.send("commit", &number).await.unwrap().status, 400);
    assert!(near_miss(&user.sandbox, "fanap").contains("leading zeros"));
}

#[tokio::test]
async fn other_paths_and_bodies_are_refused_loudly() {
    let user = User::new().await;
    for (method, path, status, why) in [
        ("GET", "/api/Subscription/grant/start", 405, "POST is"),
        ("POST", "/api/subscription/grant/start", 404, "case count"),
        ("POST", "/api/v2/otp/start", 404, "not modelled"),
        ("POST", "/", 404, "not modelled"),
    ] {
        let reply = send(method, &format!("{}{path}", user.base), &[], "")
            .await
            .unwrap();
        assert_eq!(reply.status, status);
        assert!(near_miss(&user.sandbox, "fanap").contains(why), "{path}");
    }
    let url = format!("{}/api/Subscription/grant/commit", user.base);
    let json = [("Content-Type", "application/json")];
    for body in ["", "[]", "{", "null", "{\"Date\":7}", "\u{0}"] {
        let status = send("POST", &url, &json, body).await.unwrap().status;
        assert!((400..500).contains(&status), "{body}: {status}");
    }
}

#[tokio::test]
async fn settings_change_hash_key_window_shape_and_limits() {
    let user = User::new().await;
    for wrong in [
        json!({ "hash": "md5" }),
        json!({ "registered_key": "<RSAKeyValue/>" }),
        json!({ "code_digits": 40 }),
        json!({ "refusal_status": 42 }),
        json!({ "nonsense": 1 }),
        json!([]),
    ] {
        assert!(user.sandbox.configure("fanap", &wrong).is_err(), "{wrong}");
    }
    user.set(json!({ "hash": "sha256" }));
    assert_eq!(user.start(PHONE).await["error"]["code"], 1004);
    assert!(
        near_miss(&user.sandbox, "fanap").contains("it uses Sha1, and the account expects Sha256")
    );
    let xml = user.is("private_key_xml");
    let today = user.date();
    let mut sent = user.sound(&today, json!({ "PhoneNumber": PHONE }));
    let text = format!("{}#{}#{today}", user.is("app_id"), user.is("tenant_id"));
    sent.body["Signature"] = json!(rsa_sign(&xml, &text, &SHA256));
    assert_eq!(
        user.send("start", &sent).await.unwrap().json()["success"],
        true
    );

    let foreign = user.is("callback_public_key_xml");
    user.set(json!({ "hash": "sha1", "registered_key": foreign }));
    user.start(PHONE).await;
    assert!(near_miss(&user.sandbox, "fanap").contains("made with another key"));

    user.set(json!({ "registered_key": "", "date_window_s": 0, "refuse_repeated_dates": true }));
    let old = user.sound("1999-12-31T23:59:59.999Z", json!({ "PhoneNumber": PHONE }));
    assert_eq!(
        user.send("start", &old).await.unwrap().json()["success"],
        true
    );
    assert_eq!(
        user.send("start", &old).await.unwrap().json()["error"]["code"],
        1011
    );
    user.set(json!({ "refusal_shape": "operator" }));
    let refused = user.send("start", &old).await.unwrap();
    assert_eq!(
        (refused.status, refused.json()),
        (200, json!({ "response": 1011, "success": false }))
    );
    user.set(json!({ "refusal_shape": "empty", "refusal_status": 403 }));
    let refused = user.send("start", &old).await.unwrap();
    assert_eq!((refused.status, &*refused.text()), (403, ""));

    user.set(json!({ "refuse_repeated_dates": false, "starts_per_hour": 2 }));
    let date = user.date();
    let sent = user.sound(&date, json!({ "PhoneNumber": "09129999999" }));
    for expected in [200, 200, 429] {
        assert_eq!(user.send("start", &sent).await.unwrap().status, expected);
    }
    user.set(json!({ "charset_required": true }));
    let mut bare = sent;
    bare.headers[0].1 = "application/json".to_owned();
    assert_eq!(user.send("start", &bare).await.unwrap().status, 415);
}

#[tokio::test]
async fn numbers_behave_as_the_scenarios_say() {
    let user = User::new().await;
    assert_eq!(user.start("09190001015").await["error"]["code"], 1015);
    assert_eq!(
        user.start("09190000103").await["error"]["message"],
        "GH-103 price not authorised"
    );
    assert_eq!(
        user.start("09190020005").await,
        json!({ "response": 5, "success": false })
    );
    for (phone, expected) in [
        ("09190010104", json!("GH-104 balance too low")),
        ("09190011016", json!("OtpIdAlreadyUsed")),
    ] {
        let (id, code) = user.arrived(phone).await;
        assert_eq!(
            user.commit(phone, &id, &code).await["error"]["message"],
            expected
        );
        assert_eq!(user.operation(&id).delivered, 0);
    }
    let (id, code) = user.arrived("09190030007").await;
    assert_eq!(user.commit("09190030007", &id, &code).await["response"], 7);
    assert_eq!(user.start("09190040000").await["success"], true);
    assert!(user.sandbox.handset("989190040000").is_empty());
}

#[tokio::test]
async fn quirks_bend_the_answer_and_not_the_truth() {
    let user = User::new().await;
    for (quirk, expected) in [
        ("empty-object", json!({})),
        ("contradiction", json!({ "response": 5, "success": true })),
        ("pascal-case", json!({ "Response": 0, "Success": true })),
        ("text-values", json!({ "response": "0", "success": "True" })),
        (
            "true-with-error",
            json!({ "success": true, "error": { "code": 1013, "message": "InvalidPin" } }),
        ),
    ] {
        let (id, code) = user.arrived(PHONE).await;
        user.sandbox.faults().set([FaultRule::quirk(quirk)]);
        assert_eq!(user.commit(PHONE, &id, &code).await, expected);
        user.sandbox.faults().clear();
        assert_eq!(user.operation(&id).delivered, 1, "{quirk}");
    }
    user.sandbox
        .faults()
        .add(FaultRule::quirk("no-correlation"));
    assert_eq!(
        user.start(PHONE).await,
        json!({ "response": 0, "success": true })
    );
}

#[tokio::test]
async fn a_commit_that_acts_and_resets_is_found_by_verification_when_lookups_see_it() {
    let user = User::new().await;
    let (id, code) = user.arrived(PHONE).await;
    let rule = FaultRule::new(Phase::ActThenReset)
        .operation("commit")
        .number("989121234567")
        .lookup_delay(Duration::from_secs(60));
    user.sandbox.faults().add(rule);
    assert!(
        user.send("commit", &user.commit_of(PHONE, &id, &code))
            .await
            .is_err()
    );
    assert_eq!(user.operation(&id).delivered, 1);
    assert_eq!(
        user.verification(PHONE).await.json()["result"]["isSubscribed"],
        false
    );
    user.sandbox.clock().advance(Duration::from_secs(61));
    assert_eq!(
        user.verification(PHONE).await.json()["result"]["isSubscribed"],
        true
    );
    assert_eq!(user.verification("0911").await.status, 400);
    let unsigned = format!(
        "{}/api/subscription/verification/{PHONE}/product/11035",
        user.base
    );
    assert_eq!(send("GET", &unsigned, &[], "").await.unwrap().status, 401);
}

#[tokio::test]
async fn a_subscription_is_pushed_signed_and_again_with_the_same_id() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .callbacks()
        .listen("fanap", Some(&listener.url))
        .unwrap();
    user.set(json!({ "callback_after_ms": 0 }));
    let (id, code) = user.arrived(PHONE).await;
    user.commit(PHONE, &id, &code).await;
    let message = listener.next().await[0].clone();
    assert_eq!(
        (&message["Actor"], &message["MessageType"]),
        (&json!("Cp"), &json!("Subscription"))
    );
    let signed_by_the_provider = |message: &Value| {
        let names = [
            "ReceiveTime",
            "Sid",
            "ChannelType",
            "Channel",
            "Muid",
            "Content",
            "MessageType",
            "AccountId",
        ];
        let text = names.map(|name| message[name].as_str().unwrap()).join(",");
        let xml = user.is("callback_public_key_xml");
        let (n, e) = (rsa_number(&xml, "Modulus"), rsa_number(&xml, "Exponent"));
        let signature = unbase64(message["Signature"].as_str().unwrap());
        let opened = BigUint::from_bytes_be(&signature)
            .modpow(&e, &n)
            .to_bytes_be();
        opened.ends_with(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
    };
    assert!(signed_by_the_provider(&message));

    user.sandbox
        .trigger("fanap", &json!({ "reference": id }))
        .unwrap();
    assert_eq!(listener.next().await[0]["Muid"], message["Muid"]);
    user.sandbox
        .trigger(
            "fanap",
            &json!({ "number": PHONE, "content": "خاموش, بله" }),
        )
        .unwrap();
    let text = listener.next().await[0].clone();
    assert!(text["Content"] == "خاموش, بله" && signed_by_the_provider(&text));
    user.sandbox
        .trigger(
            "fanap",
            &json!({ "number": PHONE, "delivery": "Delivered" }),
        )
        .unwrap();
    assert_eq!(listener.next().await[0]["Status"], "Delivered");
    assert!(
        user.sandbox
            .trigger("fanap", &json!({ "reference": "none" }))
            .is_err()
    );
    assert!(
        user.sandbox
            .trigger("fanap", &json!({ "number": "1" }))
            .is_err()
    );
}

/// `Muid` is what a receiver drops repeats by.
#[tokio::test]
async fn messages_on_demand_differ_though_the_clock_stands_still() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    user.sandbox
        .callbacks()
        .listen("fanap", Some(&listener.url))
        .unwrap();
    user.sandbox.clock().freeze();
    let mut muids = Vec::new();
    for what in ["content", "delivery"] {
        for _ in 0..2 {
            let mut message = json!({ "number": PHONE });
            message[what] = json!("Delivered");
            user.sandbox.trigger("fanap", &message).unwrap();
            muids.push(listener.next().await[0]["Muid"].to_string());
        }
    }
    muids.sort_unstable();
    muids.dedup();
    assert_eq!(muids.len(), 4, "{muids:?}");
}

#[tokio::test]
async fn two_copies_of_one_commit_at_once_charge_once() {
    let user = User::new().await;
    let (id, code) = user.arrived(PHONE).await;
    let sent = user.commit_of(PHONE, &id, &code);
    let (one, two) = tokio::join!(user.send("commit", &sent), user.send("commit", &sent));
    let mut statuses = [one.unwrap().status, two.unwrap().status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400]);
    let operation = user.operation(&id);
    assert_eq!((operation.delivered, operation.requests), (1, 2));
}

#[tokio::test]
async fn a_reset_keeps_settings_and_credentials_and_forgets_the_rest() {
    let user = User::new().await;
    user.set(json!({ "code_digits": 5 }));
    let (id, code) = user.arrived(PHONE).await;
    user.sandbox.reset();
    assert_eq!(user.commit(PHONE, &id, &code).await["error"]["code"], 1014);
    assert_eq!(user.sandbox.credentials("fanap").unwrap(), user.credentials);
    assert_eq!(user.arrived(PHONE).await.1.len(), 5);
}
