#![doc = include_str!("../README.md")]

mod callbacks;
mod calls;
mod harness;
mod hostile;
mod limits;
mod numbers;
mod otp;
mod outcome;
mod redaction;
mod report;
mod signer;
mod subscription;
mod topup;

pub use callbacks::{CallbackSample, Expect, callbacks};
pub use calls::calls;
pub use harness::{Harness, Limits, Phase, Truth};
pub use hostile::hostile;
pub use limits::{Spend, limits};
pub use numbers::Numbers;
pub use otp::{otp_local, otp_remote, otp_sender, otp_verify};
pub use outcome::{Told, judge};
pub use redaction::{Canaries, Log, redaction};
pub use report::{Check, Report};
pub use signer::{SignSamples, signer};
pub use subscription::subscription;
pub use topup::topup;
