#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod claim;
mod commit;
mod key;
mod local;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod resend;
mod router;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;

pub use commit::{CommitOutcome, CommitPolicy, commit_once};
pub use key::OtpKey;
pub use local::LocalOtp;
pub use memory::MemoryOtpStore;
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use postgres::PostgresOtpStore;
pub use resend::{Admission, ResendPolicy};
pub use router::OtpRouter;
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use sqlite::SqliteOtpStore;
pub use store::OtpStore;
#[cfg(feature = "postgres")]
pub use tokio_postgres;
