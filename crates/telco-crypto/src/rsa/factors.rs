//! From the numbers in a file to a checked key. Nothing is believed: products and exponents are checked, the values for the
//! Chinese remainder theorem are computed anew. A signature made with a wrong one would give the key away.

use ::rsa::traits::PrivateKeyParts;
use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, ConcatenatingMul, Gcd, NonZero, Odd, Resize};

use super::der::{Components, without_leading_zeros};
use super::{Inconsistency, KeyError, LoadOptions};

pub(super) fn build(
    numbers: &Components,
    options: &LoadOptions,
) -> Result<::rsa::PrivateKey, KeyError> {
    let (n, e) = (unsigned(&numbers.n), unsigned(&numbers.e));
    let primes = numbers.p.as_ref().zip(numbers.q.as_ref());
    if numbers.d.is_none() && primes.is_none() {
        return Err(KeyError::PublicKeyOnly);
    }
    options.check_private_size(n.bit_width_vartime())?;
    check_exponent(&numbers.e)?;
    let key = match (&numbers.d, primes) {
        (Some(d), Some((p, q))) => {
            ::rsa::PrivateKey::from_components(n, e, unsigned(d), vec![unsigned(p), unsigned(q)])
        }
        (None, Some((p, q))) => {
            let (p, q) = (unsigned(p), unsigned(q));
            if p.concatenating_mul(&q) != n {
                return Err(KeyError::Inconsistent(Inconsistency::Modulus));
            }
            ::rsa::PrivateKey::from_p_q(p, q, e)
        }
        (Some(d), None) => {
            let d = unsigned(d);
            let (p, q) = recover_primes(&n, &e, &d)
                .ok_or(KeyError::Inconsistent(Inconsistency::PrivateExponent))?;
            ::rsa::PrivateKey::from_components(n, e, d, vec![p, q])
        }
        (None, None) => return Err(KeyError::PublicKeyOnly),
    };
    let key = key.map_err(|error| {
        KeyError::Inconsistent(match error {
            ::rsa::Error::InvalidModulus => Inconsistency::Modulus,
            ::rsa::Error::InvalidExponent => Inconsistency::PrivateExponent,
            _ => Inconsistency::Primes,
        })
    })?;
    if options.strict && !crt_values_agree(numbers, &key) {
        return Err(KeyError::Inconsistent(Inconsistency::Crt));
    }
    Ok(key)
}

pub(super) fn unsigned(big_endian: &[u8]) -> BoxedUint {
    BoxedUint::from_be_slice_vartime(without_leading_zeros(big_endian))
}

/// Odd, 3 or more, and at most 2^33 - 1, the limit of the `rsa` crate (larger ones make checking a signature a way to keep a
/// server busy).
pub(super) fn check_exponent(e: &[u8]) -> Result<(), KeyError> {
    let e = without_leading_zeros(e);
    let value = (e.len() <= 8).then(|| {
        e.iter()
            .fold(0u64, |sum, byte| sum * 256 + u64::from(*byte))
    });
    match value {
        Some(e) if e % 2 == 1 && (3..1 << 33).contains(&e) => Ok(()),
        _ => Err(KeyError::InvalidExponent),
    }
}

fn crt_values_agree(numbers: &Components, key: &::rsa::PrivateKey) -> bool {
    let same = |given: &Option<super::der::Number>, right: Option<BoxedUint>| match (given, right) {
        (Some(given), Some(right)) => unsigned(given) == right,
        (None, _) => true,
        (Some(_), None) => false,
    };
    same(&numbers.dp, key.dp().cloned())
        && same(&numbers.dq, key.dq().cloned())
        && same(&numbers.q_inverse, key.crt_coefficient())
}

/// The primes of `n`, from both exponents, whatever their size (the method of the `rsa` crate needs e > 2^16).
///
/// e·d - 1 is a multiple of λ(n), so every g^(e·d-1) is 1 modulo n. Taking square roots of that 1 by halving the exponent leads, for
/// at least half of all g, to a root other than 1 and -1, and such a root shares a factor with n (Handbook of Applied Cryptography,
/// 8.2.2).
fn recover_primes(n: &BoxedUint, e: &BoxedUint, d: &BoxedUint) -> Option<(BoxedUint, BoxedUint)> {
    let modulus = Odd::new(n.clone()).into_option()?;
    let params = BoxedMontyParams::new_vartime(modulus);
    let multiple = d.concatenating_mul(e).wrapping_sub(BoxedUint::one()); // neither is zero
    if multiple.is_zero().into() {
        return None;
    }
    let halvings = multiple.trailing_zeros_vartime();
    let odd_part = multiple.shr_vartime(halvings)?;
    let one = BoxedMontyForm::one(&params);
    let minus_one = -one.clone();
    // Fifty bases: a right key fails all of them with probability 2^-50; a wrong d fails at the first.
    for base in 2u64..52 {
        let base = BoxedUint::from(base).resize_unchecked(n.bits_precision());
        let mut root = BoxedMontyForm::new(base, &params).pow(&odd_part);
        for _ in 0..halvings {
            let square = root.square();
            if square == one {
                if root != one && root != minus_one {
                    let p = (root.retrieve().wrapping_sub(BoxedUint::one())).gcd_vartime(n);
                    let q = n
                        .div_exact_vartime(&NonZero::new(p.clone()).into_option()?)
                        .into_option()?;
                    return Some((p, q));
                }
                break;
            }
            root = square;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small keys (computed with Python), so that the first base leads to each kind of root: one that factors, 1, and -1. A wrong
    /// exponent leads to none.
    #[test]
    fn primes_come_back_whatever_root_the_first_base_leads_to() {
        for (p, q, e, d) in [
            (47_681, 32_587, 17, 45_697_073),
            (23_893, 25_951, 65_537, 51_238_373),
            (23_029, 27_061, 17, 6_109_193),       // -1
            (30_313, 38_833, 65_537, 10_243_457),  // -1
            (38_671, 23_767, 65_537, 152_232_323), // 1
            (51_263, 61_007, 3, 521_214_929),      // 1
        ] {
            let n: u64 = p * q;
            let [n, p, q, e, d] = [n, p, q, e, d].map(BoxedUint::from);
            let (one, other) = recover_primes(&n, &e, &d).unwrap();
            assert!((one == p && other == q) || (one == q && other == p));
            let wrong = d.wrapping_add(BoxedUint::one());
            assert!(recover_primes(&n, &e, &wrong).is_none());
        }
    }
}
