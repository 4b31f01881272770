//! Facts about the server as tables; no logic.

pub(crate) mod methods;
pub(crate) mod order;
