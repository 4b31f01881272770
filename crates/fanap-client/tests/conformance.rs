//! The suites that every sender of codes and every charging check must pass, against the sandbox, for every fault phase.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fanap_client::core::{
    Identity, Msisdn, NotSent, OtpCapabilities, OtpChallenge, OtpCode, OtpRequest, OtpSender,
    PendingOtp, Provider, Reference, Submission, Subscription, SubscriptionOtp, async_trait,
};
use fanap_client::http::Settings;
use fanap_client::{Builder, Hash, Service, ServiceKey, SignRequest, Signer};
use serde_json::json;
use support::sandbox as room;
use telco_conformance::{
    Canaries, Harness, Limits, Numbers, Phase, SignSamples, Spend, Told, Truth, limits, otp_sender,
    signer, subscription,
};
use telco_sandbox::{FaultRule, Phase as Fault, Sandbox};

const TIMEOUT: Duration = Duration::from_millis(400);

/// The sandbox as the suites' provider side, and the client in front of it. The caller's reference does not travel to this
/// provider, so what a call did is what the books hold more after it than before it; the suites call one by one.
#[derive(Debug)]
struct Room {
    sandbox: Sandbox,
    service: Arc<dyn SubscriptionOtp>,
    /// What the books call a start and a commit.
    kinds: [&'static str; 2],
    /// The client keeps connections: a reused one can die, and a new one is not always opened.
    pooled: bool,
    starts: Mutex<HashMap<Reference, Truth>>,
    commits: Mutex<HashMap<Reference, Truth>>,
}

impl Room {
    async fn open(pooled: bool) -> Self {
        let service = |builder: Builder, key| -> Arc<dyn SubscriptionOtp> {
            Arc::new(builder.build().unwrap().service(key))
        };
        Self::of(pooled, ["start", "commit"], service).await
    }

    /// The IMI sibling.
    async fn open_imi(pooled: bool) -> Self {
        let service = |builder: Builder, key| -> Arc<dyn SubscriptionOtp> {
            Arc::new(builder.build_imi().unwrap().service(key))
        };
        Self::of(pooled, ["imi-start", "imi-commit"], service).await
    }

    async fn of(
        pooled: bool,
        kinds: [&'static str; 2],
        service: impl FnOnce(Builder, ServiceKey) -> Arc<dyn SubscriptionOtp>,
    ) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let idle = if pooled {
            Duration::from_secs(5)
        } else {
            Duration::ZERO
        };
        let settings = Settings::default()
            .with_timeouts(TIMEOUT, TIMEOUT)
            .with_idle_timeout(idle);
        let builder = room::builder(&sandbox).settings(settings);
        let service = service(builder, room::service_key(&sandbox));
        Self {
            sandbox,
            service,
            kinds,
            pooled,
            starts: Mutex::default(),
            commits: Mutex::default(),
        }
    }

    fn books(&self, kind: &str) -> Truth {
        room::operations(&self.sandbox, kind)
            .into_iter()
            .fold(Truth::default(), sum)
    }

    fn note(
        &self,
        kind: &str,
        before: Truth,
        of: &Mutex<HashMap<Reference, Truth>>,
        reference: &Reference,
    ) {
        let after = self.books(kind);
        let mut all = of.lock().unwrap();
        let truth = all.entry(reference.clone()).or_default();
        truth.received += after.received - before.received;
        truth.delivered += after.delivered - before.delivered;
        // A refusal that was armed is over.
        self.sandbox
            .configure("fanap", &json!({ "hash": "sha1" }))
            .unwrap();
    }

    fn told(of: &Mutex<HashMap<Reference, Truth>>, reference: &Reference) -> Truth {
        of.lock()
            .unwrap()
            .get(reference)
            .copied()
            .unwrap_or_default()
    }
}

fn sum(truth: Truth, operation: telco_sandbox::Operation) -> Truth {
    Truth {
        received: truth.received + u32::try_from(operation.requests).unwrap(),
        delivered: truth.delivered + u32::try_from(operation.delivered).unwrap(),
    }
}

impl Provider for Room {
    fn identity(&self) -> &Identity {
        self.service.identity()
    }
}

#[async_trait]
impl OtpSender for Room {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        self.service.otp_capabilities()
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let [kind, _] = self.kinds;
        let before = self.books(kind);
        let answer = self.service.start(request).await;
        self.note(kind, before, &self.starts, &request.reference);
        answer
    }
}

#[async_trait]
impl SubscriptionOtp for Room {
    async fn commit(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent> {
        let [_, kind] = self.kinds;
        let before = self.books(kind);
        let answer = self.service.commit(pending, typed).await;
        self.note(kind, before, &self.commits, pending.reference());
        answer
    }
}

impl Harness for Room {
    fn arm(&self, _: &Reference, phase: Phase) -> bool {
        let next = |rule: FaultRule| self.sandbox.faults().set([rule.provider("fanap").times(1)]);
        match phase {
            Phase::Refuse if self.pooled => return false,
            Phase::ClosePooled if !self.pooled => return false,
            Phase::Refuse => next(FaultRule::new(Fault::Refuse)),
            Phase::Stall => next(FaultRule::new(Fault::Stall)),
            Phase::ResetBeforeActing => next(FaultRule::new(Fault::ResetBefore)),
            Phase::ActThenReset => next(FaultRule::new(Fault::ActThenReset)),
            Phase::ActThen500 => next(FaultRule::new(Fault::ActThenError)),
            Phase::Truncate => next(FaultRule::new(Fault::Truncate)),
            Phase::Garbage => next(FaultRule::new(Fault::Garbage)),
            Phase::SlowAnswer => next(FaultRule::new(Fault::SlowAnswer).delay(TIMEOUT / 4)),
            Phase::ClosePooled => next(FaultRule::new(Fault::ResetReused)),
            Phase::Redirect => next(FaultRule::new(Fault::Redirect)),
            // A signature that the provider refuses, until the call is over.
            Phase::Decline => self
                .sandbox
                .configure("fanap", &json!({ "hash": "sha256" }))
                .unwrap(),
            _ => return false,
        }
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        Self::told(&self.starts, reference)
    }

    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        room::code_at(&self.sandbox, phone)
    }
}

/// Both services, with and without kept connections.
async fn rooms() -> [Room; 4] {
    [
        Room::open(false).await,
        Room::open(true).await,
        Room::open_imi(false).await,
        Room::open_imi(true).await,
    ]
}

#[tokio::test]
async fn a_sender_of_codes() {
    for room in rooms().await {
        let to = Msisdn::parse("989121234567").unwrap();
        let report = otp_sender(&room, &room, Limits::for_timeout(TIMEOUT), &to).await;
        println!("{report}");
        report.assert_passed();
        assert_eq!(room.sandbox.totals().doubled, 0);
    }
}

#[tokio::test]
async fn a_check_that_charges() {
    for room in rooms().await {
        let next = AtomicU64::new(9_121_000_000);
        let to = || Msisdn::parse(&format!("98{}", next.fetch_add(1, Ordering::SeqCst))).unwrap();
        let charges = |reference: &Reference| Room::told(&room.commits, reference);
        let limits = Limits::for_timeout(TIMEOUT);
        let report = subscription(&room, &room, limits, &to, &charges).await;
        println!("{report}");
        report.assert_passed();
        // Nobody listens where the redirect points to, and the report says so.
        let strayed = |check: &telco_conformance::Check| check.name.contains("another host");
        assert!(report.skipped().any(strayed), "{report}");
        assert_eq!(room.sandbox.totals().doubled, 0);
    }
}

/// The sandbox as the provider's side of calls that run at the same time: faults and books go by the number, which travels.
#[derive(Debug)]
struct Crowd {
    sandbox: Sandbox,
    kind: &'static str,
    numbers: Numbers,
}

/// Time for an answer without end to reach its cap, and for one in drops to be given up.
const PATIENT: Duration = Duration::from_secs(2);

impl Crowd {
    async fn open(kind: &'static str) -> (Arc<Self>, Arc<Service>) {
        let sandbox = Sandbox::start().await.unwrap();
        let settings = Settings::default().with_timeouts(PATIENT, PATIENT);
        let client = room::builder(&sandbox).settings(settings).build().unwrap();
        let service = client.service(room::service_key(&sandbox));
        let crowd = Self {
            sandbox,
            kind,
            numbers: Numbers::new(|n| Msisdn::parse(&format!("98912{n:07}")).unwrap()),
        };
        (Arc::new(crowd), Arc::new(service))
    }

    async fn passes(&self, spend: &Spend) {
        let report = limits(spend, self, Limits::for_timeout(PATIENT)).await;
        report.assert_passed();
        // Nothing redirects here, and the protocol has no nonce.
        assert_eq!(report.skipped().count(), 2, "{report}");
        assert_eq!(self.sandbox.totals().doubled, 0);
    }
}

impl Harness for Crowd {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        let fault = match phase {
            Phase::Flood => Fault::Flood,
            Phase::Drip => Fault::Drip,
            _ => return false,
        };
        let rule = FaultRule::new(fault)
            .operation(self.kind)
            .number(self.numbers.of(reference).expose());
        let drop_after_drop = Duration::from_millis(20);
        self.sandbox.faults().set([rule.delay(drop_after_drop)]);
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        let number = self.numbers.of(reference);
        let all = room::operations(&self.sandbox, self.kind).into_iter();
        all.filter(|operation| operation.number.as_deref() == Some(number.expose()))
            .fold(Truth::default(), sum)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_at_the_limits() {
    let (crowd, service) = Crowd::open("start").await;
    let of = Arc::clone(&crowd);
    let spend: Spend = Arc::new(move |reference| {
        let (service, to) = (Arc::clone(&service), of.numbers.of(&reference));
        Box::pin(async move { Told::of(&service.start(&OtpRequest::new(to, reference)).await) })
    });
    crowd.passes(&spend).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn charges_at_the_limits() {
    let (crowd, service) = Crowd::open("commit").await;
    // As many as the suite makes calls: two phases, a crowd of 32, five that leave; and one to spare.
    let mut waiting = HashMap::new();
    for n in 0..40 {
        let to = Msisdn::parse(&format!("98912{n:07}")).unwrap();
        let request = OtpRequest::new(to.clone(), Reference::generate().unwrap());
        let Submission::Accepted(challenge) = service.start(&request).await.unwrap() else {
            panic!("{n} did not start")
        };
        let code = OtpCode::new(room::code_at(&crowd.sandbox, &to).unwrap());
        waiting.insert(to, Arc::new((challenge.pending, code)));
    }
    let of = Arc::clone(&crowd);
    let spend: Spend = Arc::new(move |reference| {
        let mine = Arc::clone(waiting.get(&of.numbers.of(&reference)).unwrap());
        let service = Arc::clone(&service);
        Box::pin(async move { Told::of(&service.commit(&mine.0, &mine.1).await) })
    });
    crowd.passes(&spend).await;
}

#[test]
fn signatures_are_what_their_explanation_says() {
    let xml = support::key_form("k2048", "private_xml");
    let private = xml.split_once("<D>").unwrap().1.split('<').next().unwrap();
    let canaries = Canaries::new().secret("the key's D", private);
    let (app, tenant, date) = (support::APP, support::TENANT, "2018-09-24T12:01:27.938Z");
    let samples = SignSamples::new(SignRequest::new(app, tenant, date))
        .covered("AppId", SignRequest::new("another-app", tenant, date))
        .covered("TenantId", SignRequest::new(app, "another.tenant", date))
        .covered(
            "Date",
            SignRequest::new(app, tenant, "2018-09-24T12:01:27.939Z"),
        );
    for hash in [Hash::Sha1, Hash::Sha256] {
        let signing = Signer::new(support::key()).with_hash(hash);
        let report = signer(&signing, &samples, &canaries);
        report.assert_passed();
        // Path, number, code, correlation and service key are not part of what is signed, so no request can change them.
        assert_eq!(report.skipped().count(), 5, "{report}");
    }
}
