//! Where a provider is: an origin, and perhaps a path before every other.

use std::fmt;
use std::net::IpAddr;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};

/// Why a text cannot be a base URL. The text itself is not kept: it may hold credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBaseUrl {
    /// It is no absolute `https` URL.
    #[error("not a base URL: give one such as https://api.example.com")]
    Malformed,
    /// `http` to another machine.
    #[error("plain http is allowed to a loopback address only: use https")]
    Insecure,
    /// A user name or password in it.
    #[error("a base URL must not hold credentials: give them apart from it")]
    Credentials,
    /// A query or a fragment.
    #[error("a base URL must have neither query nor fragment")]
    Query,
}

/// A provider's base URL: `https`, or `http` to this very machine. No credentials, no query, no fragment.
///
/// ```
/// use telco_http::{BaseUrl, InvalidBaseUrl};
///
/// let base = BaseUrl::parse("https://api.example.com/v2/")?;
/// assert_eq!(base.to_string(), "https://api.example.com/v2");
/// assert_eq!(base.join("/balance?a=1").unwrap(), "https://api.example.com/v2/balance?a=1");
///
/// assert!(BaseUrl::parse("http://127.0.0.1:8080").is_ok());
/// assert_eq!(BaseUrl::parse("http://api.example.com"), Err(InvalidBaseUrl::Insecure));
/// assert_eq!(BaseUrl::parse("https://me:secret@api.example.com"), Err(InvalidBaseUrl::Credentials));
/// # Ok::<(), InvalidBaseUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: Authority,
    /// Empty, or a path without its last slash.
    prefix: Box<str>,
}

impl BaseUrl {
    /// Reads one. Surrounding white space and trailing slashes are dropped.
    ///
    /// # Errors
    /// [`InvalidBaseUrl`], which says what is wrong without repeating the text.
    pub fn parse(text: &str) -> Result<Self, InvalidBaseUrl> {
        let text = text.trim();
        if text.contains(['?', '#']) {
            return Err(InvalidBaseUrl::Query);
        }
        let parts = text
            .parse::<Uri>()
            .map_err(|_| InvalidBaseUrl::Malformed)?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(InvalidBaseUrl::Malformed);
        };
        if authority.as_str().contains('@') {
            return Err(InvalidBaseUrl::Credentials);
        }
        let port_is_wrong = authority.as_str().ends_with(':')
            || (has_port(&authority) && authority.port_u16().is_none_or(|port| port == 0));
        if authority.host().is_empty() || port_is_wrong {
            return Err(InvalidBaseUrl::Malformed);
        }
        if scheme == Scheme::HTTP {
            if !is_loopback(authority.host()) {
                return Err(InvalidBaseUrl::Insecure);
            }
        } else if scheme != Scheme::HTTPS {
            return Err(InvalidBaseUrl::Malformed);
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        Ok(Self {
            scheme,
            authority,
            prefix: path.trim_end_matches('/').into(),
        })
    }

    /// The absolute URI of `path_and_query`, which begins with a slash and is taken byte for byte. `None` if it is no path.
    #[must_use]
    pub fn join(&self, path_and_query: &str) -> Option<Uri> {
        if !path_and_query.starts_with('/') {
            return None;
        }
        let target = if self.prefix.is_empty() {
            PathAndQuery::try_from(path_and_query).ok()?
        } else {
            PathAndQuery::try_from(format!("{}{path_and_query}", self.prefix)).ok()?
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(target)
            .build()
            .ok()
    }

    /// The URI goes to this scheme, host and port.
    #[must_use]
    pub fn is_origin_of(&self, uri: &Uri) -> bool {
        let port = |scheme: &Scheme, authority: &Authority| {
            let default = if *scheme == Scheme::HTTPS { 443 } else { 80 };
            authority.port_u16().unwrap_or(default)
        };
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                // What `join` made ends at the first comparison, which takes no authority apart; there is no `@` in our own.
                let same = || {
                    !authority.as_str().contains('@')
                        && authority.host().eq_ignore_ascii_case(self.authority.host())
                        && port(scheme, authority) == port(&self.scheme, &self.authority)
                };
                *scheme == self.scheme && (*authority == self.authority || same())
            }
            _ => false,
        }
    }

    /// TLS protects it; `false` on loopback without.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}

fn has_port(authority: &Authority) -> bool {
    // The colons of an IPv6 address stand inside its brackets.
    let after_host = authority.as_str().rsplit(']').next().unwrap_or_default();
    after_host.contains(':')
}

/// By the literal address, or the one name that every system resolves to it: no other name is looked up to decide this.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_or_this_machine() {
        for good in [
            "https://api.cowriesys.com",
            "https://api.cowriesys.com:2443",
            "HTTPS://API.example.com/x/y/",
            " https://example.com/ ",
            "http://127.0.0.1:1",
            "http://127.8.9.1:8080/base",
            "http://[::1]:9",
            "http://localhost:3",
        ] {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", InvalidBaseUrl::Malformed),
            ("api.example.com", InvalidBaseUrl::Malformed),
            ("/path", InvalidBaseUrl::Malformed),
            ("ftp://example.com", InvalidBaseUrl::Malformed),
            ("https://", InvalidBaseUrl::Malformed),
            ("https://example.com:", InvalidBaseUrl::Malformed),
            ("https://example.com:0", InvalidBaseUrl::Malformed),
            ("https://example.com:99999", InvalidBaseUrl::Malformed),
            ("https://exa mple.com", InvalidBaseUrl::Malformed),
            ("http://example.com", InvalidBaseUrl::Insecure),
            ("http://10.0.0.1", InvalidBaseUrl::Insecure),
            ("http://127.0.0.1.example.com", InvalidBaseUrl::Insecure),
            ("http://localhost.example.com", InvalidBaseUrl::Insecure),
            ("https://u:p@example.com", InvalidBaseUrl::Credentials),
            ("https://u@example.com", InvalidBaseUrl::Credentials),
            ("http://127.0.0.1@example.com", InvalidBaseUrl::Credentials),
            ("https://example.com?a=b", InvalidBaseUrl::Query),
            ("https://example.com/#x", InvalidBaseUrl::Query),
        ] {
            let error = BaseUrl::parse(bad).unwrap_err();
            assert_eq!(error, why, "{bad}");
            assert!(!error.to_string().contains("u:p"));
        }
    }

    #[test]
    fn knows_its_own_origin() {
        let base = BaseUrl::parse("https://api.example.com/v1").unwrap();
        let is_own = |uri: &str| base.is_origin_of(&uri.parse().unwrap());
        assert!(is_own("https://api.example.com/anything?x=1"));
        assert!(is_own("https://API.example.com:443/"));
        for foreign in [
            "http://api.example.com/",
            "https://api.example.com:444/",
            "https://api.example.com.evil.org/",
            "https://api.example.com@evil.org/",
            "https://me@api.example.com/",
            "/relative",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_target_is_kept_byte_for_byte() {
        let base = BaseUrl::parse("http://127.0.0.1:1").unwrap();
        let target = "/pin/Allocate?message=%E1%BB%8Cd%C3%BAn%27~.-_&x=";
        assert_eq!(base.join(target).unwrap().path_and_query().unwrap(), target);
        assert_eq!(base.join("no-slash"), None);
        assert_eq!(base.join("/a b"), None);
    }
}
