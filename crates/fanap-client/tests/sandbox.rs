//! The client against the sandbox: an independent second implementation of the provider's side.
#![cfg(any(feature = "rustls", feature = "native-tls"))]
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fanap_client::core::{
    Callback, CallbackParser as _, CallbackRequest, Error, ErrorKind, Msisdn, NotSent, OtpCode,
    OtpRequest, OtpSender as _, Outcome, PendingOtp, Provider as _, Reference, Submission,
    SubscriptionOtp as _,
};
use fanap_client::otp::{CommitOutcome, MemoryOtpStore, commit_once};
use fanap_client::{
    Builder, Callbacks, Client, Hash, Imi, Notice, PhoneFormat, PublicKey, Service,
    SubscriptionCheck, Token,
};
use serde_json::json;
use support::{sandbox as room, whole_request};
use telco_sandbox::{FaultRule, Phase, Sandbox};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

fn number(national: &str) -> Msisdn {
    Msisdn::parse(&format!("98{national}")).unwrap()
}

fn request(to: &Msisdn) -> OtpRequest {
    OtpRequest::new(to.clone(), Reference::generate().unwrap())
}

async fn started(service: &Service, to: &Msisdn) -> PendingOtp {
    match service.start(&request(to)).await.unwrap() {
        Submission::Accepted(challenge) => challenge.pending,
        other => panic!("{other:?}"),
    }
}

fn code(sandbox: &Sandbox, to: &Msisdn) -> OtpCode {
    OtpCode::new(room::code_at(sandbox, to).unwrap())
}

fn error<T: std::fmt::Debug>(answer: Submission<T>) -> Error {
    match answer {
        Submission::Accepted(value) => panic!("{value:?}"),
        Submission::Rejected(rejection) => rejection.into(),
        Submission::Unknown(unknown) => unknown.cause().clone(),
    }
}

#[tokio::test]
async fn a_subscription_from_start_to_callback() {
    for format in [PhoneFormat::ZeroPrefixed, PhoneFormat::National] {
        let sandbox = Sandbox::start().await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/pushed", listener.local_addr().unwrap());
        sandbox.callbacks().listen("fanap", Some(&url)).unwrap();
        sandbox
            .configure("fanap", &json!({ "callback_after_ms": 0 }))
            .unwrap();
        let client = room::builder(&sandbox)
            .phone_format(format)
            .build()
            .unwrap();
        let service = client.service(room::service_key(&sandbox));
        let check = room::check(&sandbox);
        let to = number("9121234567");

        let pending = started(&service, &to).await;
        assert!(!check.ask(&to).await.unwrap().is_subscribed);
        let wrong = service
            .commit(&pending, &OtpCode::new("00000"))
            .await
            .unwrap();
        assert_eq!(error(wrong).kind(), ErrorKind::WrongCode);
        let right = code(&sandbox, &to);
        let done = service.commit(&pending, &right).await.unwrap();
        assert_eq!(done.outcome(), Outcome::Accepted);
        let again = service.commit(&pending, &right).await.unwrap();
        assert_eq!(again.outcome(), Outcome::Unknown, "something acted before");
        assert_eq!(error(again).kind(), ErrorKind::Conflict);
        assert!(check.ask(&to).await.unwrap().is_subscribed);
        assert_eq!(sandbox.totals_of_charges(), (1, 0));

        // What the provider pushes settles it too.
        let (mut stream, _) = listener.accept().await.unwrap();
        let pushed = whole_request(&mut stream).await.unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        let body = pushed.split_once("\r\n\r\n").unwrap().1.to_owned();
        let xml = room::text(&sandbox, "callback_public_key_xml");
        let weak = fanap_client::LoadOptions::new().allow_weak();
        let callbacks = Callbacks::new(PublicKey::load_with(xml.as_bytes(), &weak).unwrap());
        let header = |_: &str| None;
        let push = CallbackRequest::new(&header, body.as_bytes(), SystemTime::now());
        let Ok(Callback::Verified(Notice::Message(message))) = callbacks.parse(&push) else {
            panic!()
        };
        assert!(message.is_subscription_by_code());
        assert!(
            Callbacks::default().parse(&push).is_err(),
            "under another key it is a forgery"
        );
    }
}

/// What the sandbox's books say of charges: done, and done twice.
trait Charges {
    fn totals_of_charges(&self) -> (usize, usize);
}

impl Charges for Sandbox {
    fn totals_of_charges(&self) -> (usize, usize) {
        let commits = room::operations(self, "commit");
        let done = commits.iter().filter(|operation| operation.delivered > 0);
        let twice = commits.iter().filter(|operation| operation.delivered > 1);
        (done.count(), twice.count())
    }
}

#[tokio::test]
async fn every_setting_of_a_client_is_what_the_server_reads() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure(
            "fanap",
            &json!({ "hash": "sha256", "charset_required": true }),
        )
        .unwrap();
    let with = |change: fn(Builder) -> Builder| {
        let client = change(room::builder(&sandbox)).build().unwrap();
        client.service(room::service_key(&sandbox))
    };
    let to = number("9121234567");
    let sha1 = with(|builder| builder);
    let refused = error(sha1.start(&request(&to)).await.unwrap());
    assert_eq!(
        (refused.kind(), refused.provider_code()),
        (ErrorKind::Authentication, Some("1004"))
    );
    assert!(refused.help().unwrap().contains("public.xml"));
    let sha256 = with(|builder| builder.hash(Hash::Sha256));
    started(&sha256, &to).await;

    // The server does not care how often one date is used, unless it does.
    sandbox
        .configure(
            "fanap",
            &json!({ "hash": "sha1", "refuse_repeated_dates": true }),
        )
        .unwrap();
    let window = with(|builder| builder.reuse_window(Duration::from_secs(1)));
    started(&window, &to).await;
    let refused = error(window.start(&request(&to)).await.unwrap());
    assert_eq!(refused.kind(), ErrorKind::ClockSkew);
    started(&window, &to).await; // the slot was emptied
}

#[tokio::test]
async fn a_wrong_clock_is_named() {
    let sandbox = Sandbox::start().await.unwrap();
    let hour = Duration::from_secs(3600);
    let ahead = support::Hands::at(
        u64::try_from(
            (SystemTime::now() + hour)
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
        .unwrap(),
    );
    let client = room::builder(&sandbox).clock(ahead).build().unwrap();
    let service = client.service(room::service_key(&sandbox));
    let refused = error(
        service
            .start(&request(&number("9121234567")))
            .await
            .unwrap(),
    );
    assert_eq!(
        (refused.kind(), refused.provider_code()),
        (ErrorKind::ClockSkew, Some("1011"))
    );
}

/// Numbers that the sandbox answers with a code of the family: what is told, and whether it is true.
#[tokio::test]
async fn every_code_of_the_family_is_told_and_true() {
    use ErrorKind::{
        Authentication, ClockSkew, Conflict, Expired, InsufficientBalance, InvalidConfiguration,
        InvalidInput, InvalidRecipient, Policy, RateLimited, Unavailable, WrongCode,
    };
    let sandbox = Sandbox::start().await.unwrap();
    let client = room::builder(&sandbox).build().unwrap();
    let service = client.service(room::service_key(&sandbox));
    let kinds: HashMap<u16, ErrorKind> = [
        (1001, InvalidConfiguration),
        (1002, Authentication),
        (1003, Authentication),
        (1004, Authentication),
        (1005, InvalidConfiguration),
        (1006, InvalidConfiguration),
        (1007, InvalidConfiguration),
        (1008, Unavailable),
        (1009, Expired),
        (1010, ClockSkew),
        (1011, ClockSkew),
        (1012, Authentication),
        (1013, WrongCode),
        (1014, Expired),
        (1015, InvalidRecipient),
        (1016, Conflict),
        (1017, InvalidConfiguration),
        (1018, InvalidConfiguration),
        (1019, InvalidConfiguration),
        (103, InsufficientBalance),
        (104, InsufficientBalance),
        (303, Unavailable),
        (402, Expired),
        (403, InvalidConfiguration),
        (406, InvalidInput),
        (407, Policy),
        (409, Policy),
        (411, Conflict),
        (412, WrongCode),
        (415, WrongCode),
        (419, RateLimited),
        (420, InvalidRecipient),
        (500, Unavailable),
        (601, Authentication),
        (603, InvalidRecipient),
        (701, Policy),
        (801, Unavailable),
        (905, Unavailable),
    ]
    .into();
    for (given, kind) in kinds {
        // By the scenario numbers: 0919000CCCC at start, 0919001CCCC at commit.
        let to = number(&format!("919000{given:04}"));
        let answer = service.start(&request(&to)).await.unwrap();
        let upstream = kind == Unavailable;
        let expected = if upstream {
            Outcome::Unknown
        } else {
            Outcome::Rejected
        };
        assert_eq!(answer.outcome(), expected, "{given}");
        assert_eq!(error(answer).kind(), kind, "{given}");

        let to = number(&format!("919001{given:04}"));
        let pending = started(&service, &to).await;
        let answer = service
            .commit(&pending, &code(&sandbox, &to))
            .await
            .unwrap();
        let unknown = upstream || kind == Conflict;
        let expected = if unknown {
            Outcome::Unknown
        } else {
            Outcome::Rejected
        };
        assert_eq!(answer.outcome(), expected, "{given}");
        assert_eq!(error(answer).kind(), kind, "{given}");
    }
    assert_eq!(sandbox.totals_of_charges(), (0, 0));
}

/// Every misbehaviour that the sandbox knows of this provider: it acts, whatever it answers.
#[tokio::test]
async fn every_quirk_is_told_honestly() {
    for (quirk, start, commit) in [
        ("pascal-case", Outcome::Accepted, Outcome::Accepted),
        ("text-values", Outcome::Accepted, Outcome::Accepted),
        ("no-correlation", Outcome::Unknown, Outcome::Accepted),
        ("contradiction", Outcome::Unknown, Outcome::Unknown),
        ("true-with-error", Outcome::Unknown, Outcome::Unknown),
        ("empty-object", Outcome::Unknown, Outcome::Unknown),
    ] {
        let sandbox = Sandbox::start().await.unwrap();
        let client = room::builder(&sandbox).build().unwrap();
        let service = client.service(room::service_key(&sandbox));
        let to = number("9121234567");
        let pending = started(&service, &to).await;
        let code = code(&sandbox, &to);
        sandbox.faults().set([FaultRule::quirk(quirk)]);
        let answer = service.start(&request(&to)).await.unwrap();
        assert_eq!(answer.outcome(), start, "{quirk}");
        let answer = service.commit(&pending, &code).await.unwrap();
        assert_eq!(answer.outcome(), commit, "{quirk}");
        assert_eq!(sandbox.totals_of_charges(), (1, 0), "{quirk}");
    }
}

/// A server that forgets what it charged for: only the caller's own guard stands between a double click and a second charge.
#[tokio::test]
async fn of_many_clicks_one_charges_even_at_a_forgetful_server() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox
        .configure("fanap", &json!({ "repeated_commit": "charges-again" }))
        .unwrap();
    let client = room::builder(&sandbox).build().unwrap();
    let service = Arc::new(client.service(room::service_key(&sandbox)));
    let to = number("9121234567");
    let pending = started(&service, &to).await;
    let code = code(&sandbox, &to);
    let store = Arc::new(MemoryOtpStore::default());
    let mut clicks = JoinSet::new();
    for _ in 0..8 {
        let (store, service, pending, code) = (
            store.clone(),
            service.clone(),
            pending.clone(),
            code.clone(),
        );
        clicks.spawn(async move {
            let forget_at = SystemTime::now() + Duration::from_secs(3600);
            matches!(
                commit_once(&*store, &*service, &pending, &code, forget_at)
                    .await
                    .unwrap(),
                CommitOutcome::Done(Submission::Accepted(_))
            )
        });
    }
    let accepted = clicks
        .join_all()
        .await
        .into_iter()
        .filter(|accepted| *accepted);
    assert_eq!(accepted.count(), 1);
    let commits = room::operations(&sandbox, "commit");
    assert_eq!(
        (commits.len(), commits[0].requests, commits[0].delivered),
        (1, 1, 1)
    );
}

const SUBSCRIBERS: u32 = 300;
const AT_ONCE: usize = 24;
const STARTS: usize = 4;

/// What one subscriber's application was told.
#[derive(Debug, Default)]
struct Tale {
    starts: Vec<Option<Outcome>>,
    commit: Option<(String, Option<Outcome>)>,
}

/// Subscribes as the documentation says: a start that failed or is unknown may be repeated (it costs a message), a commit never.
async fn subscribe(
    sandbox: &Sandbox,
    service: &Service,
    store: &MemoryOtpStore,
    to: &Msisdn,
) -> Tale {
    let mut tale = Tale::default();
    let outcome =
        |answer: &Result<Submission<_>, NotSent>| answer.as_ref().ok().map(Submission::outcome);
    for _ in 0..STARTS {
        let answer = service.start(&request(to)).await;
        tale.starts.push(outcome(&answer));
        let Ok(Submission::Accepted(challenge)) = answer else {
            continue;
        };
        // Stored and read back, as in two requests of a web application.
        let pending = PendingOtp::from_storage(&challenge.pending.to_storage()).unwrap();
        let code = code(sandbox, to);
        let forget_at = SystemTime::now() + Duration::from_secs(3600);
        let click = || commit_once(store, service, &pending, &code, forget_at);
        let (one, two) = tokio::join!(click(), click());
        let told: Vec<Option<Outcome>> = [one, two]
            .into_iter()
            .filter_map(|clicked| match clicked {
                Ok(CommitOutcome::Done(answer)) => Some(Some(answer.outcome())),
                Ok(CommitOutcome::AlreadyClaimed) => None,
                Err(_) => Some(None),
            })
            .collect();
        // A claim comes back after "nothing was sent", so that the second click may then go through.
        let id = challenge.provider_id.unwrap();
        tale.commit = Some((id, told.into_iter().flatten().next_back()));
        break;
    }
    tale
}

#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_subscribers_under_faults_are_charged_once_and_told_the_truth() {
    let sandbox = Arc::new(Sandbox::builder().seed(6).start().await.unwrap());
    for operation in ["start", "commit"] {
        let phases: Vec<Phase> = Phase::ALL.into();
        let rule = FaultRule::any_of(phases)
            .provider("fanap")
            .operation(operation);
        sandbox
            .faults()
            .add(rule.chance(0.35).delay(Duration::from_millis(50)));
    }
    let client: Client = room::builder(&sandbox)
        .timeouts(Duration::from_millis(600), Duration::from_millis(600))
        .build()
        .unwrap();
    let service = client.service(room::service_key(&sandbox));
    assert_eq!(service.identity().provider(), "fanap");
    let store = Arc::new(MemoryOtpStore::default());
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let mut people = JoinSet::new();
    for n in 0..SUBSCRIBERS {
        let (sandbox, service) = (sandbox.clone(), service.clone());
        let (store, turns) = (store.clone(), turns.clone());
        people.spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let to = number(&format!("912{:07}", 1_000_000 + n));
            let tale = subscribe(&sandbox, &service, &store, &to).await;
            (to, tale)
        });
    }
    let tales = people.join_all().await;
    sandbox.faults().clear();

    let check: SubscriptionCheck = room::check(&sandbox);
    let starts = room::operations(&sandbox, "start");
    let (mut charged, mut unknown, mut settled) = (0, 0, 0);
    for (to, tale) in &tales {
        // Messages: as many as were told accepted, and at most one more for each unknown.
        let of = |wanted: Option<Outcome>| {
            tale.starts.iter().filter(|told| **told == wanted).count() as u64
        };
        let of_number = starts
            .iter()
            .filter(|start| start.number.as_deref() == Some(to.expose()));
        let (sent, requests) = of_number.fold((0, 0), |(sent, requests), start| {
            (sent + start.delivered, requests + start.requests)
        });
        let (accepted, perhaps) = (of(Some(Outcome::Accepted)), of(Some(Outcome::Unknown)));
        assert!(
            (accepted..=accepted + perhaps).contains(&sent),
            "{tale:?}: {sent} sent"
        );
        assert!(
            requests <= tale.starts.len() as u64,
            "one start is one transmission: {tale:?}"
        );

        let Some((id, told)) = &tale.commit else {
            continue;
        };
        let truth = sandbox.operation("fanap", id);
        let (requests, delivered) = truth.map_or((0, 0), |truth| (truth.requests, truth.delivered));
        assert!(requests <= 1, "one commit is one transmission: {tale:?}");
        match told {
            Some(Outcome::Accepted) => assert_eq!(delivered, 1, "{tale:?}"),
            Some(Outcome::Rejected) => assert_eq!(delivered, 0, "{tale:?}"),
            None => assert_eq!(requests, 0, "{tale:?}"),
            Some(Outcome::Unknown) => {
                unknown += 1;
                // The read settles it: nobody was subscribed before.
                let state = check.ask(to).await.unwrap();
                assert_eq!(u64::from(state.is_subscribed), delivered, "{tale:?}");
                settled += 1;
            }
        }
        charged += delivered;
    }
    assert_eq!(sandbox.totals().doubled, 0);
    assert_eq!(
        sandbox.totals_of_charges().0 as u64,
        charged,
        "nobody else was charged"
    );
    assert!(
        unknown > 40 && settled == unknown,
        "{unknown} unknown, {settled} settled"
    );
    assert!(charged > 150, "{charged} charged");
    println!(
        "{} subscribers, {charged} charged once, 0 twice, {unknown} unknown, all settled by asking",
        tales.len()
    );
}

fn imi(sandbox: &Sandbox) -> Imi {
    room::builder(sandbox).build_imi().unwrap()
}

/// A code at the sibling service: its id, and the code as the phone's owner reads it.
async fn imi_started(sandbox: &Sandbox, imi: &Imi, to: &Msisdn) -> (String, Token) {
    let phone = imi.client().phone(to).unwrap();
    let reference = Reference::generate().unwrap();
    let service = room::service_key(sandbox);
    match imi.start(&reference, &service, &phone).await.unwrap() {
        Submission::Accepted(started) => {
            assert!(started.request_id.is_some());
            let code = room::code_at(sandbox, to).unwrap();
            (started.otp_id, Token::parse(&code).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_imi_sibling_from_start_to_charge() {
    let sandbox = Sandbox::start().await.unwrap();
    let (imi, service) = (imi(&sandbox), room::service_key(&sandbox));
    let to = number("9121234567");
    let (id, pin) = imi_started(&sandbox, &imi, &to).await;
    let commit = async |id: &str, pin: &Token| {
        let reference = Reference::generate().unwrap();
        imi.commit(&reference, &service, id, pin).await.unwrap()
    };
    let wrong = Token::parse("00000").unwrap();
    assert_eq!(
        error(commit(&id, &wrong).await).kind(),
        ErrorKind::WrongCode
    );
    let Submission::Accepted(done) = commit(&id, &pin).await else {
        panic!("not charged")
    };
    assert_eq!(done.request_id.len(), 32);
    let again = commit(&id, &pin).await;
    assert_eq!(again.outcome(), Outcome::Unknown, "something acted before");
    assert_eq!(error(again).kind(), ErrorKind::Conflict);
    let strange = commit("no such id", &pin).await;
    assert_eq!(strange.outcome(), Outcome::Rejected);
    let charge = sandbox.operation("fanap", &id).unwrap();
    assert_eq!((charge.kind, charge.delivered), ("imi-commit", 1));
    // Verification knows Pardis services only, so a "no" there proves nothing about this charge.
    assert!(!room::check(&sandbox).ask(&to).await.unwrap().is_subscribed);
}

#[tokio::test]
async fn the_siblings_lost_and_odd_answers_are_told_honestly() {
    let sandbox = Sandbox::start().await.unwrap();
    let (imi, service) = (imi(&sandbox), room::service_key(&sandbox));
    let bend = [
        FaultRule::new(Phase::ActThenReset),
        FaultRule::new(Phase::ActThenError),
        FaultRule::new(Phase::Truncate),
        FaultRule::quirk("empty-object"),
        FaultRule::quirk("true-with-error"),
    ];
    for (n, rule) in bend.into_iter().enumerate() {
        sandbox.faults().clear();
        let to = number(&format!("912100000{n}"));
        let (id, pin) = imi_started(&sandbox, &imi, &to).await;
        let rule = rule.provider("fanap").operation("imi-commit");
        sandbox.faults().set([rule.number(to.expose())]);
        let reference = Reference::generate().unwrap();
        let told = imi.commit(&reference, &service, &id, &pin).await.unwrap();
        assert_eq!(told.outcome(), Outcome::Unknown, "{n}");
        assert_eq!(sandbox.operation("fanap", &id).unwrap().delivered, 1);
    }
}

#[tokio::test]
async fn two_clicks_on_an_imi_code_charge_once() {
    let sandbox = Sandbox::start().await.unwrap();
    let service = imi(&sandbox).service(room::service_key(&sandbox));
    let to = number("9121234567");
    let request = OtpRequest::new(to.clone(), Reference::generate().unwrap());
    let Submission::Accepted(challenge) = service.start(&request).await.unwrap() else {
        panic!("not started")
    };
    let id = challenge.provider_id.clone().unwrap();
    let pending = PendingOtp::from_storage(&challenge.pending.to_storage()).unwrap();
    let code = OtpCode::new(room::code_at(&sandbox, &to).unwrap());
    let store = MemoryOtpStore::default();
    let forget_at = SystemTime::now() + Duration::from_secs(3600);
    // A wrong code gives the claim back.
    let wrong = OtpCode::new("00000");
    let CommitOutcome::Done(Submission::Rejected(why)) =
        commit_once(&store, &service, &pending, &wrong, forget_at)
            .await
            .unwrap()
    else {
        panic!("a wrong code was not refused")
    };
    assert_eq!(why.kind(), ErrorKind::WrongCode);
    let click = || commit_once(&store, &service, &pending, &code, forget_at);
    let (one, two) = tokio::join!(click(), click());
    let (mut subscribed, mut claimed) = (Vec::new(), 0);
    for outcome in [one.unwrap(), two.unwrap()] {
        match outcome {
            CommitOutcome::Done(Submission::Accepted(subscription)) => {
                subscribed.push(subscription);
            }
            CommitOutcome::AlreadyClaimed => claimed += 1,
            CommitOutcome::Done(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((subscribed.len(), claimed), (1, 1));
    assert_eq!(
        (&subscribed[0].to, &subscribed[0].reference),
        (&to, &request.reference)
    );
    assert!(subscribed[0].provider_id.is_some(), "the RequestId");
    assert_eq!(sandbox.operation("fanap", &id).unwrap().delivered, 1);
    assert_eq!(sandbox.totals().doubled, 0);
    // The same service key at the subscription API is another account: it takes no code of this one.
    let other = room::builder(&sandbox).build().unwrap();
    let other = other.service(room::service_key(&sandbox));
    assert!(other.commit(&pending, &code).await.is_err());
}
