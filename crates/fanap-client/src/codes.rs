//! The codes of the vendor's family of services. **Documented** for its siblings; that this host uses them is unknown, and every
//! class is a decision of this project.

use std::fmt;

use serde_json::Value;

use crate::Class;
use crate::wire::Operation;

/// An error code of the family. The number in `response` is none of them: nothing says that the numbering is the same.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Of the service delivery platform: 1001 to 1019.
    Sdp(i64),
    /// Of the messaging service behind it: 101 to 905.
    Ghasedak(i64),
    /// An SDP number that is on no list, with a known number of the messaging service in its text (`GH-419 …`).
    Wrapped {
        /// As sent.
        outer: i64,
        /// From the text.
        ghasedak: i64,
    },
    /// A text that is no number, such as `PG-000955`.
    Other(String),
    /// An error without a code.
    None,
}

/// What a listed code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    Class(Class),
    /// A service behind the provider failed.
    Upstream,
    /// No error at all.
    Information,
}

impl Meaning {
    pub(crate) const fn class(self, operation: Operation) -> Class {
        match self {
            Self::Class(class) => class,
            Self::Upstream => Class::in_doubt(operation),
            Self::Information => Class::Operator,
        }
    }
}

type Row = (i64, &'static str, Meaning);

const fn row(code: i64, name: &'static str, class: Class) -> Row {
    (code, name, Meaning::Class(class))
}

const SDP: &[Row] = &[
    row(1001, "ProductNotFound", Class::Config),
    row(1002, "TenantNotFound", Class::Auth),
    row(1003, "TenantPublicKeyIsNotSet", Class::Auth),
    row(1004, "SignatureIsNotValid", Class::Auth),
    row(1005, "ProductDefinitionIsNotValid", Class::Config),
    row(1006, "ServiceNotFound", Class::Config),
    row(1007, "MobileOperatorServiceNotFound", Class::Config),
    (1008, "GhasedakServiceError", Meaning::Upstream),
    row(1009, "StartCommitNotFound", Class::Expired),
    row(1010, "RequestDateTimeIsNotValid", Class::Clock),
    row(1011, "RequestDateTimeIsOutOfRange", Class::Clock),
    row(1012, "SignatureIsRequired", Class::Auth),
    row(1013, "InvalidPin", Class::WrongCode),
    row(1014, "InvalidOtpId", Class::Expired),
    row(1015, "InvalidPhone", Class::Input),
    row(1016, "OtpIdAlreadyUsed", Class::Conflict),
    row(1017, "ProductIdIsNotValid", Class::Config),
    row(1018, "InvalidProductId", Class::Config),
    row(1019, "HeaderNotFound", Class::Config),
];

const GHASEDAK: &[Row] = &[
    (101, "sent to the endpoint", Meaning::Information),
    (
        102,
        "no delivery data of the operator",
        Meaning::Information,
    ),
    row(103, "price authorisation failed", Class::Balance),
    row(104, "insufficient balance", Class::Balance),
    (200, "ok", Meaning::Information),
    (202, "unsubscribed", Meaning::Information),
    (303, "communication exception", Meaning::Upstream),
    (304, "timeout", Meaning::Upstream),
    row(402, "expired", Class::Expired),
    row(
        403,
        "no operator configuration for the service",
        Class::Config,
    ),
    row(404, "no channel for the service", Class::Config),
    row(
        405,
        "message type not supported by the channel",
        Class::Config,
    ),
    row(406, "request not valid", Class::Input),
    row(407, "blacklisted", Class::Policy),
    row(409, "forbidden time", Class::Policy),
    row(410, "not registered", Class::Conflict),
    row(411, "already registered", Class::Conflict),
    row(412, "code does not match", Class::WrongCode),
    row(413, "subscription or request exists", Class::Conflict),
    row(414, "subscription or request exists", Class::Conflict),
    row(415, "code does not exist", Class::WrongCode),
    row(416, "no initial request", Class::Expired),
    row(
        417,
        "no initial request in the last 5 minutes",
        Class::Expired,
    ),
    row(418, "already deleted", Class::Conflict),
    row(419, "retries exceeded", Class::Rate),
    row(420, "subscriber does not exist", Class::Input),
    (500, "internal error", Meaning::Upstream),
    row(601, "identity exception", Class::Auth),
    row(603, "number format", Class::Input),
    row(604, "profile incomplete", Class::Config),
    row(701, "policy", Class::Policy),
    row(702, "policy", Class::Policy),
    (801, "external service", Meaning::Upstream),
    (901, "external service or operator", Meaning::Upstream),
    (902, "external service or operator", Meaning::Upstream),
    (903, "external service or operator", Meaning::Upstream),
    (904, "external service or operator", Meaning::Upstream),
    (905, "external service or operator", Meaning::Upstream),
];

fn find(table: &'static [Row], code: i64) -> Option<&'static Row> {
    table.iter().find(|(known, ..)| *known == code)
}

impl Code {
    /// From an SDP error's `code`, with what its text adds.
    pub(crate) fn sdp(code: Option<&Value>, text: Option<&str>) -> Self {
        match code {
            None => Self::None,
            Some(code) => match crate::wire::integer(code) {
                Some(outer) => match text.and_then(ghasedak_in) {
                    Some(ghasedak) if find(SDP, outer).is_none() => {
                        Self::Wrapped { outer, ghasedak }
                    }
                    _ => Self::Sdp(outer),
                },
                None => Self::text(code),
            },
        }
    }

    /// From `ghasedakResult.code`.
    pub(crate) fn ghasedak(code: &Value) -> Self {
        crate::wire::integer(code).map_or_else(|| Self::text(code), Self::Ghasedak)
    }

    fn text(code: &Value) -> Self {
        Self::Other(
            code.as_str()
                .map_or_else(|| code.to_string(), str::to_owned),
        )
    }

    fn row(&self) -> Option<&'static Row> {
        match self {
            Self::Sdp(code) => find(SDP, *code),
            Self::Ghasedak(code) | Self::Wrapped { ghasedak: code, .. } => find(GHASEDAK, *code),
            Self::Other(_) | Self::None => None,
        }
    }

    pub(crate) fn meaning(&self) -> Option<Meaning> {
        self.row().map(|(_, _, meaning)| *meaning)
    }

    /// The number itself was refused.
    pub(crate) fn is_about_the_number(&self) -> bool {
        match self {
            Self::Sdp(code) => *code == 1015,
            Self::Ghasedak(code) | Self::Wrapped { ghasedak: code, .. } => {
                matches!(code, 420 | 603)
            }
            Self::Other(_) | Self::None => false,
        }
    }

    /// What the vendor's documents call it, if they list it.
    ///
    /// ```
    /// use fanap_client::Code;
    /// assert_eq!(Code::Sdp(1016).name(), Some("OtpIdAlreadyUsed"));
    /// assert_eq!(Code::Sdp(9999).name(), None);
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&'static str> {
        self.row().map(|(_, name, _)| *name)
    }

    /// The code as it came, if it is fit to be shown: a text from outside may be anything.
    pub(crate) fn shown(&self) -> Option<String> {
        match self {
            Self::Sdp(code) | Self::Ghasedak(code) | Self::Wrapped { outer: code, .. } => {
                (code.unsigned_abs() < 1_000_000).then(|| code.to_string())
            }
            Self::Other(text) => {
                let short = text.len() <= 16
                    && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && text.bytes().filter(u8::is_ascii_digit).count() <= 6;
                short.then(|| text.clone())
            }
            Self::None => None,
        }
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.shown().as_deref().unwrap_or("***"))
    }
}

/// The number in `GH-412 …`.
fn ghasedak_in(text: &str) -> Option<i64> {
    let digits: String = text
        .strip_prefix("GH-")?
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits
        .parse()
        .ok()
        .filter(|code| find(GHASEDAK, *code).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text from outside could hold a number or a code of somebody's.
    #[test]
    fn only_what_looks_like_a_code_is_shown() {
        let other = |text: &str| Code::Other(text.to_owned());
        for (code, shown) in [
            (Code::Sdp(999_999), "999999"),
            (Code::Ghasedak(-7), "-7"),
            (other("E-12"), "E-12"),
            (other("ABCDEFGHIJKLMNOP"), "ABCDEFGHIJKLMNOP"),
            (other("E123456"), "E123456"),
        ] {
            assert_eq!(code.shown().as_deref(), Some(shown));
            assert_eq!(format!("{code:?}"), format!("Code({shown})"));
        }
        for hidden in [
            Code::Sdp(1_000_000),
            Code::Sdp(-1_000_000),
            Code::Sdp(i64::MIN),
            other("ABCDEFGHIJKLMNOPQ"),
            other("a b"),
            other("é"),
            other("E1234567"),
            Code::None,
        ] {
            assert_eq!(hidden.shown(), None);
            assert_eq!(format!("{hidden:?}"), "Code(***)");
        }
    }

    /// docs/protocols/fanap.md, section 5: Ghasedak's code stands in a text too, and does not replace a code that is known.
    #[test]
    fn a_code_in_a_text_counts_beside_one_that_is_not_known() {
        let read = |code: i64, text| Code::sdp(Some(&code.into()), Some(text));
        let wrapped = Code::Wrapped {
            outer: 9999,
            ghasedak: 412,
        };
        assert_eq!(read(9999, "GH-412 no such code"), wrapped);
        assert_eq!(read(1013, "GH-412 no such code"), Code::Sdp(1013));
        assert_eq!(read(9999, "GH-999 no such code"), Code::Sdp(9999));
        assert_eq!(read(9999, "412"), Code::Sdp(9999));
    }
}
