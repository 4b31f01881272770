//! Missed calls as one-time codes, checked on our side.

use std::fmt;

use telco_core::{
    Error, ErrorKind, Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel, OtpCode,
    OtpRequest, OtpSender, OtpVerifier, PendingOtp, Provider, Secret, Submission, UnknownOutcome,
    Verification, async_trait,
};
use telco_otp::LocalOtp;

use crate::operation::Operation;
use crate::{AcceptedCall, AsyncCall, CallEnded, Client, PROVIDER, Token, typed_code};

const OPERATION: &str = Operation::AsyncCall.name();

/// Missed calls of a v2 [`Client`] as one-time codes: the phone rings once, and the user types the last four digits of the caller,
/// or the whole number. v2 has no verify operation, so [`LocalOtp`] checks: digests under your key in the stored record, attempts
/// and single use counted in your shared store.
///
/// The request's reference goes out as `clientUniqueId`; resend *n* takes the *n*-th gateway.
///
/// ```
/// use citcall_client::core::{NotSent, OtpRequest, OtpSender, Reference, Submission};
/// use citcall_client::{Client, MissedCall, parse_msisdn};
/// use citcall_client::otp::LocalOtp;
///
/// async fn start(client: &Client, codes: LocalOtp) -> Result<Option<String>, Box<dyn std::error::Error>> {
///     let calls = client.missed_call(codes);
///     let request = OtpRequest::new(parse_msisdn("081234567890")?, Reference::generate()?);
///     Ok(match calls.start(&request).await? {
///         Submission::Accepted(challenge) if challenge.verifiable => Some(challenge.pending.to_storage()),
///         _ => None, // offer a resend, after the cooldown
///     })
/// }
/// ```
#[derive(Clone)]
pub struct MissedCall {
    client: Client,
    codes: LocalOtp,
}

impl MissedCall {
    pub(crate) fn new(client: Client, codes: LocalOtp) -> Self {
        Self { client, codes }
    }

    /// Calls again for a user who asks for it, under the same reference and through the `resend`-th gateway. Once a new code is on
    /// its way the old one is void; after a plain [`start`](OtpSender::start) it is not, for that knows no older record. A dropped
    /// future may have rung.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn resend(
        &self,
        previous: &PendingOtp,
        resend: u32,
    ) -> Result<Submission<OtpChallenge>, NotSent> {
        previous
            .state_for(self.identity())
            .map_err(|refusal| refusal.at(PROVIDER, OPERATION))?;
        let request = OtpRequest::new(previous.to().clone(), previous.reference().clone());
        let answer = self.start(&request.as_resend(resend)).await?;
        if matches!(&answer, Submission::Accepted(challenge) if challenge.verifiable) {
            // If the store fails the old code lives until it expires: the new call has rung all the same.
            let _ = self.codes.void(self.identity(), previous).await;
        }
        Ok(answer)
    }

    /// The token in a callback is the one of this pending code: one of the checks that an unsigned callback still allows. `None` if
    /// the callback has no usable token. Uses up no attempt, so it is for what the provider says, never for what a user types.
    ///
    /// # Errors
    /// The record is of another account, or damaged.
    pub fn callback_fits(
        &self,
        pending: &PendingOtp,
        event: &CallEnded,
    ) -> Result<Option<bool>, Error> {
        let Some(token) = event.token.as_ref().filter(|token| token.is_usable()) else {
            return Ok(None);
        };
        let mut fits = false;
        for form in token.right_codes() {
            fits |= self.codes.matches(self.identity(), pending, &form)?;
        }
        Ok(Some(fits))
    }

    fn challenge(
        &self,
        request: &OtpRequest,
        call: AcceptedCall,
    ) -> Result<OtpChallenge, UnknownOutcome<OtpChallenge>> {
        let right: Vec<Secret> = call.token.as_ref().map_or(Vec::new(), Token::right_codes);
        let pending = self.codes.pending(self.identity(), request, &right);
        // The call is on its way: without randomness for the record nobody can tell more than that.
        let pending = pending.map_err(|dry| {
            let cause = Error::answered(ErrorKind::Other, dry.to_string()).at(PROVIDER, OPERATION);
            UnknownOutcome::new(&request.reference, cause)
        })?;
        let challenge =
            OtpChallenge::new(pending, OtpChannel::MissedCall).with_provider_id(call.trxid);
        Ok(match call.token.and_then(|token| token.hint()) {
            Some(hint) => challenge.with_hint(hint),
            None => challenge.unverifiable(),
        })
    }
}

impl Provider for MissedCall {
    fn identity(&self) -> &Identity {
        &self.client.inner.identity
    }
}

#[async_trait]
impl OtpSender for MissedCall {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.client.inner.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let gateway = self.client.inner.first_gateway.after(request.resend);
        let call =
            AsyncCall::new(&request.to, gateway).client_unique_id(request.reference.as_str());
        let answer = self.client.async_call(&request.reference, &call).await?;
        Ok(answer.try_map(|call| self.challenge(request, call)))
    }
}

#[async_trait]
impl OtpVerifier for MissedCall {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let candidate = typed_code(typed);
        self.codes
            .check(self.identity(), pending, candidate.as_ref())
            .await
    }
}

impl fmt::Debug for MissedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MissedCall")
            .field("client", &self.client)
            .field("codes", &self.codes)
            .finish()
    }
}
