//! One-time codes by text message. The server only carries the text: the code is made and checked on our side.

use std::fmt;

use telco_core::{
    CodeOrigin, Error, ErrorKind, Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel,
    OtpCheck, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Provider, Secret,
    Submission, Verification, async_trait,
};
use telco_otp::LocalOtp;

use crate::MorClient;
use crate::methods::Sms;

/// What stands for the code in the text.
const PLACEHOLDER: &str = "{code}";

/// Sends one-time codes as text messages, and checks them. From [`MorClient::sms_otp`].
#[derive(Clone)]
pub struct SmsOtp {
    mor: MorClient,
    identity: Identity,
    src: String,
    text: String,
    lcr_ids: Vec<u64>,
    codes: LocalOtp,
    capabilities: OtpCapabilities,
}

/// Without the sender, which may be a number.
impl fmt::Debug for SmsOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsOtp")
            .field("identity", &self.identity)
            .field("text", &self.text)
            .field("lcr_ids", &self.lcr_ids)
            .field("codes", &self.codes)
            .finish_non_exhaustive()
    }
}

impl MorClient {
    /// One-time codes by SMS: `src` is the sender, `text` the message with `{code}` where the code goes, `codes` makes and
    /// checks them.
    ///
    /// The number goes to the server as its digits, country code first. What is stored is bound to the account of this
    /// client with `/sms` after it.
    ///
    /// # Errors
    /// [`NotSent`] if `text` does not hold `{code}` exactly once.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use mor_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
    /// use mor_client::{Credentials, MorClient};
    /// use mor_client::core::{Provider, Secret, SecretBytes};
    ///
    /// # let secret = Secret::new("an API secret key");
    /// let mor = MorClient::builder("https://mor.example.com", Credentials::new("admin", secret)).account("acme").build()?;
    /// let key = OtpKey::new("2026-11", SecretBytes::new([7; 32]))?; // 32 random bytes from your secret store
    /// let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
    ///
    /// let sms = mor.sms_otp("Acme", "{code} is your Acme code.", codes)?;
    /// assert_eq!(sms.identity().to_string(), "mor/acme/sms");
    /// # Ok::<(), mor_client::core::NotSent>(())
    /// ```
    pub fn sms_otp(
        &self,
        src: impl Into<String>,
        text: impl Into<String>,
        codes: LocalOtp,
    ) -> Result<SmsOtp, NotSent> {
        let text = text.into();
        if text.matches(PLACEHOLDER).count() != 1 {
            return Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the text of a one-time code holds {code} exactly once",
            )
            .at("mor", "configuration"));
        }
        let account = format!("{}/sms", self.identity().account());
        Ok(SmsOtp {
            mor: self.clone(),
            identity: Identity::new("mor", account),
            src: src.into(),
            text,
            lcr_ids: Vec::new(),
            codes,
            capabilities: OtpCapabilities::new(
                OtpChannel::Sms,
                CodeOrigin::Client,
                OtpCheck::Local,
            ),
        })
    }
}

impl SmsOtp {
    /// Least-cost routings to take in turn: the first for the first message, the next for each resend, then again from
    /// the first. Without any the server chooses.
    #[must_use]
    pub fn with_lcrs(self, lcr_ids: impl Into<Vec<u64>>) -> Self {
        Self {
            lcr_ids: lcr_ids.into(),
            ..self
        }
    }

    /// Which numbers it reaches, how often and how soon a code may be sent again. Default: everybody, two resends a
    /// minute apart.
    #[must_use]
    pub fn with_capabilities(self, capabilities: OtpCapabilities) -> Self {
        Self {
            capabilities,
            ..self
        }
    }

    fn lcr_of(&self, resend: u32) -> Option<u64> {
        let turn = usize::try_from(resend)
            .unwrap_or(0)
            .checked_rem(self.lcr_ids.len())?;
        self.lcr_ids.get(turn).copied()
    }
}

impl Provider for SmsOtp {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for SmsOtp {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let unmade = NotSent::because(ErrorKind::Other);
        let code = self.codes.new_code().map_err(unmade)?;
        // Before the message leaves: what fails here has sent nothing.
        let unmade = NotSent::because(ErrorKind::Other);
        let right = std::slice::from_ref(&code);
        let pending = self
            .codes
            .pending(&self.identity, request, right)
            .map_err(unmade)?;
        let challenge = OtpChallenge::new(pending, OtpChannel::Sms);
        let text = Secret::new(self.text.replace(PLACEHOLDER, code.expose()));
        let mut sms = Sms::new(
            request.reference.clone(),
            self.src.as_str(),
            request.to.expose(),
            text,
        );
        if let Some(lcr_id) = self.lcr_of(request.resend) {
            sms = sms.with_lcr(lcr_id);
        }
        let sent = self.mor.send_sms(&sms).await?;
        // The message may have arrived though its answer was lost, and its reader must get in.
        Ok(sent
            .map(|sent| challenge.clone().with_provider_id(sent.message_id))
            .or_provisional(challenge))
    }
}

#[async_trait]
impl OtpVerifier for SmsOtp {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let candidate = self.codes.typed(typed);
        self.codes
            .check(&self.identity, pending, candidate.as_ref())
            .await
    }
}
