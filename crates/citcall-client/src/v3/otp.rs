//! Codes that the provider checks itself: by missed call, and by text message.

use telco_core::{
    Error, ErrorKind, Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel, OtpCheck,
    OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Provider, Submission, Verification,
    async_trait,
};

use super::{Client, Limits, Motp, Sms, SmsOtp};
use crate::operation::Operation;
use crate::{PROVIDER, typed_code};

/// Missed calls of v3 as one-time codes. The provider counts attempts and ends the code; the stored record holds its id.
///
/// What the user types is read as in v2: the last four digits of the caller, or the whole number in any spelling, of which the last four
/// digits go out (inferred: what the provider compares is unknown). Text that is neither is not sent, so it uses up no attempt.
///
/// Made by [`Client::missed_call`](super::Client::missed_call).
#[derive(Debug, Clone)]
pub struct MissedCall {
    remote: Remote,
}

/// Text messages of v3 as one-time codes, made and checked by the provider.
///
/// Made by [`Client::sms_code`](super::Client::sms_code).
#[derive(Debug, Clone)]
pub struct SmsCode {
    remote: Remote,
    sender_id: String,
    text: String,
}

/// What both have: an account, limits, and a check at the provider.
#[derive(Debug, Clone)]
struct Remote {
    client: Client,
    identity: Identity,
    capabilities: OtpCapabilities,
    limits: Limits,
}

impl MissedCall {
    pub(super) fn new(client: Client, limits: Limits) -> Self {
        Self {
            remote: Remote::new(client, "v3-call", OtpChannel::MissedCall, limits),
        }
    }
}

impl SmsCode {
    pub(super) fn new(
        client: Client,
        sender_id: &str,
        text: &str,
        limits: Limits,
    ) -> Result<Self, NotSent> {
        if !text.contains(SmsOtp::PLACEHOLDER) {
            return Err(NotSent::new(
                ErrorKind::InvalidInput,
                "the text has no XXXXX where the code goes",
            ));
        }
        Ok(Self {
            remote: Remote::new(client, "v3-sms", OtpChannel::Sms, limits),
            sender_id: sender_id.to_owned(),
            text: text.to_owned(),
        })
    }
}

impl Remote {
    /// `adapter` keeps the identities apart: one must not be asked about the other's codes.
    fn new(client: Client, adapter: &str, channel: OtpChannel, limits: Limits) -> Self {
        let identity = Identity::new(PROVIDER, format!("{}+{adapter}", client.inner.account));
        let shared = &client.inner.shared;
        Self {
            identity,
            capabilities: shared.capabilities(channel, OtpCheck::Remote),
            client,
            limits,
        }
    }

    /// The record holds the provider's id. Without one nothing can be verified.
    fn challenge(&self, request: &OtpRequest, trxid: Option<String>) -> OtpChallenge {
        let now = self.client.inner.shared.clock.now();
        let expires = now.checked_add(self.limits.valid_for());
        let state = trxid.clone().unwrap_or_default();
        let verifiable = !state.is_empty();
        let pending = PendingOtp::new(&self.identity, request, now, expires, state);
        let challenge =
            OtpChallenge::new(pending, self.capabilities.channel).with_provider_id(trxid);
        if verifiable {
            challenge
        } else {
            challenge.unverifiable()
        }
    }

    /// The provider's id, if the record is of this adapter.
    fn trxid<'p>(&self, pending: &'p PendingOtp) -> Result<&'p str, Error> {
        let trxid = pending
            .state_for(&self.identity)
            .map_err(|refusal| refusal.at(PROVIDER, Operation::Verify.name()))?;
        Ok(trxid)
    }

    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let trxid = self.trxid(pending)?;
        self.client.verify(pending.to(), trxid, typed).await
    }
}

impl Provider for MissedCall {
    fn identity(&self) -> &Identity {
        &self.remote.identity
    }
}

#[async_trait]
impl OtpSender for MissedCall {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.remote.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let client = &self.remote.client;
        let call = Motp::new(&request.to)
            .attempt(client.inner.counter.value(request.resend))
            .limits(self.remote.limits);
        let answer = client.motp(&request.reference, &call).await?;
        Ok(answer.map(|call| {
            let hint = call.token.and_then(|token| token.hint());
            let challenge = self.remote.challenge(request, call.trxid);
            match hint {
                Some(hint) => challenge.with_hint(hint),
                None => challenge,
            }
        }))
    }
}

#[async_trait]
impl OtpVerifier for MissedCall {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        match last_four(typed) {
            Some(code) => self.remote.verify(pending, &code).await,
            None => self.remote.trxid(pending).map(|_| Verification::Malformed),
        }
    }
}

/// Of four digits, or of a whole number.
fn last_four(typed: &OtpCode) -> Option<OtpCode> {
    let code = typed_code(typed)?;
    let digits = code.expose();
    let last = digits.get(digits.len().checked_sub(4)?..)?;
    Some(OtpCode::new(last))
}

impl Provider for SmsCode {
    fn identity(&self) -> &Identity {
        &self.remote.identity
    }
}

#[async_trait]
impl OtpSender for SmsCode {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.remote.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let message = Sms::new(&request.to, &*self.sender_id, &*self.text);
        let message = SmsOtp::new(message).limits(self.remote.limits);
        let answer = self
            .remote
            .client
            .sms_otp(&request.reference, &message)
            .await?;
        Ok(answer.map(|sent| self.remote.challenge(request, sent.trxid)))
    }
}

#[async_trait]
impl OtpVerifier for SmsCode {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        self.remote.verify(pending, typed).await
    }
}
