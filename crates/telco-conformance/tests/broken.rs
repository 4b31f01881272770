//! The suites must fail, with a reason that a person can read, for providers that are broken on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "../examples/sixth_provider.rs"]
mod sixth;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sixth::{Airwave, KEY, PATIENCE, Server, exchange, intent};
use telco_conformance::{
    Canaries, Harness, Limits, Phase, Report, Spend, Told, Truth, calls, limits, redaction, topup,
};
use telco_core::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    SendsTwice,
    SwallowsUnknown,
    FollowsRedirects,
    RetriesASpend,
    ReusesANonce,
    AcceptsABadAnswer,
    Hangs,
    ReplaysAnew,
    HidesItsBalance,
}

/// The sixth provider with one thing broken.
#[derive(Debug)]
struct Broken {
    inner: Airwave,
    server: Arc<Server>,
    flaw: Flaw,
    capabilities: TopupCapabilities,
}

impl Broken {
    fn new(server: &Arc<Server>, flaw: Flaw) -> Self {
        let inner = Airwave::new(server.address);
        let mut capabilities = inner.topup_capabilities().clone();
        if flaw == Flaw::ReplaysAnew {
            let within = Duration::from_secs(60);
            let again = ReplayGuard::ByteIdentical { within };
            capabilities.products = capabilities
                .products
                .into_iter()
                .map(|rules| rules.replay(again))
                .collect();
        }
        Self {
            inner,
            server: Arc::clone(server),
            flaw,
            capabilities,
        }
    }
}

impl Provider for Broken {
    fn identity(&self) -> &Identity {
        self.inner.identity()
    }
}

#[async_trait]
impl TopupProvider for Broken {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.capabilities
    }

    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        if self.flaw == Flaw::ReusesANonce {
            let bytes = SecretBytes::new("20151110202513869");
            return Ok(PreparedTopup::new(
                self.identity(),
                intent.clone(),
                bytes,
                SystemTime::now(),
            ));
        }
        self.inner.prepare(intent)
    }

    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        let intent = prepared.intent().clone();
        let again = self.inner.prepare(&intent);
        if self.flaw == Flaw::ReplaysAnew {
            // Another nonce each time, whatever was frozen.
            return self.inner.send(again?).await;
        }
        let answer = self.inner.send(prepared).await?;
        match (self.flaw, answer) {
            (Flaw::SendsTwice, answer) => {
                let _copy = self.inner.send(again?).await?;
                Ok(answer)
            }
            (Flaw::SwallowsUnknown, Submission::Unknown(_)) => Ok(Submission::Rejected(
                Rejection::new(ErrorKind::Other, "it failed"),
            )),
            (Flaw::FollowsRedirects, Submission::Unknown(unknown))
                if unknown.cause().http_status() == Some(302) =>
            {
                let _ = exchange(self.server.elsewhere, "/topup", &Secret::new(KEY)).await;
                Ok(Submission::Unknown(unknown))
            }
            (Flaw::RetriesASpend, Submission::Unknown(_)) => self.inner.send(again?).await,
            (Flaw::AcceptsABadAnswer, Submission::Unknown(_)) => {
                Ok(Submission::Accepted(TopupReceipt::new(intent.reference)))
            }
            (Flaw::Hangs, Submission::Unknown(unknown))
                if unknown.cause().kind() == ErrorKind::Timeout =>
            {
                std::future::pending().await
            }
            (_, answer) => Ok(answer),
        }
    }

    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
        self.inner.lookup(intent).await
    }

    async fn balance(&self) -> Result<Balance, Error> {
        match self.flaw {
            Flaw::HidesItsBalance => Err(Error::answered(ErrorKind::Other, "no balance")),
            _ => self.inner.balance().await,
        }
    }
}

async fn run(flaw: Flaw) -> Report {
    let server = Server::start().await;
    let broken = Broken::new(&server, flaw);
    topup(&broken, &*server, Limits::for_timeout(PATIENCE), &intent).await
}

/// The suite at the limits, for the sound one or a broken one.
async fn run_limits(flaw: Option<Flaw>) -> Report {
    let server = Server::start().await;
    let provider: Arc<dyn TopupProvider> = match flaw {
        None => Arc::new(Airwave::new(server.address)),
        Some(flaw) => Arc::new(Broken::new(&server, flaw)),
    };
    let spend: Spend = Arc::new(move |reference| {
        let provider = provider.clone();
        Box::pin(async move { Told::of(&provider.submit(&intent(reference)).await) })
    });
    limits(&spend, &*server, Limits::for_timeout(PATIENCE)).await
}

#[track_caller]
fn fails_because(report: &Report, reason: &str) {
    assert!(!report.passed(), "a broken provider passed:\n{report}");
    let reasons: Vec<_> = report
        .failures()
        .filter_map(|check| check.failure.as_deref())
        .collect();
    assert!(
        reasons.iter().any(|given| given.contains(reason)),
        "no failure says {reason:?}:\n{report}"
    );
}

#[tokio::test]
async fn the_sound_one_passes() {
    let server = Server::start().await;
    let report = topup(
        &Airwave::new(server.address),
        &*server,
        Limits::for_timeout(PATIENCE),
        &intent,
    )
    .await;
    report.assert_passed();
    let left_out: Vec<_> = report.skipped().map(|check| check.name.as_str()).collect();
    assert_eq!(left_out.len(), 3, "{left_out:?}");
}

#[tokio::test]
async fn one_that_sends_twice_fails() {
    fails_because(&run(Flaw::SendsTwice).await, "delivered 2 times");
}

#[tokio::test]
async fn one_that_swallows_unknown_fails() {
    fails_because(
        &run(Flaw::SwallowsUnknown).await,
        "told Rejected, but it was delivered",
    );
}

#[tokio::test]
async fn one_that_follows_redirects_fails() {
    fails_because(
        &run(Flaw::FollowsRedirects).await,
        "requests arrived at the other host",
    );
}

#[tokio::test]
async fn one_that_retries_a_spend_fails() {
    fails_because(&run(Flaw::RetriesASpend).await, "transmitted 2 times");
}

#[tokio::test]
async fn one_that_reuses_a_nonce_fails() {
    fails_because(&run(Flaw::ReusesANonce).await, "nonces were used twice");
}

#[tokio::test]
async fn one_that_accepts_a_bad_answer_fails() {
    fails_because(
        &run(Flaw::AcceptsABadAnswer).await,
        "told Accepted after Garbage",
    );
}

#[tokio::test]
async fn one_that_hangs_fails() {
    fails_because(
        &run(Flaw::Hangs).await,
        "the client has no timeout of its own",
    );
}

#[tokio::test]
async fn one_that_replays_with_another_nonce_fails() {
    fails_because(&run(Flaw::ReplaysAnew).await, "and delivered 2 times");
}

#[tokio::test]
async fn one_that_does_not_tell_its_balance_fails() {
    fails_because(&run(Flaw::HidesItsBalance).await, "no balance");
}

/// A harness that arms nothing and counts nothing, whatever it says.
#[derive(Debug)]
struct Idle(Arc<Server>);

impl Harness for Idle {
    fn arm(&self, _: &Reference, _: Phase) -> bool {
        true
    }
    fn truth(&self, reference: &Reference) -> Truth {
        self.0.truth(reference)
    }
}

/// Rings by hearsay: what another account prepared goes out too, and is told as not sent.
#[derive(Debug)]
struct Bellringer {
    identity: Identity,
    capabilities: CallCapabilities,
    rung: Mutex<HashSet<Reference>>,
}

impl Provider for Bellringer {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl CallTrigger for Bellringer {
    fn call_capabilities(&self) -> &CallCapabilities {
        &self.capabilities
    }

    fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent> {
        let part = |calls: &[Call]| {
            let part = CallBatch::new(batch.reference.clone(), calls);
            PreparedCalls::new(
                &self.identity,
                part,
                SecretBytes::new(""),
                SystemTime::now(),
            )
        };
        let most = self.capabilities.max_calls_per_request;
        Ok(batch.calls.chunks(most).map(part).collect())
    }

    async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent> {
        let mut rung = self.rung.lock().unwrap();
        rung.extend(
            prepared
                .intent()
                .calls
                .iter()
                .map(|call| call.reference.clone()),
        );
        prepared.bytes_for(&self.identity)?;
        let done = |call: &Call| {
            let receipt = CallReceipt::new(None);
            (call.reference.clone(), Submission::Accepted(receipt))
        };
        let rows = prepared.intent().calls.iter().map(done).collect();
        Ok(Submission::Accepted(BatchReceipt::new(None, rows)))
    }
}

impl Harness for Bellringer {
    fn arm(&self, _: &Reference, _: Phase) -> bool {
        false
    }
    fn truth(&self, reference: &Reference) -> Truth {
        let rung = u32::from(self.rung.lock().unwrap().contains(reference));
        Truth {
            received: rung,
            delivered: rung,
        }
    }
}

#[tokio::test]
async fn one_that_sends_what_it_calls_not_sent_fails() {
    let ringer = Bellringer {
        identity: Identity::new("bellringer", "demo"),
        capabilities: CallCapabilities::new(2),
        rung: Mutex::default(),
    };
    let number = || Msisdn::parse("2348031234567").unwrap();
    let patience = Limits::for_timeout(PATIENCE);
    let report = calls(&ringer, &ringer, patience, &number, &|call| call).await;
    fails_because(&report, "it was sent (told NotSent)");
    assert_eq!(report.failures().count(), 1, "{report}");
}

#[tokio::test]
async fn a_harness_that_does_not_count_is_told_as_left_out() {
    let server = Server::start().await;
    let patience = Limits::for_timeout(PATIENCE);
    let report = topup(
        &Airwave::new(server.address),
        &Idle(server),
        patience,
        &intent,
    )
    .await;
    for name in [
        "no credential went to another host",
        "every transmission has a nonce of its own",
    ] {
        assert!(report.skipped().any(|check| check.name == name), "{report}");
    }
    // Nor did it refuse the connection.
    fails_because(&report, "the harness did not refuse");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limits_find_what_they_should() {
    run_limits(None).await.assert_passed();
    for (flaw, reason) in [
        (Flaw::SendsTwice, "2 times"),
        (Flaw::SwallowsUnknown, "told Rejected, but it was delivered"),
        (Flaw::RetriesASpend, "2 times"),
        (Flaw::ReusesANonce, "nonces were used twice"),
        (Flaw::AcceptsABadAnswer, "told Accepted after Flood"),
        (Flaw::Hangs, "no timeout of its own"),
    ] {
        fails_because(&run_limits(Some(flaw)).await, reason);
    }
}

#[tokio::test]
async fn one_that_leaks_a_secret_fails() {
    struct Leaky(Airwave);
    impl fmt::Debug for Leaky {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "Leaky {{ inner: {:?}, key: {KEY:?} }}", self.0)
        }
    }
    let server = Server::start().await;
    let canaries = Canaries::new().secret("the key", KEY);
    let sound = Airwave::new(server.address);
    let (client, log): ([(&str, &dyn fmt::Debug); 1], _) =
        ([("the client", &sound)], "airwave topup");
    redaction(&canaries, &client, log, &["airwave"]).assert_passed();
    // What Debug shows is not in the log.
    // Where nothing is looked for, nothing is found.
    let blind = redaction(&Canaries::new(), &client, log, &["airwave"]);
    fails_because(&blind, "no canary is given");
    let unheard = redaction(&canaries, &client, "", &[]);
    unheard.assert_passed();
    assert_eq!(unheard.skipped().count(), 1, "{unheard}");
    let silent = redaction(&canaries, &client, "", &["airwave"]);
    fails_because(&silent, "it shows none of [\"airwave\"]");
    let nowhere = redaction(&canaries, &[("nothing", &())], "", &["airwave"]);
    fails_because(&nowhere, "\"airwave\" appears nowhere");
    let leaky = redaction(
        &canaries,
        &[("the client", &Leaky(sound))],
        "",
        &["airwave"],
    );
    fails_because(&leaky, "the key appears in Debug of the client");
}
