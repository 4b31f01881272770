//! Which file holds which key.

use super::armour::{Block, Content, open};
use super::der::{Components, Der, Number, read};
use super::{KeyError, factors};

/// What a loaded key must be.
///
/// ```
/// use telco_crypto::rsa::LoadOptions;
/// let careful = LoadOptions::new().strict();
/// let legacy = LoadOptions::new().allow_weak();
/// # let _ = (careful, legacy);
/// ```
#[derive(Debug, Clone, Default)]
pub struct LoadOptions {
    pub(super) strict: bool,
    allow_weak: bool,
    allow_large: bool,
}

const SMALLEST: u32 = 1024;
const SMALLEST_SAFE: u32 = 2048;
const LARGEST: u32 = 4096;
const LARGEST_AT_ALL: u32 = 16_384;

impl LoadOptions {
    /// The defaults: private keys of 1024 to 4096 bits, public keys of 2048 to 4096 bits, wrong CRT values recomputed.
    ///
    /// Private keys below 2048 bits are weak, but they are the ones that some providers have on file, so they load.
    ///
    /// ```
    /// use telco_crypto::rsa::{KeyError, LoadOptions, PublicKey};
    /// // What `load` does.
    /// assert_eq!(PublicKey::load_with(b"", &LoadOptions::new()).unwrap_err(), KeyError::Empty);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses a private key with a wrong `DP`, `DQ` or `InverseQ` instead of computing them anew.
    ///
    /// ```
    /// # use telco_crypto::rsa::{LoadOptions, PrivateKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let keys = &file["keys"]["k2048"];
    /// # let private = keys["private_pem_pkcs8"].as_str().unwrap();
    /// // Of a file whose values are right there is nothing to refuse.
    /// assert!(PrivateKey::load_with(private.as_bytes(), &LoadOptions::new().strict()).is_ok());
    /// ```
    #[must_use]
    pub fn strict(self) -> Self {
        Self {
            strict: true,
            ..self
        }
    }

    /// Accepts public keys from 1024 bits on.
    ///
    /// ```
    /// # use telco_crypto::rsa::{LoadOptions, PublicKey};
    /// # let file: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rsa_signing.json")).unwrap();
    /// # let pem = file["keys"]["k1024"]["public_pem_spki"].as_str().unwrap();
    /// assert!(PublicKey::load(pem.as_bytes()).is_err());
    /// assert!(PublicKey::load_with(pem.as_bytes(), &LoadOptions::new().allow_weak()).is_ok());
    /// ```
    #[must_use]
    pub fn allow_weak(self) -> Self {
        Self {
            allow_weak: true,
            ..self
        }
    }

    /// Accepts keys of up to 16384 bits. Their operations are slow.
    ///
    /// ```
    /// use telco_crypto::rsa::{LoadOptions, PublicKey};
    /// let modulus = [0xff; 1024]; // 8192 bits
    /// assert!(PublicKey::from_numbers(&modulus, &[1, 0, 1], &LoadOptions::new()).is_err());
    /// assert!(PublicKey::from_numbers(&modulus, &[1, 0, 1], &LoadOptions::new().allow_large()).is_ok());
    /// ```
    #[must_use]
    pub fn allow_large(self) -> Self {
        Self {
            allow_large: true,
            ..self
        }
    }

    pub(super) fn check_private_size(&self, bits: u32) -> Result<(), KeyError> {
        self.check_size(bits, SMALLEST)
    }

    pub(super) fn check_public_size(&self, bits: u32) -> Result<(), KeyError> {
        self.check_size(
            bits,
            if self.allow_weak {
                SMALLEST
            } else {
                SMALLEST_SAFE
            },
        )
    }

    fn check_size(&self, bits: u32, minimum: u32) -> Result<(), KeyError> {
        let maximum = if self.allow_large {
            LARGEST_AT_ALL
        } else {
            LARGEST
        };
        match bits {
            _ if bits < minimum => Err(KeyError::TooSmall { bits, minimum }),
            _ if bits > maximum => Err(KeyError::TooLarge { bits, maximum }),
            _ => Ok(()),
        }
    }
}

pub(super) fn private_key(
    input: &[u8],
    options: &LoadOptions,
) -> Result<::rsa::PrivateKey, KeyError> {
    let numbers = match open(input)? {
        Content::Der(der) => private_numbers(read(&der))?,
        Content::BareBase64(der) => private_numbers(read(&der)).map_err(bare)?,
        Content::Pem(blocks) => private_block(&blocks)?,
        Content::Xml(text) => xml(&text)?,
        Content::JavaObject => return Err(KeyError::JavaObject),
    };
    factors::build(&numbers, options)
}

/// Modulus and public exponent, not yet checked.
pub(super) fn public_numbers(input: &[u8]) -> Result<(Number, Number), KeyError> {
    let public = |der: Der| match der {
        Der::Public { n, e } => Ok((n, e)),
        Der::Private(_) | Der::MultiPrime | Der::EncryptedPrivate => Err(KeyError::PrivateKeyGiven),
        Der::Certificate => Err(KeyError::CertificateGiven),
        Der::OtherAlgorithm => Err(KeyError::NotRsa),
        Der::Unreadable => Err(KeyError::MalformedDer),
    };
    match open(input)? {
        Content::Der(der) => public(read(&der)),
        Content::BareBase64(der) => public(read(&der)).map_err(bare),
        Content::Pem(blocks) => {
            // A private key anywhere in the file is refused, even beside a public one: such a file gets passed around.
            if blocks
                .iter()
                .any(|block| block.label.ends_with("PRIVATE KEY"))
            {
                return Err(KeyError::PrivateKeyGiven);
            }
            match blocks
                .iter()
                .find(|block| matches!(block.label.as_str(), "PUBLIC KEY" | "RSA PUBLIC KEY"))
            {
                Some(block) => block
                    .der
                    .as_ref()
                    .map_or(Err(KeyError::MalformedDer), |der| public(read(der))),
                None if blocks
                    .iter()
                    .any(|block| block.label.ends_with("CERTIFICATE")) =>
                {
                    Err(KeyError::CertificateGiven)
                }
                None => Err(KeyError::NotRsa),
            }
        }
        Content::Xml(text) => {
            let numbers = xml(&text)?;
            let private = numbers.d.is_some() || numbers.p.is_some() || numbers.q.is_some();
            if private {
                Err(KeyError::PrivateKeyGiven)
            } else {
                Ok((numbers.n, numbers.e))
            }
        }
        Content::JavaObject => Err(KeyError::JavaObject),
    }
}

fn private_numbers(der: Der) -> Result<Components, KeyError> {
    match der {
        Der::Private(numbers) => Ok(numbers),
        Der::Public { .. } => Err(KeyError::PublicKeyOnly),
        Der::Certificate => Err(KeyError::CertificateOnly),
        Der::EncryptedPrivate => Err(KeyError::Encrypted),
        Der::OtherAlgorithm => Err(KeyError::NotRsa),
        Der::MultiPrime => Err(KeyError::MultiPrime),
        Der::Unreadable => Err(KeyError::MalformedDer),
    }
}

/// The first block that can hold the private key counts; without one, the most telling of the others explains the refusal.
fn private_block(blocks: &[Block]) -> Result<Components, KeyError> {
    let labelled = |wanted: &[&str]| {
        blocks
            .iter()
            .find(|block| wanted.contains(&block.label.as_str()))
    };
    if let Some(block) = labelled(&["PRIVATE KEY", "RSA PRIVATE KEY"]) {
        return match &block.der {
            _ if block.encrypted => Err(KeyError::Encrypted),
            Some(der) => private_numbers(read(der)),
            None => Err(KeyError::MalformedDer),
        };
    }
    Err(if labelled(&["ENCRYPTED PRIVATE KEY"]).is_some() {
        KeyError::Encrypted
    } else if labelled(&["PUBLIC KEY", "RSA PUBLIC KEY"]).is_some() {
        KeyError::PublicKeyOnly
    } else if labelled(&["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]).is_some() {
        KeyError::CertificateOnly
    } else {
        KeyError::NotRsa
    })
}

/// Text of the base64 alphabet that holds no key was probably never a key.
fn bare(error: KeyError) -> KeyError {
    if error == KeyError::MalformedDer {
        KeyError::UnrecognisedFormat
    } else {
        error
    }
}

#[cfg(feature = "xml")]
use super::xml::read as xml;

#[cfg(not(feature = "xml"))]
fn xml(_: &str) -> Result<Components, KeyError> {
    Err(KeyError::XmlNotSupported)
}
