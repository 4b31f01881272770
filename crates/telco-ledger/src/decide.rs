//! What a look at the provider's books comes to. No I/O.

use std::time::{Duration, SystemTime};

use telco_core::{Error, ErrorKind, Lookup, LookupSupport, ProductRules, RecordState};

use crate::{Operation, Step, Why};

/// A look that fails, or finds it undecided, is repeated; after so many all in all, a person must see to it.
const LOOKS_AT_MOST: u32 = 40;

/// How long until the next look.
pub(crate) fn wait(schedule: &[Duration], looks: u32) -> Duration {
    let at = usize::try_from(looks).unwrap_or(usize::MAX);
    let wait = schedule.get(at).or(schedule.last()).copied();
    wait.unwrap_or(Duration::from_secs(1))
}

/// What a look comes to. What a missing record proves is said by the provider's capabilities, nowhere else.
pub(crate) fn decide(
    rules: &ProductRules,
    row: &Operation,
    found: Option<Result<Lookup, Error>>,
    now: SystemTime,
) -> Step {
    let looks = row.lookups.saturating_add(1);
    let again = |why: Why| Step::LookedUp {
        why,
        after: wait(&rules.poll_after, looks),
    };
    let scheduled = u32::try_from(rules.poll_after.len()).unwrap_or(u32::MAX);
    let (pending, exhausted) = (looks < scheduled, looks >= LOOKS_AT_MOST);
    let found = match found {
        None => {
            let reason = row.why.as_ref().map_or("", |why| why.message.as_str());
            return Step::Unresolved(Why {
                help: Some("ask the provider's staff, then resolve it".to_owned()),
                ..Why::new(
                    ErrorKind::Unsupported,
                    format!("the provider answers no question about this product ({reason})"),
                )
            });
        }
        Some(Err(failure)) if exhausted => {
            return Step::Unresolved(Why::new(
                failure.kind(),
                format!("could not be looked up: {}", failure.message()),
            ));
        }
        Some(Err(failure)) => {
            return again(Why::new(
                failure.kind(),
                format!("could not be looked up: {}", failure.message()),
            ));
        }
        Some(Ok(found)) => found,
    };
    match found {
        Lookup::Found(record) => match record.state {
            RecordState::Pending if pending || !exhausted => again(Why::new(
                ErrorKind::Other,
                "the provider has it on record, not decided yet",
            )),
            RecordState::Pending => Step::Unresolved(Why::new(
                ErrorKind::Other,
                "the provider has it on record and never decided",
            )),
            RecordState::Failed | RecordState::Reversed => Step::Settled {
                delivered: false,
                why: Why::new(
                    ErrorKind::Other,
                    "the provider has it on record as not delivered",
                ),
                provider_id: record.provider_id,
            },
            // Completed; and one that says nothing about its state: on record is delivered.
            _ => Step::Settled {
                delivered: true,
                why: Why::new(ErrorKind::Other, "the provider has it on record"),
                provider_id: record.provider_id,
            },
        },
        Lookup::Mismatch(_) => Step::Unresolved(Why {
            help: Some("never send it again: ask the provider what this reference is".to_owned()),
            ..Why::new(
                ErrorKind::Conflict,
                "the provider has something else on record under this reference",
            )
        }),
        Lookup::NotFound if pending => again(Why::new(ErrorKind::Other, "not on record yet")),
        Lookup::NotFound => match rules.lookup {
            LookupSupport::Proves { after } => proven(row, after, now, again),
            _ => Step::Unresolved(Why {
                help: Some(
                    "a missing record proves nothing here: ask the provider, then resolve it"
                        .to_owned(),
                ),
                ..Why::new(
                    row.why.as_ref().map_or(ErrorKind::Other, |why| why.kind),
                    format!("not on record after {looks} looks, which proves nothing"),
                )
            }),
        },
    }
}

/// A record that is still missing after that time proves that it did not happen.
fn proven(row: &Operation, after: Duration, now: SystemTime, again: impl Fn(Why) -> Step) -> Step {
    let sent = row.sent_at.unwrap_or(row.changed_at);
    // A clock that went back proves nothing.
    match now.duration_since(sent) {
        Ok(age) if age >= after => Step::Settled {
            delivered: false,
            why: Why::new(
                ErrorKind::Other,
                "never came on record, which proves here that it did not happen",
            ),
            provider_id: None,
        },
        Ok(age) => Step::LookedUp {
            why: Why::new(ErrorKind::Other, "not on record yet"),
            after: after.saturating_sub(age),
        },
        Err(_) => again(Why::new(ErrorKind::Other, "not on record yet")),
    }
}
