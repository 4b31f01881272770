use std::fmt;
use std::num::NonZeroU32;

use crate::{Amount, Msisdn};

/// A mobile network by the provider's code for it, upper-cased: `MTN`. Aliases and guesses belong to the provider crate.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operator(Box<str>);

impl Operator {
    /// Trimmed and upper-cased, otherwise as given.
    pub fn new(code: impl AsRef<str>) -> Self {
        Self(code.as_ref().trim().to_ascii_uppercase().into())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Operator({})", self.0)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is bought. Equal are two that are the same in every field. A guard against duplicates compares less: a number has one
/// network, so the same number, plan and amount is the same, whichever network was named.
///
/// ```
/// use telco_core::{Amount, Currency, Msisdn, Operator, Product};
///
/// let to = Msisdn::parse("2348031234567").unwrap();
/// let hundred = Amount::from_major(100, Currency::NGN).unwrap();
/// let airtime = Product::airtime(to, Operator::new("mtn"), hundred);
/// assert_eq!(airtime.price(), Some(hundred));
/// assert_eq!(airtime.operator().unwrap().as_str(), "MTN");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Product {
    /// Credit for calls.
    #[non_exhaustive]
    Airtime {
        /// Whose.
        to: Msisdn,
        /// On which network, if the caller knows.
        operator: Option<Operator>,
        /// How much.
        amount: Amount,
    },
    /// A data plan.
    #[non_exhaustive]
    Data {
        /// Whose.
        to: Msisdn,
        /// On which network, if the caller knows.
        operator: Option<Operator>,
        /// The provider's code of the plan, where it has codes.
        plan: Option<String>,
        /// The plan's price.
        amount: Amount,
    },
    /// Recharge PINs, to be handed out later.
    #[non_exhaustive]
    Pins {
        /// Of each.
        face_value: Amount,
        /// How many.
        count: NonZeroU32,
    },
}

impl Product {
    /// Credit for calls.
    pub fn airtime(to: Msisdn, operator: impl Into<Option<Operator>>, amount: Amount) -> Self {
        Self::Airtime {
            to,
            operator: operator.into(),
            amount,
        }
    }

    /// A data plan.
    pub fn data(
        to: Msisdn,
        operator: impl Into<Option<Operator>>,
        plan: Option<String>,
        amount: Amount,
    ) -> Self {
        Self::Data {
            to,
            operator: operator.into(),
            plan,
            amount,
        }
    }

    /// Recharge PINs.
    #[must_use]
    pub fn pins(face_value: Amount, count: NonZeroU32) -> Self {
        Self::Pins { face_value, count }
    }

    /// Which of the three.
    #[must_use]
    pub fn kind(&self) -> ProductKind {
        match self {
            Self::Airtime { .. } => ProductKind::Airtime,
            Self::Data { .. } => ProductKind::Data,
            Self::Pins { .. } => ProductKind::Pins,
        }
    }

    /// Who gets it; nobody yet for PINs.
    #[must_use]
    pub fn recipient(&self) -> Option<&Msisdn> {
        match self {
            Self::Airtime { to, .. } | Self::Data { to, .. } => Some(to),
            Self::Pins { .. } => None,
        }
    }

    /// On which network, if the caller said.
    #[must_use]
    pub fn operator(&self) -> Option<&Operator> {
        match self {
            Self::Airtime { operator, .. } | Self::Data { operator, .. } => operator.as_ref(),
            Self::Pins { .. } => None,
        }
    }

    /// What it costs before any discount; `None` on overflow.
    #[must_use]
    pub fn price(&self) -> Option<Amount> {
        match self {
            Self::Airtime { amount, .. } | Self::Data { amount, .. } => Some(*amount),
            Self::Pins { face_value, count } => face_value.checked_mul(i64::from(count.get())),
        }
    }
}

/// The kind of a [`Product`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProductKind {
    /// See [`Product::Airtime`].
    Airtime,
    /// See [`Product::Data`].
    Data,
    /// See [`Product::Pins`].
    Pins,
}

impl ProductKind {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Airtime, Self::Data, Self::Pins];

    /// `airtime`, `data` or `pins`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Airtime => "airtime",
            Self::Data => "data",
            Self::Pins => "pins",
        }
    }
}
