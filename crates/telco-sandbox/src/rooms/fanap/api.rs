//! The ways in: the Pardis subscription API, and the siblings whose documents are public too (docs/protocols/fanap.md, 7).

/// One API of the provider; each has a host of its own in life, and all share the sandbox's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Api {
    /// `/api/Subscription/grant/…`
    Pardis,
    /// `/api/otp/…`: the same headers and signed text; ids, and no success flag.
    Imi,
    /// `/api/v1/otp/…`: signed by the product, in headers of its own.
    SdpV1,
}

impl Api {
    /// The kind of a start in the ledger.
    pub(super) fn start(self) -> &'static str {
        match self {
            Api::Pardis => "start",
            Api::Imi => "imi-start",
            Api::SdpV1 => "sdp-start",
        }
    }

    /// The kind of a commit in the ledger.
    pub(super) fn commit(self) -> &'static str {
        match self {
            Api::Pardis => "commit",
            Api::Imi => "imi-commit",
            Api::SdpV1 => "sdp-commit",
        }
    }

    /// What start gives and commit wants, as this API spells it.
    pub(super) fn id_field(self) -> &'static str {
        match self {
            Api::Pardis => "CorrelationId",
            Api::Imi => "OtpId",
            Api::SdpV1 => "otpId",
        }
    }
}
