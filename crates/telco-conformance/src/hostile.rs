//! Bytes that nobody should send, for whatever reads bytes from outside.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Report;

/// Feeds a parser with what the other side may send on a bad day: noise, and the samples cut, spliced, repeated and
/// overwritten. It must read or refuse every one of them, and never panic.
///
/// The inputs are the same in every run. `parse` throws its result away: what it must say is for other tests.
///
/// ```
/// use telco_conformance::hostile;
///
/// let report = hostile("answers", &[b"balance=100"], 200, |bytes| {
///     let _ = std::str::from_utf8(bytes).map(|text| text.split_once('='));
/// });
/// report.assert_passed();
/// ```
pub fn hostile(what: &str, samples: &[&[u8]], rounds: u32, parse: impl Fn(&[u8])) -> Report {
    let mut report = Report::default();
    let mut dice = Dice(u64::from(rounds));
    let mut result = Ok(());
    for sample in samples {
        result = result.and_then(|()| survives(&parse, sample));
    }
    for _ in 0..rounds {
        result = result.and_then(|()| survives(&parse, &dice.input(samples)));
    }
    let name = format!("{what}: {rounds} hostile inputs are read or refused");
    report.check(name, result);
    report
}

fn survives(parse: &impl Fn(&[u8]), input: &[u8]) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| parse(input)))
        .map_err(|_| format!("panics on b\"{}\"", input.escape_ascii()))
}

/// Bytes with a meaning in XML, JSON, forms, PEM, numbers, and ones that begin or break UTF-8.
const MEANING: &[u8] = b"<>&;/!?{}[]\":,\\=+%-.0123456789eE \t\r\n\0\x7f\x80\xc3\xe2\xef\xf0\xff";

/// SplitMix64: nothing secret depends on it.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `bound`; 0 for 0.
    fn below(&mut self, bound: usize) -> usize {
        let roll = self.roll() % u64::try_from(bound.max(1)).unwrap_or(1);
        usize::try_from(roll).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        let noise = self.roll().to_le_bytes()[0];
        if noise < 64 {
            noise.wrapping_mul(37)
        } else {
            MEANING
                .get(usize::from(noise) % MEANING.len())
                .copied()
                .unwrap_or(noise)
        }
    }

    fn pick<'a>(&mut self, samples: &[&'a [u8]]) -> &'a [u8] {
        samples
            .get(self.below(samples.len()))
            .copied()
            .unwrap_or_default()
    }

    fn input(&mut self, samples: &[&[u8]]) -> Vec<u8> {
        if self.below(16) == 0 {
            return (0..self.below(64)).map(|_| self.byte()).collect();
        }
        let mut input = self.pick(samples).to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(input.len().saturating_add(1));
            let end = at.saturating_add(self.below(24)).min(input.len());
            match self.below(6) {
                0 => input.truncate(at),
                1 => drop(input.drain(at..end)),
                2 => input.insert(at, self.byte()),
                3 => {
                    let again: Vec<u8> = input.get(at..end).unwrap_or_default().to_vec();
                    for _ in 0..self.below(8) {
                        input.splice(at..at, again.iter().copied());
                    }
                }
                4 => {
                    let other = self.pick(samples);
                    let from = self.below(other.len());
                    input.splice(at..end, other.iter().skip(from).take(24).copied());
                }
                _ => {
                    let byte = self.byte();
                    if let Some(there) = input.get_mut(at) {
                        *there = byte;
                    }
                }
            }
        }
        input
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn inputs_vary_and_are_the_same_in_every_run() {
        let run = || {
            let seen = RefCell::new(Vec::new());
            hostile("x", &[b"{\"a\":1}", b"<a>1</a>"], 500, |bytes| {
                seen.borrow_mut().push(bytes.to_vec());
            })
            .assert_passed();
            seen.into_inner()
        };
        let first = run();
        assert_eq!(first, run());
        assert!(first.iter().collect::<HashSet<_>>().len() > 300);
        assert!(first.contains(&b"<a>1</a>".to_vec()));
    }

    #[test]
    fn a_panic_is_found_with_its_input() {
        let report = hostile("x", &[b"ok"], 2_000, |bytes| {
            if bytes.contains(&b'\0') {
                panic!("zero");
            }
        });
        let why = report
            .failures()
            .next()
            .and_then(|check| check.failure.clone());
        assert!(why.is_some_and(|why| why.contains("\\x00")), "{report}");
    }
}
