//! The traits, tried with a small fake for each of the five providers: what a provider must write, and what its users get.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use telco_core::*;

/// What the way to the provider does with one request.
#[derive(Debug, Clone)]
enum Way {
    Refused,
    Lost,
    Answers(&'static str),
}

/// The way to a provider: a script, and a count of what went out.
#[derive(Debug, Default)]
struct Wire {
    script: Mutex<VecDeque<Way>>,
    sent: Mutex<Vec<String>>,
}

impl Wire {
    fn scripted(ways: impl IntoIterator<Item = Way>) -> Self {
        Self {
            script: Mutex::new(ways.into_iter().collect()),
            sent: Mutex::default(),
        }
    }
    fn exchange(&self, request: String) -> Result<&'static str, Error> {
        let way = self
            .script
            .lock()
            .unwrap()
            .pop_front()
            .expect("one more request than the script has");
        if matches!(way, Way::Refused) {
            return Err(NotSent::new(ErrorKind::Connect, "refused").into());
        }
        self.sent.lock().unwrap().push(request);
        match way {
            Way::Answers(text) => Ok(text),
            _ => Err(Error::in_doubt(ErrorKind::Timeout, "no answer")),
        }
    }
    fn sent(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000)
}

fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

fn number(text: &str) -> Msisdn {
    Msisdn::parse(text).unwrap()
}

// ---- Cowrie-like: a top-up with lookup and guarded replay ---------------------------------------------------------------

#[derive(Debug)]
struct Topup {
    identity: Identity,
    capabilities: TopupCapabilities,
    wire: Wire,
}

impl Topup {
    fn new(ways: impl IntoIterator<Item = Way>) -> Self {
        let airtime = ProductRules::new(ProductKind::Airtime)
            .lookup(LookupSupport::FindsOnly, [Duration::from_secs(2)])
            .replay(ReplayGuard::ByteIdentical {
                within: Duration::from_secs(600),
            });
        Self {
            identity: Identity::new("fake-cowrie", "acme"),
            capabilities: TopupCapabilities::new(Currency::NGN, [airtime]),
            wire: Wire::scripted(ways),
        }
    }
}

impl Provider for Topup {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl TopupProvider for Topup {
    fn topup_capabilities(&self) -> &TopupCapabilities {
        &self.capabilities
    }
    fn prepare(&self, intent: &TopupIntent) -> Result<PreparedTopup, NotSent> {
        let Some(amount) = intent.product.price().and_then(Amount::exact_major) else {
            return Err(NotSent::new(ErrorKind::InvalidInput, "whole naira only"));
        };
        let bytes = SecretBytes::new(format!("nonce=n1&amount={amount}"));
        Ok(PreparedTopup::new(
            &self.identity,
            intent.clone(),
            bytes,
            now(),
        ))
    }
    async fn send(&self, prepared: PreparedTopup) -> Result<Submission<TopupReceipt>, NotSent> {
        let (intent, bytes) = (prepared.intent(), prepared.bytes_for(self.identity())?);
        let request = String::from_utf8_lossy(bytes.expose()).into_owned();
        let answer = match self.wire.exchange(request) {
            Ok(answer) => answer,
            Err(failure) => return Submission::after_failure(&intent.reference, failure),
        };
        Ok(match answer {
            "OK" => Submission::Accepted(TopupReceipt::new(intent.reference.clone())),
            "402" => Submission::Rejected(Rejection::new(
                ErrorKind::InsufficientBalance,
                "too little money",
            )),
            _ => Submission::unknown(
                &intent.reference,
                Error::answered(ErrorKind::UnreadableAnswer, "no known answer"),
            ),
        })
    }
    async fn lookup(&self, intent: &TopupIntent) -> Result<Lookup, Error> {
        let answer = self
            .wire
            .exchange("lookup".into())
            .map_err(Error::on_read)?;
        let amount = Amount::parse_major(answer, Currency::NGN);
        Ok(match amount {
            Some(_) => {
                let mut record = TopupRecord::new(RecordState::Completed);
                record.amount = amount;
                record.compare(intent)
            }
            None => Lookup::NotFound,
        })
    }
    async fn balance(&self) -> Result<Balance, Error> {
        Ok(Balance::new(Amount::from_minor(0, Currency::NGN)))
    }
}

fn hundred() -> TopupIntent {
    let amount = Amount::from_major(100, Currency::NGN).unwrap();
    TopupIntent::new(
        reference("r1"),
        Product::airtime(number("2348031234567"), None, amount),
    )
}

#[tokio::test]
async fn a_top_up_has_four_ends_and_sends_at_most_once() {
    let cases = [
        (Way::Refused, None, 0),
        (Way::Lost, Some(Outcome::Unknown), 1),
        (Way::Answers("OK"), Some(Outcome::Accepted), 1),
        (Way::Answers("402"), Some(Outcome::Rejected), 1),
        (Way::Answers("<html>"), Some(Outcome::Unknown), 1),
    ];
    for (way, expected, sent) in cases {
        let fake = Arc::new(Topup::new([way.clone()]));
        let provider: Arc<dyn TopupProvider> = fake.clone();
        let outcome = provider
            .submit(&hundred())
            .await
            .ok()
            .map(|answer| answer.outcome());
        assert_eq!((outcome, fake.wire.sent()), (expected, sent), "{way:?}");
    }
}

#[tokio::test]
async fn a_replay_answers_accepted_or_unknown_only() {
    let cases = [
        (Way::Answers("OK"), Outcome::Accepted),
        (Way::Answers("402"), Outcome::Unknown),
        (Way::Refused, Outcome::Unknown),
        (Way::Lost, Outcome::Unknown),
    ];
    for (way, expected) in cases {
        let provider = Topup::new([way.clone()]);
        let frozen = provider.prepare(&hundred()).unwrap().frozen().clone();
        let answer = provider
            .replay(&frozen, now() + Duration::from_secs(600))
            .await;
        assert_eq!(answer.outcome(), expected, "{way:?}");
        match answer {
            Submission::Accepted(receipt) => assert!(receipt.replayed),
            Submission::Unknown(unknown) => {
                assert_ne!(unknown.cause().delivery(), Delivery::NotSent)
            }
            Submission::Rejected(_) => unreachable!(),
        }
    }
}

#[tokio::test]
async fn a_replay_that_is_not_guarded_sends_nothing() {
    let provider = Topup::new([]);
    let prepared = provider.prepare(&hundred()).unwrap();
    let mine = prepared.frozen();
    let foreign = FrozenTopup::restore(
        Identity::new("fake-cowrie", "other"),
        hundred(),
        mine.bytes().clone(),
        now(),
    );
    let pins = Product::pins(
        Amount::from_major(100, Currency::NGN).unwrap(),
        1.try_into().unwrap(),
    );
    let unguarded = FrozenTopup::restore(
        provider.identity.clone(),
        TopupIntent::new(reference("r1"), pins),
        mine.bytes().clone(),
        now(),
    );
    let cases = [
        (mine, now() + Duration::from_secs(601)),
        (mine, now() - Duration::from_secs(1)),
        (&foreign, now()),
        (&unguarded, now()),
    ];
    for (frozen, at) in cases {
        assert_eq!(
            provider.replay(frozen, at).await.outcome(),
            Outcome::Unknown
        );
    }
    assert_eq!(provider.wire.sent(), 0);
}

#[tokio::test]
async fn a_prepared_request_of_another_account_is_not_sent() {
    let (mine, mut theirs) = (Topup::new([]), Topup::new([]));
    theirs.identity = Identity::new("fake-cowrie", "other");
    let answer = mine.send(theirs.prepare(&hundred()).unwrap()).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_lookup_compares_and_a_failed_one_may_be_repeated() {
    let provider = Topup::new([
        Way::Answers("100"),
        Way::Answers("200"),
        Way::Answers("none"),
        Way::Lost,
    ]);
    assert!(matches!(
        provider.lookup(&hundred()).await,
        Ok(Lookup::Found(_))
    ));
    assert!(matches!(
        provider.lookup(&hundred()).await,
        Ok(Lookup::Mismatch(_))
    ));
    assert!(matches!(
        provider.lookup(&hundred()).await,
        Ok(Lookup::NotFound)
    ));
    assert!(
        provider
            .lookup(&hundred())
            .await
            .unwrap_err()
            .is_retryable()
    );
}

// ---- Citcall-like: the provider makes the code, we check it; MOR-like: we make the code -------------------------------------

#[derive(Debug)]
struct Otp {
    identity: Identity,
    capabilities: OtpCapabilities,
    wire: Wire,
}

impl Otp {
    fn new(name: &'static str, origin: CodeOrigin, ways: impl IntoIterator<Item = Way>) -> Self {
        Self {
            identity: Identity::new(name, "acme"),
            capabilities: OtpCapabilities::new(OtpChannel::Sms, origin, OtpCheck::Local)
                .only_calling_codes(&["62"]),
            wire: Wire::scripted(ways),
        }
    }
    fn challenge(&self, request: &OtpRequest, digest: &str) -> OtpChallenge {
        let pending = PendingOtp::new(&self.identity, request, now(), None, digest.to_owned());
        OtpChallenge::new(pending, OtpChannel::Sms)
    }
}

impl Provider for Otp {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for Otp {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }
    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let answer = match self.wire.exchange("start".into()) {
            Ok(answer) => Ok(Submission::Accepted(answer)),
            Err(failure) => Submission::after_failure(&request.reference, failure),
        }?;
        let submission = answer.map(|code| self.challenge(request, code));
        Ok(match self.capabilities.code_origin {
            CodeOrigin::Client => submission.or_provisional(self.challenge(request, "ours")),
            CodeOrigin::Provider => submission,
        })
    }
}

#[async_trait]
impl OtpVerifier for Otp {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        // A foreign record is our own failure before anything is sent: `?` lifts NotSent into Error.
        let right = pending.state_for(&self.identity)?;
        Ok(if typed.expose() == right {
            Verification::Valid(pending.to().clone())
        } else {
            Verification::Invalid {
                attempts_left: None,
            }
        })
    }
}

fn login() -> OtpRequest {
    OtpRequest::new(number("6281234567890"), reference("login-1"))
}

#[tokio::test]
async fn a_code_is_started_stored_and_checked_in_another_request() {
    let provider: Box<dyn OtpVerifier> = Box::new(Otp::new(
        "fake-citcall",
        CodeOrigin::Provider,
        [Way::Answers("4821")],
    ));
    let Ok(Submission::Accepted(challenge)) = provider.start(&login()).await else {
        panic!()
    };
    let stored = challenge.pending.to_storage();
    let pending = PendingOtp::from_storage(&stored).unwrap();
    assert_eq!(
        provider
            .verify(&pending, &OtpCode::new("4821"))
            .await
            .unwrap(),
        Verification::Valid(number("6281234567890"))
    );
    assert_eq!(
        provider
            .verify(&pending, &OtpCode::new("0000"))
            .await
            .unwrap(),
        Verification::Invalid {
            attempts_left: None
        }
    );
    let other = Otp::new("fake-mor", CodeOrigin::Client, []);
    assert_eq!(
        other
            .verify(&pending, &OtpCode::new("4821"))
            .await
            .unwrap_err()
            .delivery(),
        Delivery::NotSent
    );
}

#[tokio::test]
async fn a_lost_start_of_our_own_code_keeps_its_challenge() {
    let provider = Otp::new("fake-mor", CodeOrigin::Client, [Way::Lost]);
    let Ok(Submission::Unknown(unknown)) = provider.start(&login()).await else {
        panic!()
    };
    let challenge = unknown.into_provisional().unwrap();
    assert!(matches!(
        provider
            .verify(&challenge.pending, &OtpCode::new("ours"))
            .await,
        Ok(Verification::Valid(_))
    ));
}

// ---- Fanap-like: the check charges ------------------------------------------------------------------------------------------

#[async_trait]
impl SubscriptionOtp for Otp {
    async fn commit(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent> {
        let id = pending.state_for(&self.identity)?;
        let answer = match self
            .wire
            .exchange(format!("commit {id} {}", typed.expose()))
        {
            Ok(answer) => answer,
            Err(failure) => return Submission::after_failure(pending.reference(), failure),
        };
        Ok(match answer {
            "OK" => Submission::Accepted(Subscription::new(pending, None)),
            "wrong" => Submission::Rejected(Rejection::new(ErrorKind::WrongCode, "wrong code")),
            // Something acted before: perhaps we did.
            _ => Submission::unknown(
                pending.reference(),
                Error::answered(ErrorKind::Conflict, "already used"),
            ),
        })
    }
}

#[tokio::test]
async fn a_commit_that_was_already_used_is_unknown() {
    let ways = [
        Way::Answers("id"),
        Way::Answers("wrong"),
        Way::Answers("used"),
        Way::Lost,
        Way::Answers("OK"),
    ];
    let fanap: Arc<dyn SubscriptionOtp> =
        Arc::new(Otp::new("fake-fanap", CodeOrigin::Provider, ways));
    let Ok(Submission::Accepted(challenge)) = fanap.start(&login()).await else {
        panic!()
    };
    let code = OtpCode::new("1");
    let mut outcomes = Vec::new();
    for _ in 0..4 {
        outcomes.push(
            fanap
                .commit(&challenge.pending, &code)
                .await
                .unwrap()
                .outcome(),
        );
    }
    assert_eq!(
        outcomes,
        [
            Outcome::Rejected,
            Outcome::Unknown,
            Outcome::Unknown,
            Outcome::Accepted
        ]
    );
}

// ---- Kairos-like: batches of calls --------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Calls {
    identity: Identity,
    capabilities: CallCapabilities,
    wire: Wire,
}

impl Calls {
    fn new(ways: impl IntoIterator<Item = Way>) -> Self {
        Self {
            identity: Identity::new("fake-kairos", "acme"),
            capabilities: CallCapabilities::new(2),
            wire: Wire::scripted(ways),
        }
    }
}

impl Provider for Calls {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl CallTrigger for Calls {
    fn call_capabilities(&self) -> &CallCapabilities {
        &self.capabilities
    }
    fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent> {
        if batch.calls.is_empty() {
            return Err(NotSent::new(ErrorKind::InvalidInput, "no calls"));
        }
        let chunks = batch.calls.chunks(self.capabilities.max_calls_per_request);
        Ok(chunks
            .map(|calls| {
                let part = CallBatch::new(batch.reference.clone(), calls);
                PreparedCalls::new(&self.identity, part, SecretBytes::new([]), now())
            })
            .collect())
    }
    async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent> {
        let batch = prepared.intent();
        let answer = match self.wire.exchange("calls".into()) {
            Ok(answer) => answer,
            Err(failure) => return Submission::after_failure(&batch.reference, failure),
        };
        if answer == "refused" {
            return Ok(Submission::Rejected(Rejection::new(
                ErrorKind::Authentication,
                "bad id",
            )));
        }
        if answer == "garbled" {
            let cause = Error::answered(ErrorKind::UnreadableAnswer, "garbled");
            let unknown = UnknownOutcome::new(&batch.reference, cause);
            return Ok(Submission::Unknown(
                unknown.with_answer(SecretBytes::new(answer)),
            ));
        }
        // The answer names the calls that it took.
        let calls = batch
            .calls
            .iter()
            .filter(|call| answer.contains(call.reference.as_str()))
            .map(|call| {
                (
                    call.reference.clone(),
                    Submission::Accepted(CallReceipt::new(Some(format!("id-{}", call.reference)))),
                )
            });
        Ok(Submission::Accepted(BatchReceipt::new(
            None,
            calls.collect(),
        )))
    }
}

fn five_calls() -> CallBatch {
    let calls: Vec<_> = ["c1", "c2", "c3", "c4", "c5"]
        .map(|id| Call::new(reference(id), number("919812345678")))
        .into();
    CallBatch::new(reference("batch"), calls)
}

async fn rows(ways: impl IntoIterator<Item = Way>) -> Vec<&'static str> {
    let report = Calls::new(ways).place(&five_calls()).await.unwrap();
    let ids: Vec<_> = report
        .rows()
        .iter()
        .map(|(id, _)| id.as_str().to_owned())
        .collect();
    assert_eq!(
        ids,
        ["c1", "c2", "c3", "c4", "c5"],
        "one row per call, in order"
    );
    let label =
        |(_, answer): CallRow| answer.map_or("not sent", |answer| answer.outcome().as_str());
    report.into_iter().map(label).collect()
}

#[tokio::test]
async fn a_batch_stops_at_the_first_request_that_is_not_accepted() {
    let all = [
        Way::Answers("c1 c2"),
        Way::Answers("c3 c4"),
        Way::Answers("c5"),
    ];
    assert_eq!(rows(all).await, ["accepted"; 5]);
    assert_eq!(
        rows([Way::Answers("c2"), Way::Lost]).await,
        ["unknown", "accepted", "unknown", "unknown", "not sent"],
        "a call that the answer does not mention is unknown"
    );
    assert_eq!(
        rows([Way::Answers("refused")]).await,
        ["rejected", "rejected", "not sent", "not sent", "not sent"]
    );
    assert_eq!(rows([Way::Refused]).await, ["not sent"; 5]);
    assert_eq!(
        rows([Way::Answers("?"), Way::Answers("c3 c4")]).await,
        ["unknown", "unknown", "not sent", "not sent", "not sent"],
        "an answer that mentions no call says nothing"
    );
}

/// Each row may be settled by what was answered to the whole request.
#[tokio::test]
async fn the_answer_that_nobody_could_read_is_in_every_row() {
    let calls = Calls::new([Way::Answers("garbled")]);
    let report = calls.place(&five_calls()).await.unwrap();
    let mut rows = report.into_iter();
    for (id, row) in rows.by_ref().take(2) {
        let Ok(Submission::Unknown(unknown)) = row else {
            panic!("{id}")
        };
        assert_eq!(unknown.reference(), &id);
        assert_eq!(unknown.answer().unwrap().expose(), b"garbled");
    }
    assert!(rows.all(|(_, row)| row.is_err()));
}

// ---- MOR-like signing -----------------------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Hash;

impl RequestSigner for Hash {
    type Request<'a> = &'a [(&'a str, &'a str)];
    fn sign(&self, request: &Self::Request<'_>) -> Result<Secret, NotSent> {
        if request.is_empty() {
            return Err(NotSent::new(ErrorKind::InvalidInput, "nothing to sign"));
        }
        Ok(Secret::new(
            request.iter().map(|(_, value)| *value).collect::<String>(),
        ))
    }
    fn explain(&self, request: &Self::Request<'_>) -> Result<SigningReport, NotSent> {
        let value = self.sign(request)?;
        let fields = request
            .iter()
            .enumerate()
            .map(|(i, (name, value))| SignedField::signed(*name, i, *value))
            .collect();
        Ok(SigningReport::new("FAKE", fields, "…***", value))
    }
}

#[test]
fn a_report_shows_what_was_signed_and_hides_the_value() {
    let report = Hash
        .explain(&&[("user", "7"), ("period", "9")][..])
        .unwrap();
    assert_eq!(report.value.expose(), "79");
    assert_eq!(report.fields[1], SignedField::signed("period", 1, "9"));
    assert!(!format!("{report:?}").contains("79"));
    assert!(Hash.sign(&&[][..]).is_err());
}

// ---- Pushes -----------------------------------------------------------------------------------------------------------------------

#[derive(Debug)]
struct Pushes;

impl CallbackParser for Pushes {
    type Event = String;
    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<String>, CallbackError> {
        let text = std::str::from_utf8(request.body)
            .map_err(|_| CallbackError::Malformed("not UTF-8"))?
            .to_owned();
        match request.header("X-Signature") {
            None => Ok(Callback::Unverified(text)),
            Some(b"good") => Ok(Callback::Verified(text)),
            Some(_) => Err(CallbackError::BadSignature),
        }
    }
}

#[test]
fn a_push_is_verified_unverified_or_refused() {
    let parser: &dyn CallbackParser<Event = String> = &Pushes;
    let parse = |signature: Option<&'static [u8]>, body: &[u8]| {
        let header = move |name: &str| signature.filter(|_| name == "X-Signature");
        parser.parse(&CallbackRequest::new(&header, body, now()))
    };
    assert_eq!(parse(None, b"hi"), Ok(Callback::Unverified("hi".into())));
    assert_eq!(
        parse(Some(b"good"), b"hi"),
        Ok(Callback::Verified("hi".into()))
    );
    assert_eq!(parse(Some(b"bad"), b"hi"), Err(CallbackError::BadSignature));
    assert!(matches!(
        parse(None, &[0xff]),
        Err(CallbackError::Malformed(_))
    ));
}
