//! Keys written out again.

use ::rsa::traits::{PrivateKeyParts, PublicKeyParts};
use zeroize::Zeroizing;

use super::{PrivateKey, PublicKey, armour, der};

impl PublicKey {
    /// SPKI, binary.
    ///
    /// ```
    /// # use telco_crypto::rsa::PublicKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let public = keys["public_pem_spki"].as_str().unwrap();
    /// let key = PublicKey::load(public.as_bytes())?;
    /// assert_eq!(PublicKey::load(&key.to_der())?, key);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn to_der(&self) -> Vec<u8> {
        der::spki(&self.0.n_bytes(), &self.0.e_bytes())
    }

    /// SPKI as PEM (`BEGIN PUBLIC KEY`), 64 columns, LF.
    ///
    /// ```
    /// # use telco_crypto::rsa::PublicKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let pem = file["keys"]["k2048"]["public_pem_spki"].as_str().unwrap();
    /// let key = PublicKey::load(pem.as_bytes())?;
    /// assert_eq!(key.to_pem(), pem);
    /// assert_eq!(PublicKey::load(&key.to_der())?, key);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn to_pem(&self) -> String {
        std::mem::take(&mut *armour::to_pem("PUBLIC KEY", &self.to_der()))
    }

    /// `<RSAKeyValue>` with `Modulus` and `Exponent` on one line: the form in which .NET services take a public key.
    ///
    /// ```
    /// # use telco_crypto::rsa::PublicKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let pem = file["keys"]["k2048"]["public_pem_spki"].as_str().unwrap();
    /// let key = PublicKey::load(pem.as_bytes())?;
    /// assert!(key.to_xml().starts_with("<RSAKeyValue><Modulus>"));
    /// assert_eq!(PublicKey::load(key.to_xml().as_bytes())?, key);
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[cfg(feature = "xml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "xml")))]
    #[must_use]
    pub fn to_xml(&self) -> String {
        let (n, e) = (self.0.n_bytes(), self.0.e_bytes());
        std::mem::take(&mut *super::xml::write(&[
            ("Modulus", &n, 0),
            ("Exponent", &e, 0),
        ]))
    }
}

impl PrivateKey {
    /// **The private key in clear**: PKCS#8, binary.
    ///
    /// ```
    /// # use telco_crypto::rsa::PrivateKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let again = PrivateKey::load(&key.reveal_der())?;
    /// assert_eq!(again.public_key(), key.public_key());
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn reveal_der(&self) -> Zeroizing<Vec<u8>> {
        let numbers = Numbers::of(self);
        der::pkcs8([
            &numbers.n,
            &numbers.e,
            &numbers.d,
            &numbers.p,
            &numbers.q,
            &numbers.dp,
            &numbers.dq,
            &numbers.q_inverse,
        ])
    }

    /// **The private key in clear**: PKCS#8 as PEM (`BEGIN PRIVATE KEY`), 64 columns, LF.
    ///
    /// ```
    /// # use telco_crypto::rsa::PrivateKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let again = PrivateKey::load(key.reveal_pem().as_bytes())?;
    /// assert_eq!(again.public_key(), key.public_key());
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[must_use]
    pub fn reveal_pem(&self) -> Zeroizing<String> {
        armour::to_pem("PRIVATE KEY", &self.reveal_der())
    }

    /// **The private key in clear**: `<RSAKeyValue>` exactly as .NET writes it, on one line, in its fixed widths.
    ///
    /// ```
    /// # use telco_crypto::rsa::PrivateKey;
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// let key = PrivateKey::load(private.as_bytes())?;
    /// let again = PrivateKey::load(key.reveal_xml().as_bytes())?;
    /// assert_eq!(again.public_key(), key.public_key());
    /// # Ok::<(), telco_crypto::rsa::KeyError>(())
    /// ```
    #[cfg(feature = "xml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "xml")))]
    #[must_use]
    pub fn reveal_xml(&self) -> Zeroizing<String> {
        let numbers = Numbers::of(self);
        let (whole, half) = (numbers.n.len(), numbers.n.len().div_ceil(2));
        super::xml::write(&[
            ("Modulus", &numbers.n, whole),
            ("Exponent", &numbers.e, 0),
            ("P", &numbers.p, half),
            ("Q", &numbers.q, half),
            ("DP", &numbers.dp, half),
            ("DQ", &numbers.dq, half),
            ("InverseQ", &numbers.q_inverse, half),
            ("D", &numbers.d, whole),
        ])
    }
}

/// The numbers of a private key, big-endian.
struct Numbers {
    n: Box<[u8]>,
    e: Box<[u8]>,
    d: Zeroizing<Box<[u8]>>,
    p: Zeroizing<Box<[u8]>>,
    q: Zeroizing<Box<[u8]>>,
    dp: Zeroizing<Box<[u8]>>,
    dq: Zeroizing<Box<[u8]>>,
    q_inverse: Zeroizing<Box<[u8]>>,
}

impl Numbers {
    fn of(key: &PrivateKey) -> Self {
        let key = &key.key;
        let bytes = |number: Option<&crypto_bigint::BoxedUint>| {
            Zeroizing::new(
                number
                    .map(crypto_bigint::BoxedUint::to_be_bytes)
                    .unwrap_or_default(),
            )
        };
        let mut primes = key.primes().iter().map(AsRef::as_ref); // always two
        Self {
            n: key.n_bytes(),
            e: key.e_bytes(),
            d: bytes(Some(key.d())),
            p: bytes(primes.next()),
            q: bytes(primes.next()),
            dp: bytes(key.dp()),
            dq: bytes(key.dq()),
            q_inverse: bytes(key.crt_coefficient().as_ref()),
        }
    }
}
