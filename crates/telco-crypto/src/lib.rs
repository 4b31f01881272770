#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod additive;
pub mod compare;
pub mod digest;
pub mod encoding;
pub mod mac;
pub mod random;
