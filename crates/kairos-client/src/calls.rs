//! The shared trait, and what a stored request can still do.

use std::time::SystemTime;

use telco_core::{
    BatchReceipt, CallBatch, CallCapabilities, CallTrigger, ErrorKind, Frozen, NotSent, Prepared,
    PreparedCalls, Reference, SecretBytes, Submission, async_trait,
};

use crate::judge::{Created, PROVIDER};
use crate::{Kairos, Order, Orders, PreparedOrders, StartTime};

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

    /// Sends the very same bytes again, after an answer was lost. The provider refuses bytes that were sent before
    /// (documented), so this finds out more than it risks, but for how long it remembers them is unknown: allow it with
    /// [`Builder::replay_guard`](crate::Builder::replay_guard), and do it twice at most.
    ///
    /// The bytes go out unchanged or not at all: a plain request that was made under another security id or API version, and one that
    /// was made for another [`Kind`](crate::Kind), are unknown of kind [`InvalidInput`](ErrorKind::InvalidInput) and nothing is sent.
    ///
    /// Accepted or unknown, never more: a refusal of the copy says nothing about the first. "Sent before" is unknown of
    /// kind [`Conflict`](ErrorKind::Conflict): the first copy arrived, and whether it was taken is unknown.
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
    /// assert_eq!(again.cause().kind(), ErrorKind::Conflict); // these bytes were sent before
    /// assert_eq!(sandbox.totals().doubled, 0);
    /// # Ok(()) }
    /// ```
    pub async fn replay(
        &self,
        frozen: &Frozen<CallBatch>,
        now: SystemTime,
    ) -> Submission<BatchReceipt> {
        let batch = frozen.intent();
        let copy = match self.may_replay(frozen, now) {
            Ok(()) => self.send_bytes(batch, frozen.bytes()).await,
            Err(refusal) => Err(refusal),
        };
        of_a_copy(&batch.reference, copy)
    }

    /// As [`replay`](Self::replay), for orders of [`prepare_orders`](Self::prepare_orders).
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use std::time::SystemTime;
    /// use kairos_client::core::{ErrorKind, Reference, Submission};
    /// use kairos_client::{ContactNumber, NumberPolicy, Order};
    /// use telco_sandbox::{FaultRule, Phase};
    ///
    /// sandbox.faults().add(FaultRule::new(Phase::ActThenReset).times(1));
    /// let typed = ContactNumber::parse("919812345678", NumberPolicy::AsIs)?;
    /// let order = Order::new(Reference::new("due-17")?, typed);
    /// let prepared = kairos.prepare_orders(&Reference::new("dues")?, &[order])?.remove(0);
    /// let frozen = prepared.frozen().clone(); // stored before sending
    /// assert!(matches!(kairos.create(prepared).await?, Submission::Unknown(_)));
    ///
    /// let Submission::Unknown(again) = kairos.replay_orders(&frozen, SystemTime::now()).await else { panic!() };
    /// assert_eq!(again.cause().kind(), ErrorKind::Conflict); // these bytes were sent before
    /// # Ok(()) }
    /// ```
    pub async fn replay_orders(
        &self,
        frozen: &Frozen<Orders>,
        now: SystemTime,
    ) -> Submission<Created> {
        let copy = match self.may_replay(frozen, now) {
            Ok(()) => self.create_bytes(frozen.intent(), frozen.bytes()).await,
            Err(refusal) => Err(refusal),
        };
        of_a_copy(&frozen.intent().reference, copy)
    }

    fn may_replay<I>(&self, frozen: &Frozen<I>, now: SystemTime) -> Result<(), NotSent> {
        let inner = self.inner();
        let guard = inner.capabilities.replay;
        if *frozen.identity() == inner.identity && guard.allows(frozen.prepared_at(), now) {
            return Ok(());
        }
        let refusal = "not replayed: not allowed, or no longer, or another account made it";
        Err(NotSent::new(ErrorKind::Policy, refusal).at(PROVIDER, inner.kind.operation()))
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
        let start = self.new_start(old, start_at)?;
        let mut batch = old.intent().clone();
        for call in &mut batch.calls {
            let before = self.start_time(call.start_at.unwrap_or(old.prepared_at()))?;
            differ(&before, &start)?;
            call.start_at = Some(start_at);
        }
        self.prepare(&batch)
    }

    /// As [`refresh`](Self::refresh), for orders of [`prepare_orders`](Self::prepare_orders).
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use std::time::{Duration, SystemTime};
    /// use kairos_client::core::{Reference, Submission};
    /// use kairos_client::{ContactNumber, NumberPolicy, Order};
    ///
    /// sandbox.configure("kairos", &serde_json::json!({ "balance": 0 }))?;
    /// let typed = ContactNumber::parse("919812345678", NumberPolicy::AsIs)?;
    /// let order = Order::new(Reference::new("due-17")?, typed);
    /// let prepared = kairos.prepare_orders(&Reference::new("dues")?, &[order])?.remove(0);
    /// let frozen = prepared.frozen().clone();
    /// assert!(matches!(kairos.create(prepared).await?, Submission::Rejected(_)));
    ///
    /// sandbox.configure("kairos", &serde_json::json!({ "balance": 100 }))?; // topped up
    /// for new in kairos.refresh_orders(&frozen, SystemTime::now() + Duration::from_secs(60))? {
    ///     assert!(matches!(kairos.create(new).await?, Submission::Accepted(_)));
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`refresh`](Self::refresh).
    pub fn refresh_orders(
        &self,
        old: &Frozen<Orders>,
        start_at: SystemTime,
    ) -> Result<Vec<PreparedOrders>, NotSent> {
        let start = self.new_start(old, start_at)?;
        let prepared_at = self.start_time(old.prepared_at())?;
        let Orders {
            reference,
            mut orders,
        } = old.intent().clone();
        for order in &mut orders {
            differ(order.start.as_ref().unwrap_or(&prepared_at), &start)?;
            order.start = Some(start.clone());
        }
        self.prepare_orders(&reference, &orders)
    }

    fn new_start<I>(&self, old: &Frozen<I>, start_at: SystemTime) -> Result<StartTime, NotSent> {
        if *old.identity() == self.inner().identity {
            return self.start_time(start_at);
        }
        let foreign = "another account made this request";
        Err(NotSent::new(ErrorKind::InvalidInput, foreign).at(PROVIDER, "refresh"))
    }

    fn start_time(&self, time: SystemTime) -> Result<StartTime, NotSent> {
        StartTime::at(time, self.inner().limits.offset)
            .map_err(NotSent::because(ErrorKind::InvalidInput))
    }
}

fn differ(old: &StartTime, new: &StartTime) -> Result<(), NotSent> {
    if old.as_str() != new.as_str() {
        return Ok(());
    }
    let same = "the new start time is the old one to the millisecond: the bytes would be refused as a duplicate";
    Err(NotSent::new(ErrorKind::InvalidInput, same).at(PROVIDER, "refresh"))
}

/// What the answer to a second copy says of the order: that it was accepted, or nothing.
fn of_a_copy<T>(reference: &Reference, answer: Result<Submission<T>, NotSent>) -> Submission<T> {
    match answer {
        Ok(Submission::Rejected(refusal)) => Submission::unknown(reference, refusal.into()),
        Ok(outcome) => outcome,
        Err(not_sent) => Submission::unknown(reference, not_sent.into()),
    }
}
