//! The typed calls, one file for each part of the API. All are methods of [`MorClient`](crate::MorClient).
//!
//! | call | method of the server | |
//! |---|---|---|
//! | [`user_balance`](crate::MorClient::user_balance) | `user_balance_get` | read |
//! | [`user_details`](crate::MorClient::user_details) | `user_details_get` | read |
//! | [`add_to_balance`](crate::MorClient::add_to_balance) | `user_balance_update` | **money** |
//! | [`payments`](crate::MorClient::payments) | `payments_get` | read |
//! | [`create_payment`](crate::MorClient::create_payment) | `payment_create` | **money** |
//! | [`user_calls`](crate::MorClient::user_calls) | `user_calls_get` | read |
//! | [`init_callback`](crate::MorClient::init_callback) | `callback_init` | **a call** |
//! | [`send_sms`](crate::MorClient::send_sms) | `sms_send` | **a message** |
//! | [`devices`](crate::MorClient::devices) | `devices_get` | read |
//! | [`system_version`](crate::MorClient::system_version) | `system_version_get` | read |

mod accounts;
mod calls;
mod devices;
mod payments;
mod record;
mod sms;

pub use accounts::{Balance, BalanceChange, UserDetails, UserRef};
pub use calls::{Callback, CallsQuery, UserCalls};
pub use devices::Device;
pub use payments::{CreatedPayment, Payment, PaymentOrder, PaymentsQuery};
pub use record::Record;
pub use sms::{SentSms, Sms};
