//! Chance that repeats: everything random in the sandbox is a function of the seed and of *what* is asked, never of
//! the order in which connections happen to be served.

/// A deterministic stream of numbers for one question.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// The stream for these words under this seed. Words are separated, so `["a", "bc"]` and `["ab", "c"]` differ.
    #[must_use]
    pub fn new(seed: u64, words: &[&str], ordinal: u64) -> Self {
        Self(key(seed, words) ^ mix(ordinal.wrapping_add(1)))
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// The next number in `0.0..1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    pub fn next_unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The next number below `bound`; 0 when `bound` is 0.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// So many upper-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        self.text(digits, b"0123456789ABCDEF")
    }

    /// So many decimal digits.
    pub fn digits(&mut self, digits: usize) -> String {
        self.text(digits, b"0123456789")
    }

    // The size of the alphabet is part of the type, so that no division is left.
    fn text<const N: usize>(&mut self, length: usize, alphabet: &[u8; N]) -> String {
        let mut text = String::with_capacity(length);
        for _ in 0..length {
            let at = usize::try_from(self.below(N as u64));
            text.extend(
                at.ok()
                    .and_then(|at| alphabet.get(at))
                    .map(|b| char::from(*b)),
            );
        }
        text
    }
}

/// A 64-bit key of some words, the same in every run and on every machine (FNV-1a, then mixed).
pub(crate) fn key(seed: u64, words: &[&str]) -> u64 {
    let mut h = 0xcbf2_9ce4_8422_2325 ^ mix(seed);
    for word in words {
        for byte in word.bytes().chain([0xff]) {
            h = (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    mix(h)
}

/// SplitMix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_question_same_answer_and_words_do_not_run_together() {
        assert_eq!(
            Draw::new(7, &["a", "bc"], 0).next_u64(),
            Draw::new(7, &["a", "bc"], 0).next_u64()
        );
        assert_ne!(
            Draw::new(7, &["a", "bc"], 0).next_u64(),
            Draw::new(7, &["ab", "c"], 0).next_u64()
        );
        assert_ne!(
            Draw::new(7, &["a"], 0).next_u64(),
            Draw::new(7, &["a"], 1).next_u64()
        );
        assert_ne!(
            Draw::new(7, &["a"], 0).next_u64(),
            Draw::new(8, &["a"], 0).next_u64()
        );
    }

    #[test]
    fn chances_are_about_even() {
        let hits = (0..10_000)
            .filter(|n| Draw::new(1, &["x", &n.to_string()], 0).next_unit() < 0.3)
            .count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
    }
}
