//! The few structures of DER that hold RSA keys, read and written.
//!
//! Written here rather than taken from a general library because refusals must say what was found instead (a certificate, an
//! encrypted key, another algorithm), and because it is short.

use zeroize::Zeroizing;

/// A number as unsigned big-endian bytes; wiped on drop.
pub(super) type Number = Zeroizing<Vec<u8>>;

/// The numbers of a private key as a file gives them. Missing ones are recomputed; `dp`, `dq` and `q_inverse` always are.
#[derive(Default)]
pub(super) struct Components {
    pub(super) n: Number,
    pub(super) e: Number,
    pub(super) d: Option<Number>,
    pub(super) p: Option<Number>,
    pub(super) q: Option<Number>,
    pub(super) dp: Option<Number>,
    pub(super) dq: Option<Number>,
    pub(super) q_inverse: Option<Number>,
}

/// What a DER document turned out to be.
pub(super) enum Der {
    Private(Components),
    Public { n: Number, e: Number },
    MultiPrime,
    EncryptedPrivate,
    Certificate,
    OtherAlgorithm,
    Unreadable,
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// 1.2.840.113549.1.1.1
const RSA_ENCRYPTION: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// True if `bytes` is exactly one DER sequence.
pub(super) fn is_sequence(bytes: &[u8]) -> bool {
    whole_sequence(bytes).is_some()
}

pub(super) fn read(bytes: &[u8]) -> Der {
    whole_sequence(bytes)
        .and_then(classify)
        .unwrap_or(Der::Unreadable)
}

fn classify(content: &[u8]) -> Option<Der> {
    let items = items(content)?;
    Some(match items.as_slice() {
        [(INTEGER, _), (SEQUENCE, algorithm), (OCTET_STRING, key), ..] => {
            if is_rsa(algorithm)? {
                pkcs1_private(&self::items(whole_sequence(key)?)?)?
            } else {
                Der::OtherAlgorithm
            }
        }
        [(INTEGER, _), (INTEGER, _), (INTEGER, _), ..] => pkcs1_private(&items)?,
        [(INTEGER, n), (INTEGER, e)] => Der::Public {
            n: number(n)?,
            e: number(e)?,
        },
        [(INTEGER, _), (OCTET_STRING, _), ..] => Der::OtherAlgorithm, // an EC private key (RFC 5915)
        [(SEQUENCE, algorithm), (BIT_STRING, key)] => {
            if !is_rsa(algorithm)? {
                return Some(Der::OtherAlgorithm);
            }
            let [0, key @ ..] = key else { return None };
            match self::items(whole_sequence(key)?)?.as_slice() {
                [(INTEGER, n), (INTEGER, e)] => Der::Public {
                    n: number(n)?,
                    e: number(e)?,
                },
                _ => return None,
            }
        }
        [(SEQUENCE, _), (OCTET_STRING, _)] => Der::EncryptedPrivate,
        [(SEQUENCE, _), (SEQUENCE, _), (BIT_STRING, _)] => Der::Certificate,
        _ => return None,
    })
}

fn pkcs1_private(items: &[(u8, &[u8])]) -> Option<Der> {
    let [(INTEGER, version), numbers @ ..] = items else {
        return None;
    };
    let integer = |index: usize| match numbers.get(index) {
        Some((INTEGER, content)) => number(content),
        _ => None,
    };
    match (version, numbers.len()) {
        ([0], 8) => Some(Der::Private(Components {
            n: integer(0)?,
            e: integer(1)?,
            d: Some(integer(2)?),
            p: Some(integer(3)?),
            q: Some(integer(4)?),
            dp: Some(integer(5)?),
            dq: Some(integer(6)?),
            q_inverse: Some(integer(7)?),
        })),
        ([1], 9) => Some(Der::MultiPrime),
        _ => None,
    }
}

/// True if an `AlgorithmIdentifier` names rsaEncryption. Its parameters, NULL by the book, are sometimes left out.
fn is_rsa(algorithm: &[u8]) -> Option<bool> {
    match items(algorithm)?.as_slice() {
        [(OBJECT_IDENTIFIER, oid)] | [(OBJECT_IDENTIFIER, oid), (NULL, [])] => {
            Some(*oid == RSA_ENCRYPTION)
        }
        [(OBJECT_IDENTIFIER, oid), ..] => (*oid != RSA_ENCRYPTION).then_some(false),
        _ => None,
    }
}

/// A non-negative INTEGER, without leading zeros.
fn number(content: &[u8]) -> Option<Number> {
    let first = content.first()?;
    (*first < 0x80).then(|| Zeroizing::new(without_leading_zeros(content).to_vec()))
}

pub(super) fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

fn whole_sequence(bytes: &[u8]) -> Option<&[u8]> {
    match split(bytes)? {
        (SEQUENCE, content, []) => Some(content),
        _ => None,
    }
}

fn items(mut content: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut items = Vec::new();
    while !content.is_empty() {
        let (tag, item, rest) = split(content)?;
        items.push((tag, item));
        content = rest;
    }
    Some(items)
}

/// Tag, content and what follows.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match length {
        ..0x80 => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (
                digits
                    .iter()
                    .fold(0, |sum, digit| sum * 256 + usize::from(*digit)),
                rest,
            )
        }
        0x80 | 0x85.. => return None, // indefinite, or longer than any key
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn item(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length_bytes = length.to_be_bytes();
    let length_digits = without_leading_zeros(&length_bytes);
    let mut out = Zeroizing::new(Vec::with_capacity(length + 2 + length_digits.len()));
    out.push(tag);
    match length_digits {
        [] => out.push(0),
        [short @ 0..0x80] => out.push(*short),
        digits => {
            out.push(0x80 + u8::try_from(digits.len()).unwrap_or_default()); // at most eight
            out.extend_from_slice(digits);
        }
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

fn integer(number: &[u8]) -> Zeroizing<Vec<u8>> {
    match without_leading_zeros(number) {
        digits @ [0..0x80, ..] => item(INTEGER, &[digits]),
        digits => item(INTEGER, &[&[0], digits]), // positive, or zero itself
    }
}

fn integers(numbers: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let items: Vec<_> = numbers.iter().map(|number| integer(number)).collect();
    let parts: Vec<&[u8]> = items.iter().map(|item| item.as_slice()).collect();
    item(SEQUENCE, &parts)
}

fn rsa_encryption() -> Zeroizing<Vec<u8>> {
    item(
        SEQUENCE,
        &[
            &item(OBJECT_IDENTIFIER, &[&RSA_ENCRYPTION]),
            &item(NULL, &[]),
        ],
    )
}

/// PKCS#8 (RFC 5208): `numbers` are those of PKCS#1 from the modulus on.
pub(super) fn pkcs8(numbers: [&[u8]; 8]) -> Zeroizing<Vec<u8>> {
    let [n, e, d, p, q, dp, dq, q_inverse] = numbers;
    let pkcs1 = integers(&[&[], n, e, d, p, q, dp, dq, q_inverse]);
    item(
        SEQUENCE,
        &[
            &integer(&[]),
            &rsa_encryption(),
            &item(OCTET_STRING, &[&pkcs1]),
        ],
    )
}

/// SPKI (RFC 5280, section 4.1).
pub(super) fn spki(n: &[u8], e: &[u8]) -> Vec<u8> {
    let mut spki = item(
        SEQUENCE,
        &[
            &rsa_encryption(),
            &item(BIT_STRING, &[&[0], &integers(&[n, e])]),
        ],
    );
    std::mem::take(&mut *spki)
}
