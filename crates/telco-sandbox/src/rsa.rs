//! RSA keys as the sandbox hands them out: PEM for everybody, .NET XML for those whose provider speaks it.
//!
//! aws-lc-rs does what it offers. It cannot sign with SHA-1 and knows no OAEP whose mask has another digest than its
//! hash; both are one modular power away, done here on throw-away keys, where timing reveals nothing worth having.

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RsaParameters, RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

/// The hash under a PKCS#1 v1.5 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, message).as_ref().to_vec()
    }

    /// What stands before the digest in a PKCS#1 v1.5 block (RFC 8017, 9.2, note 1).
    fn digest_info(self) -> &'static [u8] {
        match self {
            Hash::Sha1 => &[
                0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04,
                0x14,
            ],
            Hash::Sha256 => &[
                0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02,
                0x01, 0x05, 0x00, 0x04, 0x20,
            ],
        }
    }

    fn parameters(self) -> &'static RsaParameters {
        match self {
            Hash::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        }
    }
}

/// The public half: modulus and exponent, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    n: Vec<u8>,
    e: Vec<u8>,
}

impl PublicKey {
    pub(crate) fn new(n: &[u8], e: &[u8]) -> PublicKey {
        PublicKey {
            n: unsigned(n).to_vec(),
            e: unsigned(e).to_vec(),
        }
    }

    /// Whether `signature` is this key's over `message`; keys of 1024 to 8192 bits.
    pub(crate) fn verify(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        RsaPublicKeyComponents {
            n: &self.n,
            e: &self.e,
        }
        .verify(hash.parameters(), message, signature)
        .is_ok()
    }

    /// What was signed, for a refused signature: the hash and the digest inside, if the padding is PKCS#1 v1.5 under
    /// this very key. That tells a wrong text from a wrong key.
    pub(crate) fn recover(&self, signature: &[u8]) -> Option<(Hash, Vec<u8>)> {
        let n = BigUint::from_bytes_be(&self.n);
        let block = BigUint::from_bytes_be(signature).modpow(&BigUint::from_bytes_be(&self.e), &n);
        let block = widen(&block.to_bytes_be(), self.size());
        let rest = block.strip_prefix(&[0x00, 0x01])?;
        let filler = rest.iter().take_while(|byte| **byte == 0xff).count();
        let rest = rest.get(filler..)?.strip_prefix(&[0x00])?;
        [Hash::Sha1, Hash::Sha256].into_iter().find_map(|hash| {
            let digest = rest.strip_prefix(hash.digest_info())?;
            (digest.len() == hash.digest(b"").len()).then(|| (hash, digest.to_vec()))
        })
    }

    /// Octets of the modulus, which is the length of every signature and ciphertext.
    pub(crate) fn size(&self) -> usize {
        self.n.len()
    }

    /// `public.xml` as the vendor's generator writes it.
    pub(crate) fn xml(&self) -> String {
        format!(
            "<RSAKeyValue><Modulus>{}</Modulus><Exponent>{}</Exponent></RSAKeyValue>",
            STANDARD.encode(&self.n),
            STANDARD.encode(&self.e)
        )
    }

    /// SPKI DER.
    fn spki(&self) -> Vec<u8> {
        /// SEQUENCE { rsaEncryption, NULL }
        const ALGORITHM: [u8; 15] = [
            0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05,
            0x00,
        ];
        let integer = |value: &[u8]| {
            let negative = value.first().is_some_and(|byte| *byte >= 0x80);
            let sign: &[u8] = if negative { &[0] } else { &[] };
            der(0x02, &[sign, value].concat())
        };
        let key = der(0x30, &[integer(&self.n), integer(&self.e)].concat());
        let bits = der(0x03, &[vec![0], key].concat());
        der(0x30, &[ALGORITHM.to_vec(), bits].concat())
    }

    /// SPKI in PEM.
    pub(crate) fn pem(&self) -> String {
        armour(&self.spki(), "PUBLIC KEY")
    }

    /// A key registered as .NET XML (`None`: no modulus or no exponent in it). Reads what the sandbox's own
    /// administration is given, so it takes the plain form and no more.
    pub(crate) fn from_xml(text: &str) -> Option<PublicKey> {
        let field = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (value, _) = rest.split_once(&format!("</{name}>"))?;
            let joined: String = value.split_ascii_whitespace().collect();
            STANDARD.decode(joined).ok()
        };
        Some(PublicKey::new(&field("Modulus")?, &field("Exponent")?))
    }
}

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

    fn from_pkcs8(pkcs8: &[u8]) -> Option<PrivateKey> {
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

/// A DER element that is being read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if it has this tag; lengths of up to three octets, which is 16 MiB.
    fn open(&mut self, tag: u8) -> Option<Der<'a>> {
        let (&[found, first], mut rest) = self.0.split_first_chunk::<2>()?;
        if found != tag {
            return None;
        }
        let mut length = usize::from(first);
        if first >= 0x80 {
            let octets = usize::from(first & 0x7f);
            let (long, after) = rest.split_at_checked(octets).filter(|_| octets <= 3)?;
            length = long
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            rest = after;
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(Der(content))
    }
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length = unsigned(&length);
    let mut out = vec![tag];
    match length {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or(0));
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

/// Without leading zeros.
fn unsigned(value: &[u8]) -> &[u8] {
    let zeros = value.iter().take_while(|byte| **byte == 0).count();
    value.get(zeros..).unwrap_or_default()
}

/// With leading zeros up to `width`.
fn widen(value: &[u8], width: usize) -> Vec<u8> {
    let mut out = vec![0; width.saturating_sub(value.len())];
    out.extend(value);
    out
}

fn armour(der: &[u8], label: &str) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for (i, c) in STANDARD.encode(der).chars().enumerate() {
        if i > 0 && i % 64 == 0 {
            pem.push('\n');
        }
        pem.push(c);
    }
    pem + &format!("\n-----END {label}-----\n")
}

fn unarmour(pem: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let joined: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(joined).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn signing() -> Value {
        serde_json::from_str(include_str!("../vectors/fanap/signing.json")).unwrap()
    }

    #[test]
    fn writes_every_key_as_the_vendor_and_openssl_do() {
        let file = signing();
        let keys = file["keys"].as_object().unwrap();
        assert_eq!(keys.len(), 9);
        for (name, key) in keys {
            let pair = PrivateKey::from_pem(key["private_pem_pkcs8"].as_str().unwrap()).unwrap();
            assert_eq!(pair.pem(), key["private_pem_pkcs8"], "{name}");
            assert_eq!(pair.xml(), key["private_xml"], "{name}");
            assert_eq!(pair.public().xml(), key["public_xml"], "{name}");
            assert_eq!(pair.public().pem(), key["public_pem_spki"], "{name}");
            let read = PublicKey::from_xml(key["public_xml"].as_str().unwrap()).unwrap();
            assert_eq!(&read, pair.public(), "{name}");
        }
    }

    #[test]
    fn verifies_all_90_signatures_and_makes_the_sha1_ones() {
        let file = signing();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 90);
        for vector in vectors {
            let key = &file["keys"][vector["key_id"].as_str().unwrap()];
            let pair = PrivateKey::from_pem(key["private_pem_pkcs8"].as_str().unwrap()).unwrap();
            let message = vector["message"].as_str().unwrap().as_bytes();
            let mut signature = STANDARD
                .decode(vector["signature_base64"].as_str().unwrap())
                .unwrap();
            let hash = match vector["hash"].as_str().unwrap() {
                "SHA-1" => Hash::Sha1,
                _ => Hash::Sha256,
            };
            if hash == Hash::Sha1 {
                assert_eq!(
                    pair.sign_sha1(message).unwrap(),
                    signature,
                    "{}",
                    vector["id"]
                );
            }
            assert!(
                pair.public().verify(hash, message, &signature),
                "{}",
                vector["id"]
            );
            signature[20] ^= 1;
            assert!(
                !pair.public().verify(hash, message, &signature),
                "{}",
                vector["id"]
            );
        }
    }

    #[test]
    fn the_vendors_own_signatures_open_under_its_published_keys() {
        let file: Value =
            serde_json::from_str(include_str!("../vectors/fanap/vendor_signatures.json")).unwrap();
        let mut checked = 0;
        for vector in file["vectors"].as_array().unwrap() {
            let Some(xml) = vector["public_key_xml"].as_str() else {
                assert_eq!(vector["expect"], "not-checkable");
                continue;
            };
            let key = PublicKey::from_xml(xml).unwrap();
            let signature = STANDARD
                .decode(vector["signature_base64"].as_str().unwrap())
                .unwrap();
            let (hash, digest) = key.recover(&signature).unwrap();
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hash, Hash::Sha1);
            assert_eq!(digest, vector["digest_hex"], "{}", vector["id"]);
            let mut damaged = signature.clone();
            damaged[0] ^= 1;
            assert_eq!(key.recover(&damaged), None);
            checked += 1;
        }
        assert_eq!(checked, 4);
    }

    #[test]
    fn a_new_key_signs_and_shows_nothing_private() {
        let pair = PrivateKey::generate(2048).unwrap();
        let signature = pair.sign_sha1(b"text").unwrap();
        assert!(pair.public().verify(Hash::Sha1, b"text", &signature));
        assert_eq!(format!("{pair:?}"), "PrivateKey { bits: 2048, .. }");
        assert_eq!(PrivateKey::from_pem(&pair.pem()).unwrap().xml(), pair.xml());
        assert!(PrivateKey::generate(1000).is_none());
    }

    #[test]
    fn broken_armour_and_der_are_no_key() {
        let pem = PrivateKey::generate(2048).unwrap().pem();
        for length in 0..pem.len() - 1 {
            assert!(PrivateKey::from_pem(&pem[..length]).is_none());
        }
        for length in 0..200 {
            assert!(PrivateKey::from_pkcs8(&vec![0x30; length]).is_none());
        }
    }
}
