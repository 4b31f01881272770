#![doc = include_str!("../README.md")]

/// The hidden beginning of examples: a client `kairos` of the sandbox's flow.
macro_rules! against_the_sandbox {
    () => {
        "# #[tokio::main(flavor = \"current_thread\")]
# async fn main() -> Result<(), Box<dyn std::error::Error>> {
# let sandbox = telco_sandbox::Sandbox::start().await?;
# let account = sandbox.credentials(\"kairos\").unwrap();
# let text = |field: &str| account[field].as_str().unwrap();
# let base = sandbox.base_url(\"kairos\").unwrap();
# let kairos = kairos_client::Kairos::builder(
#     kairos_client::FlowId::new(text(\"flow_id\"))?,
#     kairos_client::SecurityId::new(text(\"security_id\"))?,
# )
# .kind(kairos_client::Kind::EncryptedRealTime)
# .public_key(kairos_client::PublicKey::load(text(\"public_key\").as_bytes())?)
# .base_url(base.as_str())
# .pull_url(format!(\"{base}/pull\"))
# .replay_guard(telco_core::ReplayGuard::ByteIdentical { within: std::time::Duration::from_secs(600) })
# .build()?;"
    };
}

mod builder;
mod callback;
mod calls;
mod client;
mod codes;
mod credentials;
mod endpoint;
pub mod envelope;
mod freeze;
mod judge;
mod key_pair;
mod number;
mod order;
mod probe;
mod pull;
mod start;
mod voice;
pub mod wire;

pub use builder::Builder;
pub use callback::{CallDetail, Dtmf, EmailDetail, Other, PostCall, PostCallParser, SmsDetail};
pub use client::{Kairos, Orders, PreparedOrders};
pub use codes::{Class, Code};
pub use credentials::{FlowId, InvalidCredential, SecurityId};
pub use endpoint::{BULK_REQUESTS_PER_MINUTE, Kind, REAL_TIME_REQUESTS_PER_MINUTE};
pub use judge::Created;
pub use key_pair::KeyPairAnswer;
pub use number::{ContactNumber, InvalidNumber, NumberPolicy};
pub use order::{InvalidOrder, Order};
pub use probe::{Finding, ProbeReading};
pub use pull::{CallRecord, FetchAttempt, PullVersion};
pub use start::{InvalidStartTime, StartTime, UtcOffset};
/// The vocabulary that all clients share: references, outcomes, errors, traits.
pub use telco_core as core;
/// What a flow's envelope is sealed with, and how such keys are loaded.
pub use telco_crypto::rsa::{KeyError, LoadOptions, Padding, PublicKey};
/// Time-outs, proxies, transports of your own.
pub use telco_http as http;
/// What checks the codes of a [`VoiceOtp`]: keys, stores, limits on resends.
pub use telco_otp as otp;
pub use voice::VoiceOtp;
