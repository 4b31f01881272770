//! The house's shared trait.

use alloc::string::String;
use alloc::vec::Vec;

use telco_core::{ErrorKind, NotSent, RequestSigner, SignedField, SigningReport};

use crate::{Call, Error, Signer};

impl RequestSigner for Signer {
    type Request<'a> = Call<'a>;

    fn sign(&self, call: &Call<'_>) -> Result<telco_core::Secret, NotSent> {
        let hash = self.hash(call).map_err(not_sent)?;
        Ok(telco_core::Secret::new(hash.to_hex()))
    }

    fn explain(&self, call: &Call<'_>) -> Result<SigningReport, NotSent> {
        let explanation = Self::explain(self, call).map_err(not_sent)?;
        let signed = explanation.rows.into_iter().enumerate();
        let mut fields: Vec<SignedField> = signed
            .map(|(position, row)| SignedField::signed(row.name, position, row.hashed))
            .collect();
        let skipped = explanation.skipped.into_iter();
        fields.extend(
            skipped.map(|skipped| SignedField::not_covered(skipped.name, skipped.reason.as_str())),
        );
        let value = telco_core::Secret::new(explanation.hash.to_hex());
        Ok(SigningReport::new(
            "SHA-1",
            fields,
            explanation.signed_text,
            value,
        ))
    }
}

/// A request that cannot be hashed has not left. A plain function: an error of this crate may also come from a
/// request that was *received*, so there is no `From`.
fn not_sent(error: Error) -> NotSent {
    let kind = match error {
        Error::EmptySecret | Error::SecretHasOuterBlanks => ErrorKind::InvalidConfiguration,
        _ => ErrorKind::InvalidInput,
    };
    let message = String::from("the MOR request cannot be hashed");
    NotSent::new(kind, message).with_source(error)
}
