//! RSA keys as the sandbox hands them out: PEM for everybody, .NET XML for those whose provider speaks it.
//!
//! aws-lc-rs does what it offers. It cannot sign with SHA-1 and knows no OAEP whose mask has another digest than its
//! hash; both are one modular power away, done here on throw-away keys, where timing reveals nothing worth having.

mod encoding;
mod hash;
mod private;
mod public;

pub(crate) use hash::Hash;
pub(crate) use private::PrivateKey;
pub(crate) use public::PublicKey;

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::Value;

    use super::*;

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
