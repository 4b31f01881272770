//! Settings of a v2 client, checked without a network.

use std::sync::Arc;
use std::time::Duration;

use telco_core::{
    Clock, CodeOrigin, Identity, NotSent, OtpCapabilities, OtpChannel, OtpCheck, SystemClock,
};
use telco_http::{Settings, Transport};

use crate::client::Inner;
use crate::line::LineSettings;
use crate::{
    Authorization, Cipher, Client, Credentials, DEFAULT_WINDOW, Gateway, NumberForm, Numbers,
    PROVIDER,
};

/// Makes a [`Client`]. Everything has a default but the credentials.
///
/// ```
/// use citcall_client::{Client, Credentials, core::Secret};
///
/// # #[cfg(any(feature = "rustls", feature = "native-tls"))]
/// # fn main() -> Result<(), citcall_client::core::NotSent> {
/// let credentials = Credentials::new("acme", Secret::new("9af4d8381781baccb0f915e554f8798d"))?;
/// let client = Client::builder(credentials).account("acme").build()?;
/// # Ok(()) }
/// # #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
/// # fn main() {}
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    credentials: Credentials,
    shared: Shared,
    path: String,
    client_id: Option<String>,
    send_client_id: bool,
    window: Option<Duration>,
    number_form: NumberForm,
    first_gateway: Gateway,
}

/// What both versions have.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    pub(crate) line: LineSettings,
    pub(crate) account: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) numbers: Numbers,
    pub(crate) check_echoes: bool,
    pub(crate) calling_codes: Vec<String>,
    pub(crate) resends: (u32, Duration),
}

impl Shared {
    pub(crate) fn new(base_url: &str, authorization: Authorization) -> Self {
        Self {
            line: LineSettings::new(base_url, authorization),
            account: None,
            clock: Arc::new(SystemClock::default()),
            numbers: Numbers::default(),
            check_echoes: true,
            calling_codes: vec![crate::number::INDONESIA.to_owned()],
            // Observed in the official web sample.
            resends: (3, Duration::from_secs(10)),
        }
    }

    pub(crate) fn account(&self, credentials: &Credentials) -> String {
        self.account
            .clone()
            .unwrap_or_else(|| credentials.account())
    }

    pub(crate) fn capabilities(&self, channel: OtpChannel, check: OtpCheck) -> OtpCapabilities {
        let codes: Vec<&str> = self.calling_codes.iter().map(String::as_str).collect();
        let (resends, cooldown) = self.resends;
        OtpCapabilities::new(channel, CodeOrigin::Provider, check)
            .only_calling_codes(&codes)
            .resends(resends, cooldown)
    }
}

/// The settings that both builders have, written once.
macro_rules! shared_settings {
    ($builder:ident, $base_url:literal) => {
        impl $builder {
            #[doc = concat!("Another server. `https`, or `http` on this machine. Default: `", $base_url, "`.")]
            pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
                self.shared.line.base_url = base_url.into();
                self
            }

            /// A second server, asked only when no connection to the first came about, so that nothing can ring twice. Default:
            /// none.
            pub fn second_base_url(mut self, base_url: impl Into<String>) -> Self {
                self.shared.line.second_base_url = Some(base_url.into());
                self
            }

            /// The form of the `Authorization` header.
            pub fn authorization(mut self, form: crate::Authorization) -> Self {
                self.shared.line.authorization = form;
                self
            }

            /// What this account is called in identities, and so in stored codes: never change it while codes are pending.
            /// Default: a name derived from the credentials, the same every time.
            pub fn account(mut self, account: impl Into<String>) -> Self {
                self.shared.account = Some(account.into());
                self
            }

            /// Timeouts, body caps, extra root certificates. What is unset in them: 10 s to connect, 30 s in all, 64 KiB.
            pub fn settings(mut self, settings: Settings) -> Self {
                self.shared.line.settings = settings;
                self
            }

            /// A transport of your own; [`settings`](Self::settings) are then yours to keep as well.
            pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
                self.shared.line.transport = Some(transport);
                self
            }

            /// Where time comes from. Default: the system's clock.
            pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
                self.shared.clock = clock;
                self
            }

            /// How often, at most twice, a connection that never came about is tried again; nothing else is ever repeated. The time
            /// limits hold for each try, so a call to a dead host takes up to three times the limit for connecting, and a pause of 0.2
            /// and 0.6 s between them. Default: 2.
            pub fn reconnects(mut self, times: u32) -> Self {
                self.shared.line.reconnects = times;
                self
            }

            /// The rules for numbers.
            pub fn numbers(mut self, numbers: crate::Numbers) -> Self {
                self.shared.numbers = numbers;
                self
            }

            /// Whether an answer that echoes another number than the request is an unknown outcome. Default: yes, for its code
            /// must not be checked against.
            pub fn check_echoes(mut self, check: bool) -> Self {
                self.shared.check_echoes = check;
                self
            }

            /// Which numbers a router may send here, by calling code; empty: any. Default: Indonesia's, the only one whose form
            /// on the wire is documented.
            pub fn calling_codes(mut self, codes: &[&str]) -> Self {
                self.shared.calling_codes = codes.iter().map(|&code| code.to_owned()).collect();
                self
            }

            /// The default limits for resends. Default: 3, 10 s apart (observed in the official web sample).
            pub fn resends(mut self, most: u32, cooldown: Duration) -> Self {
                self.shared.resends = (most, cooldown);
                self
            }

            /// One more header on every request, for a gateway of your own: its value may be a token.
            pub fn extra_header(
                mut self,
                name: impl Into<String>,
                value: telco_core::Secret,
            ) -> Self {
                self.shared.line.extra_headers.push((name.into(), value));
                self
            }
        }
    };
}
pub(crate) use shared_settings;

shared_settings!(Builder, "https://gateway.citcall.com");

impl Builder {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Self {
            credentials,
            shared: Shared::new("https://gateway.citcall.com", Authorization::LegacyBase64),
            path: "/v2/asynccall".to_owned(),
            client_id: None,
            send_client_id: false,
            window: Some(DEFAULT_WINDOW),
            number_form: NumberForm::National,
            first_gateway: Gateway::FIRST,
        }
    }

    /// Another path. Default: `/v2/asynccall`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// The cipher's client id. Default: the account's user id, which is inferred.
    pub fn cipher_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// Sends the client id beside the ciphertext, as a sister protocol does. Whether Citcall needs or ignores it is unknown.
    /// Default: no, as its own sample.
    pub fn send_client_id(mut self, send: bool) -> Self {
        self.send_client_id = send;
        self
    }

    /// How far the time in an answer may lie from ours; `None` does not check. Default: 480 s.
    pub fn window(mut self, window: Option<Duration>) -> Self {
        self.window = window;
        self
    }

    /// How a number is written on the wire. Default: `0…`, the only form documented.
    pub fn number_form(mut self, form: NumberForm) -> Self {
        self.number_form = form;
        self
    }

    /// The gateway of a first call; each resend takes the next. Default: 1.
    pub fn first_gateway(mut self, gateway: Gateway) -> Self {
        self.first_gateway = gateway;
        self
    }

    /// Checks everything. Opens no connection.
    ///
    /// # Errors
    /// What is wrong with which setting.
    pub fn build(self) -> Result<Client, NotSent> {
        let user_id = self.credentials.user_id()?;
        let client_id = self.client_id.as_deref().unwrap_or(user_id);
        let cipher = Cipher::new(client_id, self.credentials.key()?)?.with_window(self.window);
        let line = self
            .shared
            .line
            .clone()
            .build(&self.credentials, &self.path)?;
        Ok(Client::new(Inner {
            identity: Identity::new(PROVIDER, self.shared.account(&self.credentials)),
            capabilities: self
                .shared
                .capabilities(OtpChannel::MissedCall, OtpCheck::Local),
            sent_client_id: self.send_client_id.then(|| client_id.to_owned()),
            cipher,
            path: self.path,
            number_form: self.number_form,
            first_gateway: self.first_gateway,
            clock: self.shared.clock,
            numbers: self.shared.numbers,
            check_echoes: self.shared.check_echoes,
            line,
        }))
    }
}
