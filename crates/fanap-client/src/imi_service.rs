//! The shared traits for the IMI sibling, so that the guard of a charging commit takes it.

use std::time::Duration;

use telco_core::{
    Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel, OtpCode, OtpRequest, OtpSender,
    PendingOtp, Provider, Submission, Subscription, SubscriptionOtp, async_trait,
};

use crate::adapter::{Adapter, adapter_settings, token};
use crate::{Imi, PROVIDER, ServiceKey};

/// One service of an application at the IMI sibling. Cheap to clone. Made by [`Imi::service`].
///
/// A [`PendingOtp`] that it made holds the `OtpId`; it opens only for the same service of the same application, and not for a
/// [`Service`](crate::Service) of the subscription API.
///
/// ```
/// # use std::time::{Duration, SystemTime};
/// use fanap_client::ImiService;
/// use fanap_client::core::{NotSent, OtpCode, PendingOtp, Submission};
/// use fanap_client::otp::{CommitOutcome, OtpStore, commit_once};
///
/// /// **This charges**: once, however often the button is pressed.
/// async fn confirm(store: &dyn OtpStore, imi: &ImiService, pending: &PendingOtp, typed: &str) -> Result<&'static str, NotSent> {
///     let forget_at = SystemTime::now() + Duration::from_secs(7 * 86_400);
///     Ok(match commit_once(store, imi, pending, &OtpCode::new(typed), forget_at).await? {
///         CommitOutcome::Done(Submission::Accepted(_)) => "charged",
///         CommitOutcome::Done(Submission::Rejected(_)) => "refused",
///         CommitOutcome::Done(Submission::Unknown(_)) => "perhaps charged: never commit again, settle it",
///         CommitOutcome::AlreadyClaimed => "already on its way",
///     })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct ImiService {
    imi: Imi,
    adapter: Adapter,
}

adapter_settings!(ImiService);

impl ImiService {
    pub(crate) fn new(imi: Imi, key: ServiceKey) -> Self {
        let account = format!("{}/imi", imi.client().identity().account());
        let adapter = Adapter::new(&account, key);
        Self { imi, adapter }
    }
}

#[async_trait]
impl OtpSender for ImiService {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.adapter.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let phone = self.imi.client().phone(&request.to);
        let phone = phone.map_err(|refusal| refusal.at(PROVIDER, "imi_start"))?;
        let started = self
            .imi
            .start(&request.reference, &self.adapter.key, &phone)
            .await?;
        let now = self.imi.client().inner.clock.now();
        Ok(started.map(|started| {
            let pending = self.adapter.pending(request, now, &started.otp_id);
            OtpChallenge::new(pending, OtpChannel::Sms).with_provider_id(Some(started.otp_id))
        }))
    }
}

#[async_trait]
impl SubscriptionOtp for ImiService {
    /// The subscription's provider id is the `RequestId`.
    async fn commit(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent> {
        let labelled = |refusal: NotSent| refusal.at(PROVIDER, "imi_commit");
        let now = self.imi.client().inner.clock.now();
        let otp_id = self.adapter.state(pending, now).map_err(labelled)?;
        let token = token(typed).map_err(labelled)?;
        let (reference, key) = (pending.reference(), &self.adapter.key);
        let committed = self.imi.commit(reference, key, otp_id, &token).await?;
        Ok(committed.map(|done| Subscription::new(pending, Some(done.request_id))))
    }
}
