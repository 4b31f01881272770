//! How often one number may be reached.

use std::time::{Duration, SystemTime};

use telco_core::{Error, Msisdn, OtpCapabilities};

use crate::{OtpKey, OtpStore};

/// How often one number may be called or written to, whatever spelling it was typed in: the limit is on the canonical number.
///
/// An unprotected "send me a code" form is used to ring strangers at your cost. Limit by source address too; only your web
/// server knows that.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::time::{Duration, SystemTime};
/// use telco_core::{Msisdn, SecretBytes};
/// use telco_otp::{Admission, MemoryOtpStore, OtpKey, ResendPolicy};
///
/// let (store, key) = (MemoryOtpStore::default(), OtpKey::new("k1", SecretBytes::new([7; 32]))?);
/// let policy = ResendPolicy { cooldown: Duration::from_secs(10), max_starts: 4, window: Duration::from_secs(3600) };
/// let (to, now) = (Msisdn::parse("6281234567890")?, SystemTime::now());
///
/// assert_eq!(policy.admit(&store, &key, &to, now).await?, Admission::Start { resend: 0 });
/// assert_eq!(policy.admit(&store, &key, &to, now).await?, Admission::Wait);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResendPolicy {
    /// The least time between two starts.
    pub cooldown: Duration,
    /// How many starts there may be in one window, the first included.
    pub max_starts: u32,
    /// How long starts are remembered, counted from the first.
    pub window: Duration,
}

/// What [`ResendPolicy::admit`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "only Admission::Start allows a start"]
pub enum Admission {
    /// Start now; `resend` is for [`OtpRequest::as_resend`](telco_core::OtpRequest::as_resend).
    Start {
        /// 0 for the first, n for the n-th resend.
        resend: u32,
    },
    /// Too soon after the last one.
    Wait,
    /// No more in this window.
    Stop,
}

impl ResendPolicy {
    /// A provider's own cooldown and number of resends, in a window of one hour.
    ///
    /// ```
    /// use telco_core::{OtpCapabilities, OtpVerifier};
    /// use telco_otp::ResendPolicy;
    ///
    /// fn policy(provider: &dyn OtpVerifier) -> ResendPolicy {
    ///     ResendPolicy::of(provider.otp_capabilities())
    /// }
    /// ```
    #[must_use]
    pub fn of(capabilities: &OtpCapabilities) -> Self {
        Self {
            cooldown: capabilities.resend_cooldown,
            max_starts: capabilities.max_resends.saturating_add(1),
            window: Duration::from_secs(3600),
        }
    }

    /// May this number be reached now? Counts the start when it says so: ask once for each, right before it.
    ///
    /// The store sees a digest of the number under `key`. A new key starts new counts.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::time::{Duration, SystemTime};
    /// # use telco_core::{Msisdn, SecretBytes};
    /// # use telco_otp::{Admission, MemoryOtpStore, OtpKey, ResendPolicy};
    /// # let (store, key) = (MemoryOtpStore::default(), OtpKey::new("k1", SecretBytes::new([7; 32]))?);
    /// # let (to, now) = (Msisdn::parse("6281234567890")?, SystemTime::now());
    /// let policy = ResendPolicy { cooldown: Duration::ZERO, max_starts: 2, window: Duration::from_secs(3600) };
    /// assert_eq!(policy.admit(&store, &key, &to, now).await?, Admission::Start { resend: 0 });
    /// assert_eq!(policy.admit(&store, &key, &to, now).await?, Admission::Start { resend: 1 });
    /// assert_eq!(policy.admit(&store, &key, &to, now).await?, Admission::Stop);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// Kind `Storage`. Do not start then.
    pub async fn admit(
        &self,
        store: &dyn OtpStore,
        key: &OtpKey,
        to: &Msisdn,
        now: SystemTime,
    ) -> Result<Admission, Error> {
        let number = key.digest("telco-otp starts 1", &[to.expose()]);
        let wait = format!("otp:wait:{number}");
        let after = |duration| now.checked_add(duration).unwrap_or(now);
        if !self.cooldown.is_zero() && !store.claim(&wait, after(self.cooldown)).await? {
            return Ok(Admission::Wait);
        }
        let starts = store
            .count(&format!("otp:starts:{number}"), after(self.window))
            .await?;
        if starts > self.max_starts {
            // Nothing starts, so nothing has to be waited for: the next question is answered `Stop` too, not `Wait`.
            store.release(&wait).await?;
            return Ok(Admission::Stop);
        }
        Ok(Admission::Start {
            resend: starts.saturating_sub(1),
        })
    }
}
