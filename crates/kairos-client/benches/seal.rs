//! Ratios in one run: sealing against its bare steps, memory against the body, splitting against its own size.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes::Aes128;
use aes::cipher::array::Array;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kairos_client::envelope::Envelope;
use kairos_client::{FlowId, Kairos, Kind, Padding, PublicKey, SecurityId};
use telco_core::{Call, CallBatch, CallTrigger, Msisdn, OsRandomness, Reference, Secret};
use telco_crypto::random::NoRandomness;

const FLOW: &str = "Zb0RKJvh";

fn main() {
    sealing();
    memory();
    splitting();
}

fn public_key() -> PublicKey {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/rsa.json")).unwrap();
    let pem = file["test_keys"]["4096"]["public_spki_pem"]
        .as_str()
        .unwrap();
    PublicKey::load(pem.as_bytes()).unwrap()
}

fn client(max_body: usize) -> Kairos {
    let security = SecurityId::new("0123456789abcdef".repeat(4)).unwrap();
    Kairos::builder(FlowId::new(FLOW).unwrap(), security)
        .kind(Kind::EncryptedRealTime)
        .public_key(public_key())
        .max_body(max_body)
        .build()
        .unwrap()
}

fn batch(calls: usize, value: &str) -> CallBatch {
    let to = Msisdn::parse("919812345678").unwrap();
    let call = |n: usize| {
        Call::new(Reference::new(format!("call-{n:027}")).unwrap(), to.clone())
            .variable("Amount", Secret::new(value))
    };
    let calls: Vec<Call> = (0..calls).map(call).collect();
    CallBatch::new(Reference::new("bench").unwrap(), calls)
}

/// The best of many interleaved rounds, so that a busy machine disturbs all tasks alike.
fn best_of<const N: usize>(rounds: usize, mut tasks: [&mut dyn FnMut(); N]) -> [f64; N] {
    let mut best = [Duration::MAX; N];
    for _ in 0..rounds {
        for (task, best) in tasks.iter_mut().zip(&mut best) {
            let start = Instant::now();
            task();
            *best = start.elapsed().min(*best);
        }
    }
    best.map(|time| time.as_secs_f64() * 1e6)
}

fn sealing() {
    let (key, flow) = (public_key(), FlowId::new(FLOW).unwrap());
    let kairos = client(256_000);
    let calls = batch(500, "1,200 rupees");
    let calls_json = calls
        .calls
        .iter()
        .map(|call| {
            let id = call.reference.as_str();
            format!(
                r#"{{"client-identifier":"{id}","start-time":"2030-01-23T08:02:53.311+05:30","contact-numbers":["919812345678"],"keys":[{{"name":"$flow.key.Amount","value":"1,200 rupees"}}]}}"#
            )
        })
        .collect::<Vec<_>>()
        .join(",");
    let json = format!(
        r#"{{"api-version":"1.0","security-id":"{}","flow-id":"{FLOW}","calls":[{calls_json}]}}"#,
        "0123456789abcdef".repeat(4)
    );
    let cipher = Aes128::new_from_slice(&[7; 16]).unwrap();
    let mut random = |out: &mut [u8]| {
        out.fill(3);
        Ok::<(), NoRandomness>(())
    };
    let envelope = Envelope::default();
    let [bare, rsa, seal, prepare] = best_of(
        300,
        [
            &mut || {
                let mut text = STANDARD.encode(black_box(&json)).into_bytes();
                text.resize(text.len() / 16 * 16 + 16, 16);
                cipher.encrypt_blocks(Array::slice_as_chunks_mut(&mut text).0);
                drop(black_box(STANDARD.encode(&text)));
            },
            &mut || {
                let wrapped = key.encrypt(Padding::Pkcs1v15, &[65; 44], &mut random);
                drop(black_box(wrapped.unwrap()));
            },
            &mut || {
                let body = envelope.seal(&flow, black_box(&json), &key, &OsRandomness);
                drop(black_box(body.unwrap()));
            },
            &mut || drop(black_box(kairos.prepare(black_box(&calls)).unwrap())),
        ],
    );
    println!(
        "seal 500 calls ({} bytes): {seal:.0} µs; base64 + AES-ECB + base64 {bare:.0} µs + one RSA public operation {rsa:.0} µs: {:.2} × (at most 1.5)",
        json.len(),
        seal / (bare + rsa)
    );
    println!(
        "prepare 500 typed calls, with checks, JSON and splitting: {prepare:.0} µs: {:.2} ×",
        prepare / (bare + rsa)
    );
}

/// The highest memory of the process while a large request is prepared, against the size of its body. A body of tens of megabytes,
/// so that pages and the rest of the process do not matter.
fn memory() {
    let kairos = client(usize::MAX);
    let calls = batch(500, &"x".repeat(64 * 1024));
    drop(kairos.prepare(&batch(1, "warm")).unwrap());
    let Some(before) = restart_peak() else {
        println!("memory: not measured (needs Linux's /proc)");
        return;
    };
    let prepared = kairos.prepare(&calls).unwrap();
    let peak = peak_kib().unwrap_or(0).saturating_sub(before) * 1024;
    // The body, and three short lines before it.
    let body = prepared[0].frozen().bytes().expose().len();
    println!(
        "memory of preparing 500 calls: {:.1} MiB for a body of {:.1} MiB: {:.2} × (at most 4)",
        peak as f64 / 1048576.0,
        body as f64 / 1048576.0,
        peak as f64 / body as f64
    );
}

fn peak_kib() -> Option<usize> {
    field("VmHWM:")
}

fn field(name: &str) -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

/// Forgets the highest mark so far; what is in use now.
fn restart_peak() -> Option<usize> {
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    field("VmRSS:")
}

fn splitting() {
    let kairos = client(256_000);
    let (small, large) = (batch(10_000, "1"), batch(100_000, "1"));
    let [small, large] = best_of(
        5,
        [
            &mut || drop(black_box(kairos.prepare(black_box(&small)).unwrap())),
            &mut || drop(black_box(kairos.prepare(black_box(&large)).unwrap())),
        ],
    );
    println!(
        "split and seal 100,000 calls: {:.0} ms, 10,000 calls: {:.0} ms: {:.1} × (10 is linear)",
        large / 1e3,
        small / 1e3,
        large / small
    );
}
