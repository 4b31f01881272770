//! A request read, out of its envelope where there is one.

use serde_json::{Map, Value};

use super::create::Kind;
use super::envelope::{self, Sealed};
use super::profile::Iv;
use super::settings::Settings;
use super::{Kairos, Refusal, near_miss};
use crate::room::Request;

/// A request that could be read.
pub(super) struct Opened {
    pub(super) json: Map<String, Value>,
    pub(super) text: String,
    /// The flow named outside an envelope.
    pub(super) outer_flow: Option<String>,
}

impl Kairos {
    /// Reads the JSON, out of its envelope where there is one.
    pub(super) fn open(
        &self,
        request: &Request,
        kind: Kind,
        settings: &Settings,
    ) -> Result<Opened, Refusal> {
        let object = |bytes: &[u8], what: &str| match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(object),
            Ok(_) => Err(Refusal::new(400, format!("{what} is no JSON object"))),
            Err(error) => Err(Refusal::new(400, format!("{what} is no JSON: {error}"))),
        };
        let outer = object(&request.body, "the body")?;
        if !kind.is_encrypted() {
            if outer.contains_key(&settings.encrypted_field) {
                return Err(Refusal::new(
                    400,
                    "an envelope came to a plain endpoint; it belongs under /enc/",
                ));
            }
            let text = String::from_utf8_lossy(&request.body).into_owned();
            return Ok(Opened {
                json: outer,
                text,
                outer_flow: None,
            });
        }
        let field = |name: &str| match outer.get(name) {
            Some(Value::String(text)) => Ok(text.as_str()),
            _ if outer.contains_key("calls") => Err(Refusal::new(
                400,
                "a plain request came to an /enc/ endpoint; it belongs in an envelope",
            )),
            _ => Err(Refusal::new(
                400,
                format!("the envelope has no `{name}`, or it is not a string"),
            )),
        };
        let flow_id = field(&settings.flow_field)?;
        let iv = match &settings.profile.iv {
            Some(Iv::Field(name)) => Some(field(name)?),
            _ => None,
        };
        let sealed = Sealed {
            encrypted: field(&settings.encrypted_field)?,
            wrapped_key: field(&settings.key_field)?,
            iv,
        };
        let keys = self.keys(flow_id);
        let [newest, older @ ..] = keys.as_slice() else {
            return Err(Refusal::new(
                301,
                format!(
                    "no flow has the id that the envelope's `{}` names",
                    settings.flow_field
                ),
            ));
        };
        let with = |key| envelope::open(sealed, key, &settings.profile);
        let by_older = || older.iter().find_map(|key| with(key).ok());
        let text = with(newest).or_else(|error| match by_older() {
            Some(text) if settings.old_keys_stay => Ok(text),
            Some(_) => Err(Refusal::new(
                settings.unopenable_code,
                "made with a public key that generateKeyPair has replaced (setting `old_keys_stay`)",
            )),
            None => Err(Refusal::new(
                settings.unopenable_code,
                near_miss::explain(sealed, newest, &settings.profile, error),
            )),
        })?;
        Ok(Opened {
            json: object(text.as_bytes(), "what the envelope holds")?,
            text,
            outer_flow: Some(flow_id.to_owned()),
        })
    }
}
