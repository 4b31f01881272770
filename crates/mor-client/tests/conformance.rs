//! One-time codes by SMS under the suites that every sender and verifier of the workspace must pass.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sandbox.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mor_client::methods::PaymentOrder;
use mor_client::mor_hash::{Call, Profile, Secret, Signer};
use mor_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use mor_client::{MorClient, SmsOtp};
use serde_json::json;
use telco_conformance::{
    Canaries, Harness, Limits, Phase, SignSamples, Spend, Told, Truth, limits, otp_local,
    otp_sender, signer,
};
use telco_core::{
    Amount, Currency, ErrorKind, Msisdn, OtpCode, OtpRequest, OtpSender, OtpVerifier as _,
    PendingOtp, Reference, SecretBytes, Submission, Verification,
};
use telco_sandbox::{Arrival, FaultRule, Phase as Fault, Sandbox};

const PHONE: &str = "37060012345";

fn phone() -> Msisdn {
    Msisdn::parse(PHONE).unwrap()
}

fn codes() -> LocalOtp {
    let key = OtpKey::new("k", SecretBytes::new([7; 32])).unwrap();
    LocalOtp::new(key, Arc::new(MemoryOtpStore::default()))
}

fn sms(sandbox: &Sandbox) -> SmsOtp {
    adapter(&support::client(sandbox))
}

fn adapter(mor: &MorClient) -> SmsOtp {
    mor.sms_otp("Acme", "Code {code}, 100% yours + nobody else's", codes())
        .unwrap()
}

/// `sms_send` has no field for a reference, so the truth is what happened since the last fault was armed.
#[derive(Debug)]
struct MorHarness {
    sandbox: Sandbox,
    /// Where redirects point to. Nothing must ever arrive there.
    elsewhere: Sandbox,
    before: Mutex<Truth>,
    /// A pooled connection cannot be refused, and only a pooled one can be closed before it is used again.
    pooled: bool,
}

impl MorHarness {
    fn totals(&self) -> Truth {
        let totals = self.sandbox.ledger().totals_of("mor");
        Truth {
            received: u32::try_from(totals.requests).unwrap(),
            delivered: u32::try_from(totals.delivered).unwrap(),
        }
    }

    fn enable(&self, enabled: bool) {
        let change = json!({ "enabled": enabled });
        self.sandbox.configure("mor", &change).unwrap();
    }
}

impl Harness for MorHarness {
    fn arm(&self, _: &Reference, phase: Phase) -> bool {
        let fault = match phase {
            Phase::Refuse if !self.pooled => Fault::Refuse,
            Phase::Stall => Fault::Stall,
            Phase::ResetBeforeActing => Fault::ResetBefore,
            Phase::ActThenReset => Fault::ActThenReset,
            Phase::ActThen500 => Fault::ActThenError,
            Phase::Truncate => Fault::Truncate,
            Phase::Garbage => Fault::Garbage,
            Phase::SlowAnswer => Fault::SlowAnswer,
            Phase::Redirect => Fault::Redirect,
            Phase::ClosePooled if self.pooled => Fault::ResetReused,
            Phase::Decline => {
                *self.before.lock().unwrap() = self.totals();
                self.sandbox.faults().clear();
                self.enable(false);
                return true;
            }
            _ => return false,
        };
        *self.before.lock().unwrap() = self.totals();
        let mut rule = FaultRule::new(fault).delay(Duration::from_millis(30));
        rule.location = self.elsewhere.base_url("mor").unwrap();
        self.sandbox.faults().set([rule.times(1)]);
        true
    }

    fn truth(&self, _: &Reference) -> Truth {
        self.sandbox.faults().clear();
        self.enable(true);
        let (before, now) = (*self.before.lock().unwrap(), self.totals());
        Truth {
            received: now.received - before.received,
            delivered: now.delivered - before.delivered,
        }
    }

    fn strayed(&self) -> Option<u64> {
        Some(self.elsewhere.history().total())
    }

    fn code_at(&self, phone: &Msisdn) -> Option<String> {
        let received = self.sandbox.handset(phone.expose());
        let Arrival::Message { text, .. } = &received.first()?.arrival else {
            return None;
        };
        Some(text.get(5..11)?.to_owned())
    }
}

#[tokio::test]
async fn codes_by_sms_pass_the_suites() {
    let limits = Limits::for_timeout(support::TIMEOUT);
    let mut harness = MorHarness {
        sandbox: support::sandbox().await,
        elsewhere: support::sandbox().await,
        before: Mutex::default(),
        pooled: true,
    };
    let (pooled, single) = (
        support::settings(),
        support::settings().with_idle_timeout(Duration::ZERO),
    );
    for (settings, left_out) in [(single, "ClosePooled"), (pooled, "Refuse")] {
        harness.pooled = left_out == "Refuse";
        *harness.before.lock().unwrap() = harness.totals();
        let client = support::builder(&harness.sandbox).settings(settings);
        let sms = adapter(&client.build().unwrap());
        let report = otp_sender(&sms, &harness, limits, &phone()).await;
        report.assert_passed();
        let skipped: Vec<_> = report.skipped().map(|check| &check.name).collect();
        assert!(
            matches!(skipped.as_slice(), [one, nonce] if one.contains(left_out) && nonce.contains("nonce")),
            "{report}"
        );
    }
    let sms = sms(&harness.sandbox);
    otp_local(&sms, &harness, limits, &phone(), 5)
        .await
        .assert_passed();
}

#[tokio::test]
async fn a_code_whose_answer_was_lost_still_lets_its_reader_in() {
    let sandbox = support::sandbox().await;
    let sms = sms(&sandbox);
    sandbox.faults().add(FaultRule::new(Fault::ActThenReset));
    let request = OtpRequest::new(phone(), Reference::generate().unwrap());
    let Submission::Unknown(unknown) = sms.start(&request).await.unwrap() else {
        panic!("not unknown")
    };
    let stored = unknown.into_provisional().unwrap().pending.to_storage();
    let Arrival::Message { text, .. } = &sandbox.handset(PHONE).first().unwrap().arrival.clone()
    else {
        panic!("no message")
    };
    assert!(text.ends_with(", 100% yours + nobody else's"), "{text}");
    assert!(!stored.contains(text.get(5..11).unwrap()));
    let pending = PendingOtp::from_storage(&stored).unwrap();
    let typed = OtpCode::new(text.get(5..11).unwrap());
    assert_eq!(
        sms.verify(&pending, &typed).await.unwrap(),
        Verification::Valid(phone())
    );
}

#[tokio::test]
async fn each_resend_takes_the_next_route() {
    let sandbox = support::sandbox().await;
    // The sandbox has one route, number 1, so the second is refused.
    let sms = sms(&sandbox).with_lcrs([1, 2]);
    let request = OtpRequest::new(phone(), Reference::generate().unwrap());
    for (resend, accepted) in [(0, true), (1, false), (2, true)] {
        let answer = sms.start(&request.clone().as_resend(resend)).await.unwrap();
        assert_eq!(matches!(answer, Submission::Accepted(_)), accepted);
    }
}

#[tokio::test]
async fn a_text_without_exactly_one_code_is_refused() {
    let sandbox = support::sandbox().await;
    for text in ["", "your code", "{code} {code}", "{Code}"] {
        let refused = support::client(&sandbox)
            .sms_otp("Acme", text, codes())
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);
    }
}

/// Payments carry their reference, so their books tell each one apart.
#[derive(Debug)]
struct Books(Sandbox);

impl Harness for Books {
    fn arm(&self, reference: &Reference, phase: Phase) -> bool {
        let fault = match phase {
            Phase::Flood => Fault::Flood,
            Phase::Drip => Fault::Drip,
            _ => return false,
        };
        let rule = FaultRule::new(fault).reference(reference.as_str());
        let drop_after_drop = Duration::from_millis(20);
        self.0.faults().set([rule.delay(drop_after_drop)]);
        true
    }

    fn truth(&self, reference: &Reference) -> Truth {
        let operation = self.0.operation("mor", reference.as_str());
        operation.map_or_else(Truth::default, |operation| Truth {
            received: u32::try_from(operation.requests).unwrap(),
            delivered: u32::try_from(operation.delivered).unwrap(),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_pass_the_suite_at_the_limits() {
    let books = Books(support::sandbox().await);
    let timeout = Duration::from_secs(2);
    let settings = telco_http::Settings::default().with_timeouts(timeout, timeout);
    let client = support::builder(&books.0)
        .settings(settings)
        .build()
        .unwrap();
    let spend: Spend = Arc::new(move |reference| {
        let client = client.clone();
        Box::pin(async move {
            let euro = Amount::from_minor(100, Currency::new(*b"EUR", 2).unwrap());
            Told::of(
                &client
                    .create_payment(&PaymentOrder::new(reference, 2, euro))
                    .await,
            )
        })
    });
    limits(&spend, &books, Limits::for_timeout(timeout))
        .await
        .assert_passed();
}

/// Here and not in `mor-hash`, which needs no crate of ours.
#[test]
fn request_hashes_are_what_their_explanation_says() {
    const SECRET: &str = "api-secret-0815";
    let canaries = Canaries::new()
        .secret("the secret", SECRET)
        .secret("the text", "Code 482913")
        .number("the number", &phone());
    let call = |dst, lcr, message, u| {
        Call::new("sms_send")
            .with("u", u)
            .with("lcr_id", lcr)
            .with("dst", dst)
            .with("src", "Acme")
            .with("message", message)
    };
    let sound = || call(PHONE, "1", "Code 482913", "admin");
    for profile in [Profile::mor12(), Profile::x3(), Profile::x8()] {
        let name = profile.name().to_owned();
        let samples = SignSamples::new(sound())
            .covered("dst", call("37060012346", "1", "Code 482913", "admin"))
            .covered("lcr_id", call(PHONE, "2", "Code 482913", "admin"))
            .covered("message", call(PHONE, "1", "Code 482914", "admin"))
            .uncovered("u", call(PHONE, "1", "Code 482913", "bob"))
            .refused("a name twice", sound().with("dst", PHONE))
            .refused("the server's own name", sound().with("hash", "0"));
        let report = signer(
            &Signer::new(Secret::new(SECRET), profile),
            &samples,
            &canaries,
        );
        println!("{name}\n{report}");
        report.assert_passed();
    }
}
