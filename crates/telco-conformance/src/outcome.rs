//! The one rule of all suites: what the client was told must be true of what happened.

use telco_core::{NotSent, Outcome, Submission};

use crate::{Phase, Truth};

/// What a client told its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// No byte left.
    NotSent,
    /// It was done.
    Accepted,
    /// It was not done.
    Rejected,
    /// Nobody knows yet.
    Unknown,
}

impl Told {
    /// From the answer of a spending call.
    pub fn of<T>(answer: &Result<Submission<T>, NotSent>) -> Self {
        match answer.as_ref().map(Submission::outcome) {
            Err(_) => Self::NotSent,
            Ok(Outcome::Accepted) => Self::Accepted,
            Ok(Outcome::Rejected) => Self::Rejected,
            Ok(Outcome::Unknown) => Self::Unknown,
        }
    }
}

/// Checks what was told against what happened, in the phase the request went wrong in (`None`: it did not).
///
/// # Errors
/// The lie, as a sentence.
///
/// ```
/// use telco_conformance::{Phase, Told, Truth, judge};
///
/// let once = Truth { received: 1, delivered: 1 };
/// assert!(judge(Told::Unknown, once, Some(Phase::ActThenReset)).is_ok());
/// assert!(judge(Told::Rejected, once, Some(Phase::ActThen500)).is_err());
/// assert!(judge(Told::Accepted, Truth { received: 2, delivered: 2 }, None).is_err());
/// ```
pub fn judge(told: Told, truth: Truth, phase: Option<Phase>) -> Result<(), String> {
    let Truth {
        received,
        delivered,
    } = truth;
    if delivered > 1 {
        return Err(format!("delivered {delivered} times"));
    }
    if received > 1 {
        return Err(format!(
            "transmitted {received} times: a spending call is sent once"
        ));
    }
    if let Some(phase) = phase {
        happened(phase, truth)?;
    }
    match told {
        Told::Accepted if delivered == 0 => {
            return Err("told Accepted, but nothing was delivered".into());
        }
        Told::Rejected if delivered > 0 => return Err("told Rejected, but it was delivered".into()),
        Told::NotSent if received > 0 => return Err("told NotSent, but a request arrived".into()),
        _ => {}
    }
    let allowed: &[Told] = match phase {
        None => &[Told::Accepted],
        // Whether the listener is gone or closes at once, a client may or may not be able to prove that nothing left.
        Some(Phase::Refuse) => &[Told::NotSent, Told::Unknown],
        Some(
            Phase::Stall
            | Phase::ResetBeforeActing
            | Phase::ActThenReset
            | Phase::Truncate
            | Phase::Garbage
            | Phase::Flood
            | Phase::Drip,
        ) => &[Told::Unknown],
        // A protocol whose body is judged before its status may find a receipt behind a 500.
        Some(Phase::ActThen500) => &[Told::Unknown, Told::Accepted],
        // Late, but within the patience of the client.
        Some(Phase::SlowAnswer) => &[Told::Accepted],
        Some(Phase::ClosePooled) => &[Told::NotSent, Told::Unknown],
        Some(Phase::Redirect) => &[Told::Unknown],
        Some(Phase::Decline) => &[Told::Rejected],
    };
    if allowed.contains(&told) {
        Ok(())
    } else {
        let faulted = phase.map_or_else(
            || "a call without a fault".to_owned(),
            |phase| format!("{phase:?}"),
        );
        Err(format!(
            "told {told:?} after {faulted}, where only {allowed:?} is honest"
        ))
    }
}

/// A fault that did not happen proves nothing about the client.
pub(crate) fn happened(phase: Phase, truth: Truth) -> Result<(), String> {
    let Truth {
        received,
        delivered,
    } = truth;
    if phase.acts() && (received, delivered) != (1, 1) {
        return Err(format!(
            "the harness did not act: received {received}, delivered {delivered}"
        ));
    }
    if phase == Phase::Refuse && received > 0 {
        return Err("the harness did not refuse: a request arrived".into());
    }
    if !phase.acts() && delivered > 0 {
        return Err(format!("the harness acted, which {phase:?} does not"));
    }
    let answers = !phase.acts() && !matches!(phase, Phase::Refuse | Phase::ClosePooled);
    if answers && received == 0 {
        return Err(format!("no request arrived to meet {phase:?}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acting_phase_is_never_told_as_rejected_or_not_sent() {
        for &phase in Phase::ALL
            .iter()
            .chain(Phase::LIMITS)
            .filter(|phase| phase.acts())
        {
            for told in [Told::Rejected, Told::NotSent] {
                let truth = Truth {
                    received: 1,
                    delivered: 1,
                };
                assert!(
                    judge(told, truth, Some(phase)).is_err(),
                    "{phase:?} {told:?}"
                );
            }
        }
    }

    #[test]
    fn a_fault_that_did_not_happen_proves_nothing() {
        let truth = |received, delivered| Truth {
            received,
            delivered,
        };
        for &phase in Phase::ALL
            .iter()
            .chain(Phase::LIMITS)
            .filter(|phase| phase.acts())
        {
            for truth in [truth(0, 0), truth(1, 0), truth(0, 1)] {
                let why = judge(Told::Unknown, truth, Some(phase)).unwrap_err();
                assert!(why.contains("did not act"), "{phase:?}: {why}");
            }
        }
        let refuse = Some(Phase::Refuse);
        assert!(
            judge(Told::Unknown, truth(1, 0), refuse)
                .unwrap_err()
                .contains("did not refuse")
        );
        assert!(judge(Told::Unknown, truth(0, 0), refuse).is_ok());
        assert!(judge(Told::Unknown, truth(1, 1), Some(Phase::SlowAnswer)).is_err());
        for (phase, told) in [
            (Phase::Stall, Told::Unknown),
            (Phase::ResetBeforeActing, Told::Unknown),
            (Phase::Redirect, Told::Unknown),
            (Phase::Decline, Told::Rejected),
        ] {
            let judged = |truth| judge(told, truth, Some(phase));
            let acted = judged(truth(1, 1)).unwrap_err();
            assert!(acted.contains("the harness acted"), "{phase:?}: {acted}");
            let nothing = judged(truth(0, 0)).unwrap_err();
            assert!(nothing.contains("no request"), "{phase:?}: {nothing}");
            assert_eq!(judged(truth(1, 0)), Ok(()), "{phase:?}");
        }
        // Whether the request is counted that a closed connection swallowed is the harness's to say.
        let pooled = |truth| judge(Told::Unknown, truth, Some(Phase::ClosePooled));
        assert!(pooled(truth(0, 0)).is_ok() && pooled(truth(1, 0)).is_ok());
        assert!(pooled(truth(1, 1)).unwrap_err().contains("acted"));
    }

    #[test]
    fn each_lie_has_its_own_words() {
        let lie = |told, received, delivered| {
            judge(
                told,
                Truth {
                    received,
                    delivered,
                },
                None,
            )
            .unwrap_err()
        };
        assert!(lie(Told::Accepted, 1, 0).contains("nothing was delivered"));
        assert!(lie(Told::Accepted, 2, 2).contains("delivered 2 times"));
        assert!(lie(Told::Accepted, 2, 1).contains("transmitted 2 times"));
        assert!(lie(Told::Unknown, 1, 1).contains("only [Accepted] is honest"));
    }
}
