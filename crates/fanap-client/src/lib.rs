#![doc = include_str!("../README.md")]

mod adapter;
mod builder;
mod callback;
mod class;
mod client;
mod codes;
mod credentials;
mod date;
mod executor;
mod imi;
mod imi_service;
mod judge;
mod number;
mod sdp;
mod service;
mod signatures;
mod signing;
mod text;
mod token;
pub mod wire;

pub use builder::Builder;
pub use callback::{Callbacks, DeliveryReport, Message, Notice};
pub use class::Class;
pub use client::{Client, Committed, Started};
pub use codes::Code;
pub use credentials::{Application, ServiceKey};
pub use date::Date;
pub use imi::{Imi, ImiCommitted, ImiStarted};
pub use imi_service::ImiService;
pub use number::{InvalidNumber, Phone, PhoneFormat, is_likely_mci, parse_msisdn};
pub use sdp::{SubscriptionCheck, SubscriptionCheckBuilder, SubscriptionState};
pub use service::Service;
pub use signing::{Hash, SignRequest, Signed, Signer, verify};
/// RSA keys from any file that people have.
pub use telco_crypto::rsa::{KeyError, LoadOptions, PrivateKey, PublicKey};
pub use token::{InvalidToken, Token};

/// The name in identities, errors and traces.
const PROVIDER: &str = "fanap";

pub use telco_core as core;
pub use telco_http as http;
/// The guard around a commit, and the stores it counts in.
pub use telco_otp as otp;
