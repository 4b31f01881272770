//! Ctrl-C, and the polite way to end a process.

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
}

impl Interrupts {
    pub(crate) fn listen() -> Self {
        Self {
            #[cfg(unix)]
            ctrl_c: signal(SignalKind::interrupt()).ok(),
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate()).ok(),
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
        }
        #[cfg(windows)]
        one(&mut self.ctrl_c).await;
    }
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
                    "the request has left: waiting for its answer, which takes a minute at most; Ctrl-C again stops waiting",
                );
            },
        }
    }
    Err(Failure::unknown(format!("stopped waiting: unknown outcome of {reference}")).help(settle))
}
