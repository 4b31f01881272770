//! What the tests share: credentials that open nothing, a still clock, calls.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

pub mod world;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kairos_client::envelope::Envelope;
use kairos_client::{Builder, FlowId, Kairos, Kind, PublicKey, SecurityId};
use serde_json::Value;
use telco_core::{Call, CallBatch, Clock, Msisdn, Reference, Secret};
use telco_crypto::envelope::Sealed;
use telco_crypto::rsa::PrivateKey;

pub const FLOW: &str = "Zb0RKJvh";
pub const SECURITY_ID: &str = "A1b2C3d4E5f6a7B8c9D0e1F2A3b4C5d6E7f8a9B0c1D2e3F4A5b6C7d8E9f0a1B2";
/// 2026-03-11, 00:30 in India.
pub const NOW: u64 = 1_773_169_200_123;

#[derive(Debug)]
pub struct Still(pub u64);
impl Clock for Still {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

pub fn now() -> SystemTime {
    Still(NOW).now()
}

fn key_file(name: &str, form: &str) -> String {
    let file: Value = serde_json::from_str(include_str!("../../vectors/rsa.json")).unwrap();
    file["test_keys"][name][form].as_str().unwrap().to_owned()
}

pub fn public_key() -> PublicKey {
    PublicKey::load(key_file("2048", "public_spki_pem").as_bytes()).unwrap()
}

pub fn private_key() -> PrivateKey {
    PrivateKey::load(private_pem().as_bytes()).unwrap()
}

pub fn private_pem() -> String {
    key_file("2048", "private_pkcs8_pem")
}

/// For the flow of the tests, at a standstill of time.
pub fn builder(kind: Kind) -> Builder {
    let builder = Kairos::builder(
        FlowId::new(FLOW).unwrap(),
        SecurityId::new(SECURITY_ID).unwrap(),
    )
    .kind(kind)
    .clock(Arc::new(Still(NOW)));
    if kind.is_encrypted() {
        builder.public_key(public_key())
    } else {
        builder
    }
}

pub fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

pub fn number() -> Msisdn {
    Msisdn::parse("919812345678").unwrap()
}

pub fn call(text: &str) -> Call {
    Call::new(reference(text), number())
}

pub fn batch(calls: impl Into<Vec<Call>>) -> CallBatch {
    CallBatch::new(reference("batch-1"), calls)
}

pub fn three() -> CallBatch {
    batch([
        call("c-1"),
        call("c-2").variable("OTP", Secret::new("482113")),
        call("c-3"),
    ])
}

/// The body in what is stored: its last line. The others are version, kind and hash.
pub fn stored_body(frozen: &[u8]) -> &[u8] {
    frozen.splitn(4, |&byte| byte == b'\n').last().unwrap()
}

/// What is inside an envelope, opened with the test key.
pub fn open(envelope: &Envelope, body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    let sealed = Sealed::from_fields(
        field("requestEncryptedValue"),
        None,
        field("requestDigitalSignatureValue"),
    );
    envelope
        .profile()
        .open(&sealed, &private_key())
        .unwrap()
        .to_string()
}
