//! Who calls, and the header that says so.

use std::fmt;

use telco_core::{ErrorKind, NotSent, Secret};
use telco_crypto::digest::short_name;
use telco_crypto::encoding;
use telco_http::http::HeaderValue;

/// What Citcall issues: a user id with an API key, perhaps a password. Kept as issued, never shown.
///
/// ```
/// use citcall_client::{Credentials, core::Secret};
///
/// let key = Secret::new("9af4d8381781baccb0f915e554f8798d");
/// let credentials = Credentials::new("Aladdin", key)?;
/// assert_eq!(format!("{credentials:?}"), "Credentials(***)");
/// assert!(Credentials::new("Ala:ddin", Secret::new("k")).is_err());
/// # Ok::<(), citcall_client::core::NotSent>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    user_id: Option<String>,
    api_key: Option<Secret>,
    password: Option<Secret>,
}

/// The form of the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authorization {
    /// Base64 of `user_id:api_key`, without a scheme word. **Documented** for v2, and its default; v3 took it until 2020.
    LegacyBase64,
    /// `Apikey` and the API key. **Documented** for v3, and its default.
    ApiKey,
    /// `Basic` and base64 of `user_id:password`. **Documented** for v3 and discouraged there.
    Basic,
}

impl Credentials {
    /// A user id and its API key: all that v2 needs. The key is any visible ASCII, and its case is kept.
    ///
    /// # Errors
    /// [`NotSent`] if the user id is empty, holds a `:` or anything but visible ASCII; or the key anything but that.
    pub fn new(user_id: impl Into<String>, api_key: Secret) -> Result<Self, NotSent> {
        Ok(Self {
            user_id: Some(checked_user_id(user_id.into())?),
            ..Self::api_key(api_key)?
        })
    }

    /// The API key alone: enough for v3 with [`Authorization::ApiKey`].
    ///
    /// # Errors
    /// [`NotSent`] if the key is empty or not visible ASCII.
    pub fn api_key(api_key: Secret) -> Result<Self, NotSent> {
        Ok(Self {
            user_id: None,
            api_key: Some(visible(
                api_key,
                "the API key is empty or not visible ASCII",
            )?),
            password: None,
        })
    }

    /// A user id and its password: for v3 with [`Authorization::Basic`].
    ///
    /// # Errors
    /// [`NotSent`] if the user id is none, or the password empty or not visible ASCII.
    pub fn password(user_id: impl Into<String>, password: Secret) -> Result<Self, NotSent> {
        Ok(Self {
            user_id: Some(checked_user_id(user_id.into())?),
            api_key: None,
            password: Some(visible_password(password)?),
        })
    }

    /// The account's password beside its API key: for v2 with [`Authorization::Basic`], which has the password in the header and the
    /// key in the cipher.
    ///
    /// ```
    /// use citcall_client::{Authorization, Client, Credentials, core::Secret};
    ///
    /// let key = Secret::new("9af4d8381781baccb0f915e554f8798d");
    /// let credentials = Credentials::new("Aladdin", key)?.with_password(Secret::new("openSesame"))?;
    /// assert!(credentials.header(Authorization::Basic).is_ok());
    /// let builder = Client::builder(credentials).authorization(Authorization::Basic);
    /// # let _ = builder;
    /// # Ok::<(), citcall_client::core::NotSent>(())
    /// ```
    ///
    /// # Errors
    /// [`NotSent`] if the password is empty or not visible ASCII.
    pub fn with_password(self, password: Secret) -> Result<Self, NotSent> {
        Ok(Self {
            password: Some(visible_password(password)?),
            ..self
        })
    }

    /// The value of the `Authorization` header, on one line.
    ///
    /// # Errors
    /// [`NotSent`] if this form needs what these credentials do not hold.
    pub fn header(&self, form: Authorization) -> Result<HeaderValue, NotSent> {
        let text = match form {
            Authorization::LegacyBase64 => pair(self.user_id()?, self.key()?),
            Authorization::ApiKey => format!("Apikey {}", self.key()?.expose()),
            Authorization::Basic => {
                let password = self.password.as_ref().ok_or_else(|| {
                    misconfigured("Basic authorization needs the account's password")
                })?;
                format!("Basic {}", pair(self.user_id()?, password))
            }
        };
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| misconfigured("the credentials cannot stand in a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }

    pub(crate) fn user_id(&self) -> Result<&str, NotSent> {
        self.user_id
            .as_deref()
            .ok_or_else(|| misconfigured("the credentials hold no user id"))
    }

    pub(crate) fn key(&self) -> Result<&Secret, NotSent> {
        self.api_key
            .as_ref()
            .ok_or_else(|| misconfigured("the credentials hold no API key"))
    }

    /// A stable name for the account that gives neither id nor key away.
    pub(crate) fn account(&self) -> String {
        let named = self.user_id.as_deref();
        let bytes = named.or(self.api_key.as_ref().map(Secret::expose));
        let name = short_name(bytes.unwrap_or_default().as_bytes());
        format!("account-{name}")
    }
}

fn pair(user_id: &str, secret: &Secret) -> String {
    encoding::base64(format!("{user_id}:{}", secret.expose()).as_bytes())
}

fn checked_user_id(user_id: String) -> Result<String, NotSent> {
    let well_formed =
        !user_id.is_empty() && user_id.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if well_formed {
        Ok(user_id)
    } else {
        Err(misconfigured(
            "the user id is empty, holds a colon, or is not visible ASCII",
        ))
    }
}

fn visible_password(password: Secret) -> Result<Secret, NotSent> {
    visible(password, "the password is empty or not visible ASCII")
}

fn visible(secret: Secret, refusal: &'static str) -> Result<Secret, NotSent> {
    let text = secret.expose();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(misconfigured(refusal));
    }
    Ok(secret)
}

fn misconfigured(what: &'static str) -> NotSent {
    NotSent::new(ErrorKind::InvalidConfiguration, what)
        .with_help("use user id, API key and password exactly as Citcall issued them")
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legacy(user_id: &str, key: &str) -> String {
        let credentials = Credentials::new(user_id, Secret::new(key)).unwrap();
        let header = credentials.header(Authorization::LegacyBase64).unwrap();
        header.to_str().unwrap().to_owned()
    }

    /// The first digits of a SHA-256 (computed with Python): of the user id, or of the key where there is none. What is stored
    /// is bound to it, so it must never change.
    #[test]
    fn an_account_keeps_its_name() {
        let key = || Secret::new("a-key");
        let named = Credentials::new("citcall-user", key()).unwrap();
        assert_eq!(named.account(), "account-3bc576035250");
        let by_password = Credentials::password("citcall-user", Secret::new("x")).unwrap();
        assert_eq!(by_password.account(), "account-3bc576035250");
        let unnamed = Credentials::api_key(key()).unwrap();
        assert_eq!(unnamed.account(), "account-2a8a1240f506");
    }

    #[test]
    fn the_header_is_bare_padded_base64() {
        for (user_id, key, header) in [
            ("Aladdin", "openSesame", "QWxhZGRpbjpvcGVuU2VzYW1l"),
            (
                "Aladdin",
                "9af4d8381781baccb0f915e554f8798d",
                "QWxhZGRpbjo5YWY0ZDgzODE3ODFiYWNjYjBmOTE1ZTU1NGY4Nzk4ZA==",
            ),
            (
                "demo",
                "fe01ce2a7fbac8fafaed7c982a04e229",
                "ZGVtbzpmZTAxY2UyYTdmYmFjOGZhZmFlZDdjOTgyYTA0ZTIyOQ==",
            ),
        ] {
            assert_eq!(legacy(user_id, key), header);
        }
    }

    #[test]
    fn a_long_user_id_does_not_wrap() {
        let header = legacy(&"u".repeat(60), &"k".repeat(32));
        assert_eq!(header.len(), (60usize + 1 + 32).div_ceil(3) * 4);
        assert!(!header.contains(['\r', '\n', ' ']));
    }

    #[test]
    fn the_other_two_forms() {
        let key = Credentials::api_key(Secret::new("AbC")).unwrap();
        assert_eq!(key.header(Authorization::ApiKey).unwrap(), "Apikey AbC");
        assert!(key.header(Authorization::LegacyBase64).is_err());
        assert!(key.header(Authorization::Basic).is_err());
        let basic = Credentials::password("Aladdin", Secret::new("openSesame")).unwrap();
        let header = basic.header(Authorization::Basic).unwrap();
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuU2VzYW1l");
        assert!(header.is_sensitive());
        assert!(basic.header(Authorization::ApiKey).is_err());
    }

    #[test]
    fn what_cannot_be_credentials_is_refused() {
        for bad in ["", "a:b", "a\r\nX: y", "a\n", "é", "a b", "\u{7f}"] {
            assert!(Credentials::new(bad, Secret::new("k")).is_err(), "{bad:?}");
        }
        for bad in ["", "k\n", "ké", "k k"] {
            assert!(Credentials::new("u", Secret::new(bad)).is_err(), "{bad:?}");
            assert!(
                Credentials::password("u", Secret::new(bad)).is_err(),
                "{bad:?}"
            );
        }
    }
}
