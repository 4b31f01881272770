//! The public half of a key: verifying, opening signatures, and its text forms.

use aws_lc_rs::signature::RsaPublicKeyComponents;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;

use super::Hash;
use super::encoding::{armour, der, unsigned, widen};

/// The public half: modulus and exponent, big-endian.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    pub(super) n: Vec<u8>,
    pub(super) e: Vec<u8>,
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
