//! Sends the planned rows of a job, and settles what became unknown.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use telco_core::{ErrorKind, NotSent, Submission, TopupReceipt};
use telco_ledger::{Entry, Filter, Guard, Ledger, Options, State};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::progress::Progress;
use super::stop::{Stop, Why};
use super::summary::rows;
use crate::exit::{Done, Failure};
use crate::output;

/// Rows that are taken in one durable write.
pub(super) const TAKEN: u32 = 256;
/// How long to wait where no row is free, though some may become so: in another worker's hands, or held back by the pace.
const OTHERS: Duration = Duration::from_millis(250);

/// How soon what is open is looked at again. Another worker may be done with it long before its lease ends.
const LOOK: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(1));

/// How the rows are sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// At a time, per worker.
    pub(super) concurrency: usize,
    /// Stop when so many in a row were not accepted; 0: never.
    pub(super) give_up_after: u32,
}

/// What all workers of this process share.
pub(super) struct Shared {
    pub(super) job: String,
    pub(super) options: Options,
    pub(super) pace: Pace,
    pub(super) stop: Stop,
    progress: Progress,
    /// Rows in a row that were not accepted.
    streak: AtomicU32,
    unknown: AtomicU64,
    failed: AtomicU64,
    /// Another job had sent them.
    left_out: AtomicU64,
}

impl Shared {
    /// For so many rows of a job.
    pub(super) fn new(
        job: &str,
        pace: Pace,
        options: Options,
        (what, rows): (&'static str, u64),
        stop: &Stop,
    ) -> Self {
        Self {
            job: job.to_owned(),
            options,
            pace,
            stop: stop.clone(),
            progress: Progress::new(what, rows),
            streak: AtomicU32::new(0),
            unknown: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }

    /// The end of the progress.
    pub(super) fn end(&self) {
        self.progress.end();
        let left_out = self.left_out.load(Ordering::Relaxed);
        if left_out > 0 {
            output::note(&format!(
                "not sent, since another job has sent the same (--send-again): {}",
                rows(left_out)
            ));
        }
    }
}

/// Sends until no row is planned any more, or until it should stop. Returns when nothing is on the way.
pub(super) async fn send(workers: &[&Ledger], shared: Shared) -> Done {
    let shared = Arc::new(shared);
    let mut running = JoinSet::new();
    for ledger in workers {
        running.spawn(work((*ledger).clone(), shared.clone()));
    }
    // Told to end, not cut off: it holds the rows that it looks up.
    let sent = Arc::new(Notify::new());
    let settling = workers
        .first()
        .map(|ledger| tokio::spawn(settle_meanwhile((*ledger).clone(), sent.clone())));
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = ended.unwrap_or_else(|e| Err(Failure::broken(e.to_string())));
        if let Err(failure) = ended {
            shared
                .stop
                .because(Why::Because(failure.message().to_owned()));
            outcome = Err(failure);
        }
    }
    sent.notify_one();
    if let Some(settling) = settling {
        // It has nothing to say; what it left is settled next.
        let _ = settling.await;
    }
    shared.end();
    outcome
}

/// One worker: takes rows, keeps so many of them on the way, and gives back what it does not send.
async fn work(ledger: Ledger, shared: Arc<Shared>) -> Done {
    let mut taken = VecDeque::new();
    let mut on_the_way = JoinSet::new();
    let mut not_before = Instant::now();
    let worked = loop {
        let stopping = shared.stop.why().is_some();
        if stopping && on_the_way.is_empty() {
            break Ok(());
        }
        let room = !stopping && on_the_way.len() < shared.pace.concurrency;
        if room && not_before <= Instant::now() {
            if taken.is_empty() {
                match ledger.take(&shared.job, TAKEN).await {
                    Ok(rows) => taken.extend(rows),
                    Err(e) => break Err(Failure::of_ledger(&e)),
                }
            }
            if let Some(entry) = taken.pop_front() {
                on_the_way.spawn(send_one(ledger.clone(), entry, shared.options));
                continue;
            }
            not_before = Instant::now() + OTHERS;
            if on_the_way.is_empty() {
                match any(&ledger, &shared.job, &[State::Planned]).await {
                    Ok(true) => {}
                    Ok(false) => break Ok(()),
                    Err(failure) => break Err(failure),
                }
            }
        }
        tokio::select! {
            Some(answer) = on_the_way.join_next() => match answer {
                Ok(answer) => {
                    if let Some(wait) = shared.judge(answer) {
                        not_before = Instant::now() + wait;
                    }
                }
                Err(e) => break Err(Failure::broken(e.to_string())),
            },
            () = tokio::time::sleep_until(not_before), if room => {}
            () = shared.stop.wanted(), if !stopping => {}
        }
    };
    while let Some(answer) = on_the_way.join_next().await {
        if let Ok(answer) = answer {
            shared.judge(answer);
        }
    }
    for entry in taken {
        // One that cannot be given back is free when its lease ends. No use to wait for the ledger once more for each.
        if ledger.release(entry).await.is_err() {
            break;
        }
    }
    worked
}

async fn send_one(
    ledger: Ledger,
    entry: Entry,
    options: Options,
) -> Result<Submission<TopupReceipt>, NotSent> {
    ledger.send_with(entry, options).await
}

impl Shared {
    /// Counts an answer. Says how long to wait if the provider's pace is reached.
    pub(super) fn judge(
        &self,
        answer: Result<Submission<TopupReceipt>, NotSent>,
    ) -> Option<Duration> {
        let trouble = match answer {
            Ok(Submission::Accepted(_)) => {
                self.streak.store(0, Ordering::Relaxed);
                self.progress.advance(1);
                return None;
            }
            Ok(Submission::Rejected(rejection)) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                rejection.as_error().message().to_owned()
            }
            Ok(Submission::Unknown(unknown)) => {
                self.unknown.fetch_add(1, Ordering::Relaxed);
                unknown.cause().message().to_owned()
            }
            Err(not_sent) => {
                let error = not_sent.as_error();
                match Guard::behind(error) {
                    Some(Guard::Rate) => {
                        return Some(error.retry_after().unwrap_or(Duration::from_millis(200)));
                    }
                    // The balance cannot be read for now; the row is planned as before.
                    Some(Guard::MinBalance) if error.retry_after().is_some() => {
                        self.not_accepted(error.message());
                        return error.retry_after();
                    }
                    Some(Guard::SentByOtherJob) => {
                        self.left_out.fetch_add(1, Ordering::Relaxed);
                        self.progress.advance(1);
                        return None;
                    }
                    Some(guard) if !guard.is_about_one_row() => {
                        self.stop.because(Why::Because(error.message().to_owned()));
                        return None;
                    }
                    Some(_) => {
                        self.failed.fetch_add(1, Ordering::Relaxed);
                        self.progress.advance(1);
                        return None;
                    }
                    // In another worker's hands.
                    None if error.kind() == ErrorKind::Conflict => return None,
                    None if error.kind() == ErrorKind::Storage => {
                        self.stop.because(Why::Because(format!(
                            "{}: {}",
                            error.message(),
                            std::error::Error::source(error)
                                .map_or_else(String::new, ToString::to_string)
                        )));
                        return None;
                    }
                    None => {
                        self.failed.fetch_add(1, Ordering::Relaxed);
                        error.message().to_owned()
                    }
                }
            }
        };
        self.progress.advance(1);
        let (unknown, failed) = (&self.unknown, &self.failed);
        self.progress.note(format!(
            "{} to settle · {} not done",
            unknown.load(Ordering::Relaxed),
            failed.load(Ordering::Relaxed)
        ));
        self.not_accepted(&trouble);
        None
    }

    fn not_accepted(&self, trouble: &str) {
        let streak = self
            .streak
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1);
        if self.pace.give_up_after == streak {
            self.stop.because(Why::Because(format!(
                "{streak} rows in a row were not accepted, the last one: {trouble}"
            )));
        }
    }
}

/// Looks up what is due while rows are sent.
async fn settle_meanwhile(ledger: Ledger, sent: Arc<Notify>) {
    const AT_LEAST: Duration = Duration::from_millis(20);
    const AT_MOST: Duration = Duration::from_secs(2);
    loop {
        let next = ledger.resume().await.ok().and_then(|settled| settled.next);
        let wait = next.unwrap_or(AT_MOST).clamp(AT_LEAST, AT_MOST);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = sent.notified() => return,
        }
    }
}

/// What only time and the provider's books are needed for. In the order in which a row passes through them.
const NOT_SETTLED: [State; 3] = [State::Sending, State::Replaying, State::Unknown];

/// Whether a row of the job is in one of these states. It is asked often, and to count a million rows takes a second.
async fn any(ledger: &Ledger, job: &str, states: &[State]) -> Result<bool, Failure> {
    for state in states {
        let one = Filter::default().job(job).state(*state).at_most(1);
        let found = ledger.list(one).await;
        if !found.map_err(|e| Failure::of_ledger(&e))?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Until nothing of this job is unknown any more: each row has happened, has not, or is left to a person. What else is
/// due is looked up on the way; what other jobs are still sending is theirs to wait for.
pub(super) async fn settle(ledger: &Ledger, job: &str, stop: &Stop) -> Done {
    let mut told = false;
    while stop.why() != Some(Why::Interrupted) {
        let settled = ledger.resume().await.map_err(|e| Failure::of_ledger(&e))?;
        if !any(ledger, job, &NOT_SETTLED).await? {
            break;
        }
        if !told {
            output::note(
                "settling: what is unknown is looked up on the provider's schedule, and left to a person after that",
            );
            told = true;
        }
        let wait = settled.next.unwrap_or(LOOK.1).clamp(LOOK.0, LOOK.1);
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.interrupted() => {}
        }
    }
    Ok(())
}
