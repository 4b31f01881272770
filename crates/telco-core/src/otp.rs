//! One-time passwords: start a challenge, check what the user typed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::{Error, Identity, Msisdn, NotSent, PendingOtp, Provider, Reference, Submission};

/// What to send: to whom, under which reference, and which resend this is. Nothing of one provider: its own options sit in
/// the adapter that implements [`OtpSender`].
///
/// ```
/// use telco_core::{Msisdn, OtpRequest, Reference};
///
/// let to = Msisdn::parse("+6281234567890").unwrap();
/// let first = OtpRequest::new(to, Reference::new("login-1").unwrap());
/// let second = first.clone().as_resend(1);
/// assert_eq!((first.resend, second.resend), (0, 1));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtpRequest {
    /// Who is to be reached.
    pub to: Msisdn,
    /// The caller's id of this challenge.
    pub reference: Reference,
    /// 0 for the first, n for the n-th resend, which takes the n-th route.
    pub resend: u32,
}

impl OtpRequest {
    /// A first send.
    pub fn new(to: Msisdn, reference: Reference) -> Self {
        Self {
            to,
            reference,
            resend: 0,
        }
    }

    /// The n-th resend.
    #[must_use]
    pub fn as_resend(self, resend: u32) -> Self {
        Self { resend, ..self }
    }
}

/// How the code reaches the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtpChannel {
    /// The phone rings once; the caller's number holds the code.
    MissedCall,
    /// A text message.
    Sms,
    /// A call that reads the code out.
    Voice,
}

/// A challenge on its way to the user.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OtpChallenge {
    /// What to store on the server until the user types something.
    pub pending: PendingOtp,
    /// How it travels.
    pub channel: OtpChannel,
    /// What to show: the caller's number with the digits that are the code hidden, `0215080xxxx`.
    pub hint: Option<String>,
    /// The provider's own id of it.
    pub provider_id: Option<String>,
    /// False: it rang, but no usable code came back. Offer a resend.
    pub verifiable: bool,
}

impl OtpChallenge {
    /// A challenge that can be checked.
    pub fn new(pending: PendingOtp, channel: OtpChannel) -> Self {
        Self {
            pending,
            channel,
            hint: None,
            provider_id: None,
            verifiable: true,
        }
    }

    /// What to show to the user. Never any digit of the code.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The provider's id, if it gave one.
    #[must_use]
    pub fn with_provider_id(self, id: Option<String>) -> Self {
        Self {
            provider_id: id,
            ..self
        }
    }

    /// It may have reached the user, but nothing typed can be checked.
    #[must_use]
    pub fn unverifiable(self) -> Self {
        Self {
            verifiable: false,
            ..self
        }
    }
}

/// What the user typed, unread: four digits, a whole number, Persian digits. The provider's crate normalises it.
///
/// ```
/// let typed = telco_core::OtpCode::new(" 4821 ");
/// assert_eq!(format!("{typed:?}"), "OtpCode(***)");
/// assert_eq!(typed.expose(), " 4821 ");
/// ```
#[derive(Clone)]
pub struct OtpCode(Zeroizing<String>);

impl OtpCode {
    /// As it was typed.
    pub fn new(typed: impl Into<String>) -> Self {
        Self(Zeroizing::new(typed.into()))
    }

    /// As it was typed.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(***)")
    }
}

/// What a check found. `Ok(_)` of [`OtpVerifier::verify`] is not "right": only [`Valid`](Self::Valid) is, and it alone
/// holds the proven number.
///
/// ```
/// use telco_core::{Msisdn, Verification};
///
/// fn log_in(verification: Verification) -> Result<Msisdn, &'static str> {
///     match verification {
///         Verification::Valid(number) => Ok(number),
///         Verification::Invalid { .. } | Verification::Malformed => Err("please type the code again"),
///         _ => Err("please ask for a new code"),
///     }
/// }
/// assert!(log_in(Verification::Expired).is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "only Verification::Valid lets somebody in"]
#[non_exhaustive]
pub enum Verification {
    /// Right. The proven number: take it from here, not from the form.
    Valid(Msisdn),
    /// Wrong.
    Invalid {
        /// How often the user may still try, if known.
        attempts_left: Option<u32>,
    },
    /// What was typed cannot be a code. No attempt was used up.
    Malformed,
    /// Too late.
    Expired,
    /// Tried too often.
    TooManyAttempts,
    /// Right once before.
    AlreadyUsed,
    /// The provider knows no such challenge.
    NotFound,
}

/// The outcome of a charging check.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subscription {
    /// The caller's id of it.
    pub reference: Reference,
    /// Who is subscribed.
    pub to: Msisdn,
    /// The provider's own id.
    pub provider_id: Option<String>,
}

impl Subscription {
    /// For implementers: of the pending code that was committed.
    pub fn new(pending: &PendingOtp, provider_id: Option<String>) -> Self {
        Self {
            reference: pending.reference().clone(),
            to: pending.to().clone(),
            provider_id,
        }
    }
}

/// Who makes the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CodeOrigin {
    /// The provider.
    Provider,
    /// We do: an unknown start must then carry a provisional challenge, for the message may have arrived.
    Client,
}

/// Who checks the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OtpCheck {
    /// We do.
    Local,
    /// The provider.
    Remote,
    /// The provider, and the check charges.
    Commit,
}

/// What a sender of codes can do. By value: users override parts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OtpCapabilities {
    /// How its codes travel.
    pub channel: OtpChannel,
    /// Who makes them.
    pub code_origin: CodeOrigin,
    /// Who checks them.
    pub check: OtpCheck,
    /// The calling codes it reaches; empty: any.
    pub calling_codes: Vec<String>,
    /// The default wait before a resend.
    pub resend_cooldown: Duration,
    /// The default number of resends.
    pub max_resends: u32,
}

impl OtpCapabilities {
    /// Reaches everybody; two resends, a minute apart.
    pub fn new(channel: OtpChannel, code_origin: CodeOrigin, check: OtpCheck) -> Self {
        Self {
            channel,
            code_origin,
            check,
            calling_codes: Vec::new(),
            resend_cooldown: Duration::from_secs(60),
            max_resends: 2,
        }
    }

    /// Reaches numbers of these calling codes only.
    #[must_use]
    pub fn only_calling_codes(self, codes: &[&str]) -> Self {
        Self {
            calling_codes: codes.iter().map(|&code| code.to_owned()).collect(),
            ..self
        }
    }

    /// Other defaults for resends.
    #[must_use]
    pub fn resends(self, max_resends: u32, resend_cooldown: Duration) -> Self {
        Self {
            resend_cooldown,
            max_resends,
            ..self
        }
    }

    /// This number can be reached.
    ///
    /// ```
    /// use telco_core::{CodeOrigin, Msisdn, OtpCapabilities, OtpChannel, OtpCheck};
    ///
    /// let c = OtpCapabilities::new(OtpChannel::MissedCall, CodeOrigin::Provider, OtpCheck::Local).only_calling_codes(&["62"]);
    /// assert!(c.reaches(&Msisdn::parse("6281234567890").unwrap()));
    /// assert!(!c.reaches(&Msisdn::parse("2348031234567").unwrap()));
    /// ```
    #[must_use]
    pub fn reaches(&self, to: &Msisdn) -> bool {
        self.calling_codes.is_empty()
            || self
                .calling_codes
                .iter()
                .any(|code| to.national(code).is_some())
    }
}

/// Sends one-time codes. Sending costs: a call rings, a message is billed.
#[async_trait]
pub trait OtpSender: Provider {
    /// What it can do.
    fn otp_capabilities(&self) -> &OtpCapabilities;

    /// Sends one code, once.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent>;
}

/// A check that costs nothing but may use up an attempt: never repeated automatically.
#[async_trait]
pub trait OtpVerifier: OtpSender {
    /// Checks what the user typed.
    ///
    /// # Errors
    /// Says nothing about the code: the check itself failed.
    async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error>;
}

/// A check that **charges**, and hence is not [`OtpVerifier`].
#[async_trait]
pub trait SubscriptionOtp: OtpSender {
    /// Commits the subscription, once. A wrong code is `Rejected` (kind `WrongCode`: the user may type again); "already
    /// used" is `Unknown` (kind `Conflict`). Use a guard so that a double click commits once.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    async fn commit(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent>;
}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<P: OtpSender + ?Sized> OtpSender for $pointer<P> {
            fn otp_capabilities(&self) -> &OtpCapabilities {
                (**self).otp_capabilities()
            }
            async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
                (**self).start(request).await
            }
        }

        #[async_trait]
        impl<P: OtpVerifier + ?Sized> OtpVerifier for $pointer<P> {
            async fn verify(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Verification, Error> {
                (**self).verify(pending, typed).await
            }
        }

        #[async_trait]
        impl<P: SubscriptionOtp + ?Sized> SubscriptionOtp for $pointer<P> {
            async fn commit(&self, pending: &PendingOtp, typed: &OtpCode) -> Result<Submission<Subscription>, NotSent> {
                (**self).commit(pending, typed).await
            }
        }
    )*};
}
forward!(Arc, Box);

impl PendingOtp {
    /// For implementers: the record of a challenge that was just started. Times are kept to the millisecond.
    pub fn new(
        identity: &Identity,
        request: &OtpRequest,
        issued_at: SystemTime,
        expires_at: Option<SystemTime>,
        state: String,
    ) -> Self {
        Self::from_parts(
            identity.clone(),
            request.reference.clone(),
            request.to.clone(),
            issued_at,
            expires_at,
            state,
        )
    }
}
