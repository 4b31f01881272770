#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod clocks;
mod decide;
mod guard;
mod jobs;
mod ledger;
mod operation;
mod people;
#[cfg(feature = "postgres")]
mod postgres;
mod sent;
mod settings;
mod settle;
mod sql;
mod sqlite;
mod state;
mod step;
mod store;

pub use guard::{Guard, Guards, LeftOut, Refusal};
pub use jobs::Entry;
pub use ledger::{Ledger, Options};
pub use operation::{Count, Counts, Event, Filter, Operation, Settled};
pub use people::Verdict;
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use postgres::PostgresStore;
pub use sent::Earlier;
pub use settings::{Moment, Settings, Watch};
pub use sqlite::SqliteStore;
pub use state::State;
pub use step::{Step, Why};
pub use store::{Ask, Begun, Claim, Due, Mark, Placed, PlanRow, Recorded, Spendable, Store};
pub use telco_core as core;
#[cfg(feature = "postgres")]
pub use tokio_postgres;
