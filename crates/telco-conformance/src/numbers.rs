//! References for providers that never hear them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use telco_core::{Msisdn, Reference};

/// A phone number for each reference, another one each time. Where the caller's reference does not travel to the provider,
/// its number does: [`Harness::arm`](crate::Harness::arm) and [`Harness::truth`](crate::Harness::truth) find an operation by
/// it, also while others run.
///
/// ```
/// use telco_conformance::Numbers;
/// use telco_core::{Msisdn, Reference};
///
/// let numbers = Numbers::new(|n| Msisdn::parse(&format!("98912{n:07}")).unwrap());
/// let (one, two) = (Reference::generate()?, Reference::generate()?);
/// assert_eq!(numbers.of(&one).expose(), "989120000000");
/// assert_eq!(numbers.of(&two).expose(), "989120000001");
/// assert_eq!(numbers.of(&one), numbers.of(&one));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Numbers {
    number: Box<dyn Fn(usize) -> Msisdn + Send + Sync>,
    given: Mutex<HashMap<Reference, Msisdn>>,
}

impl Numbers {
    /// The n-th reference, counted from 0, gets this number.
    #[must_use]
    pub fn new(number: impl Fn(usize) -> Msisdn + Send + Sync + 'static) -> Self {
        Self {
            number: Box::new(number),
            given: Mutex::default(),
        }
    }

    /// The number of this reference.
    #[must_use]
    pub fn of(&self, reference: &Reference) -> Msisdn {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let next = given.len();
        given
            .entry(reference.clone())
            .or_insert_with(|| (self.number)(next))
            .clone()
    }
}

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").finish_non_exhaustive()
    }
}
