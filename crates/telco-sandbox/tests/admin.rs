//! The admin API: what its description says is what it answers, and strangers are kept out.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use serde_json::{Value, json};
use support::spend::{PROVIDERS, credit, spend};
use support::{Client, admin, call};
use telco_sandbox::{FaultRule, Phase, Sandbox, Told};

/// A small reading of JSON Schema: what the description uses, and no more.
fn fits(doc: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/components/schemas/").unwrap();
        let target = &doc["components"]["schemas"][name];
        assert!(target.is_object(), "{name} is not described");
        return fits(doc, target, value).map_err(|why| format!("{name}: {why}"));
    }
    for word in ["anyOf", "oneOf"] {
        if let Some(options) = schema[word].as_array() {
            let any = options
                .iter()
                .any(|option| fits(doc, option, value).is_ok());
            return any
                .then_some(())
                .ok_or(format!("{value} is none of {word}"));
        }
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        return Err(format!("{value} is not {}", schema["const"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|all| !all.contains(value))
    {
        return Err(format!("{value} is not in {}", schema["enum"]));
    }
    let types = match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{other}"),
    };
    if !types.is_empty() && !types.iter().any(|kind| is(kind)) {
        return Err(format!("{value} is no {types:?}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            return Err(format!("{name} is missing in {value}"));
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let inner = match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Null) if schema["properties"].is_null() => continue,
            (Value::Null, Value::Object(_)) => &schema["additionalProperties"],
            (Value::Null, _) => return Err(format!("{name} is not described")),
            (known, _) => known,
        };
        fits(doc, inner, member).map_err(|why| format!("{name}: {why}"))?;
    }
    for item in value.as_array().into_iter().flatten() {
        fits(doc, &schema["items"], item)?;
    }
    Ok(())
}

/// A sandbox in which everything that can be shown has happened.
async fn busy() -> Sandbox {
    let sandbox = Sandbox::start().await.unwrap();
    for provider in PROVIDERS {
        let mut client = Client::connect(&sandbox.base_url(provider).unwrap())
            .await
            .unwrap();
        client.send(&spend(&sandbox, provider, "r1")).await.unwrap();
    }
    call(
        "GET",
        &sandbox.base_url("cowrie").unwrap(),
        "/airtime/Balance",
        &[],
        "",
    )
    .await
    .unwrap();
    sandbox.told("cowrie", "r1", Told::Accepted);
    sandbox
        .faults()
        .add(FaultRule::new(Phase::Stall).provider("mor").chance(0.5));
    sandbox
        .callbacks()
        .listen("citcall", Some("http://127.0.0.1:1/"))
        .unwrap();
    sandbox
}

#[tokio::test]
async fn every_path_answers_what_its_description_says() {
    let sandbox = busy().await;
    let doc = admin(&sandbox, "GET", "openapi.json", "").await.json();
    let mut tried = 0;
    let mut paths: Vec<_> = doc["paths"].as_object().unwrap().iter().collect();
    paths.sort_by_key(|(path, _)| path.ends_with("/reset"));
    for (path, item) in paths {
        let path = path.strip_prefix("/_sandbox/").unwrap();
        let known = path
            .replace("{provider}/{reference}", "cowrie/r1")
            .replace("{provider}", "citcall")
            .replace("{id}", "1")
            .replace("{number}", "6281234567890");
        for (method, operation) in item.as_object().unwrap() {
            let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
            let body = match (method.as_str(), path) {
                (_, "events") => continue,
                ("get" | "delete", _) => "",
                ("post", "told") => r#"{"provider":"cowrie","reference":"r1","told":"unknown"}"#,
                ("post", "faults") => r#"{"phases":["garbage"]}"#,
                ("put", "faults") => "[]",
                ("post", "down") => r#"{"provider":"mor","down":false}"#,
                ("post", "listen") => r#"{"provider":"citcall","url":null}"#,
                ("post", "trigger/{provider}") => r#"{"reference":"r1"}"#,
                ("post", "time") => r#"{"advance_ms":1}"#,
                ("post", "fixture") => r#"{"rooms":{"cowrie":{}}}"#,
                ("post", _) => "{}",
                (method, path) => panic!("{method} {path}"),
            };
            let reply = admin(&sandbox, &method.to_uppercase(), &known, body).await;
            assert_eq!(reply.status, 200, "{method} {known}: {}", reply.text());
            fits(&doc, schema, &reply.json())
                .unwrap_or_else(|why| panic!("{method} {known}: {why}"));
            tried += 1;
            // Another method there is refused as such.
            let patch = admin(&sandbox, "PATCH", &known, "").await;
            assert_eq!(patch.status, 405, "{known}");
        }
    }
    assert!(tried >= 24, "{tried}");
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let sandbox = Sandbox::start().await.unwrap();
    for (method, path, body, status) in [
        ("GET", "nothing", "", 404),
        ("GET", "ledger/cowrie/none", "", 404),
        ("GET", "requests/x", "", 400),
        ("GET", "requests/77", "", 404),
        ("GET", "ledger?limit=many", "", 400),
        ("POST", "told", "{", 400),
        (
            "POST",
            "told",
            r#"{"provider":"x","reference":"r","told":"accepted"}"#,
            400,
        ),
        (
            "POST",
            "told",
            r#"{"provider":"cowrie","reference":"r","told":"perhaps"}"#,
            400,
        ),
        ("POST", "settings/nobody", "{}", 404),
        ("POST", "settings/cowrie", r#"{"colour":"red"}"#, 400),
        ("POST", "time", r#"{"advance":1}"#, 400),
        ("POST", "fixture", r#"{"rooms":{"nobody":{}}}"#, 400),
    ] {
        let reply = admin(&sandbox, method, path, body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
        assert!(reply.json()["error"].as_str().unwrap().len() > 10);
    }
}

/// A slip in a rule is named, alone or in a list.
#[tokio::test]
async fn a_misspelt_rule_is_told_what_may_stand_there() {
    let sandbox = Sandbox::start().await.unwrap();
    for (rule, said) in [
        (r#"{"phases":["ResetBefore"]}"#, "`reset-before`"),
        (r#"{"phase":"stall"}"#, "`phases`"),
        (r#" [{"phases":["stall"],"times":1}]"#, "`when`"),
    ] {
        let reply = admin(&sandbox, "POST", "faults", rule).await;
        assert_eq!(reply.status, 400, "{rule}");
        assert!(reply.text().contains(said), "{rule}: {}", reply.text());
    }
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.console_url();
    let base = base.trim_end_matches('/');
    let host = base.trim_start_matches("http://").to_owned();
    for (name, value, status) in [
        ("Origin", "http://evil.example", 403),
        ("Origin", "null", 403),
        ("Sec-Fetch-Site", "cross-site", 403),
        ("Sec-Fetch-Site", "same-site", 403),
        ("Sec-Fetch-Site", "same-origin", 200),
        ("Origin", &format!("http://{host}"), 200),
    ] {
        let reply = call("POST", base, "/_sandbox/reset", &[(name, value)], "")
            .await
            .unwrap();
        assert_eq!(reply.status, status, "{name}: {value}");
    }
    // A name that was made to resolve to this machine.
    let rebound = b"GET /_sandbox/describe HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    let mut client = Client::connect(base).await.unwrap();
    assert_eq!(client.send(rebound).await.unwrap().status, 403);
    assert!(sandbox.console_url().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn pages_of_other_sites_reach_no_provider_either() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.base_url("cowrie").unwrap();
    let sound = String::from_utf8(spend(&sandbox, "cowrie", "r")).unwrap();
    for header in [
        "Origin: http://evil.example",
        "Sec-Fetch-Site: cross-site",
        "Origin: null",
    ] {
        let bytes = sound.replacen("\r\n", &format!("\r\n{header}\r\n"), 1);
        let mut client = Client::connect(&base).await.unwrap();
        let reply = client.send(bytes.as_bytes()).await.unwrap();
        assert_eq!(reply.status, 403, "{header}");
        let why = support::near_miss(&sandbox, "cowrie");
        assert!(why.contains("another site"), "{why}");
    }
    assert_eq!(sandbox.totals().requests, 0);
    let own = format!("\r\nOrigin: {base}\r\nSec-Fetch-Site: same-origin\r\n");
    let mut client = Client::connect(&base).await.unwrap();
    let reply = client
        .send(sound.replacen("\r\n", &own, 1).as_bytes())
        .await
        .unwrap();
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_explains_a_refusal_is_kept_short() {
    let sandbox = Sandbox::start().await.unwrap();
    let path = "x".repeat(60_000);
    let base = sandbox.base_url("cowrie").unwrap();
    call("GET", &base, &format!("/{path}"), &[], "")
        .await
        .unwrap();
    let why = support::near_miss(&sandbox, "cowrie");
    assert!(why.contains("xxx") && why.len() < 5_000, "{}", why.len());
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere_and_runs_no_inline_code() {
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.console_url();
    let base = base.trim_end_matches('/');
    for path in ["/", "/console.css", "/console.js"] {
        let reply = call("GET", base, path, &[], "").await.unwrap();
        assert_eq!(reply.status, 200);
        assert!(reply.head.contains("script-src 'self'"));
        let text = reply.text();
        for foreign in [
            "https://",
            "src=\"http",
            "innerHTML",
            "eval(",
            " onclick=\"",
        ] {
            assert!(!text.contains(foreign), "{path}: {foreign}");
        }
    }
    assert_eq!(
        call("GET", base, "/other", &[], "").await.unwrap().status,
        404
    );
}

#[tokio::test]
async fn lists_have_pages_search_and_trouble() {
    let sandbox = Sandbox::start().await.unwrap();
    for n in 0..7 {
        credit(&sandbox, &format!("ref-{n}")).await.unwrap();
    }
    sandbox.told("cowrie", "gone", Told::Accepted);
    let references = async |query: &str| -> Vec<String> {
        let all = admin(&sandbox, "GET", &format!("ledger?{query}"), "")
            .await
            .json();
        let operations = all["operations"].as_array().unwrap();
        operations
            .iter()
            .map(|op| op["reference"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(references("skip=1&limit=2").await, ["ref-6", "ref-5"]);
    assert_eq!(references("search=ref-3").await, ["ref-3"]);
    assert_eq!(references("trouble=1").await, ["gone"]);
    assert!(references("provider=mor").await.is_empty());
    let found = admin(&sandbox, "GET", "requests?search=xref%3Dref-2", "")
        .await
        .json();
    assert_eq!(found["requests"].as_array().unwrap().len(), 1);
    assert_eq!(found["total"], json!(7));
}

#[tokio::test]
async fn events_tell_what_happens() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sandbox = Sandbox::start().await.unwrap();
    let base = sandbox.console_url();
    let mut stream = Client::connect(&base).await.unwrap().0;
    let ask = format!(
        "GET /_sandbox/events HTTP/1.1\r\nHost: {}\r\n\r\n",
        support::authority(&base)
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut seen = String::new();
    let mut read = async |until: &str| {
        let mut chunk = [0; 4096];
        while !seen.contains(until) {
            let n = tokio::time::timeout(support::STALL * 10, stream.read(&mut chunk))
                .await
                .unwrap()
                .unwrap();
            assert!(n > 0);
            seen.push_str(&String::from_utf8_lossy(&chunk[..n]));
        }
    };
    read("text/event-stream").await;
    let ring = spend(&sandbox, "citcall", "heard");
    Client::connect(&sandbox.base_url("citcall").unwrap())
        .await
        .unwrap()
        .send(&ring)
        .await
        .unwrap();
    read("\"kind\":\"exchange\"").await;
    read("\"kind\":\"arrival\"").await;
    read("\"kind\":\"operation\"").await;
    sandbox.reset();
    read("\"kind\":\"reset\"").await;
}
