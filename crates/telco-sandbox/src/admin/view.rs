//! What the admin API shows, as JSON.

use serde_json::{Value, json};

use super::api::{PAGE, flag, number};
use crate::fault::Phase;
use crate::ledger::Filter;
use crate::shared::Shared;
use crate::text::{Pair, value};

pub(super) fn ledger(shared: &Shared, query: &[Pair<'_>]) -> Result<Value, (u16, String)> {
    let operations = shared.ledger.operations(&Filter {
        provider: value(query, "provider").map(str::to_owned),
        search: value(query, "search").map(str::to_owned),
        trouble: flag(query, "trouble"),
        skip: number(query, "skip", 0)?,
        limit: number(query, "limit", 100)?.min(PAGE),
    });
    let by_provider = shared.hosted.iter().map(|h| {
        let provider = h.room.provider();
        (
            provider.to_owned(),
            json!(shared.ledger.totals_of(provider)),
        )
    });
    Ok(json!({
        "totals": shared.ledger.totals(),
        "providers": Value::Object(by_provider.collect()),
        "forgotten": shared.ledger.forgotten(),
        "operations": operations,
    }))
}

pub(super) fn faults(shared: &Shared) -> Value {
    let down = shared
        .hosted
        .iter()
        .filter(|hosted| *hosted.down.borrow())
        .map(|hosted| hosted.room.provider());
    json!({
        "seed": shared.seed,
        "rules": shared.faults.list(),
        "phases": Phase::ALL,
        "down": down.collect::<Vec<_>>(),
    })
}

pub(super) fn time(shared: &Shared) -> Value {
    json!({ "now_ms": shared.clock.now_ms(), "frozen": shared.clock.is_frozen() })
}

pub(super) fn listeners(shared: &Shared) -> Value {
    Value::Object(
        shared
            .callbacks
            .listeners()
            .into_iter()
            .map(|(p, url)| (p, json!(url)))
            .collect(),
    )
}

pub(super) fn fidelity(shared: &Shared) -> Value {
    let rows = shared.hosted.iter().map(|h| {
        let named = |rows: &[(&str, &str)]| -> Value {
            rows.iter()
                .map(|(name, meaning)| json!({ "name": name, "meaning": meaning }))
                .collect()
        };
        let about = json!({
            "rules": h.room.fidelity(),
            "quirks": named(h.room.quirks()),
            "scenarios": named(h.room.scenarios()),
        });
        (h.room.provider().to_owned(), about)
    });
    Value::Object(rows.collect())
}
