//! Settings of a v3 client, checked without a network.

use std::sync::Arc;
use std::time::Duration;

use telco_core::{Clock, NotSent};
use telco_http::{Settings, Transport};

use super::{Client, Counter, client::Inner};
use crate::builder::{Shared, shared_settings};
use crate::{Authorization, Cipher, Credentials};

/// Makes a v3 [`Client`]. Everything has a default but the credentials.
///
/// ```
/// use citcall_client::{Credentials, core::Secret, v3};
///
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// # fn main() -> Result<(), citcall_client::core::NotSent> {
/// let credentials = Credentials::api_key(Secret::new("9af4d8381781baccb0f915e554f8798d"))?;
/// let client = v3::Client::builder(credentials).account("acme").build()?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    credentials: Credentials,
    shared: Shared,
    motp_path: String,
    counter: Counter,
    cipher: Option<Cipher>,
    send_reference: bool,
    check_words: bool,
}

shared_settings!(Builder, "https://pub.citcall.com");

impl Builder {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            shared: Shared::new("https://pub.citcall.com", Authorization::ApiKey),
            motp_path: "/v3/motp".to_owned(),
            counter: Counter::Retry,
            cipher: None,
            send_reference: false,
            check_words: true,
        }
    }

    /// The path of missed calls. Default: `/v3/motp`; before the official SDK 3.4.3 it was `/v3/asynccall`.
    pub fn motp_path(mut self, path: impl Into<String>) -> Self {
        self.motp_path = path.into();
        self
    }

    /// The name of the attempt counter. Default: [`Counter::Retry`].
    pub fn counter(mut self, counter: Counter) -> Self {
        self.counter = counter;
        self
    }

    /// Opens answers that come encrypted all the same. Default: v3 is plain.
    pub fn cipher(mut self, cipher: Cipher) -> Self {
        self.cipher = Some(cipher);
        self
    }

    /// Sends the caller's reference as `clientUniqueId`, which the official SDK does not know. Default: no.
    pub fn send_reference(mut self, send: bool) -> Self {
        self.send_reference = send;
        self
    }

    /// Whether a plain message with a word of one-time codes is refused before it is sent, as the official SDK does. Default: yes.
    pub fn check_words(mut self, check: bool) -> Self {
        self.check_words = check;
        self
    }

    /// Checks everything. Opens no connection.
    ///
    /// # Errors
    /// What is wrong with which setting.
    pub fn build(self) -> Result<Client, NotSent> {
        let account = self.shared.account(&self.credentials);
        let line = self.shared.line.clone();
        let line = line.build(&self.credentials, &self.motp_path)?;
        Ok(Client::new(Inner {
            account,
            motp_path: self.motp_path,
            counter: self.counter,
            cipher: self.cipher,
            send_reference: self.send_reference,
            check_words: self.check_words,
            line,
            shared: self.shared,
        }))
    }
}
