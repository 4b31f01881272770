//! The suites must fail, with a reason that a person can read, for providers that are broken on purpose.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

#[path = "../examples/sixth_provider.rs"]
mod sixth;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sixth::{Airwave, KEY, PATIENCE, Server, exchange, intent};
use telco_conformance::{
    Canaries, Harness, Limits, Phase, Report, SignSamples, Spend, Told, Truth, calls, limits,
    otp_verify, redaction, signer, topup,
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

/// How a check of a code can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    AsksAgain,
    SaysWrong,
    SaysNotSent,
    SaysRepeat,
    LetsIn,
    Hangs,
    LetsInAnother,
    Fails,
}

/// A provider of codes that checks them, its client, and the harness of both.
#[derive(Debug)]
struct Doorkeeper {
    identity: Identity,
    capabilities: OtpCapabilities,
    slip: Option<Slip>,
    armed: Mutex<Option<Phase>>,
    checks: Mutex<HashMap<Reference, Truth>>,
}

const CODE: &str = "482913";

impl Doorkeeper {
    fn new(slip: Option<Slip>) -> Self {
        let (sms, theirs) = (OtpChannel::Sms, CodeOrigin::Provider);
        Self {
            identity: Identity::new("doorkeeper", "demo"),
            capabilities: OtpCapabilities::new(sms, theirs, OtpCheck::Remote),
            slip,
            armed: Mutex::default(),
            checks: Mutex::default(),
        }
    }

    /// The provider, and the wire to it.
    fn ask(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let phase = self.armed.lock().unwrap().take();
        if phase == Some(Phase::Refuse) {
            return Err(NotSent::new(ErrorKind::Connect, "refused").into());
        }
        let mut checks = self.checks.lock().unwrap();
        let truth = checks.entry(pending.reference().clone()).or_default();
        truth.received += 1;
        let acts = phase.is_none_or(Phase::acts);
        let right = acts && typed.expose() == CODE && truth.delivered == 0;
        truth.delivered += u32::from(right);
        match phase {
            None | Some(Phase::SlowAnswer) if right => {
                Ok(Verification::Valid(pending.to().clone()))
            }
            None | Some(Phase::SlowAnswer) => Ok(Verification::NotFound),
            Some(Phase::Stall) => Err(Error::in_doubt(ErrorKind::Timeout, "no answer")),
            Some(Phase::ResetBeforeActing | Phase::ActThenReset) => {
                Err(Error::in_doubt(ErrorKind::Interrupted, "reset"))
            }
            Some(Phase::Decline) => Err(Error::answered(ErrorKind::Permission, "not you")),
            _ => Err(Error::answered(ErrorKind::UnreadableAnswer, "not readable")),
        }
    }
}

impl Provider for Doorkeeper {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for Doorkeeper {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let now = SystemTime::now();
        let pending = PendingOtp::new(&self.identity, request, now, None, String::new());
        let challenge = OtpChallenge::new(pending, OtpChannel::Sms);
        Ok(Submission::Accepted(challenge))
    }
}

#[async_trait]
impl OtpVerifier for Doorkeeper {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let answer = self.ask(pending, typed);
        match (self.slip, answer) {
            (Some(Slip::LetsInAnother), Ok(Verification::Valid(_))) => {
                let another = Msisdn::parse("2348031234568").unwrap();
                Ok(Verification::Valid(another))
            }
            (Some(Slip::Fails), Ok(_)) => Err(Error::answered(ErrorKind::Other, "cannot tell")),
            (Some(slip), Err(failure)) if failure.delivery() != Delivery::NotSent => match slip {
                Slip::AsksAgain => self.ask(pending, typed),
                Slip::SaysWrong => Ok(Verification::Invalid {
                    attempts_left: None,
                }),
                Slip::SaysNotSent => Err(NotSent::new(failure.kind(), "not sent").into()),
                Slip::SaysRepeat => Err(failure.on_read()),
                Slip::LetsIn => Ok(Verification::Valid(pending.to().clone())),
                Slip::Hangs => std::future::pending().await,
                _ => Err(failure),
            },
            (_, answer) => answer,
        }
    }
}

impl Harness for Doorkeeper {
    fn arm(&self, _: &Reference, phase: Phase) -> bool {
        let can = phase != Phase::ClosePooled;
        *self.armed.lock().unwrap() = can.then_some(phase);
        can
    }
    fn truth(&self, reference: &Reference) -> Truth {
        let checks = self.checks.lock().unwrap();
        checks.get(reference).copied().unwrap_or_default()
    }
    fn code_at(&self, _: &Msisdn) -> Option<String> {
        Some(CODE.to_owned())
    }
}

async fn run_checks(slip: Option<Slip>) -> Report {
    let keeper = Doorkeeper::new(slip);
    let to = Msisdn::parse("2348031234567").unwrap();
    // Nothing here takes any time, but one that hangs.
    let patience = Limits {
        patience: Duration::from_millis(20),
    };
    let checks = |reference: &Reference| keeper.truth(reference);
    otp_verify(&keeper, &keeper, patience, &to, &checks).await
}

#[tokio::test]
async fn checks_that_are_broken_fail() {
    let sound = run_checks(None).await;
    sound.assert_passed();
    // One phase that it cannot arm, and two counts that it does not keep.
    assert_eq!(sound.skipped().count(), 3, "{sound}");
    for (slip, reason, times) in [
        (Slip::AsksAgain, "asked 2 times", 8),
        (Slip::SaysWrong, "was answered Invalid", 8),
        (Slip::SaysNotSent, "told as not sent", 8),
        (Slip::SaysRepeat, "told as one to repeat", 7),
        (Slip::LetsIn, "the provider let nobody in", 7),
        (Slip::LetsIn, "was answered Valid", 7),
        (Slip::Hangs, "no timeout of its own", 8),
        (Slip::LetsInAnother, "of another number", 7),
        (Slip::Fails, "cannot tell", 7),
    ] {
        let report = run_checks(Some(slip)).await;
        fails_because(&report, reason);
        assert_eq!(report.failures().count(), times, "{slip:?}: {report}");
    }
}

/// How a signer can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blot {
    ForgetsTheAmount,
    SignsTheNote,
    CallsTheNoteSigned,
    ExplainsAnother,
    SignsByTheClock,
    LeavesAGap,
    GivesAPlaceTwice,
    ShowsTheKey,
    ShowsTheKeyInAField,
    ExplainsAnything,
    QuotesTheKey,
}

/// Nonce and amount are signed, the note is not.
struct Order<'a> {
    nonce: &'a str,
    amount: &'a str,
    note: &'a str,
}

struct Toy {
    blot: Option<Blot>,
    signed: AtomicUsize,
}

impl Toy {
    fn check(&self, order: &Order<'_>) -> Result<(), NotSent> {
        if !order.nonce.is_empty() {
            return Ok(());
        }
        let message = match self.blot {
            Some(Blot::QuotesTheKey) => format!("no nonce for {KEY}"),
            _ => "no nonce".to_owned(),
        };
        Err(NotSent::new(ErrorKind::InvalidInput, message))
    }

    fn value(&self, order: &Order<'_>) -> Secret {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        (KEY, order.nonce).hash(&mut hasher);
        if self.blot != Some(Blot::ForgetsTheAmount) {
            order.amount.hash(&mut hasher);
        }
        match self.blot {
            Some(Blot::SignsTheNote) => order.note.hash(&mut hasher),
            Some(Blot::SignsByTheClock) => {
                // The same in both methods of one turn, and another one in the next.
                (self.signed.fetch_add(1, Ordering::Relaxed) / 2).hash(&mut hasher);
            }
            _ => {}
        }
        Secret::new(format!("{:x}", hasher.finish()))
    }
}

impl RequestSigner for Toy {
    type Request<'a> = Order<'a>;

    fn sign(&self, order: &Order<'_>) -> Result<Secret, NotSent> {
        self.check(order)?;
        Ok(self.value(order))
    }

    fn explain(&self, order: &Order<'_>) -> Result<SigningReport, NotSent> {
        if self.blot != Some(Blot::ExplainsAnything) {
            self.check(order)?;
        }
        let blot = |wanted| self.blot == Some(wanted);
        let second = match self.blot {
            Some(Blot::LeavesAGap) => 2,
            Some(Blot::GivesAPlaceTwice) => 0,
            _ => 1,
        };
        let shown = if blot(Blot::ShowsTheKeyInAField) {
            KEY
        } else {
            order.nonce
        };
        let note = match blot(Blot::CallsTheNoteSigned) {
            true => SignedField::signed("note", 2, order.note),
            false => SignedField::not_covered("note", "a remark"),
        };
        let fields = vec![
            SignedField::signed("nonce", 0, shown),
            SignedField::signed("amount", second, order.amount),
            note,
            SignedField::not_covered("path", "a host is not signed"),
        ];
        let key = if blot(Blot::ShowsTheKey) { KEY } else { "***" };
        let text = format!("{key}{}{}", order.nonce, order.amount);
        let value = match blot(Blot::ExplainsAnother) {
            true => Secret::new("another"),
            false => self.value(order),
        };
        Ok(SigningReport::new("toy", fields, text, value))
    }
}

fn run_signer(blot: Option<Blot>, canaries: &Canaries) -> Report {
    let order = |nonce, amount, note| Order {
        nonce,
        amount,
        note,
    };
    let samples = SignSamples::new(order("n-1", "100", "hello"))
        .covered("nonce", order("n-2", "100", "hello"))
        .covered("amount", order("n-1", "101", "hello"))
        .uncovered("note", order("n-1", "100", "hi"))
        .refused("an order without a nonce", order("", "100", "hello"));
    let toy = Toy {
        blot,
        signed: AtomicUsize::new(0),
    };
    signer(&toy, &samples, canaries)
}

#[test]
fn signers_that_are_broken_fail() {
    let canaries = Canaries::new().secret("the key", KEY);
    let sound = run_signer(None, &canaries);
    sound.assert_passed();
    let left_out: Vec<_> = sound.skipped().map(|check| check.name.as_str()).collect();
    assert_eq!(left_out, ["what the report says of path is true"]);
    for (blot, reason) in [
        (Blot::ForgetsTheAmount, "it is not signed"),
        (Blot::SignsTheNote, "it is signed"),
        (
            Blot::CallsTheNoteSigned,
            "the report says that it is signed",
        ),
        (Blot::ExplainsAnother, "not the value that is explained"),
        (Blot::SignsByTheClock, "in another way the second time"),
        (Blot::LeavesAGap, "the places are [0, 2]"),
        (Blot::GivesAPlaceTwice, "the places are [0, 0]"),
        (Blot::ShowsTheKey, "the key appears in the signed text"),
        (
            Blot::ShowsTheKeyInAField,
            "the key appears in the text of nonce",
        ),
        (Blot::ExplainsAnything, "explain takes it"),
        (Blot::QuotesTheKey, "the key appears in the refusal"),
    ] {
        fails_because(&run_signer(Some(blot), &canaries), reason);
    }
    fails_because(&run_signer(None, &Canaries::new()), "no canary is given");
}
