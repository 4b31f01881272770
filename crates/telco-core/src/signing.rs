//! Request signatures, and what went into them.

use crate::{NotSent, Secret};

/// What became of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldFate {
    /// It is part of what was signed.
    Signed {
        /// From 0, in signing order.
        position: usize,
        /// As it was signed. Secrets are masked.
        text: String,
    },
    /// It travels without protection.
    NotCovered {
        /// Why.
        why: &'static str,
    },
}

/// One field of a request and its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedField {
    /// Its name on the wire.
    pub name: String,
    /// What became of it.
    pub fate: FieldFate,
}

impl SignedField {
    /// A field that was signed.
    pub fn signed(name: impl Into<String>, position: usize, text: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            fate: FieldFate::Signed {
                position,
                text: text.into(),
            },
        }
    }

    /// A field that was not.
    pub fn not_covered(name: impl Into<String>, why: &'static str) -> Self {
        Self {
            name: name.into(),
            fate: FieldFate::NotCovered { why },
        }
    }
}

/// How a signature came about, so that "incorrect hash" becomes an answer, not a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SigningReport {
    /// Such as `HMAC-SHA256`.
    pub algorithm: &'static str,
    /// Every field of the request.
    pub fields: Vec<SignedField>,
    /// What was signed, with the secret masked.
    pub signed_text: String,
    /// The value to send.
    pub value: Secret,
}

impl SigningReport {
    /// For implementers.
    pub fn new(
        algorithm: &'static str,
        fields: Vec<SignedField>,
        signed_text: impl Into<String>,
        value: Secret,
    ) -> Self {
        Self {
            algorithm,
            fields,
            signed_text: signed_text.into(),
            value,
        }
    }
}

/// Signs requests. The input is each scheme's own (a method and its parameters; a nonce and a query; a date); what is shared
/// is the report.
pub trait RequestSigner {
    /// What is signed.
    type Request<'a>;

    /// The value to send.
    ///
    /// # Errors
    /// [`NotSent`] for what cannot be signed.
    fn sign(&self, request: &Self::Request<'_>) -> Result<Secret, NotSent>;

    /// The value to send, and what it was made of.
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    fn explain(&self, request: &Self::Request<'_>) -> Result<SigningReport, NotSent>;
}
