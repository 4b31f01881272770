//! What can be set.

use serde::{Deserialize, Serialize};

use super::hash::Profile;

/// Settings of the MOR room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Which version the server is.
    pub(crate) profile: Profile,
    /// The API secret key of the system.
    pub(crate) secret: String,
    /// "Allow GET API".
    pub(crate) allow_get: bool,
    /// Whether hashes are checked ("Disable hash checking" turns it off).
    pub(crate) check_hash: bool,
    /// "Allow API"; off, every request is refused.
    pub(crate) enabled: bool,
    /// "XML API Extension": `text/xml`, otherwise `text/html` with the same XML inside.
    pub(crate) xml_extension: bool,
    /// What becomes of a second payment with the same `transaction`: `apply` or `refuse`.
    pub(crate) repeated_transaction: Repeated,
    /// How `sms_send` treats its text a second time.
    pub(crate) sms_unescape: Unescape,
}

/// How `sms_send` treats its text a second time (observed for X8; what becomes of `+` is unknown; mor.md 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Unescape {
    /// `%XX` is decoded once more, `+` becomes a space.
    PercentAndPlus,
    /// `%XX` is decoded once more.
    Percent,
    /// The text is taken as it is.
    Off,
}

/// What becomes of a repeat (unknown; mor.md 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Repeated {
    /// It is carried out again. The cautious assumption for a client.
    Apply,
    /// "Payment was not saved".
    Refuse,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::X8,
            secret: "sandbox secret".to_owned(),
            allow_get: false,
            check_hash: true,
            enabled: true,
            xml_extension: true,
            repeated_transaction: Repeated::Apply,
            sms_unescape: Unescape::PercentAndPlus,
        }
    }
}
