//! The client: signs, sends once, and reads the answer.

use std::sync::Arc;

use mor_hash::{Call, SignedRequest, Signer, methods};
use telco_core::{
    Clock, Error, ErrorKind, Identity, NotSent, Provider, Reference, Rejection, RequestSigner as _,
    SecretBytes, Submission, UnknownOutcome,
};
use telco_http::{Bytes, Endpoint, ReadRetry, after_failure, http};

use crate::codes::means_success;
use crate::wire::{self, Answer, Carrier, Document, Refusal};
use crate::{Basis, Builder, Credentials, KnownText};

/// A client of one MOR server for one login. Cheap to clone.
///
/// The typed calls are methods of this type, see [`methods`](crate::methods). For everything else there are
/// [`read`](Self::read) and [`write`](Self::write).
#[derive(Debug, Clone)]
pub struct MorClient(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) endpoint: Endpoint,
    pub(crate) identity: Identity,
    pub(crate) credentials: Credentials,
    pub(crate) signer: Signer,
    pub(crate) carrier: Carrier,
    pub(crate) escape_sms: bool,
    pub(crate) own_texts: Vec<(String, ErrorKind)>,
    pub(crate) success_texts: Vec<String>,
    pub(crate) retry: ReadRetry,
    pub(crate) clock: Arc<dyn Clock>,
}

impl From<Inner> for MorClient {
    fn from(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Provider for MorClient {
    fn identity(&self) -> &Identity {
        &self.0.identity
    }
}

impl MorClient {
    /// Begins with the address of the server. Without a path the API is at `/billing/api`; very old installations have
    /// `/mor/api`: give that with the address.
    pub fn builder(base_url: impl Into<String>, credentials: Credentials) -> Builder {
        Builder::new(base_url.into(), credentials)
    }

    /// What signs: to explain or verify a hash of this client.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.0.signer
    }

    /// The finished form of a call, with login, password and hash, without sending it.
    ///
    /// # Errors
    /// [`NotSent`] where the server would hash something else than what is sent, see [`mor_hash::Error`].
    pub fn signed(&self, call: &Call<'_>) -> Result<SignedRequest, NotSent> {
        let mut all = Call::new(call.method());
        let given = |name: &str| call.params().any(|(sent, _)| sent == name);
        if !given("u") {
            all = all.with("u", self.0.credentials.login.as_str());
        }
        if let Some(password) = self.0.credentials.password.as_ref().filter(|_| !given("p")) {
            all = all.with("p", password.expose());
        }
        all.extend(call.params());
        // The shared trait's error says what is wrong with which parameter, and never its value.
        self.0
            .signer
            .sign(&all)
            .map_err(|refused| refused.at("mor", operation(call)))?;
        self.0
            .signer
            .request(&all)
            .map_err(NotSent::because(ErrorKind::InvalidInput))
    }

    /// Any method that only reads. Repeated on its own where the failure can pass; one that
    /// [`mor_hash::methods`] does not know is sent once, and its failure is not
    /// [retryable](Error::is_retryable) once something left, since nobody can tell what a second copy would do.
    ///
    /// ```
    /// use mor_client::{Credentials, MorClient, mor_hash::Call};
    /// use mor_client::core::{ErrorKind, Secret};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), telco_core::NotSent> {
    /// let mor = MorClient::builder("https://mor.example.com", Credentials::new("admin", Secret::new("a key"))).build()?;
    /// let spends = Call::new("user_balance_update").with("user_id", "2").with("balance", "10");
    /// let refused = mor.read(&spends).await.unwrap_err(); // nothing was sent
    /// assert_eq!(refused.kind(), ErrorKind::Policy);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`Error`] with the class of the server's text; an unknown text has [`ErrorKind::Other`]. A method that changes something
    /// ([`Class`](methods::Class)) is refused before anything is sent: it belongs to [`write`](Self::write).
    pub async fn read(&self, call: &Call<'_>) -> Result<Document, Error> {
        let operation = operation(call);
        let class = methods::find(call.method()).map(|method| method.class);
        if !matches!(class, None | Some(methods::Class::Read)) {
            let why = "this method changes something, and a read may be repeated: use `write`";
            return Err(NotSent::new(ErrorKind::Policy, why)
                .at("mor", operation)
                .into());
        }
        let request = self.request(call)?;
        let attempt = async || {
            let response = self.0.endpoint.exchange(operation, request.clone()).await?;
            let answer = Answer::read(&response, self.0.clock.now())
                .map_err(|failure| failure.at("mor", operation))?;
            match self.refusal(&answer) {
                None => Ok(answer.into_document()),
                Some(refusal) => Err(self.refused(operation, &refusal)),
            }
        };
        match class {
            Some(_) => self.0.endpoint.read(&self.0.retry, attempt).await,
            // Perhaps no read at all, so its failure must not be marked as one.
            None => attempt().await,
        }
    }

    /// Any method that changes something. Sent once. Accepted when the answer has no error, and a `success` element, or
    /// a `status` that says so: `ok`, "User balance updated", "User was updated", "Device created", "Registration
    /// successful", or a text that [`success_text`](Builder::success_text) named. Any other status makes the outcome
    /// unknown, for it may be a refusal in the language of the installation. For methods that answer in another way
    /// write a judge of your own on top of [`write_and_judge`](Self::write_and_judge).
    ///
    /// # Errors
    /// [`NotSent`]: nothing left.
    pub async fn write(
        &self,
        reference: &Reference,
        call: &Call<'_>,
    ) -> Result<Submission<Document>, NotSent> {
        self.write_and_judge(reference, call, CHECK, |document| {
            self.says_done(document).then(|| document.clone())
        })
        .await
    }

    /// A refusal can stand where the result would, and in any language: a status must be known to mean success. The
    /// name of a `success` element says so by itself, unless its text denies it.
    fn says_done(&self, document: &Document) -> bool {
        let own = |text: &str| self.0.success_texts.iter().any(|own| own.trim() == text);
        let status = document
            .text_of("status")
            .or_else(|| document.text_of("Status"));
        match (status, document.text_of("success")) {
            (Some(status), _) => means_success(status) || own(status.trim()),
            (None, Some(text)) => {
                let refuses = KnownText::find(text).is_some() || self.own_text(text).is_some();
                !refuses && !text.eq_ignore_ascii_case("failed")
            }
            (None, None) => false,
        }
    }

    /// Sends a method that changes something **once**. `judge` looks for the success of this method in an answer
    /// without an error; `None` makes the outcome unknown. `to_settle` tells a person what to look at then.
    ///
    /// # Errors
    /// [`NotSent`]: nothing left.
    pub async fn write_and_judge<T>(
        &self,
        reference: &Reference,
        call: &Call<'_>,
        to_settle: &'static str,
        judge: impl FnOnce(&Document) -> Option<T> + Send,
    ) -> Result<Submission<T>, NotSent> {
        let operation = operation(call);
        let request = self.request(call)?;
        let response = match self.0.endpoint.exchange(operation, request).await {
            Ok(response) => response,
            Err(failure) => return after_failure(reference, failure, Some(to_settle)),
        };
        let unknown = |cause: Error| {
            let cause = cause.at("mor", operation).with_help(to_settle);
            let answer = SecretBytes::new(response.body().as_ref());
            Submission::Unknown(UnknownOutcome::new(reference, cause).with_answer(answer))
        };
        let answer = match Answer::read(&response, self.0.clock.now()) {
            Ok(answer) => answer,
            Err(failure) => return Ok(unknown(failure)),
        };
        let accepted = judge(answer.document());
        Ok(match (self.refusal(&answer), accepted) {
            (None, Some(accepted)) => Submission::Accepted(accepted),
            (Some(refusal), None) => match self.rejection(operation, &refusal) {
                Some(rejection) => Submission::Rejected(rejection),
                None => unknown(self.refused(operation, &refusal)),
            },
            (Some(_), Some(_)) => unknown(Error::answered(
                ErrorKind::UnreadableAnswer,
                "the answer holds both an error and a result",
            )),
            (None, None) => unknown(Error::answered(
                ErrorKind::UnreadableAnswer,
                "the answer says neither done nor refused",
            )),
        })
    }

    pub(crate) fn escapes_sms(&self) -> bool {
        self.0.escape_sms
    }

    fn request(&self, call: &Call<'_>) -> Result<http::Request<Bytes>, NotSent> {
        let signed = self.signed(call)?;
        wire::request(&self.0.endpoint, &signed, self.0.carrier)
    }

    /// The error in the answer, and a text of the user's own in the place of a result.
    fn refusal(&self, answer: &Answer) -> Option<Refusal> {
        answer
            .refusal()
            .or_else(|| answer.refusal_among(|text| self.own_text(text).is_some()))
    }

    /// The server did not act: only for texts that are known to say so.
    fn rejection(&self, operation: &'static str, refusal: &Refusal) -> Option<Rejection> {
        if refusal.only_messages {
            return None;
        }
        let (kind, text, help, basis) = self.class(refusal)?;
        let help = match help {
            Some(help) => format!("{help}. {}", basis.as_str()),
            None => basis.as_str().to_owned(),
        };
        let rejection = Rejection::new(kind, text.to_owned()).at("mor", operation);
        Some(rejection.with_help(help))
    }

    /// The error of a refused read, or the cause of an unknown outcome.
    fn refused(&self, operation: &'static str, refusal: &Refusal) -> Error {
        match self.class(refusal) {
            Some((kind, text, help, _)) => {
                let error = Error::answered(kind, text.to_owned()).at("mor", operation);
                help.map_or(error.clone(), |help| error.with_help(help))
            }
            None => Error::answered(
                ErrorKind::Other,
                "the server refuses with a text that is not known",
            )
            .at("mor", operation)
            .with_body_excerpt(&refusal.text),
        }
    }

    fn own_text(&self, text: &str) -> Option<&(String, ErrorKind)> {
        let mut own = self.0.own_texts.iter();
        own.find(|(known, _)| known.trim() == text.trim())
    }

    /// Kind, text without anything private, help and basis. The user's own texts come first.
    fn class(&self, refusal: &Refusal) -> Option<(ErrorKind, &str, Option<&'static str>, Basis)> {
        if let Some((text, kind)) = self.own_text(&refusal.text) {
            return Some((*kind, text, None, Basis::Told));
        }
        let known = refusal.known?;
        Some((known.kind, known.text.trim_end(), known.help, known.basis))
    }
}

const CHECK: &str = "read back what the call would have changed before doing anything again";

/// The method's name for errors and traces.
fn operation(call: &Call<'_>) -> &'static str {
    methods::find(call.method()).map_or("call", |method| method.name)
}
