//! What the provider pushes to your URL after a call (docs/protocols/kairos.md, section 11).
//!
//! **A push is anybody's word.** The provider signs nothing; at most it sends Basic credentials that you gave it. Take a push as a
//! hint, and believe Pull or your own reports.

mod push;

use push::Members;
use serde_json::Value;
use telco_core::{Callback, CallbackError, CallbackParser, CallbackRequest, Secret};
use telco_crypto::compare;
use telco_crypto::encoding::base64;

use crate::wire::object;

pub use push::{CallDetail, Dtmf, EmailDetail, Other, PostCall, SmsDetail};

/// Larger pushes are refused.
const MAX_BYTES: usize = 1024 * 1024;

/// Reads pushes. What it returns is always [`Callback::Unverified`].
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use kairos_client::PostCallParser;
/// use telco_core::{Callback, CallbackParser, CallbackRequest};
///
/// # fn run() -> Result<(), telco_core::CallbackError> {
/// let body = br#"{"body":{"phonon-uuid":"u-1","callDetails":[{"hangupCause":"16","duration":"25467"}]}}"#;
/// let header = |_: &str| None;
/// let request = CallbackRequest::new(&header, body, SystemTime::now());
/// let Callback::Unverified(push) = PostCallParser::new().parse(&request)? else { unreachable!() };
/// assert_eq!(push.phonon_uuid.as_deref(), Some("u-1"));
/// assert_eq!(push.calls[0].duration, Some(Duration::from_millis(25_467)));
/// # Ok(()) }
/// # run().unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct PostCallParser {
    basic: Option<Secret>,
}

impl PostCallParser {
    /// Takes every push.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes only pushes with these Basic credentials, which you gave to the provider. They prove no more than that the sender knows
    /// them.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use kairos_client::PostCallParser;
    /// use kairos_client::core::{CallbackError, CallbackParser, CallbackRequest, Secret};
    ///
    /// let parser = PostCallParser::requiring_basic("phonon", &Secret::new("from your secret store"));
    /// let nobody = |_: &str| None;
    /// let push = CallbackRequest::new(&nobody, br#"{"phonon-uuid":"u-1"}"#, SystemTime::now());
    /// assert_eq!(parser.parse(&push).unwrap_err(), CallbackError::BadSignature);
    /// ```
    #[must_use]
    pub fn requiring_basic(user: &str, password: &Secret) -> Self {
        let pair = Secret::new(format!("{user}:{}", password.expose()));
        Self {
            basic: Some(Secret::new(base64(pair.expose().as_bytes()))),
        }
    }
}

impl CallbackParser for PostCallParser {
    type Event = PostCall;

    fn parse(&self, request: &CallbackRequest<'_>) -> Result<Callback<PostCall>, CallbackError> {
        if request.body.len() > MAX_BYTES {
            return Err(CallbackError::TooLarge);
        }
        if let Some(expected) = &self.basic {
            let given = request.header("authorization").unwrap_or_default();
            let given = basic_credentials(given).unwrap_or_default();
            if !compare::equal(given, expected.expose().as_bytes()) {
                return Err(CallbackError::BadSignature);
            }
        }
        let Some(mut members) = object(request.body) else {
            return Err(CallbackError::Malformed(
                "not a JSON object, or one that names a member twice",
            ));
        };
        let outer = match members.get_mut("body") {
            Some(Value::Object(inner)) => {
                let inner = std::mem::take(inner);
                members.remove("body");
                std::mem::replace(&mut members, inner)
            }
            _ => Members::new(),
        };
        // What the body says goes before what stands beside it.
        for (name, value) in outer {
            members.entry(name).or_insert(value);
        }
        let push = PostCall::read(members);
        let nothing = PostCall {
            other: push.other.clone(),
            ..PostCall::default()
        };
        if push == nothing {
            return Err(CallbackError::Malformed("none of the members of a push"));
        }
        Ok(Callback::Unverified(push))
    }
}

/// What follows the scheme `Basic`, whose name has no case (RFC 7617).
fn basic_credentials(header: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = header.split_at_checked(b"Basic ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Basic ")
        .then(|| rest.trim_ascii())
}
