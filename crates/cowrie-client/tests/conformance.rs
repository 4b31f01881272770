//! The suite that every top-up provider must pass, against the sandbox, for every fault phase.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use cowrie_client::http::Settings;
use cowrie_client::{Client, ClientKey, Credentials, Encoding, Network, SignRequest, Signer};
use serde_json::json;
use support::{MSISDN, NONCE, hasty, naira, number};
use telco_conformance::{
    Canaries, Harness, Limits, Phase, SignSamples, Spend, Told, Truth, limits, signer, topup,
};
use telco_core::{Product, Reference, TopupExt as _, TopupIntent};
use telco_sandbox::{FaultRule, Phase as Fault, Sandbox};

const TIMEOUT: Duration = Duration::from_millis(300);

/// The sandbox as the suite's provider side.
#[derive(Debug)]
struct Room {
    sandbox: Sandbox,
    /// The client keeps connections: a reused one can die, and a new one is not always opened.
    pooled: bool,
}

impl Harness for Room {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        let only = |rule: FaultRule| {
            let rule = rule.provider("cowrie").times(1);
            self.sandbox.faults().set([match phase {
                // A refused connection has no reference yet.
                Phase::Refuse => rule,
                _ => rule.reference(reference.as_str()),
            }]);
        };
        match phase {
            Phase::Refuse if self.pooled => return false,
            Phase::ClosePooled if !self.pooled => return false,
            Phase::Refuse => only(FaultRule::new(Fault::Refuse)),
            Phase::Stall => only(FaultRule::new(Fault::Stall)),
            Phase::ResetBeforeActing => only(FaultRule::new(Fault::ResetBefore)),
            Phase::ActThenReset => only(FaultRule::new(Fault::ActThenReset)),
            Phase::ActThen500 => only(FaultRule::new(Fault::ActThenError)),
            Phase::Truncate => only(FaultRule::new(Fault::Truncate)),
            Phase::Garbage => only(FaultRule::new(Fault::Garbage)),
            Phase::SlowAnswer => only(FaultRule::new(Fault::SlowAnswer).delay(TIMEOUT / 3)),
            Phase::ClosePooled => only(FaultRule::new(Fault::ResetReused)),
            Phase::Redirect => only(FaultRule::quirk("redirect")),
            Phase::Decline => only(FaultRule::quirk("refuse-402")),
            Phase::Flood => only(FaultRule::new(Fault::Flood)),
            Phase::Drip => only(FaultRule::new(Fault::Drip).delay(Duration::from_millis(20))),
            _ => return false,
        }
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        let operation = self.sandbox.operation("cowrie", reference.as_str());
        operation.map_or(Truth::default(), |operation| Truth {
            received: operation.requests.try_into().unwrap(),
            delivered: operation.delivered.try_into().unwrap(),
        })
    }

    fn nonces_reused(&self) -> Option<u64> {
        let all = self
            .sandbox
            .history()
            .search(&telco_sandbox::Query::default());
        let conflicts = all
            .iter()
            .filter(|exchange| exchange.answered.starts_with("409"));
        Some(conflicts.count() as u64)
    }
}

async fn conforms(agent: bool, pooled: bool, product: Product, replay: bool) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure("cowrie", &json!({ "check_sees": ["credit", "data"] }))
        .unwrap();
    let about = sandbox.credentials("cowrie").unwrap();
    let text = |name: &str| about.get(name).and_then(|v| v.as_str()).unwrap().to_owned();
    let key = |name| ClientKey::from_base64(&text(name)).unwrap();
    let credentials = if agent {
        Credentials::agent(&text("agent_id"), &text("terminal_id"), key("agent_key"))
    } else {
        Credentials::client(&text("client_id"), key("client_key"))
    };
    let idle = if pooled {
        Duration::from_secs(5)
    } else {
        Duration::ZERO
    };
    let builder = hasty(
        Client::builder(credentials.unwrap()),
        &sandbox.base_url("cowrie").unwrap(),
    )
    .settings(
        Settings::default()
            .with_timeouts(TIMEOUT, TIMEOUT)
            .with_idle_timeout(idle),
    )
    .poll_after([Duration::from_millis(10); 5]);
    let builder = if replay {
        builder.replay_within(Duration::from_secs(60))
    } else {
        builder
    };
    let client = builder.build().unwrap();
    let room = Room { sandbox, pooled };
    let intent = |reference| TopupIntent::new(reference, product.clone());
    let report = topup(&client, &room, Limits::for_timeout(TIMEOUT), &intent).await;
    report.assert_passed();
    assert_eq!(room.sandbox.totals().doubled, 0);
}

fn airtime() -> Product {
    Product::airtime(number(), Network::Airtel, naira(100))
}

#[tokio::test]
async fn airtime_over_fresh_connections() {
    conforms(false, false, airtime(), false).await;
}

#[tokio::test]
async fn airtime_over_pooled_connections() {
    conforms(false, true, airtime(), true).await;
}

#[tokio::test]
async fn data() {
    let plan = Product::data(
        number(),
        Network::Airtel,
        Some("500mb1d".into()),
        naira(350),
    );
    conforms(false, false, plan, false).await;
}

#[tokio::test]
async fn single_pins() {
    conforms(
        false,
        false,
        Product::pins(naira(100), NonZeroU32::MIN),
        false,
    )
    .await;
}

#[tokio::test]
async fn pin_batches() {
    let three = NonZeroU32::new(3).unwrap();
    conforms(false, true, Product::pins(naira(100), three), true).await;
}

#[tokio::test]
async fn the_agent_family() {
    conforms(true, true, airtime(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn airtime_at_the_limits() {
    let sandbox = Sandbox::start().await.unwrap();
    let about = sandbox.credentials("cowrie").unwrap();
    let text = |name: &str| about.get(name).and_then(|v| v.as_str()).unwrap().to_owned();
    let key = ClientKey::from_base64(&text("client_key")).unwrap();
    // Time for an answer without end to reach its cap, and for one in drops to be given up.
    let patient = Duration::from_secs(2);
    let client = hasty(
        Client::builder(Credentials::client(&text("client_id"), key).unwrap()),
        &sandbox.base_url("cowrie").unwrap(),
    )
    .settings(Settings::default().with_timeouts(patient, patient))
    .build()
    .unwrap();
    let room = Room {
        sandbox,
        pooled: true,
    };
    let spend: Spend = Arc::new(move |reference| {
        let client = client.clone();
        let intent = TopupIntent::new(reference, airtime());
        Box::pin(async move { Told::of(&client.submit(&intent).await) })
    });
    let report = limits(&spend, &room, Limits::for_timeout(patient)).await;
    report.assert_passed();
    // Nobody listens where the room's redirect points to.
    assert_eq!(report.skipped().count(), 1, "{report}");
}

#[test]
fn signatures_are_what_their_explanation_says() {
    const KEY: &str = "Y2FuYXJ5LWtleS1jYW5hcnkta2V5LWNhbmFyeS1rZXk=";
    const PIN: &str = "918273645546";
    let canaries = Canaries::new()
        .secret("the key", KEY)
        .secret("the decoded key", "canary-key-canary-key-canary-key")
        .secret("the PIN", PIN)
        .number("the number", &number());
    let signing = Signer::new(ClientKey::from_base64(KEY).unwrap());
    let message = "Happy New Year";
    let pairs = [("msisdn", MSISDN), ("pin", PIN), ("message", message)];
    let to = [
        ("msisdn", "2348124661602"),
        ("pin", PIN),
        ("message", message),
    ];
    let pin = [
        ("msisdn", MSISDN),
        ("pin", "918273645547"),
        ("message", message),
    ];
    let label = [
        ("msisdn", MSISDN),
        ("pin", PIN),
        ("message", "Happy Easter"),
    ];
    let spaced = [("msisdn", "234 8124661601")];
    for encoding in [Encoding::AsSent, Encoding::Decoded] {
        let request = |pairs| SignRequest::new(NONCE, pairs).with_encoding(encoding);
        let samples = SignSamples::new(request(&pairs))
            .covered(
                "Nonce",
                SignRequest::new("20151110202513870", &pairs).with_encoding(encoding),
            )
            .covered("msisdn", request(&to))
            .covered("pin", request(&pin))
            .covered("message", request(&label))
            .refused("a number with a blank", request(&spaced))
            .refused(
                "a label where nothing is encoded",
                SignRequest::new(NONCE, &pairs),
            )
            .refused("a nonce of another form", SignRequest::new("1?a=b", &pairs));
        let report = signer(&signing, &samples, &canaries);
        report.assert_passed();
        // Identity and path are not part of what is signed, so no request can change them.
        assert_eq!(report.skipped().count(), 2, "{report}");
    }
}
