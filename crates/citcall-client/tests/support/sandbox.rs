//! Clients of a sandbox, and the sandbox as the provider's side of the suites.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::sync::Arc;
use std::time::Duration;

use citcall_client::core::{Msisdn, Reference, Secret, SecretBytes};
use citcall_client::http::Settings;
use citcall_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use citcall_client::{Authorization, Builder, Client, Credentials, parse_msisdn, v3};
use serde_json::json;
use telco_conformance::{Harness, Phase, Truth};
use telco_sandbox::{Arrival, FaultRule, Phase as Fault, Sandbox};

/// Of the suites, which wait it out for every stall. Long enough for a busy machine.
pub const TIMEOUT: Duration = Duration::from_millis(500);
/// Of everything else.
pub const PATIENT: Duration = Duration::from_secs(10);
pub const NAME: &str = "citcall";

/// Connections kept or made anew for each request.
pub fn settings(pooled: bool) -> Settings {
    let idle = if pooled {
        Duration::from_secs(5)
    } else {
        Duration::ZERO
    };
    Settings::default()
        .with_timeouts(TIMEOUT, TIMEOUT)
        .with_body_caps(64 * 1024, 64 * 1024)
        .with_idle_timeout(idle)
}

pub fn credential(sandbox: &Sandbox, name: &str) -> String {
    let all = sandbox.credentials(NAME).unwrap();
    all[name].as_str().unwrap().to_owned()
}

pub fn credentials(sandbox: &Sandbox) -> Credentials {
    let key = Secret::new(credential(sandbox, "api_key"));
    Credentials::new(credential(sandbox, "user_id"), key).unwrap()
}

pub fn builder(sandbox: &Sandbox) -> Builder {
    Client::builder(credentials(sandbox))
        .account("sandbox")
        .base_url(sandbox.base_url(NAME).unwrap())
        .settings(settings(false).with_timeouts(PATIENT, PATIENT))
        .reconnects(0)
}

pub fn v3_builder(sandbox: &Sandbox) -> v3::Builder {
    v3::Client::builder(credentials(sandbox))
        .account("sandbox")
        .base_url(sandbox.base_url(NAME).unwrap())
        .authorization(Authorization::ApiKey)
        .settings(settings(false).with_timeouts(PATIENT, PATIENT))
        .reconnects(0)
        // The ledger files v3 requests under it.
        .send_reference(true)
}

pub fn codes() -> LocalOtp {
    let key = OtpKey::new("k1", SecretBytes::new([7; 32])).unwrap();
    LocalOtp::new(key, Arc::new(MemoryOtpStore::default()))
}

pub fn phone() -> Msisdn {
    parse_msisdn("081234567890").unwrap()
}

/// Who called this phone last, as it shows it.
pub fn caller(sandbox: &Sandbox, phone: &Msisdn) -> Option<String> {
    match &sandbox.handset(phone.expose()).first()?.arrival {
        Arrival::MissedCall { from } => Some(from.clone()),
        _ => None,
    }
}

#[derive(Debug)]
pub struct Room {
    pub sandbox: Sandbox,
    /// The client keeps connections: a reused one can die, and a new one is not always opened.
    pub pooled: bool,
    /// How many of the last characters the code is; `usize::MAX` for all.
    pub last: usize,
}

impl Room {
    fn balance(&self, rupiah: u64) {
        let change = json!({ "balance": rupiah });
        self.sandbox.configure(NAME, &change).unwrap();
    }
}

impl Harness for Room {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        let fault = match phase {
            Phase::Refuse if !self.pooled => Fault::Refuse,
            Phase::ClosePooled if self.pooled => Fault::ResetReused,
            Phase::Stall => Fault::Stall,
            Phase::ResetBeforeActing => Fault::ResetBefore,
            Phase::ActThenReset => Fault::ActThenReset,
            Phase::ActThen500 => Fault::ActThenError,
            Phase::Truncate => Fault::Truncate,
            Phase::Garbage => Fault::Garbage,
            Phase::SlowAnswer => Fault::SlowAnswer,
            Phase::Flood => Fault::Flood,
            Phase::Drip => Fault::Drip,
            Phase::Redirect => {
                let rule = FaultRule::quirk("redirect").reference(reference.as_str());
                self.sandbox.faults().set([rule]);
                return true;
            }
            Phase::Decline => {
                self.sandbox.faults().clear();
                self.balance(0);
                return true;
            }
            _ => return false,
        };
        let rule = FaultRule::new(fault)
            .provider(NAME)
            .delay(TIMEOUT / 3)
            .times(1);
        self.sandbox.faults().set([match phase {
            // A refused connection has no reference yet.
            Phase::Refuse => rule,
            _ => rule.reference(reference.as_str()),
        }]);
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        self.sandbox.faults().clear();
        self.balance(1_000_000_000);
        let operation = self.sandbox.operation(NAME, reference.as_str());
        operation.map_or(Truth::default(), |operation| Truth {
            received: operation.requests.try_into().unwrap(),
            delivered: operation.delivered.try_into().unwrap(),
        })
    }

    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        let text = match &self.sandbox.handset(phone.expose()).first()?.arrival {
            Arrival::MissedCall { from } => from.clone(),
            Arrival::Message { text, .. } => text.clone(),
            _ => return None,
        };
        let from = text.len().saturating_sub(self.last);
        text.get(from..).map(str::to_owned)
    }
}
