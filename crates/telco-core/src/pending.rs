//! What is remembered between starting a code and checking it.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::prepared::foreign;
use crate::{Identity, Msisdn, NotSent, Reference};

/// What is remembered between start and check: **one** opaque text to store on the server, because the two happen in
/// different requests of a web application. It holds no code in clear: a provider's id, or keyed digests.
///
/// It belongs on the server, never into a cookie or a form, and it holds the number in clear: store it as you store numbers.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use telco_core::{Identity, Msisdn, OtpRequest, PendingOtp, Reference};
///
/// let identity = Identity::new("citcall", "acme");
/// let request = OtpRequest::new(Msisdn::parse("6281234567890").unwrap(), Reference::new("login-1").unwrap());
/// let issued = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let pending = PendingOtp::new(&identity, &request, issued, Some(issued + Duration::from_secs(300)), "id:42".into());
///
/// let stored = pending.to_storage();
/// let restored = PendingOtp::from_storage(&stored).unwrap();
/// assert_eq!(restored, pending);
/// assert_eq!(restored.state_for(&identity).unwrap(), "id:42");
/// assert!(restored.state_for(&Identity::new("citcall", "other")).is_err());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PendingOtp {
    identity: Identity,
    reference: Reference,
    to: Msisdn,
    issued_ms: u64,
    expires_ms: Option<u64>,
    state: String,
}

/// The text is no stored pending code, or one of a newer version of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a stored pending code of this version: pass the text of PendingOtp::to_storage unchanged"
)]
#[non_exhaustive]
pub struct InvalidPending;

/// Of the text form. Another layout gets another tag, so that an old reader refuses it.
const VERSION: &str = "otp1";

impl PendingOtp {
    pub(crate) fn from_parts(
        identity: Identity,
        reference: Reference,
        to: Msisdn,
        issued_at: SystemTime,
        expires_at: Option<SystemTime>,
        state: String,
    ) -> Self {
        Self {
            identity,
            reference,
            to,
            issued_ms: to_ms(issued_at),
            expires_ms: expires_at.map(to_ms),
            state,
        }
    }

    /// The provider's own record, for the identity that made it.
    ///
    /// # Errors
    /// [`NotSent`] for another adapter or account.
    pub fn state_for(&self, identity: &Identity) -> Result<&str, NotSent> {
        if self.identity == *identity {
            Ok(&self.state)
        } else {
            Err(foreign("a pending code", &self.identity, identity))
        }
    }

    /// Who sent it, and hence who checks it.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The caller's id of it.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Whose number it proves.
    #[must_use]
    pub fn to(&self) -> &Msisdn {
        &self.to
    }

    /// When it was started.
    #[must_use]
    pub fn issued_at(&self) -> SystemTime {
        from_ms(self.issued_ms)
    }

    /// When it ends, if we know.
    #[must_use]
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_ms.map(from_ms)
    }

    /// The text to store.
    #[must_use]
    pub fn to_storage(&self) -> String {
        let expires = self
            .expires_ms
            .map_or_else(|| "-".to_owned(), |ms| ms.to_string());
        let issued = self.issued_ms.to_string();
        let fields = [
            VERSION,
            self.identity.provider(),
            self.identity.account(),
            self.reference.as_str(),
            self.to.expose(),
            &issued,
            &expires,
            &self.state,
        ];
        fields.map(escaped).join("|")
    }

    /// Reads the stored text back.
    ///
    /// # Errors
    /// [`InvalidPending`] for anything that [`to_storage`](Self::to_storage) of this version did not write.
    pub fn from_storage(text: &str) -> Result<Self, InvalidPending> {
        let fields: Vec<String> = text
            .split('|')
            .map(unescaped)
            .collect::<Option<_>>()
            .ok_or(InvalidPending)?;
        let [
            version,
            provider,
            account,
            reference,
            to,
            issued,
            expires,
            state,
        ] = <[String; 8]>::try_from(fields).map_err(|_| InvalidPending)?;
        if version != VERSION {
            return Err(InvalidPending);
        }
        let ms = |text: &str| {
            text.parse::<u64>()
                .ok()
                .filter(|&ms| ms <= LATEST_MS)
                .ok_or(InvalidPending)
        };
        Ok(Self {
            identity: Identity::new(provider, account),
            reference: Reference::new(reference).map_err(|_| InvalidPending)?,
            to: Msisdn::parse(&to).map_err(|_| InvalidPending)?,
            issued_ms: ms(&issued)?,
            expires_ms: if expires == "-" {
                None
            } else {
                Some(ms(&expires)?)
            },
            state,
        })
    }
}

impl fmt::Debug for PendingOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingOtp")
            .field("identity", &self.identity)
            .field("reference", &self.reference)
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// Far beyond any clock, and still a `SystemTime` everywhere: the year 9999.
const LATEST_MS: u64 = 253_402_300_799_999;

fn to_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis())
        .unwrap_or(LATEST_MS)
        .min(LATEST_MS)
}

fn from_ms(ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(ms)
}

/// `%` and `|` only: the rest stays readable.
fn escaped(field: &str) -> String {
    field.replace('%', "%25").replace('|', "%7C")
}

fn unescaped(field: &str) -> Option<String> {
    let mut out = String::with_capacity(field.len());
    let mut parts = field.split('%');
    out.push_str(parts.next()?);
    for part in parts {
        let (rest, plain) = if let Some(rest) = part.strip_prefix("25") {
            (rest, '%')
        } else {
            (part.strip_prefix("7C")?, '|')
        };
        out.push(plain);
        out.push_str(rest);
    }
    Some(out)
}

#[cfg(feature = "serde")]
impl serde_core::Serialize for PendingOtp {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_storage())
    }
}

#[cfg(feature = "serde")]
impl<'de> serde_core::Deserialize<'de> for PendingOtp {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde_core::Deserialize>::deserialize(deserializer)?;
        Self::from_storage(&text).map_err(serde_core::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending(state: &str) -> PendingOtp {
        PendingOtp::from_parts(
            Identity::new("prov|ider", "100% mine"),
            Reference::new("r1").unwrap(),
            Msisdn::parse("6281234567890").unwrap(),
            UNIX_EPOCH + Duration::new(5, 1_999_999),
            None,
            state.into(),
        )
    }

    #[test]
    fn the_text_form_keeps_everything() {
        for state in ["", "|", "%", "%7C%25", "a|b%c\nd", "-"] {
            let before = pending(state);
            let after = PendingOtp::from_storage(&before.to_storage()).unwrap();
            assert_eq!(after, before);
            assert_eq!(after.issued_at(), UNIX_EPOCH + Duration::from_millis(5_001));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let good = pending("x").to_storage();
        let bad = [
            String::new(),
            "otp1".into(),
            good.replace("otp1", "otp2"),
            good.replace("6281234567890", "0812"),
            format!("{good}|more"),
            good.replace("%7C", "%7"),
            good.replace("|-|", "|soon|"),
            good.replace("|-|", "|18446744073709551615|"),
            good.replace("|-|", "|253402300800000|"),
        ];
        for text in bad {
            assert_eq!(
                PendingOtp::from_storage(&text),
                Err(InvalidPending),
                "{text}"
            );
        }
    }

    /// The last moment of the year 9999, in milliseconds: what is later is kept as that, and read again.
    #[test]
    fn the_last_moment_that_can_be_stored() {
        let last = UNIX_EPOCH + Duration::from_millis(253_402_300_799_999);
        let mut late = pending("x");
        late.expires_ms = Some(to_ms(last + Duration::from_secs(1)));
        assert_eq!(late.expires_at(), Some(last));
        assert_eq!(PendingOtp::from_storage(&late.to_storage()), Ok(late));
        assert_eq!(to_ms(UNIX_EPOCH - Duration::from_secs(1)), 0);
    }

    #[test]
    fn debug_masks_the_number_and_hides_the_state() {
        let shown = format!("{:?}", pending("secret-id"));
        assert!(
            shown.contains("6281******890") && shown.contains("r1"),
            "{shown}"
        );
        assert!(
            !shown.contains("6281234567890") && !shown.contains("secret-id"),
            "{shown}"
        );
    }

    #[cfg(feature = "serde")]
    #[test]
    fn serde_is_the_text_form() {
        let json = serde_json::to_string(&pending("x")).unwrap();
        assert_eq!(json, format!("{:?}", pending("x").to_storage()));
        assert_eq!(
            serde_json::from_str::<PendingOtp>(&json).unwrap(),
            pending("x")
        );
        assert!(serde_json::from_str::<PendingOtp>("\"nonsense\"").is_err());
    }
}
