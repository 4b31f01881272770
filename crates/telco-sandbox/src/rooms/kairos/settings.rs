//! What can be set, what it rests on, and the numbers that behave.

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use crate::room::Rule;

/// Everything the provider's documents leave open, with the default that is most likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) profile: Profile,
    pub(super) encrypted_field: String,
    pub(super) key_field: String,
    pub(super) flow_field: String,
    pub(super) unopenable_code: u16,
    pub(super) balance: u64,
    pub(super) allowed_ips: Vec<String>,
    pub(super) allowed_phones: Vec<String>,
    pub(super) failure_status: u16,
    pub(super) wrong_endpoint_code: u16,
    pub(super) past_date_code: u16,
    pub(super) duplicate_identifier_code: u16,
    pub(super) body_limit: usize,
    pub(super) max_alternates: usize,
    pub(super) plus_accepted: bool,
    pub(super) checksum_over: ChecksumOver,
    pub(super) checksum_window_s: u64,
    pub(super) partial_shape: PartialShape,
    pub(super) rate_per_minute: u64,
    pub(super) bulk_rate_per_minute: u64,
    pub(super) old_keys_stay: bool,
    pub(super) pull_limit: usize,
    pub(super) pushes: bool,
    pub(super) push_after_ms: u64,
    pub(super) push_wrapped: bool,
    pub(super) push_basic: String,
}

/// Which bytes "the same request" is about, where a request is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ChecksumOver {
    Decrypted,
    Body,
}

/// How a 209 answer shows the calls that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PartialShape {
    /// Not at all.
    Omitted,
    /// With an entry that has no phonon-uuid.
    WithoutUuid,
    /// With an entry that has the code and message of its failure.
    WithCode,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            profile: Profile::default(),
            encrypted_field: "requestEncryptedValue".into(),
            key_field: "requestDigitalSignatureValue".into(),
            flow_field: "flow-id".into(),
            unopenable_code: 400,
            balance: 1_000_000_000,
            allowed_ips: Vec::new(),
            allowed_phones: Vec::new(),
            failure_status: 200,
            wrong_endpoint_code: 301,
            past_date_code: 210,
            duplicate_identifier_code: 210,
            body_limit: 256_000,
            max_alternates: 10,
            plus_accepted: true,
            checksum_over: ChecksumOver::Decrypted,
            checksum_window_s: 86_400,
            partial_shape: PartialShape::WithoutUuid,
            rate_per_minute: 0,
            bulk_rate_per_minute: 0,
            old_keys_stay: false,
            pull_limit: 200,
            pushes: true,
            push_after_ms: 2_000,
            push_wrapped: true,
            push_basic: String::new(),
        }
    }
}

/// What a contact number asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scripted {
    /// The whole request gets this code.
    Request(u16),
    /// Only this call fails, with this code.
    Call(u16),
    /// It is dialled and nobody answers.
    NoAnswer,
}

/// The behaviour of a number, in whichever of its forms it was sent.
pub(super) fn scripted(number: &str) -> Option<Scripted> {
    let national = national(number)?;
    let code = |digits: &str| digits.parse().ok();
    if let Some(digits) = national.strip_prefix("9000000") {
        code(digits)
            .filter(|code| *code != 0)
            .map(Scripted::Request)
    } else if let Some(digits) = national.strip_prefix("9000001") {
        code(digits).filter(|code| *code != 0).map(Scripted::Call)
    } else {
        (national == "9000002000").then_some(Scripted::NoAnswer)
    }
}

/// Ten digits of an Indian mobile number.
pub(super) fn national(number: &str) -> Option<&str> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let national = match digits.len() {
        10 => digits,
        11 => digits.strip_prefix('0')?,
        12 => digits.strip_prefix("91")?,
        14 => digits.strip_prefix("0091")?,
        _ => return None,
    };
    national
        .starts_with(['6', '7', '8', '9'])
        .then_some(national)
}

pub(super) const SCENARIOS: &[(&str, &str)] = &[
    (
        "9000000CCC",
        "the whole request gets code CCC, e.g. 9000000212: insufficient balance",
    ),
    (
        "9000001CCC",
        "only this call fails, with code CCC; with others that succeed the answer is 209",
    ),
    (
        "9000002000",
        "dialled, and nobody answers: the next alternate is tried",
    ),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    ("string-code", "api-response-code comes as text"),
    ("missing-code", "api-response-code is missing"),
    ("no-details", "a success without call-details"),
    (
        "forget-one",
        "the calls are placed, and the last one is missing from call-details",
    ),
    ("no-identifiers", "call-details without client-identifier"),
    (
        "forgetful",
        "the checksum rule is not applied: an identical repeat dials again",
    ),
];

pub(super) const FIDELITY: &[Rule] = &[
    Rule::set_by(
        "proven",
        "AES side of the envelope",
        "AES-128-ECB over the base64 text, key from SHA-256 of the base64 key string",
        "profile",
    ),
    Rule::fixed(
        "inferred",
        "RSA padding",
        "PKCS#1 v1.5; part of the setting `profile`",
    ),
    Rule::set_by(
        "documented",
        "name of the payload field",
        "requestEncryptedValue",
        "encrypted_field",
    ),
    Rule::set_by(
        "documented",
        "name of the key field",
        "requestDigitalSignatureValue",
        "key_field",
    ),
    Rule::set_by(
        "documented",
        "name of the flow field",
        "flow-id; elsewhere flowID",
        "flow_field",
    ),
    Rule::set_by(
        "inferred",
        "envelope that does not open",
        "code 400; 500 is the other candidate",
        "unopenable_code",
    ),
    Rule::fixed(
        "inferred",
        "order of checks",
        "address, size, form, version, flow, security-id, endpoint, checksum, list, fields, balance, calls",
    ),
    Rule::fixed(
        "documented",
        "two hosts",
        "the bulk host is /bulk in front of the path, or a Host header that begins central-api.",
    ),
    Rule::fixed(
        "documented",
        "bulk answer",
        "HTTP 202, code 202 `Accepted`, call-details null; HTTP 403 for an unlisted address",
    ),
    Rule::set_by(
        "unknown",
        "HTTP status of a failure on the real-time host",
        "200",
        "failure_status",
    ),
    Rule::set_by(
        "documented",
        "flow at the wrong endpoint",
        "301; 202 is documented too",
        "wrong_endpoint_code",
    ),
    Rule::set_by(
        "documented",
        "balance",
        "in calls; 212 for the whole request when it does not reach",
        "balance",
    ),
    Rule::set_by(
        "documented",
        "list of caller addresses",
        "off while empty; 401",
        "allowed_ips",
    ),
    Rule::set_by(
        "inferred",
        "list of phones",
        "off while empty; 402 for the call",
        "allowed_phones",
    ),
    Rule::fixed("documented", "calls per request", "1 to 500; 302 and 303"),
    Rule::set_by(
        "documented",
        "body size",
        "256,000 bytes, the smaller reading of 256 KB, of the body as sent; a larger one gets HTTP 413 (unknown)",
        "body_limit",
    ),
    Rule::set_by(
        "inferred",
        "alternates of one customer",
        "at most 10; else 210",
        "max_alternates",
    ),
    Rule::set_by(
        "unknown",
        "a leading `+` in numbers",
        "taken",
        "plus_accepted",
    ),
    Rule::fixed(
        "documented",
        "number that cannot be one",
        "205 for that call",
    ),
    Rule::set_by("unknown", "start date in the past", "210", "past_date_code"),
    Rule::set_by(
        "unknown",
        "one client-identifier twice in a request",
        "210",
        "duplicate_identifier_code",
    ),
    Rule::fixed(
        "unknown",
        "one client-identifier in two requests",
        "dials again: only identical bytes are refused",
    ),
    Rule::set_by(
        "inferred",
        "checksum of an encrypted request",
        "over the decrypted JSON",
        "checksum_over",
    ),
    Rule::set_by(
        "unknown",
        "how long a checksum is remembered",
        "a day, per flow, whatever became of the request",
        "checksum_window_s",
    ),
    Rule::set_by(
        "unknown",
        "failed calls in a 209 answer",
        "an entry without phonon-uuid",
        "partial_shape",
    ),
    Rule::fixed(
        "inferred",
        "all calls of a request failed with one code",
        "that code for the request",
    ),
    Rule::set_by(
        "documented",
        "requests per minute",
        "500 in the documents, off here until set; HTTP 429 (unknown)",
        "rate_per_minute",
    ),
    Rule::set_by(
        "documented",
        "requests per minute, bulk",
        "30,000 in the documents, off here until set",
        "bulk_rate_per_minute",
    ),
    Rule::set_by(
        "inferred",
        "generateKeyPair voids older keys",
        "yes",
        "old_keys_stay",
    ),
    Rule::fixed(
        "unknown",
        "answer of generateKeyPair",
        "code 200 and no key; the new one is in the credentials",
    ),
    Rule::set_by("documented", "UUIDs per pull", "200", "pull_limit"),
    Rule::fixed(
        "documented",
        "pull",
        "versions 1 and 2; 213 with an empty list when nothing is found",
    ),
    Rule::set_by("documented", "post-call push", "to the listener", "pushes"),
    Rule::set_by(
        "unknown",
        "when the push comes",
        "2 s after the answer",
        "push_after_ms",
    ),
    Rule::set_by(
        "documented",
        "outer `body` of a push",
        "there",
        "push_wrapped",
    ),
    Rule::set_by(
        "documented",
        "authentication of pushes",
        "none; or Basic with this user:password",
        "push_basic",
    ),
    Rule::fixed(
        "unknown",
        "times in pushes and pulls",
        "as start-time is written",
    ),
    Rule::fixed(
        "documented",
        "numbers",
        "alternates of one customer are tried in turn until one answers",
    ),
];
