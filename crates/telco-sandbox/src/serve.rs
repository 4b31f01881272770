//! Serving one provider: connections in, faults applied, what happened written down.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::builder::bind;
use crate::fault::Phase;
use crate::history::Exchange;
use crate::http::{Bad, Connection};
use crate::ledger::What;
use crate::room::{Answer, Halt, Request, Room, Visit};
use crate::shared::{Hosted, Shared};
use crate::text::excerpt;

/// Accepts connections for one room until the sandbox is dropped; closes the port while the room is down.
pub(crate) async fn room(shared: Arc<Shared>, index: usize, listener: TcpListener) {
    let Some(hosted) = shared.hosted.get(index) else {
        return;
    };
    let mut down = hosted.down.subscribe();
    let mut listener = Some(listener);
    loop {
        if let Some(open) = listener.take() {
            hosted.open.send_replace(true);
            tokio::select! {
                () = accept(&shared, hosted, open) => {}
                _ = down.wait_for(|down| *down) => {}
            }
        }
        // The listener and every connection are gone by now.
        hosted.open.send_replace(false);
        if down.wait_for(|down| !*down).await.is_err() {
            return;
        }
        match bind(hosted.address) {
            Ok(open) => listener = Some(open),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn accept(shared: &Arc<Shared>, hosted: &Hosted, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(shared.limits.connections));
    // Owned here, so that connections end with the listener.
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                // Out of file descriptors, most likely: let some close.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        let connection = Connection::new(stream, peer);
        let provider = hosted.room.provider();
        let refused = |phase| phase == Phase::Refuse;
        if shared
            .faults
            .choose(provider, "connect", None, None, refused)
            .phase
            .is_some()
        {
            connection.reset();
            continue;
        }
        let (shared, room) = (Arc::clone(shared), Arc::clone(&hosted.room));
        connections.spawn(async move {
            converse(&shared, &*room, connection).await;
            drop(slot);
        });
    }
}

/// What goes onto the wire.
enum Wire {
    Answer(Answer),
    Late(Duration, Answer),
    Cut(Answer),
    Flood(Answer),
    Drip(Duration, Answer),
    CloseIdle(Answer),
    Reset,
    Stall,
}

async fn converse(shared: &Shared, room: &dyn Room, mut connection: Connection) {
    let limits = &shared.limits;
    let mut reused = false;
    loop {
        let request = match connection.next(limits).await {
            Ok(Some(request)) => request,
            Ok(None) => return connection.close().await,
            Err(Bad::Close) => return,
            Err(Bad::Answer(status, why)) => {
                connection.close_after_this();
                let _ = connection
                    .write(&Answer::text(status, why), false, limits)
                    .await;
                return connection.close().await;
            }
        };
        let id = shared.history.next_id();
        let mut visit = Visit::new(shared.world(), room.provider(), id, reused);
        reused = true;
        let outcome = room.answer(&mut visit, &request);
        let (wire, answer_body) = wire_of(room, &visit, outcome);
        note_down(shared, &visit, &request, &answer_body);
        let waits = matches!(wire, Wire::Late(..) | Wire::Stall | Wire::Drip(..));
        if waits {
            announce(shared, &visit);
            shared.enqueue_callbacks(&mut visit);
        }
        // The answer has left the provider: its callbacks may start before the client has read it, as in life.
        let sent = |result: std::io::Result<()>, answer: &Answer, how: &str| match result {
            Ok(()) => format!("{}{how}", answer.status),
            Err(_) => "the client had gone".to_owned(),
        };
        let answered = match wire {
            Wire::Answer(answer) => {
                sent(connection.write(&answer, false, limits).await, &answer, "")
            }
            Wire::Late(by, answer) => {
                tokio::time::sleep(by).await;
                let how = format!(" after {} ms", by.as_millis());
                sent(
                    connection.write(&answer, false, limits).await,
                    &answer,
                    &how,
                )
            }
            Wire::CloseIdle(answer) => {
                let text = sent(
                    connection.write(&answer, false, limits).await,
                    &answer,
                    ", then the connection closed",
                );
                connection.close_after_this();
                text
            }
            Wire::Cut(answer) => {
                let text = sent(
                    connection.write(&answer, true, limits).await,
                    &answer,
                    ", body cut in half",
                );
                connection.close_after_this();
                text
            }
            Wire::Flood(answer) => {
                let text = sent(
                    connection.flood(&answer, limits).await,
                    &answer,
                    ", with 64 MiB of body",
                );
                connection.close_after_this();
                text
            }
            Wire::Drip(apart, answer) => {
                let text = sent(
                    connection.drip(&answer, apart, limits).await,
                    &answer,
                    ", byte by byte",
                );
                connection.close_after_this();
                text
            }
            Wire::Reset => {
                finish(shared, &mut visit, "connection reset");
                return connection.reset();
            }
            Wire::Stall => {
                connection.stall(limits.stall).await;
                finish(shared, &mut visit, "no answer");
                return;
            }
        };
        finish(shared, &mut visit, &answered);
        if !connection.keeps_alive() {
            return connection.close().await;
        }
    }
}

/// Applies the chosen fault to what the room says.
fn wire_of(room: &dyn Room, visit: &Visit<'_>, outcome: Result<Answer, Halt>) -> (Wire, Bytes) {
    let (phase, answer) = match outcome {
        Err(Halt(phase)) => (Some(phase), room.broken_answer()),
        Ok(answer) => (visit.chosen.phase.filter(|phase| phase.acts()), answer),
    };
    let body = answer.body.clone();
    let wire = match phase {
        None => Wire::Answer(answer),
        Some(Phase::ErrorBefore) => Wire::Answer(answer),
        Some(Phase::Redirect) => {
            let elsewhere = Answer::text(302, "").header("Location", &visit.chosen.location);
            return (Wire::Answer(elsewhere), Bytes::new());
        }
        Some(Phase::Refuse | Phase::ResetBefore | Phase::ResetReused) => {
            return (Wire::Reset, Bytes::new());
        }
        Some(Phase::Stall) => return (Wire::Stall, Bytes::new()),
        Some(Phase::ActThenReset) => Wire::Reset,
        Some(Phase::ActThenStall) => Wire::Stall,
        Some(Phase::ActThenError) => {
            let broken = room.broken_answer();
            let body = broken.body.clone();
            return (Wire::Answer(broken), body);
        }
        Some(Phase::Truncate) => Wire::Cut(answer),
        Some(Phase::Garbage) => {
            let garbage = Answer::new(200, "text/html", GARBAGE);
            return (Wire::Answer(garbage), Bytes::from_static(GARBAGE));
        }
        Some(Phase::Flood) => Wire::Flood(answer),
        Some(Phase::Drip) => Wire::Drip(visit.chosen.delay, answer),
        Some(Phase::SlowAnswer) => Wire::Late(visit.chosen.delay, answer),
        Some(Phase::CloseIdle) => Wire::CloseIdle(answer),
    };
    (wire, body)
}

/// A proxy's page with bytes that are no UTF-8: unreadable as JSON, XML or text.
const GARBAGE: &[u8] = b"<html><body>\xff\xfe gateway \x00</body>";

/// Writes the request into the history before anything goes back.
fn note_down(shared: &Shared, visit: &Visit<'_>, request: &Request, answer_body: &Bytes) {
    let cap = shared.history.excerpt;
    let mut headers = String::new();
    for (name, value) in &request.headers {
        if headers.len() < cap {
            headers.push_str(&String::from_utf8_lossy(name));
            headers.push_str(": ");
            headers.push_str(&String::from_utf8_lossy(value.get(..cap).unwrap_or(value)));
            headers.push('\n');
        }
    }
    shared.history.push(Exchange {
        id: visit.exchange,
        at_ms: shared.clock.now_ms(),
        provider: visit.provider,
        operation: visit.operation,
        reference: visit
            .reference
            .as_deref()
            .map(|r| excerpt(r.as_bytes(), 256)),
        number: visit.number.as_deref().map(|n| excerpt(n.as_bytes(), 64)),
        request_line: {
            let target = match &request.query {
                Some(query) => format!("{} {}?{query}", request.method, request.path),
                None => format!("{} {}", request.method, request.path),
            };
            if target.len() > cap {
                excerpt(target.as_bytes(), cap)
            } else {
                target
            }
        },
        headers,
        body: excerpt(&request.body, cap),
        fault: visit.chosen.phase,
        quirk: visit.chosen.quirk.clone(),
        acted: visit.acted,
        answered: String::new(),
        answer_body: excerpt(answer_body, cap),
        near_misses: visit.near_misses.clone(),
    });
}

/// Writes down what the client's end of the wire saw, lets the callbacks go and tells those who watch.
fn finish(shared: &Shared, visit: &mut Visit<'_>, answered: &str) {
    let now = shared.clock.now_ms();
    for reference in &visit.touched {
        let line = What::Answered(answered.to_owned());
        shared
            .ledger
            .note(now, visit.exchange, visit.provider, reference, line);
    }
    let watched = shared.events.receiver_count() > 0;
    let exchange = shared.history.finish(visit.exchange, answered, watched);
    if let Some(exchange) = exchange {
        shared.announce("exchange", || {
            serde_json::to_value(exchange).unwrap_or_default()
        });
        announce(shared, visit);
    }
    shared.enqueue_callbacks(visit);
}

fn announce(shared: &Shared, visit: &Visit<'_>) {
    if visit.rang {
        shared.announce("arrival", || {
            serde_json::to_value(shared.handsets.latest(1)).unwrap_or_default()
        });
    }
    for reference in &visit.touched {
        shared.announce_operation(visit.provider, reference);
    }
}
