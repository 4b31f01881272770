//! No key, password, header, ciphertext, token, typed code or number where a person or a log could see it.
//!
//! One test, because the log is the whole process's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/sandbox.rs"]
mod sandbox;
mod support;

use std::fmt::Debug;
use std::time::Duration;

use citcall_client::core::{
    Callback, CallbackParser as _, CallbackRequest, Error, OtpCode, OtpRequest, OtpSender as _,
    OtpVerifier as _, Reference, Secret, Submission,
};
use citcall_client::v3::{CallbackUrl, Limits, Motp, Sms, SmsOtp};
use citcall_client::wire::Envelope;
use citcall_client::{
    AsyncCall, Authorization, Callbacks, Cipher, Client, Credentials, Gateway, Token,
};
use support::{AT, Server, at, cipher, sealed, to};
use telco_conformance::{Canaries, Log, redaction};
use telco_sandbox::{FaultRule, Phase, Sandbox};

const API_KEY: &str = "canary0key0canary0key0canary0key";
const PASSWORD: &str = "canary-password-0815";
const HOOK: &str = "https://example.com/hook/canary-path-4711";
const TEXT: &str = "canary text of a message";
const OWN_HEADER: &str = "canary-gateway-header";
const OWN_FIELD: &str = "canary-own-field";
const TOKEN: &str = "02159753124";

/// What was shown, and what must not be in it.
struct Eyes(Canaries, Vec<String>);

impl Eyes {
    fn see(&mut self, name: &str, value: &dyn Debug) {
        self.0.search_debug(name, value).unwrap();
        self.1.push(format!("{value:?}"));
    }
    fn read(&mut self, name: &str, error: &Error) {
        self.0.search_error(name, error).unwrap();
        self.1.push(error.to_string());
    }
    /// An answer with all that hangs on it.
    fn answer<T: Debug>(&mut self, name: &str, answer: &Submission<T>) {
        self.see(name, answer);
        match answer {
            Submission::Accepted(_) => {}
            Submission::Rejected(why) => self.read(name, why.as_error()),
            Submission::Unknown(unknown) => self.read(name, unknown.cause()),
        }
    }
}

#[tokio::test]
async fn nothing_private_is_seen_anywhere() {
    let log = Log::install().unwrap();
    let sandbox = Sandbox::start().await.unwrap();
    let rooms_key = sandbox::credential(&sandbox, "api_key");
    let rooms_password = sandbox::credential(&sandbox, "password");
    let success = format!(
        r#"{{"rc":"00","info":"calling +6281234567890 from {TOKEN}","msisdn":"+6281234567890","token":"{TOKEN}","gateway":1}}"#
    );
    let ciphertext = cipher().seal(&success, at(AT));
    let canaries = Canaries::new()
        .secret("the API key", API_KEY)
        .secret("the sandbox's API key", &rooms_key)
        .secret("the sandbox's password", &rooms_password)
        .secret("the cipher's secret", support::KEY)
        .secret("the password", PASSWORD)
        .secret("the hook's path", "canary-path-4711")
        .secret("the text", TEXT)
        .secret("the own header", OWN_HEADER)
        .secret("an own field", OWN_FIELD)
        .secret("the token", TOKEN)
        .secret("the token's national part", "2159753124")
        .secret("a typed number", "+622159753124")
        .secret("a ciphertext", &ciphertext)
        .secret("the head of a ciphertext", &ciphertext[20..44])
        .number("the number", &to());
    let mut eyes = Eyes(canaries, Vec::new());

    settings(&mut eyes);
    answers(&mut eyes, &success, &ciphertext).await;
    live(&mut eyes, &sandbox).await;

    let (Eyes(canaries, shown), log) = (eyes, log.text());
    let all = shown.join("\n");
    redaction(
        &canaries,
        &[("everything", &all)],
        &log,
        &["citcall", "asynccall", "motp", "6281******890", "(code 14"],
    )
    .assert_passed();
}

fn settings(eyes: &mut Eyes) {
    let credentials = Credentials::new("someone", Secret::new(API_KEY)).unwrap();
    eyes.see("credentials", &credentials);
    let password = Credentials::password("someone", Secret::new(PASSWORD)).unwrap();
    for (given, form) in [
        (&credentials, Authorization::LegacyBase64),
        (&credentials, Authorization::ApiKey),
        (&password, Authorization::Basic),
    ] {
        let header = given.header(form).unwrap();
        eyes.see("a header", &header);
        // The canary is there to be found.
        let sent = header.to_str().unwrap();
        eyes.0.search("what is sent", sent).unwrap_err();
    }
    eyes.see("the password's credentials", &password);
    let builder =
        Client::builder(credentials.clone()).extra_header("x-own", Secret::new(OWN_HEADER));
    let given_a_password = format!("https://me:{PASSWORD}@example.com");
    eyes.see("a builder", &builder.clone().base_url(given_a_password));
    eyes.see("a client", &builder.clone().build().unwrap());
    let v3 = citcall_client::v3::Client::builder(credentials);
    eyes.see("a v3 builder", &v3);
    eyes.see("a v3 client", &v3.build().unwrap());
    eyes.see(
        "a cipher",
        &Cipher::new("u", &Secret::new(API_KEY)).unwrap(),
    );
    eyes.see("a token", &Token::new(TOKEN));
    let url = CallbackUrl::new(HOOK).unwrap();
    let call = AsyncCall::new(&to(), Gateway::FIRST).raw_msisdn("081234567890");
    eyes.see("a call", &call);
    eyes.see(
        "its JSON",
        &call.to_json(citcall_client::NumberForm::National),
    );
    eyes.see(
        "a v3 call",
        &Motp::new(&to())
            .raw_msisdn("6281234567890")
            .extra("note", OWN_FIELD)
            .callback_url(url.clone()),
    );
    let sms = Sms::new(&to(), "Acme", TEXT)
        .extra("note", OWN_FIELD)
        .callback_url(url);
    eyes.see("a message", &sms);
    eyes.see(
        "a message with a code",
        &SmsOtp::new(sms).token(Secret::new("2159753124")),
    );
}

async fn answers(eyes: &mut Eyes, success: &str, ciphertext: &str) {
    let call = AsyncCall::new(&to(), Gateway::FIRST);
    let refusal = success.replace("\"00\"", "\"14\"");
    let quoting = refusal.replace(&format!("\"token\":\"{TOKEN}\","), "");
    let cut = &success[..success.len() - 4];
    let (whole, half) = (
        format!("{{\"data\":\"{ciphertext}\"}}"),
        format!("{{\"data\":\"{}", &ciphertext[..60]),
    );
    for (status, body) in [
        (200, whole.as_str()),
        (200, &half),
        (200, success),
        (500, &quoting),
        (200, &refusal),
        (200, &sealed(&quoting, AT)),
        (200, &sealed(success, AT - 4_000)),
        (200, cut),
        (502, &format!("<p>{} is busy, {TOKEN}</p>", "081234567890")),
        (200, &success.replace("\"00\"", "\"0O\"")),
        (200, &success.replace("\"00\"", "6")),
        (200, &success.replace("567890", "567891")),
    ] {
        let server = Server::says(status, body);
        let client = support::client(&server);
        let answer = client.async_call(&named(), &call).await.unwrap();
        eyes.answer("an answer", &answer);
        let v3 = support::v3_builder(&server).build().unwrap();
        let answer = v3.motp(&named(), &Motp::new(&to())).await.unwrap();
        eyes.answer("an answer of v3", &answer);
        let sms = Sms::new(&to(), "Acme", TEXT);
        let answer = v3.sms(&named(), &sms).await.unwrap();
        eyes.answer("a message's answer", &answer);
        let checked = v3.verify(&to(), "t", &OtpCode::new(TOKEN)).await;
        if let Err(failure) = &checked {
            eyes.read("a failed check", failure);
        }
        eyes.see("a check", &checked);
        let envelope = Envelope::read(body.as_bytes(), Some(&cipher()), at(AT));
        eyes.see("an envelope", &envelope);
        let parser = Callbacks::default().with_cipher(cipher());
        eyes.see("a parser", &parser);
        let request = CallbackRequest::new(&|_| None, body.as_bytes(), at(AT));
        eyes.see("a push as it came", &request);
        let push = parser.parse(&request);
        eyes.see("a push", &push);
        if let Ok(Callback::Unverified(push)) = push {
            eyes.see("its event", &push);
        }
    }
}

async fn live(eyes: &mut Eyes, sandbox: &Sandbox) {
    let hasty = sandbox::settings(false);
    let client = sandbox::builder(sandbox).settings(hasty.clone());
    let client = client.build().unwrap();
    let calls = client.missed_call(sandbox::codes());
    eyes.see("an adapter", &calls);
    let v3 = sandbox::v3_builder(sandbox)
        .settings(hasty)
        .build()
        .unwrap();
    let remote = v3.missed_call(Duration::from_secs(300), 5).unwrap();
    let message = v3.sms_code("CITCALL", "XXXXX", Duration::from_secs(300), 5);
    eyes.see("a remote adapter", &remote);
    for phase in [None].into_iter().chain(Phase::ALL.map(Some)) {
        let rule = phase.map(|phase| FaultRule::new(phase).delay(Duration::from_millis(5)));
        sandbox.faults().set(rule);
        let request = OtpRequest::new(to(), Reference::generate().unwrap());
        for answer in [
            calls.start(&request).await,
            remote.start(&request).await,
            message.as_ref().unwrap().start(&request).await,
        ] {
            match answer {
                Ok(answer) => eyes.answer("a start", &answer),
                Err(refusal) => eyes.read("a refusal", refusal.as_error()),
            }
        }
    }
    sandbox.faults().clear();
    let request = OtpRequest::new(to(), Reference::generate().unwrap());
    let Submission::Accepted(challenge) = calls.start(&request).await.unwrap() else {
        panic!()
    };
    // What the phone really showed is private too.
    let caller = sandbox::caller(sandbox, &to()).unwrap();
    let more = Canaries::new().secret("the caller", &caller);
    for typed in ["0000", "nonsense", &caller, "02159753124"] {
        let code = OtpCode::new(typed);
        eyes.see("a typed code", &code);
        eyes.see("a check", &calls.verify(&challenge.pending, &code).await);
    }
    more.search_debug("a challenge", &challenge).unwrap();
    eyes.see("a challenge", &challenge);
    let limits = Limits::new(Duration::from_secs(9), 1).unwrap();
    eyes.see("limits", &limits);
}

/// Not the sample's, whose digits are the number's too.
fn named() -> Reference {
    Reference::new("login-1").unwrap()
}
