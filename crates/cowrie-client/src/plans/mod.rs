//! Two dated catalogues of data plans, for reference. **Not live prices**, never mixed, and never a reason to refuse a plan:
//! Cowrie publishes no list that a program could read, and no plan of 2018 is in the later list unchanged.

use telco_core::{Amount, Currency};

use crate::Network;

/// A row of a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plan {
    /// On which network.
    pub network: Network,
    /// What is sent as `amount`.
    pub price: Amount,
    /// What is sent as `bundle`; `None` in the catalogue of 2018, where the price names the plan.
    pub bundle: Option<&'static str>,
    /// Such as `1.5GB`.
    pub size: &'static str,
    /// As printed, such as `1 month`; in days in the later catalogue.
    pub validity: &'static str,
    /// `social` or `campus`, else `None`.
    pub kind: Option<&'static str>,
    /// What else is documented, such as `usable 00:00-05:00 only`.
    pub note: Option<&'static str>,
}

/// The 47 plans of the documentation of 2018-01-17, identified by network and price.
///
/// ```
/// use cowrie_client::{Network, plans};
///
/// let glo = plans::plans_2018().filter(|plan| plan.network == Network::Glo);
/// assert_eq!(glo.count(), 13);
/// ```
pub fn plans_2018() -> impl Iterator<Item = Plan> {
    rows(include_str!("2018.tsv"))
}

/// The 115 plans of documentation that dates from August 2025 or later (inferred), identified by network and bundle.
pub fn bundles_2025() -> impl Iterator<Item = Plan> {
    rows(include_str!("2025.tsv"))
}

/// A price as printed, thousands separators and all: `136,000`.
///
/// ```
/// assert_eq!(cowrie_client::plans::parse_price("136,000").unwrap().exact_major(), Some(136_000));
/// ```
#[must_use]
pub fn parse_price(printed: &str) -> Option<Amount> {
    Amount::parse_major(&printed.replace(',', ""), Currency::NGN)
}

fn rows(table: &'static str) -> impl Iterator<Item = Plan> {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let mut column = || columns.next();
        Some(Plan {
            network: column()?.parse().ok()?,
            price: parse_price(column()?)?,
            bundle: optional(column()?),
            size: column()?,
            validity: column()?,
            kind: optional(column()?),
            note: optional(column()?),
        })
    })
}

fn optional(text: &'static str) -> Option<&'static str> {
    (!text.is_empty()).then_some(text)
}
