//! Ctrl-C, the polite way to end a process, and a terminal that hangs up.

use std::pin::pin;

use telco_core::{NotSent, Reference, Submission};
#[cfg(windows)]
use tokio::signal::windows::CtrlC as Signal;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::Failure;
use crate::output;

/// From when this is made, interruptions no longer end the process but come here.
#[derive(Debug)]
pub(crate) struct Interrupts {
    /// `None`: the system gives none, and ends the process as ever.
    ctrl_c: Option<Signal>,
    #[cfg(unix)]
    terminate: Option<Signal>,
    /// A connection that drops must not take with it what was paid for.
    #[cfg(unix)]
    hangup: Option<Signal>,
}

impl Interrupts {
    pub(crate) fn listen() -> Self {
        Self {
            #[cfg(unix)]
            ctrl_c: signal(SignalKind::interrupt()).ok(),
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate()).ok(),
            #[cfg(unix)]
            hangup: hangup(),
            #[cfg(windows)]
            ctrl_c: tokio::signal::windows::ctrl_c().ok(),
        }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            () = one(&mut self.ctrl_c) => {}
            () = one(&mut self.terminate) => {}
            // A dropped connection hangs up more than once, and nobody at the keyboard meant any of it.
            () = one(&mut self.hangup) => self.hangup = None,
        }
        #[cfg(windows)]
        one(&mut self.ctrl_c).await;
    }
}

/// Who started this with `nohup` wants it to go on: then a hangup stays ignored.
#[cfg(unix)]
fn hangup() -> Option<Signal> {
    if hangup_is_ignored() {
        return None;
    }
    signal(SignalKind::hangup()).ok()
}

#[cfg(target_os = "linux")]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Signal 1 is the first bit.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Other systems do not tell it, but `nohup` leaves no terminal for messages.
#[cfg(all(unix, not(target_os = "linux")))]
fn hangup_is_ignored() -> bool {
    use std::io::IsTerminal as _;
    !std::io::stderr().is_terminal()
}

async fn one(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Waits for the answer of a call that costs. The first Ctrl-C leaves the request alone, the second stops waiting for it:
/// then nobody here knows how it ended, and `settle` says how that is found out.
pub(crate) async fn answered<T>(
    reference: &Reference,
    settle: &str,
    call: impl Future<Output = Result<Submission<T>, NotSent>>,
) -> Result<Result<Submission<T>, NotSent>, Failure> {
    let mut call = pin!(call);
    // Listening before anything leaves, so that none is missed.
    let mut interrupts = Interrupts::listen();
    for patience in [true, false] {
        tokio::select! {
            biased;
            answer = &mut call => return Ok(answer),
            () = interrupts.next() => if patience {
                output::note(
                    "the request is under way: waiting for its answer, until its time is up; Ctrl-C again stops waiting",
                );
            },
        }
    }
    let stopped = Failure::unknown(format!("stopped waiting: unknown outcome of {reference}"));
    Err(stopped.of(reference).help(settle))
}
