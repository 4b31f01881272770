//! From a name to its rank in one step: the list is walked in hash order, but a request comes in any order.

use alloc::vec;
use alloc::vec::Vec;

/// Open addressing over a power of two of slots, some four times as many as names. A slot holds rank + 1, or 0.
pub(crate) const fn slots<const NAMES: usize, const SLOTS: usize>(
    names: &[&str; NAMES],
) -> [u16; SLOTS] {
    assert!(SLOTS.is_power_of_two() && SLOTS > NAMES && NAMES < u16::MAX as usize);
    let mut slots = [0; SLOTS];
    let mut rank = 0;
    while rank < NAMES {
        insert_const(&mut slots, names, rank);
        rank += 1;
    }
    slots
}

/// The first of equal names keeps the slot; empty names get none.
#[expect(
    clippy::indexing_slicing,
    reason = "runs in the compiler: a wrong index does not build"
)]
const fn insert_const(slots: &mut [u16], names: &[&str], rank: usize) {
    let name = names[rank];
    let mut at = hash(name) as usize & (slots.len() - 1);
    while slots[at] != 0 && !same(names[slots[at] as usize - 1], name) {
        at = (at + 1) & (slots.len() - 1);
    }
    if slots[at] == 0 && !name.is_empty() {
        slots[at] = rank as u16 + 1;
    }
}

/// The same table for names known at run time; the error is the rank of a name that was there before.
pub(crate) fn build<'n>(
    names: impl ExactSizeIterator<Item = &'n str> + Clone,
) -> Result<Vec<u16>, usize> {
    let mut slots = vec![0; names.len().saturating_mul(4).next_power_of_two()];
    for (rank, name) in names.clone().enumerate() {
        match probe(&slots, name, |earlier| names.clone().nth(earlier)) {
            Probe::Free(at) => {
                if let (Some(slot), Ok(entry)) =
                    (slots.get_mut(at), u16::try_from(rank.saturating_add(1)))
                {
                    *slot = entry;
                }
            }
            Probe::Found(_) => return Err(rank),
        }
    }
    Ok(slots)
}

/// The rank of a name, if it is in the table.
#[inline]
pub(crate) fn find<'n>(
    slots: &[u16],
    name: &str,
    name_at: impl Fn(usize) -> Option<&'n str>,
) -> Option<usize> {
    match probe(slots, name, name_at) {
        Probe::Found(rank) => Some(rank),
        Probe::Free(_) => None,
    }
}

enum Probe {
    Found(usize),
    Free(usize),
}

#[inline]
fn probe<'n>(slots: &[u16], name: &str, name_at: impl Fn(usize) -> Option<&'n str>) -> Probe {
    let mask = slots.len().wrapping_sub(1);
    let mut at = hash(name) as usize & mask;
    loop {
        let Some(rank) = slots
            .get(at)
            .and_then(|slot| usize::from(*slot).checked_sub(1))
        else {
            return Probe::Free(at);
        };
        if name_at(rank) == Some(name) {
            return Probe::Found(rank);
        }
        at = at.wrapping_add(1) & mask;
    }
}

/// Cheap and good enough for lists that nobody but the caller writes: both ends and the length, no loop.
const fn hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (first, last) = match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        (Some(first), Some(last), _) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        (_, _, [a, b, c, .., d]) => (u32::from_le_bytes([*a, *b, *c, *d]) as u64, 0),
        (_, _, [first, .., last]) => (*first as u64, *last as u64),
        (_, _, [only]) => (*only as u64, 0),
        (_, _, []) => (0, 0),
    };
    let mixed = first ^ last.rotate_left(29) ^ bytes.len() as u64;
    // Folded first: a product carries a bit upwards only.
    ((mixed ^ mixed >> 32) & 0xFFFF_FFFF).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40
}

pub(crate) const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if *x != *y {
            return false;
        }
        (a, b) = (rest_a, rest_b);
    }
    a.is_empty() && b.is_empty()
}
