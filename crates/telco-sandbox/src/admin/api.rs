//! The paths of the admin API. `openapi.json` describes them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::view;
use crate::fault::FaultRule;
use crate::history::Query;
use crate::ledger::Told;
use crate::room::{Answer, Request};
use crate::shared::Shared;
use crate::text::{Pair, form_pairs, percent_decode, value};

const OPENAPI: &str = include_str!("openapi.json");
/// Rows in one page of a list, at most.
pub(super) const PAGE: usize = 1_000;

/// What a path answers, or status and reason.
type Outcome = Result<Answer, (u16, String)>;

fn ok(value: &Value) -> Outcome {
    Ok(Answer::json(200, value).header("Cache-Control", "no-store"))
}

fn bad(why: impl Into<String>) -> (u16, String) {
    (400, why.into())
}

fn body<T: DeserializeOwned>(request: &Request) -> Result<T, (u16, String)> {
    serde_json::from_slice(&request.body)
        .map_err(|e| bad(format!("the body is not what is wanted here: {e}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldBody {
    provider: String,
    reference: String,
    told: Told,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeBody {
    advance_ms: Option<i64>,
    now_ms: Option<u64>,
    freeze: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListenBody {
    provider: String,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DownBody {
    provider: String,
    down: bool,
}

pub(super) async fn api(shared: &Shared, request: &Request, path: &str) -> Outcome {
    let parts: Vec<String> = path
        .split('/')
        .map(|part| String::from_utf8_lossy(&percent_decode(part, false)).into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let query = form_pairs(request.query.as_deref().unwrap_or(""));
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["openapi.json"]) => Ok(Answer::new(200, "application/json", OPENAPI)),
        ("GET", ["describe"]) => ok(&shared.describe()),
        ("GET", ["ledger"]) => ok(&view::ledger(shared, &query)?),
        ("GET", ["ledger", provider, reference]) => {
            match shared.ledger.operation(provider, reference) {
                Some(operation) => ok(&json!(operation)),
                None => Err((
                    404,
                    "no such operation (or memory no longer holds it)".to_owned(),
                )),
            }
        }
        ("POST", ["told"]) => {
            let told: ToldBody = body(request)?;
            shared.known(&told.provider).map_err(bad)?;
            shared.told(&told.provider, &told.reference, told.told);
            ok(&json!(
                shared.ledger.operation(&told.provider, &told.reference)
            ))
        }
        ("GET", ["requests"]) => {
            let found = shared.history.search(&Query {
                provider: value(&query, "provider").map(str::to_owned),
                search: value(&query, "search").map(str::to_owned),
                near_misses: flag(&query, "near_misses"),
                skip: number(&query, "skip", 0)?,
                limit: number(&query, "limit", 100)?.min(PAGE),
            });
            ok(&json!({ "total": shared.history.total(), "requests": found }))
        }
        ("GET", ["requests", id]) => {
            let id = id
                .parse()
                .map_err(|_| bad("the number of a request is a number"))?;
            match shared.history.get(id) {
                Some(exchange) => ok(&json!(exchange)),
                None => Err((
                    404,
                    "no such request (or memory no longer holds it)".to_owned(),
                )),
            }
        }
        ("GET", ["handsets"]) => {
            let limit = number(&query, "limit", 100)?.min(PAGE);
            shared.handsets.catch_up(shared.clock.now_ms());
            ok(&json!({ "received": shared.handsets.latest(limit) }))
        }
        ("GET", ["handsets", number]) => {
            shared.handsets.catch_up(shared.clock.now_ms());
            ok(&json!({ "received": shared.handsets.read(number) }))
        }
        ("GET", ["faults"]) => ok(&view::faults(shared)),
        ("POST", ["faults"]) => {
            // One rule, or a list. Not by trial and error: then a slip would not be named.
            let many = request.body.trim_ascii_start().starts_with(b"[");
            let rules = match many {
                true => body(request)?,
                false => vec![body::<FaultRule>(request)?],
            };
            for rule in checked(shared, rules)? {
                shared.faults.add(rule);
            }
            changed(shared, "faults", &view::faults(shared))
        }
        ("PUT", ["faults"]) => {
            shared.faults.set(checked(shared, body(request)?)?);
            changed(shared, "faults", &view::faults(shared))
        }
        ("DELETE", ["faults"]) => {
            shared.faults.clear();
            changed(shared, "faults", &view::faults(shared))
        }
        ("POST", ["reset"]) => {
            shared.reset();
            ok(&json!({ "reset": true }))
        }
        ("GET", ["fidelity"]) => ok(&view::fidelity(shared)),
        ("GET", ["time"]) => ok(&view::time(shared)),
        ("POST", ["time"]) => {
            let change: TimeBody = body(request)?;
            match change.freeze {
                Some(true) => shared.clock.freeze(),
                Some(false) => shared.clock.run(),
                None => {}
            }
            if let Some(now) = change.now_ms {
                let by = i128::from(now).saturating_sub(i128::from(shared.clock.now_ms()));
                shared
                    .clock
                    .shift(i64::try_from(by).map_err(|_| bad("now_ms is out of range"))?);
            }
            if let Some(by) = change.advance_ms {
                shared.clock.shift(by);
            }
            changed(shared, "time", &view::time(shared))
        }
        ("GET", ["settings"]) => {
            let all = shared
                .hosted
                .iter()
                .map(|h| (h.room.provider().to_owned(), h.room.settings()));
            ok(&Value::Object(all.collect()))
        }
        ("GET", ["settings", provider]) => {
            ok(&shared.known(provider).map_err(missing)?.room.settings())
        }
        ("POST", ["settings", provider]) => {
            let room = &shared.known(provider).map_err(missing)?.room;
            room.configure(&body(request)?).map_err(bad)?;
            ok(&room.settings())
        }
        ("GET", ["callbacks"]) => ok(&json!({
            "listeners": view::listeners(shared),
            "callbacks": shared.callbacks.list(number(&query, "limit", 100)?.min(PAGE)),
        })),
        ("POST", ["listen"]) => {
            let wish: ListenBody = body(request)?;
            shared.known(&wish.provider).map_err(bad)?;
            shared
                .callbacks
                .listen(&wish.provider, wish.url.as_deref())
                .map_err(bad)?;
            ok(&json!({ "listeners": view::listeners(shared) }))
        }
        ("POST", ["trigger", provider]) => {
            shared.known(provider).map_err(missing)?;
            shared.trigger(provider, &body(request)?).map_err(bad)?;
            ok(&json!({ "triggered": true }))
        }
        ("POST", ["down"]) => {
            let wish: DownBody = body(request)?;
            shared.known(&wish.provider).map_err(bad)?;
            shared.set_down(&wish.provider, wish.down).await;
            changed(shared, "faults", &view::faults(shared))
        }
        ("POST", ["fixture"]) => {
            shared.load(&body(request)?).map_err(bad)?;
            ok(&json!({ "loaded": true }))
        }
        (_, known) if PATHS.contains(&known.first().copied().unwrap_or("")) => Err((
            405,
            "this path exists, but not with this method; see /_sandbox/openapi.json".to_owned(),
        )),
        _ => Err((
            404,
            "there is no such path; see /_sandbox/openapi.json".to_owned(),
        )),
    }
}

/// Rules that can take effect; the first that cannot is refused, and none of them is set.
fn checked(shared: &Shared, rules: Vec<FaultRule>) -> Result<Vec<FaultRule>, (u16, String)> {
    for rule in &rules {
        shared.check_rule(rule).map_err(bad)?;
    }
    Ok(rules)
}

/// First parts of the paths there are.
const PATHS: &[&str] = &[
    "openapi.json",
    "describe",
    "ledger",
    "told",
    "requests",
    "handsets",
    "faults",
    "reset",
    "fidelity",
    "time",
    "settings",
    "callbacks",
    "listen",
    "trigger",
    "down",
    "fixture",
    "events",
];

fn missing(why: String) -> (u16, String) {
    (404, why)
}

fn changed(shared: &Shared, kind: &str, value: &Value) -> Outcome {
    shared.announce(kind, || value.clone());
    ok(value)
}

pub(super) fn flag(query: &[Pair<'_>], name: &str) -> bool {
    value(query, name).is_some_and(|v| v != "false" && v != "0")
}

pub(super) fn number(
    query: &[Pair<'_>],
    name: &str,
    default: usize,
) -> Result<usize, (u16, String)> {
    match value(query, name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| bad(format!("`{name}` is not a number"))),
    }
}
