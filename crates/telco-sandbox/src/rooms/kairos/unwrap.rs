//! The RSA step of an envelope, under every padding that the specification names.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA512_MGF1SHA512, OaepPrivateDecryptingKey,
    Pkcs1PrivateDecryptingKey, PrivateDecryptingKey,
};

use super::envelope::{OpenError, hash};
use super::profile::{Digest, Padding};
use crate::rsa::PrivateKey;

pub(super) fn decrypt_rsa(
    key: &PrivateKey,
    padding: Padding,
    block: &[u8],
) -> Result<Vec<u8>, OpenError> {
    if block.len() != key.public().size() {
        return Err(OpenError::RsaLength);
    }
    let mut out = vec![0; block.len()];
    let open = |out: &mut [u8]| {
        let key = PrivateDecryptingKey::from_pkcs8(key.pkcs8()).ok()?;
        let algorithm = match padding {
            Padding::Pkcs1v15 => {
                let key = Pkcs1PrivateDecryptingKey::new(key).ok()?;
                return Some(key.decrypt(block, out).ok()?.to_vec());
            }
            Padding::Oaep {
                hash: Digest::Sha1, ..
            } => &OAEP_SHA1_MGF1SHA1,
            Padding::Oaep {
                hash: Digest::Sha256,
                ..
            } => &OAEP_SHA256_MGF1SHA256,
            Padding::Oaep {
                hash: Digest::Sha512,
                ..
            } => &OAEP_SHA512_MGF1SHA512,
        };
        let key = OaepPrivateDecryptingKey::new(key).ok()?;
        Some(key.decrypt(algorithm, block, out, None).ok()?.to_vec())
    };
    match padding {
        Padding::Oaep { hash, mgf } if hash != mgf => {
            let block = key.power(block).ok_or(OpenError::RsaPadding)?;
            remove_oaep(&block, hash, mgf)
        }
        _ => open(&mut out),
    }
    .ok_or(OpenError::RsaPadding)
}

/// EME-OAEP decoding (RFC 8017, 7.1.2 step 3) with its two digests apart, as Java makes it without a parameter spec.
fn remove_oaep(block: &[u8], label: Digest, mgf: Digest) -> Option<Vec<u8>> {
    let label = hash(label, b"");
    let (zero, masked) = block.split_first()?;
    let (seed, data) = masked.split_at_checked(label.len())?;
    let seed = xor(seed, &mask(mgf, data, seed.len()));
    let data = xor(data, &mask(mgf, &seed, data.len()));
    let (found, rest) = data.split_at_checked(label.len())?;
    let one = rest.iter().position(|byte| *byte != 0)?;
    let (separator, message) = rest.get(one..)?.split_first()?;
    (*zero == 0 && found == label && *separator == 1).then(|| message.to_vec())
}

fn mask(digest: Digest, seed: &[u8], length: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|counter| hash(digest, &[seed, &counter.to_be_bytes()].concat()))
        .take(length)
        .collect()
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}
