//! What can be set, and what a number asks for.

use serde::{Deserialize, Serialize};

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
    pub(super) push_attempts: u32,
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
            push_attempts: 1,
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
        if !(1..=100).contains(&self.push_attempts) {
            return Err("`push_attempts` goes from 1 to 100".to_owned());
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
