//! A key pair: made, read, written, and its private operation.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

use super::encoding::{Der, armour, unarmour, unsigned, widen};
use super::{Hash, PublicKey};

/// A key pair with its parts, big-endian and without leading zeros.
#[derive(Clone)]
pub(crate) struct PrivateKey {
    pkcs8: Vec<u8>,
    public: PublicKey,
    d: Vec<u8>,
    /// P, Q, DP, DQ, InverseQ, in the order of PKCS#1.
    crt: [Vec<u8>; 5],
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PrivateKey")
            .field("bits", &BigUint::from_bytes_be(&self.public.n).bits())
            .finish_non_exhaustive()
    }
}

impl PrivateKey {
    /// A new pair of 2048, 3072 or 4096 bits; `None` for another size.
    pub(crate) fn generate(bits: u32) -> Option<PrivateKey> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return None,
        };
        let pair = KeyPair::generate(size).ok()?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        PrivateKey::from_pkcs8(pkcs8.as_ref())
    }

    /// A `BEGIN PRIVATE KEY` text.
    pub(crate) fn from_pem(text: &str) -> Option<PrivateKey> {
        PrivateKey::from_pkcs8(&unarmour(text, "PRIVATE KEY")?)
    }

    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<PrivateKey> {
        let mut outer = Der(pkcs8).open(0x30)?;
        outer.open(0x02)?;
        outer.open(0x30)?;
        let mut key = outer.open(0x04)?.open(0x30)?;
        key.open(0x02)?;
        let mut next = || key.open(0x02).map(|part| unsigned(part.0).to_vec());
        let (n, e, d) = (next()?, next()?, next()?);
        let crt = [next()?, next()?, next()?, next()?, next()?];
        Some(PrivateKey {
            pkcs8: pkcs8.to_vec(),
            public: PublicKey { n, e },
            d,
            crt,
        })
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// PKCS#8 in PEM.
    pub(crate) fn pem(&self) -> String {
        armour(&self.pkcs8, "PRIVATE KEY")
    }

    /// `private.xml`: fixed widths, as .NET writes them (docs/protocols/fanap.md, section 3.3).
    pub(crate) fn xml(&self) -> String {
        let half = self.public.size().div_ceil(2);
        let [p, q, dp, dq, inverse_q] = &self.crt;
        let mut xml = String::from("<RSAKeyValue>");
        for (name, value, width) in [
            ("Modulus", &self.public.n, 0),
            ("Exponent", &self.public.e, 0),
            ("P", p, half),
            ("Q", q, half),
            ("DP", dp, half),
            ("DQ", dq, half),
            ("InverseQ", inverse_q, half),
            ("D", &self.d, self.public.size()),
        ] {
            xml += &format!("<{name}>{}</{name}>", STANDARD.encode(widen(value, width)));
        }
        xml + "</RSAKeyValue>"
    }

    /// The bare private operation on a block as long as the modulus; `None` for another length or a value too large.
    pub(crate) fn power(&self, block: &[u8]) -> Option<Vec<u8>> {
        let (base, n) = (
            BigUint::from_bytes_be(block),
            BigUint::from_bytes_be(&self.public.n),
        );
        if block.len() != self.public.size() || base >= n {
            return None;
        }
        let result = base.modpow(&BigUint::from_bytes_be(&self.d), &n);
        Some(widen(&result.to_bytes_be(), self.public.size()))
    }

    /// A PKCS#1 v1.5 signature with SHA-1, which aws-lc-rs verifies but does not make.
    pub(crate) fn sign_sha1(&self, message: &[u8]) -> Option<Vec<u8>> {
        let tail = [
            &[0x00],
            Hash::Sha1.digest_info(),
            &Hash::Sha1.digest(message),
        ]
        .concat();
        let filler = self.public.size().checked_sub(tail.len() + 2)?;
        let block = [vec![0x00, 0x01], vec![0xff; filler], tail].concat();
        self.power(&block)
    }
}
