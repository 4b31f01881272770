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

/// What a look comes to. What a missing record proves is said by the provider's capabilities, nowhere else. `now` is the
/// store's time, as the row's times are, from before the look.
pub(crate) fn decide(
    rules: &ProductRules,
    row: &Operation,
    found: Option<Result<Lookup, Error>>,
    now: SystemTime,
) -> Step {
    let looks = row.lookups.saturating_add(1);
    let after = wait(&rules.poll_after, looks);
    let again = |why| Step::LookedUp {
        why,
        after,
        on_record: false,
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
            RecordState::Pending if pending || !exhausted => Step::LookedUp {
                why: Why::new(
                    ErrorKind::Other,
                    "the provider has it on record, not decided yet",
                ),
                after,
                on_record: true,
            },
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
            LookupSupport::Proves { after } => match proven(row, after, now) {
                Some(step) => step,
                None if exhausted => Step::Unresolved(Why::new(
                    ErrorKind::Other,
                    "not on record, which proves nothing: by the ledger's clock it was not sent yet",
                )),
                None => again(Why::new(ErrorKind::Other, "not on record yet")),
            },
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

/// A record that is still missing after that time proves that it did not happen. `None`: a clock that went back proves nothing.
fn proven(row: &Operation, after: Duration, now: SystemTime) -> Option<Step> {
    let sent = row.sent_at.unwrap_or(row.changed_at);
    let age = now.duration_since(sent).ok()?;
    Some(if age >= after {
        Step::Settled {
            delivered: false,
            why: Why::new(
                ErrorKind::Other,
                "never came on record, which proves here that it did not happen",
            ),
            provider_id: None,
        }
    } else {
        Step::LookedUp {
            why: Why::new(ErrorKind::Other, "not on record yet"),
            after: after.saturating_sub(age),
            on_record: false,
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::State;
    use telco_core::{
        Amount, Currency, Identity, Msisdn, Product, ProductKind, Reference, TopupIntent,
        TopupReceipt, TopupRecord,
    };

    const SECOND: Duration = Duration::from_secs(1);
    const SENT: SystemTime = SystemTime::UNIX_EPOCH;

    fn rules(lookup: LookupSupport) -> ProductRules {
        ProductRules::new(ProductKind::Airtime).lookup(lookup, [SECOND, 2 * SECOND, 5 * SECOND])
    }

    /// A row that was looked up so often before, and was sent at [`SENT`].
    fn row(lookups: u32) -> Operation {
        let to = Msisdn::parse("2348030000001").unwrap();
        let amount = Amount::from_major(100, Currency::NGN).unwrap();
        let reference = Reference::new("a").unwrap();
        Operation {
            id: 1,
            identity: Identity::new("fake", "shop"),
            receipt: TopupReceipt::new(reference.clone()),
            earlier_pins: Vec::new(),
            intent: TopupIntent::new(reference, Product::airtime(to, None, amount)),
            job: None,
            line: None,
            state: State::Unknown,
            delivered: None,
            attempt: 1,
            planned_at: SENT,
            sent_at: Some(SENT),
            changed_at: SENT + 1_000 * SECOND,
            why: None,
            who: None,
            lookups,
            owner: None,
            fence: 1,
            leased: false,
            frozen: None,
        }
    }

    /// After so many looks, at so many seconds after it was sent.
    fn after(
        lookup: LookupSupport,
        lookups: u32,
        found: Result<Lookup, Error>,
        seconds: u32,
    ) -> Step {
        let now = SENT + seconds * SECOND;
        decide(&rules(lookup), &row(lookups), Some(found), now)
    }

    /// When it is looked at again; `None`: it is not.
    fn again(step: &Step) -> Option<Duration> {
        match step {
            Step::LookedUp { after, .. } => Some(*after),
            _ => None,
        }
    }

    fn pending() -> Result<Lookup, Error> {
        Ok(Lookup::Found(TopupRecord::new(RecordState::Pending)))
    }

    fn failed() -> Result<Lookup, Error> {
        Err(Error::in_doubt(ErrorKind::Timeout, "no answer").on_read())
    }

    #[test]
    fn the_schedule_is_kept_and_its_last_wait_repeated() {
        let schedule = [SECOND, 2 * SECOND];
        let waits: Vec<_> = (0..4).map(|looks| wait(&schedule, looks)).collect();
        assert_eq!(waits, [SECOND, 2 * SECOND, 2 * SECOND, 2 * SECOND]);
        assert_eq!(wait(&[], 0), SECOND);
    }

    #[test]
    fn a_missing_record_is_waited_for_as_long_as_the_schedule_says() {
        let missing = |lookups| after(LookupSupport::FindsOnly, lookups, Ok(Lookup::NotFound), 1);
        assert_eq!(again(&missing(0)), Some(2 * SECOND));
        assert_eq!(again(&missing(1)), Some(5 * SECOND));
        for lookups in [2, 3, 50] {
            let step = missing(lookups);
            assert_eq!(step.state(), State::Unresolved, "{lookups}");
            let help = step.why().and_then(|why| why.help.as_deref()).unwrap();
            assert!(help.contains("proves nothing"), "{help}");
        }
    }

    #[test]
    fn what_is_pending_or_cannot_be_looked_up_goes_to_a_person_after_40_looks() {
        for found in [pending, failed] {
            for lookups in [0, 2, 3, 38] {
                let step = after(LookupSupport::FindsOnly, lookups, found(), 1);
                assert!(again(&step).is_some(), "{lookups}: {step:?}");
            }
            for lookups in [39, 40] {
                let step = after(LookupSupport::FindsOnly, lookups, found(), 1);
                assert_eq!(step.state(), State::Unresolved, "{lookups}");
            }
        }
        // A schedule that is longer than that is kept to its end.
        let long = ProductRules::new(ProductKind::Airtime)
            .lookup(LookupSupport::FindsOnly, vec![SECOND; 60]);
        let step = decide(&long, &row(45), Some(pending()), SENT);
        assert_eq!(again(&step), Some(SECOND));
    }

    #[test]
    fn a_missing_record_proves_something_only_after_the_provider_s_time() {
        let proves = LookupSupport::Proves {
            after: 600 * SECOND,
        };
        let missing = |seconds| after(proves, 7, Ok(Lookup::NotFound), seconds);
        assert_eq!(again(&missing(599)), Some(SECOND), "for what is left of it");
        assert_eq!(missing(600).delivered(), Some(false));
        assert_eq!(missing(601).delivered(), Some(false));
        // Counted from the sending, not from the last change of the row.
        let unsent = Operation {
            sent_at: None,
            ..row(7)
        };
        let now = SENT + 1_100 * SECOND;
        let step = decide(&rules(proves), &unsent, Some(Ok(Lookup::NotFound)), now);
        assert_eq!(again(&step), Some(500 * SECOND));
        // A clock that went back proves nothing; if it stays there, a person sees to it.
        for (lookups, wait) in [(7, Some(5 * SECOND)), (38, Some(5 * SECOND)), (39, None)] {
            let before = SENT - SECOND;
            let found = Some(Ok(Lookup::NotFound));
            let step = decide(&rules(proves), &row(lookups), found, before);
            assert_eq!(again(&step), wait, "{lookups}");
            assert_eq!(step.delivered(), None, "{lookups}");
            let left = step.state() == State::Unresolved;
            assert_eq!(left, wait.is_none(), "{lookups}");
        }
    }

    #[test]
    fn a_person_is_told_what_to_do() {
        let mismatch = Ok(Lookup::Mismatch(TopupRecord::new(RecordState::Completed)));
        let other = after(LookupSupport::FindsOnly, 0, mismatch, 1);
        let silent = decide(&rules(LookupSupport::None), &row(0), None, SENT);
        for (step, kind, help) in [
            (other, ErrorKind::Conflict, "never send it again"),
            (silent, ErrorKind::Unsupported, "ask the provider"),
        ] {
            assert_eq!(step.state(), State::Unresolved);
            let why = step.why().unwrap();
            assert_eq!(why.kind, kind);
            assert!(why.help.as_deref().unwrap().contains(help), "{why:?}");
        }
    }
}
