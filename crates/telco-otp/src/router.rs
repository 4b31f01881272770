//! One door to several providers.

use std::sync::Arc;

use telco_core::{
    Error, ErrorKind, Msisdn, NotSent, OtpChallenge, OtpCode, OtpRequest, OtpVerifier, PendingOtp,
    Submission, Verification,
};

/// Picks the provider by the number's calling code, and checks a code with the one that sent it.
///
/// A second provider is tried only where the first provably did nothing and another may do better (no connection, out of
/// service, no money, bad credentials). **After `Unknown` it never is**: the phone may be ringing.
///
/// ```
/// # use std::sync::Arc;
/// # use telco_core::{NotSent, OtpRequest, OtpVerifier, OtpChallenge, Submission};
/// use telco_otp::OtpRouter;
///
/// async fn send(indonesia: Arc<dyn OtpVerifier>, anywhere: Arc<dyn OtpVerifier>, request: &OtpRequest)
///     -> Result<Submission<OtpChallenge>, NotSent>
/// {
///     let router = OtpRouter::default().with(anywhere).with(indonesia);
///     router.start(request).await // +62 goes to `indonesia` first: its calling codes are narrower
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct OtpRouter {
    providers: Vec<Arc<dyn OtpVerifier>>,
}

impl OtpRouter {
    /// One provider more. Among those with equally long calling codes, earlier ones come first.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// use telco_core::OtpVerifier;
    /// use telco_otp::OtpRouter;
    ///
    /// fn router(first: Arc<dyn OtpVerifier>, second: Arc<dyn OtpVerifier>) -> OtpRouter {
    ///     OtpRouter::default().with(first).with(second)
    /// }
    /// ```
    #[must_use]
    pub fn with(mut self, provider: Arc<dyn OtpVerifier>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Those that reach the number, the longest calling code first; one that reaches any number comes last.
    ///
    /// ```
    /// use telco_core::Msisdn;
    /// use telco_otp::OtpRouter;
    /// assert!(OtpRouter::default().route(&Msisdn::parse("6281234567890")?).is_empty()); // no provider, no way
    /// # Ok::<(), telco_core::InvalidMsisdn>(())
    /// ```
    #[must_use]
    pub fn route(&self, to: &Msisdn) -> Vec<&Arc<dyn OtpVerifier>> {
        let length = |provider: &Arc<dyn OtpVerifier>| {
            let codes = &provider.otp_capabilities().calling_codes;
            let fitting = codes.iter().filter(|code| to.national(code).is_some());
            fitting.map(String::len).max().unwrap_or(0)
        };
        let mut reaching: Vec<_> = self
            .providers
            .iter()
            .filter(|provider| provider.otp_capabilities().reaches(to))
            .collect();
        reaching.sort_by_key(|provider| std::cmp::Reverse(length(provider)));
        reaching
    }

    /// Sends one code through the first provider that takes it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use telco_core::{ErrorKind, Msisdn, OtpRequest, Reference};
    /// use telco_otp::OtpRouter;
    ///
    /// let request = OtpRequest::new(Msisdn::parse("6281234567890")?, Reference::generate()?);
    /// let not_sent = OtpRouter::default().start(&request).await.unwrap_err();
    /// assert_eq!(not_sent.kind(), ErrorKind::Unsupported);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] from the last provider that was tried; kind `Unsupported` if none reaches the number.
    pub async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let mut last = Err(NotSent::unsupported("no provider reaches this number"));
        for provider in self.route(&request.to) {
            last = provider.start(request).await;
            let another_may_help = match &last {
                Ok(Submission::Accepted(_) | Submission::Unknown(_)) => false,
                Ok(Submission::Rejected(rejection)) => passes_by(rejection.kind()),
                Err(not_sent) => passes_by(not_sent.kind()),
            };
            if !another_may_help {
                break;
            }
        }
        last
    }

    /// Checks with the provider that sent the code, whatever the number.
    ///
    /// ```
    /// use telco_core::{Error, OtpCode, PendingOtp, Verification};
    /// use telco_otp::OtpRouter;
    ///
    /// async fn is_right(router: &OtpRouter, pending: &PendingOtp, typed: &str) -> Result<bool, Error> {
    ///     Ok(matches!(router.verify(pending, &OtpCode::new(typed)).await?, Verification::Valid(_)))
    /// }
    /// ```
    ///
    /// # Errors
    /// That provider's; kind `InvalidConfiguration` if it is not among these.
    pub async fn verify(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Verification, Error> {
        let sender = self
            .providers
            .iter()
            .find(|provider| provider.identity() == pending.identity());
        match sender {
            Some(provider) => provider.verify(pending, typed).await,
            None => Err(NotSent::new(
                ErrorKind::InvalidConfiguration,
                "the provider that sent this code is not in the router",
            )
            .into()),
        }
    }
}

/// The trouble lies with this provider or our account there, not with the number or a rule of ours.
fn passes_by(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Interrupted
            | ErrorKind::Authentication
            | ErrorKind::Permission
            | ErrorKind::ClockSkew
            | ErrorKind::InsufficientBalance
            | ErrorKind::InvalidConfiguration
            | ErrorKind::Unsupported
            | ErrorKind::Unavailable
    )
}
