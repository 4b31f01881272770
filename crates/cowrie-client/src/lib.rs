#![doc = include_str!("../README.md")]

mod builder;
mod client;
mod codes;
mod credentials;
mod encoding;
mod network;
mod nonce;
mod number;
#[cfg(feature = "plans")]
pub mod plans;
mod signing;
mod topup;
pub mod wire;

pub use builder::Builder;
pub use client::{Account, CheckAnswer, Client, Redeemed};
pub use codes::{Class, Code};
pub use credentials::{ClientKey, Credentials};
pub use encoding::{Encoding, Query};
pub use network::{Network, PrefixTable, UnknownNetwork};
pub use nonce::{Nonce, Nonces, RandomNonces};
pub use number::{InvalidNumber, is_assigned, parse_msisdn};
pub use signing::{SignRequest, Signer};
/// The name in identities, errors and traces.
const PROVIDER: &str = "cowrie";

pub use telco_core as core;
pub use telco_http as http;
