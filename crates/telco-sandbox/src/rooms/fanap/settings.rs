//! What can be set, what it rests on, and the numbers that behave.

use serde::{Deserialize, Serialize};

use crate::room::Rule;
use crate::rsa::{Hash, PublicKey};

/// Everything the provider's documents leave open, with the default that is most likely.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Settings {
    pub(super) hash: HashName,
    pub(super) registered_key: String,
    pub(super) date_window_s: u64,
    pub(super) refuse_repeated_dates: bool,
    pub(super) charset_required: bool,
    pub(super) one_phone_form: bool,
    pub(super) refusal_shape: Shape,
    pub(super) refusal_status: u16,
    pub(super) code_digits: usize,
    pub(super) code_life_s: u64,
    pub(super) code_tries: u64,
    pub(super) starts_per_hour: u64,
    pub(super) repeated_commit: Repeated,
    pub(super) refuse_subscribed: bool,
    pub(super) callbacks: bool,
    pub(super) callback_after_ms: u64,
}

/// The hash under the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum HashName {
    Sha1,
    Sha256,
}

impl From<HashName> for Hash {
    fn from(name: HashName) -> Hash {
        match name {
            HashName::Sha1 => Hash::Sha1,
            HashName::Sha256 => Hash::Sha256,
        }
    }
}

/// How a refusal that has a code is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Shape {
    /// `{"success": false, "error": {"code", "message"}}`, as the sibling services do.
    Family,
    /// `{"response": code, "success": false}` with status 200.
    Operator,
    /// No body, only a status.
    Empty,
}

/// What a second commit of one correlation id gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Repeated {
    /// Refused with 1016.
    AlreadyUsed,
    /// The first answer again; nothing is charged.
    SameAnswer,
    /// It charges again: the worst that can be.
    ChargesAgain,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            hash: HashName::Sha1,
            registered_key: String::new(),
            date_window_s: 600,
            refuse_repeated_dates: false,
            charset_required: false,
            one_phone_form: false,
            refusal_shape: Shape::Family,
            refusal_status: 400,
            code_digits: 4,
            code_life_s: 300,
            code_tries: 5,
            starts_per_hour: 0,
            repeated_commit: Repeated::AlreadyUsed,
            refuse_subscribed: false,
            callbacks: true,
            callback_after_ms: 2_000,
        }
    }
}

impl Settings {
    /// What the types do not say.
    pub(super) fn check(&self) -> Result<(), String> {
        if !self.registered_key.is_empty() && PublicKey::from_xml(&self.registered_key).is_none() {
            return Err("`registered_key` is the text of a public.xml, or empty".to_owned());
        }
        if !(4..=8).contains(&self.code_digits) {
            return Err("`code_digits` goes from 4 to 8".to_owned());
        }
        if !(200..=599).contains(&self.refusal_status) {
            return Err("`refusal_status` is an HTTP status from 200 to 599".to_owned());
        }
        Ok(())
    }
}

/// What a phone number asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scripted {
    /// start gets this code.
    StartCode(u32),
    /// start works, commit gets this code.
    CommitCode(u32),
    /// start gets this `response`.
    StartOperator(i64),
    /// start works, commit gets this `response`.
    CommitOperator(i64),
    /// The message never arrives.
    NoMessage,
}

/// The behaviour of a number in its national form.
pub(super) fn scripted(national: &str) -> Option<Scripted> {
    let rest = national.strip_prefix("91900")?;
    let (kind, digits) = rest.split_at_checked(1)?;
    let code: u32 = digits.parse().ok()?;
    match (kind, code) {
        ("4", 0) => Some(Scripted::NoMessage),
        (_, 0) => None,
        ("0", code) => Some(Scripted::StartCode(code)),
        ("1", code) => Some(Scripted::CommitCode(code)),
        ("2", code) => Some(Scripted::StartOperator(code.into())),
        ("3", code) => Some(Scripted::CommitOperator(code.into())),
        _ => None,
    }
}

pub(super) const SCENARIOS: &[(&str, &str)] = &[
    (
        "0919000CCCC",
        "start is refused with code CCCC, e.g. 09190001015; below 1000 it is one of Ghasedak's",
    ),
    (
        "0919001CCCC",
        "the code arrives, and commit is refused with code CCCC, e.g. 09190010104: balance too low",
    ),
    (
        "0919002NNNN",
        "start gets `response` NNNN: an error of the operator",
    ),
    (
        "0919003NNNN",
        "the code arrives, and commit gets `response` NNNN",
    ),
    ("09190040000", "accepted, but the message never arrives"),
];

pub(super) const QUIRKS: &[(&str, &str)] = &[
    ("pascal-case", "the fields of an answer begin with capitals"),
    ("text-values", "numbers and booleans come as text"),
    (
        "no-correlation",
        "a start that succeeded without `correlationId`",
    ),
    (
        "contradiction",
        "it is done, and the answer says `response` 5 and `success` true",
    ),
    (
        "true-with-error",
        "it is done, and the answer says `success` true beside an error object",
    ),
    ("empty-object", "it is done, and the answer is {}"),
    (
        "forgetful",
        "a commit that was done before charges once more",
    ),
    (
        "forged-callback",
        "the signature of a message is made with another key",
    ),
];

pub(super) const FIDELITY: &[Rule] = &[
    Rule::fixed(
        "documented",
        "signed text",
        "AppId#TenantId#Date, octet for octet what the headers and the body hold",
    ),
    Rule::fixed(
        "proven",
        "signature",
        "RSASSA-PKCS1-v1_5, base64 on one line (proven for the vendor's own signatures)",
    ),
    Rule::set_by(
        "inferred",
        "hash under the signature",
        "SHA-1, as the siblings and the vendor's clients",
        "hash",
    ),
    Rule::set_by(
        "documented",
        "registered key",
        "the public half of the key in the credentials, or the public.xml given here",
        "registered_key",
    ),
    Rule::fixed(
        "documented",
        "Date",
        "YYYY-MM-DDTHH:MM:SS.mmmZ in UTC; another form gets 1010 (the sibling's code)",
    ),
    Rule::set_by(
        "unknown",
        "window of the Date",
        "600 s on both sides, then 1011; 0 switches it off",
        "date_window_s",
    ),
    Rule::set_by(
        "unknown",
        "a Date that was used before",
        "taken",
        "refuse_repeated_dates",
    ),
    Rule::set_by(
        "documented",
        "Content-Type",
        "application/json; charset=utf-8. Without the charset it is taken (inferred), else 415",
        "charset_required",
    ),
    Rule::fixed(
        "inferred",
        "order of the checks",
        "headers, fields, Date, signature, service, phone, then what the call is about",
    ),
    Rule::fixed(
        "inferred",
        "names of the fields",
        "exactly as printed; order and further fields do not matter",
    ),
    Rule::fixed(
        "inferred",
        "phone forms",
        "9…, 09…, 98…, +98…, 0098… and 980…: the vendor's samples use several",
    ),
    Rule::set_by(
        "unknown",
        "commit with another form of the phone than start",
        "taken",
        "one_phone_form",
    ),
    Rule::set_by(
        "inferred",
        "shape of a refusal",
        "the siblings' error object; only success is documented for this host",
        "refusal_shape",
    ),
    Rule::set_by(
        "unknown",
        "HTTP status of a refusal with a code",
        "400",
        "refusal_status",
    ),
    Rule::fixed(
        "inferred",
        "a field that is missing or has a wrong type",
        "400 with {\"Field\": [\"text\"]}",
    ),
    Rule::set_by(
        "documented",
        "code in the message",
        "four digits, as text with leading zeros",
        "code_digits",
    ),
    Rule::set_by(
        "inferred",
        "life of a code",
        "300 s, then 1009",
        "code_life_s",
    ),
    Rule::set_by(
        "unknown",
        "tries per code",
        "5 wrong ones with 1013, then GH-419; 0 switches it off",
        "code_tries",
    ),
    Rule::set_by(
        "unknown",
        "starts per phone and hour",
        "no limit; beyond one, 429",
        "starts_per_hour",
    ),
    Rule::set_by(
        "unknown",
        "second commit of one correlation id",
        "1016, and nothing is charged",
        "repeated_commit",
    ),
    Rule::set_by(
        "unknown",
        "commit for a phone that is subscribed already",
        "charges again: it may be a one-off purchase",
        "refuse_subscribed",
    ),
    Rule::fixed(
        "unknown",
        "rate limits of the host",
        "none but the setting above",
    ),
    Rule::fixed(
        "documented",
        "subscription/verification (a sibling)",
        "signed SDP-ProductId#SDP-Date; 401 when headers or signature fail, else 400",
    ),
    Rule::set_by(
        "documented",
        "callback of a subscription",
        "one message with Actor Cp and MessageType Subscription, signed",
        "callbacks",
    ),
    Rule::set_by(
        "unknown",
        "how soon after a commit",
        "2 s",
        "callback_after_ms",
    ),
    Rule::fixed(
        "documented",
        "delivery callback",
        "unsigned; only by trigger (when the provider sends one is unknown)",
    ),
    Rule::fixed(
        "documented",
        "codes of the siblings (IMI, SDP v1)",
        "not modelled: refused with 404",
    ),
];
