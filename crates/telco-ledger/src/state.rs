//! The states of a top-up, and which may follow which. The stores refuse every other step, in SQL too.

use std::fmt;

/// Where a top-up stands.
///
/// ```text
/// planned ─► prepared ─► sending ─┬─► accepted
///    │                            ├─► rejected
///    └─► not_sent ◄───────────────┤
///                                 └─► unknown ─┬─► settled      (a lookup says what happened)
///                                        ▲     ├─► replaying ─► replayed
///                                        └─────┼──────┘
///                                              └─► unresolved ─► resolved  (by a person)
/// ```
///
/// Whatever was delivered may become `reversed` later. A row goes back to `sending` from `not_sent`, and from a proven
/// "did not happen" if the caller asks for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// Written down, for a worker to take.
    Planned,
    /// The request is finished. Passed through in the same durable write as `Sending`: no row rests here.
    Prepared,
    /// It may be on the way. Whoever finds a row here that nobody holds looks it up and never sends it.
    Sending,
    /// No byte left.
    NotSent,
    /// The provider took it.
    Accepted,
    /// The provider said that it did not act.
    Rejected,
    /// It may have happened.
    Unknown,
    /// A second copy of the same bytes may be on the way.
    Replaying,
    /// The provider accepted the second copy; it guards that there is one effect.
    Replayed,
    /// A lookup said what happened.
    Settled,
    /// Nothing can tell but a person.
    Unresolved,
    /// A person said what happened.
    Resolved,
    /// Delivered, and taken back later.
    Reversed,
}

/// Every step that is allowed.
const STEPS: &[(State, &[State])] = {
    use State::*;
    &[
        (Planned, &[Sending, NotSent]),
        (NotSent, &[Sending, Planned]),
        (Sending, &[Accepted, Rejected, Unknown, NotSent]),
        // Unknown to unknown: looked up, and nothing learnt yet.
        (Unknown, &[Unknown, Settled, Replaying, Unresolved]),
        (Replaying, &[Replayed, Unknown]),
        (Unresolved, &[Unresolved, Settled, Resolved]),
        (Accepted, &[Reversed]),
        (Replayed, &[Reversed]),
        // Again, or reversed: by what was found.
        (Settled, &[Reversed, Sending]),
        (Resolved, &[Reversed, Sending]),
        (Rejected, &[Sending]),
    ]
};

impl State {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Planned,
        Self::Prepared,
        Self::Sending,
        Self::NotSent,
        Self::Accepted,
        Self::Rejected,
        Self::Unknown,
        Self::Replaying,
        Self::Replayed,
        Self::Settled,
        Self::Unresolved,
        Self::Resolved,
        Self::Reversed,
    ];

    /// The word in the database: `not_sent`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Prepared => "prepared",
            Self::Sending => "sending",
            Self::NotSent => "not_sent",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Replaying => "replaying",
            Self::Replayed => "replayed",
            Self::Settled => "settled",
            Self::Unresolved => "unresolved",
            Self::Resolved => "resolved",
            Self::Reversed => "reversed",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|s| s.as_str() == name)
    }

    /// What happened is not known yet: to be settled, or for a person.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(
            self,
            Self::Sending | Self::Replaying | Self::Unknown | Self::Unresolved
        )
    }

    /// Whether this may follow that.
    ///
    /// ```
    /// use telco_ledger::State;
    ///
    /// assert!(State::Unknown.may_become(State::Settled));
    /// assert!(!State::Unknown.may_become(State::Sending), "never sent again");
    /// ```
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        STEPS
            .iter()
            .any(|(from, to)| *from == self && to.contains(&next))
    }

    /// Those that may come before this one, as `,unknown,unresolved,`: what a statement looks its row's state up in.
    pub(crate) fn predecessors(self) -> String {
        let mut list = String::from(",");
        for (from, to) in STEPS {
            if to.contains(&self) {
                list.push_str(from.as_str());
                list.push(',');
            }
        }
        list
    }

    /// All steps as `'planned>sending', …`, for the trigger that refuses the others.
    pub(crate) fn steps_in_sql() -> String {
        let pairs = STEPS
            .iter()
            .flat_map(|(from, to)| to.iter().map(move |to| format!("'{from}>{to}'")));
        pairs.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_may_have_happened_is_sent_again() {
        for &state in State::ALL {
            let sendable = state.may_become(State::Sending);
            assert!(!(sendable && state.is_open()), "{state}");
            assert_eq!(State::from_name(state.as_str()), Some(state));
        }
        assert!(!State::Accepted.may_become(State::Sending));
        assert!(!State::Replayed.may_become(State::Sending));
        assert!(!State::Reversed.may_become(State::Sending));
    }

    #[test]
    fn every_open_state_has_a_way_out() {
        for &state in State::ALL.iter().filter(|state| state.is_open()) {
            let mut ways = State::ALL.iter().filter(|next| state.may_become(**next));
            let out =
                ways.any(|next| *next != state && (!next.is_open() || *next == State::Unknown));
            assert!(out, "{state}");
        }
    }
}
