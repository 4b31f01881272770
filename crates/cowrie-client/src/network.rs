//! The four networks, their codes, and what a number's prefix suggests.

use std::fmt;
use std::str::FromStr;

use telco_core::{Msisdn, Operator};

/// A Nigerian mobile network by Cowrie's code. Numbers are ported between them, so the caller's word goes before any prefix.
///
/// ```
/// use cowrie_client::Network;
///
/// assert_eq!("t2".parse(), Ok(Network::NineMobile));
/// assert_eq!(Network::NineMobile.code(), "ETI");
/// assert!("vodafone".parse::<Network>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network {
    /// Airtel, `AIR`.
    Airtel,
    /// Glo, `GLO`.
    Glo,
    /// MTN, `MTN`.
    Mtn,
    /// 9mobile, formerly Etisalat, now T2: `ETI`.
    NineMobile,
    /// A code that Cowrie gave you and this crate does not know; sent as it is, by a client whose
    /// [`Builder::also_network`](crate::Builder::also_network) allows it.
    Other(Operator),
}

/// The text names no network that Cowrie is known to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownNetwork;

impl fmt::Display for UnknownNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a network that Cowrie is known to serve: give AIR, GLO, MTN or ETI")
    }
}

impl std::error::Error for UnknownNetwork {}

impl Network {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Airtel => "AIR",
            Self::Glo => "GLO",
            Self::Mtn => "MTN",
            Self::NineMobile => "ETI",
            Self::Other(operator) => operator.as_str(),
        }
    }

    /// The network that a number was first issued by, after [`PrefixTable::default`]. Advisory: it may have been ported since.
    #[must_use]
    pub fn suggest(msisdn: &Msisdn) -> Option<Self> {
        PrefixTable::default().suggest(msisdn)
    }
}

impl FromStr for Network {
    type Err = UnknownNetwork;

    /// A code or a brand name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        match text.trim().to_ascii_uppercase().as_str() {
            "AIR" | "AIRTEL" => Ok(Self::Airtel),
            "GLO" => Ok(Self::Glo),
            "MTN" => Ok(Self::Mtn),
            "ETI" | "ETISALAT" | "9MOBILE" | "T2" | "T2MOBILE" => Ok(Self::NineMobile),
            _ => Err(UnknownNetwork),
        }
    }
}

impl From<Network> for Operator {
    fn from(network: Network) -> Self {
        match network {
            Network::Other(operator) => operator,
            known => Self::new(known.code()),
        }
    }
}

impl From<Network> for Option<Operator> {
    fn from(network: Network) -> Self {
        Some(network.into())
    }
}

/// Which network a number's first digits were issued to. The longest match counts. Replaceable, because the regulator opens
/// new blocks.
///
/// The default is the carrier data of libphonenumber 9.0.43, cross-checked with public lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixTable(Vec<(String, Option<Network>)>);

const ISSUED_TO: [(Network, &[&str]); 4] = [
    (
        Network::Mtn,
        &[
            "703", "704", "706", "707", "803", "806", "810", "813", "814", "816", "903", "906",
            "910", "913", "916", "7025", "7026",
        ],
    ),
    (
        Network::Airtel,
        &[
            "701", "708", "802", "808", "812", "901", "902", "904", "907", "911", "912",
        ],
    ),
    (
        Network::Glo,
        &["705", "805", "807", "811", "815", "905", "915"],
    ),
    (Network::NineMobile, &["809", "817", "818", "908", "909"]),
];

impl Default for PrefixTable {
    fn default() -> Self {
        let rows = ISSUED_TO.iter().flat_map(|(network, prefixes)| {
            prefixes
                .iter()
                .map(|prefix| ((*prefix).to_owned(), Some(network.clone())))
        });
        Self(rows.collect())
    }
}

impl PrefixTable {
    /// Prefixes of the national number (`803`, without the 0), each with its network, or `None` for one that Cowrie does not
    /// sell.
    pub fn new(rows: impl IntoIterator<Item = (String, Option<Network>)>) -> Self {
        Self(rows.into_iter().collect())
    }

    /// The network of the longest prefix that matches.
    #[must_use]
    pub fn suggest(&self, msisdn: &Msisdn) -> Option<Network> {
        let national = msisdn.national("234")?;
        let matching = self
            .0
            .iter()
            .filter(|(prefix, _)| national.starts_with(prefix.as_str()));
        let (_, network) = matching.max_by_key(|(prefix, _)| prefix.len())?;
        network.clone()
    }
}
