//! What MOR's room does and what that rests on, its misbehaviours and the numbers that behave.

use crate::room::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::fixed(
        "proven",
        "hash",
        "SHA-1 over the decoded values in list order, then the secret; lower-case hexadecimal",
    ),
    Rule::set_by(
        "observed",
        "lists, filters and quirks",
        "those of X8",
        "profile",
    ),
    Rule::set_by(
        "observed",
        "secret",
        "one system key for all users of the sandbox",
        "secret",
    ),
    Rule::fixed(
        "observed",
        "hash of upper case or another length",
        "never matches",
    ),
    Rule::set_by("observed", "hash checking", "on", "check_hash"),
    Rule::set_by(
        "observed",
        "GET",
        "refused, but for the four balance methods",
        "allow_get",
    ),
    Rule::set_by("observed", "API on", "yes", "enabled"),
    Rule::fixed(
        "observed",
        "legacy method names",
        "routed to the modern ones",
    ),
    Rule::fixed(
        "observed",
        "where parameters stand",
        "the query string overrides the body; a repeated name counts last",
    ),
    Rule::fixed("unknown", "p", "not checked when the hash is right"),
    Rule::fixed(
        "inferred",
        "u",
        "must be a user of the sandbox; otherwise Bad login, from callback_init `Not authenticated` in its Status",
    ),
    Rule::fixed(
        "observed",
        "user_balance_get and user_simple_balance_get",
        "look for `username` or `id` and not for `u`, which may be absent",
    ),
    Rule::fixed(
        "observed",
        "methods of M2",
        "fifteen; those that only MOR has are `There is no such API` there",
    ),
    Rule::fixed("observed", "errors", "HTTP 200 with the error in the XML"),
    Rule::set_by(
        "observed",
        "content type",
        "text/xml; an attachment without test=1",
        "xml_extension",
    ),
    Rule::fixed(
        "observed",
        "user_balance_update",
        "adds the amount; the answer is a page within a page",
    ),
    Rule::fixed(
        "observed",
        "messages, callbacks and balance changes",
        "no reference travels: each request is an operation of its own, and a repeat is never counted as doubled",
    ),
    Rule::set_by(
        "unknown",
        "a repeated transaction",
        "books again",
        "repeated_transaction",
    ),
    Rule::fixed(
        "inferred",
        "payment_create",
        "adds the amount to the user's balance at once; no tax",
    ),
    Rule::fixed(
        "observed",
        "payments_get",
        "needs s_from and s_till, otherwise today (UTC) only",
    ),
    Rule::fixed(
        "unknown",
        "rows of a list",
        "all that fit the filters; the newest 100,000 payments and calls are kept",
    ),
    Rule::set_by(
        "unknown",
        "second unescape of an SMS text",
        "%XX and +",
        "sms_unescape",
    ),
    Rule::fixed(
        "inferred",
        "price of an SMS",
        "0.05 EUR, whatever the destination",
    ),
    Rule::fixed(
        "inferred",
        "permissions",
        "plain users see themselves only and book nothing: Access Denied",
    ),
    Rule::fixed(
        "observed",
        "no protection against replay",
        "the same bytes are valid for ever",
    ),
    Rule::fixed(
        "documented",
        "not modelled",
        "methods other than balances, details, calls, payments, devices, SMS, callback, version and users: HTTP 501, loudly, after the hash was checked",
    ),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    (
        "translated",
        "texts from the server's language file in another language",
    ),
    ("html-error", "HTTP 200 with an HTML page of a proxy"),
    ("no-status", "an answer without the element that says ok"),
    (
        "asterisk-down",
        "callback_init and sms_send fail: the switch cannot be reached",
    ),
    (
        "sms-error",
        "sms_send answers an error message; whether anything was sent is unknown",
    ),
];

pub(super) const SCENARIOS: &[(&str, &str)] = &[
    (
        "37060000404",
        "sms_send: Wrong destination; callback_init: No tariff",
    ),
    ("37060000500", "sms_send: an error message of the gateway"),
];
