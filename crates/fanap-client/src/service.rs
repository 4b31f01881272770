//! The shared traits: a code sent by start, and the commit that charges.

use std::time::Duration;

use telco_core::{
    ErrorKind, Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel, OtpCode, OtpRequest,
    OtpSender, PendingOtp, Provider, Submission, Subscription, SubscriptionOtp, async_trait,
};

use crate::adapter::{Adapter, adapter_settings, damaged, token};
use crate::{Client, PROVIDER, Phone, ServiceKey};

/// One service of an application. Cheap to clone.
///
/// A [`PendingOtp`] that it made holds the number as it was sent and the correlation id, so that commit can get no other; it opens
/// only for the same service of the same application.
///
/// ```
/// use fanap_client::core::{ErrorKind, NotSent, OtpCode, OtpRequest, OtpSender, PendingOtp, Submission, SubscriptionOtp};
/// use fanap_client::Service;
///
/// /// First request of the web application: store what comes back.
/// async fn send(service: &Service, request: &OtpRequest) -> Result<Option<String>, NotSent> {
///     Ok(match service.start(request).await? {
///         Submission::Accepted(challenge) => Some(challenge.pending.to_storage()),
///         Submission::Rejected(_) | Submission::Unknown(_) => None,
///     })
/// }
///
/// /// Second request: **this charges**. Guard it with `fanap_client::otp::commit_once`, so that a double click charges once.
/// async fn confirm(service: &Service, pending: &PendingOtp, typed: &str) -> Result<&'static str, NotSent> {
///     Ok(match service.commit(pending, &OtpCode::new(typed)).await? {
///         Submission::Accepted(_) => "subscribed",
///         Submission::Rejected(why) if why.kind() == ErrorKind::WrongCode => "type the code again",
///         Submission::Rejected(_) => "refused, by all we know without a charge (inferred)",
///         Submission::Unknown(_) => "perhaps charged: never commit again, settle it",
///     })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Service {
    client: Client,
    adapter: Adapter,
}

adapter_settings!(Service);

impl Service {
    pub(crate) fn new(client: Client, key: ServiceKey) -> Self {
        let adapter = Adapter::new(client.identity().account(), key);
        Self { client, adapter }
    }

    /// The number as it was sent and the correlation id, which comes last: it is opaque and may have any character.
    fn read<'p>(&self, pending: &'p PendingOtp) -> Result<(Phone, &'p str), NotSent> {
        let state = self.adapter.state(pending, self.client.inner.clock.now())?;
        let (phone, correlation_id) = state.split_once(' ').ok_or_else(damaged)?;
        let phone = Phone::raw(phone).map_err(NotSent::because(ErrorKind::InvalidInput))?;
        Ok((phone, correlation_id))
    }
}

#[async_trait]
impl OtpSender for Service {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.adapter.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let phone = self
            .client
            .phone(&request.to)
            .map_err(|refusal| refusal.at(PROVIDER, "start"))?;
        let started = self
            .client
            .start(&request.reference, &self.adapter.key, &phone)
            .await?;
        let now = self.client.inner.clock.now();
        Ok(started.map(|started| {
            let state = format!("{} {}", phone.expose(), started.correlation_id);
            let pending = self.adapter.pending(request, now, &state);
            OtpChallenge::new(pending, OtpChannel::Sms)
                .with_provider_id(Some(started.correlation_id))
        }))
    }
}

#[async_trait]
impl SubscriptionOtp for Service {
    async fn commit(
        &self,
        pending: &PendingOtp,
        typed: &OtpCode,
    ) -> Result<Submission<Subscription>, NotSent> {
        let labelled = |refusal: NotSent| refusal.at(PROVIDER, "commit");
        let (phone, correlation_id) = self.read(pending).map_err(labelled)?;
        let token = token(typed).map_err(labelled)?;
        let committed = self
            .client
            .commit(
                pending.reference(),
                &self.adapter.key,
                &phone,
                correlation_id,
                &token,
            )
            .await?;
        Ok(committed.map(|_| Subscription::new(pending, Some(correlation_id.to_owned()))))
    }
}
