//! Requests and answers exactly as on the wire. No I/O: typed values to bytes, bytes to typed values.
//!
//! The client uses the same path, so what a vector proves here holds there
//! (docs/protocols/kairos.md, sections 3, 8 and 11).

mod request;
mod response;

pub use request::{ApiVersion, Call, Create, GenerateKeyPair, Key, Pull};
pub use response::{Answer, Details, Entry, UnreadableAnswer};

pub(crate) use request::{json_length, json_text};
pub(crate) use response::{object, text};
