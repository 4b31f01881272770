//! Outbound calls, one or many at a time.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::{
    Error, ErrorKind, Msisdn, NotSent, Prepared, Provider, Reference, ReplayGuard, Secret,
    Submission, UnknownOutcome,
};

/// One call to one person.
///
/// ```
/// use telco_core::{Call, Msisdn, Reference, Secret};
///
/// let call = Call::new(Reference::new("due-17").unwrap(), Msisdn::parse("919812345678").unwrap())
///     .variable("OTP", Secret::new("482113"));
/// assert!(!format!("{call:?}").contains("482113"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The caller's id of this call.
    pub reference: Reference,
    /// Numbers of one person, tried in turn.
    pub to: Vec<Msisdn>,
    /// When, if not now.
    pub start_at: Option<SystemTime>,
    /// What the flow reads out or branches on. Secret, since it may be a code.
    pub variables: Vec<(String, Secret)>,
}

impl Call {
    /// Now, without variables.
    #[must_use]
    pub fn new(reference: Reference, to: Msisdn) -> Self {
        Self {
            reference,
            to: vec![to],
            start_at: None,
            variables: Vec::new(),
        }
    }

    /// Another number of the same person.
    #[must_use]
    pub fn or_to(mut self, to: Msisdn) -> Self {
        self.to.push(to);
        self
    }

    /// One variable of the flow.
    #[must_use]
    pub fn variable(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.variables.push((name.into(), value));
        self
    }

    /// At a time.
    #[must_use]
    pub fn starting_at(self, time: SystemTime) -> Self {
        Self {
            start_at: Some(time),
            ..self
        }
    }
}

/// Calls that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallBatch {
    /// The caller's id of the batch.
    pub reference: Reference,
    /// The calls.
    pub calls: Vec<Call>,
}

impl CallBatch {
    /// These calls under this id.
    pub fn new(reference: Reference, calls: impl Into<Vec<Call>>) -> Self {
        Self {
            reference,
            calls: calls.into(),
        }
    }
}

/// One request of a batch, ready to be sent, once.
pub type PreparedCalls = Prepared<CallBatch>;

/// What the provider answered to one accepted call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallReceipt {
    /// The provider's id of the call.
    pub call_id: Option<String>,
}

impl CallReceipt {
    /// With the provider's id, if it gave one.
    #[must_use]
    pub fn new(call_id: Option<String>) -> Self {
        Self { call_id }
    }
}

/// What the provider answered to one accepted request: an answer for each call inside.
#[derive(Debug)]
#[must_use = "each call inside may be rejected or unknown"]
#[non_exhaustive]
pub struct BatchReceipt {
    /// The provider's id of the request.
    pub request_id: Option<String>,
    /// One answer per call.
    pub calls: Vec<(Reference, Submission<CallReceipt>)>,
}

impl BatchReceipt {
    /// For implementers.
    pub fn new(
        request_id: Option<String>,
        calls: Vec<(Reference, Submission<CallReceipt>)>,
    ) -> Self {
        Self { request_id, calls }
    }

    /// The answer for one call. No entry: unknown.
    pub fn outcome_of(self, reference: &Reference) -> Submission<CallReceipt> {
        let entry = self.calls.into_iter().find(|(of, _)| of == reference);
        entry.map_or_else(
            || Submission::unknown(reference, unmentioned()),
            |(_, answer)| answer,
        )
    }
}

fn unmentioned() -> Error {
    Error::answered(
        ErrorKind::UnreadableAnswer,
        "the request was accepted, but the answer does not mention this call",
    )
}

/// One row per call over all requests of a batch: accepted, rejected, unknown or not sent.
#[derive(Debug)]
#[must_use = "each row may be rejected, unknown or not sent"]
pub struct CallReport {
    rows: Vec<CallRow>,
}

/// One row of a [`CallReport`].
pub type CallRow = (Reference, Result<Submission<CallReceipt>, NotSent>);

impl CallReport {
    /// In the order of the batch.
    pub fn rows(&self) -> &[CallRow] {
        &self.rows
    }
}

impl IntoIterator for CallReport {
    type Item = CallRow;
    type IntoIter = std::vec::IntoIter<CallRow>;
    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

/// What a caller can do. By value: users override parts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCapabilities {
    /// Calls in one request.
    pub max_calls_per_request: usize,
    /// Whether a second copy of the same bytes is recognised.
    pub replay: ReplayGuard,
    /// The answer names an id per call.
    pub call_ids: bool,
}

impl CallCapabilities {
    /// So many calls per request; no replay, no ids.
    #[must_use]
    pub fn new(max_calls_per_request: usize) -> Self {
        Self {
            max_calls_per_request,
            replay: ReplayGuard::None,
            call_ids: false,
        }
    }
}

/// Places calls.
#[async_trait]
pub trait CallTrigger: Provider {
    /// What it can do.
    fn call_capabilities(&self) -> &CallCapabilities;

    /// Checks all calls and splits them into requests, by count and by size. No I/O.
    ///
    /// # Errors
    /// [`NotSent`] if any call cannot be sent; then none is.
    fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent>;

    /// Sends one request, once.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent>;
}

/// What every [`CallTrigger`] can do on top.
#[async_trait]
pub trait CallExt: CallTrigger {
    /// Sends request by request, stops at the first that is not accepted, and reports one row per call.
    ///
    /// A request that is accepted by an answer of which not one call can be told is no better than one whose answer was lost:
    /// it stops there too.
    ///
    /// # Errors
    /// [`NotSent`] if the batch cannot be prepared.
    async fn place(&self, batch: &CallBatch) -> Result<CallReport, NotSent> {
        let mut rows = Vec::with_capacity(batch.calls.len());
        let mut stopped = false;
        for prepared in self.prepare(batch)? {
            let references: Vec<_> = prepared
                .intent()
                .calls
                .iter()
                .map(|call| call.reference.clone())
                .collect();
            let answer = if stopped {
                Err(NotSent::new(
                    ErrorKind::Policy,
                    "not sent: an earlier request of the batch was not accepted",
                ))
            } else {
                self.send(prepared).await
            };
            let accepted = matches!(answer, Ok(Submission::Accepted(_)));
            let told = per_call(answer, references);
            let is_unknown = |row: &CallRow| matches!(row.1, Ok(Submission::Unknown(_)));
            stopped |= !accepted || told.iter().all(is_unknown);
            rows.extend(told);
        }
        Ok(CallReport { rows })
    }
}

/// Spreads the answer to one request over its calls.
fn per_call(
    answer: Result<Submission<BatchReceipt>, NotSent>,
    references: Vec<Reference>,
) -> Vec<CallRow> {
    match answer {
        Ok(Submission::Accepted(receipt)) => {
            let mut answered = receipt.calls;
            let mut take = |reference: &Reference| {
                let position = answered.iter().position(|(of, _)| of == reference)?;
                Some(answered.swap_remove(position).1)
            };
            let row = |reference: Reference| {
                let answer = take(&reference)
                    .unwrap_or_else(|| Submission::unknown(&reference, unmentioned()));
                (reference, Ok(answer))
            };
            references.into_iter().map(row).collect()
        }
        Ok(Submission::Rejected(rejection)) => references
            .into_iter()
            .map(|reference| (reference, Ok(Submission::Rejected(rejection.clone()))))
            .collect(),
        Ok(Submission::Unknown(unknown)) => {
            let row = |reference: Reference| {
                let mut one = UnknownOutcome::new(&reference, unknown.cause().clone());
                if let Some(answer) = unknown.answer() {
                    one = one.with_answer(answer.clone());
                }
                (reference, Ok(Submission::Unknown(one)))
            };
            references.into_iter().map(row).collect()
        }
        Err(not_sent) => references
            .into_iter()
            .map(|reference| (reference, Err(not_sent.clone())))
            .collect(),
    }
}

impl<P: CallTrigger + ?Sized> CallExt for P {}

macro_rules! forward {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<P: CallTrigger + ?Sized> CallTrigger for $pointer<P> {
            fn call_capabilities(&self) -> &CallCapabilities {
                (**self).call_capabilities()
            }
            fn prepare(&self, batch: &CallBatch) -> Result<Vec<PreparedCalls>, NotSent> {
                (**self).prepare(batch)
            }
            async fn send(&self, prepared: PreparedCalls) -> Result<Submission<BatchReceipt>, NotSent> {
                (**self).send(prepared).await
            }
        }
    )*};
}
forward!(Arc, Box);
