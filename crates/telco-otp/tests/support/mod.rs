//! A clock that the test moves, keys, and a provider that does what it is told.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telco_core::{
    Clock, CodeOrigin, Error, ErrorKind, Identity, Msisdn, NotSent, OsRandomness, OtpCapabilities,
    OtpChallenge, OtpChannel, OtpCheck, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp,
    Provider, Reference, Rejection, Secret, SecretBytes, Submission, Subscription, SubscriptionOtp,
    Verification, async_trait,
};
use telco_otp::{LocalOtp, OtpKey, OtpStore};

/// A clock that the test moves.
#[derive(Debug)]
pub struct Hand(AtomicU64);

impl Hand {
    pub fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1_700_000_000_000)))
    }
    pub fn advance(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
    pub fn after(&self, time: Duration) -> SystemTime {
        self.now() + time
    }
}

impl Clock for Hand {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + self.monotonic()
    }
    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub fn key(id: &str, byte: u8) -> OtpKey {
    OtpKey::new(id, SecretBytes::new([byte; 32])).unwrap()
}

pub fn local(store: Arc<dyn OtpStore>, clock: &Arc<Hand>) -> LocalOtp {
    LocalOtp::new(key("k1", 7), store).with_sources(clock.clone(), Arc::new(OsRandomness))
}

pub fn me() -> Identity {
    Identity::new("example", "sms")
}

pub fn to() -> Msisdn {
    Msisdn::parse("6281234567890").unwrap()
}

pub fn request() -> OtpRequest {
    OtpRequest::new(to(), Reference::new("login-1").unwrap())
}

pub fn secret(text: &str) -> Secret {
    Secret::new(text)
}

/// A store that is gone.
#[derive(Debug)]
pub struct Gone;

#[async_trait]
impl OtpStore for Gone {
    async fn count(&self, _: &str, _: SystemTime) -> Result<u32, Error> {
        Err(Error::in_doubt(ErrorKind::Storage, "gone"))
    }
    async fn claim(&self, _: &str, _: SystemTime) -> Result<bool, Error> {
        Err(Error::in_doubt(ErrorKind::Storage, "gone"))
    }
    async fn release(&self, _: &str) -> Result<(), Error> {
        Err(Error::in_doubt(ErrorKind::Storage, "gone"))
    }
}

/// How one transmission ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Accepted,
    Rejected(ErrorKind),
    Unknown,
    NotSent(ErrorKind),
}

/// A provider that ends its transmissions as it is told, the last for ever, and counts them.
#[derive(Debug)]
pub struct Scripted {
    identity: Identity,
    capabilities: OtpCapabilities,
    ends: Mutex<VecDeque<End>>,
    sent: Mutex<u32>,
}

impl Scripted {
    pub fn new(account: &'static str, codes: &[&str], ends: &[End]) -> Arc<Self> {
        let capabilities =
            OtpCapabilities::new(OtpChannel::Sms, CodeOrigin::Provider, OtpCheck::Remote);
        Arc::new(Self {
            identity: Identity::new("example", account),
            capabilities: capabilities.only_calling_codes(codes),
            ends: Mutex::new(ends.iter().copied().collect()),
            sent: Mutex::default(),
        })
    }
    pub fn sent(&self) -> u32 {
        *self.sent.lock().unwrap()
    }
    async fn transmit<T>(&self, reference: &Reference, value: T) -> Result<Submission<T>, NotSent> {
        *self.sent.lock().unwrap() += 1;
        tokio::task::yield_now().await;
        let end = {
            let mut ends = self.ends.lock().unwrap();
            let end = ends.pop_front().unwrap_or(End::Accepted);
            if ends.is_empty() {
                ends.push_back(end);
            }
            end
        };
        match end {
            End::Accepted => Ok(Submission::Accepted(value)),
            End::Rejected(kind) => Ok(Submission::Rejected(Rejection::new(kind, "no"))),
            End::Unknown => {
                let lost = Error::in_doubt(ErrorKind::Timeout, "lost");
                Submission::after_failure(reference, lost)
            }
            End::NotSent(kind) => Err(NotSent::new(kind, "not sent")),
        }
    }
}

impl Provider for Scripted {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for Scripted {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }
    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let pending = PendingOtp::new(&self.identity, request, UNIX_EPOCH, None, String::new());
        let challenge = OtpChallenge::new(pending, OtpChannel::Sms);
        self.transmit(&request.reference, challenge).await
    }
}

#[async_trait]
impl OtpVerifier for Scripted {
    async fn verify(&self, pending: &PendingOtp, _: &OtpCode) -> Result<Verification, Error> {
        pending.state_for(&self.identity)?;
        Ok(Verification::Valid(pending.to().clone()))
    }
}

#[async_trait]
impl SubscriptionOtp for Scripted {
    async fn commit(
        &self,
        pending: &PendingOtp,
        _: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent> {
        let subscription = Subscription::new(pending, None);
        self.transmit(pending.reference(), subscription).await
    }
}
