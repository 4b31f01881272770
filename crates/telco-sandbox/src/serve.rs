//! Serving one provider: connections in, faults applied, what happened written down.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::builder::bind;
use crate::fault::Phase;
use crate::history::{Arrived, Kept, Seen, Texts};
use crate::http::{Bad, Connection};
use crate::ledger::What;
use crate::room::{Answer, Halt, Request, Room, Visit};
use crate::shared::{Hosted, Shared};

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
        if shared.faults.refuses(provider) {
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
    /// The connection is reset; what the room said is only written down.
    Reset(Option<Answer>),
    /// Silence, the same.
    Stall(Option<Answer>),
}

impl Wire {
    /// What the provider said, whether or not it arrives.
    fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer)
            | Self::Late(_, answer)
            | Self::Cut(answer)
            | Self::Flood(answer)
            | Self::Drip(_, answer)
            | Self::CloseIdle(answer) => Some(answer),
            Self::Reset(answer) | Self::Stall(answer) => answer.as_ref(),
        }
    }
}

async fn converse(shared: &Shared, room: &dyn Room, mut connection: Connection) {
    let limits = &shared.limits;
    let mut reused = false;
    loop {
        let request = match connection.next(limits).await {
            Ok(Some(request)) => request,
            Ok(None) => return connection.close().await,
            Err(Bad::Close | Bad::Late) => return,
            Err(Bad::Answer(status, why)) => {
                connection.close_after_this();
                let _ = connection
                    .write(&Answer::text(status, why), false, limits)
                    .await;
                return connection.close().await;
            }
        };
        let arrived = shared.history.next_id();
        let mut visit = Visit::new(shared.world(), room.provider(), arrived.id, reused);
        reused = true;
        let outcome = match request.is_cross_site() {
            false => room.answer(&mut visit, &request),
            true => {
                visit.near_miss("a page of another site made a browser send this");
                Ok(Answer::text(403, "cross-site requests are refused"))
            }
        };
        let wire = wire_of(room, &visit, outcome);
        note_down(shared, arrived, &mut visit, &request, wire.answer());
        let waits = matches!(wire, Wire::Late(..) | Wire::Stall(_) | Wire::Drip(..));
        if waits {
            announce(shared, &visit);
            shared.enqueue_callbacks(&mut visit);
        }
        // The answer has left the provider: its callbacks may start before the client has read it, as in life.
        let sent =
            |result: std::io::Result<()>, answer: &Answer, how: Cow<'static, str>| match result {
                Ok(()) => Seen {
                    status: Some(answer.status),
                    how,
                },
                Err(_) => Seen::nothing("the client had gone"),
            };
        let answered = match wire {
            Wire::Answer(answer) => {
                let result = connection.write(&answer, false, limits).await;
                sent(result, &answer, "".into())
            }
            Wire::Late(by, answer) => {
                tokio::time::sleep(by).await;
                let how = format!(" after {} ms", by.as_millis());
                sent(
                    connection.write(&answer, false, limits).await,
                    &answer,
                    how.into(),
                )
            }
            Wire::CloseIdle(answer) => {
                let text = sent(
                    connection.write(&answer, false, limits).await,
                    &answer,
                    ", then the connection closed".into(),
                );
                connection.close_after_this();
                text
            }
            Wire::Cut(answer) => {
                let text = sent(
                    connection.write(&answer, true, limits).await,
                    &answer,
                    ", body cut in half".into(),
                );
                connection.close_after_this();
                text
            }
            Wire::Flood(answer) => {
                let text = sent(
                    connection.flood(&answer, limits).await,
                    &answer,
                    ", with 64 MiB of body".into(),
                );
                connection.close_after_this();
                text
            }
            Wire::Drip(apart, answer) => {
                let text = sent(
                    connection.drip(&answer, apart, limits).await,
                    &answer,
                    ", byte by byte".into(),
                );
                connection.close_after_this();
                text
            }
            Wire::Reset(_) => {
                finish(
                    shared,
                    arrived,
                    &mut visit,
                    &Seen::nothing("connection reset"),
                );
                return connection.reset();
            }
            Wire::Stall(_) => {
                connection.stall(limits.stall).await;
                finish(shared, arrived, &mut visit, &Seen::nothing("no answer"));
                return;
            }
        };
        finish(shared, arrived, &mut visit, &answered);
        if !connection.keeps_alive() {
            return connection.close().await;
        }
    }
}

/// Applies the chosen fault to what the room says.
fn wire_of(room: &dyn Room, visit: &Visit<'_>, outcome: Result<Answer, Halt>) -> Wire {
    let (phase, answer) = match outcome {
        Err(Halt(phase)) => (Some(phase), room.broken_answer()),
        Ok(answer) => (visit.chosen.phase.filter(|phase| phase.acts()), answer),
    };
    match phase {
        None | Some(Phase::ErrorBefore) => Wire::Answer(answer),
        Some(Phase::Redirect) => {
            Wire::Answer(Answer::text(302, "").header("Location", &visit.chosen.location))
        }
        Some(Phase::Refuse | Phase::ResetBefore | Phase::ResetReused) => Wire::Reset(None),
        Some(Phase::Stall) => Wire::Stall(None),
        Some(Phase::ActThenReset) => Wire::Reset(Some(answer)),
        Some(Phase::ActThenStall) => Wire::Stall(Some(answer)),
        Some(Phase::ActThenError) => Wire::Answer(room.broken_answer()),
        Some(Phase::Truncate) => Wire::Cut(answer),
        Some(Phase::Garbage) => Wire::Answer(Answer::new(200, "text/html", GARBAGE)),
        Some(Phase::Flood) => Wire::Flood(answer),
        Some(Phase::Drip) => Wire::Drip(visit.chosen.delay, answer),
        Some(Phase::SlowAnswer) => Wire::Late(visit.chosen.delay, answer),
        Some(Phase::CloseIdle) => Wire::CloseIdle(answer),
    }
}

/// A proxy's page with bytes that are no UTF-8: unreadable as JSON, XML or text.
const GARBAGE: &[u8] = b"<html><body>\xff\xfe gateway \x00</body>";

/// Writes the request into the history before anything goes back.
fn note_down(
    shared: &Shared,
    arrived: Arrived,
    visit: &mut Visit<'_>,
    request: &Request,
    answer: Option<&Answer>,
) {
    let texts = Texts::new(
        visit.reference.as_deref(),
        visit.number.as_deref(),
        request,
        answer.map_or(&[], |answer| &answer.body),
        shared.history.excerpt,
    );
    shared.history.push(
        arrived.age,
        Kept {
            id: arrived.id,
            at_ms: shared.clock.now_ms(),
            provider: visit.provider,
            operation: visit.operation,
            texts,
            fault: visit.chosen.phase,
            quirk: visit.chosen.quirk.clone(),
            acted: visit.acted,
            seen: None,
            near_misses: std::mem::take(&mut visit.near_misses),
        },
    );
}

/// Writes down what the client's end of the wire saw, lets the callbacks go and tells those who watch.
fn finish(shared: &Shared, arrived: Arrived, visit: &mut Visit<'_>, seen: &Seen) {
    let now = shared.clock.now_ms();
    for touched in &visit.touched {
        let line = What::Answered(seen.to_string());
        shared
            .ledger
            .note_at(now, visit.exchange, touched.entry, line);
    }
    let watched = shared.events.receiver_count() > 0;
    let exchange = shared.history.finish(arrived, seen, watched);
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
    for touched in &visit.touched {
        shared.announce_operation(visit.provider, &touched.reference);
    }
}
