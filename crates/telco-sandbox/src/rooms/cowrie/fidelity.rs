//! How sure each rule of this room is, as data.

use crate::room::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::fixed(
        "proven",
        "signature",
        "HMAC-SHA256 under the base64-decoded key over the nonce, or nonce + `?` + query in the order sent",
    ),
    Rule::fixed(
        "proven",
        "balance without a query",
        "the nonce alone is signed",
    ),
    Rule::fixed(
        "proven",
        "not signed",
        "path, host, method, identity headers",
    ),
    Rule::set_by(
        "unknown",
        "text verified",
        "the query as sent or decoded, either fits",
        "verify",
    ),
    Rule::fixed("documented", "method", "GET only; anything else 405"),
    Rule::fixed("inferred", "header names", "matched without regard to case"),
    Rule::fixed("documented", "missing header", "403"),
    Rule::fixed(
        "inferred",
        "unknown ClientId",
        "400, like a wrong signature",
    ),
    Rule::fixed("documented", "wrong signature or parameter", "400"),
    Rule::fixed("documented", "nonce used before", "409"),
    Rule::set_by(
        "unknown",
        "how long nonces are remembered",
        "24 h",
        "nonce_memory_ms",
    ),
    Rule::fixed(
        "unknown",
        "refused calls and nonces",
        "a call with a right signature burns its nonce, also when it is refused",
    ),
    Rule::fixed(
        "inferred",
        "order of the checks",
        "headers, signature, nonce, parameters, recipient, xref, stock, balance",
    ),
    Rule::set_by(
        "unknown",
        "a repeated xref under a new nonce",
        "carried out again",
        "repeated_xref",
    ),
    Rule::fixed("documented", "insufficient balance", "402"),
    Rule::fixed(
        "documented",
        "wrong network or number",
        "404; without `ported` any network is right for any number",
    ),
    Rule::set_by(
        "inferred",
        "ported numbers",
        "none beside the scenario number",
        "ported",
    ),
    Rule::fixed(
        "inferred",
        "amounts",
        "whole naira in plain digits, no sign, separator or leading zero; anything else 400",
    ),
    Rule::set_by(
        "unknown",
        "smallest and largest amount",
        "1 and none",
        "min_amount, max_amount",
    ),
    Rule::fixed(
        "inferred",
        "net",
        "AIR, GLO, MTN, ETI in any case; anything else 400",
    ),
    Rule::fixed(
        "unknown",
        "bundle",
        "taken as sent; neither price nor code is checked",
    ),
    Rule::set_by(
        "observed",
        "balance and charge in Credit and Data",
        "sent",
        "balance_in_answers",
    ),
    Rule::set_by(
        "observed",
        "decimals in money",
        "none: whole naira, rounded down",
        "decimals",
    ),
    Rule::set_by(
        "inferred",
        "discount",
        "4 percent off every charge",
        "discount",
    ),
    Rule::set_by(
        "inferred",
        "visibility of Check",
        "at once (a remark of the vendor speaks of seconds)",
        "check_delay_ms",
    ),
    Rule::set_by(
        "unknown",
        "Check of an unknown reference",
        "200 with `null`",
        "not_found",
    ),
    Rule::set_by("unknown", "kinds that Check sees", "credit", "check_sees"),
    Rule::set_by(
        "inferred",
        "Check by the server's id",
        "works",
        "check_accepts_id",
    ),
    Rule::set_by(
        "documented",
        "end of a Check answer",
        "`status` OK (the vendor's clients read `stamp`)",
        "check_style",
    ),
    Rule::set_by(
        "unknown",
        "error bodies",
        "`{\"message\": …}`",
        "error_body",
    ),
    Rule::fixed(
        "documented",
        "PIN answers",
        "serial, pin, unit, fee 0, type, xref, message; an array for a batch",
    ),
    Rule::fixed(
        "documented",
        "type of PINs",
        "AIRTIME; anything else 400 (inferred)",
    ),
    Rule::fixed("unknown", "empty message", "accepted"),
    Rule::set_by(
        "unknown",
        "largest batch and stock",
        "1,000 and 1,000,000 of each face value; 400 when out",
        "max_count, pin_stock",
    ),
    Rule::fixed("inferred", "redeeming an unknown or used PIN", "400"),
    Rule::fixed(
        "observed",
        "terminal family",
        "balance, credit, data, check under AgentId and TerminalId; same answers (inferred), same account",
    ),
    Rule::fixed(
        "documented",
        "not modelled",
        "electricity, TV, plan lists, webhooks: the provider has none; unknown paths 404",
    ),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    (
        "unquoted-keys",
        "200 with keys printed as in the documentation, unquoted",
    ),
    ("plain-text", "200 with the text OK"),
    ("empty-body", "200 without a body"),
    ("null-body", "200 with null"),
    ("object-body", "200 with {}"),
    ("array-body", "200 with []"),
    ("foreign-echo", "the answer echoes another xref"),
    ("message-not-ok", "Credit's message is not OK"),
    ("decimal-balance", "the balance is a string with decimals"),
    (
        "pin-count-mismatch",
        "a batch answers one PIN less than it sold",
    ),
    ("check-400", "Check answers 400"),
    ("check-mismatch", "Check tells another amount"),
    ("status-pending", "Check's status is PENDING"),
    ("refuse-400", "400, nothing done"),
    ("refuse-401", "401, nothing done"),
    ("refuse-402", "402, nothing done"),
    ("refuse-403", "403, nothing done"),
    ("refuse-404", "404, nothing done"),
    ("refuse-408", "408, nothing done"),
    ("refuse-409", "409, nothing done"),
    ("refuse-418", "418, nothing done"),
    ("refuse-429", "429, nothing done"),
    ("refuse-502", "502, nothing done"),
    ("refuse-503", "503, nothing done"),
    ("redirect", "302 to another host, nothing done"),
];

/// Quirks that plant a status.
pub(super) const PLANTED: &[(&str, u16)] = &[
    ("refuse-400", 400),
    ("refuse-401", 401),
    ("refuse-402", 402),
    ("refuse-403", 403),
    ("refuse-404", 404),
    ("refuse-408", 408),
    ("refuse-409", 409),
    ("refuse-418", 418),
    ("refuse-429", 429),
    ("refuse-502", 502),
    ("refuse-503", 503),
    ("redirect", 302),
];
