//! HMAC-SHA256 over nonce and query.

use std::borrow::Cow;

use telco_core::{Msisdn, NotSent, RequestSigner, Secret, SignedField, SigningReport};
use telco_crypto::encoding::base64;

use crate::{ClientKey, Credentials, Encoding, Nonce, Query};

/// Signs requests. All five official bindings agree on these bytes (**proven**): the nonce alone for a request without query,
/// else nonce, `?` and the query in the order sent; HMAC-SHA256 under the decoded key; standard base64 with padding.
///
/// ```
/// use cowrie_client::{ClientKey, Encoding, SignRequest, Signer};
/// use cowrie_client::core::RequestSigner;
///
/// let key = ClientKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
/// let pairs = [("net", "AIR"), ("msisdn", "2348124661601"), ("amount", "100"), ("xref", "7734c7da7687442")];
/// let request = SignRequest::new("20151110202513869", &pairs);
/// let signature = Signer::new(key).sign(&request)?;
/// assert_eq!(signature.expose(), "ZSLLNVUYTxCZc+9UvLyp/UGluWv5YHi5Ls6pmUwJFdk=");
/// # Ok::<(), telco_core::NotSent>(())
/// ```
#[derive(Debug, Clone)]
pub struct Signer(ClientKey);

/// What is signed: a nonce, and names with values in the order sent.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SignRequest<'a> {
    /// The nonce.
    pub nonce: &'a str,
    /// The query, in order. Empty for Balance.
    pub pairs: &'a [(&'a str, &'a str)],
    /// How values outside the safe alphabet are treated.
    pub encoding: Encoding,
}

impl<'a> SignRequest<'a> {
    /// With the default encoding.
    #[must_use]
    pub fn new(nonce: &'a str, pairs: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            nonce,
            pairs,
            encoding: Encoding::Strict,
        }
    }

    /// With another encoding of `message`.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Self {
        Self { encoding, ..self }
    }

    fn query(&self) -> Result<(Nonce, Query), NotSent> {
        let mut query = Query::new(self.encoding);
        for (name, value) in self.pairs {
            query = query.with(name, value)?;
        }
        Ok((Nonce::new(self.nonce)?, query))
    }
}

impl std::fmt::Debug for SignRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.pairs.iter().map(|(name, _)| name);
        f.debug_list().entries(names).finish()
    }
}

impl Signer {
    /// With this key.
    #[must_use]
    pub fn new(key: ClientKey) -> Self {
        Self(key)
    }

    /// The signature of a query that is text already, whatever its form: to find out how somebody else's signature was made.
    #[must_use]
    pub fn sign_text(&self, nonce: &str, query: &str) -> Secret {
        signature(&self.0, nonce, query)
    }
}

impl From<&Credentials> for Signer {
    fn from(credentials: &Credentials) -> Self {
        Self(credentials.key.clone())
    }
}

pub(crate) fn signature(key: &ClientKey, nonce: &str, query: &str) -> Secret {
    let tag = if query.is_empty() {
        key.tag(&[nonce.as_bytes()])
    } else {
        key.tag(&[nonce.as_bytes(), b"?", query.as_bytes()])
    };
    Secret::new(base64(&tag))
}

impl RequestSigner for Signer {
    type Request<'a> = SignRequest<'a>;

    fn sign(&self, request: &SignRequest<'_>) -> Result<Secret, NotSent> {
        let (nonce, query) = request.query()?;
        Ok(self.sign_text(nonce.as_str(), query.signed()))
    }

    fn explain(&self, request: &SignRequest<'_>) -> Result<SigningReport, NotSent> {
        let (nonce, query) = request.query()?;
        let mut fields = vec![SignedField::signed("Nonce", 0, nonce.as_str())];
        let mut text = nonce.as_str().to_owned();
        for (position, pair) in query.signed_pairs(request.pairs).enumerate() {
            let (name, value) = pair;
            text.push(if position == 0 { '?' } else { '&' });
            text.push_str(name);
            text.push('=');
            text.push_str(&value);
            fields.push(SignedField::signed(name, position + 1, value));
        }
        fields.push(SignedField::not_covered(
            "ClientId",
            "identity headers are not signed: the key alone says who calls",
        ));
        fields.push(SignedField::not_covered(
            "path",
            "method, host and path are not signed: /airtime/Credit and /data/Credit with equal values carry equal signatures",
        ));
        let value = self.sign_text(nonce.as_str(), query.signed());
        Ok(SigningReport::new("HMAC-SHA256", fields, text, value))
    }
}

impl Query {
    /// The pairs as they are signed, numbers and PINs masked.
    fn signed_pairs<'a>(
        &self,
        pairs: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a str, String)> {
        let encoding = self.encoding();
        pairs.iter().map(move |(name, value)| {
            let shown = match *name {
                "pin" => Cow::Borrowed("***"),
                "msisdn" => Cow::Owned(
                    Msisdn::parse(value)
                        .map_or_else(|_| "***".to_owned(), |number| number.masked().to_string()),
                ),
                _ if encoding == Encoding::AsSent => {
                    Cow::Owned(crate::encoding::percent_encoded(value))
                }
                _ => Cow::Borrowed(*value),
            };
            (*name, shown.into_owned())
        })
    }
}
