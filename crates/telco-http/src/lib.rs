#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod base;
#[cfg(feature = "blocking")]
mod blocking;
mod endpoint;
mod extra_headers;
mod json;
mod observe;
#[cfg(feature = "reqwest")]
mod reqwest_transport;
mod retry;
mod settings;
mod transport;

pub use answer::{after_failure, never_connected, partial_body, retry_after};
pub use base::{BaseUrl, InvalidBaseUrl};
#[cfg(feature = "blocking")]
#[cfg_attr(docsrs, doc(cfg(feature = "blocking")))]
pub use blocking::Blocking;
pub use bytes::Bytes;
pub use endpoint::Endpoint;
pub use extra_headers::extra_headers;
/// The types of a request and a response, as [`Transport`] takes and gives them.
pub use http;
pub use json::repeats_a_member;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use observe::describe_metrics;
pub use retry::ReadRetry;
pub use settings::Settings;
pub use transport::{Transport, connect};
