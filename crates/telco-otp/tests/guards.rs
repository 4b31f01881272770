//! Starts per number, one commit per operation, and the way from one provider to the next.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use support::*;
use telco_core::{
    Error, ErrorKind, Msisdn, OtpCode, OtpRequest, OtpSender as _, PendingOtp, Reference,
    Submission, SystemClock, Verification,
};
use telco_otp::{
    Admission, CommitOutcome, CommitPolicy, MemoryOtpStore, OtpRouter, OtpStore, ResendPolicy,
    commit_once,
};

#[tokio::test]
async fn starts_wait_then_stop_then_begin_again() {
    let clock = Hand::new();
    let store = MemoryOtpStore::with_clock(clock.clone());
    let provider = Scripted::new("sms", &[], &[]);
    let capabilities = provider
        .otp_capabilities()
        .clone()
        .resends(2, Duration::from_secs(10));
    let policy = ResendPolicy::of(&capabilities);
    let key = key("k1", 7);
    let admit = async |to: &Msisdn| {
        let now = clock.after(Duration::ZERO);
        policy.admit(&store, &key, to, now).await.unwrap()
    };
    let other = Msisdn::parse("2348031234567").unwrap();
    for resend in 0..3 {
        assert_eq!(admit(&to()).await, Admission::Start { resend });
        assert_eq!(admit(&to()).await, Admission::Wait);
        clock.advance(Duration::from_secs(10));
    }
    for _ in 0..3 {
        assert_eq!(
            admit(&to()).await,
            Admission::Stop,
            "not Wait: there is nothing to wait for"
        );
    }
    assert_eq!(
        admit(&other).await,
        Admission::Start { resend: 0 },
        "each number for itself"
    );
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(admit(&to()).await, Admission::Start { resend: 0 });
    let broken = policy
        .admit(&Gone, &key, &to(), clock.after(Duration::ZERO))
        .await;
    assert_eq!(broken.unwrap_err().kind(), ErrorKind::Storage);
}

#[tokio::test]
async fn workers_together_start_no_more_than_allowed() {
    let store = Arc::new(MemoryOtpStore::with_clock(Hand::new()));
    let policy = ResendPolicy {
        cooldown: Duration::ZERO,
        max_starts: 3,
        window: Duration::from_secs(60),
    };
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        tasks.spawn(async move {
            let now = Hand::new().after(Duration::ZERO);
            policy
                .admit(&*store, &key("k1", 7), &to(), now)
                .await
                .unwrap()
        });
    }
    let mut starts = 0;
    while let Some(admission) = tasks.join_next().await {
        starts += u32::from(matches!(admission.unwrap(), Admission::Start { .. }));
    }
    assert_eq!(starts, 3);
}

fn pending_of(provider: &Scripted, reference: &str) -> PendingOtp {
    use telco_core::Provider as _;
    let request = OtpRequest::new(to(), Reference::new(reference).unwrap());
    let at = std::time::UNIX_EPOCH;
    PendingOtp::new(provider.identity(), &request, at, None, String::new())
}

async fn commit(
    store: &dyn OtpStore,
    provider: &Scripted,
    reference: &str,
) -> Result<CommitOutcome, telco_core::NotSent> {
    let pending = pending_of(provider, reference);
    let forget_at = std::time::SystemTime::now() + Duration::from_secs(3_600);
    commit_once(store, provider, &pending, &OtpCode::new("1234"), forget_at).await
}

#[tokio::test]
async fn a_claim_is_given_back_only_where_nothing_happened() {
    for (end, may_try_again) in [
        (End::Accepted, false),
        (End::Unknown, false),
        (End::Rejected(ErrorKind::WrongCode), true),
        (End::NotSent(ErrorKind::Connect), true),
    ] {
        let store = MemoryOtpStore::with_clock(Arc::new(SystemClock::default()));
        let provider = Scripted::new("subscriptions", &[], &[end, End::Accepted]);
        let first = commit(&store, &provider, "order-1").await;
        assert!(!matches!(first, Ok(CommitOutcome::AlreadyClaimed)));
        let second = commit(&store, &provider, "order-1").await.unwrap();
        let again = matches!(second, CommitOutcome::Done(Submission::Accepted(_)));
        assert_eq!(again, may_try_again, "{end:?}");
        assert_eq!(provider.sent(), if may_try_again { 2 } else { 1 });
        // Another operation is another claim.
        let other = commit(&store, &provider, "order-2").await.unwrap();
        assert!(matches!(other, CommitOutcome::Done(_)));
    }
}

/// A short code is protected by counting: after five wrong ones nothing is sent any more, by whichever worker.
#[tokio::test]
async fn codes_are_not_tried_without_end() {
    let store = MemoryOtpStore::default();
    let wrong = End::Rejected(ErrorKind::WrongCode);
    let provider = Scripted::new("subscriptions", &[], &[wrong]);
    for _ in 0..5 {
        let told = commit(&store, &provider, "order-1").await.unwrap();
        assert!(matches!(told, CommitOutcome::Done(Submission::Rejected(_))));
    }
    for _ in 0..3 {
        let refused = commit(&store, &provider, "order-1").await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Policy);
        assert!(refused.as_error().help().unwrap().contains("start again"));
    }
    assert_eq!(provider.sent(), 5);
    // Each operation for itself.
    assert!(commit(&store, &provider, "order-2").await.is_ok());

    let mut policy = CommitPolicy::default();
    policy.max_attempts = 1;
    let pending = pending_of(&provider, "order-3");
    let forget_at = std::time::SystemTime::now() + Duration::from_secs(3_600);
    for kind in [None, Some(ErrorKind::Policy)] {
        let code = OtpCode::new("1234");
        let told = policy.commit_once(&store, &*provider, &pending, &code, forget_at);
        assert_eq!(told.await.err().map(|e| e.kind()), kind);
    }
    assert_eq!(provider.sent(), 7);
}

/// Does what it is asked, and loses so many of its answers.
#[derive(Debug)]
struct Lossy {
    store: MemoryOtpStore,
    claims: AtomicU32,
    counts: AtomicU32,
}

impl Lossy {
    fn lost<T>(left: &AtomicU32, answer: T) -> Result<T, Error> {
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        match left.fetch_update(set, fetch, |left| left.checked_sub(1)) {
            Ok(_) => Err(Error::in_doubt(ErrorKind::Storage, "cut off")),
            Err(_) => Ok(answer),
        }
    }
}

#[telco_core::async_trait]
impl OtpStore for Lossy {
    async fn count(&self, key: &str, forget_at: SystemTime) -> Result<u32, Error> {
        Self::lost(&self.counts, self.store.count(key, forget_at).await?)
    }
    async fn claim(&self, key: &str, forget_at: SystemTime) -> Result<bool, Error> {
        Self::lost(&self.claims, self.store.claim(key, forget_at).await?)
    }
    async fn claim_as(&self, key: &str, owner: u64, end: SystemTime) -> Result<bool, Error> {
        Self::lost(&self.claims, self.store.claim_as(key, owner, end).await?)
    }
    async fn release(&self, key: &str) -> Result<(), Error> {
        self.store.release(key).await
    }
}

/// The claim was made and nobody heard of it: the user is not locked out for days, and not charged twice.
#[tokio::test]
async fn a_claim_whose_answer_got_lost_is_known_again() {
    let store = Lossy {
        store: MemoryOtpStore::default(),
        claims: AtomicU32::new(1),
        counts: AtomicU32::new(0),
    };
    let provider = Scripted::new("subscriptions", &[], &[End::Accepted]);
    let told = commit(&store, &provider, "order-1").await.unwrap();
    assert!(matches!(told, CommitOutcome::Done(Submission::Accepted(_))));
    store.claims.store(1, Ordering::SeqCst);
    let again = commit(&store, &provider, "order-1").await.unwrap();
    assert!(matches!(again, CommitOutcome::AlreadyClaimed));
    assert_eq!(provider.sent(), 1);

    // An attempt that cannot be counted is not made, and locks nobody out either.
    store.counts.store(1, Ordering::SeqCst);
    let refused = commit(&store, &provider, "order-2").await.unwrap_err();
    assert_eq!((refused.kind(), provider.sent()), (ErrorKind::Storage, 1));
    assert!(commit(&store, &provider, "order-2").await.is_ok());
    assert_eq!(provider.sent(), 2);
}

/// The code was taken out of use and nobody heard of it: whoever typed the right one gets in, once.
#[tokio::test]
async fn a_right_code_whose_claim_got_lost_lets_its_reader_in() {
    let clock = Hand::new();
    let store = Arc::new(Lossy {
        store: MemoryOtpStore::with_clock(clock.clone()),
        claims: AtomicU32::new(1),
        counts: AtomicU32::new(0),
    });
    let codes = local(store.clone(), &clock);
    let code = secret("482913");
    let pending = codes.pending(&me(), &request(), std::slice::from_ref(&code));
    let pending = pending.unwrap();
    let first = codes.check(&me(), &pending, Some(&code)).await.unwrap();
    assert_eq!(first, Verification::Valid(to()));
    store.claims.store(1, Ordering::SeqCst);
    let again = codes.check(&me(), &pending, Some(&code)).await.unwrap();
    assert_eq!(again, Verification::AlreadyUsed);
}

#[tokio::test]
async fn many_clicks_are_one_commit() {
    let store: Arc<dyn OtpStore> = Arc::new(MemoryOtpStore::default());
    let provider = Scripted::new("subscriptions", &[], &[End::Accepted]);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (store, provider) = (store.clone(), provider.clone());
        tasks.spawn(async move { commit(&*store, &provider, "order-1").await.unwrap() });
    }
    let mut done = 0;
    while let Some(outcome) = tasks.join_next().await {
        done += u32::from(matches!(outcome.unwrap(), CommitOutcome::Done(_)));
    }
    assert_eq!((done, provider.sent()), (1, 1));
}

#[tokio::test]
async fn a_dropped_commit_keeps_its_claim() {
    let store = MemoryOtpStore::default();
    let provider = Scripted::new("subscriptions", &[], &[End::Accepted]);
    {
        let mut under_way = Box::pin(commit(&store, &provider, "order-1"));
        // As far as the transmission, then the browser goes away.
        while provider.sent() == 0 {
            let step = std::future::poll_fn(|cx| {
                std::task::Poll::Ready(under_way.as_mut().poll(cx).is_ready())
            });
            assert!(!step.await);
        }
    }
    let again = commit(&store, &provider, "order-1").await.unwrap();
    assert!(matches!(again, CommitOutcome::AlreadyClaimed));
    assert_eq!(provider.sent(), 1);
}

#[tokio::test]
async fn without_the_store_nothing_is_committed() {
    let provider = Scripted::new("subscriptions", &[], &[End::Accepted]);
    let refused = commit(&Gone, &provider, "order-1").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Storage);
    assert_eq!(provider.sent(), 0);
}

#[tokio::test]
async fn the_router_never_goes_on_after_unknown() {
    use ErrorKind::*;
    for (first, goes_on) in [
        (End::Accepted, false),
        (End::Unknown, false),
        (End::Rejected(Unavailable), true),
        (End::Rejected(InsufficientBalance), true),
        (End::Rejected(Authentication), true),
        (End::Rejected(InvalidRecipient), false),
        (End::Rejected(Policy), false),
        (End::Rejected(RateLimited), false),
        (End::NotSent(Connect), true),
        (End::NotSent(InvalidConfiguration), true),
        (End::NotSent(InvalidInput), false),
        (End::NotSent(InvalidRecipient), false),
    ] {
        let one = Scripted::new("one", &["62"], &[first]);
        let two = Scripted::new("two", &[], &[End::Accepted]);
        let router = OtpRouter::default().with(one.clone()).with(two.clone());
        let answer = router.start(&request()).await;
        assert_eq!(
            (one.sent(), two.sent()),
            (1, u32::from(goes_on)),
            "{first:?}"
        );
        let accepted = matches!(answer, Ok(Submission::Accepted(_)));
        assert_eq!(accepted, goes_on || first == End::Accepted, "{first:?}");
    }
}

#[tokio::test]
async fn the_router_picks_by_calling_code_and_checks_with_the_sender() {
    let anywhere = Scripted::new("anywhere", &[], &[]);
    let indonesia = Scripted::new("indonesia", &["62"], &[]);
    let jakarta = Scripted::new("jakarta", &["6221", "1"], &[]);
    let router = OtpRouter::default()
        .with(anywhere.clone())
        .with(indonesia.clone())
        .with(jakarta.clone());
    let names = |number: &str| {
        let to = Msisdn::parse(number).unwrap();
        let route = router.route(&to);
        let names = route.iter().map(|p| p.identity().account().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("622112345678"), ["jakarta", "indonesia", "anywhere"]);
    assert_eq!(names("6281234567890"), ["indonesia", "anywhere"]);
    assert_eq!(names("2348031234567"), ["anywhere"]);
    // By the record's sender, whatever the number.
    let pending = pending_of(&anywhere, "login-1");
    let code = OtpCode::new("1");
    let checked = router.verify(&pending, &code).await.unwrap();
    assert_eq!(checked, Verification::Valid(to()));
    let stranger = pending_of(&Scripted::new("stranger", &[], &[]), "login-1");
    let refused = router.verify(&stranger, &code).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidConfiguration);

    let none = OtpRouter::default().with(jakarta);
    let refused = none.start(&request()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}
