//! The private operation of OpenSSL: the same signatures, several times faster. It blinds by default and checks CRT results.

use std::fmt;

use ::openssl::bn::BigNum;
use ::openssl::pkey::Private;
use ::openssl::rsa::{Padding, Rsa, RsaPrivateKeyBuilder};
use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use zeroize::Zeroizing;

use crate::digest::Algorithm;

#[derive(Clone)]
pub(super) struct Signer(Rsa<Private>);

impl Signer {
    pub(super) fn new(key: &::rsa::PrivateKey) -> Option<Self> {
        let public = |bytes: &[u8]| BigNum::from_slice(bytes).ok();
        let secret = |number: &crypto_bigint::BoxedUint| {
            let mut number = BigNum::from_slice(&Zeroizing::new(number.to_be_bytes())).ok()?;
            number.set_const_time();
            Some(number)
        };
        let [p, q] = key.primes() else { return None };
        let builder = RsaPrivateKeyBuilder::new(
            public(&key.n_bytes())?,
            public(&key.e_bytes())?,
            secret(key.d())?,
        )
        .ok()?;
        let builder = builder.set_factors(secret(p)?, secret(q)?).ok()?;
        let builder = builder.set_crt_params(
            secret(key.dp()?)?,
            secret(key.dq()?)?,
            secret(&key.crt_coefficient()?)?,
        );
        Some(Self(builder.ok()?.build()))
    }

    pub(super) fn sign(&self, hash: Algorithm, digest: &[u8]) -> Option<Vec<u8>> {
        if digest.len() != hash.length() {
            return None;
        }
        // DigestInfo is put together here, not by OpenSSL: some distributions forbid their OpenSSL to sign SHA-1 hashes, which
        // providers still ask for, and the encoding is fixed anyway (RFC 8017, section 9.2, note 1).
        let mut info = digest_info(hash).to_vec();
        info.extend_from_slice(digest);
        let mut signature = vec![0; usize::try_from(self.0.size()).ok()?];
        let length = self
            .0
            .private_encrypt(&info, &mut signature, Padding::PKCS1)
            .ok()?;
        (length == signature.len()).then_some(signature)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(***)")
    }
}

const fn digest_info(hash: Algorithm) -> &'static [u8] {
    match hash {
        Algorithm::Sha1 => b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        Algorithm::Sha256 => {
            b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
        }
        Algorithm::Sha512 => {
            b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
        }
    }
}
