//! What comes before the fields of any operation: method, address, credentials, and the cipher of v2.

use serde_json::{Map, Value};

use super::auth::{self, Scheme};
use super::cipher::{Keys, Reading};
use super::fields::object;
use super::settings::Settings;
use super::{Citcall, Refusal, Version, near_miss};
use crate::room::Request;

impl Citcall {
    /// The keys of the cipher; that `client_id` is the user id is inferred, so it can be set apart.
    pub(super) fn keys<'a>(&'a self, settings: &'a Settings) -> Keys<'a> {
        let client_id = match settings.cipher_client_id.as_str() {
            "" => &self.user_id,
            apart => apart,
        };
        Keys {
            client_id: client_id.as_bytes(),
            secret: self.api_key.as_bytes(),
        }
    }

    /// Method, address, credentials: what comes before the fields of any operation.
    pub(super) fn admit(
        &self,
        version: Version,
        request: &Request,
        settings: &Settings,
    ) -> Result<(), Refusal> {
        if request.method != "POST" {
            return Err(Refusal::new(99, "only POST is served"));
        }
        let peer = request.peer.ip();
        let listed = |peer: &str| settings.allowed_ips.iter().any(|ip| ip == peer);
        if !settings.allowed_ips.is_empty() && !listed(&peer.to_string()) {
            return Err(Refusal::new(
                98,
                format!("{peer} is not on the account's list of addresses (setting `allowed_ips`)"),
            ));
        }
        let scheme = auth::check(request.header("authorization"), self.account())
            .map_err(|(rc, why)| Refusal { rc, why })?;
        let (name, allowed) = match version {
            Version::V2 => ("v2", &settings.v2_schemes),
            Version::V3 => ("v3", &settings.v3_schemes),
        };
        let scheme = match scheme {
            Scheme::Legacy => "legacy",
            Scheme::ApiKey => "apikey",
            Scheme::Basic => "basic",
        };
        if allowed.iter().any(|allowed| allowed == scheme) {
            Ok(())
        } else {
            Err(Refusal::new(
                98,
                format!(
                    "the credentials are right, but their form `{scheme}` is not taken by {name}; \
                     it takes {} (setting `{name}_schemes`)",
                    allowed.join(", ")
                ),
            ))
        }
    }

    /// The inner JSON object of a request, opened if it came encrypted.
    pub(super) fn read(
        &self,
        version: Version,
        body: &[u8],
        now_ms: u64,
        settings: &Settings,
    ) -> Result<Map<String, Value>, Refusal> {
        let outer =
            object(body).ok_or_else(|| Refusal::new(97, "the body is not a JSON object"))?;
        if version == Version::V3 {
            return Ok(outer);
        }
        let data = match outer.get("data") {
            Some(Value::String(data)) => data,
            Some(_) => return Err(Refusal::new(97, "`data` is not a string")),
            None if outer.contains_key("msisdn") => {
                return Err(Refusal::new(
                    97,
                    "the fields came in the clear; v2 wants {\"data\":\"<ciphertext>\"}",
                ));
            }
            None => return Err(Refusal::new(88, "there is no `data`")),
        };
        if settings.refuse_extra_members
            && let Some(extra) = outer.keys().find(|name| name.as_str() != "data")
        {
            return Err(Refusal::new(97, format!("beside `data` stands `{extra}`")));
        }
        let now = i64::try_from(now_ms / 1_000).unwrap_or(i64::MAX);
        let window = Some(settings.window_s);
        let keys = self.keys(settings);
        let (_, text) = keys
            .open(data, now, window, Reading::default())
            .map_err(|error| {
                let why = near_miss::explain(data, error, keys, now, window);
                Refusal::new(settings.undecryptable_rc, why)
            })?;
        object(text.as_bytes())
            .ok_or_else(|| Refusal::new(97, "`data` opens, but holds no JSON object"))
    }
}
