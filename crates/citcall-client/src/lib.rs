#![doc = include_str!("../README.md")]

mod builder;
mod callback;
mod cipher;
mod client;
mod codes;
mod credentials;
mod gateway;
mod judge;
mod line;
mod missed_call;
mod number;
mod operation;
mod token;
pub mod v3;
pub mod wire;

pub use builder::Builder;
pub use callback::{
    CallCallbacks, CallEnded, Callbacks, OBSERVED_SENDER, Push, SmsCallbacks, SmsReport,
};
pub use cipher::{Cipher, DEFAULT_WINDOW};
pub use client::{AcceptedCall, AsyncCall, Client};
pub use codes::{Class, Code};
pub use credentials::{Authorization, Credentials};
pub use gateway::{Gateway, InvalidGateway};
pub use missed_call::MissedCall;
pub use number::{InvalidNumber, NumberForm, Numbers, parse_msisdn};
pub use token::{Token, typed_code};

pub use telco_core as core;
/// The cipher itself, which knows nothing of this provider.
pub use telco_crypto::additive;
pub use telco_http as http;
/// What this crate's users need to check codes on their side: keys, stores, resend limits, the router.
pub use telco_otp as otp;

/// The name in identities, errors and traces.
const PROVIDER: &str = "citcall";
