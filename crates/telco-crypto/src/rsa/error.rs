//! Why a key was refused.

/// Why a key was refused, in words for the person who has to find the right file. Says nothing of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Nothing, or white space only.
    #[error("the key is empty")]
    Empty,
    /// More than 64 KiB.
    #[error("the input is too large to be a key")]
    TooLong,
    /// Neither XML, PEM, DER nor base64 of DER.
    #[error("this is no key in a known form (XML, PEM, DER, or base64 of DER)")]
    UnrecognisedFormat,
    /// XML, and the feature `xml` is off.
    #[error("this is an XML key, and this program was built without the feature `xml`")]
    XmlNotSupported,
    /// XML that is cut off or not well formed.
    #[error("the XML of the key is malformed or cut off")]
    MalformedXml,
    /// XML with a document type or entities.
    #[error("the XML of the key has a document type or entities, which no key needs")]
    DtdForbidden,
    /// The same XML element twice.
    #[error("the XML of the key has an element twice")]
    DuplicateElement,
    /// An XML element that is not base64.
    #[error("a value in the XML of the key is not base64")]
    InvalidBase64,
    /// XML without `Modulus`.
    #[error("the XML of the key has no Modulus")]
    MissingModulus,
    /// XML without `Exponent`.
    #[error("the XML of the key has no Exponent")]
    MissingExponent,
    /// PEM without its last line.
    #[error("the PEM text has no END line that fits its BEGIN line; was it cut off?")]
    MalformedPem,
    /// DER, or PEM, with something else than a key inside.
    #[error("the key is damaged: its binary form cannot be read")]
    MalformedDer,
    /// A key of more than two primes.
    #[error("this key has more than two primes, which is not supported")]
    MultiPrime,
    /// A public key where a private one is needed.
    #[error(
        "this is a public key; the private key is needed (private.xml or private.rsa, not public.xml or public.rsa)"
    )]
    PublicKeyOnly,
    /// A certificate where a private key is needed.
    #[error("this is a certificate, which holds a public key only; the private key is needed")]
    CertificateOnly,
    /// A private key under a passphrase.
    #[error(
        "this key is encrypted with a passphrase; decrypt it first (openssl pkey -in KEY -out PLAIN)"
    )]
    Encrypted,
    /// A key of another kind.
    #[error("this is not an RSA key")]
    NotRsa,
    /// The public exponent is even, below 3 or above 2^33 - 1.
    #[error("the public exponent of the key is not valid")]
    InvalidExponent,
    /// The numbers of the key contradict each other.
    #[error("the key is inconsistent: {0}")]
    Inconsistent(Inconsistency),
    /// Too short.
    #[error("the key has {bits} bits, fewer than {minimum}")]
    TooSmall {
        /// The size of its modulus.
        bits: u32,
        /// The smallest that is accepted here.
        minimum: u32,
    },
    /// Too long.
    #[error("the key has {bits} bits, more than {maximum}")]
    TooLarge {
        /// The size of its modulus.
        bits: u32,
        /// The largest that is accepted here.
        maximum: u32,
    },
    /// A private key where a public one belongs. It may have been shown to too many people by now.
    #[error(
        "this is a PRIVATE key; a public key belongs here, and the private one must not leave its owner"
    )]
    PrivateKeyGiven,
    /// A certificate where a public key belongs.
    #[error(
        "this is a certificate; extract its public key first (openssl x509 -pubkey -noout -in FILE)"
    )]
    CertificateGiven,
    /// A serialised Java object.
    #[error(
        "this is a serialised Java object; export the key with getEncoded() instead (SPKI DER)"
    )]
    JavaObject,
}

/// Which numbers of a private key contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Inconsistency {
    /// `P·Q` is not the modulus.
    #[error("the modulus is not the product of the primes")]
    Modulus,
    /// `e·D` is not 1 modulo `P-1` and `Q-1`, or `D` is not below the modulus.
    #[error("the private exponent does not belong to the public one")]
    PrivateExponent,
    /// `P` and `Q` are no pair of different odd primes of about half the size of the modulus.
    #[error("the primes are not valid")]
    Primes,
    /// `DP`, `DQ` or `InverseQ` is wrong. Only a strict load refuses this; otherwise they are computed anew.
    #[error(
        "a precomputed value (DP, DQ or InverseQ) is wrong; signing with it could reveal the key"
    )]
    Crt,
    /// A signature made with the key does not verify: a prime is not prime.
    #[error("a signature made with it does not verify")]
    SelfTest,
}

impl KeyError {
    /// A short, stable name for tables and scripts, such as `encrypted-key`.
    ///
    /// ```
    /// use telco_crypto::rsa::KeyError;
    /// assert_eq!(KeyError::Empty.name(), "empty-input");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty-input",
            Self::TooLong => "input-too-large",
            Self::UnrecognisedFormat => "unrecognised-key-format",
            Self::XmlNotSupported => "xml-not-supported",
            Self::MalformedXml => "malformed-xml",
            Self::DtdForbidden => "dtd-forbidden",
            Self::DuplicateElement => "duplicate-element",
            Self::InvalidBase64 => "invalid-base64",
            Self::MissingModulus => "missing-modulus",
            Self::MissingExponent => "missing-exponent",
            Self::MalformedPem => "malformed-pem",
            Self::MalformedDer | Self::MultiPrime => "malformed-der",
            Self::PublicKeyOnly | Self::CertificateOnly => "public-key-only",
            Self::Encrypted => "encrypted-key",
            Self::NotRsa => "not-rsa",
            Self::InvalidExponent => "invalid-exponent",
            Self::Inconsistent(_) => "inconsistent-key",
            Self::TooSmall { .. } => "key-too-small",
            Self::TooLarge { .. } => "key-too-large",
            Self::PrivateKeyGiven => "private-key",
            Self::CertificateGiven => "certificate",
            Self::JavaObject => "java-object",
        }
    }
}
