//! Messages exactly as on the wire: bytes built and read, no I/O.
//!
//! ```
//! use citcall_client::{Cipher, core::Secret, wire::{Envelope, WireError}};
//! use std::time::{Duration, UNIX_EPOCH};
//!
//! let now = UNIX_EPOCH + Duration::from_secs(1_519_012_727);
//! let plain = Envelope::read(br#"{"rc":"14","info":"no money"}"#, None, now)?;
//! assert_eq!((plain.code().number(), plain.encrypted), (14, false));
//!
//! let cipher = Cipher::new("demo", &Secret::new("fe01ce2a7fbac8fafaed7c982a04e229")).unwrap();
//! let sealed = format!("{{\"data\":\"{}\"}}", cipher.seal(r#"{"rc":0}"#, now));
//! assert!(Envelope::read(sealed.as_bytes(), Some(&cipher), now)?.encrypted);
//! # Ok::<(), WireError>(())
//! ```

mod envelope;
mod fields;
mod json;

pub use envelope::{Envelope, WireError};
pub use fields::Fields;
pub(crate) use json::Object;

/// The longest message that is read: 64 KiB.
pub const BODY_CAP: usize = 64 * 1024;
