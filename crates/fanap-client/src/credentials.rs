//! Who calls, and for which service. Refused rather than trimmed: a trimmed header over an untrimmed signed text would fail at
//! the provider, where nobody sees why.

use std::fmt;

use telco_core::{ErrorKind, NotSent, Secret};
use telco_crypto::digest::short_name;
use telco_http::http::HeaderValue;

/// The application at the provider: AppId and TenantId, as they come in the answer to the registration ticket. Both are opaque:
/// older AppIds look like a GUID and are none.
///
/// ```
/// use fanap_client::Application;
///
/// let application = Application::new("your-app-id", "your.tenant.id")?;
/// assert_eq!(application.tenant_id(), "your.tenant.id");
/// let refused = Application::new("your-app-id", "your.tenant.id\n").unwrap_err();
/// assert!(refused.to_string().contains("TenantId ends with a line break"));
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    app_id: Box<str>,
    tenant_id: Box<str>,
}

impl Application {
    /// Both ids: visible ASCII without `#`, which separates them in the signed text.
    ///
    /// # Errors
    /// [`NotSent`] names the id and what is wrong with it.
    pub fn new(app_id: &str, tenant_id: &str) -> Result<Self, NotSent> {
        for (name, id) in [("AppId", app_id), ("TenantId", tenant_id)] {
            if id.contains('#') {
                return Err(refuse(format!(
                    "{name} has a #, which would make the signed text ambiguous"
                )));
            }
        }
        Self::allowing_separator(app_id, tenant_id)
    }

    /// As [`new`](Self::new), but a `#` in an id is let through: the text that is signed can then be read in two ways.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn allowing_separator(app_id: &str, tenant_id: &str) -> Result<Self, NotSent> {
        for (name, id) in [("AppId", app_id), ("TenantId", tenant_id)] {
            if let Some(wrong) = wrong_with(id) {
                return Err(refuse(format!("{name} {wrong}")));
            }
        }
        Ok(Self {
            app_id: app_id.into(),
            tenant_id: tenant_id.into(),
        })
    }

    /// The AppId.
    #[must_use]
    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    /// The TenantId.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// Checked to be visible ASCII when it was made.
    pub(crate) fn headers(&self) -> Result<[HeaderValue; 2], NotSent> {
        let header = |id: &str| {
            HeaderValue::from_str(id).map_err(NotSent::because(ErrorKind::InvalidConfiguration))
        };
        Ok([header(&self.tenant_id)?, header(&self.app_id)?])
    }

    /// A stable name for the account.
    pub(crate) fn account(&self) -> String {
        let both = format!("{}\n{}", self.app_id, self.tenant_id);
        format!("app-{}", short_name(both.as_bytes()))
    }
}

fn wrong_with(id: &str) -> Option<&'static str> {
    match id.chars().find(|c| !c.is_ascii_graphic()) {
        _ if id.is_empty() => Some("is empty"),
        None => None,
        Some(_) if id.ends_with(['\n', '\r']) => {
            Some("ends with a line break: it was probably read from a file, drop that")
        }
        Some(c) if c.is_whitespace() => Some("has white space in it"),
        Some(c) if c.is_ascii() => Some("has a control character in it"),
        Some(_) => Some("has a character that cannot stand in a header"),
    }
}

fn refuse(what: String) -> NotSent {
    NotSent::new(ErrorKind::InvalidConfiguration, what)
}

/// Which service the subscriber is subscribed to, and pays for. Issued by the provider; a company may have many.
///
/// ```
/// use fanap_client::ServiceKey;
///
/// let key = ServiceKey::new("63b01900e9c447e4930ce8ab0969e6f3")?;
/// assert_eq!(format!("{key:?}"), "ServiceKey(***)");
/// assert!(ServiceKey::new("63b01900e9c447e4930ce8ab0969e6f3\n").is_err());
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ServiceKey(Secret);

impl ServiceKey {
    /// Takes it as it is.
    ///
    /// # Errors
    /// [`NotSent`] if it is empty, has control characters, or begins or ends with white space.
    pub fn new(key: impl Into<String>) -> Result<Self, NotSent> {
        let key = Secret::new(key);
        let text = key.expose();
        if text.is_empty() {
            return Err(refuse("the ServiceKey is empty".to_owned()));
        }
        if text.chars().any(char::is_control) || text.trim() != text {
            return Err(refuse(
                "the ServiceKey has a line break, another control character, or white space around it"
                    .to_owned(),
            ));
        }
        Ok(Self(key))
    }

    /// The key itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// Names the key without giving it away.
    pub(crate) fn digest(&self) -> String {
        short_name(self.expose().as_bytes())
    }
}

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first digits of a SHA-256 (computed with Python). What is stored is bound to it, so it must never change.
    #[test]
    fn an_account_keeps_its_name_and_shares_it_with_no_other() {
        let account = |app, tenant| Application::new(app, tenant).unwrap().account();
        assert_eq!(account("your-app-id", "your.tenant.id"), "app-7d1c3699d476");
        assert_ne!(
            account("your-app-id", "other"),
            account("your-app-id", "your.tenant.id")
        );
        assert_ne!(account("a", "bc"), account("ab", "c"));
    }

    #[test]
    fn a_refused_id_is_told_what_is_wrong_with_it() {
        for (id, wrong) in [
            ("", "is empty"),
            ("id\n", "ends with a line break"),
            ("id\r\n", "ends with a line break"),
            ("i d", "white space in it"),
            (" id", "white space in it"),
            ("i\n d", "white space in it"),
            ("i\u{7}d", "a control character in it"),
            ("íd", "cannot stand in a header"),
        ] {
            for refused in [Application::new(id, "t"), Application::new("a", id)] {
                let refused = refused.unwrap_err().to_string();
                assert!(refused.contains(wrong), "{id:?}: {refused}");
            }
        }
    }
}
