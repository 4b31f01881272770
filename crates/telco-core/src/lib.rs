#![doc = include_str!("../README.md")]

mod amount;
mod call;
mod callback;
mod error;
mod excerpt;
mod msisdn;
mod otp;
mod pending;
mod prepared;
mod provider;
mod reference;
mod secret;
mod signing;
mod source;
mod submission;
mod topup;

pub use amount::{Amount, Currency};
pub use async_trait::async_trait;
pub use call::{
    BatchReceipt, Call, CallBatch, CallCapabilities, CallExt, CallReceipt, CallReport, CallRow,
    CallTrigger, PreparedCalls,
};
pub use callback::{Callback, CallbackError, CallbackParser, CallbackRequest};
pub use error::{Delivery, Error, ErrorKind, NotSent, Rejection};
pub use msisdn::{InvalidMsisdn, Msisdn};
pub use otp::{
    CodeOrigin, OtpCapabilities, OtpChallenge, OtpChannel, OtpCheck, OtpCode, OtpRequest,
    OtpSender, OtpVerifier, Subscription, SubscriptionOtp, Verification,
};
pub use pending::{InvalidPending, PendingOtp};
pub use prepared::{Frozen, Prepared, ReplayGuard};
pub use provider::{Identity, Provider};
pub use reference::{InvalidReference, Reference};
pub use secret::{Secret, SecretBytes};
pub use signing::{FieldFate, RequestSigner, SignedField, SigningReport};
#[cfg(feature = "os-random")]
pub use source::OsRandomness;
pub use source::{Clock, NoRandomness, Randomness, SystemClock};
pub use submission::{Outcome, Submission, UnknownOutcome};
pub use topup::{
    Balance, FrozenTopup, Lookup, LookupSupport, Operator, Pin, PreparedTopup, Product,
    ProductKind, ProductRules, RecordState, TopupCapabilities, TopupExt, TopupIntent,
    TopupProvider, TopupReceipt, TopupRecord,
};
