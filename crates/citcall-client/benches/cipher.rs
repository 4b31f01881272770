//! The cipher against bare base64 of the same bytes, and whole calls against bare exchanges of the same bytes, each pair in
//! interleaved rounds of one run: `cargo bench -p citcall-client`.
#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use citcall_client::core::{Reference, Secret, Submission};
use citcall_client::http::{BaseUrl, Bytes, Settings, Transport, connect, http};
use citcall_client::{AsyncCall, Cipher, Client, Credentials, Gateway, NumberForm, parse_msisdn};
use telco_sandbox::Sandbox;

/// The best of many interleaved rounds, so that a busy machine disturbs every task alike.
fn best_of<const N: usize>(calls: u32, rounds: u32, mut tasks: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (task, best) in tasks.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..calls {
                task();
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
        }
    }
    best
}

fn cipher() {
    let cipher = Cipher::new("demo", &Secret::new("fe01ce2a7fbac8fafaed7c982a04e229")).unwrap();
    let at = UNIX_EPOCH + Duration::from_secs(1_519_012_727);
    let sample = r#"{"msisdn":"081234567890","gateway":1,"clientUniqueId":"1234567890"}"#;
    assert_eq!(sample.len(), 67);
    let long: String = sample.chars().cycle().take(64 * 1024).collect();
    for (name, text, calls) in [
        ("67 octets", sample.to_owned(), 10_000),
        ("64 KiB", long, 50),
    ] {
        let (encoded, sealed) = (URL_SAFE_NO_PAD.encode(&text), cipher.seal(&text, at));
        let [encode, seal, decode, open] = best_of(
            calls,
            200,
            [
                &mut || drop(black_box(URL_SAFE_NO_PAD.encode(black_box(&text)))),
                &mut || drop(black_box(cipher.seal(black_box(&text), at))),
                &mut || {
                    drop(black_box(
                        URL_SAFE_NO_PAD.decode(black_box(&encoded)).unwrap(),
                    ))
                },
                &mut || drop(black_box(cipher.open(black_box(&sealed), at).unwrap())),
            ],
        );
        for (what, ours, bare) in [("seal", seal, encode), ("open", open, decode)] {
            println!(
                "{name}, {what}: {ours:.0} ns, bare base64 {bare:.0} ns: {:.2} × its speed, {:+.0} ns over 1.5 × its time",
                bare / ours,
                ours - 1.5 * bare
            );
        }
    }
}

const AT_A_TIME: usize = 64;

async fn all(tasks: impl Iterator<Item = tokio::task::JoinHandle<()>>) {
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}

async fn calls() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, account) = (
        sandbox.base_url("citcall").unwrap(),
        sandbox.credentials("citcall").unwrap(),
    );
    let text = |name: &str| account.get(name).unwrap().as_str().unwrap().to_owned();
    let key = Secret::new(text("api_key"));
    let credentials = Credentials::new(text("user_id"), key.clone()).unwrap();
    let header = credentials
        .header(citcall_client::Authorization::LegacyBase64)
        .unwrap();
    let base = BaseUrl::parse(&url).unwrap();
    let transport: Arc<dyn Transport> = connect(&base, &Settings::default()).unwrap();
    let client = Client::builder(credentials)
        .base_url(url)
        .transport(transport.clone())
        .build()
        .unwrap();
    let cipher = Cipher::new(&text("user_id"), &key).unwrap();
    let to = parse_msisdn("081234567890").unwrap();
    let call = |reference: &Reference| {
        AsyncCall::new(&to, Gateway::FIRST).client_unique_id(reference.as_str())
    };

    let (mut bare, mut ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..40 {
        // The finished requests: what stays is the exchange.
        let finished: Vec<http::Request<Bytes>> = (0..AT_A_TIME)
            .map(|_| {
                let json = call(&Reference::generate().unwrap()).to_json(NumberForm::National);
                let data = cipher.seal(json.expose(), std::time::SystemTime::now());
                http::Request::post(base.join("/v2/asynccall").unwrap())
                    .header("authorization", header.clone())
                    .header("content-type", "application/json")
                    .body(Bytes::from(format!("{{\"data\":\"{data}\"}}")))
                    .unwrap()
            })
            .collect();
        let start = Instant::now();
        all(finished.into_iter().map(|request| {
            let transport = transport.clone();
            tokio::spawn(async move {
                let answer = transport.exchange(request).await.unwrap();
                assert!(black_box(answer).body().starts_with(b"{\"data\""));
            })
        }))
        .await;
        bare = bare.min(start.elapsed());

        let start = Instant::now();
        all((0..AT_A_TIME).map(|_| {
            let client = client.clone();
            let reference = Reference::generate().unwrap();
            let call = call(&reference);
            tokio::spawn(async move {
                let answer = client.async_call(&reference, &call).await.unwrap();
                assert!(matches!(answer, Submission::Accepted(_)));
            })
        }))
        .await;
        ours = ours.min(start.elapsed());
    }
    println!(
        "{AT_A_TIME} calls at a time: {ours:.2?}, bare exchanges of the same octets {bare:.2?}: {:.2} × their time",
        ours.as_secs_f64() / bare.as_secs_f64()
    );
}

fn main() {
    cipher();
    tokio::runtime::Runtime::new().unwrap().block_on(calls());
}
