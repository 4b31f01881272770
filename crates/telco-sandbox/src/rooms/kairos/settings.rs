//! What can be set, and what a number asks for.

use serde::{Deserialize, Serialize};

use super::profile::Profile;

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
    pub(super) bulk_allowed_ips: Vec<String>,
    pub(super) allowed_phones: Vec<String>,
    pub(super) failure_status: u16,
    pub(super) wrong_endpoint_code: u16,
    pub(super) past_date_code: u16,
    pub(super) duplicate_identifier_code: u16,
    pub(super) content_type_required: bool,
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
    pub(super) ring_ms: u64,
    pub(super) talk_ms: u64,
    pub(super) pushes: bool,
    pub(super) push_after_ms: u64,
    pub(super) push_attempts: u32,
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
            bulk_allowed_ips: Vec::new(),
            allowed_phones: Vec::new(),
            failure_status: 200,
            wrong_endpoint_code: 301,
            past_date_code: 210,
            duplicate_identifier_code: 210,
            content_type_required: true,
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
            ring_ms: 300,
            talk_ms: 1_200,
            pushes: true,
            push_after_ms: 500,
            push_attempts: 1,
            push_wrapped: true,
            push_basic: String::new(),
        }
    }
}

impl Settings {
    /// What the types do not say.
    pub(super) fn check(&self) -> Result<(), String> {
        self.profile.check()?;
        if !(200..=599).contains(&self.failure_status) {
            return Err("`failure_status` is an HTTP status from 200 to 599".to_owned());
        }
        if !(1..=100).contains(&self.push_attempts) {
            return Err("`push_attempts` goes from 1 to 100".to_owned());
        }
        Ok(())
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
