//! Codes that we check ourselves.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use telco_core::{
    Clock, Error, ErrorKind, Identity, NoRandomness, NotSent, OsRandomness, OtpCode, OtpRequest,
    PendingOtp, Randomness, Secret, SystemClock, Verification,
};
use telco_crypto::random::{self, Alphabet};
use telco_crypto::{compare, encoding};
use zeroize::Zeroizing;

use crate::claim::claim;
use crate::{OtpKey, OtpStore};

/// Codes that we check ourselves: keyed digests in what is stored, attempts and single use in a shared [`OtpStore`].
///
/// A digest covers provider, account, reference, number, both times, a nonce and the code, so that a record moved to another
/// number, or with a later expiry, matches no code. An attempt is counted **before** comparing, and comparing takes the same
/// time for every code.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
/// use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
///
/// // In production 32 random bytes from your secret store, and a store that all workers share.
/// let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
/// let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
///
/// let me = Identity::new("example", "sms");
/// let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
/// let code = codes.new_code()?; // goes into the message
/// let stored = codes.pending(&me, &request, &[code.clone()])?.to_storage();
///
/// let pending = PendingOtp::from_storage(&stored)?; // another request, perhaps another worker
/// let wrong = Secret::new(if code.expose() == "000000" { "000001" } else { "000000" });
/// assert!(matches!(codes.check(&me, &pending, Some(&wrong)).await?, Verification::Invalid { attempts_left: Some(4) }));
/// assert!(matches!(codes.check(&me, &pending, Some(&code)).await?, Verification::Valid(number) if number == request.to));
/// assert!(matches!(codes.check(&me, &pending, Some(&code)).await?, Verification::AlreadyUsed));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct LocalOtp {
    /// How many codes may be typed for one challenge. 5.
    pub max_attempts: u32,
    /// How long a code lives. 300 s.
    pub valid_for: Duration,
    /// The length of the codes that [`new_code`](Self::new_code) makes. 6; fewer than 4 are made 4.
    pub digits: u32,
    key: OtpKey,
    previous: Vec<OtpKey>,
    store: Arc<dyn OtpStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Randomness>,
}

/// A counter outlives its code by this much, so that a store whose clock is ahead of ours does not forget it early.
const GRACE: Duration = Duration::from_secs(600);
const DIGEST: &str = "telco-otp digest 1";
const COUNTER: &str = "telco-otp counter 1";

impl LocalOtp {
    /// Digests under `key`, counters in `store`; the system's clock and randomness.
    ///
    /// ```
    /// use std::{sync::Arc, time::Duration};
    /// use telco_core::SecretBytes;
    /// use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    ///
    /// let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// let mut codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// codes.max_attempts = 3;
    /// codes.valid_for = Duration::from_secs(120);
    /// # Ok::<(), telco_core::NotSent>(())
    /// ```
    pub fn new(key: OtpKey, store: Arc<dyn OtpStore>) -> Self {
        Self {
            max_attempts: 5,
            valid_for: Duration::from_secs(300),
            digits: 6,
            key,
            previous: Vec::new(),
            store,
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandomness),
        }
    }

    /// Rotation: new codes go under the key of [`new`](Self::new), codes under `previous` are still read. Drop it once they
    /// have expired.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// # let me = Identity::new("example", "sms");
    /// # let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let (code, old) = (Secret::new("482913"), codes.key().clone());
    /// let pending = codes.pending(&me, &request, &[code.clone()])?;
    ///
    /// let new = OtpKey::new("2026-12", SecretBytes::new([8; 32]))?;
    /// let rotated = LocalOtp::new(new, codes.store().clone()).also_accepting(old);
    /// assert!(matches!(rotated.check(&me, &pending, Some(&code)).await?, Verification::Valid(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn also_accepting(mut self, previous: OtpKey) -> Self {
        self.previous.push(previous);
        self
    }

    /// Time and randomness of your own.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// use telco_core::{OsRandomness, SystemClock};
    /// let codes = codes.with_sources(Arc::new(SystemClock::default()), Arc::new(OsRandomness)); // in a test: a clock that you set
    /// # let _ = codes;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_sources(self, clock: Arc<dyn Clock>, random: Arc<dyn Randomness>) -> Self {
        Self {
            clock,
            random,
            ..self
        }
    }

    /// The shared counters.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// let store = codes.store().clone(); // for `ResendPolicy::admit`
    /// # let _ = store;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn store(&self) -> &Arc<dyn OtpStore> {
        &self.store
    }

    /// The key that new codes go under: also the one for [`ResendPolicy::admit`](crate::ResendPolicy::admit).
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// assert_eq!(codes.key().id(), "2026-11");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &OtpKey {
        &self.key
    }

    /// A new code, each of them equally likely.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// assert_eq!(codes.new_code()?.expose().len(), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NoRandomness`] if the source gives none.
    pub fn new_code(&self) -> Result<Secret, NoRandomness> {
        let length = self.length();
        let mut source = |out: &mut [u8]| self.random.fill(out).map_err(|_| random::NoRandomness);
        let code =
            random::text(Alphabet::DIGITS, length, &mut source).map_err(|_| NoRandomness::new())?;
        Ok(Secret::new(code.as_str()))
    }

    /// The code in what was typed: digits of any common script, blanks and hyphens between them dropped, as long as the
    /// codes of [`new_code`](Self::new_code). `None` cannot be one of those.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{OtpCode, SecretBytes};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// for typed in ["482913", " 482 913 ", "482-913", "۴۸۲۹۱۳"] {
    ///     assert_eq!(codes.typed(&OtpCode::new(typed)).unwrap().expose(), "482913");
    /// }
    /// assert!(codes.typed(&OtpCode::new("4829")).is_none());
    /// # Ok::<(), telco_core::NotSent>(())
    /// ```
    #[must_use]
    pub fn typed(&self, typed: &OtpCode) -> Option<Secret> {
        let length = self.length();
        let mut code = Zeroizing::new(String::with_capacity(length));
        for c in typed.expose().chars() {
            match digit(c) {
                Some(_) if code.len() == length => return None,
                Some(digit) => code.push(digit),
                None if c.is_whitespace() || c == '-' => {}
                None => return None,
            }
        }
        (code.len() == length).then(|| Secret::new(code.as_str()))
    }

    fn length(&self) -> usize {
        usize::try_from(self.digits.clamp(4, 32)).unwrap_or(32)
    }

    /// The record of a challenge whose code is any of `right` (the last four digits, the whole number). It holds digests
    /// only. With an empty `right` nothing can be checked, and [`check`](Self::check) says `NotFound`.
    ///
    /// Call it when the provider accepted: the code lives from now. A new record does not void an older one of the same
    /// number; keep only the last, or [`void`](Self::void) the older.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// # let me = Identity::new("example", "sms");
    /// # let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let pending = codes.pending(&me, &request, &[Secret::new("482913")])?;
    /// assert!(!pending.to_storage().contains("482913"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NoRandomness`] if the source gives none.
    pub fn pending(
        &self,
        identity: &Identity,
        request: &OtpRequest,
        right: &[Secret],
    ) -> Result<PendingOtp, NoRandomness> {
        let mut nonce = [0; 16];
        self.random.fill(&mut nonce)?;
        let nonce = encoding::hex(&nonce);
        let issued = self.clock.now();
        let expires = issued.checked_add(self.valid_for).unwrap_or(issued);
        // First without its state: the record keeps times to the millisecond, and the digests cover what it keeps.
        let bare = PendingOtp::new(identity, request, issued, Some(expires), String::new());
        let digests: Vec<String> = right
            .iter()
            .map(|code| digest(&self.key, &bare, &nonce, code))
            .collect();
        let state = format!("{}:{nonce}:{}", self.key.id(), digests.join(","));
        Ok(PendingOtp::new(
            identity,
            request,
            issued,
            Some(expires),
            state,
        ))
    }

    /// Checks `candidate`, what was typed in normal form; `None` is what cannot be a code.
    ///
    /// In this order: too late, not a code (uses up no attempt), one attempt counted, compared with every right form, taken
    /// out of use.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// # let me = Identity::new("example", "sms");
    /// # let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let pending = codes.pending(&me, &request, &[Secret::new("482913")])?;
    /// let typed = codes.typed(&telco_core::OtpCode::new("482 913"));
    /// assert!(matches!(codes.check(&me, &pending, typed.as_ref()).await?, Verification::Valid(_)));
    /// assert!(matches!(codes.check(&me, &pending, None).await?, Verification::Malformed));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// The record is of another identity, under a key that is not loaded, or damaged (nothing was counted); or the store
    /// failed, and then nobody is let in.
    pub async fn check(
        &self,
        identity: &Identity,
        pending: &PendingOtp,
        candidate: Option<&Secret>,
    ) -> Result<Verification, Error> {
        let record = self.open(identity, pending)?;
        let expires = pending.expires_at().ok_or_else(damaged)?;
        if self.clock.now() >= expires {
            return Ok(Verification::Expired);
        }
        if record.digests.is_empty() {
            return Ok(Verification::NotFound);
        }
        let Some(candidate) = candidate else {
            return Ok(Verification::Malformed);
        };
        let forget_at = expires.checked_add(GRACE).unwrap_or(expires);
        let attempt = self
            .store
            .count(&record.counter("tries"), forget_at)
            .await?;
        if attempt > self.max_attempts {
            return Ok(Verification::TooManyAttempts);
        }
        let right = record.holds(candidate);
        if !right {
            return Ok(Verification::Invalid {
                attempts_left: Some(self.max_attempts.saturating_sub(attempt)),
            });
        }
        if claim(&*self.store, &record.counter("used"), forget_at).await? {
            Ok(Verification::Valid(pending.to().clone()))
        } else {
            Ok(Verification::AlreadyUsed)
        }
    }

    /// Whether `code` is one of the right ones. It counts nothing and takes nothing out of use, so it is for what the **provider**
    /// says (a callback that repeats the code), never for what a user types: that would allow ten thousand guesses.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// # let me = Identity::new("example", "sms");
    /// # let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let pending = codes.pending(&me, &request, &[Secret::new("482913")])?;
    /// assert!(codes.matches(&me, &pending, &Secret::new("482913"))?);
    /// assert!(!codes.matches(&me, &pending, &Secret::new("000000"))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The record is of another identity, under a key that is not loaded, or damaged.
    pub fn matches(
        &self,
        identity: &Identity,
        pending: &PendingOtp,
        code: &Secret,
    ) -> Result<bool, Error> {
        let record = self.open(identity, pending)?;
        Ok(record.holds(code))
    }

    /// Takes a code out of use before it was typed, because a newer one replaces it: from now on it is `AlreadyUsed`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # use std::sync::Arc;
    /// # use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference, Secret, SecretBytes, Verification};
    /// # use telco_otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// # let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?;
    /// # let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    /// # let me = Identity::new("example", "sms");
    /// # let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let code = Secret::new("482913");
    /// let pending = codes.pending(&me, &request, &[code.clone()])?;
    /// codes.void(&me, &pending).await?;
    /// assert!(matches!(codes.check(&me, &pending, Some(&code)).await?, Verification::AlreadyUsed));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn void(&self, identity: &Identity, pending: &PendingOtp) -> Result<(), Error> {
        let record = self.open(identity, pending)?;
        let expires = pending.expires_at().ok_or_else(damaged)?;
        let forget_at = expires.checked_add(GRACE).unwrap_or(expires);
        self.store.claim(&record.counter("used"), forget_at).await?;
        Ok(())
    }

    fn open<'a>(
        &'a self,
        identity: &Identity,
        pending: &'a PendingOtp,
    ) -> Result<Record<'a>, Error> {
        let state = pending.state_for(identity)?;
        let mut parts = state.split(':');
        let (Some(key_id), Some(nonce), Some(digests), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(damaged());
        };
        let key = std::iter::once(&self.key)
            .chain(&self.previous)
            .find(|key| key.id() == key_id)
            .ok_or_else(unknown_key)?;
        Ok(Record {
            key,
            nonce,
            digests: digests.split(',').filter(|d| !d.is_empty()).collect(),
            pending,
        })
    }
}

/// A stored record, read.
struct Record<'a> {
    key: &'a OtpKey,
    nonce: &'a str,
    digests: Vec<&'a str>,
    pending: &'a PendingOtp,
}

impl Record<'_> {
    /// Every digest is compared, so that the time does not tell which form was right.
    fn holds(&self, code: &Secret) -> bool {
        let typed = digest(self.key, self.pending, self.nonce, code);
        self.digests.iter().fold(false, |found, digest| {
            compare::equal(digest.as_bytes(), typed.as_bytes()) | found
        })
    }

    /// The counter's name: says nothing about number or code, and is the same for every worker.
    fn counter(&self, what: &str) -> String {
        let [provider, account, reference, number] = owner(self.pending);
        let fields = [provider, account, reference, number, self.nonce];
        let digest = self.key.digest(COUNTER, &fields);
        format!("otp:{what}:{digest}")
    }
}

/// The ASCII form of a decimal digit: Latin, Arabic, Persian, Devanagari, Bengali, full width.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 6] = ['0', '٠', '۰', '०', '০', '０'];
    ZEROS.iter().find_map(|zero| {
        let above = u32::from(c).checked_sub(u32::from(*zero))?;
        char::from_digit(above, 10)
    })
}

fn owner(pending: &PendingOtp) -> [&str; 4] {
    [
        pending.identity().provider(),
        pending.identity().account(),
        pending.reference().as_str(),
        pending.to().expose(),
    ]
}

fn digest(key: &OtpKey, pending: &PendingOtp, nonce: &str, code: &Secret) -> String {
    let [provider, account, reference, number] = owner(pending);
    let issued = millis(pending.issued_at());
    let expires = pending.expires_at().map_or_else(String::new, millis);
    let fields = [
        provider,
        account,
        reference,
        number,
        &issued,
        &expires,
        nonce,
        code.expose(),
    ];
    key.digest(DIGEST, &fields)
}

fn millis(time: SystemTime) -> String {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .to_string()
}

fn damaged() -> Error {
    NotSent::new(
        ErrorKind::InvalidInput,
        "the stored code is damaged, or was not made by LocalOtp",
    )
    .into()
}

fn unknown_key() -> Error {
    NotSent::new(
        ErrorKind::InvalidConfiguration,
        "the stored code is under a key that is not loaded",
    )
    .with_help("during a rotation pass the old key to LocalOtp::also_accepting until its codes have expired")
    .into()
}

impl fmt::Debug for LocalOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalOtp")
            .field("max_attempts", &self.max_attempts)
            .field("valid_for", &self.valid_for)
            .field("digits", &self.digits)
            .field("key", &self.key)
            .field("previous", &self.previous)
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
