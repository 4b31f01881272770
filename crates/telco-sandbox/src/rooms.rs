//! The built-in rooms, one provider each. [`Sandbox::start`](crate::Sandbox::start) opens all of them;
//! [`Builder::room`](crate::Builder::room) opens those that are named.
//!
//! | Room | Operations | Credentials | What its near misses know |
//! |---|---|---|---|
//! | [`Cowrie`] | balance, airtime, data and PINs, check, redeem | `client_id`, `client_key`, and those of an agent | texts, keys and encodings that people sign instead |
//! | [`Citcall`] | v2 `asynccall` (enciphered), v3 `motp`, `verify`, `sms`, `smsotp` | `user_id`, `api_key`, `password` | keys, clocks and alphabets of the cipher |
//! | [`Fanap`] | subscription, IMI and SDP v1 start and commit, verification | ids, `private_key` in two forms, `service_key` | order, separators, dates, keys and hashes under a signature |
//! | [`Kairos`] | calls, now or later, plain or in an envelope, dialer, key pairs, pull | `security_id`, `flow_id`, `public_key` | which layer of the envelope does not open, and why |
//! | [`Mor`] | balances, payments, messages, callbacks, users | `user`, `secret` | order and choice of the hashed parameters |
//!
//! ```
//! use telco_sandbox::{Sandbox, rooms::{Citcall, Fanap}};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let sandbox = Sandbox::builder().room(Citcall::new(7)).room(Fanap::new(7)).start().await?;
//! assert!(sandbox.base_url("fanap").is_some() && sandbox.base_url("cowrie").is_none());
//!
//! // What a document leaves open is a setting.
//! sandbox.configure("fanap", &serde_json::json!({ "code_digits": 6, "repeated_commit": "same-answer" })).unwrap();
//! # Ok(()) }
//! ```

mod citcall;
mod cowrie;
mod fanap;
mod kairos;
mod mor;

use std::sync::Arc;

use crate::room::Room;

pub use citcall::Citcall;
pub use cowrie::Cowrie;
pub use fanap::Fanap;
pub use kairos::Kairos;
pub use mor::Mor;

/// All built-in providers, in the order of their ports.
pub(crate) fn all(seed: u64) -> Vec<Arc<dyn Room>> {
    vec![
        Arc::new(Cowrie::new()),
        Arc::new(Citcall::new(seed)),
        Arc::new(Fanap::new(seed)),
        Arc::new(Kairos::new(seed)),
        Arc::new(Mor::new()),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_setting_of_the_fidelity_list_exists_and_every_setting_is_in_it() {
        for room in super::all(0) {
            let settings = room.settings();
            let listed: Vec<&str> = room.fidelity().iter().filter_map(|r| r.setting).collect();
            for name in &listed {
                assert!(settings.get(name).is_some(), "{} {name}", room.provider());
            }
            for name in settings.as_object().unwrap().keys() {
                assert!(
                    listed.contains(&name.as_str()),
                    "{} {name}",
                    room.provider()
                );
            }
            for rule in room.fidelity() {
                assert!(
                    [
                        "proven",
                        "documented",
                        "observed",
                        "claimed",
                        "inferred",
                        "unknown"
                    ]
                    .contains(&rule.grade),
                    "{rule:?}"
                );
            }
        }
    }
}
