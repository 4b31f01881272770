//! Spoken one-time codes: one call, the code in a variable of the flow, checked on our side.

use std::fmt;

use telco_core::{
    Call, CallBatch, CallReceipt, CallTrigger, CodeOrigin, Error, ErrorKind, Identity, NotSent,
    OtpCapabilities, OtpChallenge, OtpChannel, OtpCheck, OtpCode, OtpRequest, OtpSender,
    OtpVerifier, PendingOtp, Provider, Reference, Secret, Submission, UnknownOutcome, Verification,
    async_trait,
};
use telco_otp::LocalOtp;

use crate::Kairos;
use crate::judge::PROVIDER;

/// Of a request: the call of resend 12 is named `<reference>-12` in the provider's reports, and that has at most 64 characters.
const LONGEST_REFERENCE: usize = 61;

/// Calls somebody and has the flow read out a code. Made by [`Kairos::voice_otp`]; cheap to clone.
///
/// The code is ours: the provider hears it as the value of a variable, and cannot check it. What is stored are keyed digests, and
/// attempts are counted in the store that the [`LocalOtp`] was given.
///
/// ```
#[doc = against_the_sandbox!()]
/// use std::sync::Arc;
/// use kairos_client::core::{Msisdn, OtpCode, OtpRequest, OtpSender, OtpVerifier, PendingOtp, Reference, SecretBytes, Submission, Verification};
/// use kairos_client::otp::{LocalOtp, MemoryOtpStore, OtpKey};
///
/// // In production 32 random bytes from your secret store, and a store that all workers share.
/// let codes = LocalOtp::new(OtpKey::new("2026-11", SecretBytes::new([7; 32]))?, Arc::new(MemoryOtpStore::default()));
/// let voice = kairos.voice_otp("OTP", codes); // the flow's variable $flow.key.OTP
/// let request = OtpRequest::new(Msisdn::parse("919812345678")?, Reference::generate()?);
/// let challenge = match voice.start(&request).await? {
///     Submission::Accepted(challenge) => Some(challenge),
///     Submission::Rejected(why) => return Err(why.into()),
///     // Perhaps the phone rings: whoever hears the code must get in. Do not call again yet.
///     Submission::Unknown(unknown) => unknown.into_provisional(),
/// };
/// let stored = challenge.ok_or("nothing to check")?.pending.to_storage(); // on the server
///
/// # let heard = sandbox.handset("919812345678").remove(0).arrival;
/// # let telco_sandbox::Arrival::Call { variables, .. } = heard else { panic!() };
/// # let typed = variables["$flow.key.OTP"].clone();
/// let pending = PendingOtp::from_storage(&stored)?;
/// match voice.verify(&pending, &OtpCode::new(typed)).await? {
///     Verification::Valid(number) => println!("{} is proven", number.masked()),
///     other => panic!("{other:?}"),
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct VoiceOtp {
    kairos: Kairos,
    identity: Identity,
    variable: String,
    codes: LocalOtp,
    capabilities: OtpCapabilities,
}

impl Kairos {
    /// A sender of spoken codes through this flow. `variable` is the one that the flow reads out, with or without `$flow.key.`; the
    /// flow defines its name, `OTP` is usual.
    ///
    /// Its identity is the client's with `/voice`, so that its codes are no other adapter's.
    #[must_use]
    pub fn voice_otp(&self, variable: impl Into<String>, codes: LocalOtp) -> VoiceOtp {
        let identity = self.identity();
        VoiceOtp {
            kairos: self.clone(),
            identity: Identity::new(
                identity.provider().to_owned(),
                format!("{}/voice", identity.account()),
            ),
            variable: variable.into(),
            codes,
            capabilities: OtpCapabilities::new(
                OtpChannel::Voice,
                CodeOrigin::Client,
                OtpCheck::Local,
            ),
        }
    }
}

impl VoiceOtp {
    /// Other capabilities: the calling codes that your account may call, waits before a resend.
    #[must_use]
    pub fn with_capabilities(self, capabilities: OtpCapabilities) -> Self {
        Self {
            capabilities,
            ..self
        }
    }

    /// What makes and checks its codes.
    #[must_use]
    pub fn codes(&self) -> &LocalOtp {
        &self.codes
    }

    /// The one call of a request.
    fn batch(&self, request: &OtpRequest, code: Secret) -> Result<CallBatch, NotSent> {
        // Told at the first call, not when somebody waits for the second.
        if request.reference.as_str().len() > LONGEST_REFERENCE {
            let long = "the reference of a spoken code has at most 61 characters: a resend adds its number to it";
            return Err(NotSent::new(ErrorKind::InvalidInput, long).at(PROVIDER, "voice code"));
        }
        let reference = match request.resend {
            0 => request.reference.clone(),
            // Another call: in the provider's reports it needs a name of its own.
            n => Reference::new(format!("{}-{n}", request.reference))
                .map_err(NotSent::because(ErrorKind::InvalidInput))?,
        };
        let call = Call::new(reference.clone(), request.to.clone()).variable(&self.variable, code);
        Ok(CallBatch::new(reference, [call]))
    }

    /// Makes one request of one call, and sends it.
    async fn call(&self, batch: &CallBatch) -> Result<Submission<CallReceipt>, NotSent> {
        let mut prepared = self.kairos.prepare(batch)?;
        let (Some(request), true) = (prepared.pop(), prepared.is_empty()) else {
            return Err(NotSent::new(
                ErrorKind::Other,
                "one call did not make one request",
            ));
        };
        let answer = self.kairos.send(request).await?;
        Ok(answer
            .map(|receipt| receipt.outcome_of(&batch.reference))
            .flatten())
    }
}

/// The caller knows its request by its own reference, not by that of the resend's call.
fn under<T>(reference: &Reference, outcome: Submission<T>) -> Submission<T> {
    let Submission::Unknown(unknown) = outcome else {
        return outcome;
    };
    let own = UnknownOutcome::new(reference, unknown.cause().clone());
    let own = match unknown.answer() {
        Some(answer) => own.with_answer(answer.clone()),
        None => own,
    };
    Submission::Unknown(match unknown.into_provisional() {
        Some(value) => own.with_provisional(value),
        None => own,
    })
}

impl Provider for VoiceOtp {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for VoiceOtp {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }

    /// A reference has at most 61 characters; the call of the n-th resend is `<reference>-n` in the provider's reports, and outcomes
    /// keep the request's own.
    ///
    /// The code lives from here, not from the answer: nothing that can fail may stand between a call and its record.
    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let code = self
            .codes
            .new_code()
            .map_err(NotSent::because(ErrorKind::Other))?;
        let pending = self
            .codes
            .pending(&self.identity, request, std::slice::from_ref(&code))
            .map_err(NotSent::because(ErrorKind::Other))?;
        let challenge = OtpChallenge::new(pending, OtpChannel::Voice);
        let answer = self.call(&self.batch(request, code)?).await?;
        let answer = under(&request.reference, answer);
        let known = challenge.clone();
        Ok(answer
            .map(|receipt| challenge.with_provider_id(receipt.call_id))
            .or_provisional(known))
    }
}

#[async_trait]
impl OtpVerifier for VoiceOtp {
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
        let code = code_in(&self.codes, typed);
        self.codes
            .check(&self.identity, pending, code.as_ref())
            .await
    }
}

/// The code in what was typed on any of the keyboards of India; `None` for what cannot be one, by its length too, so
/// that it costs no attempt.
fn code_in(codes: &LocalOtp, typed: &OtpCode) -> Option<Secret> {
    let mut digits = zeroize::Zeroizing::new(String::with_capacity(typed.expose().len()));
    for c in typed.expose().chars() {
        match c {
            ' ' | '-' | '\u{a0}' => {}
            _ => digits.push(digit(c)?),
        }
    }
    codes.typed(&OtpCode::new(digits.as_str()))
}

/// ASCII, and the scripts of India's keyboards: ten digits in a row in each.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 10] = ['0', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦'];
    ZEROS
        .iter()
        .filter_map(|&zero| u32::from(c).checked_sub(u32::from(zero)))
        .find_map(|value| char::from_digit(value, 10))
}

impl fmt::Debug for VoiceOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VoiceOtp")
            .field("identity", &self.identity)
            .field("variable", &self.variable)
            .field("codes", &self.codes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use telco_core::SecretBytes;
    use telco_otp::{MemoryOtpStore, OtpKey};

    use super::*;

    #[test]
    fn what_people_type() {
        let key = OtpKey::new("k", SecretBytes::new([7; 32])).unwrap();
        let codes = LocalOtp::new(key, Arc::new(MemoryOtpStore::default()));
        let read = |typed: &str| {
            code_in(&codes, &OtpCode::new(typed)).map(|code| code.expose().to_owned())
        };
        for typed in [
            "482113",
            " 482-113 ",
            "४८२११३",
            "৪৮২১১৩",
            "౪౮౨౧౧౩",
            "482\u{a0}113",
        ] {
            assert_eq!(read(typed).as_deref(), Some("482113"), "{typed}");
        }
        let long = "1".repeat(33);
        for typed in [
            "",
            "   ",
            "123",
            "48211",
            "4821133",
            "48211x",
            "482.113",
            "٤٨٢١١٣",
            "+482113",
            &long,
        ] {
            assert_eq!(read(typed), None, "{typed:?}");
        }
    }
}
