//! Airtime, data and recharge PINs.

mod product;
mod provider;
mod record;

pub use product::{Operator, Product, ProductKind};
pub use provider::{
    Balance, FrozenTopup, LookupSupport, PreparedTopup, ProductRules, TopupCapabilities, TopupExt,
    TopupProvider,
};
pub use record::{Lookup, Pin, RecordState, TopupIntent, TopupReceipt, TopupRecord};
