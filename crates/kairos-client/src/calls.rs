//! The shared trait, and what a stored request can still do.

use std::time::SystemTime;

use telco_core::{
    BatchReceipt, CallBatch, CallCapabilities, CallTrigger, ErrorKind, Frozen, NotSent, Prepared,
    PreparedCalls, SecretBytes, Submission, async_trait,
};

use crate::judge::{Created, PROVIDER};
use crate::{Kairos, Order};

#[async_trait]
impl CallTrigger for Kairos {
    fn call_capabilities(&self) -> &CallCapabilities {
        &self.inner().capabilities
    }

    fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent> {
        let now = self.now();
        let order = |call| Order::from_call(call, self.inner().limits.offset);
        let orders: Result<Vec<_>, _> = batch.calls.iter().map(order).collect();
        let orders = orders.map_err(NotSent::because(ErrorKind::InvalidInput))?;
        let request = |(range, bytes): (std::ops::Range<usize>, SecretBytes)| {
            let calls = batch.calls.get(range).unwrap_or_default();
            Prepared::new(
                &self.inner().identity,
                CallBatch::new(batch.reference.clone(), calls),
                bytes,
                now,
            )
        };
        Ok(self
            .freeze(&orders, now)?
            .into_iter()
            .map(request)
            .collect())
    }

    async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent> {
        let bytes = prepared.bytes_for(&self.inner().identity)?;
        self.send_bytes(prepared.intent(), bytes).await
    }
}

impl Kairos {
    async fn send_bytes(
        &self,
        batch: &CallBatch,
        bytes: &SecretBytes,
    ) -> Result<Submission<BatchReceipt>, NotSent> {
        let calls = batch
            .calls
            .iter()
            .map(|call| call.reference.clone())
            .collect();
        let outcome = self.transmit(&batch.reference, calls, bytes).await?;
        Ok(outcome.map(
            |Created {
                 request_id, calls, ..
             }| BatchReceipt::new(request_id, calls),
        ))
    }

    /// Sends the very same bytes again, after an answer was lost. The provider refuses bytes that it took before (documented), so
    /// this finds out more than it risks, but for how long it remembers them is unknown: allow it with
    /// [`Builder::replay_guard`](crate::Builder::replay_guard), and do it twice at most.
    ///
    /// Accepted or unknown, never more: a refusal of the copy says nothing about the first. "Taken before" is unknown of kind
    /// [`Conflict`](ErrorKind::Conflict): most likely the first copy was accepted.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use std::time::SystemTime;
    /// use kairos_client::core::{Call, CallBatch, CallTrigger, ErrorKind, Msisdn, Reference, Submission};
    /// use telco_sandbox::{FaultRule, Phase};
    ///
    /// sandbox.faults().add(FaultRule::new(Phase::ActThenReset).times(1)); // the calls are placed, the answer is lost
    /// let call = Call::new(Reference::new("due-17")?, Msisdn::parse("919812345678")?);
    /// let batch = CallBatch::new(Reference::new("dues")?, [call]);
    /// let prepared = kairos.prepare(&batch)?.remove(0);
    /// let frozen = prepared.frozen().clone(); // stored before sending
    /// assert!(matches!(kairos.send(prepared).await?, Submission::Unknown(_)));
    ///
    /// let Submission::Unknown(again) = kairos.replay(&frozen, SystemTime::now()).await else { panic!() };
    /// assert_eq!(again.cause().kind(), ErrorKind::Conflict); // it was accepted before
    /// assert_eq!(sandbox.totals().doubled, 0);
    /// # Ok(()) }
    /// ```
    pub async fn replay(
        &self,
        frozen: &Frozen<CallBatch>,
        now: SystemTime,
    ) -> Submission<BatchReceipt> {
        let batch = frozen.intent();
        let guard = self.inner().capabilities.replay;
        if *frozen.identity() != self.inner().identity || !guard.allows(frozen.prepared_at(), now) {
            let refusal = "not replayed: not allowed, or no longer, or another account made it";
            let cause = NotSent::new(ErrorKind::Policy, refusal)
                .at(PROVIDER, self.inner().kind.operation());
            return Submission::unknown(&batch.reference, cause.into());
        }
        match self.send_bytes(batch, frozen.bytes()).await {
            Ok(Submission::Rejected(refusal)) => {
                Submission::unknown(&batch.reference, refusal.into())
            }
            Ok(outcome) => outcome,
            Err(not_sent) => Submission::unknown(&batch.reference, not_sent.into()),
        }
    }

    /// The same calls as a **new** order, at another time and under a fresh key string: after a definite refusal whose reason is gone,
    /// such as an empty balance. The old bytes would be refused as a duplicate.
    ///
    /// Never after an unknown outcome: the provider would take it for other calls, and make them.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use std::time::{Duration, SystemTime};
    /// use kairos_client::core::{Call, CallBatch, CallTrigger, Msisdn, Reference, Submission};
    ///
    /// sandbox.configure("kairos", &serde_json::json!({ "balance": 0 }))?;
    /// let call = Call::new(Reference::new("due-17")?, Msisdn::parse("919812345678")?);
    /// let prepared = kairos.prepare(&CallBatch::new(Reference::new("dues")?, [call]))?.remove(0);
    /// let frozen = prepared.frozen().clone();
    /// assert!(matches!(kairos.send(prepared).await?, Submission::Rejected(_)));
    ///
    /// sandbox.configure("kairos", &serde_json::json!({ "balance": 100 }))?; // topped up
    /// for new in kairos.refresh(&frozen, SystemTime::now() + Duration::from_secs(60))? {
    ///     assert!(matches!(kairos.send(new).await?, Submission::Accepted(_)));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if a call would start at the very time it had, or for another account's request.
    pub fn refresh(
        &self,
        old: &Frozen<CallBatch>,
        start_at: SystemTime,
    ) -> Result<Vec<PreparedCalls>, NotSent> {
        let inner = self.inner();
        if *old.identity() != inner.identity {
            return Err(
                NotSent::new(ErrorKind::InvalidInput, "another account made this request")
                    .at(PROVIDER, "refresh"),
            );
        }
        let text = |time| {
            crate::StartTime::at(time, inner.limits.offset)
                .map_err(NotSent::because(ErrorKind::InvalidInput))
        };
        let new = text(start_at)?;
        let mut batch = old.intent().clone();
        for call in &mut batch.calls {
            if text(call.start_at.unwrap_or(old.prepared_at()))?.as_str() == new.as_str() {
                let same = "the new start time is the old one to the millisecond: the bytes would be refused as a duplicate";
                return Err(NotSent::new(ErrorKind::InvalidInput, same).at(PROVIDER, "refresh"));
            }
            call.start_at = Some(start_at);
        }
        self.prepare(&batch)
    }
}
