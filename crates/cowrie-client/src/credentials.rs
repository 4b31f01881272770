//! Who calls, and the key that proves it.

use std::fmt;

use telco_core::{ErrorKind, NotSent, SecretBytes};
use telco_crypto::digest::short_name;
use telco_crypto::encoding::decode_base64_forgiving;
use telco_crypto::mac::HmacSha256;
use telco_http::http::HeaderValue;

/// The client key: the base64 text that Cowrie issues, decoded. Wiped on drop, never shown.
///
/// ```
/// use cowrie_client::ClientKey;
///
/// let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// assert_eq!(format!("{key:?}"), "ClientKey(***)");
/// assert!(ClientKey::from_base64("ClientKey").is_err(), "the placeholder of the documentation");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone)]
pub struct ClientKey(HmacSha256);

impl ClientKey {
    /// Reads standard base64, with or without padding; surrounding white space is dropped.
    ///
    /// # Errors
    /// [`NotSent`] for an empty or undecodable key and for the URL-safe alphabet: the official bindings disagree about what
    /// bytes such a text means, so guessing would sign with a wrong key.
    pub fn from_base64(text: &str) -> Result<Self, NotSent> {
        let refuse = |what: &'static str| {
            NotSent::new(ErrorKind::InvalidConfiguration, what).with_help(
                "copy the client key from the Cowrie portal: standard base64, such as AAEC…Hh8=",
            )
        };
        let bytes = decode_base64_forgiving(text)
            .map(SecretBytes::new)
            .map_err(|_| refuse("the client key is not standard base64"))?;
        if bytes.expose().is_empty() {
            return Err(refuse("the client key is empty"));
        }
        Ok(Self(HmacSha256::new(bytes.expose())))
    }

    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.0.tag(parts)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(***)")
    }
}

/// A client's, or an agent's, identity and key.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) caller: Caller,
    pub(crate) key: ClientKey,
}

#[derive(Clone)]
pub(crate) enum Caller {
    Client {
        client_id: HeaderValue,
    },
    Agent {
        agent_id: HeaderValue,
        terminal_id: HeaderValue,
    },
}

impl Credentials {
    /// The documented family: a client id and its key.
    ///
    /// # Errors
    /// [`NotSent`] if the id is empty or has anything but visible ASCII.
    pub fn client(client_id: &str, key: ClientKey) -> Result<Self, NotSent> {
        let client_id = visible(client_id, "the client id is empty or not visible ASCII")?;
        Ok(Self {
            caller: Caller::Client { client_id },
            key,
        })
    }

    /// The terminal family: an agent at a terminal. **Observed** in the official bindings only, in no documentation; that its
    /// key is the one issued with the agent identity is inferred. It has no PIN calls.
    ///
    /// # Errors
    /// [`NotSent`] if an id is empty or has anything but visible ASCII.
    pub fn agent(agent_id: &str, terminal_id: &str, key: ClientKey) -> Result<Self, NotSent> {
        Ok(Self {
            caller: Caller::Agent {
                agent_id: visible(agent_id, "the agent id is empty or not visible ASCII")?,
                terminal_id: visible(terminal_id, "the terminal id is empty or not visible ASCII")?,
            },
            key,
        })
    }

    /// A stable name for the account that gives the ids themselves away to nobody.
    pub(crate) fn account(&self) -> String {
        let (family, ids) = match &self.caller {
            Caller::Client { client_id } => ("client", client_id.as_bytes().to_vec()),
            Caller::Agent {
                agent_id,
                terminal_id,
            } => {
                // Visible ASCII on both sides, so the line break keeps the pairs apart.
                (
                    "agent",
                    [agent_id.as_bytes(), terminal_id.as_bytes()].join(&b'\n'),
                )
            }
        };
        format!("{family}-{}", short_name(&ids))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

/// Not signed, so whoever could put a line break here could write headers of their own.
fn visible(id: &str, refusal: &'static str) -> Result<HeaderValue, NotSent> {
    let refuse = || NotSent::new(ErrorKind::InvalidConfiguration, refusal);
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(refuse());
    }
    let mut value = HeaderValue::from_str(id).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Stored with every frozen request and every row of a ledger: it must never change, nor be shared.
    #[test]
    fn an_account_s_name_is_stable_and_its_own() {
        let key =
            || ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").unwrap();
        let client = |id| Credentials::client(id, key()).unwrap().account();
        let agent = |id, terminal| Credentials::agent(id, terminal, key()).unwrap().account();
        assert_eq!(client("sandbox@example.com"), "client-bcfc20648a6c");
        assert_eq!(agent("agent1", "terminal2"), "agent-202a52cca699");
        assert_ne!(agent("agent1", "terminal2"), agent("agent1t", "erminal2"));
    }
}
