//! Callbacks on their way: each listener is served in order and at its own pace, so that a slow one delays nobody else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::push::{push, target};
use super::{Callback, Due};
use crate::ledger::What;
use crate::shared::Shared;

/// Pushes of one provider that are on the wire at one time, over all its listeners (a room's requests may name any number).
const ON_THE_WIRE: usize = 64;

/// One listener of one provider. Two providers with the same listener do not wait for each other.
type Lane = (&'static str, String);

/// A callback with the address it goes to.
#[derive(Debug)]
struct Job {
    due: Due,
    url: String,
}

type Outcome = Result<u16, String>;

/// What ended.
enum Ended {
    /// The first attempt of a callback: its lane is free. A failed one is tried again beside the others.
    First(Lane, Option<Box<(Job, Outcome)>>),
    /// Its repeats.
    Repeats,
}

/// The callbacks on their way. Dropped, it takes its tasks along.
#[derive(Default)]
struct Lanes {
    /// What waits behind the attempt that runs; a lane with nothing to do is not kept.
    waiting: HashMap<Lane, VecDeque<Job>>,
    tasks: JoinSet<Ended>,
    wires: HashMap<&'static str, Arc<Semaphore>>,
    age: u64,
}

/// Pushes callbacks as they fall due until the sandbox is dropped.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut lanes = Lanes::default();
    loop {
        // Asked for before the clock is read: a move in between is not missed.
        let moved = shared.clock.moved();
        let (age, all) = shared.callbacks.take_due(shared.clock.now_ms());
        lanes.forget_before(age);
        for due in all {
            let listener = shared.callbacks.listener(due.provider);
            match due.callback.url.clone().or(listener) {
                Some(url) if due.callback.names_a_stranger() => {
                    shared.settle_callback(
                        &due,
                        Some(&url),
                        "not pushed: the request names another machine",
                    );
                }
                Some(url) => lanes.add(&shared, Job { due, url }),
                None => shared.settle_callback(&due, None, "no listener"),
            }
        }
        let wait = match shared.callbacks.next_due() {
            None => Duration::from_secs(3_600),
            Some(_) if shared.clock.is_frozen() => Duration::from_secs(3_600),
            Some(due) => Duration::from_millis(due.saturating_sub(shared.clock.now_ms())),
        };
        if wait.is_zero() {
            continue;
        }
        tokio::select! {
            Some(ended) = lanes.tasks.join_next() => {
                if let Ok(Ended::First(lane, failed)) = ended {
                    lanes.freed(&shared, lane, failed);
                }
            }
            () = tokio::time::sleep(wait) => {}
            () = shared.callbacks.changed.notified() => {}
            () = moved => {}
            () = shared.stopped() => return,
        }
    }
}

impl Lanes {
    /// After a reset, what was on its way is not.
    fn forget_before(&mut self, age: u64) {
        if self.age != age {
            *self = Self {
                age,
                ..Self::default()
            };
        }
    }

    fn add(&mut self, shared: &Arc<Shared>, job: Job) {
        let host = target(&job.url).map_or("", |(authority, _)| authority);
        let lane = (job.due.provider, host.to_owned());
        match self.waiting.get_mut(&lane) {
            Some(queue) => queue.push_back(job),
            None => {
                self.waiting.insert(lane.clone(), VecDeque::new());
                self.first(shared, lane, job);
            }
        }
    }

    fn freed(&mut self, shared: &Arc<Shared>, lane: Lane, failed: Option<Box<(Job, Outcome)>>) {
        if let Some((job, outcome)) = failed.map(|failed| *failed) {
            let (shared, wire) = (Arc::clone(shared), self.wire(lane.0));
            self.tasks.spawn(async move {
                repeat(&shared, &wire, &job, outcome).await;
                Ended::Repeats
            });
        }
        match self.waiting.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(job) => self.first(shared, lane, job),
            None => {
                self.waiting.remove(&lane);
            }
        }
    }

    fn first(&mut self, shared: &Arc<Shared>, lane: Lane, job: Job) {
        let (shared, wire) = (Arc::clone(shared), self.wire(lane.0));
        self.tasks.spawn(async move {
            let outcome = attempt(&wire, &job).await;
            if taken(&outcome) {
                shared.settle_callback(&job.due, Some(&job.url), &fate(&outcome));
                return Ended::First(lane, None);
            }
            Ended::First(lane, Some(Box::new((job, outcome))))
        });
    }

    fn wire(&mut self, provider: &'static str) -> Arc<Semaphore> {
        let wire = self.wires.entry(provider);
        Arc::clone(wire.or_insert_with(|| Arc::new(Semaphore::new(ON_THE_WIRE))))
    }
}

async fn attempt(wire: &Semaphore, job: &Job) -> Outcome {
    let _permit = wire.acquire().await.map_err(|e| e.to_string())?;
    push(&job.url, &job.due.callback).await
}

async fn repeat(shared: &Shared, wire: &Semaphore, job: &Job, first: Outcome) {
    let mut last = first;
    let mut wait = shared.limits.push_retry;
    for _ in 1..job.due.callback.attempts {
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2);
        last = attempt(wire, job).await;
        if taken(&last) {
            break;
        }
    }
    shared.settle_callback(&job.due, Some(&job.url), &fate(&last));
}

/// Whether the listener has it: below 500 it has said what it thinks, and asking again would not help.
fn taken(outcome: &Outcome) -> bool {
    matches!(outcome, Ok(status) if *status < 500)
}

fn fate(outcome: &Outcome) -> String {
    match outcome {
        Ok(status) if *status < 500 => format!("pushed: {status}"),
        Ok(status) => format!("failed: {status}"),
        Err(why) => format!("failed: {why}"),
    }
}

impl Shared {
    fn settle_callback(&self, due: &Due, url: Option<&str>, fate: &str) {
        let Some(shown) = self.callbacks.settle(due, url, fate) else {
            return;
        };
        self.note_callback(due.provider, &due.callback, fate);
        if let Some(pushed) = shown {
            self.announce("callback", || {
                serde_json::to_value(&pushed).unwrap_or_default()
            });
        }
    }

    /// Tells the story of its operation what came of a callback.
    pub(crate) fn note_callback(&self, provider: &'static str, callback: &Callback, fate: &str) {
        if let Some(reference) = &callback.reference {
            let line = What::Callback(format!("{}: {fate}", callback.event));
            self.ledger
                .note(self.clock.now_ms(), 0, provider, reference, line);
        }
    }
}
