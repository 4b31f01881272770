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
            // Whatever is longer than n is a multiple too much, or a way to keep the loader busy.
            if d.bit_width_vartime() > n.bit_width_vartime() {
                return Err(KeyError::Inconsistent(Inconsistency::PrivateExponent));
            }
            // Fifty bases: a right key fails all of them with probability 2^-50.
            let (p, q) = recover_primes(&n, &e, &d, 2..52)
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
/// 8.2.2). A g whose powers never come to 1 shows that d is wrong, and no other is tried: a file must not cost many exponentiations.
fn recover_primes(
    n: &BoxedUint,
    e: &BoxedUint,
    d: &BoxedUint,
    bases: impl IntoIterator<Item = u64>,
) -> Option<(BoxedUint, BoxedUint)> {
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
    'bases: for base in bases {
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
                continue 'bases;
            }
            root = square;
        }
        return None;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> (BoxedUint, BoxedUint, BoxedUint) {
        let file = include_str!("../../vectors/rsa_signing.json");
        let keys: serde_json::Value = serde_json::from_str(file).unwrap();
        let pem = keys["keys"]["k1024"]["private_pem_pkcs8"].as_str().unwrap();
        let key = crate::rsa::PrivateKey::load(pem.as_bytes()).unwrap().key;
        let part = |number: &BoxedUint| unsigned(&number.to_be_bytes());
        use ::rsa::traits::PublicKeyParts as _;
        (part(key.n()), part(key.e()), part(key.d()))
    }

    #[test]
    fn a_wrong_exponent_costs_one_base_and_a_right_one_few() {
        let (n, e, d) = numbers();
        let mut tried = 0;
        let (p, q) = recover_primes(&n, &e, &d, 2..52).unwrap();
        assert_eq!(p.concatenating_mul(&q), n);
        // Still odd, so that there is something to halve.
        let wrong = d.wrapping_sub(BoxedUint::from(2u64));
        assert!(recover_primes(&n, &e, &wrong, (2..52).inspect(|_| tried += 1)).is_none());
        assert_eq!(tried, 1);
    }

    #[test]
    fn an_exponent_longer_than_the_modulus_is_refused() {
        let (n, e, d) = numbers();
        let bytes =
            |number: &BoxedUint| super::super::der::Number::from(number.to_be_bytes().to_vec());
        let numbers = |d: &BoxedUint| Components {
            n: bytes(&n),
            e: bytes(&e),
            d: Some(bytes(d)),
            p: None,
            q: None,
            dp: None,
            dq: None,
            q_inverse: None,
        };
        let options = LoadOptions::new();
        assert!(build(&numbers(&d), &options).is_ok());
        let long = d.concatenating_mul(&n);
        assert_eq!(
            build(&numbers(&long), &options).unwrap_err(),
            KeyError::Inconsistent(Inconsistency::PrivateExponent)
        );
    }

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
            let (one, other) = recover_primes(&n, &e, &d, 2..52).unwrap();
            assert!((one == p && other == q) || (one == q && other == p));
            let wrong = d.wrapping_add(BoxedUint::one());
            assert!(recover_primes(&n, &e, &wrong, 2..52).is_none());
        }
    }
}
