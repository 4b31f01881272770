//! One signature for many requests. It covers nothing but the two ids and the date, so every request of the same date may carry
//! it, whatever else is in them; and the RSA operation is by far the dearest part of a request.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use telco_core::{Clock, NotSent, Secret};

use crate::{Application, Date, Signed, Signer};

/// The last signature, and for how long its date is sent again.
#[derive(Debug)]
pub(crate) struct Signatures {
    signer: Signer,
    application: Application,
    window: Duration,
    last: Mutex<Option<Arc<Slip>>>,
    /// Two signatures of one text are the same octets, so nothing but this tells how many were made.
    #[cfg(test)]
    made: std::sync::atomic::AtomicUsize,
}

/// A date that is being signed, or was.
#[derive(Debug)]
pub(crate) struct Slip {
    date: Date,
    /// By the clock that never steps.
    since: Duration,
    /// Whoever comes while it is being made waits for it.
    signature: OnceLock<Result<Secret, NotSent>>,
}

impl Signatures {
    pub(crate) fn new(signer: Signer, application: Application, window: Duration) -> Self {
        Self {
            signer,
            application,
            window,
            last: Mutex::default(),
            #[cfg(test)]
            made: Default::default(),
        }
    }

    /// The same key and ids without a window, with a slot of its own.
    pub(crate) fn without_window(&self) -> Self {
        Self::new(
            self.signer.clone(),
            self.application.clone(),
            Duration::ZERO,
        )
    }

    pub(crate) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The slip for a request that is built now: the last one if its date may be sent again, else a new one, not yet signed.
    /// `fresh` asks for the date of this very millisecond.
    pub(crate) fn slip(&self, clock: &dyn Clock, fresh: bool) -> Result<Arc<Slip>, NotSent> {
        let mut last = self.lock();
        let (now, since) = (clock.now(), clock.monotonic());
        let date = Date::of(now)?;
        if let Some(slip) = &*last {
            let in_window = !fresh
                && since.saturating_sub(slip.since) < self.window
                && slip.date.distance(now) <= self.window;
            if in_window || slip.date == date {
                return Ok(Arc::clone(slip));
            }
        }
        let slip = Arc::new(Slip {
            date,
            since,
            signature: OnceLock::new(),
        });
        *last = Some(Arc::clone(&slip));
        Ok(slip)
    }

    /// Signs it, unless that was done. May take milliseconds; no lock is held that other dates need.
    pub(crate) fn sign(&self, slip: &Arc<Slip>) -> Result<Signed, NotSent> {
        let result = slip.signature.get_or_init(|| {
            #[cfg(test)]
            self.made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            self.signer
                .sign_date(&self.application, slip.date.clone())
                .map(|signed| signed.signature().clone())
        });
        match result {
            Ok(signature) => Ok(Signed::new(slip.date.clone(), signature.clone())),
            Err(failure) => {
                self.forget(slip);
                Err(failure.clone())
            }
        }
    }

    /// The provider did not like it: the next request gets another.
    pub(crate) fn forget(&self, slip: &Arc<Slip>) {
        let mut last = self.lock();
        if last.as_ref().is_some_and(|last| Arc::ptr_eq(last, slip)) {
            *last = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Slip>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slip {
    /// It costs nothing to use.
    pub(crate) fn is_signed(&self) -> bool {
        self.signature.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;
    use std::time::SystemTime;

    use telco_crypto::rsa::PrivateKey;

    use super::*;

    /// Another millisecond whenever it is asked.
    #[derive(Debug, Default)]
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> SystemTime {
            self.0.fetch_add(1, Ordering::SeqCst);
            SystemTime::UNIX_EPOCH + self.monotonic()
        }
        fn monotonic(&self) -> Duration {
            Duration::from_millis(1_537_790_487_000 + self.0.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn sixty_four_calls_on_an_empty_slot_sign_once() {
        let vectors = include_str!("../vectors/signing.json");
        let vectors: serde_json::Value = serde_json::from_str(vectors).unwrap();
        let key = vectors["keys"]["k2048"]["private_xml"].as_str().unwrap();
        let signer = Signer::new(PrivateKey::load(key.as_bytes()).unwrap());
        let application = Application::new("your-app-id", "your.tenant.id").unwrap();
        for (window, expected) in [(Duration::from_secs(1), 1), (Duration::ZERO, 64)] {
            let signatures = Signatures::new(signer.clone(), application.clone(), window);
            let (clock, together) = (Ticking::default(), Barrier::new(64));
            let call = || {
                together.wait();
                let slip = signatures.slip(&clock, false).unwrap();
                signatures.sign(&slip).unwrap();
            };
            thread::scope(|threads| {
                for _ in 0..64 {
                    threads.spawn(call);
                }
            });
            assert_eq!(signatures.made.load(Ordering::SeqCst), expected);
        }
    }
}
