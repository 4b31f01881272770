//! Asking what became of calls. A read: it may be repeated.

use bytes::Bytes;
use serde_json::{Map, Value};
use std::fmt;
use telco_core::Error;

use crate::judge::View;
use crate::wire::{self, Answer, text};
use crate::{Class, Kairos};

const OPERATION: &str = "pull";

/// Which attempts to call are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FetchAttempt {
    /// `ALL`.
    #[default]
    All,
    /// `LAST`.
    Last,
}

/// Which form the request has. Both are documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PullVersion {
    /// Ids only.
    V1,
    /// With the flow and its secret.
    #[default]
    V2,
}

/// What the provider knows about a call. Two members are documented; the rest is kept as it came.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CallRecord {
    /// The request that the call was in.
    pub request_id: Option<String>,
    /// The call.
    pub phonon_uuid: Option<String>,
    /// All other members. They may hold numbers.
    pub other: Map<String, Value>,
}

impl fmt::Debug for CallRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallRecord")
            .field("request_id", &self.request_id)
            .field("phonon_uuid", &self.phonon_uuid)
            .finish_non_exhaustive()
    }
}

impl Kairos {
    /// What became of these calls, by the ids of their receipts. Asked in chunks of 200. An id that the provider says nothing about is
    /// simply not in the list: that proves nothing.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use kairos_client::FetchAttempt;
    /// use kairos_client::core::{Call, CallBatch, CallExt, Msisdn, Reference, Submission};
    ///
    /// let call = Call::new(Reference::new("due-17")?, Msisdn::parse("919812345678")?);
    /// let batch = CallBatch::new(Reference::new("dues")?, [call]);
    /// let mut ids = Vec::new();
    /// for (_, answer) in kairos.place(&batch).await? {
    ///     if let Ok(Submission::Accepted(receipt)) = answer {
    ///         ids.extend(receipt.call_id);
    ///     }
    /// }
    /// # sandbox.clock().advance(std::time::Duration::from_secs(2)); // the call is over by then
    /// let records = kairos.pull(&ids, FetchAttempt::All).await?;
    /// assert_eq!(records[0].phonon_uuid.as_ref(), ids.first());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error`] if no Pull URL is configured, or after the last repeat.
    pub async fn pull(
        &self,
        phonon_uuids: &[String],
        attempt: FetchAttempt,
    ) -> Result<Vec<CallRecord>, Error> {
        let inner = self.inner();
        let Some(target) = &inner.pull else {
            return Err(Self::unsupported(
                "no Pull URL is configured: the provider gives one on request",
            )
            .into());
        };
        let mut records = Vec::new();
        for chunk in phonon_uuids.chunks(inner.pull_chunk) {
            let v2 = inner.pull_version == PullVersion::V2;
            let body = wire::Pull {
                phonon_uuids: chunk,
                fetch_attempt: match attempt {
                    FetchAttempt::All => "ALL",
                    FetchAttempt::Last => "LAST",
                },
                security_id: v2.then(|| inner.security.expose()),
                flow_id: v2.then(|| inner.flow.as_str()),
            };
            let body = Bytes::copy_from_slice(&body.to_json());
            let once = async || {
                let answer = target
                    .endpoint
                    .exchange(OPERATION, target.post(body.clone()))
                    .await?;
                let view = View {
                    operation: OPERATION,
                    to_settle: "a read: ask again",
                    answer: &answer,
                    now: self.now(),
                };
                read(&view)
            };
            records.extend(target.endpoint.read(&inner.read_retry, once).await?);
        }
        Ok(records)
    }
}

fn read(view: &View<'_>) -> Result<Vec<CallRecord>, Error> {
    let Ok(mut answer) = Answer::parse(view.answer.body()) else {
        return Err(view.read_error(None));
    };
    match (answer.code.class(), answer.other.remove("data")) {
        (Class::Empty, _) => Ok(Vec::new()),
        (Class::Success, Some(Value::Array(rows))) => {
            Ok(rows.into_iter().filter_map(CallRecord::read).collect())
        }
        (Class::Success, _) => Err(view.read_error(None)),
        _ => Err(view.read_error(Some(answer.code))),
    }
}

impl CallRecord {
    fn read(row: Value) -> Option<Self> {
        let Value::Object(mut other) = row else {
            return None;
        };
        Some(Self {
            request_id: other.remove("request-id").and_then(text),
            phonon_uuid: other.remove("phonon-uuid").and_then(text),
            other,
        })
    }
}
