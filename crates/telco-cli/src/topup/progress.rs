//! How far it is: a bar on a terminal, plain lines elsewhere.

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::output;

/// Plain lines are this far apart.
const EVERY: Duration = Duration::from_secs(10);

/// On standard error.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    done: AtomicU64,
    began: Instant,
    told: Mutex<Instant>,
    /// What else is to be known.
    noted: Mutex<String>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            let form = "{prefix} {wide_bar} {human_pos} of {human_len} · {rate} · {eta} left {msg}";
            if let Ok(style) = ProgressStyle::with_template(form) {
                let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                    // Nobody is left to tell if this fails.
                    let _ = write!(out, "{:.0}/s", state.per_sec());
                };
                bar.set_style(style.with_key("rate", rate));
            }
            bar.with_prefix(what)
        });
        let now = Instant::now();
        Self {
            what,
            total,
            done: AtomicU64::new(0),
            began: now,
            told: Mutex::new(now),
            noted: Mutex::default(),
            bar,
        }
    }

    /// So many more.
    pub(super) fn advance(&self, by: u64) {
        let done = self
            .done
            .fetch_add(by, Ordering::Relaxed)
            .saturating_add(by);
        if let Some(bar) = &self.bar {
            bar.inc(by);
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.elapsed() >= EVERY {
            *told = Instant::now();
            output::note(&self.line(done));
        }
    }

    /// What else is to be known.
    pub(super) fn note(&self, note: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("· {note}"));
        }
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }

    /// The bar goes away; the plain form says the end.
    pub(super) fn end(&self) {
        match &self.bar {
            Some(bar) => bar.finish_and_clear(),
            None => output::note(&self.line(self.done.load(Ordering::Relaxed))),
        }
    }

    fn line(&self, done: u64) -> String {
        let (what, total, seconds) = (self.what, self.total, self.began.elapsed().as_secs_f64());
        let rate = done as f64 / seconds.max(0.001);
        let left = total.saturating_sub(done) as f64 / rate.max(0.001);
        let left = if done >= total {
            String::new()
        } else {
            format!(", about {left:.0} s left")
        };
        let noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let noted = match noted.as_str() {
            "" => String::new(),
            noted => format!(" · {noted}"),
        };
        format!("{what}: {done} of {total}, {rate:.0} a second{left}{noted}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_says_rate_and_time_left() {
        let began = Instant::now().checked_sub(Duration::from_secs(10)).unwrap();
        let progress = Progress {
            what: "sending",
            total: 200,
            done: AtomicU64::new(0),
            began,
            told: Mutex::new(began),
            noted: Mutex::default(),
            bar: None,
        };
        assert_eq!(
            progress.line(50),
            "sending: 50 of 200, 5 a second, about 30 s left"
        );
        assert_eq!(progress.line(200), "sending: 200 of 200, 20 a second");
        progress.note("2 to settle · 1 not done".to_owned());
        assert_eq!(
            progress.line(200),
            "sending: 200 of 200, 20 a second · 2 to settle · 1 not done"
        );
    }
}
