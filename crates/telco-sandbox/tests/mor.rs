//! The MOR room, by a plain client that follows docs/protocols/mor.md.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::json;
use support::spend::hex;
use support::{Reply, call, near_miss, text};
use telco_sandbox::{FaultRule, Phase, Sandbox};

fn sha1(text: &str) -> String {
    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

fn encode(value: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value
        .bytes()
        .map(|b| {
            if keep(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn form(pairs: &[(&str, &str)]) -> String {
    pairs
        .iter()
        .map(|(n, v)| format!("{n}={}", encode(v)))
        .collect::<Vec<_>>()
        .join("&")
}

async fn post(sandbox: &Sandbox, method: &str, body: &str) -> std::io::Result<Reply> {
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    call(
        "POST",
        &sandbox.base_url("mor").unwrap(),
        &format!("/{method}"),
        &headers,
        body,
    )
    .await
}

/// Posts as `u` with the hash over these texts.
async fn signed(
    sandbox: &Sandbox,
    u: &str,
    method: &str,
    pairs: &[(&str, &str)],
    hashed: &str,
) -> String {
    let secret = text(&sandbox.credentials("mor").unwrap(), "secret");
    let hash = sha1(&format!("{hashed}{secret}"));
    let body = format!("u={u}&{}&hash={hash}", form(pairs));
    let reply = post(sandbox, method, &body).await.unwrap();
    assert_eq!(reply.status, 200);
    reply.text()
}

#[tokio::test]
async fn money_goes_where_it_should() {
    let sandbox = Sandbox::start().await.unwrap();
    let get = async || {
        signed(
            &sandbox,
            "admin",
            "user_balance_get",
            &[("username", "alice")],
            "alice",
        )
        .await
    };
    assert!(
        get()
            .await
            .contains("<page><balance>66.0000</balance></page>")
    );
    let payment = [
        ("user_id", "2"),
        ("p_currency", "EUR"),
        ("amount", "10.50"),
        ("paymenttype", "card"),
        ("transaction", "t-1"),
    ];
    let paid = signed(
        &sandbox,
        "admin",
        "payment_create",
        &payment,
        "2EURcard10.50t-1",
    )
    .await;
    assert!(
        paid.contains(
            "<response><status>ok</status><confirmed>Yes</confirmed><payment currency=\"EUR\">"
        ),
        "{paid}"
    );
    assert!(get().await.contains("76.5000"));
    // The legacy name is the same method.
    assert!(
        signed(
            &sandbox,
            "admin",
            "balance",
            &[("username", "alice")],
            "alice"
        )
        .await
        .contains("76.5000")
    );
    let added = signed(
        &sandbox,
        "admin",
        "user_balance_update",
        &[("user_id", "2"), ("balance", "-6.5")],
        "2-6.5",
    )
    .await;
    assert!(
        added.contains("<status>User balance updated</status>")
            && added.contains("<balance>70.0000</balance>")
    );

    let listed = signed(
        &sandbox,
        "admin",
        "payments_get",
        &[
            ("s_from", "0"),
            ("s_till", "9999999999"),
            ("s_transaction", "t-1"),
        ],
        "09999999999t-1",
    )
    .await;
    assert!(
        listed.contains("<transaction_id>t-1</transaction_id>")
            && listed.contains("<amount>10.5000</amount>"),
        "{listed}"
    );
    let none = signed(
        &sandbox,
        "admin",
        "payments_get",
        &[
            ("s_from", "0"),
            ("s_till", "9999999999"),
            ("s_transaction", "t-2"),
        ],
        "09999999999t-2",
    )
    .await;
    assert!(none.contains("<payments></payments>"));

    // Nobody is known to look at `transaction` twice.
    signed(
        &sandbox,
        "admin",
        "payment_create",
        &payment,
        "2EURcard10.50t-1",
    )
    .await;
    assert!(sandbox.operation("mor", "t-1").unwrap().is_doubled());
    sandbox
        .configure("mor", &json!({ "repeated_transaction": "refuse" }))
        .unwrap();
    let refused = signed(
        &sandbox,
        "admin",
        "payment_create",
        &payment,
        "2EURcard10.50t-1",
    )
    .await;
    assert!(refused.contains("<error>Payment was not saved</error>"));
    assert_eq!(sandbox.operation("mor", "t-1").unwrap().delivered, 2);
}

#[tokio::test]
async fn reads_messages_and_calls() {
    let sandbox = Sandbox::start().await.unwrap();
    let version = signed(
        &sandbox,
        "admin",
        "system_version_get",
        &[("test", "1")],
        "",
    )
    .await;
    assert!(version.contains("<version>"));
    let details = signed(
        &sandbox,
        "alice",
        "user_details_get",
        &[("user_id", "2")],
        "2",
    )
    .await;
    assert!(details.contains("<main_detail><account>alice</account>"));
    assert!(
        signed(
            &sandbox,
            "alice",
            "user_details_get",
            &[("user_id", "3")],
            "3"
        )
        .await
        .contains("Access Denied")
    );
    let devices = signed(&sandbox, "admin", "devices_get", &[("user_id", "2")], "2").await;
    assert!(
        devices.contains("<device><device_id>5</device_id><device_type>SIP</device_type></device>")
    );
    assert!(
        signed(&sandbox, "admin", "users_get", &[], "admin")
            .await
            .contains("<username>bob</username>")
    );
    let bare = post(&sandbox, "user_simple_balance_get", "id=a11ce00002")
        .await
        .unwrap();
    assert_eq!(bare.text(), "66.0000");

    // The text is unescaped twice; the hash covers it once decoded.
    let message = "50%25 %2B 1";
    let sms = [
        ("lcr_id", "1"),
        ("dst", "37060000000"),
        ("src", "37061111111"),
        ("message", message),
    ];
    let sent = signed(
        &sandbox,
        "alice",
        "sms_send",
        &sms,
        &format!("13706000000037061111111{message}"),
    )
    .await;
    assert!(
        sent.contains("<response><status>ok</status><message><message_id>"),
        "{sent}"
    );
    let phone = serde_json::to_value(sandbox.handset("37060000000")).unwrap();
    assert_eq!(phone[0]["arrival"]["text"], json!("50% + 1"));
    let balance = signed(
        &sandbox,
        "admin",
        "user_balance_get",
        &[("username", "alice")],
        "alice",
    )
    .await;
    assert!(balance.contains("65.9500"));

    let call = [
        ("device", "5"),
        ("src", "37060000001"),
        ("dst", "37060000002"),
    ];
    assert!(
        signed(
            &sandbox,
            "admin",
            "callback_init",
            &call,
            "53706000000237060000001"
        )
        .await
        .contains("<Status>Ok</Status>")
    );
    let wrong = [("device", "99"), ("src", "37060000001")];
    assert!(
        signed(&sandbox, "admin", "callback_init", &wrong, "9937060000001")
            .await
            .contains("<Status>Bad device</Status>")
    );
    let calls = signed(
        &sandbox,
        "admin",
        "user_calls_get",
        &[
            ("period_start", "0"),
            ("period_end", "9999999999"),
            ("s_user", "2"),
        ],
        "099999999992",
    )
    .await;
    assert!(
        calls.contains("<total_calls>1</total_calls>") && calls.contains("<dst>37060000002</dst>"),
        "{calls}"
    );
    let totals = sandbox.totals();
    assert_eq!(
        (totals.delivered, totals.doubled, totals.refused),
        (2, 0, 1)
    );
}

#[tokio::test]
async fn the_filters_in_front_of_every_method() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("mor").unwrap();
    let get = call("GET", &base, "/users_get?u=admin", &[], "")
        .await
        .unwrap()
        .text();
    assert!(
        get.ends_with("<status><error>GET Requests are disabled</error></status>\n"),
        "{get}"
    );
    sandbox
        .configure("mor", &json!({ "allow_get": true }))
        .unwrap();
    let hash = sha1("adminsandbox secret");
    let reply = call(
        "GET",
        &base,
        &format!("/users_get?u=admin&test=1&hash={hash}"),
        &[],
        "",
    )
    .await
    .unwrap();
    assert!(reply.text().contains("<users>") && !reply.head.contains("Content-Disposition"));
    // The query string overrides the body.
    let body = format!("u=bob&hash={hash}");
    assert!(
        call("POST", &base, "/users_get?u=admin", &[], &body)
            .await
            .unwrap()
            .text()
            .contains("<users>")
    );
    assert!(
        signed(&sandbox, "nobody", "system_version_get", &[], "")
            .await
            .contains("Bad login")
    );
    assert!(
        post(&sandbox, "no_such_method", "u=admin")
            .await
            .unwrap()
            .text()
            .contains("There is no such API")
    );
    let unmodelled = format!("u=admin&hash={}", sha1("sandbox secret"));
    assert_eq!(
        post(&sandbox, "recordings_get", &unmodelled)
            .await
            .unwrap()
            .status,
        501
    );
    sandbox
        .configure("mor", &json!({ "check_hash": false }))
        .unwrap();
    assert!(
        post(&sandbox, "users_get", "u=admin&hash=")
            .await
            .unwrap()
            .text()
            .contains("<users>")
    );
    sandbox
        .configure("mor", &json!({ "enabled": false }))
        .unwrap();
    assert!(
        post(&sandbox, "users_get", "u=admin")
            .await
            .unwrap()
            .text()
            .contains("API Requests are disabled")
    );
}

#[tokio::test]
async fn a_wrong_hash_explains_itself() {
    let sandbox = Sandbox::start().await.unwrap();
    let secret = "sandbox secret";
    let pay = [("user_id", "2"), ("p_currency", "EUR"), ("amount", "5")];
    let hashed = |texts: &str| sha1(&format!("{texts}{secret}"));
    for (method, pairs, hash, wanted) in [
        (
            "payment_create",
            &pay[..],
            hashed("EUR25"),
            "order: `user_id` comes before `p_currency`",
        ),
        (
            "payment_create",
            &pay,
            hashed("2EUR"),
            "yours would match if `amount` were hashed too",
        ),
        (
            "payment_create",
            &pay,
            hashed("2EUR5").to_uppercase(),
            "yours would match if its letters were lower case",
        ),
        (
            "payment_create",
            &pay,
            sha1(&format!("{secret}2EUR5")),
            "yours would match if the secret came last",
        ),
        (
            "payment_create",
            &pay,
            sha1(&format!("2EUR5{secret}\n")),
            "yours would match if the secret had no white space around it",
        ),
        (
            "payment_create",
            &pay,
            hashed("admin2EUR5"),
            "yours hashes every parameter in the order sent",
        ),
        (
            "payment_create",
            &pay,
            hashed("user_id=2&p_currency=EUR&amount=5"),
            "yours hashes names too",
        ),
        (
            "payment_create",
            &pay,
            "abc".to_owned(),
            "a hash has 40 hexadecimal digits",
        ),
        (
            "payment_create",
            &pay,
            String::new(),
            "the request carries no `hash`",
        ),
        (
            "voucher_use",
            &[("user_id", "2"), ("voucher_number", "7")],
            hashed("27"),
            "yours hashes every parameter",
        ),
        (
            "user_details_get",
            &[("username", "alice"), ("user_id", "007")],
            hashed("007alice"),
            "yours hashes values that the server drops or rewrites",
        ),
        (
            "did_create",
            &[("did", "370"), ("provider_id", "1")],
            hashed("1"),
            "yours would match if `did` were hashed too",
        ),
        (
            "card_from_group_sell",
            &[("id", "1"), ("number", "9")],
            hashed("91"),
            "yours would match a server of version",
        ),
    ] {
        let body = format!("u=admin&{}&hash={hash}", form(pairs));
        let reply = post(&sandbox, method, &body).await.unwrap().text();
        assert!(
            reply.contains("<status><error>Incorrect hash</error></status>"),
            "{method} {wanted}: {reply}"
        );
        let why = near_miss(&sandbox, "mor");
        assert!(
            why.starts_with("hash does not match; I hashed exactly `") && why.contains(wanted),
            "{wanted}: {why}"
        );
        assert!(!why.contains(secret));
    }
    assert_eq!(sandbox.totals().delivered, 0);
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_looking() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.faults().add(
        FaultRule::new(Phase::ActThenReset)
            .provider("mor")
            .operation("payment_create"),
    );
    let pairs = [
        ("u", "admin"),
        ("user_id", "2"),
        ("p_currency", "EUR"),
        ("amount", "5"),
        ("transaction", "t-9"),
    ];
    let body = format!("{}&hash={}", form(&pairs), sha1("2EUR5t-9sandbox secret"));
    post(&sandbox, "payment_create", &body).await.unwrap_err();
    let till = [
        ("s_from", "0"),
        ("s_till", "9999999999"),
        ("s_transaction", "t-9"),
    ];
    assert!(
        signed(&sandbox, "admin", "payments_get", &till, "09999999999t-9")
            .await
            .contains("<transaction_id>t-9<")
    );
    assert_eq!(sandbox.operation("mor", "t-9").unwrap().delivered, 1);
}

/// When lookups see a payment or a call is decided when it is made, by whatever rule met it then.
#[tokio::test]
async fn late_lookups_follow_the_work() {
    let sandbox = Sandbox::start().await.unwrap();
    let late = || FaultRule::late_lookup(std::time::Duration::from_millis(500));
    sandbox.clock().freeze();
    sandbox.faults().add(late().operation("payment_create"));
    sandbox.faults().add(late().operation("callback_init"));
    let payment = [
        ("user_id", "2"),
        ("amount", "1"),
        ("p_currency", "EUR"),
        ("transaction", "t"),
    ];
    signed(&sandbox, "admin", "payment_create", &payment, "2EUR1t").await;
    let call = [
        ("device", "5"),
        ("src", "37060000001"),
        ("dst", "37060000002"),
    ];
    signed(
        &sandbox,
        "admin",
        "callback_init",
        &call,
        "53706000000237060000001",
    )
    .await;
    let found = async || {
        let payments = [("s_from", "0"), ("s_till", "9999999999")];
        let payments = signed(&sandbox, "admin", "payments_get", &payments, "09999999999").await;
        let calls = [
            ("period_start", "0"),
            ("period_end", "9999999999"),
            ("s_user", "2"),
        ];
        let calls = signed(&sandbox, "admin", "user_calls_get", &calls, "099999999992").await;
        (
            payments.contains("<payment>"),
            calls.contains("<total_calls>1<"),
        )
    };
    assert_eq!(found().await, (false, false));
    sandbox
        .clock()
        .advance(std::time::Duration::from_millis(499));
    assert_eq!(found().await, (false, false));
    sandbox.clock().advance(std::time::Duration::from_millis(1));
    assert_eq!(found().await, (true, true));
}

#[tokio::test]
async fn who_asks_and_what_each_is_told() {
    let sandbox = Sandbox::start().await.unwrap();
    let change = [("user_id", "2"), ("balance", "1")];
    let added = signed(&sandbox, "admin", "user_balance_update", &change, "21").await;
    assert!(
        added.contains(
            "<page><page><status>User balance updated</status><user><username>alice</username>"
        ),
        "{added}"
    );
    let call = [("device", "5"), ("src", "37060000001")];
    let stranger = signed(&sandbox, "nobody", "callback_init", &call, "537060000001").await;
    assert!(
        stranger.ends_with("<Status>Not authenticated</Status>\n"),
        "{stranger}"
    );
    let nowhere = [
        ("device", "5"),
        ("src", "37060000001"),
        ("dst", "37060000404"),
    ];
    let nowhere = signed(
        &sandbox,
        "admin",
        "callback_init",
        &nowhere,
        "53706000040437060000001",
    )
    .await;
    assert!(nowhere.contains("<Status>No tariff</Status>"), "{nowhere}");
    // The balance is found by the user's name, whoever asks.
    let secret = text(&sandbox.credentials("mor").unwrap(), "secret");
    let body = format!("username=alice&hash={}", sha1(&format!("alice{secret}")));
    let balance = post(&sandbox, "user_balance_get", &body)
        .await
        .unwrap()
        .text();
    assert!(balance.contains("<balance>67.0000</balance>"), "{balance}");
}

#[tokio::test]
async fn m2_serves_its_own_methods_only() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure("mor", &json!({ "profile": "m2" }))
        .unwrap();
    for method in [
        "system_version_get",
        "get_version",
        "sms_send",
        "users_get",
        "device_create",
    ] {
        let answer = signed(&sandbox, "admin", method, &[], "").await;
        assert!(
            answer.contains("There is no such API"),
            "{method}: {answer}"
        );
    }
    let balance = signed(
        &sandbox,
        "admin",
        "user_balance_get",
        &[("username", "alice")],
        "alice",
    )
    .await;
    assert!(balance.contains("<balance>66.0000</balance>"), "{balance}");
}
