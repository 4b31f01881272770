//! Security id, key string, AES key, numbers and variables: in no `Debug`, no error, no trace. One test, for the log is the process's.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::sync::Arc;

use kairos_client::envelope::Envelope;
use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
use kairos_client::wire::{Answer, ApiVersion, Create};
use kairos_client::{
    ContactNumber, FetchAttempt, FlowId, Kairos, Kind, NumberPolicy, Order, PostCallParser,
    PublicKey, SecurityId, StartTime,
};
use support::world::{World, scripted};
use support::{batch, reference};
use telco_conformance::{Canaries, Harness, Log, redaction};
use telco_core::{
    Call, CallExt, CallTrigger, CallbackParser, CallbackRequest, Msisdn, OtpCode, OtpRequest,
    OtpSender, OtpVerifier, Secret, SecretBytes,
};
use telco_crypto::digest::Algorithm;
use telco_crypto::encoding::{decode_base64, hex};
use telco_sandbox::Phase;

const VARIABLE: &str = "Outstanding-Rupees-4711-Canary";

/// The key string and AES key of a sealed request, by the private half that only tests have.
fn keys_of(body: &[u8]) -> [String; 3] {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    let wrapped = body["requestDigitalSignatureValue"].as_str().unwrap();
    let k64 = support::private_key()
        .decrypt(
            kairos_client::Padding::Pkcs1v15,
            &decode_base64(wrapped).unwrap(),
        )
        .unwrap();
    let text = String::from_utf8(decode_base64(std::str::from_utf8(&k64).unwrap()).unwrap());
    let aes = hex(&Algorithm::Sha256.hash(&k64)[..16]);
    [text.unwrap(), String::from_utf8(k64.to_vec()).unwrap(), aes]
}

#[tokio::test]
async fn nothing_that_is_secret_is_ever_shown() {
    let log = Log::install().unwrap();
    let world = World::open().await;
    let account = world.sandbox.credentials("kairos").unwrap();
    let security_id = account["security_id"].as_str().unwrap();
    let kairos = world.kairos(Kind::EncryptedRealTime);
    let number = Msisdn::parse("919845612378").unwrap();
    let call = |name: &str| {
        Call::new(reference(name), number.clone()).variable("Amount", Secret::new(VARIABLE))
    };

    let prepared = kairos.prepare(&batch([call("sealed")])).unwrap().remove(0);
    let frozen = prepared.frozen().clone();
    let [key_string, k64, aes_key] = keys_of(support::stored_body(frozen.bytes().expose()));
    assert_eq!(key_string.len(), 32);
    let mut canaries = Canaries::new()
        .secret("the security id", security_id)
        .secret("the key string", &key_string)
        .secret("its base64", &k64)
        .secret("the AES key", &aes_key)
        .secret("a variable", VARIABLE)
        .secret("the push password", "pushpass-canary")
        .number("a number", &number);

    // Accepted, lost, refused, refused in part, not sent: sealed and plain.
    let sent = kairos.send(prepared).await;
    let mut told = vec![format!("{sent:?}")];
    for kind in [Kind::EncryptedRealTime, Kind::RealTime, Kind::Bulk] {
        let kairos = world.kairos(kind);
        for phase in [
            Phase::ActThenReset,
            Phase::ErrorBefore,
            Phase::Garbage,
            Phase::Truncate,
        ] {
            world.fault(phase);
            let report = kairos
                .place(&batch([call(&format!("{kind:?}-{phase:?}"))]))
                .await;
            told.push(format!("{report:?}"));
        }
        world.sandbox.faults().clear();
        let name = |text: &str| format!("{kind:?}-{text}");
        let bad = Call::new(reference(&name("bad")), scripted("9000001205"));
        let report = kairos.place(&batch([call(&name("good")), bad])).await;
        told.push(format!("{report:?}"));
        let poor =
            Call::new(reference(&name("poor")), scripted("9000000212")).or_to(number.clone());
        told.push(format!("{:?}", kairos.place(&batch([poor])).await));
    }
    let again = kairos.replay(&frozen, support::now()).await;
    let twice = kairos
        .prepare(&batch([call("twice"), call("twice")]))
        .unwrap_err();

    // A spoken code.
    let codes = LocalOtp::new(
        OtpKey::new("test", SecretBytes::new([7; 32])).unwrap(),
        Arc::new(MemoryOtpStore::default()),
    );
    let voice = kairos.voice_otp("OTP", codes);
    let request = OtpRequest::new(number.clone(), reference("login"));
    let challenge = voice.start(&request).await.unwrap();
    let heard = world.code_at(&number).unwrap();
    canaries = canaries.secret("the spoken code", &heard);
    world.fault(Phase::ActThenReset);
    let doubtful = voice
        .start(&OtpRequest::new(number.clone(), reference("login-b")))
        .await;
    let telco_core::Submission::Accepted(challenge) = challenge else {
        panic!()
    };
    let verification = voice.verify(&challenge.pending, &OtpCode::new(heard)).await;

    // What comes back from pulls and pushes names numbers.
    let ids = [challenge.provider_id.clone().unwrap()];
    // The call is over by then.
    world
        .sandbox
        .clock()
        .advance(std::time::Duration::from_secs(2));
    let records = kairos.pull(&ids, FetchAttempt::All).await.unwrap();
    assert_eq!(records.len(), 1);
    let push = world.sandbox.callbacks().list(1).remove(0).body;
    assert!(
        push.contains(number.expose()),
        "the canary is there to be found"
    );
    let parser = PostCallParser::requiring_basic("phonon", &Secret::new("pushpass-canary"));
    const BASIC: &str = "Basic cGhvbm9uOnB1c2hwYXNzLWNhbmFyeQ==";
    canaries.search("the header", BASIC).unwrap_err();
    let header = |_: &str| Some(BASIC.as_bytes());
    let push = CallbackRequest::new(&header, push.as_bytes(), support::now());
    let event = parser.parse(&push).unwrap();
    let probe = kairos.probe().await.unwrap();
    let pair = kairos.generate_key_pair(&reference("pair")).await.unwrap();

    // The pieces, and what is said of bad ones.
    let typed = ContactNumber::parse("+91 98456-12378", NumberPolicy::India).unwrap();
    let order = Order::new(reference("order"), typed.clone())
        .variable("Amount", Secret::new(VARIABLE))
        .starting(StartTime::parse("2030-01-23T08:02:53+05:30").unwrap());
    let orders = kairos
        .prepare_orders(&reference("orders"), std::slice::from_ref(&order))
        .unwrap();
    let bad_number = ContactNumber::parse("919845612378919845612378", NumberPolicy::AsIs);
    let bad_id = SecurityId::new(format!("{security_id}!"));
    let wire = order_on_the_wire(security_id);
    let answer = Answer::parse(format!(r#"{{"api-response-code":205,"api-response-message":"{number} is wrong","x":"{VARIABLE}"}}"#, number = number.expose()).as_bytes());
    let other_flow = Envelope::default().seal(
        &FlowId::new("ZZZZZZZZ").unwrap(),
        std::str::from_utf8(&wire).unwrap(),
        &support::public_key(),
        &telco_core::OsRandomness,
    );
    let key_file = PublicKey::load(support::private_pem().as_bytes()).unwrap_err();
    let security = SecurityId::new(security_id).unwrap();
    let builder = Kairos::builder(FlowId::new("Zb0RKJvh").unwrap(), security.clone());

    let report = redaction(
        &canaries,
        &[
            ("a client", &kairos),
            ("a builder", &builder),
            ("a security id", &security),
            ("a bad security id", &bad_id),
            ("a frozen request", &frozen),
            ("a sent request", &sent.as_ref().map(|_| ())),
            ("everything that was told", &told),
            ("a replay", &again),
            ("a batch that is refused", &twice),
            ("a sender of codes", &voice),
            ("a challenge", &challenge),
            ("a challenge in doubt", &doubtful),
            ("a verification", &verification.map(|_| ())),
            ("records", &records),
            ("a parser", &parser),
            ("a push", &event),
            ("a push as it came", &push),
            ("a probe", &probe),
            ("an answer about a key pair", &pair),
            ("a number", &typed),
            ("a bad number", &bad_number),
            ("an order", &order),
            ("prepared orders", &orders),
            ("an answer", &answer),
            ("a refused envelope", &other_flow),
            ("a private key for a public one", &key_file),
        ],
        &log.text(),
        &["kairos", "create (encrypted)", "9198*****378"],
    );
    report.assert_passed();
    canaries.search_error("a refusal", &twice).unwrap();
}

fn order_on_the_wire(security_id: &str) -> Vec<u8> {
    let create = Create {
        api_version: ApiVersion::default(),
        security_id,
        flow_id: "Zb0RKJvh",
        calls: Vec::new(),
    };
    create.to_json().to_vec()
}
