//! Text messages.

use std::fmt;

use mor_hash::Call;
use telco_core::{NotSent, Reference, Secret, Submission};

use crate::MorClient;
use crate::wire::escaped_sms;

/// A text message. Numbers are sent as given; the text is a secret, because it may hold a code.
#[derive(Clone)]
#[must_use]
pub struct Sms {
    reference: Reference,
    src: String,
    dst: String,
    message: Secret,
    lcr_id: Option<u64>,
}

/// An accepted message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SentSms {
    /// The server's number.
    pub message_id: Option<String>,
    /// What its status is called.
    pub status: Option<String>,
    /// Its price.
    pub price: Option<String>,
    /// Of the price.
    pub currency: Option<String>,
}

impl Sms {
    /// From `src` (number or name, as the server allows) to `dst`.
    pub fn new(
        reference: Reference,
        src: impl Into<String>,
        dst: impl Into<String>,
        message: Secret,
    ) -> Self {
        Self {
            reference,
            src: src.into(),
            dst: dst.into(),
            message,
            lcr_id: None,
        }
    }

    /// By this least-cost routing.
    pub fn with_lcr(self, lcr_id: u64) -> Self {
        Self {
            lcr_id: Some(lcr_id),
            ..self
        }
    }
}

/// Without the numbers: a sender may be one too.
impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms")
            .field("reference", &self.reference)
            .field("lcr_id", &self.lcr_id)
            .finish_non_exhaustive()
    }
}

impl MorClient {
    /// Sends a text message as the user who is logged in. The server knows nothing of the reference: settle an unknown
    /// outcome in `user_sms_get`.
    ///
    /// # Errors
    /// [`NotSent`]: nothing left.
    pub async fn send_sms(&self, sms: &Sms) -> Result<Submission<SentSms>, NotSent> {
        let message = if self.escapes_sms() {
            Secret::new(escaped_sms(sms.message.expose()))
        } else {
            sms.message.clone()
        };
        let mut call = Call::new("sms_send")
            .with("src", sms.src.as_str())
            .with("dst", sms.dst.as_str())
            .with("message", message.expose());
        if let Some(lcr_id) = sms.lcr_id {
            call = call.with("lcr_id", lcr_id.to_string());
        }
        self.write_and_judge(
            &sms.reference,
            &call,
            "look for the message in user_sms_get",
            |page| {
                let response = page.find("response")?;
                if response.child("status")? != "ok" {
                    return None;
                }
                let message = response.find("message");
                let field = |name| {
                    message
                        .and_then(|message| message.child(name))
                        .map(str::to_owned)
                };
                Some(SentSms {
                    message_id: field("message_id"),
                    status: field("sms_status_code_tip"),
                    price: field("price"),
                    currency: field("currency"),
                })
            },
        )
        .await
    }
}
