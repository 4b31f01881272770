//! One sound request that costs, for every provider: straight from the protocol pages, sharing nothing with the rooms.

use aws_lc_rs::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use num_bigint::BigUint;
use serde_json::json;

use super::*;

/// The bytes of a request under this reference (FanapPlus has none on the wire, so there it only varies the time).
pub fn spend(sandbox: &Sandbox, provider: &str, reference: &str) -> Vec<u8> {
    match provider {
        "cowrie" => {
            let query = credit_query(reference);
            cowrie_request(sandbox, "/airtime/Credit", &query, &format!("n{reference}"))
        }
        "citcall" => citcall_request(sandbox, reference),
        "fanap" => fanap_request(sandbox, "09121234567"),
        "kairos" => kairos_request(sandbox, reference),
        "mor" => mor_request(sandbox, reference),
        other => panic!("no request for {other}"),
    }
}

/// All of them, by name.
pub const PROVIDERS: [&str; 5] = ["cowrie", "citcall", "fanap", "kairos", "mor"];

fn post(
    sandbox: &Sandbox,
    provider: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Vec<u8> {
    request(
        "POST",
        &sandbox.base_url(provider).unwrap(),
        target,
        headers,
        body,
    )
}

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");

fn citcall_request(sandbox: &Sandbox, reference: &str) -> Vec<u8> {
    let key = text(&sandbox.credentials("citcall").unwrap(), "api_key");
    let body = json!({ "msisdn": "6281234567890", "gateway": 1, "clientUniqueId": reference });
    let headers = [JSON, ("Authorization", &*format!("Apikey {key}"))];
    post(sandbox, "citcall", "/v3/motp", &headers, &body.to_string())
}

/// A start time that is over and of this day, and the same all day long.
pub fn at_once(now_ms: u64) -> String {
    format!("{}T00:00:00Z", &date(now_ms)[..10])
}

fn kairos_request(sandbox: &Sandbox, reference: &str) -> Vec<u8> {
    let flow = sandbox.credentials("kairos").unwrap();
    let body = json!({
        "api-version": "1.0",
        "security-id": flow["security_id"],
        "flow-id": flow["flow_id"],
        "calls": [{
            "client-identifier": reference,
            "start-time": at_once(sandbox.clock().now_ms()),
            "contact-numbers": ["8000000001"],
            "keys": [],
        }],
    });
    post(
        sandbox,
        "kairos",
        "/outbound/create",
        &[JSON],
        &body.to_string(),
    )
}

fn mor_request(sandbox: &Sandbox, reference: &str) -> Vec<u8> {
    let secret = text(&sandbox.credentials("mor").unwrap(), "secret");
    let hash = hex(digest::digest(
        &SHA1_FOR_LEGACY_USE_ONLY,
        format!("2EUR5{reference}{secret}").as_bytes(),
    ));
    let body =
        format!("u=admin&user_id=2&p_currency=EUR&amount=5&transaction={reference}&hash={hash}");
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    post(sandbox, "mor", "/payment_create", &headers, &body)
}

fn fanap_request(sandbox: &Sandbox, phone: &str) -> Vec<u8> {
    let credentials = sandbox.credentials("fanap").unwrap();
    let is = |name| text(&credentials, name);
    let (app_id, tenant_id) = (is("app_id"), is("tenant_id"));
    let date = date(sandbox.clock().now_ms());
    let signed = format!("{app_id}#{tenant_id}#{date}");
    let body = json!({
        "Date": date,
        "PhoneNumber": phone,
        "ServiceKey": is("service_key"),
        "Signature": rsa_sign(&is("private_key_xml"), &signed, &SHA1_FOR_LEGACY_USE_ONLY),
    });
    let headers = [JSON, ("AppId", &*app_id), ("TenantId", &*tenant_id)];
    post(
        sandbox,
        "fanap",
        "/api/Subscription/grant/start",
        &headers,
        &body.to_string(),
    )
}

pub fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// A number out of a key in .NET XML.
pub fn rsa_number(xml: &str, name: &str) -> BigUint {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap();
    let (value, _) = rest.split_once("</").unwrap();
    BigUint::from_bytes_be(&unbase64(value))
}

/// PKCS#1 v1.5, step by step, in base64.
pub fn rsa_sign(private_xml: &str, text: &str, hash: &'static Algorithm) -> String {
    let info: &[u8] = if *hash == SHA256 {
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
    } else {
        b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
    };
    let digest = digest::digest(hash, text.as_bytes());
    let tail = [&[0], info, digest.as_ref()].concat();
    let (n, d) = (
        rsa_number(private_xml, "Modulus"),
        rsa_number(private_xml, "D"),
    );
    let octets = usize::try_from(n.bits().div_ceil(8)).unwrap();
    let mut block = vec![0, 1];
    block.resize(octets - tail.len(), 0xff);
    block.extend(tail);
    let signature = BigUint::from_bytes_be(&block).modpow(&d, &n).to_bytes_be();
    base64([vec![0; octets - signature.len()], signature].concat())
}

/// `2018-09-24T12:01:27.938Z`, by counting days.
pub fn date(unix_ms: u64) -> String {
    let (mut days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!(
        "{year:04}-{month:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
        days + 1,
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1_000 % 60,
        ms % 1_000
    )
}

/// A Cowrie signature, straight from the specification.
pub fn cowrie_sign(key: &str, target: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &unbase64(key));
    base64(aws_lc_rs::hmac::sign(&key, target.as_bytes()))
}

/// The bytes of a signed Cowrie request.
pub fn cowrie_request(sandbox: &Sandbox, path: &str, query: &str, nonce: &str) -> Vec<u8> {
    let credentials = sandbox.credentials("cowrie").unwrap();
    let (target, signed) = match query {
        "" => (path.to_owned(), nonce.to_owned()),
        query => (format!("{path}?{query}"), format!("{nonce}?{query}")),
    };
    let terminal = path.starts_with("/terminal/");
    let (id, key) = if terminal {
        ("agent_id", "agent_key")
    } else {
        ("client_id", "client_key")
    };
    let (id, signature) = (
        text(&credentials, id),
        cowrie_sign(&text(&credentials, key), &signed),
    );
    let terminal_id = text(&credentials, "terminal_id");
    let mut headers = vec![("Signature", signature.as_str()), ("Nonce", nonce)];
    headers.push(if terminal {
        ("AgentId", &id)
    } else {
        ("ClientId", &id)
    });
    if terminal {
        headers.push(("TerminalId", &terminal_id));
    }
    request(
        "GET",
        &sandbox.base_url("cowrie").unwrap(),
        &target,
        &headers,
        "",
    )
}

pub async fn cowrie(sandbox: &Sandbox, path: &str, query: &str, nonce: &str) -> io::Result<Reply> {
    let bytes = cowrie_request(sandbox, path, query, nonce);
    Client::connect(&sandbox.base_url("cowrie").unwrap())
        .await?
        .send(&bytes)
        .await
}

/// A credit of 100 naira under this reference, with the reference as nonce.
pub async fn credit(sandbox: &Sandbox, xref: &str) -> io::Result<Reply> {
    cowrie(
        sandbox,
        "/airtime/Credit",
        &credit_query(xref),
        &format!("n{xref}"),
    )
    .await
}

pub fn credit_query(xref: &str) -> String {
    format!("net=MTN&msisdn=2348031234567&amount=100&xref={xref}")
}
