#![doc = include_str!("../README.md")]

mod admin;
mod bounded;
mod builder;
mod calendar;
mod callback;
mod clock;
mod fault;
mod handset;
mod history;
mod http;
mod ledger;
mod random;
pub mod room;
pub mod rooms;
mod rsa;
mod sandbox;
mod serve;
mod shared;
pub mod text;
mod visit;

pub use builder::Builder;
pub use callback::{Callback, Callbacks, Pushed};
pub use clock::Clock;
pub use fault::{CallbackFault, FaultRule, Faults, Phase, When};
pub use handset::{Arrival, Received};
pub use history::{Exchange, History, Query};
pub use http::Limits;
pub use ledger::{Filter, Happening, Ledger, Operation, Told, Totals, What};
pub use random::Draw;
pub use room::{Answer, Halt, Request, Room, Rule};
pub use sandbox::Sandbox;
pub use visit::Visit;
