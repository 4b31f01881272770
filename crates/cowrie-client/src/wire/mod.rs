//! Requests and answers exactly as on the wire, without I/O: what vectors, fuzzers and debuggers drive, and the same path the
//! client uses.

mod answer;
mod fields;
mod request;

pub(crate) use answer::record_of;
pub use answer::{
    Checked, EchoMismatch, RecordStatus, read_account, read_check, read_pins, read_redeemed,
    read_topup,
};
pub use fields::{Fields, error_text};
pub(crate) use request::OWN_HEADERS;
pub use request::{InvalidFrozen, Operation, UnsignedRequest};
