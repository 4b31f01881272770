//! A new RSA key pair for a flow: an administrative act, never part of anything else.

use telco_core::{ErrorKind, NotSent, Reference, SecretBytes, Submission};

use crate::judge::{Meaning, View, message_of_202};
use crate::wire::{Answer, GenerateKeyPair};
use crate::{Class, Code, Kairos};
use telco_http::{Bytes, after_failure};

const OPERATION: &str = "generateKeyPair";

/// With an answer or without.
const TO_SETTLE: &str = "the public key that you have may be void: ask the provider which one holds before anything is sealed with it, or another pair is asked for";

/// The provider's answer. What is in it is unknown.
#[derive(Debug)]
#[non_exhaustive]
pub struct KeyPairAnswer {
    /// The result code: 200, or 202 with the word "Accepted".
    pub code: Code,
    /// The JSON as it came.
    pub answer: SecretBytes,
}

impl Kairos {
    /// Has the provider make a new RSA key pair for this flow. **Every older public key very likely becomes useless (inferred)**, and
    /// with it every client that still has one. Sent once, never repeated; serves outbound and dialer flows alike.
    ///
    /// The form of the answer is unknown. Without a result code the outcome is unknown too, and holds the whole answer.
    ///
    /// ```
    #[doc = against_the_sandbox!()]
    /// use kairos_client::core::{Reference, Submission};
    ///
    /// match kairos.generate_key_pair(&Reference::generate()?).await? {
    ///     Submission::Accepted(answer) => println!("replaced ({:?}): get the new public key from the provider", answer.code),
    ///     Submission::Rejected(why) => println!("not replaced: {why}"),
    ///     Submission::Unknown(unknown) => println!("perhaps replaced: {}", unknown.cause()),
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    pub async fn generate_key_pair(
        &self,
        reference: &Reference,
    ) -> Result<Submission<KeyPairAnswer>, NotSent> {
        let inner = self.inner();
        let body = GenerateKeyPair {
            field: &inner.key_pair_member,
            flow_id: inner.flow.as_str(),
        }
        .to_json();
        let request = inner.key_pair.post(Bytes::from(body));
        let answer = match inner.key_pair.endpoint.exchange(OPERATION, request).await {
            Ok(answer) => answer,
            Err(failure) => return after_failure(reference, failure, Some(TO_SETTLE)),
        };
        let view = View {
            operation: OPERATION,
            to_settle: TO_SETTLE,
            answer: &answer,
            now: self.now(),
        };
        let Ok(read) = Answer::parse(answer.body()) else {
            return Ok(view.without_code(reference));
        };
        let replaced = || {
            Submission::Accepted(KeyPairAnswer {
                code: read.code,
                answer: SecretBytes::new(answer.body().as_ref()),
            })
        };
        Ok(match read.code.class() {
            Class::Success => replaced(),
            // "Accepted" on one host, "wrong security id" on another. This request has no security id that could be wrong, so without
            // words of either kind it says nothing.
            _ if read.code == Code::InvalidSecurityId => match message_of_202(&read) {
                Some(Meaning::Accepted) => replaced(),
                Some(Meaning::InvalidSecurityId) => view.by_code(reference, read.code),
                _ => view.unknown(
                    reference,
                    ErrorKind::UnreadableAnswer,
                    Some(read.code),
                    "code 202 with neither of its meanings",
                ),
            },
            _ => view.by_code(reference, read.code),
        })
    }
}
