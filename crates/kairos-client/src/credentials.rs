//! What belongs to one flow: its id, its security id. The public key that goes with them is telco-crypto's.

use std::fmt;

use telco_core::Secret;

/// The id of a flow: eight letters and digits, case-sensitive, from its Edit Flow page.
///
/// ```
/// use kairos_client::FlowId;
/// assert_eq!(FlowId::new("Zb0RKJvh")?.as_str(), "Zb0RKJvh");
/// assert!(FlowId::new("Zb0RKJv").is_err());
/// # Ok::<(), kairos_client::InvalidCredential>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct FlowId(Box<str>);

/// The secret that proves a right to a flow: 64 letters and digits, from the flow's edit page. Never shown.
///
/// ```
/// use kairos_client::SecurityId;
/// let id = SecurityId::new("0123456789abcdef".repeat(4))?;
/// assert_eq!(format!("{id:?}"), "SecurityId(***)");
/// # Ok::<(), kairos_client::InvalidCredential>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SecurityId(Secret);

/// A credential does not have the form that the provider gives out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCredential {
    /// Not eight ASCII letters and digits.
    #[error(
        "not a flow id: give the eight letters and digits of the Edit Flow page, in their case"
    )]
    FlowId,
    /// Not 64 ASCII letters and digits.
    #[error("not a security id: give the 64 letters and digits of the flow's edit page")]
    SecurityId,
}

impl FlowId {
    /// Takes the id in its case.
    ///
    /// # Errors
    /// [`InvalidCredential::FlowId`].
    pub fn new(id: impl AsRef<str>) -> Result<Self, InvalidCredential> {
        let id = id.as_ref();
        if alphanumeric(id, 8) {
            Ok(Self(id.into()))
        } else {
            Err(InvalidCredential::FlowId)
        }
    }

    /// The id itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SecurityId {
    /// Takes the id in its case.
    ///
    /// # Errors
    /// [`InvalidCredential::SecurityId`].
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidCredential> {
        let id = Secret::new(id);
        if alphanumeric(id.expose(), 64) {
            Ok(Self(id))
        } else {
            Err(InvalidCredential::SecurityId)
        }
    }

    /// One of another form, should the provider ever give out such.
    pub fn unchecked(id: impl Into<String>) -> Self {
        Self(Secret::new(id))
    }

    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

fn alphanumeric(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl fmt::Debug for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowId({})", self.0)
    }
}

impl fmt::Debug for SecurityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecurityId(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_letters() {
        for bad in [
            "",
            "1234567",
            "123456789",
            "1234567!",
            "ZH0RKJv\u{e4}",
            " ZH0RKJv",
        ] {
            assert_eq!(FlowId::new(bad), Err(InvalidCredential::FlowId), "{bad:?}");
        }
        assert!(FlowId::new("12345678").is_ok());
        let spaced = format!("{} ", "a".repeat(63));
        for bad in ["", &"a".repeat(63), &"a".repeat(65), &spaced] {
            assert_eq!(SecurityId::new(bad), Err(InvalidCredential::SecurityId));
        }
        assert!(SecurityId::new("aB3".repeat(21) + "z").is_ok());
    }
}
