//! The server's error texts. It has no codes: texts are all there is, some of them in the language of the installation.

use telco_core::ErrorKind;

/// How well it is known that nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Basis {
    /// The text itself says that the server did not act (observed texts).
    Stated,
    /// It follows from where in the server's work the text belongs: most refuse before anything is done.
    Inferred,
    /// The user of this crate says so, with [`Builder::error_text`](crate::Builder::error_text).
    Told,
}

impl Basis {
    /// For whoever acts on a rejection.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stated => "That nothing was done is read from the server's text (observed)",
            Self::Inferred => {
                "That nothing was done is inferred from where in the server's work this text comes from"
            }
            Self::Told => "That nothing was done is what your `error_text` says of this text",
        }
    }
}

/// An error text that this crate knows, with its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownText {
    /// As the server spells it; where `Many` name what was not found, one entry each.
    pub text: &'static str,
    /// What it means.
    pub kind: ErrorKind,
    /// How sure it is that the server did not act.
    pub basis: Basis,
    /// What a person should look at first.
    pub help: Option<&'static str>,
}

impl KnownText {
    const fn new(kind: ErrorKind, text: &'static str) -> Self {
        Self {
            text,
            kind,
            basis: Basis::Inferred,
            help: None,
        }
    }

    const fn help(self, help: &'static str) -> Self {
        Self {
            help: Some(help),
            ..self
        }
    }

    const fn stated(self) -> Self {
        Self {
            basis: Basis::Stated,
            ..self
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all() -> &'static [Self] {
        TEXTS
    }

    /// The entry of a text: the whole text, or its beginning where the server adds a name. Case, a final full stop and
    /// blanks around it do not matter.
    #[must_use]
    pub fn find(text: &str) -> Option<&'static Self> {
        let text = bare(text);
        TEXTS.iter().find(|known| {
            if known.text.ends_with(' ') {
                text.get(..known.text.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(known.text))
            } else {
                text.eq_ignore_ascii_case(known.text)
            }
        })
    }
}

/// Without blanks around it and a final full stop.
fn bare(text: &str) -> &str {
    text.trim().trim_end_matches('.').trim_end()
}

/// The texts of success that stand in a `status` (docs/protocols/mor.md, section 7: observed, partly documented). The
/// server's language file may translate all but `ok`.
const SUCCESS: [&str; 5] = [
    "ok",
    "User balance updated",
    "User was updated",
    "Device created",
    "Registration successful",
];

/// It is one of them, however the server writes its case.
pub(crate) fn means_success(text: &str) -> bool {
    let text = bare(text);
    SUCCESS.iter().any(|known| text.eq_ignore_ascii_case(known))
}

const HASH: &str = "wrong API secret key, or another server version: see mor_hash::diagnose";
const SETTINGS: &str = "a setting of the server: SETTINGS, Setup, API";
const SMS: &str = "subscribe the user to the SMS service on the server";

/// docs/protocols/mor.md, section 7.1. A text that ends in a blank is a beginning.
const TEXTS: &[KnownText] = {
    use ErrorKind::{
        Authentication, InvalidConfiguration, InvalidInput, InvalidRecipient, Other, Permission,
        Unavailable, Unsupported,
    };
    const fn of(kind: ErrorKind, text: &'static str) -> KnownText {
        KnownText::new(kind, text)
    }
    &[
        of(Authentication, "Incorrect hash").help(HASH),
        of(InvalidConfiguration, "API must have Secret Key").help(SETTINGS),
        of(InvalidConfiguration, "API Requests are disabled").help(SETTINGS),
        of(InvalidConfiguration, "Feature disabled").help(SETTINGS),
        of(InvalidConfiguration, "Registration over API is disabled").help(SETTINGS),
        of(InvalidConfiguration, "Payments not allow from api").help(SETTINGS),
        of(InvalidConfiguration, "GET Requests are disabled")
            .help("send POST, the default of this client"),
        of(Authentication, "Bad login")
            .help("check the login; a plain user is signed with the key of its owner"),
        of(Authentication, "Not authenticated"),
        of(Permission, "Access Denied"),
        of(Permission, "Dont be so smart"),
        of(
            Permission,
            "You are not authorized to use this functionality",
        ),
        of(Permission, "You are not authorized to view this page"),
        of(Unsupported, "There is no such API")
            .help("another server version, or a legacy method name: see mor_hash::Profile"),
        of(Unsupported, "Undefined method"),
        of(Unsupported, "Undefined method "),
        of(InvalidInput, "User was not found"),
        of(InvalidInput, "User not found"),
        of(InvalidInput, "Device was not found"),
        of(InvalidInput, "Device not found"),
        of(InvalidInput, "Tariff was not found"),
        of(InvalidInput, "No tariff found"),
        of(InvalidInput, "PIN was not found"),
        of(InvalidInput, "Rate was not found"),
        of(InvalidInput, "Prefix was not found"),
        of(InvalidInput, "Destination Group was not found"),
        of(InvalidInput, "There is no such LCR"),
        of(InvalidInput, "user_id is empty"),
        of(InvalidInput, "No currency"),
        of(InvalidInput, "Wrong source"),
        of(InvalidRecipient, "Wrong destination"),
        of(InvalidInput, "There is no message or it is empty"),
        of(InvalidInput, "Empty prefix"),
        of(InvalidInput, "Bad device"),
        of(InvalidInput, "No source"),
        of(InvalidInput, "No tariff"),
        of(InvalidInput, "Bad tariff"),
        of(Permission, "User belongs to "),
        of(Permission, "User is not subscribed to sms service").help(SMS),
        of(Permission, "You are not subscribed to sms service").help(SMS),
        of(Other, "User balance not updeted").stated(),
        of(Other, "Payment was not saved").stated(),
        of(Other, "User was not updated").stated(),
        of(Other, "Device was not created").stated(),
        of(Unavailable, "Server was not found"),
        of(Unavailable, "Cannot connect to Asterisk Server"),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_texts_and_beginnings() {
        let kind = |text| KnownText::find(text).map(|known| known.kind);
        assert_eq!(kind("Incorrect hash"), Some(ErrorKind::Authentication));
        assert_eq!(kind(" incorrect HASH. "), Some(ErrorKind::Authentication));
        assert_eq!(kind("User belongs to bob"), Some(ErrorKind::Permission));
        assert_eq!(
            kind("Undefined method no_such"),
            Some(ErrorKind::Unsupported)
        );
        assert_eq!(kind("Incorrect hash, and more"), None);
        assert_eq!(kind("ĄUser belongs to"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn no_text_is_listed_twice() {
        for (at, known) in TEXTS.iter().enumerate() {
            assert!(
                TEXTS
                    .iter()
                    .skip(at + 1)
                    .all(|other| other.text != known.text),
                "{}",
                known.text
            );
        }
    }
}
