//! The built-in rooms, one provider each.

use std::sync::Arc;

use crate::room::Room;

pub mod citcall;
pub mod cowrie;
pub mod kairos;

/// All built-in providers, in the order of their ports.
pub(crate) fn all(seed: u64) -> Vec<Arc<dyn Room>> {
    vec![
        Arc::new(cowrie::Cowrie::new()),
        Arc::new(citcall::Citcall::new(seed)),
        Arc::new(kairos::Kairos::new(seed)),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_fidelity_list_names_settings_that_exist_and_grades_that_mean_something() {
        const GRADES: [&str; 6] = [
            "proven",
            "documented",
            "observed",
            "claimed",
            "inferred",
            "unknown",
        ];
        for room in super::all(0) {
            let settings = room.settings();
            let provider = room.provider();
            // One rule may have several settings.
            let listed = room.fidelity().iter().filter_map(|rule| rule.setting);
            let listed: Vec<&str> = listed.flat_map(|names| names.split(", ")).collect();
            for name in &listed {
                assert!(settings.get(name).is_some(), "{provider} {name}");
            }
            for rule in room.fidelity() {
                assert!(GRADES.contains(&rule.grade), "{provider} {rule:?}");
            }
        }
    }
}
