//! The result codes of both versions.

use std::fmt;

use telco_core::ErrorKind;

use crate::operation::Operation;

/// A result code `rc`. 0, 6, 14, 34, 66, 77, 88, 96, 98 and 99 are **documented**; the others are **observed by third parties**.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// 0: accepted for calling, sent, or verified.
    Ok,
    /// 6: failed, without a reason. It may have rung.
    Unspecified,
    /// 7: no such gateway.
    InvalidGateway,
    /// 14.
    InsufficientBalance,
    /// 34: out of service for the moment.
    ServiceDown,
    /// 42.
    InvalidNumber,
    /// 43: the text of a message.
    InvalidText,
    /// 44: this sender id is not open for the account.
    SenderNotOpen,
    /// 66.
    Maintenance,
    /// 76.
    WrongPassword,
    /// 77.
    UnknownUser,
    /// 78, from verify: no such code is waiting.
    NotFound,
    /// 79, from verify.
    WrongToken,
    /// 80, from verify.
    TokenExpired,
    /// 81, from verify: no attempts left.
    Locked,
    /// 88.
    ParameterMissing,
    /// 96: unknown or inactive.
    InvalidApiKey,
    /// 97: the JSON is not valid. **Inferred**: also the likely answer to `data` that does not open.
    InvalidJson,
    /// 98. **Inferred**: also for an address that is not on the account's list.
    NotAuthorised,
    /// 99: not POST.
    WrongMethod,
    /// Any other.
    Other(u32),
}

/// What a result code means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// Done as asked.
    Ok,
    /// The values: do not repeat unchanged.
    Input,
    /// Credentials, account, address list.
    Auth,
    /// Fund the account.
    Balance,
    /// Not now: another gateway, or later.
    Transient,
    /// What verify found.
    Verify,
    /// It may have happened.
    UnknownOutcome,
}

impl From<u32> for Code {
    fn from(rc: u32) -> Self {
        match rc {
            0 => Self::Ok,
            6 => Self::Unspecified,
            7 => Self::InvalidGateway,
            14 => Self::InsufficientBalance,
            34 => Self::ServiceDown,
            42 => Self::InvalidNumber,
            43 => Self::InvalidText,
            44 => Self::SenderNotOpen,
            66 => Self::Maintenance,
            76 => Self::WrongPassword,
            77 => Self::UnknownUser,
            78 => Self::NotFound,
            79 => Self::WrongToken,
            80 => Self::TokenExpired,
            81 => Self::Locked,
            88 => Self::ParameterMissing,
            96 => Self::InvalidApiKey,
            97 => Self::InvalidJson,
            98 => Self::NotAuthorised,
            99 => Self::WrongMethod,
            other => Self::Other(other),
        }
    }
}

impl Code {
    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Ok => 0,
            Self::Unspecified => 6,
            Self::InvalidGateway => 7,
            Self::InsufficientBalance => 14,
            Self::ServiceDown => 34,
            Self::InvalidNumber => 42,
            Self::InvalidText => 43,
            Self::SenderNotOpen => 44,
            Self::Maintenance => 66,
            Self::WrongPassword => 76,
            Self::UnknownUser => 77,
            Self::NotFound => 78,
            Self::WrongToken => 79,
            Self::TokenExpired => 80,
            Self::Locked => 81,
            Self::ParameterMissing => 88,
            Self::InvalidApiKey => 96,
            Self::InvalidJson => 97,
            Self::NotAuthorised => 98,
            Self::WrongMethod => 99,
            Self::Other(rc) => rc,
        }
    }

    /// Its class.
    ///
    /// ```
    /// use citcall_client::{Class, Code};
    ///
    /// assert_eq!(Code::from(14).class(), Class::Balance);
    /// assert_eq!(Code::from(12_345).class(), Class::UnknownOutcome);
    /// ```
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Ok => Class::Ok,
            Self::InvalidGateway
            | Self::InvalidNumber
            | Self::InvalidText
            | Self::ParameterMissing
            | Self::InvalidJson
            | Self::WrongMethod => Class::Input,
            Self::SenderNotOpen
            | Self::WrongPassword
            | Self::UnknownUser
            | Self::InvalidApiKey
            | Self::NotAuthorised => Class::Auth,
            Self::InsufficientBalance => Class::Balance,
            Self::ServiceDown | Self::Maintenance => Class::Transient,
            Self::NotFound | Self::WrongToken | Self::TokenExpired | Self::Locked => Class::Verify,
            Self::Unspecified | Self::Other(_) => Class::UnknownOutcome,
        }
    }

    /// What a refusal rests on. That a code means "nothing was done" is nowhere said: it is inferred from the code's
    /// meaning.
    pub(crate) const fn basis(self) -> &'static str {
        match self {
            Self::InvalidGateway
            | Self::InvalidNumber
            | Self::InvalidText
            | Self::SenderNotOpen
            | Self::WrongPassword
            | Self::InvalidJson => {
                "That nothing was done is inferred, and the code itself is observed by third parties only"
            }
            _ => "That nothing was done is inferred from the documented meaning of the code",
        }
    }

    /// What it says about one operation: kind, message, help.
    pub(crate) fn meaning(self, of: Operation) -> (ErrorKind, &'static str, &'static str) {
        const ACCOUNT: &str = "check user id, API key and authorization form, and whether Citcall knows this machine's public address";
        match self {
            Self::Ok => (ErrorKind::Other, "accepted", ""),
            Self::Unspecified => (ErrorKind::Other, "failed, without a reason", of.perhaps()),
            Self::Other(_) => (
                ErrorKind::Other,
                "a result code that is not listed",
                of.perhaps(),
            ),
            Self::NotFound | Self::WrongToken | Self::TokenExpired | Self::Locked => (
                ErrorKind::Other,
                "a result of verify, where none was asked for",
                of.perhaps(),
            ),
            Self::InvalidGateway => (
                ErrorKind::InvalidInput,
                "no such gateway",
                match of {
                    Operation::AsyncCall => "take 1 to 4",
                    Operation::Motp => {
                        "take `retry` 0 to 4, or `gateway` 0 to 5 on older servers: see `v3::Counter`"
                    }
                    Operation::Sms | Operation::SmsOtp | Operation::Verify => {
                        "no gateway was sent: check the path and the extra fields"
                    }
                },
            ),
            Self::InsufficientBalance => (
                ErrorKind::InsufficientBalance,
                "the account has too little money",
                "fund the account",
            ),
            Self::ServiceDown => (
                ErrorKind::Unavailable,
                "out of service for the moment",
                of.later(),
            ),
            Self::Maintenance => (ErrorKind::Unavailable, "under maintenance", of.later()),
            Self::InvalidNumber => (
                ErrorKind::InvalidRecipient,
                "the number is not valid",
                "check the number",
            ),
            Self::InvalidText => (
                ErrorKind::InvalidInput,
                "the text of the message is not valid",
                "check its length and characters",
            ),
            Self::SenderNotOpen => (
                ErrorKind::Permission,
                "this sender id is not open for the account",
                "have Citcall open it, in exactly these letters",
            ),
            Self::WrongPassword => (ErrorKind::Authentication, "wrong password", ACCOUNT),
            Self::UnknownUser => (ErrorKind::Authentication, "unknown user id", ACCOUNT),
            Self::InvalidApiKey => (
                ErrorKind::Authentication,
                "the API key is unknown or inactive",
                ACCOUNT,
            ),
            Self::NotAuthorised => (ErrorKind::Authentication, "not authorised", ACCOUNT),
            Self::ParameterMissing => (
                ErrorKind::InvalidInput,
                "a parameter is missing",
                "check which version and path the account uses",
            ),
            Self::InvalidJson => (
                ErrorKind::InvalidInput,
                "the request could not be read",
                "in v2 check the API key, the cipher's client id and this machine's clock (within 5 minutes)",
            ),
            Self::WrongMethod => (
                ErrorKind::InvalidInput,
                "not a POST request",
                "check what a proxy on the way makes of it",
            ),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_class_of_the_table() {
        use Class::*;
        let table: &[(u32, Class)] = &[
            (0, Ok),
            (6, UnknownOutcome),
            (7, Input),
            (14, Balance),
            (34, Transient),
            (42, Input),
            (43, Input),
            (44, Auth),
            (66, Transient),
            (76, Auth),
            (77, Auth),
            (78, Verify),
            (79, Verify),
            (80, Verify),
            (81, Verify),
            (88, Input),
            (96, Auth),
            (97, Input),
            (98, Auth),
            (99, Input),
        ];
        for rc in 0..200 {
            let class = table.iter().find(|(listed, _)| *listed == rc);
            let class = class.map_or(UnknownOutcome, |(_, class)| *class);
            assert_eq!(Code::from(rc).class(), class, "{rc}");
            assert_eq!(Code::from(rc).number(), rc);
        }
        assert_eq!(Code::from(u32::MAX).class(), UnknownOutcome);
        assert_eq!(Code::from(6).to_string(), "06");
    }
}
