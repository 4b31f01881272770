//! `telco mor …` as a script sees it: the hash, what explains it, what finds it out, and a key that is never printed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use std::process::Output;

use serde_json::{Value, json};

const KEY: &str = "Very Sercet Key";

fn telco(args: &[&str]) -> Output {
    common::telco()
        .env("S", KEY)
        .env("BLANK", format!(" {KEY}"))
        .args(["mor"])
        .args(args)
        .output()
        .unwrap()
}

/// What it printed, its complaints, its exit code. The key is in neither.
fn said(args: &[&str]) -> (String, String, i32) {
    let output = telco(args);
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(!out.contains(KEY) && !err.contains(KEY), "{out}{err}");
    (out, err, output.status.code().unwrap())
}

fn with<'a>(command: &'a [&'a str], request: &'a [&'a str]) -> Vec<&'a str> {
    [command, request].concat()
}

/// The vendor's example: proven by its published hash.
const REQUEST: &[&str] = &[
    "--secret",
    "env:S",
    "--profile",
    "mor12",
    "calltype=answered",
    "period_start=1252454580",
    "user_id=123",
];
const HASH: &str = "b93c35d5c6183288322122561a3da7e09abb63b7";

#[test]
fn a_finished_request_has_its_address_in_either_form() {
    let base = [
        "request",
        "--method",
        "user_calls",
        "--uri-below",
        "https://mor.example.com",
    ];
    let request = [&base[..], REQUEST].concat();
    let (address, _, code) = said(&request);
    assert_eq!(code, 0, "{address}");
    let (out, ..) = said(&[&["--output", "json"], &request[..]].concat());
    let printed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(printed["uri"], address.trim_end());
    assert!(
        address.contains(HASH) && printed["form"].is_string(),
        "{out}"
    );
}

#[test]
fn hash_prints_forty_digits_and_nothing_else() {
    let (out, err, code) = said(&with(&["hash"], REQUEST));
    assert_eq!((out, err, code), (format!("{HASH}\n"), String::new(), 0));
    let (out, ..) = said(&with(&["--output", "json", "hash"], REQUEST));
    assert_eq!(out, format!("{{\"hash\":\"{HASH}\"}}\n"));
}

#[test]
fn explain_shows_the_order_and_never_the_key() {
    let (out, _, code) = said(&with(&["explain"], REQUEST));
    assert_eq!(code, 0);
    let places: Vec<_> = ["user_id", "period_start", "calltype"]
        .iter()
        .map(|name| out.find(name).unwrap())
        .collect();
    assert!(places.is_sorted(), "{out}");
    assert!(
        out.ends_with(&format!(
            "\nhashed text  1231252454580answered***\nhash         {HASH}\n"
        )),
        "{out}"
    );
    let (out, ..) = said(&with(&["--output", "json", "explain"], REQUEST));
    let explained: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (&explained["profile"], &explained["signed_text"]),
        (&json!("mor12"), &json!("1231252454580answered***"))
    );
    assert_eq!(explained["rows"][2]["name"], "calltype");
}

#[test]
fn explain_tells_what_no_hash_covers_and_masks_what_is_private() {
    let request = ["u=admin", "p=login-password", "pin=4711", "price=5"];
    let (out, ..) = said(&with(&["explain", "--secret", "env:S"], &request));
    assert!(
        !out.contains("login-password") && !out.contains("4711"),
        "{out}"
    );
    let line = |name: &str| {
        out.lines()
            .find(|line| line.contains(name))
            .unwrap_or_default()
            .trim_start()
            .to_owned()
    };
    assert!(line("price").starts_with('-'), "{out}");
    assert!(!line("pin").starts_with('-'), "{out}");
}

#[test]
fn a_pasted_address_is_explained_as_the_servers_own_page_does() {
    let uri = |hash: &str| {
        format!(
            "https://mor.example.com/billing/api/user_calls?calltype=answered&period_start=1252454580&user_id=123&hash={hash}"
        )
    };
    for (sent, verdict) in [(HASH, "matches"), ("0000", "DIFFERS")] {
        let uri = uri(sent);
        let (out, _, code) = said(&[
            "explain",
            "--secret",
            "env:S",
            "--profile",
            "mor12",
            "--uri",
            &uri,
        ]);
        assert_eq!(code, 0);
        assert!(
            out.contains(HASH) && out.contains(&format!("sent hash    {verdict}")),
            "{out}"
        );
    }
    let (out, err, code) = said(&["explain", "--secret", "env:S", "--uri", "not an address"]);
    assert_eq!((out.as_str(), code), ("", 10), "{err}");
}

#[test]
fn verify_ends_with_eleven_for_another_hash() {
    let (out, _, code) = said(&with(&["verify", "--hash", HASH], REQUEST));
    assert_eq!((code, out.contains("true")), (0, true));
    let other = "a".repeat(40);
    let (out, err, code) = said(&with(&["verify", "--hash", &other], REQUEST));
    assert_eq!((code, out.contains("false")), (11, true));
    assert!(err.contains("telco mor diagnose"), "{err}");
    // The server compares text: upper case never matches, and is no hash.
    let upper = HASH.to_uppercase();
    let (_, err, code) = said(&with(&["verify", "--hash", &upper], REQUEST));
    assert_eq!(code, 10, "{err}");
}

#[test]
fn diagnose_names_profile_mode_and_key() {
    // voucher_use under X5, which has no method table, with the second of two keys.
    let hash = said(&[
        "hash",
        "--secret",
        "env:S",
        "--profile",
        "x5",
        "--method",
        "voucher_use",
        "user_id=2",
        "voucher_number=7",
    ])
    .0;
    let hash = hash.trim();
    let request = [
        "--method",
        "voucher_use",
        "--hash",
        hash,
        "user_id=2",
        "voucher_number=7",
    ];
    let keys = ["--secret", "env:BLANK", "--or-secret", "env:S"];
    let (out, _, code) = said(&[&["--output", "json", "diagnose"], &keys[..], &request].concat());
    assert_eq!(code, 0);
    let found: Vec<Value> = serde_json::from_str(&out).unwrap();
    let hit = |profile: &str, mode: &str, key: &str| {
        found.iter().any(|found| {
            found["profile"] == profile && found["mode"] == mode && found["key"] == key
        })
    };
    assert!(hit("x5", "strict", "env:S"), "{out}");
    assert!(
        hit("x5", "strict", "env:BLANK without its outer blanks"),
        "{out}"
    );
    assert!(!hit("x8", "strict", "env:S"), "{out}");
    assert_eq!(found[0]["names"], json!(["user_id"]));

    let (out, ..) = said(&[&["diagnose"], &keys[..], &request].concat());
    assert!(
        out.contains("profile x5, mode strict") && out.contains("env:S"),
        "{out}"
    );
}

#[test]
fn diagnose_tells_the_mode_and_ends_with_eleven_where_nothing_fits() {
    let quirk = ["--secret", "env:S", "user_id=007"];
    let (hash, ..) = said(&with(&["hash", "--mode", "server"], &quirk));
    let (out, _, code) = said(&with(&["diagnose", "--hash", hash.trim()], &quirk));
    assert_eq!(code, 0);
    assert!(out.contains("profile x8, mode server"), "{out}");

    let other = "a".repeat(40);
    let (out, err, code) = said(&with(&["diagnose", "--hash", &other], &quirk));
    assert_eq!((out.as_str(), code), ("", 11));
    assert!(err.contains("check the key first"), "{err}");
}

#[test]
fn request_prints_the_form_hash_last() {
    let request = [
        "--secret",
        "env:S",
        "--method",
        "user_details_get",
        "u=admin",
        "user_id=123",
    ];
    let (hash, ..) = said(&with(&["hash"], &request));
    let form = format!("u=admin&user_id=123&hash={}", hash.trim());
    assert_eq!(said(&with(&["request"], &request)).0, format!("{form}\n"));
    let (out, ..) = said(&with(&["request", "--uri-below", "/billing/api"], &request));
    assert_eq!(out, format!("/billing/api/user_details_get?{form}\n"));
}

#[test]
fn strict_refuses_what_the_server_would_change_and_a_literal_key_is_refused() {
    let (out, err, code) = said(&["hash", "--secret", "env:S", "user_id=007"]);
    assert_eq!((out.as_str(), code), ("", 10));
    assert!(err.contains("user_id") && !err.contains("007"), "{err}");

    let literal = telco(&["hash", "--secret", "a-literal-key", "user_id=7"]);
    assert_eq!(literal.status.code(), Some(2));
    assert!(!String::from_utf8_lossy(&literal.stderr).contains("a-literal-key"));

    let (_, err, code) = said(&["hash", "--secret", "env:S", "--profile", "x9", "user_id=7"]);
    assert_eq!(code, 2);
    assert!(err.contains("mor12, x3, x5, x8, m2"), "{err}");
}

#[test]
fn explicit_keys_win() {
    let given = ["--secret", "env:S", "--keys", "b,a", "a=1", "b=2"];
    let (out, ..) = said(&with(&["--output", "json", "explain"], &given));
    let explained: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(explained["signed_text"], "21***");
}
