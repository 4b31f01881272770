//! Each row against what really happened.

use telco_ledger::{Filter, Ledger, Operation, State};
use telco_sandbox::Told;

use super::World;

/// What the rows of a ledger came to.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) rows: u64,
    pub(crate) delivered: u64,
    pub(crate) unresolved: u64,
}

/// Every row has one final state that is true, nothing was done twice, and no reference was sent more often than this.
pub(crate) async fn judge(world: &World, ledger: &Ledger, at_most: u64) -> Judged {
    let mut judged = Judged::default();
    let mut filter = Filter::default();
    loop {
        let page = ledger.list(filter.clone()).await.unwrap();
        let Some(last) = page.last() else { break };
        filter = filter.after(last.id);
        for row in &page {
            row_is_true(world, row, at_most);
            judged.rows += 1;
            judged.delivered += u64::from(row.delivered == Some(true));
            judged.unresolved += u64::from(row.state == State::Unresolved);
        }
    }
    let totals = world.sandbox.totals();
    assert_eq!((totals.doubled, totals.lost), (0, 0), "{totals:?}");
    judged
}

fn row_is_true(world: &World, row: &Operation, at_most: u64) {
    let name = row.reference();
    let (requests, delivered) = world.truth(name);
    assert!(
        requests <= at_most,
        "{name} was sent {requests} times: {row:?}"
    );
    let told = match row.delivered {
        Some(true) => Told::Accepted,
        Some(false) if row.state == State::NotSent => Told::NotSent,
        Some(false) => Told::Rejected,
        None => Told::Unknown,
    };
    world.sandbox.told("cowrie", name.as_str(), told);
    match row.delivered {
        Some(yes) => assert_eq!(delivered, u64::from(yes), "{row:?}"),
        None => {
            // Lookups see all that was done: only what was not done, and not refused, is undecidable.
            assert_eq!((row.state, delivered), (State::Unresolved, 0), "{row:?}");
            assert!(
                row.why
                    .as_ref()
                    .is_some_and(|why| why.message.contains("proves nothing"))
            );
        }
    }
}
