//! The sandbox's room as the provider's side of a test: it knows what really happened.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kairos_client::{Builder, FlowId, Kairos, Kind, PublicKey, SecurityId};
use serde_json::{Value, json};
use telco_conformance::{Harness, Limits, Phase, Truth};
use telco_core::{Call, Msisdn, Reference, Secret};
use telco_http::Settings;
use telco_sandbox::{Arrival, FaultRule, Sandbox};

use super::Still;

/// How long the clients of these tests wait for an answer.
pub const TIMEOUT: Duration = Duration::from_millis(1500);

/// A sandbox at the time of the tests' still clock.
#[derive(Debug)]
pub struct World {
    pub sandbox: Sandbox,
    numbers: AtomicU32,
}

impl World {
    pub async fn open() -> Self {
        let sandbox = Sandbox::builder().at(super::now()).start().await.unwrap();
        Self {
            sandbox,
            numbers: AtomicU32::new(0),
        }
    }

    pub fn configure(&self, change: Value) {
        self.sandbox.configure("kairos", &change).unwrap();
    }

    pub fn fault(&self, phase: telco_sandbox::Phase) {
        let rule = FaultRule::new(phase).provider("kairos").times(1);
        self.sandbox
            .faults()
            .set([rule.delay(Duration::from_millis(100))]);
    }

    /// For the flow that this kind of endpoint serves.
    pub fn builder(&self, kind: Kind) -> Builder {
        let account = self.sandbox.credentials("kairos").unwrap();
        let dialer = matches!(kind, Kind::Dialer | Kind::EncryptedDialer);
        let flow = if dialer { &account["dialer"] } else { &account };
        let text = |field: &str| flow[field].as_str().unwrap();
        let base = self.sandbox.base_url("kairos").unwrap();
        let origin = base.strip_suffix("/kairos-apis").unwrap();
        let path = |field: &str| format!("{origin}{}", account[field].as_str().unwrap());
        let mut builder = Kairos::builder(
            FlowId::new(text("flow_id")).unwrap(),
            SecurityId::new(text("security_id")).unwrap(),
        )
        .kind(kind)
        .base_url(base.as_str())
        .pull_url(path("pull_path"))
        .settings(Settings::default().with_timeouts(TIMEOUT, TIMEOUT))
        .clock(std::sync::Arc::new(Still(super::NOW)));
        if kind == Kind::Bulk {
            builder = builder.create_url(path("bulk_path"));
        }
        if kind.is_encrypted() {
            builder = builder.public_key(PublicKey::load(text("public_key").as_bytes()).unwrap());
        }
        builder
    }

    pub fn kairos(&self, kind: Kind) -> Kairos {
        self.builder(kind).build().unwrap()
    }

    /// A number that answers, another one each time.
    pub fn number(&self) -> Msisdn {
        let n = self.numbers.fetch_add(1, Ordering::Relaxed);
        Msisdn::parse(&format!("9180000{n:05}")).unwrap()
    }

    /// A call to such a number.
    pub fn call(&self, text: &str) -> Call {
        Call::new(super::reference(text), self.number()).variable("OTP", Secret::new("482113"))
    }

    pub fn truth_of(&self, text: &str) -> Truth {
        self.truth(&super::reference(text))
    }
}

/// A number with a part to play: `9000000CCC` gets its request code CCC, `9000001CCC` its call.
pub fn scripted(national: &str) -> Msisdn {
    Msisdn::parse(&format!("91{national}")).unwrap()
}

pub fn limits() -> Limits {
    Limits::for_timeout(TIMEOUT)
}

impl Harness for World {
    /// Of the next request, whose reference is not told: a request of many calls has none of its own.
    fn arm(&self, _: &Reference, phase: Phase) -> bool {
        use telco_sandbox::Phase as Theirs;
        self.fault(match phase {
            Phase::Stall => Theirs::Stall,
            Phase::ResetBeforeActing => Theirs::ResetBefore,
            Phase::ActThenReset => Theirs::ActThenReset,
            Phase::ActThen500 => Theirs::ActThenError,
            Phase::Truncate => Theirs::Truncate,
            Phase::Garbage => Theirs::Garbage,
            Phase::SlowAnswer => Theirs::SlowAnswer,
            Phase::ClosePooled => Theirs::ResetReused,
            Phase::Decline => {
                self.sandbox.faults().clear();
                self.configure(json!({ "balance": 0 }));
                return true;
            }
            Phase::Flood => Theirs::Flood,
            Phase::Drip => Theirs::Drip,
            // A refused connection hits whoever connects next, and nothing in this room redirects: sandbox.rs and contract.rs.
            _ => return false,
        });
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        self.configure(json!({ "balance": 1_000_000 }));
        let operation = self.sandbox.operation("kairos", reference.as_str());
        operation.map_or_else(Truth::default, |operation| Truth {
            received: u32::try_from(operation.requests).unwrap(),
            delivered: u32::try_from(operation.delivered).unwrap(),
        })
    }

    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        let newest = self.sandbox.handset(phone.expose()).into_iter().next()?;
        match newest.arrival {
            Arrival::Call { variables, .. } => variables.get("$flow.key.OTP").cloned(),
            _ => None,
        }
    }
}
