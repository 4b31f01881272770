//! What Kairos' room does and what that rests on, its misbehaviours and the numbers that behave.

use crate::room::Rule;

pub(super) const RULES: &[Rule] = &[
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
        "address, rate, Content-Type, size, form, version, flow, security-id, endpoint, checksum, list, fields, balance, calls",
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
        "inferred",
        "balance",
        "in calls; 212 for the whole request when it does not reach (the code is documented)",
        "balance",
    ),
    Rule::set_by(
        "documented",
        "list of caller addresses",
        "off while empty; 401",
        "allowed_ips",
    ),
    Rule::set_by(
        "documented",
        "list of caller addresses, bulk",
        "one of its own: the account's is not used there; off while empty; HTTP 403",
        "bulk_allowed_ips",
    ),
    Rule::set_by(
        "inferred",
        "Content-Type other than application/json",
        "HTTP 415; the header itself is documented",
        "content_type_required",
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
        "inferred",
        "number that cannot be one",
        "205 for that call; the code is documented, and that it may appear per call",
    ),
    Rule::set_by("unknown", "start date in the past", "210", "past_date_code"),
    Rule::fixed(
        "documented",
        "start time",
        "later than now, the call is dialled then (move the time to see it), and the ledger counts it as delivered, with a note, once it is taken; a past time of the present date starts at once",
    ),
    Rule::fixed(
        "unknown",
        "variable whose name does not begin `$flow.key.`",
        "taken as it is, with a remark",
    ),
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
        "500 in the documents, off here until set; HTTP 429 (unknown); counted apart from bulk",
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
        "0.5 s after the end of the call",
        "push_after_ms",
    ),
    Rule::set_by(
        "unknown",
        "a push whose listener fails",
        "is not repeated",
        "push_attempts",
    ),
    Rule::set_by(
        "unknown",
        "how long each number rings",
        "0.3 s, far shorter than in life, so that a test need not wait",
        "ring_ms",
    ),
    Rule::set_by(
        "unknown",
        "how long the one that answers talks",
        "1.2 s, as short for the same reason",
        "talk_ms",
    ),
    Rule::fixed(
        "inferred",
        "when a call is told of",
        "pushes and pulls know a call once it is over",
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
