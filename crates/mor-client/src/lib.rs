#![doc = include_str!("../README.md")]

mod builder;
mod client;
mod codes;
mod credentials;
mod decimal;
pub mod methods;
pub mod wire;

pub use builder::Builder;
pub use client::MorClient;
pub use codes::{Basis, KnownText};
pub use credentials::Credentials;
pub use decimal::{Decimal, InvalidDecimal};
/// The hash of this API, by itself.
pub use mor_hash;
