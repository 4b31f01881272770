#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod arrange;
mod call;
mod data;
mod diagnose;
mod digest;
mod error;
mod explain;
mod filter;
mod form;
mod keys;
mod lookup;
pub mod methods;
mod profile;
mod secret;
mod signer;
#[cfg(feature = "telco-core")]
mod telco;

pub use call::{Call, ReceivedCall};
pub use diagnose::{Diagnosis, Limits, Match, Reading, SecretForm, diagnose};
pub use digest::RequestHash;
pub use error::Error;
pub use explain::{Explanation, Row, SkipReason, Skipped};
pub use filter::Filter;
pub use keys::Keys;
pub use profile::Profile;
pub use secret::Secret;
pub use signer::{Mode, SignedRequest, Signer};
