//! The caller's source of random bytes in the form that the `rsa` crate takes.

use ::rsa::rand_core::{TryCryptoRng, TryRng};

use crate::random::{NoRandomness, Source};

/// Gives up after `budget` bytes: a source that is stuck must be an error, not an endless search for padding or primes.
pub(super) struct Bounded<'a, 'b> {
    source: &'a mut Source<'b>,
    budget: usize,
}

impl<'a, 'b> Bounded<'a, 'b> {
    pub(super) fn new(source: &'a mut Source<'b>, budget: usize) -> Self {
        Self { source, budget }
    }
}

impl TryRng for Bounded<'_, '_> {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        self.budget = self.budget.checked_sub(out.len()).ok_or(NoRandomness)?;
        (self.source)(out)
    }
}

impl TryCryptoRng for Bounded<'_, '_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_out_of_the_source_and_of_the_budget() {
        let mut next = 0;
        let mut counting = |out: &mut [u8]| {
            out.fill_with(|| {
                next += 1;
                next
            });
            Ok(())
        };
        let mut bounded = Bounded::new(&mut counting, 12);
        assert_eq!(bounded.try_next_u32(), Ok(0x0403_0201));
        assert_eq!(bounded.try_next_u64(), Ok(0x0c0b_0a09_0807_0605));
        assert_eq!(bounded.try_next_u32(), Err(NoRandomness));
    }
}
