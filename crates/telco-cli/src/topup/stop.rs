//! Why no further row is taken.

use std::sync::Arc;

use tokio::sync::watch;

use crate::exit::{Done, Failure};
use crate::interrupt::Interrupts;
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
        let stop = Self::new();
        let ours = stop.clone();
        // Listening before anything leaves, so that none is missed.
        let mut interrupts = Interrupts::listen();
        tokio::spawn(async move {
            interrupts.next().await;
            output::note(
                "stopping: what is on the way is finished first (Ctrl-C again leaves it to the next resume)",
            );
            ours.because(Why::Interrupted);
            interrupts.next().await;
            std::process::exit(130);
        });
        stop
    }

    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
    }

    /// The first reason counts; but whoever interrupts is heard at any time, also while a job that gave up still settles.
    pub(super) fn because(&self, why: Why) {
        self.0.send_if_modified(|now| {
            let news = now.is_none() || (why == Why::Interrupted && *now != Some(Why::Interrupted));
            if news {
                *now = Some(why);
            }
            news
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

    /// Waits for an interruption, whatever else has stopped it.
    pub(super) async fn interrupted(&self) {
        let is_it = |why: &Option<Why>| *why == Some(Why::Interrupted);
        let _ = self.0.subscribe().wait_for(is_it).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_interruption_is_heard_after_the_job_gave_up() {
        let stop = Stop::new();
        let because = |why: &str| Why::Because(why.to_owned());
        stop.because(because("first"));
        stop.because(because("second"));
        assert_eq!(stop.why(), Some(because("first")));
        stop.wanted().await;
        stop.because(Why::Interrupted);
        stop.interrupted().await;
        stop.because(because("third"));
        assert_eq!(stop.why(), Some(Why::Interrupted));
    }
}
