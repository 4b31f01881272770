#![doc = include_str!("../README.md")]

mod answer;
mod base;
mod endpoint;
#[cfg(feature = "reqwest")]
mod reqwest_transport;
mod retry;
mod settings;
mod transport;

pub use answer::{partial_body, retry_after};
pub use base::{BaseUrl, InvalidBaseUrl};
pub use bytes::Bytes;
pub use endpoint::Endpoint;
/// The types of a request and a response, as [`Transport`] takes and gives them.
pub use http;
pub use retry::ReadRetry;
pub use settings::Settings;
pub use transport::{Transport, connect};
