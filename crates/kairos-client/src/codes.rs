//! The provider's result codes: the whole table, and what each says about the calls.

use telco_core::ErrorKind;

/// A result code in the body of an answer. Not an HTTP status, though some look alike.
///
/// ```
/// use kairos_client::{Class, Code};
///
/// assert_eq!(Code::from_number(212), Code::InsufficientBalance);
/// assert_eq!(Code::InsufficientBalance.name(), "INSUFFICIENT_BALANCE");
/// assert_eq!(Code::from_number(299), Code::Other(299));
/// assert_eq!(Code::Other(299).class(), Class::Uncertain);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 200: taken.
    Success,
    /// 201: these bytes were sent before.
    ChecksumRepeated,
    /// 202 on real-time and dialer hosts. On the bulk host the same number means "accepted".
    InvalidSecurityId,
    /// 203.
    InvalidApiVersion,
    /// 204.
    InvalidGatewayId,
    /// 205.
    InvalidContactNumber,
    /// 206: something behind the provider failed; a call may have gone out.
    FailureFromGateway,
    /// 207.
    DidNotMapped,
    /// 208.
    NoMaskAvailable,
    /// 209: some calls were taken.
    PartialSuccess,
    /// 210.
    InvalidMandatoryParameters,
    /// 211.
    ValidityExpired,
    /// 212.
    InsufficientBalance,
    /// 213: nothing to show; an answer of Pull.
    NoDataAvailable,
    /// 301.
    InvalidFlowId,
    /// 302.
    EmptyCallList,
    /// 303.
    MaxDataListSizeExceeded,
    /// 304.
    InvalidFlowVersion,
    /// 400.
    InvalidFormat,
    /// 401.
    IpNotWhitelisted,
    /// 402.
    PhoneNotWhitelisted,
    /// 500: "any failure".
    Failure,
    /// A code that no document names.
    Other(i64),
}

/// What a code says about the calls in the request. A decision of this crate, on documented or inferred grounds
/// (docs/protocols/kairos.md, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Taken.
    Success,
    /// Some taken.
    Partial,
    /// Nothing there: an empty list, not an error.
    Empty,
    /// These bytes were sent before (documented); whether the first copy was taken is unknown.
    Duplicate,
    /// Not taken, for this kind of reason.
    Refused(ErrorKind),
    /// Nobody knows.
    Uncertain,
}

struct Row {
    number: i64,
    code: Code,
    name: &'static str,
    class: Class,
    help: &'static str,
}

const fn row(number: i64, code: Code, name: &'static str, class: Class, help: &'static str) -> Row {
    Row {
        number,
        code,
        name,
        class,
        help,
    }
}

/// The provider's table; "inferred" marks advice that no document gives.
const TABLE: [Row; 22] = {
    use Class::{Duplicate, Empty, Partial, Refused, Success, Uncertain};
    use ErrorKind::{Authentication, Permission, Unavailable};
    use ErrorKind::{InsufficientBalance, InvalidConfiguration, InvalidInput, InvalidRecipient};
    [
        row(
            200,
            Code::Success,
            "SUCCESS",
            Success,
            "read the answer per call",
        ),
        row(
            201,
            Code::ChecksumRepeated,
            "CHECKSUM_REPEATED",
            Duplicate,
            "whether the first copy was taken is unknown: find out what became of it; only to repeat it on purpose, use refresh",
        ),
        row(
            202,
            Code::InvalidSecurityId,
            "INVALID_SECURITY_ID",
            Refused(Authentication),
            "check the security id, and the endpoint: multicast flows go to the outbound kinds, dialer flows to the dialer kinds",
        ),
        row(
            203,
            Code::InvalidApiVersion,
            "INVALID_API_VERSION",
            Refused(InvalidInput),
            "use API version 1.0",
        ),
        row(
            204,
            Code::InvalidGatewayId,
            "INVALID_GATEWAY_ID",
            Refused(InvalidConfiguration),
            "check the account's SMS gateway (inferred)",
        ),
        row(
            205,
            Code::InvalidContactNumber,
            "INVALID_CONTACT_NUMBER",
            Refused(InvalidRecipient),
            "check the numbers: country code first",
        ),
        row(
            206,
            Code::FailureFromGateway,
            "FAILURE_FROM_GATEWAY",
            Uncertain,
            "a call may have gone out: check the provider's reports before calling again",
        ),
        row(
            207,
            Code::DidNotMapped,
            "DID_NOT_MAPPED",
            Refused(InvalidConfiguration),
            "attach a caller number to the flow",
        ),
        row(
            208,
            Code::NoMaskAvailable,
            "NO_MASK_AVAILABLE",
            Refused(Unavailable),
            "the pool of masking numbers was empty (inferred): try later",
        ),
        row(
            209,
            Code::PartialSuccess,
            "PARTIAL_SUCCESS",
            Partial,
            "calls without an id were probably not taken (inferred): never resend the batch, decide call by call",
        ),
        row(
            210,
            Code::InvalidMandatoryParameters,
            "INVALID_MANDATORY_PARAMETERS",
            Refused(InvalidInput),
            "a field is missing or invalid",
        ),
        row(
            211,
            Code::ValidityExpired,
            "VALIDITY_EXPIRED",
            Refused(Permission),
            "renew the account",
        ),
        row(
            212,
            Code::InsufficientBalance,
            "INSUFFICIENT_BALANCE",
            Refused(InsufficientBalance),
            "top up the account, then refresh the request: the same bytes would be a duplicate",
        ),
        row(
            213,
            Code::NoDataAvailable,
            "NO_DATA_AVAILABLE",
            Empty,
            "there is nothing for these ids yet",
        ),
        row(
            301,
            Code::InvalidFlowId,
            "INVALID_FLOW_ID",
            Refused(InvalidConfiguration),
            "check the flow id, and the endpoint: multicast flows go to the outbound kinds, dialer flows to the dialer kinds",
        ),
        row(
            302,
            Code::EmptyCallList,
            "EMPTY_CALL_LIST",
            Refused(InvalidInput),
            "name at least one call",
        ),
        row(
            303,
            Code::MaxDataListSizeExceeded,
            "MAX_DATA_LIST_SIZE_EXCEEDED",
            Refused(InvalidInput),
            "split the batch further",
        ),
        row(
            304,
            Code::InvalidFlowVersion,
            "INVALID_FLOW_VERSION",
            Refused(InvalidConfiguration),
            "publish the flow, or check TEST against 1.0 (inferred)",
        ),
        row(
            400,
            Code::InvalidFormat,
            "INVALID_FORMAT",
            Refused(InvalidInput),
            "the JSON was not understood; on encrypted endpoints suspect the envelope profile or the RSA padding (inferred)",
        ),
        row(
            401,
            Code::IpNotWhitelisted,
            "IP_NOT_WHITELISTED",
            Refused(Permission),
            "have the address that your requests leave from listed",
        ),
        row(
            402,
            Code::PhoneNotWhitelisted,
            "PHONE_NOT_WHITELISTED",
            Refused(Permission),
            "the account may call listed numbers only, as trial accounts do (inferred)",
        ),
        row(
            500,
            Code::Failure,
            "FAILURE",
            Uncertain,
            "any failure; on encrypted endpoints suspect the envelope profile or the RSA padding. Check the provider's reports before calling again",
        ),
    ]
};

impl Code {
    /// The code with this number.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        TABLE
            .iter()
            .find(|row| row.number == number)
            .map_or(Self::Other(number), |row| row.code)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.code == self)
    }

    /// The number on the wire.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Other(number) => number,
            known => known.row().map_or(0, |row| row.number),
        }
    }

    /// The provider's name of it; `OTHER` if it has none.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("OTHER", |row| row.name)
    }

    /// What it says about the calls in a request.
    #[must_use]
    pub fn class(self) -> Class {
        self.row().map_or(Class::Uncertain, |row| row.class)
    }

    /// What a person should check first.
    #[must_use]
    pub fn help(self) -> &'static str {
        self.row().map_or(
            "no document names this code: ask the provider before calling again",
            |row| row.help,
        )
    }

    /// What a refusal rests on. Names and messages are documented; that a code means "nothing was done" is this crate's
    /// reading.
    pub(crate) const fn basis(self) -> &'static str {
        match self {
            Self::InvalidGatewayId
            | Self::DidNotMapped
            | Self::NoMaskAvailable
            | Self::InvalidFlowVersion
            | Self::PhoneNotWhitelisted => {
                "That nothing was done is inferred from the name of the code alone"
            }
            _ => "That nothing was done is inferred from the documented meaning of the code",
        }
    }

    /// All 22 that the provider documents.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_table_and_back() {
        assert_eq!(Code::all().count(), 22);
        for code in Code::all() {
            assert_eq!(Code::from_number(code.number()), code);
            assert_ne!(code.number(), 0, "{code:?}");
        }
        assert_eq!(Code::Other(7).number(), 7);
        assert_eq!(
            (Code::Other(7).name(), Code::Other(7).class()),
            ("OTHER", Class::Uncertain)
        );
    }

    #[test]
    fn every_code_has_a_word_of_advice() {
        for code in Code::all() {
            assert!(code.help().contains(' '), "{code:?}");
        }
        assert!(Code::Other(7).help().contains("ask the provider"));
        assert_ne!(
            Code::InvalidSecurityId.help(),
            Code::ChecksumRepeated.help()
        );
    }

    #[test]
    fn only_a_definite_no_is_refused() {
        let of = |wanted: fn(Class) -> bool| -> Vec<i64> {
            Code::all()
                .filter(|code| wanted(code.class()))
                .map(Code::number)
                .collect()
        };
        assert_eq!(of(|class| class == Class::Uncertain), [206, 500]);
        assert_eq!(of(|class| class == Class::Duplicate), [201]);
        assert_eq!(of(|class| class == Class::Success), [200]);
        assert_eq!(of(|class| class == Class::Partial), [209]);
        assert_eq!(of(|class| class == Class::Empty), [213]);
        assert_eq!(of(|class| matches!(class, Class::Refused(_))).len(), 16);
    }
}
