//! RSA signatures over AppId, TenantId and date.

use std::fmt;

use telco_core::{ErrorKind, NotSent, RequestSigner, Secret, SignedField, SigningReport};
use telco_crypto::digest::Algorithm;
use telco_crypto::encoding::{base64, decode_base64};
use telco_crypto::rsa::{PrivateKey, PublicKey};

use crate::{Application, Date};

/// What is hashed before it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Hash {
    /// SHA-1. No document of this API names a hash; the vendor's published signatures are SHA-1 (**proven**), its sibling
    /// documents and its own clients say so.
    #[default]
    Sha1,
    /// SHA-256, if the provider asks for it one day. Never tried by itself.
    Sha256,
}

impl Hash {
    const fn algorithm(self) -> Algorithm {
        match self {
            Self::Sha1 => Algorithm::Sha1,
            Self::Sha256 => Algorithm::Sha256,
        }
    }

    const fn scheme(self) -> &'static str {
        match self {
            Self::Sha1 => "RSASSA-PKCS1-v1_5 with SHA-1",
            Self::Sha256 => "RSASSA-PKCS1-v1_5 with SHA-256",
        }
    }
}

/// What a signature covers: `AppId#TenantId#Date`, in this order (**documented**), and nothing else. Any text may stand in it:
/// what can be *sent* is narrower, see [`Application`].
///
/// ```
/// use fanap_client::SignRequest;
///
/// let request = SignRequest::new("your-app-id", "your.tenant.id", "2018-09-24T12:01:27.938Z");
/// assert_eq!(request.text(), "your-app-id#your.tenant.id#2018-09-24T12:01:27.938Z");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignRequest<'a> {
    /// As in the header `AppId`.
    pub app_id: &'a str,
    /// As in the header `TenantId`.
    pub tenant_id: &'a str,
    /// As in the body.
    pub date: &'a str,
}

impl<'a> SignRequest<'a> {
    /// The three parts.
    #[must_use]
    pub const fn new(app_id: &'a str, tenant_id: &'a str, date: &'a str) -> Self {
        Self {
            app_id,
            tenant_id,
            date,
        }
    }

    /// What is signed, in UTF-8.
    #[must_use]
    pub fn text(&self) -> String {
        [self.app_id, self.tenant_id, self.date].join("#")
    }
}

/// Signs with a private key. The same text gives the same signature every time.
///
/// ```
/// use fanap_client::core::RequestSigner;
/// use fanap_client::{PrivateKey, SignRequest, Signer, verify};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let file: serde_json::Value = serde_json::from_str(include_str!("../vectors/signing.json"))?;
/// # let private_xml = file["keys"]["k2048"]["private_xml"].as_str().unwrap().as_bytes();
/// let key = PrivateKey::load(private_xml)?; // private.xml, private.rsa, PEM, DER, base64: told apart by what they are
/// let public = key.public_key().clone();
/// let signer = Signer::new(key);
///
/// let request = SignRequest::new("your-app-id", "your.tenant.id", "2018-09-24T12:01:27.938Z");
/// let signature = signer.sign(&request)?;
/// assert!(verify(&public, signer.hash(), &request.text(), signature.expose()));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Signer {
    key: PrivateKey,
    hash: Hash,
}

impl Signer {
    /// With SHA-1.
    #[must_use]
    pub const fn new(key: PrivateKey) -> Self {
        Self {
            key,
            hash: Hash::Sha1,
        }
    }

    /// With another hash.
    #[must_use]
    pub fn with_hash(self, hash: Hash) -> Self {
        Self { hash, ..self }
    }

    /// The hash in use.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The key that the provider must have on file.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// The signature of any text, base64 on one line.
    ///
    /// # Errors
    /// [`NotSent`] if the machine failed: no randomness, or a result that did not pass its own check.
    pub fn sign_text(&self, text: &str) -> Result<Secret, NotSent> {
        self.key
            .sign(self.hash.algorithm(), text.as_bytes())
            .map(|signature| Secret::new(base64(&signature)))
            .map_err(NotSent::because(ErrorKind::Other))
    }

    /// The proof that goes into a request of this date.
    ///
    /// # Errors
    /// As [`sign_text`](Self::sign_text).
    pub fn sign_date(&self, application: &Application, date: Date) -> Result<Signed, NotSent> {
        let request =
            SignRequest::new(application.app_id(), application.tenant_id(), date.as_str());
        let signature = self.sign_text(&request.text())?;
        Ok(Signed { date, signature })
    }
}

impl RequestSigner for Signer {
    type Request<'a> = SignRequest<'a>;

    fn sign(&self, request: &SignRequest<'_>) -> Result<Secret, NotSent> {
        self.sign_text(&request.text())
    }

    fn explain(&self, request: &SignRequest<'_>) -> Result<SigningReport, NotSent> {
        const UNCOVERED: [(&str, &str); 5] = [
            (
                "path",
                "method and path are not signed: one signature fits start and commit",
            ),
            ("PhoneNumber", "not signed: HTTPS alone protects it"),
            ("Token", "not signed: HTTPS alone protects it"),
            ("CorrelationId", "not signed: HTTPS alone protects it"),
            ("ServiceKey", "not signed: HTTPS alone protects it"),
        ];
        let mut fields = vec![
            SignedField::signed("AppId", 0, request.app_id),
            SignedField::signed("TenantId", 1, request.tenant_id),
            SignedField::signed("Date", 2, request.date),
        ];
        fields.extend(UNCOVERED.map(|(name, why)| SignedField::not_covered(name, why)));
        Ok(SigningReport::new(
            self.hash.scheme(),
            fields,
            request.text(),
            self.sign(request)?,
        ))
    }
}

/// A date and its signature: what a request carries to prove who sends it.
#[derive(Clone)]
pub struct Signed {
    date: Date,
    signature: Secret,
}

impl Signed {
    pub(crate) fn new(date: Date, signature: Secret) -> Self {
        Self { date, signature }
    }

    /// The date, as it goes into the body.
    #[must_use]
    pub fn date(&self) -> &Date {
        &self.date
    }

    /// The signature, base64.
    #[must_use]
    pub fn signature(&self) -> &Secret {
        &self.signature
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed")
            .field("date", &self.date)
            .finish_non_exhaustive()
    }
}

/// True if `signature` (base64) is the signature of `text`. Any form but strict base64 on one line is false.
#[must_use]
pub fn verify(key: &PublicKey, hash: Hash, text: &str, signature: &str) -> bool {
    decode_base64(signature)
        .is_ok_and(|signature| key.verify(hash.algorithm(), text.as_bytes(), &signature))
}
