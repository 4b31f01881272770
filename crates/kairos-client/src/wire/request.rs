//! What is sent.

use std::borrow::Cow;
use std::fmt;
use std::io;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// Which version of the flow runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ApiVersion {
    /// `1.0`: the published one.
    #[default]
    V1,
    /// `TEST`: the one under test. In older pages and on the dialer page only.
    Test,
}

/// The body of a create request, and the text inside an envelope. Members go out in this order, and all of them always.
///
/// ```
/// use kairos_client::wire::{ApiVersion, Call, Create, Key};
///
/// let body = Create {
///     api_version: ApiVersion::V1,
///     security_id: "s",
///     flow_id: "ZH0RKJvh",
///     calls: vec![Call {
///         client_identifier: "due-17",
///         start_time: "2026-01-23T08:02:53.311+05:30",
///         contact_numbers: vec!["910000000000"],
///         keys: vec![Key { name: "$flow.key.Name".into(), value: "Åsa" }],
///     }],
/// };
/// assert_eq!(
///     std::str::from_utf8(&body.to_json())?,
///     r#"{"api-version":"1.0","security-id":"s","flow-id":"ZH0RKJvh","calls":[{"client-identifier":"due-17","start-time":"2026-01-23T08:02:53.311+05:30","contact-numbers":["910000000000"],"keys":[{"name":"$flow.key.Name","value":"Åsa"}]}]}"#,
/// );
/// # Ok::<(), std::str::Utf8Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Create<'a> {
    /// Which version of the flow runs.
    pub api_version: ApiVersion,
    /// The flow's secret.
    pub security_id: &'a str,
    /// The flow.
    pub flow_id: &'a str,
    /// 1 to 500 of them.
    pub calls: Vec<Call<'a>>,
}

/// One call in a [`Create`].
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Call<'a> {
    /// The caller's own id, given back in the answer and in pushes.
    pub client_identifier: &'a str,
    /// When, with its offset.
    pub start_time: &'a str,
    /// Numbers of one person, tried in turn until one connects.
    pub contact_numbers: Vec<&'a str>,
    /// Variables of the flow, in order.
    pub keys: Vec<Key<'a>>,
}

/// One variable of the flow. The members are called `name` and `value`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Key<'a> {
    /// `$flow.key.<Variable>`.
    pub name: Cow<'a, str>,
    /// Always text.
    pub value: &'a str,
}

/// The body of a Pull request: version 2 names the flow, version 1 does not.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pull<'a> {
    /// The ids that the provider gave the calls.
    pub phonon_uuids: &'a [String],
    /// `ALL` or `LAST`.
    pub fetch_attempt: &'a str,
    /// Version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_id: Option<&'a str>,
    /// Version 2 only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_id: Option<&'a str>,
}

/// The body of a generateKeyPair request. The name of its one member is inferred.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenerateKeyPair<'a> {
    /// `flow-id`; an older server may want `flowID`.
    pub field: &'a str,
    /// The flow.
    pub flow_id: &'a str,
}

impl Create<'_> {
    /// Compact UTF-8 JSON, as it goes out. Wiped on drop, and no half-grown copy of it stays behind.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        to_json(self)
    }
}

impl Call<'_> {
    /// How many bytes it takes in the JSON of a [`Create`].
    #[must_use]
    pub fn json_length(&self) -> usize {
        json_length(self)
    }
}

impl Pull<'_> {
    /// Compact JSON.
    #[must_use]
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        to_json(self)
    }
}

impl GenerateKeyPair<'_> {
    /// Compact JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let member = serde_json::Map::from_iter([(self.field.to_owned(), self.flow_id.into())]);
        serde_json::Value::Object(member).to_string().into_bytes()
    }
}

fn to_json(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut json = Zeroizing::new(Vec::with_capacity(json_length(value)));
    // Text and lists of text, written to memory: nothing that could fail.
    let _ = serde_json::to_writer(&mut *json, value);
    json
}

/// Text as a JSON string, with its quotes.
pub(crate) fn json_text(text: &str) -> Zeroizing<Vec<u8>> {
    to_json(&text)
}

pub(crate) fn json_length(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

impl Serialize for ApiVersion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::V1 => "1.0",
            Self::Test => "TEST",
        })
    }
}

impl fmt::Debug for Create<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Create")
            .field("api_version", &self.api_version)
            .field("flow_id", &self.flow_id)
            .field("calls", &self.calls)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("client_identifier", &self.client_identifier)
            .field("start_time", &self.start_time)
            .field("contact_numbers", &self.contact_numbers.len())
            .field("keys", &self.keys)
            .finish()
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=***", self.name)
    }
}

impl fmt::Debug for Pull<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pull")
            .field("phonon_uuids", &self.phonon_uuids)
            .field("fetch_attempt", &self.fetch_attempt)
            .finish_non_exhaustive()
    }
}
