//! The shared traits: a code sent by start, and the commit that charges.

use std::time::Duration;

use telco_core::{
    CodeOrigin, ErrorKind, Identity, NotSent, OtpCapabilities, OtpChallenge, OtpChannel, OtpCheck,
    OtpCode, OtpRequest, OtpSender, PendingOtp, Provider, Submission, Subscription,
    SubscriptionOtp, async_trait,
};

use crate::credentials::short_digest;
use crate::{Client, PROVIDER, Phone, ServiceKey, Token};

/// One service of an application. Cheap to clone.
///
/// A [`PendingOtp`] that it made holds the number as it was sent and the correlation id, so that commit can get no other; it opens
/// only for the same service of the same application.
///
/// ```
/// use fanap_client::core::{NotSent, OtpCode, OtpRequest, OtpSender, PendingOtp, Submission, SubscriptionOtp};
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
///         Submission::Rejected(_) => "not charged: type the code again, or start anew",
///         Submission::Unknown(_) => "perhaps charged: never commit again, settle it",
///     })
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Service {
    client: Client,
    key: ServiceKey,
    identity: Identity,
    capabilities: OtpCapabilities,
    valid_for: Option<Duration>,
}

/// First field of the state in a pending code. Another layout gets another number.
const LAYOUT: &str = "1";

impl Service {
    pub(crate) fn new(client: Client, key: ServiceKey) -> Self {
        let account = format!("{}/{}", client.identity().account(), key.digest());
        Self {
            client,
            key,
            identity: Identity::new(PROVIDER, account),
            capabilities: OtpCapabilities::new(
                OtpChannel::Sms,
                CodeOrigin::Provider,
                OtpCheck::Commit,
            )
            .only_calling_codes(&["98"]),
            valid_for: None,
        }
    }

    /// Refuses, before anything is sent, to commit a code that was started longer ago. How long a code really lives is
    /// unknown, so there is no default.
    #[must_use]
    pub fn valid_for(self, time: Duration) -> Self {
        Self {
            valid_for: Some(time),
            ..self
        }
    }

    /// Other defaults for resends. A resend is a new start.
    #[must_use]
    pub fn capabilities(self, capabilities: OtpCapabilities) -> Self {
        Self {
            capabilities,
            ..self
        }
    }

    fn state(&self, phone: &Phone, correlation_id: &str) -> String {
        let service = short_digest(self.key.expose());
        // The correlation id comes last: it is opaque and may have any character.
        [LAYOUT, &service, phone.expose(), correlation_id].join(" ")
    }

    /// The number as it was sent and the correlation id.
    fn read<'p>(&self, pending: &'p PendingOtp) -> Result<(Phone, &'p str), NotSent> {
        let state = pending.state_for(&self.identity)?;
        let refuse = |what: &'static str| NotSent::new(ErrorKind::InvalidInput, what);
        let mut parts = state.splitn(4, ' ');
        let (layout, service) = (parts.next(), parts.next());
        let (Some(LAYOUT), Some(service), Some(phone), Some(correlation_id)) =
            (layout, service, parts.next(), parts.next())
        else {
            return Err(refuse(
                "the pending code is damaged or of another version of fanap-client",
            ));
        };
        if service != short_digest(self.key.expose()) {
            return Err(refuse(
                "the pending code was started for another service: use that service's key",
            ));
        }
        let phone = Phone::raw(phone).map_err(NotSent::because(ErrorKind::InvalidInput))?;
        Ok((phone, correlation_id))
    }
}

impl Provider for Service {
    fn identity(&self) -> &Identity {
        &self.identity
    }
}

#[async_trait]
impl OtpSender for Service {
    fn otp_capabilities(&self) -> &OtpCapabilities {
        &self.capabilities
    }

    async fn start(&self, request: &OtpRequest) -> Result<Submission<OtpChallenge>, NotSent> {
        let phone = self.client.phone(&request.to)?;
        let started = self
            .client
            .start(&request.reference, &self.key, &phone)
            .await?;
        let now = self.client.inner.clock.now();
        Ok(started.map(|started| {
            let expires_at = self.valid_for.map(|time| now + time);
            let state = self.state(&phone, &started.correlation_id);
            let pending = PendingOtp::new(&self.identity, request, now, expires_at, state);
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
        if pending
            .expires_at()
            .is_some_and(|end| self.client.inner.clock.now() >= end)
        {
            let expired = NotSent::new(
                ErrorKind::Expired,
                "the pending code is too old: start anew",
            );
            return Err(labelled(expired));
        }
        let token = Token::parse(typed.expose())
            .map_err(NotSent::because(ErrorKind::InvalidInput))
            .map_err(labelled)?;
        let committed = self
            .client
            .commit(
                pending.reference(),
                &self.key,
                &phone,
                correlation_id,
                &token,
            )
            .await?;
        Ok(committed.map(|_| Subscription::new(pending, Some(correlation_id.to_owned()))))
    }
}
