//! The built-in rooms, one provider each.

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
