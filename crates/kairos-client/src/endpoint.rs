//! Where requests go (docs/protocols/kairos.md, section 2).

/// What kind of flow it is, which host it runs on, and whether requests are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Multicast flows: calls, SMS, e-mail, one after the other.
    RealTime,
    /// Many at a time. Another host, another answer: no ids per call.
    Bulk,
    /// Dialer flows.
    Dialer,
    /// Multicast flows, sealed.
    EncryptedRealTime,
    /// Dialer flows, sealed.
    EncryptedDialer,
}

impl Kind {
    /// Every kind. An encrypted bulk endpoint is not documented.
    pub const ALL: [Self; 5] = [
        Self::RealTime,
        Self::Bulk,
        Self::Dialer,
        Self::EncryptedRealTime,
        Self::EncryptedDialer,
    ];

    /// The documented base URL; paths follow it.
    #[must_use]
    pub const fn base_url(self) -> &'static str {
        match self {
            Self::Bulk => "https://central-api.phonon.io/kairos-apis",
            _ => CENTRAL,
        }
    }

    /// The path below the base URL.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::RealTime | Self::Bulk => "outbound/create",
            Self::Dialer => "outbounddialer/create",
            Self::EncryptedRealTime => "enc/outbound/create",
            Self::EncryptedDialer => "enc/outbounddialer/create",
        }
    }

    /// Requests go in an envelope.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        matches!(self, Self::EncryptedRealTime | Self::EncryptedDialer)
    }

    /// How what is stored names it: never change one.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::RealTime => "RealTime",
            Self::Bulk => "Bulk",
            Self::Dialer => "Dialer",
            Self::EncryptedRealTime => "EncryptedRealTime",
            Self::EncryptedDialer => "EncryptedDialer",
        }
    }

    /// What errors call a request of this kind.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::RealTime => "create",
            Self::Bulk => "create (bulk)",
            Self::Dialer => "create (dialer)",
            Self::EncryptedRealTime => "create (encrypted)",
            Self::EncryptedDialer => "create (encrypted dialer)",
        }
    }
}

/// The host of everything but bulk.
pub(crate) const CENTRAL: &str = "https://central.phonon.io/kairos-apis";

/// Serves outbound and dialer flows alike, whatever its path says.
pub(crate) const GENERATE_KEY_PAIR: &str = "enc/outbound/generateKeyPair";

/// Requests a minute that the real-time host takes (documented; an older text says 3,000). This crate does not limit.
pub const REAL_TIME_REQUESTS_PER_MINUTE: u32 = 500;

/// Requests a minute that the bulk host takes (documented). This crate does not limit.
pub const BULK_REQUESTS_PER_MINUTE: u32 = 30_000;

/// A path below a base, with or without a slash at its end.
pub(crate) fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_urls() {
        let url = |kind: Kind| join(kind.base_url(), kind.path());
        assert_eq!(
            Kind::ALL.map(url),
            [
                "https://central.phonon.io/kairos-apis/outbound/create",
                "https://central-api.phonon.io/kairos-apis/outbound/create",
                "https://central.phonon.io/kairos-apis/outbounddialer/create",
                "https://central.phonon.io/kairos-apis/enc/outbound/create",
                "https://central.phonon.io/kairos-apis/enc/outbounddialer/create",
            ]
        );
        assert_eq!(
            join(CENTRAL, GENERATE_KEY_PAIR),
            "https://central.phonon.io/kairos-apis/enc/outbound/generateKeyPair"
        );
        assert_eq!(
            join("https://host.test/kairos-apis/", "outbound/create"),
            "https://host.test/kairos-apis/outbound/create"
        );
    }
}
