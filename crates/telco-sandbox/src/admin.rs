//! The console and the admin API under `/_sandbox/`, for people and for tests in any language. Everything that the page
//! shows is JSON here; `openapi.json` describes it.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;

use crate::fault::{FaultRule, Phase};
use crate::history::Query;
use crate::http::{Bad, Connection};
use crate::ledger::{Filter, Told};
use crate::room::{Answer, Request};
use crate::sandbox::Shared;
use crate::text::{form_pairs, percent_decode, value};

const CONSOLE: &str = include_str!("console.html");
const OPENAPI: &str = include_str!("openapi.json");
/// Connections to the console and its API; each open page holds one for its live stream.
const CONNECTIONS: usize = 256;
/// Rows in one page of a list, at most.
const PAGE: usize = 1_000;

enum Reply {
    Answer(Answer),
    /// The live stream.
    Events,
}

/// Serves the console until the sandbox is dropped.
pub(crate) async fn serve(shared: Arc<Shared>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            converse(&shared, Connection::new(stream, peer)).await;
            drop(slot);
        });
    }
}

async fn converse(shared: &Shared, mut connection: Connection) {
    let limits = &shared.limits;
    loop {
        let reply = match connection.next(limits).await {
            Ok(Some(request)) => reply(shared, &request).await,
            Ok(None) => return connection.close().await,
            Err(Bad::Close) => return,
            Err(Bad::Answer(status, why)) => {
                connection.close_after_this();
                Reply::Answer(Answer::text(status, why))
            }
        };
        match reply {
            Reply::Answer(answer) => {
                if connection.write(&answer, false, limits).await.is_err() {
                    return;
                }
                if !connection.keeps_alive() {
                    return connection.close().await;
                }
            }
            Reply::Events => return stream(shared, connection).await,
        }
    }
}

/// Server-sent events; a client that cannot keep up is told to load everything again.
async fn stream(shared: &Shared, mut connection: Connection) {
    let mut events = shared.events.subscribe();
    let head = Answer::new(200, "text/event-stream", "").header("Cache-Control", "no-store");
    if connection
        .start_stream(&head, &shared.limits)
        .await
        .is_err()
    {
        return;
    }
    loop {
        let heartbeat = tokio::time::sleep(std::time::Duration::from_secs(15));
        let message = tokio::select! {
            event = events.recv() => match event {
                Ok(json) => format!("data: {json}\n\n"),
                Err(broadcast::error::RecvError::Lagged(_)) => "data: {\"kind\":\"reload\",\"value\":null}\n\n".to_owned(),
                Err(broadcast::error::RecvError::Closed) => return,
            },
            () = heartbeat => ": still here\n\n".to_owned(),
        };
        if connection
            .write_raw(message.as_bytes(), &shared.limits)
            .await
            .is_err()
        {
            return;
        }
    }
}

async fn reply(shared: &Shared, request: &Request) -> Reply {
    if let Err(why) = same_site(shared, request) {
        return Reply::Answer(problem(403, why));
    }
    let path = request.path.strip_prefix("/_sandbox/");
    if request.method == "GET" && path == Some("events") {
        return Reply::Events;
    }
    let answer = match path {
        None if request.path == "/" && request.method == "GET" => page(),
        None => problem(
            404,
            "the console is at `/`, the admin API under `/_sandbox/`",
        ),
        Some(path) => api(shared, request, path)
            .await
            .unwrap_or_else(|(status, why)| problem(status, &why)),
    };
    Reply::Answer(answer)
}

fn page() -> Answer {
    Answer::new(200, "text/html; charset=utf-8", CONSOLE)
        .header("Cache-Control", "no-store")
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
        .header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
             img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        )
}

fn problem(status: u16, why: &str) -> Answer {
    Answer::json(status, &json!({ "error": why }))
}

/// Refuses what a page of another site made a browser send, and names that only resolve to this machine by trickery.
fn same_site(shared: &Shared, request: &Request) -> Result<(), &'static str> {
    let host = request.header("host").unwrap_or("");
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let ip = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let trusted = name.eq_ignore_ascii_case("localhost") || ip.is_ok();
    if shared.console.ip().is_loopback() && !trusted {
        return Err("the Host header names another site");
    }
    if let Some(origin) = request.header("origin")
        && origin.strip_prefix("http://") != Some(host)
    {
        return Err("cross-site requests are refused");
    }
    match request.header("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err("cross-site requests are refused"),
    }
}

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

#[derive(Deserialize)]
#[serde(untagged)]
enum FaultsBody {
    Many(Vec<FaultRule>),
    One(Box<FaultRule>),
}

async fn api(shared: &Shared, request: &Request, path: &str) -> Outcome {
    let parts: Vec<String> = path
        .split('/')
        .map(|part| String::from_utf8_lossy(&percent_decode(part, false)).into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let query = form_pairs(request.query.as_deref().unwrap_or(""));
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["openapi.json"]) => Ok(Answer::new(200, "application/json", OPENAPI)),
        ("GET", ["describe"]) => ok(&shared.describe()),
        ("GET", ["ledger"]) => ok(&ledger(shared, &query)?),
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
        ("GET", ["handsets", number]) => ok(&json!({ "received": shared.handsets.read(number) })),
        ("GET", ["faults"]) => ok(&faults(shared)),
        ("POST", ["faults"]) => {
            let rules = match body(request)? {
                FaultsBody::One(rule) => vec![*rule],
                FaultsBody::Many(rules) => rules,
            };
            for rule in checked(shared, rules)? {
                shared.faults.add(rule);
            }
            changed(shared, "faults", &faults(shared))
        }
        ("PUT", ["faults"]) => {
            shared.faults.set(checked(shared, body(request)?)?);
            changed(shared, "faults", &faults(shared))
        }
        ("DELETE", ["faults"]) => {
            shared.faults.clear();
            changed(shared, "faults", &faults(shared))
        }
        ("POST", ["reset"]) => {
            shared.reset();
            ok(&json!({ "reset": true }))
        }
        ("GET", ["fidelity"]) => ok(&fidelity(shared)),
        ("GET", ["time"]) => ok(&time(shared)),
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
            changed(shared, "time", &time(shared))
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
            "listeners": listeners(shared),
            "callbacks": shared.callbacks.list(number(&query, "limit", 100)?.min(PAGE)),
        })),
        ("POST", ["listen"]) => {
            let wish: ListenBody = body(request)?;
            shared.known(&wish.provider).map_err(bad)?;
            shared
                .callbacks
                .listen(&wish.provider, wish.url.as_deref())
                .map_err(bad)?;
            ok(&json!({ "listeners": listeners(shared) }))
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
            ok(&json!({ "provider": wish.provider, "down": wish.down }))
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

fn flag(query: &[(String, String)], name: &str) -> bool {
    value(query, name).is_some_and(|v| v != "false" && v != "0")
}

fn number(query: &[(String, String)], name: &str, default: usize) -> Result<usize, (u16, String)> {
    match value(query, name) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .map_err(|_| bad(format!("`{name}` is not a number"))),
    }
}

fn ledger(shared: &Shared, query: &[(String, String)]) -> Result<Value, (u16, String)> {
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

fn faults(shared: &Shared) -> Value {
    json!({ "seed": shared.seed, "rules": shared.faults.list(), "phases": Phase::ALL })
}

fn time(shared: &Shared) -> Value {
    json!({ "now_ms": shared.clock.now_ms(), "frozen": shared.clock.is_frozen() })
}

fn listeners(shared: &Shared) -> Value {
    Value::Object(
        shared
            .callbacks
            .listeners()
            .into_iter()
            .map(|(p, url)| (p, json!(url)))
            .collect(),
    )
}

fn fidelity(shared: &Shared) -> Value {
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
