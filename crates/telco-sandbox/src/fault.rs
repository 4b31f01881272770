//! Faults by phase: where in the life of a request things go wrong, and for whom.

mod engine;
mod phase;
mod rule;

pub(crate) use engine::Chosen;
pub use engine::Faults;
pub use phase::{CallbackFault, Phase};
pub use rule::{FaultRule, When};
