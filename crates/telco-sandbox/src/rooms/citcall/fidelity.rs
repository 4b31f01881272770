//! What Citcall's room does and what that rests on, its misbehaviours and the numbers that behave.

use crate::room::Rule;

pub(super) const RULES: &[Rule] = &[
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
    Rule::fixed(
        "inferred",
        "v3 `msisdn` of motp that begins with `+` or `0`",
        "refused: the official clients send digits with the country code; verify and the messages take every form of v2",
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
    Rule::set_by(
        "unknown",
        "a callback whose listener fails",
        "is not pushed again",
        "push_attempts",
    ),
    Rule::set_by(
        "observed",
        "v3 `callback_url`",
        "one of this machine only, as a sandbox should reach nobody else's; the real one takes any host",
        "callback_anywhere",
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
