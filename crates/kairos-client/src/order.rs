//! A call in the provider's own terms, the checks on many of them, and how they are split into requests.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::time::SystemTime;

use telco_core::{Reference, Secret};

use crate::start::InvalidStartTime;
use crate::wire;
use crate::{ContactNumber, StartTime, UtcOffset};

/// What the provider puts before the name of every flow variable.
const PREFIX: &str = "$flow.key.";

/// One call, with everything the provider's request can say: numbers as typed, a start time as text, raw variable names.
/// [`Call`](telco_core::Call) turns into it.
///
/// ```
/// use kairos_client::{ContactNumber, NumberPolicy, Order, StartTime};
/// use telco_core::{Reference, Secret};
///
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let order = Order::new(Reference::new("due-17")?, ContactNumber::parse("9812345678", NumberPolicy::AsIs)?)
///     .starting(StartTime::parse("2030-01-23T08:02:53+05:30")?)
///     .variable("Amount", Secret::new("1,200"))
///     .raw_variable("legacy_name", Secret::new("x"));
/// assert!(!format!("{order:?}").contains("1,200"));
/// # Ok(()) }
/// # run().unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Order {
    /// The caller's id of the call: the provider's `client-identifier`.
    pub reference: Reference,
    /// Numbers of one person, tried in turn.
    pub numbers: Vec<ContactNumber>,
    /// When, if not at once.
    pub start: Option<StartTime>,
    /// Full names and values, in order.
    pub variables: Vec<(String, Secret)>,
}

impl Order {
    /// At once, without variables.
    #[must_use]
    pub fn new(reference: Reference, number: ContactNumber) -> Self {
        Self {
            reference,
            numbers: vec![number],
            start: None,
            variables: Vec::new(),
        }
    }

    /// Another number of the same person.
    #[must_use]
    pub fn or_to(mut self, number: ContactNumber) -> Self {
        self.numbers.push(number);
        self
    }

    /// At a time.
    #[must_use]
    pub fn starting(self, start: StartTime) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    /// A variable of the flow. `$flow.key.` is put before the name where it is missing.
    #[must_use]
    pub fn variable(self, name: impl Into<String>, value: Secret) -> Self {
        let name = with_prefix(name.into());
        self.raw_variable(name, value)
    }

    /// A variable under exactly this name.
    #[must_use]
    pub fn raw_variable(mut self, name: impl Into<String>, value: Secret) -> Self {
        self.variables.push((name.into(), value));
        self
    }

    /// From the shared vocabulary: numbers with their country code, times to the millisecond in `offset`.
    ///
    /// # Errors
    /// [`InvalidStartTime`] for a year that cannot be written.
    pub fn from_call(call: &telco_core::Call, offset: UtcOffset) -> Result<Self, InvalidStartTime> {
        let variable =
            |(name, value): &(String, Secret)| (with_prefix(name.clone()), value.clone());
        Ok(Self {
            reference: call.reference.clone(),
            numbers: call.to.iter().map(ContactNumber::from).collect(),
            start: call
                .start_at
                .map(|at| StartTime::at(at, offset))
                .transpose()?,
            variables: call.variables.iter().map(variable).collect(),
        })
    }

    /// On the wire; `now` is the start time of those that have none.
    pub(crate) fn to_wire<'a>(&'a self, now: &'a StartTime) -> wire::Call<'a> {
        let key = |(name, value): &'a (String, Secret)| wire::Key {
            name: Cow::Borrowed(name.as_str()),
            value: value.expose(),
        };
        wire::Call {
            client_identifier: self.reference.as_str(),
            start_time: self.start.as_ref().unwrap_or(now).as_str(),
            contact_numbers: self.numbers.iter().map(ContactNumber::expose).collect(),
            keys: self.variables.iter().map(key).collect(),
        }
    }
}

/// An empty name stays empty, to be refused.
fn with_prefix(name: String) -> String {
    if name.is_empty() || name.starts_with(PREFIX) {
        name
    } else {
        format!("{PREFIX}{name}")
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order")
            .field("reference", &self.reference)
            .field("numbers", &self.numbers)
            .field("start", &self.start)
            .field("variables", &self.variables)
            .finish()
    }
}

/// Why calls cannot be sent. Positions count from 0; no number and no value is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidOrder {
    /// No call at all.
    #[error("there is no call in the request")]
    Empty,
    /// Two calls have the same reference: their answers could not be told apart.
    #[error("call {position} has the reference of an earlier one")]
    SameReference {
        /// Which call.
        position: usize,
    },
    /// A call without a number.
    #[error("call {position} has no number")]
    NoNumber {
        /// Which call.
        position: usize,
    },
    /// More alternates than a call takes.
    #[error(
        "call {position} has {numbers} numbers; at most {limit} of one person are tried (inferred; can be raised)"
    )]
    TooManyNumbers {
        /// Which call.
        position: usize,
        /// How many.
        numbers: usize,
        /// How many a call takes.
        limit: usize,
    },
    /// A variable without a name.
    #[error("call {position} has a variable without a name")]
    UnnamedVariable {
        /// Which call.
        position: usize,
    },
    /// A start time on a day that is over.
    #[error(
        "call {position} starts on a past day; what the provider does then is unknown (can be allowed)"
    )]
    PastDay {
        /// Which call.
        position: usize,
    },
    /// One call alone is larger than a request may be.
    #[error("call {position} makes a body of {bytes} bytes; the provider takes {limit}")]
    TooLarge {
        /// Which call.
        position: usize,
        /// The size of the body with this call alone.
        bytes: usize,
        /// The size that a body may have.
        limit: usize,
    },
}

/// What a request may hold. A user can change all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) calls: usize,
    pub(crate) numbers: usize,
    pub(crate) body: usize,
    pub(crate) past_days: bool,
    pub(crate) offset: UtcOffset,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls: 500,
            numbers: 10,
            // 256 KB: the smaller of the two readings.
            body: 256_000,
            past_days: false,
            offset: UtcOffset::INDIA,
        }
    }
}

impl Limits {
    /// Everything about the calls themselves. References must differ over all of them, not only within a request, or the rows
    /// of a report could not be told apart.
    pub(crate) fn check(&self, orders: &[Order], now: SystemTime) -> Result<(), InvalidOrder> {
        if orders.is_empty() {
            return Err(InvalidOrder::Empty);
        }
        let mut seen = HashSet::with_capacity(orders.len());
        for (position, order) in orders.iter().enumerate() {
            let (numbers, limit) = (order.numbers.len(), self.numbers);
            if !seen.insert(&order.reference) {
                return Err(InvalidOrder::SameReference { position });
            }
            if numbers == 0 {
                return Err(InvalidOrder::NoNumber { position });
            }
            if numbers > limit {
                return Err(InvalidOrder::TooManyNumbers {
                    position,
                    numbers,
                    limit,
                });
            }
            if order.variables.iter().any(|(name, _)| name.is_empty()) {
                return Err(InvalidOrder::UnnamedVariable { position });
            }
            let past = |start: &StartTime| start.is_on_a_past_day(now, self.offset);
            if !self.past_days && order.start.as_ref().is_some_and(past) {
                return Err(InvalidOrder::PastDay { position });
            }
        }
        Ok(())
    }

    /// Which calls go into which request: greedy, in order, in one pass. `around` is the JSON without calls, `lengths` those of
    /// the calls, `body` the size of the final body for so many bytes of JSON.
    pub(crate) fn split(
        &self,
        around: usize,
        lengths: &[usize],
        body: impl Fn(usize) -> usize,
    ) -> Result<Vec<Range<usize>>, InvalidOrder> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        let (mut start, mut json) = (0, around);
        for (position, &length) in lengths.iter().enumerate() {
            let with_comma = json.saturating_add(length).saturating_add(1);
            let full = position - start >= self.calls.max(1) || body(with_comma) > self.body;
            if position > start && full {
                ranges.push(start..position);
                (start, json) = (position, around);
            }
            json = if position > start {
                json.saturating_add(length).saturating_add(1)
            } else {
                json.saturating_add(length)
            };
            if position == start && body(json) > self.body {
                return Err(InvalidOrder::TooLarge {
                    position,
                    bytes: body(json),
                    limit: self.body,
                });
            }
        }
        if start < lengths.len() {
            ranges.push(start..lengths.len());
        }
        Ok(ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(calls: usize, body: usize) -> Limits {
        Limits {
            calls,
            body,
            ..Limits::default()
        }
    }

    #[test]
    fn splits_by_count() {
        let sizes = |n: usize| -> Vec<usize> {
            let ranges = limits(500, usize::MAX).split(10, &vec![7; n], |json| json);
            ranges
                .unwrap()
                .into_iter()
                .map(|range| range.len())
                .collect()
        };
        assert_eq!(sizes(0), [0; 0]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(500), [500]);
        assert_eq!(sizes(501), [500, 1]);
        assert_eq!(sizes(1_200), [500, 500, 200]);
    }

    #[test]
    fn splits_by_the_size_of_the_body() {
        // Two calls of 10 and a comma: 31 bytes of JSON, doubled by the "envelope".
        let split = |cap| limits(500, cap).split(10, &[10; 5], |json| json * 2);
        assert_eq!(split(62).unwrap(), [0..2, 2..4, 4..5]);
        assert_eq!(split(61).unwrap(), [0..1, 1..2, 2..3, 3..4, 4..5]);
        assert_eq!(split(40).unwrap().len(), 5);
        assert_eq!(
            split(39),
            Err(InvalidOrder::TooLarge {
                position: 0,
                bytes: 40,
                limit: 39
            })
        );
        let late = limits(500, 62).split(10, &[10, 10, 30], |json| json * 2);
        assert_eq!(
            late,
            Err(InvalidOrder::TooLarge {
                position: 2,
                bytes: 80,
                limit: 62
            })
        );
    }
}
