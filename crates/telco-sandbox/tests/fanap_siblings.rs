//! The siblings of FanapPlus' subscription API, used as docs/protocols/fanap.md (section 7) says, by plain requests.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use serde_json::{Value, json};
use support::spend::{date, rsa_sign};
use support::{Listener, Reply, near_miss, send};
use telco_sandbox::rooms::Fanap;
use telco_sandbox::{Arrival, FaultRule, Operation, Phase, Sandbox};

/// A customer of the provider.
struct User {
    sandbox: Sandbox,
    credentials: Value,
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
const PHONE: &str = "09121234567";

impl User {
    async fn at(now_ms: u64) -> User {
        let sandbox = Sandbox::builder()
            .room(Fanap::new(0))
            .at(UNIX_EPOCH + Duration::from_millis(now_ms))
            .start()
            .await
            .unwrap();
        User {
            credentials: sandbox.credentials("fanap").unwrap(),
            sandbox,
        }
    }

    async fn new() -> User {
        // 2018-09-24T12:01:27.938Z
        User::at(1_537_790_487_938).await
    }

    fn is(&self, name: &str) -> String {
        support::text(&self.credentials, name)
    }

    fn set(&self, change: Value) {
        self.sandbox.configure("fanap", &change).unwrap();
    }

    fn sign(&self, text: &str) -> String {
        rsa_sign(&self.is("private_key_xml"), text, &SHA1_FOR_LEGACY_USE_ONLY)
    }

    async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> std::io::Result<Reply> {
        let url = format!("{}{path}", self.sandbox.base_url("fanap").unwrap());
        send("POST", &url, headers, &body.to_string()).await
    }

    /// Headers, Date and Signature as the Pardis API has them.
    async fn imi_reply(&self, operation: &str, fields: Value) -> std::io::Result<Reply> {
        let (app_id, tenant_id) = (self.is("app_id"), self.is("tenant_id"));
        let date = date(self.sandbox.clock().now_ms());
        let mut body = json!({
            "Date": date,
            "ServiceKey": self.is("service_key"),
            "Signature": self.sign(&format!("{app_id}#{tenant_id}#{date}")),
        });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let headers = [JSON, ("AppId", &*app_id), ("TenantId", &*tenant_id)];
        self.post(&format!("/api/otp/{operation}"), &headers, &body)
            .await
    }

    async fn imi(&self, operation: &str, fields: Value) -> Value {
        self.imi_reply(operation, fields).await.unwrap().json()
    }

    async fn sdp_reply(&self, operation: &str, product: &str, date: &str, body: Value) -> Reply {
        let signature = self.sign(&format!("{product}#{date}"));
        let headers = [
            JSON,
            ("SDP-ProductId", product),
            ("SDP-Date", date),
            ("SDP-Signature", &*signature),
        ];
        self.post(&format!("/api/v1/otp/{operation}"), &headers, &body)
            .await
            .unwrap()
    }

    async fn sdp(&self, operation: &str, body: Value) -> Value {
        let date = date(self.sandbox.clock().now_ms());
        self.sdp_reply(operation, "11035", &date, body).await.json()
    }

    fn code(&self, number: &str) -> String {
        match &self.sandbox.handset(number)[0].arrival {
            Arrival::Message { text, .. } => text.chars().filter(char::is_ascii_digit).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// Another code of the same length.
    fn wrong(&self, number: &str) -> &'static str {
        if self.code(number) == "0000" {
            "1111"
        } else {
            "0000"
        }
    }

    fn operation(&self, reference: &str) -> Operation {
        self.sandbox.operation("fanap", reference).unwrap()
    }

    async fn is_subscribed(&self, product: &str, path_product: &str) -> Reply {
        let date = date(self.sandbox.clock().now_ms());
        let signature = self.sign(&format!("{product}#{date}"));
        let headers = [
            ("SDP-ProductId", product),
            ("SDP-Date", &*date),
            ("SDP-Signature", &*signature),
        ];
        let base = self.sandbox.base_url("fanap").unwrap();
        let url = format!("{base}/api/subscription/verification/{PHONE}/product/{path_product}");
        send("GET", &url, &headers, "").await.unwrap()
    }
}

#[tokio::test]
async fn imi_gives_ids_and_charges_once() {
    let user = User::new().await;
    let mut listener = Listener::start().await;
    let url = Some(&*listener.url);
    user.sandbox.callbacks().listen("fanap", url).unwrap();
    user.set(json!({ "callback_after_ms": 0 }));
    let started = user.imi("start", json!({ "PhoneNumber": PHONE })).await;
    let names: Vec<_> = started.as_object().unwrap().keys().collect();
    assert_eq!(names, ["OtpId", "RequestId"]);
    let id = support::text(&started, "OtpId");
    let opened = user.operation(&format!("start-{id}"));
    assert_eq!((opened.kind, opened.delivered), ("imi-start", 1));

    let wrong = user.wrong("989121234567");
    let refused = user
        .imi_reply("commit", json!({ "OtpId": id, "Pin": wrong }))
        .await
        .unwrap();
    assert_eq!(
        (refused.status, refused.json()),
        (
            400,
            json!({ "error": { "code": 1013, "message": "InvalidPin" } })
        )
    );
    let commit = json!({ "OtpId": id, "Pin": user.code("989121234567") });
    let done = user.imi("commit", commit.clone()).await;
    let names: Vec<_> = done.as_object().unwrap().keys().collect();
    assert_eq!(names, ["RequestId"]);
    assert_ne!(done["RequestId"], started["RequestId"]);
    let again = user.imi("commit", commit).await;
    assert_eq!(again["error"]["code"], 1016);
    let operation = user.operation(&id);
    assert_eq!((operation.kind, operation.requests), ("imi-commit", 3));
    assert_eq!((operation.delivered, operation.refused), (1, 2));
    assert_eq!(operation.number.as_deref(), Some("989121234567"));
    assert_eq!(user.sandbox.totals().doubled, 0);

    let pushed = listener.next().await;
    assert_eq!(pushed[0]["Actor"], "Cp");
    assert_eq!(pushed[0]["MessageType"], "Subscription");
    // Pardis services only.
    let state = user.is_subscribed("11035", "11035").await.json();
    assert_eq!(state["result"]["isSubscribed"], false);
}

#[tokio::test]
async fn an_imi_commit_that_acts_and_resets_has_charged() {
    let user = User::new().await;
    user.sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .operation("imi-commit")
            .number("989121234567"),
    );
    let started = user.imi("start", json!({ "PhoneNumber": PHONE })).await;
    let id = support::text(&started, "OtpId");
    let pin = user.code("989121234567");
    let lost = user.imi_reply("commit", json!({ "OtpId": id, "Pin": pin }));
    assert!(lost.await.is_err());
    assert_eq!(user.operation(&id).delivered, 1);
}

#[tokio::test]
async fn what_imi_refuses_it_refuses_as_pardis_does_without_a_flag() {
    let user = User::new().await;
    let started = user.imi("start", json!({ "PhoneNumber": PHONE })).await;
    let id = support::text(&started, "OtpId");
    let pin = user.code("989121234567");
    for (operation, fields, expected, why) in [
        (
            "start",
            json!({ "PhoneNumber": "02112345678" }),
            1015,
            "no Iranian mobile",
        ),
        (
            "start",
            json!({ "PhoneNumber": PHONE, "Date": "2018-09-24T12:01:27Z" }),
            1010,
            "no fraction",
        ),
        (
            "start",
            json!({ "PhoneNumber": PHONE, "Signature": "AAAA" }),
            1004,
            "another key",
        ),
        (
            "start",
            json!({ "PhoneNumber": PHONE, "ServiceKey": "x" }),
            1006,
            "ServiceKey",
        ),
        (
            "commit",
            json!({ "OtpId": "nobody", "Pin": pin }),
            1014,
            "this API has given this `OtpId`",
        ),
    ] {
        let reply = user.imi_reply(operation, fields).await.unwrap();
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json()["error"]["code"], expected);
        assert!(reply.json().get("success").is_none());
        assert!(near_miss(&user.sandbox, "fanap").contains(why), "{why}");
    }
    let number = user
        .imi_reply("commit", json!({ "OtpId": id, "Pin": 4711 }))
        .await;
    assert!(number.unwrap().json().get("Pin").is_some());
    assert!(near_miss(&user.sandbox, "fanap").contains("leading zeros"));
    // A code of one API buys nothing at another.
    let date = date(user.sandbox.clock().now_ms());
    let body = json!({ "otpId": id, "pin": pin });
    let reply = user.sdp_reply("commit", "11035", &date, body).await;
    assert_eq!(
        (reply.status, reply.json()["code"].clone()),
        (400, json!(1014))
    );
    user.set(json!({ "refusal_shape": "empty", "refusal_status": 422 }));
    let reply = user.imi_reply("commit", json!({ "OtpId": id, "Pin": "x" }));
    let reply = reply.await.unwrap();
    assert_eq!((reply.status, reply.text()), (422, String::new()));
}

/// The published text, under the published test key, at the time it was made.
#[tokio::test]
async fn sdp_takes_the_signature_of_the_vectors() {
    let file: Value = serde_json::from_str(include_str!("../vectors/fanap/signing.json")).unwrap();
    let vectors = file["vectors"].as_array().unwrap();
    for (key, status) in [("k2048", 200), ("k1024", 200), ("k2048_vendorgen", 401)] {
        // 2019-01-26T11:00:42.364Z
        let user = User::at(1_548_500_442_364).await;
        // The last one is another key of the same size than the registered one.
        let registered = if status == 200 { key } else { "k2048" };
        user.set(json!({ "registered_key": file["keys"][registered]["public_xml"] }));
        let vector = vectors
            .iter()
            .find(|vector| vector["id"] == format!("{key}/SHA1/sdp_v1_header"))
            .unwrap();
        assert_eq!(vector["message"], "11035#2019-01-26T11:00:42.364Z");
        let headers = [
            JSON,
            ("SDP-ProductId", "11035"),
            ("SDP-Date", "2019-01-26T11:00:42.364Z"),
            (
                "SDP-Signature",
                vector["signature_base64"].as_str().unwrap(),
            ),
        ];
        let body = json!({ "phone": "9120000000", "productId": 11035 });
        let reply = user
            .post("/api/v1/otp/start", &headers, &body)
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{key}: {}", reply.text());
        assert_eq!(
            user.sandbox.handset("989120000000").len(),
            usize::from(status == 200)
        );
    }
}

#[tokio::test]
async fn sdp_answers_in_its_envelope_and_charges_once() {
    let user = User::new().await;
    let start = json!({ "phone": "9121234567", "productId": 11035 });
    let started = user.sdp("start", start).await;
    let id = support::text(&started["result"], "otpId");
    let shape =
        json!({ "code": 0, "message": "", "ghasedakResult": null, "result": { "otpId": id } });
    assert_eq!(started, shape);
    let commit = json!({ "otpId": id, "pin": user.code("989121234567") });
    let done = user.sdp("commit", commit.clone()).await;
    assert_eq!(done["code"], 0);
    assert_eq!(support::text(&done["result"], "refId").len(), 32);
    let again = user.sdp("commit", commit.clone()).await;
    assert_eq!(
        again,
        json!({ "code": 1016, "message": "OtpIdAlreadyUsed", "ghasedakResult": null, "result": null })
    );
    let operation = user.operation(&id);
    assert_eq!((operation.kind, operation.delivered), ("sdp-commit", 1));
    user.set(json!({ "repeated_commit": "charges-again" }));
    assert_eq!(user.sdp("commit", commit).await["code"], 0);
    assert_eq!(user.sandbox.totals().doubled, 1);
}

#[tokio::test]
async fn sdp_tells_a_wrong_head_from_a_wrong_body() {
    let user = User::new().await;
    let now = date(user.sandbox.clock().now_ms());
    let good = json!({ "phone": "9121234567", "productId": 11035 });
    for (product, date, body, status, code, why) in [
        ("11036", &*now, good.clone(), 401, 1001, "SDP-ProductId"),
        (
            "11035",
            "2018-09-24T11:00:00.000Z",
            good.clone(),
            401,
            1011,
            "61 minutes behind",
        ),
        (
            "11035",
            &*now,
            json!({ "phone": "9121234567", "productId": 7 }),
            400,
            1018,
            "not the product of the headers",
        ),
        (
            "11035",
            &*now,
            json!({ "phone": "1", "productId": 11035 }),
            400,
            1015,
            "no Iranian mobile",
        ),
    ] {
        let reply = user.sdp_reply("start", product, date, body).await;
        assert_eq!(reply.status, status, "{why}");
        assert_eq!(reply.json()["code"], code, "{why}");
        assert!(near_miss(&user.sandbox, "fanap").contains(why), "{why}");
    }
    let text = json!({ "phone": "9121234567", "productId": "11035" });
    let reply = user.sdp_reply("start", "11035", &now, text).await;
    assert_eq!(reply.status, 400);
    assert!(reply.json().get("productId").is_some());
    let unsigned = user.post("/api/v1/otp/start", &[JSON], &good).await;
    let unsigned = unsigned.unwrap();
    assert_eq!(
        (unsigned.status, unsigned.json()["code"].clone()),
        (401, json!(1019))
    );
    assert_eq!(user.sandbox.totals().delivered, 0);

    // What Ghasedak says stands beside the platform's own code.
    let start = json!({ "phone": "9190000407", "productId": 11035 });
    let answer = user.sdp("start", start).await;
    assert_eq!(answer["code"], 1008);
    assert_eq!(answer["ghasedakResult"]["code"], 407);
    // A Date can be good for one call only, by setting.
    user.set(json!({ "refuse_repeated_dates": true }));
    for status in [200, 401] {
        let reply = user.sdp_reply("start", "11035", &now, good.clone()).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn verification_tells_a_wrong_product_in_the_headers_from_one_in_the_path() {
    let user = User::new().await;
    for (header, path, status) in [
        ("11035", "11035", 200),
        ("11036", "11036", 401),
        ("11035", "11036", 400),
    ] {
        let reply = user.is_subscribed(header, path).await;
        assert_eq!(reply.status, status, "{header} {path}");
    }
}

#[tokio::test]
async fn wrong_methods_and_cases_of_a_sibling_are_named() {
    let user = User::new().await;
    let base = user.sandbox.base_url("fanap").unwrap();
    for (method, path, status, why) in [
        ("GET", "/api/otp/start", 405, "POST is"),
        ("PUT", "/api/v1/otp/commit", 405, "POST is"),
        (
            "POST",
            "/api/subscription/verification/9121234567/product/11035",
            405,
            "GET is",
        ),
        ("POST", "/api/OTP/start", 404, "the path is /api/otp/start"),
        ("POST", "/api/v6.0/message/post", 404, "is not modelled"),
    ] {
        let reply = send(method, &format!("{base}{path}"), &[], "")
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{path}");
        assert!(near_miss(&user.sandbox, "fanap").contains(why), "{path}");
    }
}
