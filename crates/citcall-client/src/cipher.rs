//! The cipher under this provider's keys.

use std::fmt;
use std::time::{Duration, SystemTime};

use telco_core::{ErrorKind, NotSent, Secret};
use telco_crypto::additive::{AdditiveStream, DecryptError, Freshness, Message};
use telco_crypto::encoding::ascii_json;

/// How old, or how far ahead, an incoming message may be. Published classes use 300 s (older) or 480 s (newer); which one the
/// server applies is unknown, so keep your own clock right within 5 minutes.
pub const DEFAULT_WINDOW: Duration = Duration::from_secs(480);

/// Seals what goes out and opens what comes in: the [two-key additive stream](telco_crypto::additive) under the account's keys.
/// It is obfuscation: TLS protects the traffic, and a text that opens proves nothing about who sent it.
///
/// ```
/// use citcall_client::{Cipher, core::Secret};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let cipher = Cipher::new("demo", &Secret::new("fe01ce2a7fbac8fafaed7c982a04e229"))?;
/// let at = UNIX_EPOCH + Duration::from_secs(1_519_012_727);
/// assert_eq!(cipher.seal(r#"{"a":1}"#, at), "X3wBT1F3A1AFTHlKcig_DQFH");
/// assert_eq!(cipher.open("X3wBT1F3A1AFTHlKcig_DQFH", at).unwrap().text(), r#"{"a":1}"#);
/// # Ok::<(), citcall_client::core::NotSent>(())
/// ```
#[derive(Clone)]
pub struct Cipher {
    stream: AdditiveStream,
    window: Option<Duration>,
}

impl Cipher {
    /// `client_id` is the account's user id (inferred), `secret` its API key, used as text (proven).
    ///
    /// # Errors
    /// [`NotSent`] if one is empty or not ASCII.
    pub fn new(client_id: &str, secret: &Secret) -> Result<Self, NotSent> {
        let stream = AdditiveStream::new(client_id, secret.expose())
            .map_err(NotSent::because(ErrorKind::InvalidConfiguration))?;
        Ok(Self {
            stream,
            window: Some(DEFAULT_WINDOW),
        })
    }

    /// Another window. `None` does not check: for tests and for replaying logs.
    #[must_use]
    pub fn with_window(self, window: Option<Duration>) -> Self {
        Self { window, ..self }
    }

    /// Seals JSON text as of `at`. Characters above U+007E are escaped first: the cipher carries seven bits.
    #[must_use]
    pub fn seal(&self, json: &str, at: SystemTime) -> String {
        // Escaped text is ASCII, so the refusal cannot come.
        self.stream
            .encrypt(&ascii_json(json), seconds(at))
            .unwrap_or_default()
    }

    /// Opens what arrived at `now`.
    ///
    /// # Errors
    /// [`DecryptError`], the first check that failed.
    pub fn open(&self, ciphertext: &str, now: SystemTime) -> Result<Message, DecryptError> {
        let freshness = match self.window {
            Some(window) => Freshness::Within {
                now: seconds(now),
                seconds: window.as_secs(),
            },
            None => Freshness::Unchecked,
        };
        self.stream.decrypt(ciphertext, freshness)
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher")
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}
