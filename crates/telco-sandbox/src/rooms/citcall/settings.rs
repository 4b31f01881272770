//! What can be set, and what a number asks for.

use serde::{Deserialize, Serialize};

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
    pub(super) callback_anywhere: bool,
    pub(super) push_attempts: u32,
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
            callback_anywhere: false,
            push_attempts: 1,
            caller_shown: CallerShown::National,
            verify_accepts: VerifyAccepts::LastFour,
            senders: words(&["CITCALL"]),
        }
    }
}

impl Settings {
    /// What the types do not say.
    pub(super) fn check(&self) -> Result<(), String> {
        if !(200..=599).contains(&self.failure_status) {
            return Err("`failure_status` is an HTTP status from 200 to 599".to_owned());
        }
        if !(1..=100).contains(&self.push_attempts) {
            return Err("`push_attempts` goes from 1 to 100".to_owned());
        }
        Ok(())
    }
}

/// Numbers that begin so, then two digits: the request is refused with that code.
pub(super) const SCRIPTED: &str = "62811000000";
/// Accepted, but the phone never rings.
pub(super) const UNREACHABLE: &str = "6281200000001";
/// Rings, but the answer holds no token.
pub(super) const NO_TOKEN: &str = "6281200000002";

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

/// The result code that a scenario number asks for.
pub(super) fn scripted(number: &str) -> Option<u32> {
    number
        .strip_prefix(SCRIPTED)
        .filter(|rest| rest.len() == 2)
        .and_then(|rest| rest.parse().ok())
        .filter(|rc| *rc != 0)
}
