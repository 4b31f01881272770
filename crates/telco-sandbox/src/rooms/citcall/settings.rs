//! What can be set, what it rests on, and the numbers that behave.

use serde::{Deserialize, Serialize};

use crate::room::Rule;

/// Everything the provider's documents leave open, with the default that is most likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) balance: u64,
    pub(super) call_price: u64,
    pub(super) sms_price: u64,
    pub(super) allowed_ips: Vec<String>,
    pub(super) v2_schemes: Vec<String>,
    pub(super) v3_schemes: Vec<String>,
    pub(super) cipher_client_id: String,
    pub(super) window_s: u64,
    pub(super) undecryptable_rc: u32,
    pub(super) refuse_extra_members: bool,
    pub(super) seal_answers: bool,
    pub(super) v2_trxid: bool,
    pub(super) failure_status: u16,
    pub(super) number_rc: u32,
    pub(super) gateway_rc: u32,
    pub(super) callbacks: bool,
    pub(super) seal_callbacks: bool,
    pub(super) callback_after_ms: u64,
    pub(super) caller_shown: CallerShown,
    pub(super) verify_accepts: VerifyAccepts,
    pub(super) senders: Vec<String>,
}

/// How a handset shows the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CallerShown {
    /// `0215…`
    National,
    /// `62215…`
    Bare,
    /// `+62215…`
    International,
}

/// What v3 `verify` compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum VerifyAccepts {
    LastFour,
    Full,
    Both,
}

impl Default for Settings {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Settings {
            balance: 1_000_000_000,
            call_price: 179,
            sms_price: 350,
            allowed_ips: Vec::new(),
            v2_schemes: words(&["legacy"]),
            v3_schemes: words(&["apikey", "basic"]),
            cipher_client_id: String::new(),
            window_s: 480,
            undecryptable_rc: 97,
            refuse_extra_members: false,
            seal_answers: true,
            v2_trxid: true,
            failure_status: 200,
            number_rc: 42,
            gateway_rc: 7,
            callbacks: true,
            seal_callbacks: true,
            callback_after_ms: 2_000,
            caller_shown: CallerShown::National,
            verify_accepts: VerifyAccepts::LastFour,
            senders: words(&["CITCALL"]),
        }
    }
}

/// Numbers that begin so, then two digits: the request is refused with that code.
pub(super) const SCRIPTED: &str = "62811000000";
/// Accepted, but the phone never rings.
pub(super) const UNREACHABLE: &str = "6281200000001";
/// Rings, but the answer holds no token.
pub(super) const NO_TOKEN: &str = "6281200000002";

pub(super) const SCENARIOS: &[(&str, &str)] = &[
    (
        "0811000000RR",
        "refused with rc RR, e.g. 081100000014: balance too low",
    ),
    (
        "081200000001",
        "accepted, but the phone never rings; the callback says so",
    ),
    (
        "081200000002",
        "the phone rings, but `token` in the answer is null",
    ),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    ("sealed-failure", "failures come encrypted, too"),
    (
        "stale-answer",
        "an encrypted answer carries a time one hour old",
    ),
    (
        "foreign-key",
        "an encrypted answer is sealed with another key",
    ),
    (
        "wrong-echo",
        "the answer names another number than the request",
    ),
    ("no-trxid", "the answer has no transaction id"),
    ("integer-rc", "rc comes as an integer"),
    ("trx_id", "the transaction id is spelt `trx_id`"),
    ("redirect", "307 to another host, nothing done"),
];

/// What a code means, in our words.
pub(super) fn meaning(rc: u32) -> Option<&'static str> {
    Some(match rc {
        0 => "success",
        6 => "failed",
        7 => "gateway not valid",
        14 => "balance too low",
        34 => "service unavailable",
        42 => "number not valid",
        43 => "text not valid",
        44 => "sender id not open",
        66 => "maintenance",
        76 => "wrong password",
        77 => "unknown user id",
        78 => "nothing found",
        79 => "wrong token",
        80 => "token expired",
        81 => "no attempts left",
        88 => "parameter missing",
        96 => "unknown or inactive API key",
        97 => "JSON not valid",
        98 => "not authorised",
        99 => "method not allowed",
        _ => return None,
    })
}

pub(super) const FIDELITY: &[Rule] = &[
    Rule::fixed(
        "proven",
        "v2 cipher",
        "the two-key additive stream; docs/protocols/citcall.md, part A",
    ),
    Rule::set_by(
        "inferred",
        "cipher client_id",
        "is the user id; set another here",
        "cipher_client_id",
    ),
    Rule::set_by(
        "unknown",
        "window of the cipher's time",
        "480 s on both sides, edges inside; published classes use 300 or 480",
        "window_s",
    ),
    Rule::set_by(
        "inferred",
        "undecryptable or expired `data`",
        "rc 97",
        "undecryptable_rc",
    ),
    Rule::set_by(
        "unknown",
        "members beside `data`",
        "ignored",
        "refuse_extra_members",
    ),
    Rule::set_by("documented", "v2 success", "encrypted", "seal_answers"),
    Rule::fixed(
        "documented",
        "failures",
        "in the clear, rc as two digits (that they are always two is a decision)",
    ),
    Rule::set_by(
        "unknown",
        "HTTP status beside an rc other than 0",
        "200",
        "failure_status",
    ),
    Rule::set_by(
        "documented",
        "v2 answer has `trxid`",
        "named by the document, absent from its sample",
        "v2_trxid",
    ),
    Rule::set_by(
        "documented",
        "v2 authorization",
        "bare base64(user_id:api_key), padded, on one line",
        "v2_schemes",
    ),
    Rule::set_by(
        "documented",
        "v3 authorization",
        "`Apikey` and `Basic`; the bare form served until 2020",
        "v3_schemes",
    ),
    Rule::fixed(
        "inferred",
        "which mistake gives 76, 77, 96 or 98",
        "password, user id, API key, all else",
    ),
    Rule::set_by(
        "documented",
        "list of caller addresses",
        "off while empty; a stranger gets 98 (inferred)",
        "allowed_ips",
    ),
    Rule::set_by(
        "claimed",
        "number that cannot be one",
        "rc 42, which the v2 document does not list",
        "number_rc",
    ),
    Rule::set_by(
        "claimed",
        "gateway out of range",
        "rc 7, which the v2 document does not list",
        "gateway_rc",
    ),
    Rule::fixed("documented", "v2 `gateway`", "an integer from 1 to 4"),
    Rule::fixed(
        "observed",
        "v3 `retry` 0 to 4 or `gateway` 0 to 5",
        "either name, not both",
    ),
    Rule::fixed("inferred", "v3 integers", "as numbers or as their text"),
    Rule::fixed(
        "observed",
        "`valid_time` and `limit_try`",
        "both or neither; `limit_try` from 1 to 20",
    ),
    Rule::fixed(
        "documented",
        "rc 00",
        "accepted for calling; the end comes by callback",
    ),
    Rule::fixed(
        "unknown",
        "a repeated `clientUniqueId`",
        "rings again: it is not documented to guard anything",
    ),
    Rule::set_by(
        "documented",
        "callbacks",
        "pushed after the call, to `callback_url` (v3) or the account's listener",
        "callbacks",
    ),
    Rule::set_by(
        "unknown",
        "v2 callbacks",
        "encrypted, as the document says of all messages without showing one",
        "seal_callbacks",
    ),
    Rule::set_by(
        "unknown",
        "when the callback comes",
        "2 s after the answer",
        "callback_after_ms",
    ),
    Rule::fixed(
        "unknown",
        "callback of a call that failed",
        "dial_code 480, dial_status and result in our own words: no real value is known",
    ),
    Rule::set_by(
        "observed",
        "how a handset shows the caller",
        "national, bare or with `+`",
        "caller_shown",
    ),
    Rule::set_by(
        "inferred",
        "v3 verify compares",
        "the last four digits (a code sent by SMS: the whole)",
        "verify_accepts",
    ),
    Rule::fixed(
        "claimed",
        "v3 verify results",
        "78 not found or already used, 79 wrong, 80 expired, 81 attempts used up",
    ),
    Rule::fixed(
        "unknown",
        "a verification after the right code",
        "78: each code is good once",
    ),
    Rule::set_by(
        "claimed",
        "sender ids",
        "44 for one that is not open",
        "senders",
    ),
    Rule::fixed(
        "unknown",
        "smsotp text without `XXXXX` and without token",
        "sent as it is, with a near miss",
    ),
    Rule::fixed(
        "inferred",
        "smsotp `XXXXX` without token",
        "five digits made here",
    ),
    Rule::set_by(
        "claimed",
        "price of a call",
        "179 rupiah off the balance; 14 when it does not reach",
        "call_price",
    ),
    Rule::set_by("claimed", "price of a message", "350 rupiah", "sms_price"),
    Rule::set_by("documented", "balance", "rupiah at the start", "balance"),
    Rule::fixed("unknown", "rate limits", "none: no code for them is known"),
    Rule::fixed("observed", "/v3/call", "refused: withdrawn by the provider"),
];

/// The result code that a scenario number asks for.
pub(super) fn scripted(number: &str) -> Option<u32> {
    number
        .strip_prefix(SCRIPTED)
        .filter(|rest| rest.len() == 2)
        .and_then(|rest| rest.parse().ok())
        .filter(|rc| *rc != 0)
}
