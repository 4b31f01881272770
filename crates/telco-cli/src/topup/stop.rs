//! Why no further row is taken.

use std::sync::Arc;

use tokio::sync::watch;

use crate::exit::{Done, Failure};
use crate::output;

/// Shared by everything that runs: set once.
#[derive(Debug, Clone)]
pub(super) struct Stop(Arc<watch::Sender<Option<Why>>>);

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// By Ctrl-C, or by whoever ends processes.
    Interrupted,
    /// Going on would help nobody.
    Because(String),
}

impl Stop {
    /// From now on Ctrl-C lets what is under way finish. A second one does not wait for it.
    pub(super) fn on_ctrl_c() -> Self {
        let stop = Self(Arc::new(watch::Sender::new(None)));
        let ours = stop.clone();
        tokio::spawn(async move {
            interrupted().await;
            output::note(
                "stopping: what is on the way is finished first (Ctrl-C again leaves it to the next resume)",
            );
            ours.because(Why::Interrupted);
            interrupted().await;
            std::process::exit(130);
        });
        stop
    }

    /// The first reason counts.
    pub(super) fn because(&self, why: Why) {
        self.0.send_if_modified(|now| {
            let first = now.is_none();
            if first {
                *now = Some(why);
            }
            first
        });
    }

    pub(super) fn why(&self) -> Option<Why> {
        self.0.borrow().clone()
    }

    /// Waits for it.
    pub(super) async fn wanted(&self) {
        // The sender lives in `self`.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    /// Before the first row is sent, an interruption is the end.
    pub(super) fn check(&self) -> Done {
        match self.why() {
            None => Ok(()),
            Some(_) => Err(Failure::interrupted("interrupted; nothing was sent")
                .help("the same command again goes on")),
        }
    }
}

/// Ctrl-C, or the polite way to end a process.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
