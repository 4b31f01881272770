//! The console and the admin API under `/_sandbox/`, for people and for tests in any language. Everything that the page
//! shows is JSON here; `openapi.json` describes it.

mod api;
mod view;

use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, broadcast};
use tokio::task::JoinSet;

use crate::http::{Bad, Connection};
use crate::room::{Answer, Request};
use crate::shared::Shared;

/// The page: path, kind, text.
const PAGE: [(&str, &str, &str); 3] = [
    ("/", "text/html", include_str!("console/index.html")),
    (
        "/console.css",
        "text/css",
        include_str!("console/console.css"),
    ),
    (
        "/console.js",
        "text/javascript",
        include_str!("console/console.js"),
    ),
];
/// Connections to the console and its API; each open page holds one for its live stream.
const CONNECTIONS: usize = 256;

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
            Err(Bad::Close | Bad::Late) => return,
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
        None => page(request),
        Some(path) => api::api(shared, request, path)
            .await
            .unwrap_or_else(|(status, why)| problem(status, &why)),
    };
    Reply::Answer(answer)
}

fn page(request: &Request) -> Answer {
    let found = PAGE.iter().find(|(path, ..)| *path == request.path);
    let Some((_, kind, text)) = found.filter(|_| request.method == "GET") else {
        return problem(
            404,
            "the console is at `/`, the admin API under `/_sandbox/`",
        );
    };
    Answer::new(200, &format!("{kind}; charset=utf-8"), *text)
        .header("Cache-Control", "no-store")
        .header("X-Content-Type-Options", "nosniff")
        .header("Referrer-Policy", "no-referrer")
        .header(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
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
    match request.is_cross_site() {
        true => Err("cross-site requests are refused"),
        false => Ok(()),
    }
}
