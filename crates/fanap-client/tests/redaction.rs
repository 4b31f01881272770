//! No key, signature, code or whole number where it could end up in a log.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use fanap_client::core::{
    Msisdn, OtpCode, OtpRequest, OtpSender as _, Secret, Submission, SubscriptionOtp as _,
};
use fanap_client::wire::{Answer, Commit, Start};
use fanap_client::{Application, Callbacks, Phone, PrivateKey, SubscriptionCheck, Token};
use support::{
    COMMITTED, CORRELATION, SERVICE, STARTED, Told, application, builder, client, key_form,
    reference, says, service_key,
};
use telco_conformance::{Canaries, Log, redaction};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, ResponseTemplate};

const CODE: &str = "30074821";

/// Not the vendor's placeholder, which the help texts name.
fn number() -> Msisdn {
    Msisdn::parse("989127654321").unwrap()
}

fn canaries() -> Canaries {
    let xml = key_form("k2048", "private_xml");
    let part = |name: &str| {
        let after = xml.split_once(&format!("<{name}>")).unwrap().1;
        after.split_once('<').unwrap().0.to_owned()
    };
    let signed = client(&Told::with([])).signed().unwrap();
    Canaries::new()
        .secret("the key's D", &part("D"))
        .secret("the key's P", &part("P"))
        .secret("the key's InverseQ", &part("InverseQ"))
        .secret("the beginning of the key's D", &part("D")[..24])
        .secret("the signature", signed.signature().expose())
        .secret(
            "the beginning of the signature",
            &signed.signature().expose()[..24],
        )
        .secret("the code", CODE)
        .secret("the service key", SERVICE)
        .number("the number", &number())
}

#[tokio::test]
async fn nothing_private_is_shown() {
    let log = Log::install().unwrap();
    let canaries = canaries();
    let server = MockServer::start().await;
    // A provider that quotes everything it got.
    let quoting = |request: &wiremock::Request| {
        let quoted = String::from_utf8_lossy(&request.body).replace('"', "'");
        ResponseTemplate::new(400).set_body_string(format!(
            r#"{{"success":false,"error":{{"code":"{CODE}","message":"{quoted}"}}}}"#
        ))
    };
    Mock::given(method("POST"))
        .respond_with(quoting)
        .mount(&server)
        .await;
    let client = builder().base_url(server.uri()).build().unwrap();
    let service = client.service(service_key());
    let phone = client.phone(&number()).unwrap();
    let token = Token::parse(CODE).unwrap();
    let started = service
        .start(&OtpRequest::new(number(), reference("r-1")))
        .await
        .unwrap();
    let committed = client
        .commit(
            &reference("r-1"),
            &service_key(),
            &phone,
            CORRELATION,
            &token,
        )
        .await
        .unwrap();
    for answer in [started.map(drop), committed.map(drop)] {
        let Submission::Rejected(rejection) = answer else {
            panic!()
        };
        canaries.search_error("the rejection", &rejection).unwrap();
        let help = rejection.as_error().help().unwrap();
        canaries.search("the help", help).unwrap();
    }

    let told = Told::with([
        says(200, STARTED),
        says(200, "<html>"),
        says(200, COMMITTED),
    ]);
    let quiet = support::client(&told).service(service_key());
    let started = quiet
        .start(&OtpRequest::new(number(), reference("r-2")))
        .await
        .unwrap();
    let Submission::Accepted(challenge) = &started else {
        panic!()
    };
    let code = OtpCode::new(CODE);
    let unknown = quiet.commit(&challenge.pending, &code).await.unwrap();
    let accepted = quiet.commit(&challenge.pending, &code).await.unwrap();
    let signed = client.signed().unwrap();
    let key = service_key();
    let answer = Answer::read(format!(r#"{{"code":{CODE},"message":"{CODE}"}}"#).as_bytes());
    let imi = builder().build_imi().unwrap().service(service_key());
    let check = SubscriptionCheck::builder(1, support::key());
    let leaky_builder = || {
        builder()
            .base_url(format!("https://user:{SERVICE}@gateway.example"))
            .extra_header("x-gateway-token", Secret::new(SERVICE))
    };
    let leaky_check = check.clone().base_url(format!("https://{SERVICE}@x"));
    let values: &[(&str, &dyn std::fmt::Debug)] = &[
        ("the client", &client),
        ("the builder", &leaky_builder()),
        ("the service", &service),
        ("the IMI service", &imi),
        ("the signer", client.signer()),
        ("a signed date", &signed),
        ("the application", &application()),
        ("the service key", &key),
        ("the phone", &phone),
        ("a raw phone", &Phone::raw("0912-765-4321").unwrap()),
        ("the code", &token),
        ("a start", &Start::new(&key, &phone)),
        (
            "a commit",
            &Commit::new(&key, &phone, CORRELATION, &token).unwrap(),
        ),
        ("the challenge", &started),
        ("an unknown outcome", &unknown),
        ("an acceptance", &accepted),
        ("an answer", &answer),
        ("the check's builder", &leaky_check),
        ("the check", &check.clone().build().unwrap()),
        ("the callbacks", &Callbacks::default()),
    ];
    let must_show = ["fanap", "start", "commit", "9891*****321"];
    let report = redaction(&canaries, values, &log.text(), &must_show);
    println!("{report}");
    report.assert_passed();
}

#[test]
fn refused_input_is_not_repeated() {
    let canaries = canaries();
    let long = format!("{SERVICE}\n");
    let errors: Vec<Box<dyn std::error::Error>> = vec![
        Box::new(Token::parse(&format!("{CODE}x")).unwrap_err()),
        Box::new(fanap_client::parse_msisdn("9891276543211").unwrap_err()),
        Box::new(fanap_client::ServiceKey::new(long).unwrap_err()),
        Box::new(Application::new("a", &format!("{SERVICE} ")).unwrap_err()),
        Box::new(PrivateKey::load(format!("<x>{SERVICE}</x>").as_bytes()).unwrap_err()),
        Box::new(
            builder()
                .base_url(format!("https://{SERVICE}@host"))
                .build()
                .unwrap_err(),
        ),
    ];
    for error in errors {
        canaries.search_error("an error", &*error).unwrap();
    }
}
