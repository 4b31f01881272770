//! Citcall v3: plain JSON, today's accounts. A constructor of its own, for nothing of v2's is shared but the words.
//!
//! Most of it is **observed** in official clients, answers and many codes by third parties only; nothing was tried against the live
//! servers. Grades stand at each item and in `docs/protocols/citcall.md`, part C.
//!
//! ```
//! use citcall_client::core::{OtpCode, OtpRequest, OtpSender, OtpVerifier, Reference, Submission, Verification};
//! use citcall_client::{parse_msisdn, v3};
//! use std::time::Duration;
//!
//! async fn demo(client: &v3::Client) -> Result<bool, Box<dyn std::error::Error>> {
//!     let calls = client.missed_call(Duration::from_secs(300), 5)?;
//!     let request = OtpRequest::new(parse_msisdn("081234567890")?, Reference::generate()?);
//!     let Submission::Accepted(challenge) = calls.start(&request).await? else { return Ok(false) };
//!     let typed = OtpCode::new("8955"); // another request of the user's, later
//!     Ok(matches!(calls.verify(&challenge.pending, &typed).await?, Verification::Valid(_)))
//! }
//! ```

mod builder;
mod client;
mod message;
mod motp;
mod otp;

pub use builder::Builder;
pub use client::Client;
pub use message::{SentSms, Sms, SmsOtp};
pub use motp::{CallbackUrl, Counter, Limits, Motp};
pub use otp::{MissedCall, SmsCode};
