//! The v3 client: one method per operation.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use telco_core::{Error, ErrorKind, Msisdn, NotSent, OtpCode, Reference, Submission, Verification};
use telco_http::http::Response;
use telco_http::{Bytes, after_failure};

use super::{Builder, Counter, Limits, MissedCall, Motp, SentSms, Sms, SmsCode, SmsOtp};
use crate::builder::Shared;
use crate::client::Echoes;
use crate::judge::Answered;
use crate::line::Line;
use crate::number::compact;
use crate::operation::Operation;
use crate::wire::{Envelope, Object, WireError};
use crate::{AcceptedCall, Cipher, Code, Credentials, PROVIDER};

/// One account at Citcall's v3. Cheap to clone; clones share connections.
///
/// Calls and messages cost money: each is sent **once** and answers with a [`Submission`]. The withdrawn `/v3/call` is not here.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) account: String,
    pub(super) line: Line,
    pub(super) motp_path: String,
    pub(super) counter: Counter,
    pub(super) cipher: Option<Cipher>,
    pub(super) send_reference: bool,
    pub(super) check_words: bool,
    pub(super) shared: Shared,
}

impl Client {
    /// Starts with the account's credentials.
    pub fn builder(credentials: Credentials) -> Builder {
        Builder::new(credentials)
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Missed calls as one-time codes that the provider checks: good for `valid_for`, and `tries` attempts.
    ///
    /// # Errors
    /// [`NotSent`] if the limits are out of range.
    pub fn missed_call(&self, valid_for: Duration, tries: u32) -> Result<MissedCall, NotSent> {
        Ok(MissedCall::new(
            self.clone(),
            Limits::new(valid_for, tries)?,
        ))
    }

    /// Text messages as one-time codes that the provider makes and checks. `text` has `XXXXX` where the code goes.
    ///
    /// # Errors
    /// [`NotSent`] if the limits are out of range, or the text lacks the placeholder.
    pub fn sms_code(
        &self,
        sender_id: &str,
        text: &str,
        valid_for: Duration,
        tries: u32,
    ) -> Result<SmsCode, NotSent> {
        SmsCode::new(
            self.clone(),
            sender_id,
            text,
            Limits::new(valid_for, tries)?,
        )
    }

    /// Has one phone rung. A dropped future may have rung: run it where no disconnecting browser can drop it.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    ///
    /// ```
    /// use citcall_client::core::{NotSent, Reference, Submission};
    /// use citcall_client::v3::{Client, Motp};
    ///
    /// async fn ring(client: &Client, reference: &Reference, call: &Motp) -> Result<(), NotSent> {
    ///     match client.motp(reference, call).await? {
    ///         Submission::Accepted(call) => println!("ringing, {:?}", call.trxid),
    ///         Submission::Rejected(why) => println!("refused: {why}"),
    ///         Submission::Unknown(unknown) => println!("it may have rung: {}", unknown.cause()),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn motp(
        &self,
        reference: &Reference,
        call: &Motp,
    ) -> Result<Submission<AcceptedCall>, NotSent> {
        const OPERATION: Operation = Operation::Motp;
        let inner = &*self.inner;
        let at = |refusal: NotSent| refusal.at(PROVIDER, OPERATION.name());
        inner.counter.check(call.attempt).map_err(at)?;
        if call.raw_msisdn.is_none() {
            self.check_number(&call.to).map_err(at)?;
        }
        let echoes = Echoes {
            msisdn: &call.to,
            gateway: (inner.counter == Counter::Gateway).then_some(call.attempt),
            client_unique_id: self.sent_id(reference),
        };
        self.spend(
            OPERATION,
            &inner.motp_path,
            reference,
            || call.object(inner.counter),
            |envelope| {
                let echoes = inner.shared.check_echoes.then_some(&echoes);
                AcceptedCall::read(&envelope, &inner.shared.numbers, echoes)
            },
        )
        .await
    }

    /// Sends a plain message. A dropped future may have sent it.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left: also for a text with a word of one-time codes.
    ///
    /// ```
    /// use citcall_client::core::{NotSent, Reference, Submission};
    /// use citcall_client::v3::{Client, Sms};
    ///
    /// async fn tell(client: &Client, reference: &Reference, message: &Sms) -> Result<bool, NotSent> {
    ///     Ok(matches!(client.sms(reference, message).await?, Submission::Accepted(_)))
    /// }
    /// ```
    pub async fn sms(
        &self,
        reference: &Reference,
        message: &Sms,
    ) -> Result<Submission<SentSms>, NotSent> {
        const OPERATION: Operation = Operation::Sms;
        let at = |refusal: NotSent| refusal.at(PROVIDER, OPERATION.name());
        message.check().map_err(at)?;
        if self.inner.check_words {
            message.check_words().map_err(at)?;
        }
        self.send(OPERATION, "/v3/sms", reference, &message.to, || {
            message.object()
        })
        .await
    }

    /// Sends a message with a code. A dropped future may have sent it. A text that lacks both the placeholder and the code is sent, and
    /// what was sent carries a warning.
    ///
    /// # Errors
    /// [`NotSent`] if no byte left.
    ///
    /// ```
    /// use citcall_client::core::{NotSent, Reference, Submission};
    /// use citcall_client::v3::{Client, SmsOtp};
    ///
    /// async fn send(client: &Client, reference: &Reference, message: &SmsOtp) -> Result<Option<String>, NotSent> {
    ///     Ok(match client.sms_otp(reference, message).await? {
    ///         Submission::Accepted(sent) => sent.trxid, // for `verify`
    ///         _ => None,
    ///     })
    /// }
    /// ```
    pub async fn sms_otp(
        &self,
        reference: &Reference,
        message: &SmsOtp,
    ) -> Result<Submission<SentSms>, NotSent> {
        const OPERATION: Operation = Operation::SmsOtp;
        message
            .check()
            .map_err(|refusal| refusal.at(PROVIDER, OPERATION.name()))?;
        let to = &message.message.to;
        let answer = self
            .send(OPERATION, "/v3/smsotp", reference, to, || message.object())
            .await?;
        Ok(answer.map(|sent| sent.warned(message)))
    }

    /// Has the provider check what the user typed, for a call or message that was sent with [`Limits`]. What was typed goes out
    /// without its separators, and is 4 to 20 digits; that the last four digits are compared for a call is inferred. The number goes
    /// out as its digits, whatever was written by [`Motp::raw_msisdn`].
    ///
    /// Never repeated: after a lost answer nobody knows whether an attempt was counted.
    ///
    /// # Errors
    /// The check failed, which says nothing about the code.
    ///
    /// ```
    /// use citcall_client::core::{Error, Msisdn, OtpCode, Verification};
    /// use citcall_client::v3::Client;
    ///
    /// async fn log_in(client: &Client, to: &Msisdn, trxid: &str, typed: &str) -> Result<bool, Error> {
    ///     Ok(matches!(client.verify(to, trxid, &OtpCode::new(typed)).await?, Verification::Valid(_)))
    /// }
    /// ```
    pub async fn verify(
        &self,
        to: &Msisdn,
        trxid: &str,
        typed: &OtpCode,
    ) -> Result<Verification, Error> {
        const OPERATION: Operation = Operation::Verify;
        /// Longer than any number, with whatever stands before it, and than any code (decision).
        const LONGEST: usize = 20;
        let typed = zeroize::Zeroizing::new(compact(typed.expose()));
        let digits = typed.strip_prefix('+').unwrap_or(&typed);
        if !(4..=LONGEST).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Verification::Malformed);
        }
        if trxid.is_empty() {
            return Ok(Verification::NotFound);
        }
        // No rule for numbers is asked here: the call or message was sent, and its code can be checked.
        let body = || {
            Object::new()
                .text("msisdn", to.expose())
                .text("trxid", trxid)
                .text("token", &typed)
                .finish()
        };
        let exchange = self.inner.line.exchange(OPERATION, "/v3/verify", body);
        let answer = exchange
            .await
            .map_err(|failure| match failure.into_not_sent() {
                Ok(not_sent) => not_sent.into(),
                Err(failure) => failure.with_help(OPERATION.perhaps()),
            })?;
        let answered = self.answered(OPERATION, &answer);
        let envelope = self.open(&answer).map_err(|why| answered.unreadable(why))?;
        Ok(match envelope.code() {
            Code::Ok => {
                self.same_request(&envelope, to, trxid)
                    .map_err(|why| answered.unreadable(why))?;
                Verification::Valid(to.clone())
            }
            Code::NotFound => Verification::NotFound,
            Code::WrongToken => Verification::Invalid {
                attempts_left: None,
            },
            Code::TokenExpired => Verification::Expired,
            Code::Locked => Verification::TooManyAttempts,
            _ => return Err(answered.failure(&envelope)),
        })
    }

    /// A "valid" about another number or call must let nobody in.
    fn same_request(&self, envelope: &Envelope, to: &Msisdn, trxid: &str) -> Result<(), WireError> {
        if !self.inner.shared.check_echoes {
            return Ok(());
        }
        let number = envelope.fields.text("msisdn");
        if number.is_some_and(|text| !self.inner.shared.numbers.is_echo(&text, to)) {
            return Err(WireError::EchoMismatch("msisdn"));
        }
        if envelope.fields.trxid().is_some_and(|echo| echo != trxid) {
            return Err(WireError::EchoMismatch("trxid"));
        }
        Ok(())
    }

    fn check_number(&self, to: &Msisdn) -> Result<(), NotSent> {
        let checked = self.inner.shared.numbers.check(to);
        checked.map_err(NotSent::because(ErrorKind::InvalidRecipient))
    }

    async fn send(
        &self,
        operation: Operation,
        path: &str,
        reference: &Reference,
        to: &Msisdn,
        object: impl Fn() -> Object + Sync,
    ) -> Result<Submission<SentSms>, NotSent> {
        self.check_number(to)
            .map_err(|refusal| refusal.at(PROVIDER, operation.name()))?;
        let shared = &self.inner.shared;
        self.spend(operation, path, reference, object, |envelope| {
            let echoed = shared.check_echoes.then_some(to);
            if echoed.is_some() {
                envelope.echoes_id(self.sent_id(reference))?;
            }
            SentSms::read(&envelope, &shared.numbers, echoed)
        })
        .await
    }

    /// The caller's reference, where it goes out as `clientUniqueId`.
    fn sent_id<'r>(&self, reference: &'r Reference) -> Option<&'r str> {
        self.inner.send_reference.then_some(reference.as_str())
    }

    /// One spending request, once.
    async fn spend<T>(
        &self,
        operation: Operation,
        path: &str,
        reference: &Reference,
        object: impl Fn() -> Object + Sync,
        read: impl FnOnce(Envelope) -> Result<T, WireError>,
    ) -> Result<Submission<T>, NotSent> {
        let id = self.sent_id(reference);
        let body = || object().maybe_text("clientUniqueId", id).finish();
        let exchange = self.inner.line.exchange(operation, path, body);
        let answer = match exchange.await {
            Ok(answer) => answer,
            Err(failure) => return after_failure(reference, failure, Some(operation.perhaps())),
        };
        let answered = self.answered(operation, &answer);
        Ok(answered.judge(reference, self.open(&answer), read))
    }

    fn answered<'a>(&self, operation: Operation, answer: &'a Response<Bytes>) -> Answered<'a> {
        Answered::new(operation, answer, self.inner.shared.clock.now())
    }

    fn open(&self, answer: &Response<Bytes>) -> Result<Envelope, WireError> {
        let (cipher, now) = (self.inner.cipher.as_ref(), self.inner.shared.clock.now());
        Envelope::read(answer.body(), cipher, now)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("v3::Client")
            .field("account", &self.inner.account)
            .field("base_url", self.inner.line.base())
            .finish_non_exhaustive()
    }
}
