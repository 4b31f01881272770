#![doc = include_str!("../README.md")]

mod builder;
mod client;
mod codes;
mod credentials;
mod decimal;
pub mod methods;
mod sms_otp;
pub mod wire;

pub use builder::Builder;
pub use client::MorClient;
pub use codes::{Basis, KnownText};
pub use credentials::Credentials;
pub use decimal::{Decimal, InvalidDecimal};
/// The hash of this API, by itself.
pub use mor_hash;
pub use sms_otp::SmsOtp;

pub use telco_core as core;
pub use telco_http as http;
/// What makes and checks the codes of [`SmsOtp`].
pub use telco_otp as otp;
