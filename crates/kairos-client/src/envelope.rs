//! The provider's envelope: telco-crypto's, with the provider's names for its parts (docs/protocols/kairos.md, sections 5 to 7).
//!
//! The member called "digital signature" signs nothing: it holds the wrapped key.

mod profiles;

use std::borrow::Cow;

use serde::Deserialize;
use telco_core::Randomness;
pub use telco_crypto::envelope::{KeyText, Profile};
use telco_crypto::envelope::{SealError, Sealed};
use telco_crypto::random::NoRandomness;
use telco_crypto::rsa::{Padding, PublicKey};

use crate::FlowId;
use crate::wire::json_length;

pub use profiles::{PADDINGS, padding_name, padding_named, profile_named, profile_names};

/// What the members of the envelope are called. Presence and names are documented, their order is free.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Members {
    /// The encrypted payload: `requestEncryptedValue`.
    pub value: String,
    /// The wrapped key: `requestDigitalSignatureValue`.
    pub key: String,
    /// The flow: `flow-id`; an older server may want `flowID`.
    pub flow: String,
    /// The initialisation vector, for profiles that send one in a member of its own.
    pub iv: Option<String>,
    /// Further members, names and values.
    pub further: Vec<(String, String)>,
}

impl Default for Members {
    fn default() -> Self {
        Self {
            value: "requestEncryptedValue".into(),
            key: "requestDigitalSignatureValue".into(),
            flow: "flow-id".into(),
            iv: None,
            further: Vec::new(),
        }
    }
}

/// The shape of a flow's envelopes: a profile and the names of the members. The default is the provider's.
///
/// ```
/// use kairos_client::{FlowId, envelope::Envelope};
/// use telco_core::OsRandomness;
/// # let file: serde_json::Value = serde_json::from_str(include_str!("../vectors/rsa.json")).unwrap();
/// # let pem = file["test_keys"]["2048"]["public_spki_pem"].as_str().unwrap();
/// use telco_crypto::rsa::PublicKey;
///
/// # fn run(pem: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let key = PublicKey::load(pem.as_bytes())?;
/// let json = r#"{"api-version":"1.0","flow-id":"ZH0RKJvh","calls":[]}"#;
/// let body = Envelope::default().seal(&FlowId::new("ZH0RKJvh")?, json, &key, &OsRandomness)?;
/// assert!(body.starts_with(br#"{"requestEncryptedValue":""#));
/// # Ok(()) }
/// # run(pem).unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Envelope {
    profile: Profile,
    members: Members,
}

/// Why something was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The profile sends an initialisation vector in a member of its own, and that has no name; or the other way round.
    #[error(
        "this profile and the name of an initialisation vector's member do not go together: give one if, and only if, the profile sends it"
    )]
    IvMember,
    /// The text is for another flow than the envelope.
    #[error("the flow-id inside differs from the envelope's")]
    OtherFlow,
    /// The cryptography refused.
    #[error(transparent)]
    Seal(#[from] SealError),
}

impl Envelope {
    /// Another profile, other names.
    ///
    /// # Errors
    /// [`EnvelopeError::IvMember`].
    pub fn new(profile: Profile, members: Members) -> Result<Self, EnvelopeError> {
        let named = members.iv.as_ref().is_some_and(|name| !name.is_empty());
        if named == profile.iv_field_length().is_some() {
            Ok(Self { profile, members })
        } else {
            Err(EnvelopeError::IvMember)
        }
    }

    /// The same with another RSA padding.
    #[must_use]
    pub fn with_padding(self, padding: Padding) -> Self {
        Self {
            profile: self.profile.with_padding(padding),
            ..self
        }
    }

    /// How its pieces are put together.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Seals JSON under a fresh random key string. What is inside is not looked at but for its `flow-id`.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn seal(
        &self,
        flow: &FlowId,
        json: &str,
        key: &PublicKey,
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, EnvelopeError> {
        check_flow(flow, json)?;
        self.seal_own(flow, json, key, random)
    }

    /// The same under a key string of your own: for tests and support.
    ///
    /// ```
    /// use kairos_client::envelope::{Envelope, KeyText};
    /// use kairos_client::{FlowId, PublicKey};
    /// use telco_core::OsRandomness;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../vectors/rsa.json")).unwrap();
    /// # let pem = file["test_keys"]["2048"]["public_spki_pem"].as_str().unwrap();
    ///
    /// # fn run(pem: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// let (flow, key) = (FlowId::new("Zb0RKJvh")?, PublicKey::load(pem.as_bytes())?);
    /// let own = KeyText::new("sixteen-or-more-characters")?;
    /// let body = Envelope::default().seal_with(&flow, "{}", &own, &key, &OsRandomness)?;
    /// assert_eq!(body.len(), Envelope::default().body_length("{}".len(), &flow, &key));
    /// # Ok(()) }
    /// # run(pem).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn seal_with(
        &self,
        flow: &FlowId,
        json: &str,
        key_string: &KeyText,
        key: &PublicKey,
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, EnvelopeError> {
        check_flow(flow, json)?;
        let sealed = self
            .profile
            .seal_with(json, key_string, key, &mut source(random))?;
        Ok(self.body(flow, &sealed))
    }

    /// For JSON that this crate made: its flow is right by construction.
    pub(crate) fn seal_own(
        &self,
        flow: &FlowId,
        json: &str,
        key: &PublicKey,
        random: &dyn Randomness,
    ) -> Result<Vec<u8>, EnvelopeError> {
        let sealed = self.profile.seal(json, key, &mut source(random))?;
        Ok(self.body(flow, &sealed))
    }

    /// The exact size of the body for so many bytes of JSON.
    #[must_use]
    pub fn body_length(&self, json: usize, flow: &FlowId, key: &PublicKey) -> usize {
        let iv = " ".repeat(self.profile.iv_field_length().unwrap_or(0));
        let frame = self.members(flow, "", "", Some(&iv));
        let frame: usize = frame
            .map(|(name, value)| json_length(&name) + json_length(&value) + 2)
            .sum();
        1 + frame + self.profile.value_length(json) + self.profile.wrapped_length(key)
    }

    fn members<'a>(
        &'a self,
        flow: &'a FlowId,
        value: &'a str,
        wrapped: &'a str,
        iv: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let names = &self.members;
        let always = [
            (names.value.as_str(), value),
            (&names.key, wrapped),
            (&names.flow, flow.as_str()),
        ];
        let further = names
            .further
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        always
            .into_iter()
            .chain(names.iv.as_deref().zip(iv))
            .chain(further)
    }

    fn body(&self, flow: &FlowId, sealed: &Sealed) -> Vec<u8> {
        let (value, wrapped) = (&sealed.payload.value, &sealed.key);
        let mut body = Vec::with_capacity(value.len() + wrapped.len() + 256);
        let mut before = b'{';
        for (name, value) in self.members(flow, value, wrapped, sealed.payload.iv.as_deref()) {
            body.push(before);
            // Text, written to memory: nothing that could fail.
            let _ = serde_json::to_writer(&mut body, name);
            body.push(b':');
            let _ = serde_json::to_writer(&mut body, value);
            before = b',';
        }
        body.push(b'}');
        body
    }
}

/// The flow inside, if it says one, must be the envelope's. What cannot be read as JSON is not judged here.
fn check_flow(flow: &FlowId, json: &str) -> Result<(), EnvelopeError> {
    #[derive(Deserialize)]
    struct Inside<'a> {
        #[serde(borrow, rename = "flow-id")]
        flow: Option<Cow<'a, str>>,
    }
    match serde_json::from_str::<Inside<'_>>(json) {
        Ok(Inside { flow: Some(inside) }) if inside != flow.as_str() => {
            Err(EnvelopeError::OtherFlow)
        }
        _ => Ok(()),
    }
}

/// telco-crypto knows no crate but itself, so it takes a closure.
pub(crate) fn source(
    random: &dyn Randomness,
) -> impl FnMut(&mut [u8]) -> Result<(), NoRandomness> + '_ {
    |out| random.fill(out).map_err(|_| NoRandomness)
}
